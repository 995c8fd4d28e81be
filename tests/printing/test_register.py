from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.printing.register import (
    PureCount,
    RegisterForm,
    Tally,
    has_only,
    lay_out,
    numbered,
    page_sha256,
    total_of,
)

from .cast import FORM, PURE, make_row, make_rows

CATEGORIES = (*PURE.values(), "一二级残疾人")
ROWS = st.lists(
    st.builds(
        make_row,
        household=st.sampled_from("abcdefgh"),
        group=st.sampled_from(["1组", "2组", ""]),
        categories=st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True).map(tuple),
        paid_fen=st.sampled_from([None, 0, 12500, 25000]),
        subsidy_fen=st.sampled_from([None, 0, 12500, 25000]),
    ),
    max_size=60,
)
FORMS = st.builds(RegisterForm, pure_labels=st.just(PURE), legend=st.just(()), rows_per_page=st.integers(1, 25))


def test_a_page_holds_one_group_and_at_most_its_rows():
    rows = make_rows("甲乙丙丁", group="1组") + make_rows("戊己", group="2组")

    pages = lay_out(rows, replace(FORM, rows_per_page=3))

    assert [(page.number, page.of, page.group, page.first_serial) for page in pages] == [
        (1, 3, "1组", 1),
        (2, 3, "1组", 4),
        (3, 3, "2组", 5),
    ]
    assert ["".join(row.name for row in page.rows) for page in pages] == ["甲乙丙", "丁", "戊己"]


def test_a_footer_counts_households_people_and_money():
    low, poor = "城乡低保对象", "建档立卡贫困人口"
    rows = [
        make_row("甲", "1", categories=(low,), paid_fen=12500, subsidy_fen=12500),
        make_row("乙", "1", categories=(low, poor), paid_fen=12500, subsidy_fen=12500),
        make_row("丙", "2", categories=(poor,), paid_fen=None, subsidy_fen=12500),
        make_row("丁", "2"),
    ]

    (page,) = lay_out(rows, FORM)

    assert page.tally == Tally(
        households=2,
        people=4,
        pure=(
            PureCount("纯最低生活保障对象", 1, 1),
            PureCount("纯建档立卡贫困人口", 1, 1),
            PureCount("纯3、4级残疾", 0, 0),
        ),
        paid_fen=50000,
        subsidy_fen=37500,
    )


def test_a_household_over_two_pages_is_counted_where_its_first_row_stands():
    rows = [make_row("甲", "1"), make_row("乙", "2"), make_row("丙", "2", categories=("城乡低保对象",))]

    first, second = lay_out(rows, replace(FORM, rows_per_page=2))

    assert (first.tally.households, second.tally.households) == (2, 0)
    assert first.tally.pure[0] == PureCount("纯最低生活保障对象", 1, 0)
    assert second.tally.pure[0] == PureCount("纯最低生活保障对象", 0, 1)


@given(rows=ROWS, form=FORMS)
def test_the_footers_add_up_to_the_village(rows, form):
    pages = lay_out(rows, form)

    total = total_of(pages)
    assert total.people == len(rows)
    assert total.households == len({row.household for row in rows})
    assert total.paid_fen == sum(row.paid_fen or 0 for row in rows)
    assert total.subsidy_fen == sum(row.subsidy_fen or 0 for row in rows)
    for count in total.pure:
        pure = [row for row in rows if has_only(row, PURE[count.label])]
        assert (count.people, count.households) == (len(pure), len({row.household for row in pure}))


@given(rows=ROWS, form=FORMS)
def test_every_row_stands_once_in_the_order_given(rows, form):
    pages = lay_out(rows, form)

    assert [placed for page in pages for placed in numbered(page)] == list(enumerate(rows, start=1))
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert all(0 < len(page.rows) <= form.rows_per_page and page.of == len(pages) for page in pages)
    assert all(row.group == page.group for page in pages for row in page.rows)


@pytest.mark.parametrize("change", [{"name": "王秀蓝"}, {"paid_fen": None}, {"remark": "外出"}, {"extra": "是"}])
def test_the_hash_changes_with_what_is_printed(change):
    (before,) = lay_out([make_row()], FORM)
    (after,) = lay_out([make_row(**change)], FORM)

    assert page_sha256(before) != page_sha256(after)


def test_the_hash_stays_when_only_a_key_behind_the_page_changes():
    (before,) = lay_out([make_row(household="1")], FORM)
    (after,) = lay_out([make_row(household="uuid-1")], FORM)

    assert page_sha256(before) == page_sha256(after)


@pytest.mark.parametrize("rows", [0, 26])
def test_a_page_of_too_few_or_too_many_rows_is_refused(rows):
    with pytest.raises(ValueError, match="每页须为 1 至 25 行"):
        replace(FORM, rows_per_page=rows)


def test_nobody_makes_no_page():
    assert lay_out([], FORM) == ()
    assert total_of([]) == Tally(households=0, people=0, pure=(), paid_fen=0, subsidy_fen=0)
