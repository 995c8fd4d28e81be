"""Invented names, by the fashion of the year of birth."""

from random import Random

from .chance import Urn
from .sheets import table

ERAS = (("old", 1964), ("mid", 1994), ("new", 9999))
SINGLE = {"old": 0.05, "mid": 0.17, "new": 0.08}
"""How many have a given name of one character."""


class Names:
    """Draws surnames and given names."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.surnames = Urn((row["surname"], float(row["weight"])) for row in table("surnames.csv"))
        rows = table("given-characters.csv")
        groups = {(row["sex"], row["era"]) for row in rows}
        self.first = {group: _characters(rows, group, "first") for group in sorted(groups)}
        self.last = {group: _characters(rows, group, "last") for group in sorted(groups)}

    def surname(self) -> str:
        """One surname."""
        return self.surnames.draw(self.rng)

    def opening(self, sex: str, year: int) -> str:
        """The first character of a given name, empty where the name has but one."""
        era = era_of(year)
        return "" if self.rng.random() < SINGLE[era] else self.first[sex, era].draw(self.rng)

    def given(self, sex: str, year: int, opening: str | None = None) -> str:
        """A given name for someone born in that year; brothers and sisters may share its opening."""
        start = self.opening(sex, year) if opening is None else opening
        end = self.last[sex, era_of(year)].draw(self.rng)
        return start + (end if end != start else self.given(sex, year, ""))


def era_of(year: int) -> str:
    """Which fashion a year of birth falls into."""
    return next(era for era, until in ERAS if year <= until)


def _characters(rows: list[dict[str, str]], group: tuple[str, str], place: str) -> Urn[str]:
    return Urn((row["character"], float(row[place])) for row in rows if (row["sex"], row["era"]) == group)
