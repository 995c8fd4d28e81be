"""The year's roll: who is enrolled where, who need not pay here, what paid lists and units reported."""

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from accounts.models import Upload, User
from enrollment.models.people import Person
from villages.models import Scheme, ScopedQuerySet, Village


class StandingQuerySet(ScopedQuerySet["Standing"]):
    def not_refunded(self) -> "StandingQuerySet":
        return self.filter(ended_on__isnull=True)


class Standing(models.Model):
    """The database's own view of each bill whose document stands: from which day it counts as paid, until when.

    `counts_on` is null while cash is not deposited or late evidence not approved; `ended_on` is the day of a refund.
    """

    web_may = "SELECT"

    bill = models.OneToOneField("enrollment.Bill", models.DO_NOTHING, primary_key=True, related_name="standing")
    enrollment = models.ForeignKey("enrollment.Enrollment", models.DO_NOTHING, related_name="standings")
    document = models.ForeignKey("enrollment.Document", models.DO_NOTHING, related_name="+")
    village = models.ForeignKey(Village, models.DO_NOTHING, related_name="+")
    year = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=12)
    evidence_on = models.DateField()
    counts_on = models.DateField(null=True)
    ended_on = models.DateField(null=True)

    objects = StandingQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "enrollment_standing"

    def __str__(self) -> str:
        return f"{self.bill_id} {self.counts_on}"


class EnrollmentQuerySet(ScopedQuerySet["Enrollment"]):
    def live(self) -> "EnrollmentQuerySet":
        return self.filter(stopped_on__isnull=True)

    def unbilled(self) -> "EnrollmentQuerySet":
        """Those for whom no standing document took or recorded a payment."""
        return self.filter(~Exists(Standing.objects.not_refunded().filter(enrollment=OuterRef("pk"))))

    def not_exempt(self) -> "EnrollmentQuerySet":
        return self.filter(~Exists(Exemption.objects.live().filter(enrollment=OuterRef("pk"))))

    def owed(self) -> "EnrollmentQuerySet":
        """Live, not exempt and not yet billed: what is still to be taken."""
        return self.live().not_exempt().unbilled()


class Enrollment(models.Model):
    """One person on one year's roll in one scheme, in a village that never changes.

    Stages are asked of the documents: *listed* is the row itself, *registered* an entry or a document,
    *collected* and *paid* stand in `Standing`, *stopped* is `stopped_on`.
    """

    person = models.ForeignKey(Person, models.PROTECT, verbose_name="人员", related_name="enrollments")
    year = models.PositiveSmallIntegerField("年度")
    scheme = models.CharField("险种", max_length=10, choices=Scheme.choices, default=Scheme.RESIDENT)
    village = models.ForeignKey(Village, models.PROTECT, verbose_name="村（社区）")
    tariff_class = models.CharField("缴费人群", max_length=30, blank=True)
    tier = models.CharField("缴费档次", max_length=30, blank=True)
    grounds = models.CharField("参保依据", max_length=10, default="户籍")
    is_migrant = models.BooleanField("外出务工", default=False)
    listed_at = models.DateTimeField("列入时间", db_default=Now())
    entered_on = models.DateField("登记日期", null=True, blank=True)
    stopped_on = models.DateField("停保日期", null=True, blank=True)
    stop_reason = models.CharField("停保原因", max_length=100, blank=True)

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "参保"
        indexes = [models.Index(fields=["village", "year", "scheme"], name="enrollment_by_village")]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "year"],
                condition=Q(stopped_on__isnull=True),
                name="one_live_enrollment_per_person_and_year",
                violation_error_message="该人本年度已在另一处登记参保。",
            ),
            models.UniqueConstraint(fields=["id", "village", "year"], name="enrollment_with_its_village"),
            models.CheckConstraint(
                condition=Q(grounds__in=["户籍", "在校学生", "居住证", "新生儿"]),
                name="enrollment_grounds_are_known",
                violation_error_message="参保依据只能是户籍、在校学生、居住证或新生儿。",
            ),
            models.CheckConstraint(
                condition=Q(scheme__in=Scheme.values),
                name="enrollment_scheme_is_known",
                violation_error_message="没有这个险种。",
            ),
            models.CheckConstraint(
                condition=Q(stopped_on__isnull=True) | Q(stop_reason__gt=""),
                name="stopped_enrollment_has_a_reason",
                violation_error_message="停保须写明原因。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.year}"


class ExemptionQuerySet(ScopedQuerySet["Exemption"]):
    village_path = "enrollment__village"

    def live(self) -> "ExemptionQuerySet":
        """Approved and not revoked."""
        return self.filter(approver__isnull=False, revoked_at__isnull=True)


class Exemption(models.Model):
    """Why somebody on the roll need not pay here; it holds once the township has approved it."""

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, verbose_name="参保", related_name="exemptions")
    reason = models.CharField("原因", max_length=60)
    is_insured_elsewhere = models.BooleanField("在别处参保", default=False)
    evidence = models.CharField("证明", max_length=200, blank=True)
    since = models.DateField("日期")
    maker = models.ForeignKey(User, models.PROTECT, verbose_name="申报人", related_name="+")
    approver = models.ForeignKey(User, models.PROTECT, null=True, blank=True, verbose_name="核准人", related_name="+")
    approved_at = models.DateTimeField("核准时间", null=True, blank=True)
    revoked_at = models.DateTimeField("撤销时间", null=True, blank=True)
    made_at = models.DateTimeField("申报时间", db_default=Now())

    objects = ExemptionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "核减"
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(revoked_at__isnull=True),
                name="one_live_exemption_per_enrollment",
                violation_error_message="该人已有一条核减。",
            ),
            models.CheckConstraint(
                condition=~Q(reason=""), name="exemption_has_a_reason", violation_error_message="核减须写明原因。"
            ),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("maker")),
                name="exemption_is_approved_by_another",
                violation_error_message="核减须由另一人核准。",
            ),
            models.CheckConstraint(
                condition=Q(approver__isnull=True, approved_at__isnull=True)
                | Q(approver__isnull=False, approved_at__isnull=False),
                name="exemption_approval_has_person_and_time",
                violation_error_message="核准须同时记下核准人和时间。",
            ),
        ]

    def __str__(self) -> str:
        return self.reason


class PaidRow(models.Model):
    """One row of a paid list: recorded by a document, attached to one, or waiting for the township (待核实)."""

    class State(models.TextChoices):
        APPLIED = "applied", "已入账"
        ATTACHED = "attached", "作为凭证附上"
        DOUBTFUL = "doubtful", "待核实"
        REJECTED = "rejected", "核实后不认"

    upload = models.ForeignKey(Upload, models.PROTECT, verbose_name="来源文件")
    # One key over both and the year, paid_row_stands_in_its_enrollments_village, holds what two single ones would.
    enrollment = models.ForeignKey(
        Enrollment, models.PROTECT, db_constraint=False, verbose_name="参保", related_name="paid_rows"
    )
    village = models.ForeignKey(Village, models.PROTECT, db_constraint=False, verbose_name="村（社区）")
    year = models.PositiveSmallIntegerField("年度")
    name = models.CharField("姓名", max_length=50)
    paid_on = models.DateField("缴费日期")
    fen = models.PositiveBigIntegerField("金额（分）")
    slip = models.CharField("凭证号", max_length=60, blank=True)
    channel = models.CharField("缴费渠道", max_length=30, blank=True)
    state = models.CharField("状态", max_length=10, choices=State.choices)
    reason = models.CharField("待核实原因", max_length=200, blank=True)
    approver = models.ForeignKey(User, models.PROTECT, null=True, blank=True, verbose_name="核实人", related_name="+")
    document = models.ForeignKey(
        "enrollment.Document", models.PROTECT, null=True, blank=True, verbose_name="入账单据", related_name="paid_rows"
    )

    objects = ScopedQuerySet["PaidRow"].as_manager()
    sentences = {"paid_row_stands_in_its_enrollments_village": "缴费名单行须与参保登记同村同年度。"}

    class Meta:
        verbose_name = verbose_name_plural = "缴费名单行"
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "paid_on", "fen", "slip", "name"],
                name="paid_row_recorded_once",
                violation_error_message="这一行缴费记录已经登记过。",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["applied", "attached"], document__isnull=False)
                | Q(state__in=["doubtful", "rejected"], document__isnull=True),
                name="paid_row_has_a_document_once_applied",
                violation_error_message="已入账的行须有单据，待核实的行没有。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.paid_on}"


class Return(models.Model):
    """Totals a unit hands in for a scheme, heads: registered, paying and stopped, as of a day."""

    village = models.ForeignKey(Village, models.PROTECT, verbose_name="单位")
    year = models.PositiveSmallIntegerField("年度")
    scheme = models.CharField("险种", max_length=10, choices=Scheme.choices)
    as_of = models.DateField("截至日")
    registered = models.PositiveIntegerField("登记人数")
    paying = models.PositiveIntegerField("缴费人数")
    stopped = models.PositiveIntegerField("停缴人数")
    upload = models.ForeignKey(Upload, models.PROTECT, verbose_name="来源文件")

    objects = ScopedQuerySet["Return"].as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "单位报数"
        constraints = [
            models.UniqueConstraint(
                fields=["village", "year", "scheme", "as_of"],
                name="one_return_per_unit_scheme_day",
                violation_error_message="该单位该险种该截至日已有报数。",
            ),
            models.CheckConstraint(
                condition=Q(registered__gte=F("paying") + F("stopped")),
                name="return_adds_up",
                violation_error_message="缴费人数与停缴人数之和不能超过登记人数。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.village} {self.scheme} {self.as_of}"
