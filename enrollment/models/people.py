"""Households and the human beings in them."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Reverse

from accounts.constraints import DatabaseCheck
from subsidies.identity import CHECK_DIGITS, PATTERN, WEIGHTS
from villages.models import Group, ScopedQuerySet, Village

# GB 11643: 17 digits weighted, the sum modulo 11 names the check digit.
WEIGHTED = " + ".join(f"{weight} * substr(number, {place}, 1)::int" for place, weight in enumerate(WEIGHTS, start=1))
NUMBER_IS_VALID = f"""
CASE WHEN id_kind NOT IN ('id', 'residence') THEN true
WHEN number !~ '{PATTERN}' THEN false
ELSE substr('{CHECK_DIGITS}', ({WEIGHTED}) %% 11 + 1, 1) = substr(number, 18, 1) END
"""
BIRTH_AND_SEX_FOLLOW = f"""
CASE WHEN id_kind NOT IN ('id', 'residence') THEN true
WHEN number !~ '{PATTERN}' OR birth_date IS NULL THEN false
ELSE date_part('year', birth_date) * 10000 + date_part('month', birth_date) * 100 + date_part('day', birth_date)
    = substr(number, 7, 8)::int
AND sex = CASE WHEN substr(number, 17, 1)::int %% 2 = 1 THEN '男' ELSE '女' END END
"""


class HouseholdQuerySet(ScopedQuerySet["Household"]):
    pass


class Household(models.Model):
    """A family entered together (户): its 户号 is unique in the village when it has one."""

    village = models.ForeignKey(Village, models.PROTECT, verbose_name="村（社区）")
    group = models.ForeignKey(Group, models.PROTECT, null=True, blank=True, verbose_name="组")
    number = models.CharField("户号", max_length=30, blank=True)
    created_at = models.DateTimeField("建立时间", db_default=Now())

    objects = HouseholdQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "户"
        constraints = [
            models.UniqueConstraint(
                fields=["village", "number"],
                condition=~Q(number=""),
                name="household_number_once_per_village",
                violation_error_message="本村已有这个户号。",
            )
        ]

    def __str__(self) -> str:
        return self.number or f"户{self.pk}"


class PersonQuerySet(ScopedQuerySet["Person"]):
    village_path = "household__village"


class Person(models.Model):
    """One row per human being. A newborn-to-be may have no number yet."""

    class IdKind(models.TextChoices):
        ID = "id", "居民身份证"
        RESIDENCE = "residence", "港澳台居民居住证"
        PASSPORT = "passport", "护照"
        OTHER = "other", "其他证件"
        NONE = "none", "暂无证件"

    class Sex(models.TextChoices):
        MALE = "男", "男"
        FEMALE = "女", "女"
        UNKNOWN = "", "未知"

    household = models.ForeignKey(Household, models.PROTECT, verbose_name="户", related_name="members")
    name = models.CharField("姓名", max_length=50)
    name_pinyin = models.CharField("拼音", max_length=200, blank=True, db_collation="C")
    pinyin_initials = models.CharField("拼音首字母", max_length=50, blank=True, db_collation="C")
    other_initials = models.CharField("另读首字母", max_length=50, blank=True, db_collation="C")
    id_kind = models.CharField("证件类型", max_length=10, choices=IdKind.choices, default=IdKind.ID)
    # Null, not empty: many may have none, and those must not meet in the unique constraint.
    number = models.CharField(  # noqa: DJ001
        "身份证号", max_length=30, null=True, blank=True, db_collation="C"
    )
    number_reversed = models.GeneratedField(
        expression=Reverse("number"),
        output_field=models.CharField("身份证号倒序", max_length=30, null=True, db_collation="C"),
        db_persist=True,
    )
    birth_date = models.DateField("出生日期", null=True, blank=True)
    sex = models.CharField("性别", max_length=1, choices=Sex.choices, blank=True)
    expected_on = models.DateField("预产期", null=True, blank=True)
    is_householder = models.BooleanField("户主", default=False)
    relation = models.CharField("与户主关系", max_length=2, blank=True)
    phone = models.CharField("联系电话", max_length=30, blank=True, db_collation="C")
    remark = models.CharField("备注", max_length=200, blank=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "人员"
        indexes = [
            models.Index(fields=["name_pinyin"], name="person_by_pinyin"),
            models.Index(fields=["pinyin_initials"], name="person_by_initials"),
            models.Index(fields=["other_initials"], condition=~Q(other_initials=""), name="person_by_other_initials"),
            models.Index(fields=["number_reversed"], name="person_by_last_digits"),
            models.Index(fields=["phone"], condition=~Q(phone=""), name="person_by_phone"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["number"], name="one_person_per_number", violation_error_message="已有人使用这个证件号码。"
            ),
            models.UniqueConstraint(
                fields=["household"],
                condition=Q(is_householder=True),
                name="one_householder_per_household",
                violation_error_message="一户只能有一位户主。",
            ),
            models.UniqueConstraint(
                fields=["household", "name", "relation"],
                condition=Q(number__isnull=True),
                name="numberless_person_once_per_household",
                violation_error_message="该户已有一位同名、同关系且没有号码的人。",
            ),
            models.CheckConstraint(
                condition=~Q(name=""), name="person_has_a_name", violation_error_message="姓名不能为空。"
            ),
            models.CheckConstraint(
                condition=~Q(number=""),
                name="person_number_is_never_empty",
                violation_error_message="证件号码不能为空字。",
            ),
            models.CheckConstraint(
                condition=Q(id_kind="none", number__isnull=True) | (~Q(id_kind="none") & Q(number__isnull=False)),
                name="person_number_fits_its_kind",
                violation_error_message="有证件的须填号码，暂无证件的不填。",
            ),
            DatabaseCheck(
                sql=NUMBER_IS_VALID,
                name="person_number_is_valid",
                violation_error_message="身份证号不符合编码规则，请核对。",
            ),
            DatabaseCheck(
                sql=BIRTH_AND_SEX_FOLLOW,
                name="birth_date_and_sex_follow_the_number",
                violation_error_message="出生日期和性别须与身份证号一致。",
            ),
            models.CheckConstraint(
                condition=Q(is_householder=False) | Q(relation="02"),
                name="householder_has_relation_02",
                violation_error_message="户主的与户主关系应为户主。",
            ),
            # Else a kind nobody knows would be a way past the check of the number.
            models.CheckConstraint(
                condition=Q(id_kind__in=["id", "residence", "passport", "other", "none"]),
                name="person_id_kind_is_known",
                violation_error_message="没有这种证件类型。",
            ),
            models.CheckConstraint(
                condition=Q(sex__in=["男", "女", ""]),
                name="person_sex_is_known",
                violation_error_message="性别应为男或女。",
            ),
        ]

    def __str__(self) -> str:
        return self.name
