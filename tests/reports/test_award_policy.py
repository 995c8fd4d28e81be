"""What the township judges by: rates, ranks, awards, deductions."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.policy import (
    AwardLine,
    Step,
    award_line,
    percent_text,
    ranks,
    rate_text,
    reaches,
)
from subsidies.plan import Award
from tests.subsidies.test_plan import NOTICE_2020, awards

GRID = NOTICE_2020.award
FIRST, SECOND, THIRD = GRID.days
END = date(2020, 2, 29)


def paid_by(*heads):
    """Heads paid by the first, the second and the third day; a day that has not come is left out."""
    return dict(zip(GRID.days, heads, strict=False))


def line_of(award=GRID, *, quota=100, by, paid=None, free=0, groups=None, is_over=True):
    return award_line(
        award,
        quota=quota,
        paid=max(by.values(), default=0) if paid is None else paid,
        paid_by=by,
        free=free,
        groups=groups or {},
        is_over=is_over,
    )


def award_with(**parts):
    """The 2020 award with something else in it; amounts in yuan."""
    return Award.model_validate({**GRID.model_dump(mode="json"), **parts})


# ── rates and ranks ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("part", "whole", "rate", "percent"),
    [
        (0, 100, "0.0000", "0.00%"),
        (95, 100, "0.9500", "95.00%"),
        (94996, 100000, "0.9499", "94.99%"),
        (99999, 100000, "0.9999", "99.99%"),
        (2, 3, "0.6666", "66.66%"),
        (100, 100, "1.0000", "100.00%"),
        (111, 100, "1.1100", "111.00%"),
        (1, 100000, "0.0000", "0.00%"),
        (5, 0, None, "0.00%"),
    ],
)
def test_a_rate_is_cut_and_never_rounded_up(part, whole, rate, percent):
    assert (rate_text(part, whole), percent_text(part, whole)) == (rate, percent)


def test_without_a_quota_there_is_no_rate():
    assert (rate_text(5, None), rate_text(0, 0), reaches(5, None, 0), reaches(5, 0, 95)) == (None, None, False, False)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 200))
def test_a_rate_shows_a_per_cent_exactly_when_it_is_reached(part, whole, percent):
    assert (Fraction(rate_text(part, whole)) >= Fraction(percent, 100)) == reaches(part, whole, percent)
    assert 0 <= Fraction(part, whole) - Fraction(rate_text(part, whole)) < Fraction(1, 10_000)


# 附件1: each unit's quota, and how many heads 95 % of it takes.
ANNEX = [
    (2810, 2670),
    (4566, 4338),
    (5186, 4927),
    (3192, 3033),
    (5752, 5465),
    (3003, 2853),
    (4365, 4147),
    (4878, 4635),
    (2135, 2029),
    (5471, 5198),
    (5897, 5603),
    (3330, 3164),
    (420, 399),
]


@pytest.mark.parametrize(("quota", "needs"), [*ANNEX, (51005, 48455)])
def test_95_per_cent_takes_whole_heads(quota, needs):
    assert (reaches(needs, quota, 95), reaches(needs - 1, quota, 95)) == (True, False)
    assert (reaches(quota, quota, 100), reaches(quota - 1, quota, 100)) == (True, False)


def test_the_townships_line_is_its_own_and_not_the_sum_of_the_units():
    assert (sum(quota for quota, _ in ANNEX), sum(needs for _, needs in ANNEX)) == (51005, 48461)
    assert reaches(48455, 51005, 95)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], []),
        ([(95, 100), (190, 200), (94, 100)], [1, 1, 3]),
        ([(1, 3), (2, 3), (33333, 100000)], [2, 1, 3]),
        ([(5, None), (1, 2), (7, 0), (0, 9)], [None, 1, None, 2]),
        ([(120, 100), (100, 100)], [1, 2]),
        ([(333_333_333_333, 10**12), (1, 3)], [2, 1]),
    ],
)
def test_units_are_ranked_by_exact_fractions(parts, expected):
    assert ranks(parts) == expected


# ── the award grid ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("by", "per_head"),
    [
        # each cell
        ((100, 100, 100), 120),
        ((95, 95, 95), 100),
        ((94, 100, 100), 100),
        ((94, 95, 95), 80),
        ((94, 94, 100), 80),
        ((94, 94, 95), 60),
        ((94, 94, 94), 0),
        # above and between
        ((101, 101, 101), 120),
        ((99, 99, 99), 100),
        ((94, 99, 99), 80),
        # the best cell, never a sum of cells
        ((95, 100, 100), 100),
        ((95, 95, 100), 100),
        ((94, 95, 100), 80),
        ((0, 0, 0), 0),
        # days to come
        ((95, 99), 100),
        ((94,), 0),
        ((), 0),
    ],
)
def test_the_award_is_the_best_cell_reached_in_time(by, per_head):
    assert line_of(by=paid_by(*by)).per_head == per_head


@pytest.mark.parametrize(("quota", "needs"), ANNEX)
@pytest.mark.parametrize(("day", "cell"), [(0, 100), (1, 80), (2, 60)])
def test_one_head_short_of_95_per_cent_is_a_cell_lower(quota, needs, day, cell):
    def per_head(heads):
        return line_of(quota=quota, by=paid_by(*[0] * day, *[heads] * (3 - day))).per_head

    assert per_head(needs) == cell
    assert per_head(needs - 1) == 0


def test_who_is_paid_after_the_last_day_counts_for_the_rate_and_the_heads_but_reaches_no_cell():
    line = line_of(by=paid_by(90, 92, 94), paid=100)

    assert (line.per_head, line.heads, line.award, line.fee, line.deduction) == (0, 100, 0, 2000, 0)
    assert line.why == "12月31日前已缴94人（94.00%），距95%差1人，未达任何一档。"


@pytest.mark.parametrize(("quota", "needs"), ANNEX)
def test_a_line_says_how_many_whole_heads_are_missing(quota, needs):
    assert "距95%差3人，" in line_of(quota=quota, by=paid_by(0, 0, needs - 3)).why


@pytest.mark.parametrize(
    ("quota", "fee", "award"),
    [(2810, 56200, 337200), (4566, 91320, 547920), (420, 8400, 50400), (51005, 1020100, 6120600)],
)
def test_all_paid_by_the_first_day_earn_what_annex_1_allows(quota, fee, award):
    line = line_of(quota=quota, by=paid_by(quota, quota, quota))

    assert (line.fee, line.award, line.payable) == (fee, award, fee + award)


def test_an_award_line_tells_everything():
    assert line_of(quota=2810, by=paid_by(2000, 2670, 2700), paid=2810) == AwardLine(
        milestones=(
            Step(FIRST, 2000, "0.7117", None),
            Step(SECOND, 2670, "0.9501", 95),
            Step(THIRD, 2700, "0.9608", 95),
        ),
        per_head=80,
        heads=2810,
        award=224800,
        fee=56200,
        deduction=0,
        payable=281000,
        why="12月20日前已缴2670人，占任务2810人的95.01%，达到95%档，每人0.80元。",
    )


def test_before_the_first_day_the_line_shows_how_many_are_paid_so_far():
    assert line_of(by={}, paid=99, is_over=False) == AwardLine(
        milestones=(Step(FIRST, 99, "0.9900", None), Step(SECOND, 99, "0.9900", None), Step(THIRD, 99, "0.9900", None)),
        per_head=0,
        heads=99,
        award=0,
        fee=1980,
        deduction=0,
        payable=1980,
        why="尚未到第一个节点（12月10日）。",
    )


def test_a_unit_without_a_quota_earns_its_fee():
    line = line_of(quota=0, by=paid_by(5, 5, 5))

    assert [(step.rate, step.reached) for step in line.milestones] == [(None, None)] * 3
    assert (line.per_head, line.heads, line.award, line.fee, line.payable) == (0, 5, 0, 100, 100)
    assert line.why == "无任务数，不计奖励。"


def test_a_notice_without_a_grid_awards_nothing():
    line = line_of(Award(fee_per_head=0.2), by={}, paid=100)

    assert (line.milestones, line.award, line.fee, line.why) == ((), 0, 2000, "方案没有设奖励。")


# ── whose heads ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("base", "heads_on", "heads"),
    [
        ("paid", "settlement", 110),
        ("paid", "milestone", 96),
        ("paid_without_full_subsidy", "settlement", 103),
        ("paid_without_full_subsidy", "milestone", 89),
        ("quota", "settlement", 100),
        ("quota", "milestone", 100),
    ],
)
def test_the_notice_says_whose_heads_are_awarded(base, heads_on, heads):
    line = line_of(award_with(base=base, heads_on=heads_on), by=paid_by(96, 97, 98), paid=110, free=7)

    # The fee is always for everybody who is paid.
    assert (line.heads, line.award, line.fee) == (heads, heads * 100, 2200)


def test_fully_subsidised_people_never_make_heads_negative():
    line = line_of(award_with(base="paid_without_full_subsidy"), quota=5, by=paid_by(5, 5, 5), free=9)

    assert (line.heads, line.award) == (0, 0)


# ── deductions ────────────────────────────────────────────────────────────────────────────────────────────────

POOR = "建档立卡贫困人口"
LOW, ALL_POOR, SOME_POOR = paid_by(90, 90, 90), {POOR: (7, 7)}, {POOR: (6, 7)}
HIGH = paid_by(95, 95, 95)
OF_RATE, OF_POOR = "完成率90.00%低于95%", "建档立卡贫困人口7人已缴6人，低于100%"


def deducting(mode, **parts):
    return award_with(deduction={"rate_below": 95, "groups": [{"category": POOR}], "mode": mode, **parts})


@pytest.mark.parametrize(
    ("when", "by", "groups", "deduction"),
    [
        ("any", HIGH, ALL_POOR, 0),
        ("any", LOW, ALL_POOR, 500),
        ("any", HIGH, SOME_POOR, 500),
        ("any", LOW, SOME_POOR, 500),
        ("all", HIGH, ALL_POOR, 0),
        ("all", LOW, ALL_POOR, 0),
        ("all", HIGH, SOME_POOR, 0),
        ("all", LOW, SOME_POOR, 500),
        # A village without such people has none unpaid.
        ("any", HIGH, {}, 0),
        ("any", HIGH, {POOR: (0, 0)}, 0),
        ("all", LOW, {}, 0),
    ],
)
def test_a_deduction_is_triggered_by_any_or_by_all(when, by, groups, deduction):
    award = deducting("fixed", amount=5, when=when)

    assert line_of(award, by=by, groups=groups).deduction == deduction


@pytest.mark.parametrize(
    ("mode", "parts", "by", "deduction", "payable"),
    [
        # 90 of 100 paid: no award, 18 yuan of fee; 95 of 100: 95 yuan of award, 19 of fee
        ("none", {"amount": 5}, LOW, 0, 1800),
        ("fixed", {"amount": 5}, LOW, 500, 1300),
        ("fixed", {"amount": 500}, LOW, 1800, 0),
        ("percent", {"percent": 10}, LOW, 180, 1620),
        ("percent", {"percent": 10}, HIGH, 1140, 10260),
        ("percent", {"percent": 100}, HIGH, 11400, 0),
        ("percent", {"percent": 200}, HIGH, 11400, 0),
        ("per_missing_head", {"amount": 1}, LOW, 1000, 800),
        ("per_missing_head", {"amount": 1}, HIGH, 500, 10900),
        ("per_missing_head", {"amount": 3}, LOW, 1800, 0),
    ],
)
def test_each_mode_of_deduction_and_never_below_nothing(mode, parts, by, deduction, payable):
    line = line_of(deducting(mode, **parts), by=by, groups=SOME_POOR)

    assert (line.deduction, line.payable) == (deduction, payable)


def test_a_village_above_its_quota_misses_nobody():
    award = deducting("per_missing_head", amount=1)

    assert line_of(award, by=paid_by(120, 120, 120), groups=SOME_POOR).deduction == 0


@pytest.mark.parametrize(
    ("mode", "is_over", "end"),
    [
        ("fixed", False, f"提醒：{OF_RATE}、{OF_POOR}，截止后将触发扣减。"),
        ("fixed", True, f"{OF_RATE}、{OF_POOR}，应扣减5.00元。"),
        ("none", True, f"{OF_RATE}、{OF_POOR}，触发扣减，方案未定数额。"),
    ],
)
def test_before_the_last_deadline_a_deduction_is_only_announced(mode, is_over, end):
    line = line_of(deducting(mode, amount=5), by=LOW, groups=SOME_POOR, is_over=is_over)

    assert line.why == f"12月31日前已缴90人（90.00%），距95%差5人，未达任何一档；{end}"
    assert line.deduction == (500 if mode == "fixed" and is_over else 0)


def test_the_2020_notice_deducts_for_any_of_its_two_lines_but_names_no_amount():
    line = line_of(by=HIGH, groups=SOME_POOR)

    assert (line.deduction, line.payable) == (0, 11400)
    assert line.why.endswith(f"；{OF_POOR}，触发扣减，方案未定数额。")


# ── whatever the notice says ──────────────────────────────────────────────────────────────────────────────────


@st.composite
def campaigns(draw):
    """A notice's award, and what a unit's evidence days look like: a quota and the day of each paid head."""
    award = Award.model_validate(draw(awards()))
    days = st.dates(date(2019, 9, 1), END)
    return award, draw(st.integers(0, 60)), draw(st.lists(days, max_size=70)), draw(days)


def earned(award, quota, paid_on, *, free=0):
    by = {day: sum(paid <= day for paid in paid_on) for day in award.days}
    return line_of(award, quota=quota, by=by, paid=len(paid_on), free=free)


@given(campaigns())
def test_one_more_paid_person_never_earns_a_unit_less(campaign):
    award, quota, paid_on, another = campaign
    award = award.model_copy(update={"base": "paid", "heads_on": "settlement"})

    assert earned(award, quota, [*paid_on, another]).payable >= earned(award, quota, paid_on).payable


@given(campaigns())
def test_a_person_paid_a_day_earlier_never_earns_a_unit_less(campaign):
    award, quota, paid_on, another = campaign
    award = award.model_copy(update={"base": "paid", "heads_on": "settlement"})

    earlier = earned(award, quota, [*paid_on, another - timedelta(days=1)])
    assert earlier.payable >= earned(award, quota, [*paid_on, another]).payable


@given(campaigns(), st.integers(0, 10))
def test_the_sum_of_an_award_line_adds_up_and_is_never_below_nothing(campaign, free):
    award, quota, paid_on, _ = campaign

    line = earned(award, quota, paid_on, free=free)

    assert line.payable == line.award + line.fee - line.deduction
    assert min(line.heads, line.award, line.fee, line.deduction, line.payable) >= 0
    assert line.award in {0, *(step.per_head * line.heads for step in award.steps)}
