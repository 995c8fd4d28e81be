"""Who is helped and by how much."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subsidies.plan import plan_from_document, raw_shares
from subsidies.policy import (
    GROUNDS,
    NEWBORN,
    STUDENT,
    Applicant,
    Assessment,
    MayNotPay,
    NoTariff,
    Weighed,
    assess,
    assess_in_period,
    counts_late,
    may_pay,
)

from .test_plan import NOTICE_2020, NOTICE_2026, SEASON, plans

IN_TIME = date(2019, 12, 10)


def notice(**parts):
    """A small notice of its own for one rule: 400 yuan, till the end of 2019, and what the rule needs."""
    document = {
        "notice": {"title": "杨柳镇2020年度筹资方案", "year": 2020},
        "tariffs": [{"amount": 400}],
        "funders": [{"name": "医疗救助"}, {"name": "财政"}],
        "periods": [{"who": "general", "ends_on": "2019-12-31"}],
        "register": {"title": "登记表"},
        **parts,
    }
    return plan_from_document(document)


def line(name, *shares, priority=1, **more):
    return {"name": name, "label": name, "priority": priority, "shares": list(shares), **more}


def of(funder, amount=None, **more):
    return {"funder": funder, **more} if amount is None else {"funder": funder, "amount": amount, **more}


def split(said):
    return said.applied, dict(said.shares), said.personal


# ── the 2020 notice ───────────────────────────────────────────────────────────────────────────────────────────

# Whoever has several statuses is helped by the one that stands first here: the greater help, then the priority.
LINES_2020 = {
    "特困人员": (25000, 0),
    "孤儿": (25000, 0),
    "百岁老人": (25000, 0),
    "社会保障兜底脱贫对象": (12500, 12500),
    "一二级残疾人": (0, 25000),
    "城乡低保对象": (12500, 0),
    "建档立卡贫困人口": (0, 12500),
    "三四级残疾人": (0, 12500),
}
OVERLAPS = [names for some in range(1, 9) for names in combinations(LINES_2020, some)]


@pytest.mark.parametrize(("name", "aid", "purse"), [(name, *fen) for name, fen in LINES_2020.items()])
def test_a_status_of_the_2020_notice_is_helped_by_its_line(name, aid, purse):
    personal = 25000 - aid - purse

    assert assess(NOTICE_2020, Applicant(categories=(name,)), IN_TIME) == Assessment(
        applied=name,
        premium=25000,
        shares=(("医疗救助", aid), ("财政", purse)),
        claims=tuple((funder, fen) for funder, fen in (("医疗救助", aid), ("财政", purse)) if fen),
        personal=personal,
        grant_way="",
        grant=0,
        categories=(name,),
        weighed=(Weighed(name, aid + purse, "按此项享受"),),
    )


def test_whoever_is_on_no_roster_pays_all():
    said = assess(NOTICE_2020, Applicant(), IN_TIME)

    assert said == Assessment(None, 25000, (("医疗救助", 0), ("财政", 0)), (), 25000, "", 0, (), ())
    assert said.why == "不在任何资助名单内，按一般户缴费。"


def test_of_all_overlaps_of_the_2020_notice_the_best_line_holds():
    wrong = []
    for names in OVERLAPS:
        aid, purse = LINES_2020[names[0]]
        expected = (names[0], {"医疗救助": aid, "财政": purse}, 25000 - aid - purse)
        if split(assess(NOTICE_2020, Applicant(categories=names), IN_TIME)) != expected:
            wrong.append(names)

    assert (len(OVERLAPS), wrong) == (255, [])


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("特困人员",), "特困人员资助250.00元，按此项享受。"),
        (
            ("城乡低保对象", "一二级残疾人"),
            "一二级残疾人资助250.00元，就高按此项享受；城乡低保对象资助125.00元，低于一二级残疾人。",
        ),
        (
            ("一二级残疾人", "特困人员"),
            "特困人员资助250.00元，就高按此项享受；一二级残疾人资助250.00元，与特困人员同额，特困人员优先。",
        ),
        (
            ("特困人员", "孤儿"),
            "特困人员资助250.00元，就高按此项享受；孤儿资助250.00元，与特困人员同额，特困人员优先。",
        ),
        (
            ("三四级残疾人", "建档立卡贫困人口"),
            "三四级残疾人资助125.00元，与建档立卡贫困人口同额，建档立卡贫困人口优先；建档立卡贫困人口资助125.00元，就高按此项享受。",
        ),
        (
            ("建档立卡贫困人口", "城乡低保对象"),
            "城乡低保对象资助125.00元，按此项享受；建档立卡贫困人口资助0.00元，已是城乡低保对象，不再按此项。",
        ),
        (
            ("建档立卡贫困人口", "城乡低保对象", "三四级残疾人"),
            "三四级残疾人资助125.00元，与城乡低保对象同额，城乡低保对象优先；城乡低保对象资助125.00元，就高按此项享受；"
            "建档立卡贫困人口资助0.00元，已是城乡低保对象，不再按此项。",
        ),
    ],
)
def test_an_assessment_says_why(names, why):
    assert assess(NOTICE_2020, Applicant(categories=names), IN_TIME).why == why


def test_a_status_the_notice_does_not_know_helps_nobody():
    assert assess(NOTICE_2020, Applicant(categories=("党员",)), IN_TIME) == assess(NOTICE_2020, Applicant(), IN_TIME)


def test_of_equal_lines_the_lower_priority_number_holds_then_the_notices_order():
    first, second, third = (line(name, of("财政", 200), priority=p) for name, p in [("甲", 2), ("乙", 1), ("丙", 1)])

    def applied(*lines):
        return assess(notice(categories=list(lines)), Applicant(categories=("丙", "甲", "乙")), IN_TIME).applied

    assert applied(first, second, third) == "乙"
    assert applied(first, third, second) == "丙"
    assert applied(first) == "甲"


# ── when somebody may pay ─────────────────────────────────────────────────────────────────────────────────────

NEW, MIGRANT, PUPIL = Applicant(grounds=NEWBORN), Applicant(is_migrant=True), Applicant(grounds=STUDENT)
SEASONS = [
    {"who": "general", "starts_on": "2019-10-01", "ends_on": "2019-12-31"},
    {"who": "newborn", "ends_on": "2020-03-31"},
    {"who": "migrant", "ends_on": "2020-02-29"},
    {"who": "student", "starts_on": "2019-09-01", "ends_on": "2019-10-31"},
]


@pytest.mark.parametrize(
    ("applicant", "last"),
    [
        (Applicant(), date(2019, 12, 31)),
        (Applicant(grounds="居住证"), date(2019, 12, 31)),
        (NEW, date(2019, 12, 31)),
        (PUPIL, date(2019, 12, 31)),
        (MIGRANT, date(2020, 2, 29)),
        (Applicant(grounds="居住证", is_migrant=True), date(2020, 2, 29)),
        (Applicant(grounds=NEWBORN, is_migrant=True), date(2019, 12, 31)),
    ],
)
def test_in_2020_everybody_pays_up_to_their_last_day(applicant, last):
    assert may_pay(NOTICE_2020, applicant, last)

    with pytest.raises(MayNotPay) as refusal:
        may_pay(NOTICE_2020, applicant, last + timedelta(days=1))
    assert str(refusal.value) == f"已过缴费截止日{last:%Y年%m月%d日}，不能缴费。"


@pytest.mark.parametrize(
    ("applicant", "last"),
    [
        (Applicant(), date(2019, 12, 31)),
        (NEW, date(2020, 3, 31)),
        (MIGRANT, date(2020, 2, 29)),
        (PUPIL, date(2019, 10, 31)),
        (replace(NEW, is_migrant=True), date(2020, 3, 31)),
        (replace(PUPIL, is_migrant=True), date(2020, 2, 29)),
    ],
)
def test_the_most_particular_period_holds(applicant, last):
    plan = notice(periods=SEASONS)

    assert may_pay(plan, applicant, last)
    with pytest.raises(MayNotPay):
        may_pay(plan, applicant, last + timedelta(days=1))


def test_nobody_pays_before_the_first_day():
    plan = notice(periods=SEASONS)

    assert may_pay(plan, Applicant(), date(2019, 10, 1))
    assert may_pay(plan, MIGRANT, date(2019, 9, 30))
    with pytest.raises(MayNotPay) as refusal:
        assess(plan, Applicant(), date(2019, 9, 30))
    assert str(refusal.value) == "2019年10月01日才开始缴费。"


LATE = notice(
    periods=SEASONS,
    categories=[line("低保", of("医疗救助", 200)), line("孤儿", of("财政", 400)), line("优抚", of("财政", 400))],
    add_ons=[{"name": "长期护理保险", "amount": 30}],
    late={"until": "2020-06-30", "amount": 800, "wait_months": 3},
)


def test_who_pays_late_pays_the_late_amount_without_help():
    said = assess(LATE, Applicant(categories=("优抚", "低保")), date(2020, 1, 1))

    assert said == Assessment(
        applied=None,
        premium=80000,
        shares=(("医疗救助", 0), ("财政", 0)),
        claims=(),
        personal=80000,
        grant_way="",
        grant=0,
        categories=("低保", "优抚"),
        weighed=(Weighed("低保", 0, "补缴期不再享受"), Weighed("优抚", 0, "补缴期不再享受")),
    )


@pytest.mark.parametrize(
    ("applicant", "on", "personal"),
    [
        (Applicant(), date(2019, 12, 31), 43000),
        (Applicant(), date(2020, 1, 1), 80000),
        (Applicant(), date(2020, 6, 30), 80000),
        (MIGRANT, date(2020, 2, 29), 43000),
        (MIGRANT, date(2020, 3, 1), 80000),
    ],
)
def test_late_begins_the_day_after_ones_own_period(applicant, on, personal):
    assert assess(LATE, applicant, on).personal == personal


def test_after_the_late_time_nobody_pays():
    with pytest.raises(MayNotPay) as refusal:
        assess(LATE, Applicant(), date(2020, 7, 1))
    assert str(refusal.value) == "已过缴费截止日2019年12月31日，不能缴费。"
    assert date(2020, 6, 30) == LATE.last_day


def test_a_paid_list_is_held_against_the_usual_amount_on_any_day():
    applicant = Applicant(categories=("低保",))

    assert split(assess_in_period(LATE, applicant, date(2020, 7, 1))) == ("低保", {"医疗救助": 20000, "财政": 0}, 23000)


# ── amounts ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tariff", "percent", "rounding", "round_to", "share"),
    [
        (250, 50, "half_up", "0.01", 12500),
        (0.25, 50, "down", "0.01", 12),
        (0.25, 50, "half_up", "0.01", 13),
        (0.25, 50, "up", "0.01", 13),
        (1, 33, "half_up", "0.10", 30),
        (1, 33, "up", "0.10", 40),
        (1, 35, "half_up", "0.10", 40),
        (1, 35, "down", "0.10", 30),
        (333, 50, "down", "1.00", 16600),
        (333, 50, "half_up", "1.00", 16700),
        (333, 50, "up", "1.00", 16700),
        (333, 100, "up", "1.00", 33300),
        (333, 0, "up", "1.00", 0),
        (49.99, 1, "half_up", "1.00", 0),
        (50, 1, "half_up", "1.00", 100),
        (380, 30, "half_up", "1.00", 11400),
    ],
)
def test_a_per_cent_is_rounded_as_the_notice_says(tariff, percent, rounding, round_to, share):
    plan = notice(
        tariffs=[{"amount": tariff}],
        overlap={"rounding": rounding, "round_to": round_to},
        categories=[line("低保", of("医疗救助", percent=percent))],
    )

    assert raw_shares(plan.categories[0], plan.tariffs[0], plan.overlap) == [("医疗救助", share)]
    assert split(assess(plan, Applicant(categories=("低保",)), IN_TIME)) == (
        "低保",
        {"医疗救助": share, "财政": 0},
        plan.tariffs[0].amount - share,
    )


CLASSES = notice(
    tariffs=[
        {"class": "成人", "tier": "一档", "amount": 400},
        {"class": "成人", "tier": "二档", "amount": 700},
        {"class": "学生", "tier": "一档", "amount": 300},
    ],
    categories=[
        line(
            "低保",
            of("医疗救助", percent=50),
            of("财政", 50, **{"class": "学生"}),
            of("财政", 100, tier="二档"),
        )
    ],
)


@pytest.mark.parametrize(
    ("tariff_class", "tier", "premium", "aid", "purse"),
    [
        ("", "", 40000, 20000, 0),
        ("成人", "", 40000, 20000, 0),
        ("", "二档", 70000, 35000, 10000),
        ("成人", "二档", 70000, 35000, 10000),
        ("学生", "", 30000, 15000, 5000),
        ("学生", "一档", 30000, 15000, 5000),
    ],
)
def test_each_class_and_tier_has_its_amounts(tariff_class, tier, premium, aid, purse):
    said = assess(CLASSES, Applicant(categories=("低保",), tariff_class=tariff_class, tier=tier), IN_TIME)

    assert (said.premium, dict(said.shares), said.personal) == (
        premium,
        {"医疗救助": aid, "财政": purse},
        premium - aid - purse,
    )


@pytest.mark.parametrize(("tariff_class", "tier"), [("老人", ""), ("", "三档"), ("学生", "二档")])
def test_a_class_or_tier_without_an_amount_is_refused(tariff_class, tier):
    with pytest.raises(NoTariff) as refusal:
        assess(CLASSES, Applicant(tariff_class=tariff_class, tier=tier), IN_TIME)

    assert str(refusal.value) == f"方案没有人群“{tariff_class or '成人'}”、档次“{tier or '一档'}”的缴费标准。"


def test_an_add_on_is_paid_by_the_person_however_much_they_are_helped():
    plan = notice(
        categories=[line("特困", of("医疗救助", 400))],
        add_ons=[{"name": "长期护理保险", "amount": 30}, {"name": "补充保险", "amount": "99.5"}],
    )

    said = assess(plan, Applicant(categories=("特困",)), IN_TIME)

    assert (said.premium, said.subsidy, said.personal) == (52950, 40000, 12950)


def test_aid_that_comes_later_is_paid_first_and_granted_back():
    plan = notice(categories=[line("计生", of("医疗救助", 100), of("财政", 150), way="先缴后补")])

    assert assess(plan, Applicant(categories=("计生",)), IN_TIME) == Assessment(
        applied="计生",
        premium=40000,
        shares=(("医疗救助", 10000), ("财政", 15000)),
        claims=(),
        personal=40000,
        grant_way="先缴后补",
        grant=25000,
        categories=("计生",),
        weighed=(Weighed("计生", 25000, "按此项享受"),),
    )


def test_a_funder_who_gives_nothing_is_shown_but_not_asked():
    plan = notice(categories=[line("低保", of("医疗救助", 200), of("财政", 0))])

    said = assess(plan, Applicant(categories=("低保",)), IN_TIME)

    assert (said.shares, said.claims) == ((("医疗救助", 20000), ("财政", 0)), (("医疗救助", 20000),))


@pytest.mark.parametrize(
    ("way", "personal", "grant_way", "grant", "claims"),
    [
        ("直接减免", 15000, "", 0, (("财政", 25000),)),
        ("税务请款", 15000, "", 0, (("财政", 25000),)),
        ("先缴后补", 40000, "先缴后补", 25000, ()),
        ("一折通", 40000, "一折通", 25000, ()),
    ],
)
def test_the_way_of_granting_decides_what_is_handed_over(way, personal, grant_way, grant, claims):
    plan = notice(categories=[line("优抚", of("财政", 250), way=way)])

    said = assess(plan, Applicant(categories=("优抚",)), IN_TIME)

    assert (said.personal, said.grant_way, said.grant, said.claims) == (personal, grant_way, grant, claims)


def test_stacked_aid_is_added_up_to_the_premium():
    plan = notice(
        overlap={"mode": "stack"},
        categories=[
            line("低保", of("医疗救助", 200)),
            line("残疾", of("财政", 150), of("医疗救助", 60)),
            line("计生", of("财政", 100), way="先缴后补"),
        ],
    )

    assert split(assess(plan, Applicant(categories=("低保",)), IN_TIME)) == (
        "低保",
        {"医疗救助": 20000, "财政": 0},
        20000,
    )
    assert assess(plan, Applicant(categories=("低保", "残疾")), IN_TIME) == Assessment(
        applied="残疾",
        premium=40000,
        # 低保 comes second and fills up what is left: 400 − 210 = 190.
        shares=(("医疗救助", 25000), ("财政", 15000)),
        claims=(("财政", 15000), ("医疗救助", 6000), ("医疗救助", 19000)),
        personal=0,
        grant_way="",
        grant=0,
        categories=("低保", "残疾"),
        weighed=(Weighed("低保", 20000, "叠加享受"), Weighed("残疾", 21000, "叠加享受")),
    )
    paid_later = assess(plan, Applicant(categories=("低保", "计生")), IN_TIME)
    assert (paid_later.personal, paid_later.grant_way, paid_later.grant) == (20000, "先缴后补", 10000)


# ── conditions ────────────────────────────────────────────────────────────────────────────────────────────────

HELPED, REFUSED = 30000, 40000


@pytest.mark.parametrize(
    ("condition", "applicant", "personal", "said"),
    [
        # full years on the notice's day, both bounds included
        ({"kind": "age", "at_least": 60}, Applicant(birth_date=date(1960, 1, 1)), HELPED, "按此项享受"),
        (
            {"kind": "age", "at_least": 60},
            Applicant(birth_date=date(1960, 1, 2)),
            REFUSED,
            "2020-01-01年龄59岁不符",
        ),
        ({"kind": "age", "at_most": 59}, Applicant(birth_date=date(1960, 1, 2)), HELPED, "按此项享受"),
        ({"kind": "age", "at_most": 59}, Applicant(birth_date=date(1960, 1, 1)), REFUSED, "2020-01-01年龄60岁不符"),
        ({"kind": "age", "at_most": 0}, Applicant(birth_date=date(2019, 1, 2)), HELPED, "按此项享受"),
        ({"kind": "age", "at_most": 0}, Applicant(birth_date=date(2020, 1, 2)), REFUSED, "2020-01-01年龄-1岁不符"),
        (
            {"kind": "age", "at_least": 18, "at_most": 59},
            Applicant(birth_date=date(2002, 2, 28)),
            REFUSED,
            "2020-01-01年龄17岁不符",
        ),
        ({"kind": "age", "at_least": 60}, Applicant(), REFUSED, "缺少出生日期"),
        ({"kind": "sex", "sex": "女"}, Applicant(sex="女"), HELPED, "按此项享受"),
        ({"kind": "sex", "sex": "女"}, Applicant(sex="男"), REFUSED, "性别不符"),
        ({"kind": "sex", "sex": "女"}, Applicant(), REFUSED, "性别不符"),
        ({"kind": "disability", "levels": [1, 2]}, Applicant(disability_level=2), HELPED, "按此项享受"),
        ({"kind": "disability", "levels": [1, 2]}, Applicant(disability_level=3), REFUSED, "残疾等级不符"),
        ({"kind": "disability", "levels": [1, 2]}, Applicant(), REFUSED, "残疾等级不符"),
        ({"kind": "has", "category": "党员"}, Applicant(categories=("党员",)), HELPED, "按此项享受"),
        ({"kind": "has", "category": "党员"}, Applicant(), REFUSED, "未同时具备党员"),
        ({"kind": "lacks", "category": "特困"}, Applicant(), HELPED, "按此项享受"),
    ],
)
def test_a_condition_is_kept(condition, applicant, personal, said):
    if condition["kind"] == "age":
        condition = {**condition, "on": "2020-01-01"}
    plan = notice(
        categories=[
            line("特困", of("财政", 400)),
            line("党员"),
            line("老人", of("财政", 100), conditions=[condition]),
        ]
    )

    assessed = assess(plan, replace(applicant, categories=(*applicant.categories, "老人")), IN_TIME)

    verdicts = {weighed.category: weighed.verdict for weighed in assessed.weighed}
    assert (assessed.personal, verdicts["老人"].removeprefix("就高")) == (personal, said)


def test_an_excluded_line_gives_nothing_and_says_so():
    plan = notice(
        categories=[
            line("特困", of("医疗救助", 400)),
            line("老人", of("财政", 400), conditions=[{"kind": "lacks", "category": "特困"}]),
        ]
    )

    said = assess(plan, Applicant(categories=("老人", "特困")), IN_TIME)

    assert (split(said), said.why) == (
        ("特困", {"医疗救助": 40000, "财政": 0}, 0),
        "特困资助400.00元，按此项享受；老人资助0.00元，已是特困，不再按此项。",
    )


def test_all_conditions_of_a_line_must_hold():
    both = [{"kind": "sex", "sex": "女"}, {"kind": "disability", "levels": [1]}]
    plan = notice(categories=[line("残疾", of("财政", 100), conditions=both)])

    def personal(**facts):
        return assess(plan, Applicant(categories=("残疾",), **facts), IN_TIME).personal

    assert personal(sex="女", disability_level=1) == HELPED
    assert personal(sex="女") == personal(disability_level=1) == REFUSED


@pytest.mark.parametrize(
    ("on", "personal", "verdict"),
    [
        (date(2019, 10, 31), 40000, "2019-11-01起才享受"),
        (date(2019, 11, 1), 30000, "按此项享受"),
        (date(2019, 11, 30), 30000, "按此项享受"),
        (date(2019, 12, 1), 40000, "2019-11-30已停止享受"),
    ],
)
def test_a_line_holds_on_the_days_it_is_valid(on, personal, verdict):
    valid = {"valid_from": "2019-11-01", "valid_to": "2019-11-30"}
    plan = notice(categories=[line("脱贫", of("财政", 100), **valid)])

    said = assess(plan, Applicant(categories=("脱贫",)), on)

    assert (said.personal, [weighed.verdict for weighed in said.weighed]) == (personal, [verdict])


# ── the 2026 example ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("applicant", "on", "applied", "personal", "grant"),
    [
        (Applicant(), date(2025, 10, 1), None, 40000, 0),
        (Applicant(tariff_class="学生", grounds=STUDENT), date(2025, 10, 1), None, 38000, 0),
        (Applicant(categories=("低保对象", "重度残疾人")), date(2025, 10, 1), "重度残疾人", 0, 0),
        (Applicant(categories=("低保对象", "防返贫监测对象")), date(2025, 10, 1), "低保对象", 20000, 0),
        (Applicant(categories=("计划生育特殊家庭成员",)), date(2025, 10, 1), "计划生育特殊家庭成员", 40000, 20000),
        (
            Applicant(categories=("计划生育特殊家庭成员", "三四级残疾人")),
            date(2025, 10, 1),
            "三四级残疾人",
            20000,
            0,
        ),
        (
            Applicant(categories=("农村独生子女父母",), birth_date=date(1965, 12, 31)),
            date(2025, 10, 1),
            "农村独生子女父母",
            40000,
            10000,
        ),
        (Applicant(categories=("农村独生子女父母",), birth_date=date(1966, 1, 1)), date(2025, 10, 1), None, 40000, 0),
        (Applicant(categories=("稳定脱贫人口",), is_migrant=True), date(2025, 12, 31), "稳定脱贫人口", 36000, 0),
        (Applicant(categories=("稳定脱贫人口",), is_migrant=True), date(2026, 1, 1), None, 40000, 0),
        (Applicant(categories=("特困人员",)), date(2025, 12, 31), "特困人员", 0, 0),
        (Applicant(categories=("特困人员",)), date(2026, 1, 1), None, 40000, 0),
        (Applicant(categories=("特困人员",), grounds=NEWBORN), date(2026, 3, 31), "特困人员", 0, 0),
    ],
)
def test_the_2026_example_is_reckoned_as_it_reads(applicant, on, applied, personal, grant):
    said = assess(NOTICE_2026, applicant, on)

    assert (said.applied, said.personal, said.grant) == (applied, personal, grant)


# ── whatever the notice says ──────────────────────────────────────────────────────────────────────────────────


@st.composite
def cases(draw):
    """A plan, a person of it with some of its statuses, and a day."""
    plan = draw(plans())
    tariff = draw(st.sampled_from(plan.tariffs))
    names = [category.name for category in plan.categories]
    ends = [period.ends_on for period in plan.periods] + ([plan.late.until] if plan.late else [])
    near = st.sampled_from([end + timedelta(days=days) for end in ends for days in (0, 1)])
    applicant = Applicant(
        categories=tuple(name for name in draw(st.permutations(names)) if draw(st.booleans())),
        birth_date=draw(st.none() | st.dates(date(1915, 1, 1), date(2020, 6, 30))),
        sex=draw(st.sampled_from(["", "男", "女"])),
        tariff_class=tariff.tariff_class,
        tier=tariff.tier,
        grounds=draw(st.sampled_from(GROUNDS)),
        is_migrant=draw(st.booleans()),
        disability_level=draw(st.none() | st.integers(1, 4)),
    )
    return plan, applicant, draw(near | SEASON)


def assess_on_any_day(plan, applicant, on):
    try:
        return assess(plan, applicant, on)
    except MayNotPay:
        return assess_in_period(plan, applicant, on)


@given(cases())
def test_the_shares_and_the_person_always_make_the_premium(case):
    said = assess_on_any_day(*case)

    assert said.subsidy + said.personal - said.grant == said.premium
    assert [name for name, _ in said.shares] == case[0].funder_names


@given(cases())
def test_claims_and_grant_are_the_whole_subsidy(case):
    said = assess_on_any_day(*case)

    assert sum(fen for _, fen in said.claims) + said.grant == said.subsidy
    assert (said.grant_way == "") == (said.grant == 0)


@given(cases())
def test_nobody_pays_or_gives_less_than_nothing(case):
    said = assess_on_any_day(*case)

    assert min(said.personal - said.grant, said.grant, *(fen for _, fen in said.shares)) >= 0


@given(cases())
def test_one_status_more_never_costs_a_person_more(case):
    plan, applicant, on = case
    said = assess_on_any_day(plan, applicant, on)

    for category in plan.categories:
        richer = assess_on_any_day(plan, replace(applicant, categories=(*applicant.categories, category.name)), on)
        assert richer.personal - richer.grant <= said.personal - said.grant


@given(cases(), st.randoms())
def test_the_order_of_statuses_never_matters(case, random):
    plan, applicant, on = case
    shuffled = list(applicant.categories)
    random.shuffle(shuffled)

    assert assess_on_any_day(plan, replace(applicant, categories=tuple(shuffled)), on) == assess_on_any_day(*case)


@given(cases())
def test_a_status_that_gives_nothing_is_never_applied_before_one_that_gives(case):
    plan, applicant, on = case
    said = assess_in_period(plan, applicant, on)

    best = max((weighed.total for weighed in said.weighed), default=0)
    applied = [weighed.total for weighed in said.weighed if weighed.category == said.applied]
    assert applied in ([best], [])
    assert applied or best == 0


# ── evidence recorded late ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("days", "grace", "is_late"), [(0, 0, False), (1, 0, True), (1, 1, False), (2, 1, True), (-1, 0, False)]
)
def test_typed_evidence_counts_by_itself_within_the_grace(days, grace, is_late):
    assert counts_late(IN_TIME, IN_TIME + timedelta(days=days), grace) is is_late
