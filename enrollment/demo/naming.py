"""Gives everybody a name, and a few of them the names that registers stumble over."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from random import Random

from .families import WIFE
from .names import Names
from .rows import HEAD, MAN, WOMAN
from .settling import Draft
from .sheets import table

SIBLINGS_ALIKE = 0.4
RARE = ("㼆", "䶮", "𬭎")
PEOPLE_A_DOTTED_NAME = 12_000
PEOPLE_A_NAMESAKE = 10_000
PEOPLE_A_FOREIGNER = 15_000
FOREIGN_FAMILY = "阮氏"
"""As Vietnamese brides are written in Chinese registers."""


def name_all(rng: Random, names: Names, drafts: Sequence[Draft]) -> None:
    """Names for the whole township, in households; a child expected is named after its mother."""
    for _, members in groupby(drafts, lambda draft: draft.household):
        _name_family(rng, names, list(members))
    _name_specially(rng, names, drafts)
    _name_unborn(drafts)


def _name_family(rng: Random, names: Names, family: Sequence[Draft]) -> None:
    surnames: dict[int, str] = defaultdict(names.surname)
    opening: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for draft in family:
        member, year = draft.member, draft.birth_date.year
        like = (member.relation[0], member.sex)
        shared = opening.get(like) if rng.random() < SIBLINGS_ALIKE else None
        draft.name = _untaken(names, surnames[member.kin], (member.sex, year, shared), taken)
        opening[like] = draft.name[len(surnames[member.kin]) : -1]
        taken.add(draft.name)


def _untaken(names: Names, surname: str, wish: tuple[str, int, str | None], taken: set[str]) -> str:
    """No two of a household share a name."""
    sex, year, opening = wish
    name = surname + names.given(sex, year, opening)
    while name in taken:
        name = surname + names.given(sex, year)
    return name


def _name_specially(rng: Random, names: Names, drafts: Sequence[Draft]) -> None:
    """Rare characters, names with a dot, brides from abroad, and two people of one name in one village."""
    people = len(drafts)
    _use_rare_characters(rng, drafts)
    wives = iter(_wives(rng, drafts))
    for row in table("dotted-names.csv")[: 1 + people // PEOPLE_A_DOTTED_NAME]:
        _rename(wives, f"{row['given']}·{row['father']}")
    for _ in range(1 + people // PEOPLE_A_FOREIGNER):
        bride = _rename(wives, FOREIGN_FAMILY + names.given(WOMAN, 1985, ""))
        for draft in bride:
            draft.is_foreign = True
    _make_namesakes(rng, drafts, 1 + people // PEOPLE_A_NAMESAKE)


def _wives(rng: Random, drafts: Iterable[Draft]) -> list[Draft]:
    wives = [draft for draft in drafts if draft.member.relation == WIFE and 21 < draft.member.age < 50]
    rng.shuffle(wives)
    return wives


def _rename(wives: Iterable[Draft], name: str) -> list[Draft]:
    """The next wife gets that name; nobody where none is left."""
    for draft in wives:
        draft.name = name
        return [draft]
    return []


def _use_rare_characters(rng: Random, drafts: Sequence[Draft]) -> None:
    young = [draft for draft in drafts if 8 < draft.member.age < 30]
    for draft, character in zip(rng.sample(young, min(len(young), len(RARE))), RARE, strict=False):
        draft.name = draft.name[:-1] + character


def _make_namesakes(rng: Random, drafts: Sequence[Draft], count: int) -> None:
    """Pairs of householders of one village with the same name."""
    alike: dict[tuple[int, str], list[Draft]] = defaultdict(list)
    for draft in drafts:
        if draft.member.relation == HEAD and draft.member.sex == MAN:
            alike[draft.unit, draft.name[0]].append(draft)
    pairs = [group for group in alike.values() if len(group) > 1]
    for first, second, *_ in rng.sample(pairs, min(count, len(pairs))):
        second.name = first.name


def _name_unborn(drafts: Sequence[Draft]) -> None:
    mothers = {draft.household: draft.name for draft in drafts if draft.member.is_mother}
    for draft in drafts:
        if draft.is_unborn:
            draft.name = mothers[draft.household] + ("之子" if draft.member.sex == MAN else "之女")
