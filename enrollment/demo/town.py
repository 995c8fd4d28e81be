"""Builds the demo's township."""

from collections.abc import Iterable, Sequence
from datetime import date
from random import Random

from .coming_year import coming_campaign, leavers
from .days import SEED_OPENED_ON, Calendar, calendar_for
from .identity import COUNTY, Numbers
from .names import Names
from .naming import name_all
from .people import people as rows_of
from .reasons import GONE
from .rosters import Cards, Holdings, census, hold, papers
from .rows import Campaign, PersonRow, Quota, Roster, Town, Unit
from .seed_year import seed_campaign
from .settling import Draft, settle
from .units import TOWNSHIP, coming_quotas, seed_quotas, units

FEWEST = 100
"""A smaller township would have villages without a household."""

Rolls = list[list[PersonRow]]


def build_town(*, people: int, seed: int, today: date) -> Town:
    """A township of so many people with the seed's campaign for 2020 and the one that is running on `today`.

    The same arguments give the same town, on any machine. Raises ValueError, with a sentence for the user,
    for fewer than 100 people or a day before August 2020.
    """
    if people < FEWEST:
        raise ValueError(f"演示至少需要{FEWEST}人。")
    return _Builder(people, seed, calendar_for(today)).town()


class _Builder:
    """Draws each part from its own stream, so that a change in one leaves the others alone."""

    def __init__(self, people: int, seed: int, calendar: Calendar) -> None:
        self.seed = seed
        self.calendar = calendar
        self.quotas = seed_quotas(people)
        self.names = Names(self._stream("names"))
        self.numbers = Numbers(self._stream("numbers"))
        self.units: list[Unit] = units(self._stream("units"), self.names)
        self.villages = [place for place, unit in enumerate(self.units) if unit.kind == "village"]
        self.cards: Cards = {}

    def _stream(self, part: str) -> Random:
        # A string seed is hashed with SHA-512, which PYTHONHASHSEED does not touch.
        return Random(f"{self.seed}/{part}")

    def town(self) -> Town:
        """Everybody, then the finished year, then the running one."""
        drafts = settle(self._stream("families"), self.units, self.quotas, self.calendar)
        name_all(self._stream("naming"), self.names, drafts)
        people = rows_of(self._stream("people"), self.numbers, drafts, self.calendar)
        seed, holdings = self._seed_year(drafts, people)
        coming = self._coming_year(people, seed, holdings)
        return Town(TOWNSHIP, COUNTY, tuple(self.units), people, (seed, coming))

    def _seed_year(self, drafts: Sequence[Draft], people: Sequence[PersonRow]) -> tuple[Campaign, Holdings]:
        listed = [person for person, draft in zip(people, drafts, strict=True) if not draft.is_new]
        newborns = {person.key for person, draft in zip(people, drafts, strict=True) if draft.is_seed_newborn}
        holdings, rosters = self._rosters("2020", SEED_OPENED_ON, listed, None)
        rolls = self._rolls(listed)
        stream = self._stream("seed year")
        return seed_campaign(stream, self.units, self.quotas, rolls, holdings, rosters, newborns), holdings

    def _coming_year(self, people: Sequence[PersonRow], seed: Campaign, before: Holdings) -> Campaign:
        left = self._left(people, seed)
        listed = [person for person in people if person.key not in left]
        holdings, rosters = self._rosters("coming", self.calendar.opened_on, listed, before)
        rolls = self._rolls(listed)
        quotas: list[Quota] = coming_quotas(self.quotas, [len(roll) for roll in rolls])
        stream = self._stream("coming year")
        return coming_campaign(stream, self.units, quotas, rolls, holdings, rosters, seed, self.calendar)

    def _left(self, people: Sequence[PersonRow], seed: Campaign) -> set[int]:
        known = {row.person for row in seed.exemptions if row.reason in GONE}
        stream = self._stream("leavers")
        on_roll = {row.person for row in seed.listed}
        left: set[int] = set()
        for here, quota in zip(self._rolls(people), self.quotas, strict=True):
            left |= leavers(stream, here, on_roll, quota, known, self.calendar)
        return left

    def _rosters(
        self, part: str, on: date, listed: Iterable[PersonRow], before: Holdings | None
    ) -> tuple[Holdings, tuple[Roster, ...]]:
        stream = self._stream(f"rosters {part}")
        town = census(stream, on.replace(day=1), listed)
        holdings = hold(town, self.villages, before)
        return holdings, papers(stream, self.numbers, town, self.units, self.cards)

    def _rolls(self, listed: Iterable[PersonRow]) -> Rolls:
        rolls: Rolls = [[] for _ in self.units]
        for person in listed:
            rolls[person.unit].append(person)
        return rolls
