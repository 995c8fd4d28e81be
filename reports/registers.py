"""What stands on a village's printed register: everyone registered, in the order the paper has."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from django.db.models import F
from django.utils.timezone import localdate

from enrollment.actions.ledger import Assessor, Enrolled, enrolled
from enrollment.models import Enrollment, Standing
from enrollment.policy import relation_word
from reports.printing.press import print_register
from reports.printing.register import Page, RegisterForm, RegisterHead, RegisterRow, lay_out, page_sha256, total_of
from subsidies.models import plan_in_force
from subsidies.plan import Plan
from villages.models import Scheme, Village

SEAL = "（村（居）委会盖章）"


class NobodyRegistered(Exception):
    """There is nobody to print; the message is the sentence to show."""


def form_of(plan: Plan) -> RegisterForm:
    """The year's form as the notice sets it."""
    form = plan.register_form
    return RegisterForm(
        pure_labels={count.label: count.category for count in form.pure_counts},
        legend=form.legend,
        copies=f"本表一式{form.copies}份",
        seal=SEAL,
        extra_column=form.extra_column,
        rows_per_page=form.rows_per_page,
    )


def head_of(plan: Plan, village: Village) -> RegisterHead:
    return RegisterHead(
        title=plan.register_form.title,
        unit_township=village.township.name,
        unit_village=village.name,
        village_code=village.code,
        year=plan.year,
    )


def pages_of(village: Village, *, plan: Plan, group: str | None = None) -> tuple[Page, ...]:
    """The register's pages; 实交额 stays blank until a person is paid. Raises NobodyRegistered."""
    rows = register_rows(village, plan=plan, group=group, on=localdate())
    if not rows:
        place = f"{village.name}{group}" if group else village.name
        raise NobodyRegistered(f"{place}{plan.year}年度还没有人登记。")
    return lay_out(rows, form_of(plan))


def register_rows(village: Village, *, plan: Plan, group: str | None, on: date) -> list[RegisterRow]:
    """Everyone registered, by group, household and relation; a fixed number of queries."""
    live = Enrollment.objects.live().filter(village=village, year=plan.year, scheme=Scheme.RESIDENT)
    if group:
        live = live.filter(person__household__group__name=group)
    standing = {s["enrollment_id"]: s for s in _standing(village, plan.year)}
    # Whoever was refunded is no longer paid, but was registered by what they paid.
    billed = set(Standing.objects.filter(village=village, year=plan.year).values_list("enrollment_id", flat=True))
    people = {person.pk: person for person in enrolled(live)}
    columns = live.annotate(
        household=F("person__household_id"),
        group_name=F("person__household__group__name"),
        household_number=F("person__household__number"),
        is_householder=F("person__is_householder"),
        relation=F("person__relation"),
        phone=F("person__phone"),
        remark=F("person__remark"),
    )
    shown = [
        row
        for row in columns.values(
            "pk", "household", "group_name", "household_number", "is_householder", "relation", "phone", "remark"
        )
        if row["pk"] in billed or people[row["pk"]].entered_on
    ]
    numbers = [people[row["pk"]].number for row in shown if row["pk"] not in standing]
    assessor = Assessor(plan, village.township, [number for number in numbers if number])
    shown.sort(key=_paper_order)
    return [_row(row, people[row["pk"]], standing.get(row["pk"]), assessor, plan, on) for row in shown]


def _standing(village: Village, year: int) -> Iterable[Mapping[str, Any]]:
    standing = Standing.objects.not_refunded().filter(village=village, year=year)
    return standing.values(
        "enrollment_id",
        "counts_on",
        "bill__personal_fen",
        "bill__premium_fen",
        "bill__grant_fen",
        "bill__applied",
        "bill__categories",
    )


def _paper_order(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Groups and 户号 by their numbers, the householder first, then relations by code."""
    group, household = row["group_name"] or "", row["household_number"] or ""
    head_first = (not row["is_householder"], row["relation"], row["pk"])
    return (*_by_number(group), *_by_number(household), row["household"], *head_first)


def _by_number(text: str) -> tuple[int, str]:
    found = re.search(r"\d+", text)
    return (int(found[0]) if found else 10**9, text)


def _row(
    row: Mapping[str, Any],
    person: Enrolled,
    standing: Mapping[str, Any] | None,
    assessor: Assessor,
    plan: Plan,
    on: date,
) -> RegisterRow:
    if standing:
        applied, categories = standing["bill__applied"] or None, tuple(standing["bill__categories"])
        subsidy = standing["bill__premium_fen"] - standing["bill__personal_fen"] + standing["bill__grant_fen"]
        paid = standing["bill__personal_fen"] if standing["counts_on"] else None
    else:
        said, _ = assessor.assess_whenever(person, on)
        applied, categories, subsidy, paid = said.applied, said.categories, said.subsidy, None
    return RegisterRow(
        household=str(row["household"]),
        group=row["group_name"] or "",
        label=plan.label(applied),
        relation=relation_word(row["relation"]),
        name=person.name,
        id_number=person.number or "",
        phone=row["phone"],
        paid_fen=paid,
        subsidy_fen=subsidy,
        categories=categories,
        remark=row["remark"],
    )


def print_village(village: Village, *, year: int, out: Path, group: str | None = None) -> dict[str, Any]:
    """Print a village's register, or one group of it; the contract's answer.

    Raises NobodyRegistered, NoPlan, MissingGlyphs, PrintingFailed.
    """
    plan = plan_in_force(township=village.township, year=year).plan
    pages = pages_of(village, plan=plan, group=group)
    print_register(pages, head_of(plan, village), form_of(plan), out)
    total = total_of(pages)
    return {
        "pages": len(pages),
        "sheets": [{"page": page.number, "sha256": page_sha256(page)} for page in pages],
        "people": total.people,
        "households": total.households,
    }
