"""Cash on its way to the bank: receipt books and deposits."""

from django.db import models
from django.db.models import Q

from villages.models import ScopedQuerySet, Village


class ReceiptBook(models.Model):
    """A village's book of receipts for a year; numbers are given without gaps."""

    village = models.ForeignKey(Village, models.PROTECT, verbose_name="村（社区）")
    year = models.PositiveSmallIntegerField("年度")
    last_number = models.PositiveIntegerField("已用到", default=0)

    objects = ScopedQuerySet["ReceiptBook"].as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "票据本"
        constraints = [
            models.UniqueConstraint(
                fields=["village", "year"],
                name="one_receipt_book_per_village_and_year",
                violation_error_message="该村本年度已有票据本。",
            )
        ]

    def __str__(self) -> str:
        return f"{self.village}{self.year}"


class DepositLineQuerySet(ScopedQuerySet["DepositLine"]):
    village_path = "document__village"


class DepositLine(models.Model):
    """The bill whose cash a deposit paid in; again only after that deposit was reversed."""

    web_may = "SELECT, INSERT"

    document = models.ForeignKey(
        "enrollment.Document", models.PROTECT, verbose_name="缴存单", related_name="deposit_lines"
    )
    bill = models.ForeignKey("enrollment.Bill", models.PROTECT, verbose_name="缴费明细", related_name="deposit_lines")
    round = models.PositiveSmallIntegerField("次")

    objects = DepositLineQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "缴存明细"
        constraints = [
            models.UniqueConstraint(
                fields=["bill", "round"],
                name="cash_is_deposited_once",
                violation_error_message="这笔现金已经缴存。",
            ),
            models.CheckConstraint(
                condition=Q(round__gte=1), name="deposit_round_starts_at_1", violation_error_message="次数从1起。"
            ),
        ]

    def __str__(self) -> str:
        return str(self.bill)
