"""Identity numbers for people who do not exist (GB 11643)."""

from collections.abc import Callable
from datetime import date
from random import Random

from subsidies.identity import check_digit

from .rows import MAN

COUNTY = "439901"
"""No county has this code, so no living person has one of these numbers.

43 is Hunan, whose prefectures are 4301 to 4313 and 4331; 4390 is for counties right under the province.
GB/T 2260 never had a 4399.
"""

PHONE_PREFIX = "1290"
"""Mobile numbers begin with 13 to 19 and the short service numbers of 12x end after a few digits: 129 rings nobody."""

ODD = 1


class Numbers:
    """Hands out identity and phone numbers, none twice."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.taken: set[str] = set()

    def identity(self, birth_date: date, sex: str) -> str:
        """A new valid number; the serial is odd for men."""
        parity = ODD if sex == MAN else 0
        return self._new(lambda: _numbered(birth_date, self.rng.randrange(500) * 2 + parity))

    def phone(self) -> str:
        """A new number of eleven digits that no telephone has."""
        return self._new(lambda: f"{PHONE_PREFIX}{self.rng.randrange(10_000_000):07}")

    def passport(self) -> str:
        """A new number that looks like a passport's and is none: no country prints ZZ."""
        return self._new(lambda: f"ZZ{self.rng.randrange(10_000_000):07}")

    def _new(self, draw: Callable[[], str]) -> str:
        number = draw()
        while number in self.taken:
            number = draw()
        self.taken.add(number)
        return number


def _numbered(birth_date: date, serial: int) -> str:
    first_17 = f"{COUNTY}{birth_date.isoformat().replace('-', '')}{serial:03}"
    return first_17 + check_digit(first_17)
