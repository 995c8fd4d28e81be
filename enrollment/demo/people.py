"""Turns drafts into the rows that are handed over."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from enrollment.policy import RELATIONS

from .days import Calendar, age_on
from .families import WIFE
from .identity import Numbers
from .rows import HEAD, ID_CARD, NO_DOCUMENT, PASSPORT, RESIDENT, PersonRow
from .settling import Draft

WORDS = 2
"""How many of a relation's words the town's clerks use."""

SPOUSE = "10"
PLAIN_SPOUSE = 0.4
HEADS_WITH_PHONE, OTHERS_WITH_PHONE = 0.87, 0.12


def people(rng: Random, numbers: Numbers, drafts: Sequence[Draft], calendar: Calendar) -> tuple[PersonRow, ...]:
    """One row per draft, in the same order; keys are places."""
    return tuple(_row(rng, numbers, calendar, key, draft) for key, draft in enumerate(drafts))


def _row(rng: Random, numbers: Numbers, calendar: Calendar, key: int, draft: Draft) -> PersonRow:
    relation = SPOUSE if draft.member.relation == WIFE and rng.random() < PLAIN_SPOUSE else draft.member.relation
    kind, number = _document(numbers, draft)
    return PersonRow(
        key=key,
        household=draft.household,
        unit=draft.unit,
        group=draft.group,
        household_no=draft.household_no,
        name=draft.name,
        relation=relation,
        word=rng.choice(RELATIONS[relation][:WORDS]),
        id_kind=kind,
        id_number=number,
        birth_date=None if draft.is_unborn else draft.birth_date,
        expected_on=_expected_on(rng, calendar) if draft.is_unborn else None,
        sex="" if draft.is_unborn else draft.member.sex,
        phone=_phone(rng, numbers, draft, calendar.opened_on),
        grounds=RESIDENT if draft.is_foreign else draft.grounds,
        is_migrant=draft.is_migrant,
    )


def _document(numbers: Numbers, draft: Draft) -> tuple[str, str | None]:
    if draft.is_unborn:
        return NO_DOCUMENT, None
    if draft.is_foreign:
        return PASSPORT, numbers.passport()
    return ID_CARD, numbers.identity(draft.birth_date, draft.member.sex)


def _expected_on(rng: Random, calendar: Calendar) -> date:
    """A day of the coming insurance year that is still ahead."""
    first = max(date(calendar.year, 1, 1), calendar.today + timedelta(days=1))
    return first + timedelta(days=rng.randint(0, (date(calendar.year, 12, 31) - first).days))


def _phone(rng: Random, numbers: Numbers, draft: Draft, on: date) -> str:
    share = HEADS_WITH_PHONE if draft.member.relation == HEAD else OTHERS_WITH_PHONE
    is_grown = age_on(draft.birth_date, on) >= 16
    return numbers.phone() if is_grown and rng.random() < share else ""
