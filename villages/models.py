"""The places of the campaign, who is posted where, and what each place is asked to reach."""

from typing import TypeVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, TruncDate
from django.utils.timezone import localdate

from accounts.models import User

M = TypeVar("M", bound=models.Model)


class Scheme(models.TextChoices):
    RESIDENT = "resident", "居民医保"
    EMPLOYEE = "employee", "职工医保"
    STUDENT = "student", "大学生"


class Role(models.TextChoices):
    CLERK = "clerk", "村级经办员"
    TOWNSHIP = "township", "镇医保办"
    HEALTH = "health", "卫生院"
    BUREAU = "bureau", "名单部门"
    DISTRICT = "district", "区督导"
    SYSADMIN = "sysadmin", "系统管理员"
    AUDITOR = "auditor", "审计"


class District(models.Model):
    """The county or district over the townships."""

    name = models.CharField("区县", max_length=50, unique=True)

    sentences = {"villages_district_name_key": "已有这个区县。"}

    class Meta:
        verbose_name = verbose_name_plural = "区县"

    def __str__(self) -> str:
        return self.name


class Township(models.Model):
    district = models.ForeignKey(District, models.PROTECT, null=True, blank=True, verbose_name="区县")
    name = models.CharField("乡镇", max_length=50, unique=True, error_messages={"unique": "已有这个乡镇。"})
    opened_at = models.DateTimeField("启用时间", db_default=Now())

    class Meta:
        verbose_name = verbose_name_plural = "乡镇"
        constraints = [
            models.CheckConstraint(
                condition=~Q(name=""), name="township_has_a_name", violation_error_message="乡镇名称不能为空。"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ScopedQuerySet(models.QuerySet[M]):
    """Rows that belong to a village: who may see them follows from postings alone, and no posting sees none."""

    village_path = "village"
    roles: tuple[Role, ...] = (Role.CLERK, Role.TOWNSHIP, Role.HEALTH, Role.DISTRICT, Role.AUDITOR)

    def for_user(self, user: User) -> "ScopedQuerySet[M]":
        """What this person's postings of today let them see; nothing without one."""
        postings = Posting.objects.of(user).filter(role__in=self.roles)
        villages = Village.objects.filter(
            Q(pk__in=postings.filter(village__isnull=False).values("village"))
            | Q(township__in=postings.filter(village__isnull=True, township__isnull=False).values("township"))
            | Q(township__district__in=postings.filter(district__isnull=False).values("district"))
        )
        return self.filter(**{f"{self.village_path}__in": villages.values("pk")})


class VillageQuerySet(ScopedQuerySet["Village"]):
    village_path = "pk"
    roles = (*ScopedQuerySet.roles, Role.BUREAU)


class Village(models.Model):
    """A unit of the campaign: village, community, school or employer."""

    class Kind(models.TextChoices):
        VILLAGE = "village", "村"
        COMMUNITY = "community", "社区"
        SCHOOL = "school", "学校"
        EMPLOYER = "employer", "单位"

    township = models.ForeignKey(Township, models.PROTECT, verbose_name="乡镇")
    code = models.CharField("代码", max_length=20)
    name = models.CharField("村（社区）", max_length=60)
    kind = models.CharField("种类", max_length=10, choices=Kind.choices, default=Kind.VILLAGE)
    closed_on = models.DateField("撤并日期", null=True, blank=True)
    successor = models.ForeignKey("self", models.PROTECT, null=True, blank=True, verbose_name="并入")

    objects = VillageQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "村（社区）"
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["township", "code"], name="village_code_once", violation_error_message="已有这个村代码。"
            ),
            models.UniqueConstraint(
                fields=["township", "name"], name="village_name_once", violation_error_message="已有这个村名。"
            ),
            models.CheckConstraint(
                condition=~Q(code="") & ~Q(name=""),
                name="village_has_code_and_name",
                violation_error_message="村的代码和名称不能为空。",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Group(models.Model):
    """A villagers' group (村民小组) and the cadre answerable for it (分片包干)."""

    village = models.ForeignKey(Village, models.PROTECT, verbose_name="村（社区）")
    name = models.CharField("组", max_length=30)
    cadre = models.CharField("包干干部", max_length=50, blank=True)

    objects = ScopedQuerySet["Group"].as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "组"
        constraints = [
            models.UniqueConstraint(
                fields=["village", "name"], name="group_name_once", violation_error_message="本村已有这个组。"
            )
        ]

    def __str__(self) -> str:
        return self.name


class PostingQuerySet(models.QuerySet["Posting"]):
    def of(self, user: User) -> "PostingQuerySet":
        """The postings this person holds now; none for an account that is closed."""
        if not user.is_active:
            return self.none()
        return self.filter(user=user).current()

    def in_office(self, township: int) -> "PostingQuerySet":
        """Those in the office (医保办) of this township, by its primary key."""
        return self.filter(role=Role.TOWNSHIP, township=township)

    def current(self) -> "PostingQuerySet":
        today = TruncDate(Now())
        return self.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=today), starts_on__lte=today)


class Posting(models.Model):
    """A role of one human in a village, a township or a district, for a time."""

    user = models.ForeignKey(User, models.PROTECT, verbose_name="账号", related_name="postings")
    role = models.CharField("岗位", max_length=10, choices=Role.choices)
    village = models.ForeignKey(Village, models.PROTECT, null=True, blank=True, verbose_name="村（社区）")
    township = models.ForeignKey(Township, models.PROTECT, null=True, blank=True, verbose_name="乡镇")
    district = models.ForeignKey(District, models.PROTECT, null=True, blank=True, verbose_name="区县")
    office = models.CharField("部门", max_length=30, blank=True)
    starts_on = models.DateField("起", default=localdate)
    ends_on = models.DateField("止", null=True, blank=True)

    objects = PostingQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "岗位"
        constraints = [
            models.CheckConstraint(
                condition=Q(village__isnull=False, township__isnull=True, district__isnull=True)
                | Q(village__isnull=True, township__isnull=False, district__isnull=True)
                | Q(village__isnull=True, township__isnull=True, district__isnull=False),
                name="posting_has_one_scope",
                violation_error_message="岗位须属于一个村、一个乡镇或一个区县，且只属于一个。",
            ),
            models.CheckConstraint(
                condition=~Q(role=Role.CLERK) | Q(village__isnull=False),
                name="clerk_is_posted_to_a_village",
                violation_error_message="村级经办员须指定村。",
            ),
            models.CheckConstraint(
                condition=Q(role=Role.CLERK) | Q(village__isnull=True),
                name="only_clerks_are_posted_to_a_village",
                violation_error_message="只有村级经办员可以指定村。",
            ),
            models.CheckConstraint(
                condition=Q(role=Role.BUREAU, office__gt="") | (~Q(role=Role.BUREAU) & Q(office="")),
                name="bureau_names_its_office",
                violation_error_message="名单部门须写明部门（如民政办），其他岗位不写。",
            ),
            models.CheckConstraint(
                condition=Q(role__in=Role.values),
                name="posting_role_is_known",
                violation_error_message="没有这个岗位。",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="posting_ends_after_it_starts",
                violation_error_message="岗位的止日不能早于起日。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.get_role_display()}"


class Quota(models.Model):
    """附件1: what one unit is asked to reach in one scheme and year, heads."""

    village = models.ForeignKey(Village, models.PROTECT, verbose_name="村（社区）")
    year = models.PositiveSmallIntegerField("年度")
    scheme = models.CharField("险种", max_length=10, choices=Scheme.choices, default=Scheme.RESIDENT)
    hukou = models.PositiveIntegerField("户籍人口数", null=True, blank=True)
    previous = models.PositiveIntegerField("上年任务数", null=True, blank=True)
    net_increase = models.IntegerField("预计净增数", null=True, blank=True)
    target = models.PositiveIntegerField("任务数")

    objects = ScopedQuerySet["Quota"].as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "任务"
        constraints = [
            models.UniqueConstraint(
                fields=["village", "year", "scheme"],
                name="one_quota_per_unit_year_scheme",
                violation_error_message="该单位本年度该险种已有任务数。",
            ),
            models.CheckConstraint(
                condition=Q(previous__isnull=True)
                | Q(net_increase__isnull=True)
                | Q(target=F("previous") + F("net_increase")),
                name="quota_adds_up",
                violation_error_message="上年任务数与预计净增数之和应等于任务数。",
            ),
            models.CheckConstraint(
                condition=Q(scheme__in=Scheme.values),
                name="quota_scheme_is_known",
                violation_error_message="没有这个险种。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.village} {self.year} {self.target}"
