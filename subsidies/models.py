"""The notices in force and the official rosters of who is helped."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from accounts.models import Upload, User
from subsidies.plan import Plan, plan_from_document
from villages.models import Posting, Role, Township, Village


class NoPlan(Exception):
    """The township has no notice in force for the year."""


class PlanVersionQuerySet(models.QuerySet["PlanVersion"]):
    def in_force(self, *, township: Township, year: int) -> "PlanVersion | None":
        """The notice of that year as it stands now."""
        return self.filter(township=township, year=year).order_by("-version").first()


class PlanVersion(models.Model):
    """One version of a year's notice. It is never edited; a change is a new version with a reason."""

    web_may = "SELECT, INSERT"

    township = models.ForeignKey(Township, models.PROTECT, verbose_name="乡镇")
    year = models.PositiveSmallIntegerField("年度")
    version = models.PositiveSmallIntegerField("版次")
    document = models.JSONField("方案")
    reason = models.CharField("变更原因", max_length=200, blank=True)
    maker = models.ForeignKey(User, models.PROTECT, verbose_name="经手人", related_name="+")
    approver = models.ForeignKey(User, models.PROTECT, null=True, blank=True, verbose_name="核准人", related_name="+")
    put_in_force_at = models.DateTimeField("生效时间", db_default=Now())

    objects = PlanVersionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "方案"
        constraints = [
            models.UniqueConstraint(
                fields=["township", "year", "version"],
                name="plan_version_once",
                violation_error_message="该版方案已经生效。",
            ),
            models.CheckConstraint(
                condition=Q(version=1) | (Q(approver__isnull=False) & Q(reason__gt="")),
                name="changed_plan_has_reason_and_approver",
                violation_error_message="变更方案须写明原因，并由另一人核准。",
            ),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("maker")),
                name="plan_is_approved_by_another",
                violation_error_message="方案须由另一人核准。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.township}{self.year}年度方案第{self.version}版"

    @cached_property
    def plan(self) -> Plan:
        return plan_from_document(self.document)


def plan_in_force(*, township: Township, year: int) -> PlanVersion:
    """The notice of the year as it stands now. Raises NoPlan."""
    version = PlanVersion.objects.in_force(township=township, year=year)
    if version is None:
        raise NoPlan(f"{township}{year}年度还没有生效的方案，请先运行 plan load。")
    return version


class RosterQuerySet(models.QuerySet["Roster"]):
    def for_user(self, user: User) -> "RosterQuerySet":
        """A bureau sees the lists of its own office; township, health, district and auditor those of their scope."""
        postings = Posting.objects.of(user)
        whole = postings.filter(role__in=[Role.TOWNSHIP, Role.HEALTH, Role.DISTRICT, Role.AUDITOR])
        own = postings.filter(role=Role.BUREAU, office=OuterRef("office"))
        return self.filter(
            Q(township__in=whole.filter(township__isnull=False).values("township"))
            | Q(township__district__in=whole.filter(district__isnull=False).values("district"))
            | Exists(own.filter(township=OuterRef("township")))
        )

    def approved(self) -> "RosterQuerySet":
        return self.filter(approver__isnull=False)

    def in_force(self, *, township: Township, year: int, on: date) -> "RosterQuerySet":
        """Of each office and category the list of the latest month begun by that day, as approved until now."""
        begun = self.approved().filter(township=township, year=year, month__lte=on)
        return begun.order_by("office", "category", "-month", "-pk").distinct("office", "category")


class Roster(models.Model):
    """An office's full list (名单) of one category for a month."""

    township = models.ForeignKey(Township, models.PROTECT, verbose_name="乡镇")
    year = models.PositiveSmallIntegerField("年度")
    office = models.CharField("部门", max_length=30)
    category = models.CharField("身份", max_length=60)
    month = models.DateField("月份")
    upload = models.ForeignKey(Upload, models.PROTECT, verbose_name="来源文件")
    maker = models.ForeignKey(User, models.PROTECT, verbose_name="经手人", related_name="+")
    approver = models.ForeignKey(User, models.PROTECT, null=True, blank=True, verbose_name="核准人", related_name="+")
    approved_at = models.DateTimeField("核准时间", null=True, blank=True)
    handed_in_at = models.DateTimeField("交来时间", db_default=Now())

    objects = RosterQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "名单"
        indexes = [models.Index(fields=["township", "year", "office", "category", "-month"], name="roster_by_key")]
        constraints = [
            models.CheckConstraint(
                condition=Q(month__day=1),
                name="roster_month_is_a_first_day",
                violation_error_message="月份应为当月1日。",
            ),
            models.CheckConstraint(
                condition=~Q(office="") & ~Q(category=""),
                name="roster_names_office_and_category",
                violation_error_message="名单须写明部门和身份。",
            ),
            models.CheckConstraint(
                condition=Q(approver__isnull=True, approved_at__isnull=True)
                | Q(approver__isnull=False, approved_at__isnull=False),
                name="roster_approval_has_person_and_time",
                violation_error_message="核准须同时记下核准人和时间。",
            ),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("maker")),
                name="roster_is_approved_by_another",
                violation_error_message="名单须由另一人核准。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.office}{self.category}{self.month:%Y-%m}"


class RosterEntryQuerySet(models.QuerySet["RosterEntry"]):
    def for_user(self, user: User) -> "RosterEntryQuerySet":
        return self.filter(roster__in=Roster.objects.for_user(user).values("pk"))

    def valid(self, on: date) -> "RosterEntryQuerySet":
        """Entries whose own months include the day."""
        return self.filter(
            Q(starts_on__isnull=True) | Q(starts_on__lte=on), Q(ends_on__isnull=True) | Q(ends_on__gte=on)
        )


class RosterEntry(models.Model):
    """One person on a list, by number and name; the list may arrive before the household does."""

    web_may = "SELECT, INSERT, UPDATE (decision)"

    class Decision(models.TextChoices):
        NONE = "", "未决定"
        SAME = "same", "确认同一人"
        OTHER = "other", "不是同一人"

    roster = models.ForeignKey(Roster, models.PROTECT, verbose_name="名单", related_name="entries")
    number = models.CharField("身份证号", max_length=30, db_collation="C")
    name = models.CharField("姓名", max_length=50)
    village = models.ForeignKey(Village, models.PROTECT, null=True, blank=True, verbose_name="村（社区）")
    disability_kind = models.CharField("残疾类别", max_length=10, blank=True)
    disability_level = models.PositiveSmallIntegerField("残疾等级", null=True, blank=True)
    starts_on = models.DateField("开始", null=True, blank=True)
    ends_on = models.DateField("结束", null=True, blank=True)
    decision = models.CharField("姓名不符的决定", max_length=5, choices=Decision.choices, default="", blank=True)

    objects = RosterEntryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "名单人员"
        indexes = [models.Index(fields=["number"], name="roster_entry_by_number")]
        constraints = [
            models.UniqueConstraint(
                fields=["roster", "number"],
                name="person_once_per_roster",
                violation_error_message="同一名单里同一身份证号写了两次。",
            ),
            models.CheckConstraint(
                condition=~Q(number="") & ~Q(name=""),
                name="roster_entry_has_number_and_name",
                violation_error_message="名单人员须有身份证号和姓名。",
            ),
            models.CheckConstraint(
                condition=Q(disability_level__isnull=True) | Q(disability_level__range=(1, 4)),
                name="disability_level_is_1_to_4",
                violation_error_message="残疾等级只能是1至4级。",
            ),
            models.CheckConstraint(
                condition=Q(starts_on__isnull=True) | Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="roster_entry_ends_after_it_starts",
                violation_error_message="结束月份不能早于开始月份。",
            ),
        ]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Standing:
    """What one list in force says of one number: who is meant, in which category, at which disability level."""

    name: str
    category: str
    decision: str
    disability_level: int | None


class ListsInForce:
    """All approved lists of a township's year, asked for once; which of them speak on a given day is reckoned here."""

    def __init__(self, *, township: Township, year: int, numbers: Iterable[str] | None = None) -> None:
        rosters = Roster.objects.approved().filter(township=township, year=year).order_by("month", "pk")
        self._rosters = [(r.pk, (r.office, r.category), r.month) for r in rosters]
        self._categories = {pk: category for pk, (_, category), _ in self._rosters}
        entries = RosterEntry.objects.filter(roster__in=self._categories)
        if numbers is not None:
            entries = entries.filter(number__one_of=list(numbers))
        self._entries: dict[str, list[tuple[int, date | None, date | None, Standing]]] = defaultdict(list)
        columns = ("number", "roster_id", "starts_on", "ends_on", "name", "decision", "disability_level")
        for number, roster, starts_on, ends_on, *said in entries.values_list(*columns).order_by("pk"):
            name, decision, level = said
            standing = Standing(name, self._categories[roster], decision, level)
            self._entries[number].append((roster, starts_on, ends_on, standing))
        self._latest: dict[date, set[int]] = {}

    def numbers(self) -> Iterable[str]:
        """Every number on any of the lists."""
        return self._entries.keys()

    def of(self, number: str | None, on: date) -> list[Standing]:
        """What the lists in force on a day say of one number."""
        if number not in self._entries:
            return []
        latest = self._in_force(on)
        return [
            standing
            for roster, starts_on, ends_on, standing in self._entries[number]
            if roster in latest and (starts_on or on) <= on <= (ends_on or on)
        ]

    def _in_force(self, on: date) -> set[int]:
        """Of each office and category the list of the latest month begun by that day, the last one handed in for it."""
        if on not in self._latest:
            self._latest[on] = set({key: pk for pk, key, month in self._rosters if month <= on}.values())
        return self._latest[on]
