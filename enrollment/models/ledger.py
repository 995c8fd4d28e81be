"""The books: append-only double-entry documents in whole fen. Nothing here is ever edited or removed."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import User
from enrollment.models.cash import ReceiptBook
from enrollment.models.people import Household
from enrollment.models.roll import Enrollment
from subsidies.models import PlanVersion
from villages.models import M, Posting, Role, ScopedQuerySet, Township, Village

APPEND_ONLY = "SELECT, INSERT"


class Kind(models.TextChoices):
    COLLECTION = "collection", "代收现金"
    DIRECT = "direct", "直接缴费"
    DEPOSIT = "deposit", "缴存"
    GRANT = "grant", "资助到账"
    REFUND = "refund", "退费"
    ADVANCE = "advance", "垫付"
    REVERSAL = "reversal", "冲销"


class Source(models.TextChoices):
    TYPED = "typed", "录入"
    LIST = "list", "缴费名单"
    BULK = "bulk", "镇统一办理"


class DocumentQuerySet(ScopedQuerySet["Document"]):
    def for_user(self, user: User) -> "DocumentQuerySet":
        """By village like everything else; a grant, which has none, is the township's and its overseers'."""
        own = super().for_user(user)
        postings = Posting.objects.of(user).filter(role__in=[Role.TOWNSHIP, Role.DISTRICT, Role.AUDITOR])
        grants = self.filter(
            Q(township__in=postings.filter(township__isnull=False).values("township"))
            | Q(township__district__in=postings.filter(district__isnull=False).values("district")),
            village__isnull=True,
        )
        return own | grants  # type: ignore[return-value]


class Document(models.Model):
    """One posted paper: money taken, paid in, received, given back or a mistake taken away."""

    web_may = APPEND_ONLY

    township = models.ForeignKey(Township, models.PROTECT, verbose_name="乡镇")
    village = models.ForeignKey(Village, models.PROTECT, null=True, blank=True, verbose_name="村（社区）")
    household = models.ForeignKey(Household, models.PROTECT, null=True, blank=True, verbose_name="户")
    year = models.PositiveSmallIntegerField("年度")
    kind = models.CharField("种类", max_length=12, choices=Kind.choices)
    source = models.CharField("来源", max_length=5, choices=Source.choices, default=Source.TYPED)
    key = models.UUIDField("防重号", unique=True, error_messages={"unique": "这张单据已经提交过。"})
    evidence_on = models.DateField("凭证日期")
    is_late = models.BooleanField("逾期补录", default=False)
    channel = models.CharField("缴费渠道", max_length=30, blank=True)
    slip = models.CharField("凭证号", max_length=60, blank=True)
    reason = models.CharField("原因", max_length=200, blank=True)
    maker = models.ForeignKey(User, models.PROTECT, verbose_name="经手人", related_name="+")
    approver = models.ForeignKey(User, models.PROTECT, null=True, blank=True, verbose_name="核准人", related_name="+")
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, verbose_name="冲销", related_name="reversal"
    )
    receipt_book = models.ForeignKey(ReceiptBook, models.PROTECT, null=True, blank=True, verbose_name="票据本")
    receipt_number = models.PositiveIntegerField("票号", null=True, blank=True)
    recorded_at = models.DateTimeField("记录时间", db_default=Now())

    objects = DocumentQuerySet.as_manager()
    sentences = {"enrollment_document_reverses_id_key": "这张单据已经冲销过。"}

    class Meta:
        verbose_name = verbose_name_plural = "单据"
        constraints = [
            models.UniqueConstraint(
                fields=["receipt_book", "receipt_number"],
                name="receipt_number_once_per_book",
                violation_error_message="这个票号已经用过。",
            ),
            models.CheckConstraint(
                condition=Q(receipt_book__isnull=True, receipt_number__isnull=True)
                | Q(receipt_book__isnull=False, receipt_number__isnull=False),
                name="receipt_has_book_and_number",
                violation_error_message="票据须同时有票据本和票号。",
            ),
            models.CheckConstraint(
                condition=Q(kind=Kind.GRANT) | Q(village__isnull=False),
                name="document_has_a_village",
                violation_error_message="单据须写明村（社区）。",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=Kind.values),
                name="document_kind_is_known",
                violation_error_message="没有这种单据。",
            ),
            models.CheckConstraint(
                condition=Q(kind=Kind.REVERSAL, reverses__isnull=False)
                | (~Q(kind=Kind.REVERSAL) & Q(reverses__isnull=True)),
                name="only_a_reversal_reverses",
                violation_error_message="冲销单据须写明冲销哪一张。",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=[Kind.REVERSAL, Kind.REFUND]) | (Q(approver__isnull=False) & Q(reason__gt="")),
                name="taking_back_has_reason_and_approver",
                violation_error_message="冲销和退费须写明原因，并由另一人核准。",
            ),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("maker")),
                name="document_is_approved_by_another",
                violation_error_message="单据须由另一人核准。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class OnDocumentQuerySet(models.QuerySet[M]):
    """Rows that belong to a document: whoever may see it sees them."""

    def for_user(self, user: User) -> "OnDocumentQuerySet[M]":
        return self.filter(document__in=Document.objects.for_user(user).values("pk"))


class Leg(models.Model):
    """One account's side of a document, fen: + is debit. The legs of a document are added together and sum to zero."""

    web_may = APPEND_ONLY

    document = models.ForeignKey(Document, models.PROTECT, verbose_name="单据", related_name="legs")
    account = models.CharField("科目", max_length=60)
    fen = models.BigIntegerField("分")

    objects = OnDocumentQuerySet["Leg"].as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "分录"
        constraints = [
            models.CheckConstraint(
                condition=~Q(fen=0), name="leg_is_never_zero", violation_error_message="分录金额不能为0。"
            ),
            models.CheckConstraint(
                condition=Q(account__regex=r"^(bank|premium|(cash|advance|receivable):.+)$"),
                name="leg_account_is_known",
                violation_error_message="没有这个科目。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.fen}"


class BillQuerySet(ScopedQuerySet["Bill"]):
    pass


class Bill(models.Model):
    """One person's line on a collection or direct payment: the amounts of its day, fen, and why.

    Round n+1 of an enrolment needs the reversal or refund of round n.
    """

    web_may = APPEND_ONLY

    document = models.ForeignKey(Document, models.PROTECT, verbose_name="单据", related_name="bills")
    # One key over both and the year, bill_stands_in_its_enrollments_village, holds what two single ones would.
    enrollment = models.ForeignKey(
        Enrollment, models.PROTECT, db_constraint=False, verbose_name="参保", related_name="bills"
    )
    village = models.ForeignKey(Village, models.PROTECT, db_constraint=False, verbose_name="村（社区）")
    year = models.PositiveSmallIntegerField("年度")
    round = models.PositiveSmallIntegerField("次")
    premium_fen = models.PositiveBigIntegerField("缴费标准（分）")
    personal_fen = models.PositiveBigIntegerField("个人缴费（分）")
    grant_fen = models.PositiveBigIntegerField("事后补助（分）", default=0)
    grant_way = models.CharField("补助方式", max_length=10, blank=True)
    shares = models.JSONField("各方承担（分）")
    applied = models.CharField("享受身份", max_length=60, blank=True)
    categories = models.JSONField("全部身份")
    why = models.CharField("理由", max_length=1000)
    plan_version = models.ForeignKey(PlanVersion, models.PROTECT, verbose_name="方案")

    objects = BillQuerySet.as_manager()
    sentences = {"bill_stands_in_its_enrollments_village": "缴费明细须与参保登记同村同年度。"}

    class Meta:
        verbose_name = verbose_name_plural = "缴费明细"
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "round"],
                name="one_bill_per_enrollment_and_round",
                violation_error_message="该人本年度已缴费。",
            ),
            models.CheckConstraint(
                condition=Q(personal_fen__lte=F("premium_fen")),
                name="nobody_pays_more_than_the_premium",
                violation_error_message="个人缴费不能超过缴费标准。",
            ),
            models.CheckConstraint(
                condition=Q(grant_fen__lte=F("personal_fen")),
                name="grant_is_never_more_than_was_paid",
                violation_error_message="事后补助不能超过个人已缴。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enrollment} {self.round}"


class Approval(models.Model):
    """A second human's word on a document: late evidence then counts, a deposit is confirmed."""

    web_may = APPEND_ONLY

    document = models.OneToOneField(Document, models.PROTECT, verbose_name="单据", related_name="approval")
    approver = models.ForeignKey(User, models.PROTECT, verbose_name="核准人", related_name="+")
    at = models.DateTimeField("时间", db_default=Now())

    objects = OnDocumentQuerySet["Approval"].as_manager()
    sentences = {"enrollment_approval_document_id_key": "这张单据已经核准过。"}

    class Meta:
        verbose_name = verbose_name_plural = "核准"

    def __str__(self) -> str:
        return f"{self.approver} {self.document}"


class RefundLine(models.Model):
    """The bill a refund gives back."""

    web_may = APPEND_ONLY

    document = models.ForeignKey(Document, models.PROTECT, verbose_name="退费单", related_name="refund_lines")
    bill = models.OneToOneField(Bill, models.PROTECT, verbose_name="缴费明细", related_name="refund_line")

    objects = OnDocumentQuerySet["RefundLine"].as_manager()
    sentences = {"enrollment_refundline_bill_id_key": "这笔缴费已经退过。"}

    class Meta:
        verbose_name = verbose_name_plural = "退费明细"

    def __str__(self) -> str:
        return str(self.bill)
