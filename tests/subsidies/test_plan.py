"""The year's notice: read, checked, written again."""

import json
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from subsidies.plan import (
    BadPlan,
    LacksCategory,
    Plan,
    Source,
    document_of,
    fen_from_yuan,
    plan_from_document,
    plan_from_toml,
    raw_shares,
    toml_of,
    yuan,
)

PLANS = Path(__file__).parent.parent.parent / "plans"
NOTICE_2020 = plan_from_toml((PLANS / "2020.toml").read_text())
NOTICE_2026 = plan_from_toml((PLANS / "2026.toml").read_text())
NOTICES = pytest.mark.parametrize("plan", [NOTICE_2020, NOTICE_2026], ids=["2020", "2026"])

REMOVED = object()


def with_change(document, path, value):
    """A copy of a document where one thing is different; the path is dotted as in a complaint."""
    changed = deepcopy(document)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = changed
    for step in way:
        place = place[step]
    if value is REMOVED:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return changed


def complaints(document):
    try:
        plan_from_document(document)
    except BadPlan as bad:
        return [(error["path"], error["message"]) for error in bad.errors]
    return []


# ── plans that `plan check` accepts, made up ──────────────────────────────────────────────────────────────────

FUNDERS = ["医疗救助", "财政", "残联"]
NAMES = ["甲类", "乙类", "丙类", "丁类", "戊类"]
SEASON = st.dates(date(2019, 9, 1), date(2020, 6, 30))
UNITS = {"0.01": 1, "0.10": 10, "1.00": 100}


@st.composite
def shares(draw, classes, tiers, lowest):
    """Shares of one category: per cents up to 100, or yuan up to the lowest tariff."""
    found, left_percent, left_fen = [], 100, lowest
    in_percent = draw(st.booleans())
    for funder in draw(st.lists(st.sampled_from(FUNDERS), min_size=1, max_size=3)):
        share = {"funder": funder}
        if in_percent:
            share["percent"] = draw(st.sampled_from([left_percent, left_percent // 2, left_percent // 3, 0]))
            left_percent -= share["percent"]
        else:
            fen = draw(st.sampled_from([left_fen, left_fen // 2, left_fen // 3, 0]))
            share["amount"] = yuan(fen)
            left_fen -= fen
        if draw(st.sampled_from([False, False, True])):
            share["class"] = draw(st.sampled_from(classes))
        if draw(st.sampled_from([False, False, True])):
            share["tier"] = draw(st.sampled_from(tiers))
        found.append(share)
    return found


@st.composite
def conditions(draw, names):
    kind = draw(st.sampled_from(["age", "sex", "disability", "has"]))
    if kind == "age":
        low, high = sorted(draw(st.tuples(st.integers(0, 99), st.integers(0, 99))))
        return {"kind": kind, "at_least": low, "at_most": high, "on": draw(SEASON).isoformat()}
    if kind == "sex":
        return {"kind": kind, "sex": draw(st.sampled_from("男女"))}
    if kind == "disability":
        return {"kind": kind, "levels": draw(st.lists(st.integers(1, 4), unique=True))}
    return {"kind": kind, "category": draw(st.sampled_from(names))}


@st.composite
def categories(draw, classes, tiers, lowest, may_exclude):
    names = NAMES[: draw(st.sampled_from([5, 4, 3, 2, 1, 0]))]
    found = []
    for i, name in enumerate(names):
        category = {
            "name": name,
            "aliases": [f"{name}人员"] if draw(st.booleans()) else [],
            "label": f"{name}户",
            "priority": draw(st.integers(1, 3)),
            "way": draw(st.sampled_from(["直接减免", "税务请款", "先缴后补", "一折通"])),
            "shares": draw(shares(classes, tiers, lowest)),
        }
        if may_exclude and i == 0:
            # The first line is worth all that others are and has no condition: only such a line may exclude.
            category["shares"] = [{"funder": FUNDERS[0], "percent": 100}]
            found.append(category)
            continue
        category["conditions"] = [draw(conditions(names)) for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2])))]
        if may_exclude and draw(st.booleans()):
            category["conditions"].append({"kind": "lacks", "category": names[0]})
        if draw(st.sampled_from([False, False, False, True])):
            category["valid_from"], category["valid_to"] = (
                day.isoformat() for day in sorted(draw(st.tuples(SEASON, SEASON)))
            )
        found.append(category)
    return found


@st.composite
def periods(draw):
    found = []
    for who in ["general", *draw(st.lists(st.sampled_from(["newborn", "migrant", "student"]), unique=True))]:
        first, pressed, last = sorted(draw(st.tuples(SEASON, SEASON, SEASON)))
        period = {"who": who, "ends_on": last.isoformat()}
        if draw(st.booleans()):
            period["starts_on"] = first.isoformat()
        if draw(st.booleans()):
            period["internal_ends_on"] = pressed.isoformat()
        found.append(period)
    return found


@st.composite
def awards(draw):
    """A grid whose amounts fall with the days and rise with the per cent."""
    days = sorted(draw(st.lists(SEASON, unique=True, max_size=3)))
    percents = sorted(draw(st.lists(st.integers(0, 120), unique=True, max_size=3)), reverse=True)
    steps = [
        {"by": day.isoformat(), "percent": percent, "per_head": yuan(200 - 30 * i - 20 * j)}
        for i, day in enumerate(days)
        for j, percent in enumerate(percents)
    ]
    return {
        "base": draw(st.sampled_from(["paid", "paid_without_full_subsidy", "quota"])),
        "heads_on": draw(st.sampled_from(["settlement", "milestone"])),
        "fee_per_head": yuan(draw(st.integers(0, 100))),
        "steps": steps,
        "deduction": {
            "when": draw(st.sampled_from(["any", "all"])),
            "mode": draw(st.sampled_from(["none", "fixed", "percent", "per_missing_head"])),
            "rate_below": draw(st.integers(0, 120)),
            "percent": draw(st.integers(0, 200)),
            "amount": yuan(draw(st.integers(0, 100_000))),
        },
    }


@st.composite
def plans(draw):
    """Any plan that `plan check` accepts, of one to four tariffs and up to five categories."""
    classes = draw(st.sampled_from([[""], ["居民", "学生"]]))
    tiers = draw(st.sampled_from([[""], ["一档", "二档"]]))
    round_to = draw(st.sampled_from(list(UNITS)))
    amounts = {
        (c, t): draw(st.sampled_from([400, 333, 250, 25, 1, 0])) * UNITS[round_to] for c in classes for t in tiers
    }
    mode = draw(st.sampled_from(["best", "best", "stack"]))
    may_exclude = mode == "best" and draw(st.booleans())
    document = {
        "notice": {"title": "某镇筹资方案", "year": 2020},
        "tariffs": [{"class": c, "tier": t, "amount": yuan(fen)} for (c, t), fen in amounts.items()],
        "add_ons": draw(st.sampled_from([[], [{"name": "长期护理保险", "amount": "30.00"}]])),
        "funders": [{"name": name} for name in FUNDERS],
        "overlap": {"mode": mode, "rounding": draw(st.sampled_from(["down", "up", "half_up"])), "round_to": round_to},
        "categories": draw(categories(classes, tiers, min(amounts.values()), may_exclude)),
        "periods": draw(periods()),
        "award": draw(awards()),
        "register": {"title": "登记表"},
    }
    if draw(st.booleans()):
        document["late"] = {"until": draw(SEASON).isoformat(), "amount": yuan(draw(st.integers(0, 100_000)))}
    try:
        return plan_from_document(document)
    except BadPlan:
        # Several shares rounded up can come to more than the tariff.
        assume(False)


# ── the notices say what the papers say ───────────────────────────────────────────────────────────────────────

TARIFF_2020 = NOTICE_2020.tariffs[0]


def test_the_2020_notice_has_its_six_lines():
    lines = [
        (category.name, raw_shares(category, TARIFF_2020, NOTICE_2020.overlap), category.priority, category.label)
        for category in NOTICE_2020.categories
    ]

    assert lines == [
        ("特困人员", [("医疗救助", 25000)], 1, "五保户"),
        ("孤儿", [("医疗救助", 25000)], 1, "孤儿"),
        ("百岁老人", [("医疗救助", 25000)], 1, "一般户"),
        ("社会保障兜底脱贫对象", [("医疗救助", 12500), ("财政", 12500)], 2, "社会保障兜底户"),
        ("一二级残疾人", [("财政", 25000)], 3, "一、二级残疾"),
        ("三四级残疾人", [("财政", 12500)], 6, "三、四级残疾"),
        ("城乡低保对象", [("医疗救助", 12500)], 4, "一般低保户"),
        ("建档立卡贫困人口", [("财政", 12500)], 5, "建档立卡贫困户"),
    ]
    assert {c.name: c.conditions for c in NOTICE_2020.categories if c.conditions} == {
        "建档立卡贫困人口": (LacksCategory(category="城乡低保对象"),)
    }
    assert [c.source.clause for c in NOTICE_2020.categories] == ["四.1"] * 3 + [f"四.{line}" for line in range(2, 7)]


def test_the_2020_notice_has_its_amount_and_dates():
    assert [(t.tariff_class, t.tier, t.amount) for t in NOTICE_2020.tariffs] == [("", "", 25000)]
    assert [(p.who, p.starts_on, p.ends_on, p.internal_ends_on) for p in NOTICE_2020.periods] == [
        ("general", None, date(2019, 12, 31), None),
        ("newborn", None, date(2019, 12, 31), None),
        ("migrant", None, date(2020, 2, 29), date(2019, 12, 31)),
    ]
    assert [(m.percent, m.on) for m in NOTICE_2020.milestones] == [(95, date(2019, 12, 31)), (100, date(2020, 2, 29))]
    assert (NOTICE_2020.year, NOTICE_2020.last_day, NOTICE_2020.late) == (2020, date(2020, 2, 29), None)


def test_the_2020_notice_has_its_award_grid():
    award = NOTICE_2020.award

    assert {(step.by, step.percent): step.per_head for step in award.steps} == {
        (date(2019, 12, 10), 100): 120,
        (date(2019, 12, 10), 95): 100,
        (date(2019, 12, 20), 100): 100,
        (date(2019, 12, 20), 95): 80,
        (date(2019, 12, 31), 100): 80,
        (date(2019, 12, 31), 95): 60,
    }
    assert award.days == [date(2019, 12, 10), date(2019, 12, 20), date(2019, 12, 31)]
    assert (award.base, award.heads_on, award.fee_per_head) == ("paid", "settlement", 20)
    assert award.deduction.model_dump() == {
        "rate_below": 95,
        "groups": ({"category": "建档立卡贫困人口", "below": 100},),
        "when": "any",
        "mode": "none",
        "amount": 0,
        "percent": 0,
    }


def test_the_2020_register_counts_those_who_pay_half():
    half = [
        category.name
        for category in NOTICE_2020.categories
        if sum(fen for _, fen in raw_shares(category, TARIFF_2020, NOTICE_2020.overlap)) * 2 == TARIFF_2020.amount
    ]

    assert sorted(count.category for count in NOTICE_2020.register_form.pure_counts) == sorted(half)


def test_the_2026_example_helps_each_class_in_whole_yuan():
    helped = {
        category.name: [
            sum(fen for _, fen in raw_shares(category, tariff, NOTICE_2026.overlap)) for tariff in NOTICE_2026.tariffs
        ]
        for category in NOTICE_2026.categories
    }

    assert [(t.tariff_class, t.amount) for t in NOTICE_2026.tariffs] == [("居民", 40000), ("学生", 38000)]
    assert helped == {
        "特困人员": [40000, 38000],
        "孤儿": [40000, 38000],
        "事实无人抚养儿童": [40000, 38000],
        "重度残疾人": [40000, 38000],
        "百岁老人": [40000, 38000],
        "重点优抚对象": [40000, 38000],
        "低保对象": [20000, 19000],
        "返贫致贫人口": [20000, 19000],
        "防返贫监测对象": [20000, 19000],
        "三四级残疾人": [20000, 19000],
        "计划生育特殊家庭成员": [20000, 19000],
        "低保边缘家庭成员": [12000, 11400],
        "农村独生子女父母": [10000, 10000],
        "稳定脱贫人口": [4000, 4000],
    }


@NOTICES
def test_every_label_stands_in_the_registers_legend(plan):
    assert {category.label for category in plan.categories} | {plan.register_form.plain_label} == set(
        plan.register_form.legend
    )


@NOTICES
def test_every_amount_names_its_paper(plan):
    amounts = [*plan.tariffs, *plan.categories, plan.award]

    assert [part for part in amounts if part.source == Source() or not part.source.clause] == []


@NOTICES
def test_a_category_or_channel_is_found_by_its_aliases(plan):
    for category in plan.categories:
        assert {plan.category(word) for word in (category.name, *category.aliases)} == {category}
        assert plan.label(category.name) == category.label
    for channel in plan.channels:
        assert {plan.channel(word) for word in (channel.name, *channel.aliases)} == {channel}
    assert (plan.category("一般户"), plan.channel(""), plan.label(None)) == (None, None, "一般户")


# ── written and read again ────────────────────────────────────────────────────────────────────────────────────


@NOTICES
def test_a_notice_is_the_same_after_writing_and_reading(plan):
    written = toml_of(plan)

    assert plan_from_toml(written) == plan
    assert toml_of(plan_from_toml(written)) == written
    assert plan_from_document(json.loads(json.dumps(document_of(plan)))) == plan


@given(plans())
def test_any_plan_is_the_same_after_writing_and_reading(plan):
    assert plan_from_toml(toml_of(plan)) == plan
    assert plan_from_document(json.loads(json.dumps(document_of(plan)))) == plan


def test_toml_writes_yuan_as_a_notice_does():
    written = toml_of(NOTICE_2020)

    assert ("amount = 250\n" in written, "per_head = 1.2\n" in written, "250.0" in written) == (True, True, False)


def test_json_writes_yuan_with_two_decimals():
    document = document_of(NOTICE_2020)

    assert document["tariffs"][0]["amount"] == "250.00"
    assert document["award"]["fee_per_head"] == "0.20"
    assert document["award"]["steps"][0] == {"by": "2019-12-10", "percent": 100, "per_head": "1.20"}


@given(st.integers(0, 100_000_000))
def test_every_amount_survives_being_written_as_yuan(fen):
    assert fen_from_yuan(yuan(fen)) == fen
    assert fen_from_yuan(fen / 100) == fen


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "0.00"), (5, "0.05"), (25000, "250.00"), (-5, "-0.05"), (-12500, "-125.00")]
)
def test_yuan_have_two_decimals(fen, text):
    assert yuan(fen) == text


def test_the_schema_can_be_written_as_json():
    schema = json.loads(json.dumps(Plan.model_json_schema()))

    assert set(schema["required"]) == {"notice", "tariffs", "periods", "register"}
    assert schema["properties"].keys() == set(document_of(NOTICE_2020)) | {"late"}


# ── what is wrong, and where ──────────────────────────────────────────────────────────────────────────────────

DOCUMENT = document_of(NOTICE_2020)
TWO_DECIMALS = "金额最多两位小数，单位元。"
NO_AMOUNT = "金额应为数字，单位元，如 250 或 1.2。"
OUT_OF_RANGE = "金额应在 0 到 1,000,000 元之间。"
NO_DATE = "应为日期，如 2019-12-31。"
WRONG_DATE = "日期不对，应如 2019-12-31。"


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        (12.345, TWO_DECIMALS),
        ("12.345", TWO_DECIMALS),
        (0.1 + 0.2, TWO_DECIMALS),
        ("NaN", TWO_DECIMALS),
        (float("nan"), TWO_DECIMALS),
        (float("inf"), TWO_DECIMALS),
        (Decimal("-Infinity"), TWO_DECIMALS),
        ("sNaN", NO_AMOUNT),
        ("二百五", NO_AMOUNT),
        ("", NO_AMOUNT),
        (True, NO_AMOUNT),
        (None, NO_AMOUNT),
        ([250], NO_AMOUNT),
        ({}, NO_AMOUNT),
        (Decimal("1e999999"), NO_AMOUNT),
        (-1, OUT_OF_RANGE),
        (-0.01, OUT_OF_RANGE),
        (1_000_000.01, OUT_OF_RANGE),
        (1e300, OUT_OF_RANGE),
    ],
)
def test_an_amount_is_yuan_with_at_most_two_decimals(amount, message):
    assert complaints(with_change(DOCUMENT, "tariffs.0.amount", amount)) == [("tariffs.0.amount", message)]


@pytest.mark.parametrize(
    ("amount", "fen"),
    [(250, 25000), (1.2, 120), ("0.20", 20), (Decimal("250.10"), 25010), (" 250 ", 25000), (0, 0), (1_000_000, 10**8)],
)
def test_an_amount_may_be_a_number_or_text(amount, fen):
    assert fen_from_yuan(amount) == fen


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        # spelling, and what must be there
        ("bonus", 1, "没有这一项，请核对拼写。"),
        ("award.per_head", 1, "没有这一项，请核对拼写。"),
        ("categories.0.share", [], "没有这一项，请核对拼写。"),
        ("notice", REMOVED, "缺少这一项。"),
        ("tariffs", REMOVED, "缺少这一项。"),
        ("register.title", REMOVED, "缺少这一项。"),
        ("periods.0.ends_on", REMOVED, "缺少这一项。"),
        ("categories.0.shares", REMOVED, "缺少这一项。"),
        ("tariffs", [], "至少要有一项。"),
        ("periods", [], "至少要有一项。"),
        # types
        ("notice", "XX镇", "应为一组设置。"),
        ("categories", {}, "应为列表。"),
        ("categories.0.name", 5, "应为文字（加引号）。"),
        ("categories.0.name", "", "不能为空。"),
        ("categories.0.name", "  ", "不能为空。"),
        ("notice.title", "长" * 61, "文字太长。"),
        ("cash.is_allowed", "也许", "应为 true 或 false。"),
        ("cash.is_allowed", [], "应为 true 或 false。"),
        ("notice.year", "今年", "应为整数。"),
        ("notice.year", 2020.5, "应为整数。"),
        ("notice.year", [], "应为整数。"),
        ("notice.year", "1" * 5000, "应为整数。"),
        ("notice.year", 1999, "应不小于 2000。"),
        ("notice.year", 2101, "应不大于 2100。"),
        ("categories.0.priority", 0, "应不小于 1。"),
        ("register.rows_per_page", 26, "应不大于 25。"),
        ("milestones.0.percent", 94.5, "应为整数。"),
        ("milestones.0.percent", True, "应为整数。"),
        ("milestones.0.percent", float("nan"), "应为整数。"),
        ("milestones.0.percent", float("inf"), "应为整数。"),
        ("milestones.0.percent", Decimal("Infinity"), "应为整数。"),
        ("milestones.0.percent", -1, "应不小于 0。"),
        ("milestones.0.percent", 201, "应不大于 200。"),
        # one of a few words
        ("overlap.mode", "sum", "只能是 'best'、'stack' 之一。"),
        ("overlap.rounding", "even", "只能是 'down'、'up'、'half_up' 之一。"),
        ("periods.0.who", "cadre", "只能是 'general'、'newborn'、'migrant'、'student' 之一。"),
        ("rate_base", "people", "只能是 'quota'、'hukou'、'listed' 之一。"),
        ("award.base", "people", "只能是 'paid'、'paid_without_full_subsidy'、'quota' 之一。"),
        ("award.deduction.mode", "half", "只能是 'none'、'fixed'、'percent'、'per_missing_head' 之一。"),
        ("categories.0.way", "现金", "只能是 '直接减免'、'税务请款'、'先缴后补'、'一折通' 之一。"),
        # dates
        ("periods.0.ends_on", "2019-02-30", WRONG_DATE),
        ("periods.0.ends_on", "年-底-前", WRONG_DATE),
        ("periods.0.ends_on", "年底", NO_DATE),
        ("periods.0.ends_on", "20191231", NO_DATE),
        ("periods.0.ends_on", 20191231, NO_DATE),
        ("periods.0.ends_on", 0, NO_DATE),
        ("periods.0.ends_on", "1577750400", NO_DATE),
        ("periods.0.ends_on", True, NO_DATE),
        ("periods.0.ends_on", None, NO_DATE),
        ("periods.0.ends_on", "2019-12-31T08:00:00", "只写日期，不写钟点，如 2019-12-31。"),
    ],
)
def test_a_field_says_what_it_must_be(path, value, message):
    assert complaints(with_change(DOCUMENT, path, value)) == [(path, message)]


CATEGORY = {"name": "五好家庭", "label": "五好户", "priority": 9, "shares": []}
GENERAL = {"who": "general", "ends_on": "2019-12-31"}


def condition(**what):
    return {**CATEGORY, "conditions": [what]}


@pytest.mark.parametrize(
    ("path", "value", "where", "message"),
    [
        # parts that do not fit together
        ("categories.0.shares.0.percent", 50, "categories.0.shares.0", "amount（元）与 percent（%）须写且只写一个。"),
        (
            "categories.0.shares.0.amount",
            REMOVED,
            "categories.0.shares.0",
            "amount（元）与 percent（%）须写且只写一个。",
        ),
        ("periods.0.starts_on", "2020-01-01", "periods.0", "开始日不能晚于截止日。"),
        ("periods.0.internal_ends_on", "2020-01-01", "periods.0", "镇里要求的完成日不能晚于截止日。"),
        (
            "categories.8",
            {**CATEGORY, "valid_from": "2020-01-01", "valid_to": "2019-12-31"},
            "categories.8",
            "有效期的开始日不能晚于结束日。",
        ),
        (
            "categories.8",
            condition(kind="age", at_least=60, at_most=59, on="2020-01-01"),
            "categories.8.conditions.0.age",
            "年龄的下限不能大于上限。",
        ),
        (
            "categories.8",
            condition(kind="income", at_most=1),
            "categories.8.conditions.0",
            "条件种类（kind）只能是 age、sex、disability、has、lacks。",
        ),
        ("categories.8", condition(category="孤儿"), "categories.8.conditions.0", "条件缺少种类（kind）。"),
        (
            "categories.8",
            condition(kind="disability", levels=[1, 5]),
            "categories.8.conditions.0.disability.levels.1",
            "应不大于 4。",
        ),
        # names that stand twice or nowhere
        ("tariffs.1", {"amount": 250}, "tariffs", "“人群（空）、档次（空）”写了两次。"),
        ("funders.2", {"name": "财政"}, "funders", "“财政”写了两次。"),
        ("categories.8", {**CATEGORY, "name": "孤儿"}, "categories", "“孤儿”写了两次。"),
        ("categories.8", {**CATEGORY, "aliases": ["低保"]}, "categories", "“低保”写了两次。"),
        ("categories.8", {**CATEGORY, "name": "一般户"}, "categories", "一般户是没有资助身份的人，不能作为身份名称。"),
        ("periods.3", GENERAL, "periods", "“general”写了两次。"),
        ("channels.4", {"name": "微信"}, "channels", "“微信”写了两次。"),
        ("exemptions.11", {"reason": "死亡"}, "exemptions", "“死亡”写了两次。"),
        (
            "award.steps.6",
            {"by": "2019-12-31", "percent": 95, "per_head": "0.60"},
            "award.steps",
            "“2019-12-31 的 95%”写了两次。",
        ),
        (
            "award.deduction.groups.0.category",
            "建档立卡",
            "award.deduction.groups.0",
            "身份“建档立卡”不在 categories 里。",
        ),
        ("register.pure_counts.0.category", "低保", "register.pure_counts.0", "身份“低保”不在 categories 里。"),
        (
            "categories.8",
            condition(kind="has", category="党员"),
            "categories.8.conditions.0",
            "身份“党员”不在 categories 里。",
        ),
        (
            "categories.8",
            condition(kind="lacks", category="党员"),
            "categories.8.conditions.0",
            "身份“党员”不在 categories 里。",
        ),
        # shares
        ("categories.0.shares.0.funder", "民政", "categories.0.shares.0", "资金来源“民政”不在 funders 里。"),
        (
            "categories.8",
            {**CATEGORY, "shares": [{"funder": "财政", "class": "学生", "amount": 1}]},
            "categories.8.shares.0",
            "人群“学生”不在 tariffs 里。",
        ),
        (
            "categories.8",
            {**CATEGORY, "shares": [{"funder": "财政", "tier": "二档", "amount": 1}]},
            "categories.8.shares.0",
            "档次“二档”不在 tariffs 里。",
        ),
        (
            "categories.0.shares.0.amount",
            250.01,
            "categories.0",
            "“特困人员”资助合计 250.01 元，超过缴费标准 250.00 元。",
        ),
        (
            "categories.8",
            {**CATEGORY, "shares": [{"funder": "财政", "percent": 60}, {"funder": "医疗救助", "percent": 41}]},
            "categories.8",
            "“五好家庭”资助合计 252.50 元，超过缴费标准 250.00 元。",
        ),
        # what excludes a line must be worth as much
        (
            "categories.6.shares.0.amount",
            124.99,
            "categories.7.conditions",
            "“城乡低保对象”资助少于“建档立卡贫困人口”，排除后有人反而多缴。",
        ),
        (
            "categories.6.conditions",
            [{"kind": "sex", "sex": "女"}],
            "categories.7.conditions",
            "“城乡低保对象”自带条件或有效期，不能用来排除“建档立卡贫困人口”，否则有人反而多缴。",
        ),
        (
            "categories.6.valid_from",
            "2019-10-01",
            "categories.7.conditions",
            "“城乡低保对象”自带条件或有效期，不能用来排除“建档立卡贫困人口”，否则有人反而多缴。",
        ),
        (
            "categories.6.valid_to",
            "2019-10-01",
            "categories.7.conditions",
            "“城乡低保对象”自带条件或有效期，不能用来排除“建档立卡贫困人口”，否则有人反而多缴。",
        ),
        (
            "categories.7.conditions.0.category",
            "建档立卡贫困人口",
            "categories.7.conditions",
            "“建档立卡贫困人口”自带条件或有效期，不能用来排除“建档立卡贫困人口”，否则有人反而多缴。",
        ),
        ("overlap.mode", "stack", "overlap.mode", "叠加享受（stack）时不能再写排除条件。"),
        ("overlap.round_to", "0.05", "overlap.round_to", "取整单位只能是 0.01、0.1 或 1 元。"),
        ("overlap.round_to", 0, "overlap.round_to", "取整单位只能是 0.01、0.1 或 1 元。"),
        # dates and steps in order
        ("periods.0.who", "student", "periods", '缺少一般居民（who = "general"）的缴费截止日。'),
        ("milestones.1.percent", 94, "milestones", "2020-02-29 的进度要求低于更早的 2019-12-31。"),
        ("award.steps.2.per_head", "1.21", "award.steps", "同为 100%，2019-12-20 的奖励不能高于更早的 2019-12-10。"),
        ("award.steps.1.per_head", "10", "award.steps", "2019-12-10 达到 95% 的奖励不能高于达到 100% 的。"),
    ],
)
def test_a_notice_that_contradicts_itself_is_refused(path, value, where, message):
    assert complaints(with_change(DOCUMENT, path, value)) == [(where, message)]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("periods.0.starts_on", "2019-12-31"),
        ("periods.0.internal_ends_on", "2019-12-31"),
        ("categories.0.valid_from", "2019-12-31"),
        ("categories.8", {**CATEGORY, "valid_from": "2019-12-31", "valid_to": "2019-12-31"}),
        ("categories.8", condition(kind="age", at_least=60, at_most=60, on="2020-01-01")),
        ("categories.8", {**CATEGORY, "shares": [{"funder": "财政", "amount": 250}]}),
        (
            "categories.8",
            {**CATEGORY, "shares": [{"funder": "财政", "percent": 50}, {"funder": "财政", "percent": 50}]},
        ),
        ("milestones.1.percent", 95),
        ("award.steps.2.per_head", "1.20"),
        ("award.steps.1.per_head", "1.20"),
    ],
)
def test_what_is_equal_does_not_contradict(path, value):
    assert complaints(with_change(DOCUMENT, path, value)) == []


def test_all_that_is_wrong_is_said_at_once():
    document = with_change(DOCUMENT, "tariffs.0.amount", 12.345)
    document = with_change(document, "periods.0.ends_on", "年底")
    document = with_change(document, "award.bonus", 1)

    assert complaints(document) == [
        ("tariffs.0.amount", TWO_DECIMALS),
        ("periods.0.ends_on", NO_DATE),
        ("award.bonus", "没有这一项，请核对拼写。"),
    ]


def test_every_line_above_the_tariff_is_named():
    document = with_change(DOCUMENT, "tariffs.1", {"class": "学生", "amount": 200})

    assert complaints(document) == [
        (f"categories.{i}", f"“{name}”资助合计 250.00 元，超过缴费标准 200.00 元。")
        for i, name in enumerate(["特困人员", "孤儿", "百岁老人", "社会保障兜底脱贫对象", "一二级残疾人"])
    ]


def test_a_bad_plan_tells_its_faults_in_one_sentence():
    with pytest.raises(BadPlan) as refusal:
        plan_from_document(with_change(DOCUMENT, "rate_base", "people"))

    assert str(refusal.value) == "rate_base：只能是 'quota'、'hukou'、'listed' 之一。"


@pytest.mark.parametrize("document", [None, [], "方案", 2020])
def test_a_plan_is_a_group_of_settings(document):
    assert complaints(document) == [("（全文）", "应为一组设置。")]


@pytest.mark.parametrize(
    "text",
    [
        "方案",
        "year = ",
        "year = 2020\nyear = 2021",
        "on = 2019-02-30",
        'title = "没有收尾',
        "year = " + "1" * 5000,
        "x = " + "[" * 2000,
    ],
    ids=["words", "nothing", "twice", "no-day", "open", "endless", "deep"],
)
def test_what_is_no_toml_is_refused(text):
    with pytest.raises(BadPlan) as refusal:
        plan_from_toml(text)

    [error] = refusal.value.errors
    assert error["path"] == "（全文）"
    assert error["message"].startswith("不是正确的 TOML：")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
        max_leaves=5,
    )
)
def test_any_value_in_any_place_is_taken_or_refused(value):
    for path in ("notice", "tariffs.0.amount", "categories", "periods.0.ends_on", "milestones.0.percent", "register"):
        complaints(with_change(DOCUMENT, path, value))
