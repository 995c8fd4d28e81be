"""Fills the villages with households, then lets a few years pass: births, brides, people who work away."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from random import Random

from .chance import sample
from .days import CENSUS_ON, DAYS_A_YEAR, SEED_YEAR, Calendar, born
from .families import (
    DAUGHTER_IN_LAW,
    GRANDCHILDREN,
    WIFE,
    Family,
    Member,
    around_centenarian,
    family_of_at_most,
    skipped_generation,
)
from .rows import LOCAL, NEWBORN, RESIDENT, STUDENT, Quota, Unit

ROOMY = (2, 1, 11, 3, 10, 5)
"""Units (by place) whose quota leaves room for people who are only on one of the two years' rolls."""

PEOPLE_A_CENTENARIAN = 9000
CHILD_CODES = frozenset({"20", "21", "22", "23", "24", "30", "31", "32", "33", "34", *GRANDCHILDREN.values()})
BRIDES = frozenset({WIFE, DAUGHTER_IN_LAW})

AWAY_SHARE = 5
NEW_SHARE, NEW_ROOM = 40, 0.3
UNBORN_EACH, BRIDE_EACH = 6, 6
NEWBORNS_EACH = 300
RESIDENT_HOUSEHOLDS = 0.006
COMMUNITY_RESIDENTS = 0.04
STUDENT_SHARE = 0.06
OLDEST_MOTHER = 43.5
YOUNG_CHILD = 8.0
FIRST_OF_SEED_YEAR = date(SEED_YEAR, 1, 1)
LAST_OF_SEED_YEAR = date(SEED_YEAR, 12, 31)


@dataclass(slots=True)
class Draft:
    """A person in the making."""

    member: Member
    unit: int
    household: int
    birth_date: date
    group: int = 0
    household_no: str = ""
    name: str = ""
    grounds: str = LOCAL
    is_migrant: bool = False
    is_new: bool = False
    """Not on the seed year's roll yet."""
    is_unborn: bool = False
    is_seed_newborn: bool = False
    """Enrolled for the seed year before birth."""
    is_foreign: bool = False


def settle(rng: Random, units: Sequence[Unit], quotas: Sequence[Quota], calendar: Calendar) -> list[Draft]:
    """As many people as each unit's 户籍人口, household by household and group by group."""
    drafts: list[Draft] = []
    households = 0
    needed = _needed_families(rng, sum(quota.hukou for quota in quotas), calendar)
    for place, (unit, quota) in enumerate(zip(units, quotas, strict=True)):
        families = _families(rng, quota.hukou, needed[place])
        village = _house(place, unit, families, households)
        households += len(families)
        _send_away(rng, village)
        _set_grounds(rng, unit, village)
        _let_years_pass(rng, village, quota, calendar)
        drafts += village
    return drafts


def _needed_families(rng: Random, people: int, calendar: Calendar) -> dict[int, list[Family]]:
    """Families without which a small township would lack a subsidy's people, by unit."""
    needed: dict[int, list[Family]] = defaultdict(list)
    years = (calendar.opened_on - CENSUS_ON).days / DAYS_A_YEAR
    for n in range(max(1, people // PEOPLE_A_CENTENARIAN)):
        place = ROOMY[n % len(ROOMY)]
        needed[place].append(around_centenarian(rng, rng.uniform(100.2, 103.0)))
        needed[place].append(around_centenarian(rng, max(60.0, rng.uniform(100.2, 101.5) - years)))
    needed[ROOMY[0]].append(skipped_generation(rng))
    return needed


def _families(rng: Random, people: int, first: Iterable[Family]) -> list[Family]:
    """Families of exactly so many people."""
    families: list[Family] = []
    for family in first:
        if len(family) <= people:
            families.append(family)
            people -= len(family)
    while people:
        families.append(family_of_at_most(rng, people))
        people -= len(families[-1])
    rng.shuffle(families)
    return families


def _house(place: int, unit: Unit, families: Sequence[Family], households: int) -> list[Draft]:
    """Number the households through the village and its groups."""
    return [
        Draft(
            member=member,
            unit=place,
            household=households + n,
            birth_date=born(member.age),
            group=unit.groups[n * len(unit.groups) // len(families)].number,
            household_no=f"{n + 1:04}",
        )
        for n, family in enumerate(families)
        for member in family
    ]


def _may_be_away(draft: Draft) -> float:
    """Whom the coast draws: mostly people between 20 and 45."""
    age = draft.member.age
    if 20 <= age < 46:
        return 6.0
    return 1.5 if 18 <= age < 56 else 0.0


def _send_away(rng: Random, village: Sequence[Draft]) -> None:
    for draft in sample(rng, village, len(village) // AWAY_SHARE + 1, _may_be_away):
        draft.is_migrant = True


def _set_grounds(rng: Random, unit: Unit, village: Sequence[Draft]) -> None:
    """Workers from elsewhere with a residence permit, and in the community pupils who board."""
    is_town = unit.kind == "community"
    share = COMMUNITY_RESIDENTS if is_town else RESIDENT_HOUSEHOLDS
    for _, members in groupby(village, lambda draft: draft.household):
        if rng.random() < share:
            for draft in members:
                draft.grounds, draft.is_migrant = RESIDENT, False
    pupils = sample(rng, village, int(len(village) * STUDENT_SHARE), lambda draft: float(6 <= draft.member.age < 18))
    for draft in pupils if is_town else ():
        draft.grounds = STUDENT


def _let_years_pass(rng: Random, village: Sequence[Draft], quota: Quota, calendar: Calendar) -> None:
    """Between the campaigns children are born and brides move in, as far as the seed year's quota can spare them."""
    new = min(-(-len(village) // NEW_SHARE), int((quota.hukou - quota.target) * NEW_ROOM))
    infants = _infants(rng, village)
    brides = new // BRIDE_EACH
    _expect(infants, -(-new // UNBORN_EACH))
    _bear(rng, infants, new - brides - -(-new // UNBORN_EACH), calendar.opened_on)
    _bear_in_seed_year(rng, infants, -(-len(village) // NEWBORNS_EACH), calendar.opened_on)
    for draft in sample(rng, village, brides, lambda draft: float(_is_bride(draft))):
        draft.is_new = True


def _is_bride(draft: Draft) -> bool:
    return draft.member.relation in BRIDES and draft.member.age < 33


@dataclass(slots=True)
class Infant:
    """The youngest child of a household, whose birth may still be moved; `until` keeps the mother's age likely."""

    draft: Draft
    until: date
    has_mother: bool


def _infants(rng: Random, village: Sequence[Draft]) -> list[Infant]:
    """In random order; taken from the end."""
    infants = []
    for _, members in groupby(village, lambda draft: draft.household):
        family = list(members)
        youngest = min(family, key=lambda draft: draft.member.age)
        if youngest.member.relation in CHILD_CODES and youngest.member.age < YOUNG_CHILD:
            infants.append(_infant(youngest, family))
    rng.shuffle(infants)
    return infants


def _infant(youngest: Draft, family: Sequence[Draft]) -> Infant:
    mother = next((draft for draft in family if draft.member.is_mother), None)
    until = date.max if mother is None else mother.birth_date + timedelta(days=int(OLDEST_MOTHER * DAYS_A_YEAR))
    return Infant(youngest, until, mother is not None)


def _take(infants: list[Infant], count: int, *, after: date, mothers: bool = False) -> list[Infant]:
    """Up to `count` infants who may be born after that day."""
    fit = [infant for infant in infants if infant.until > after and (infant.has_mother or not mothers)]
    chosen = fit[: max(0, count)]
    taken = {id(infant) for infant in chosen}
    infants[:] = [infant for infant in infants if id(infant) not in taken]
    return chosen


def _expect(infants: list[Infant], count: int) -> None:
    """Children whose mothers still expect them."""
    young_mothers = sorted(infants, key=lambda infant: infant.until, reverse=True)
    for infant in _take(young_mothers, count, after=FIRST_OF_SEED_YEAR, mothers=True):
        infants.remove(infant)
        infant.draft.is_new = infant.draft.is_unborn = True
        infant.draft.grounds = NEWBORN


def _bear(rng: Random, infants: list[Infant], count: int, until: date) -> None:
    """Children born since the seed year's campaign."""
    for infant in _take(infants, count, after=FIRST_OF_SEED_YEAR + timedelta(days=1)):
        infant.draft.is_new = True
        infant.draft.birth_date = _day(rng, FIRST_OF_SEED_YEAR, min(until, infant.until))


def _bear_in_seed_year(rng: Random, infants: list[Infant], count: int, until: date) -> None:
    """Children of the seed year, enrolled before their birth."""
    for infant in _take(infants, count, after=FIRST_OF_SEED_YEAR + timedelta(days=1)):
        infant.draft.is_seed_newborn = True
        infant.draft.birth_date = _day(rng, FIRST_OF_SEED_YEAR, min(until, infant.until, LAST_OF_SEED_YEAR))


def _day(rng: Random, first: date, last: date) -> date:
    return first + timedelta(days=rng.randint(0, (last - first).days))
