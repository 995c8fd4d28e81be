"""When people pay and how: slowly at first, with a rush before each milestone, hardly on Sundays."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from .chance import Urn, sample
from .rows import APP, CASH, DEBIT, POS, PaymentRow, PersonRow, Unit

CHANNELS = Urn(((POS, 38.0), (CASH, 30.0), (APP, 24.0), (DEBIT, 8.0)))
WEEKEND = 0.4
HOLIDAY = 0.2
HOLIDAYS = frozenset((10, day) for day in range(1, 8))
SATURDAY = 5
DAY = timedelta(days=1)
PEOPLE_AWAY_LATER = 0.35
"""Of two people, how seldom the one who works away pays before the one at home."""


@dataclass(frozen=True, slots=True)
class Span:
    """So many people pay from one day to another, both included."""

    first: date
    last: date
    count: int
    rush: float = 2.2
    """How much the last days outweigh the first."""


def day_weights(first: date, last: date, rush: float) -> list[tuple[date, float]]:
    """How likely a payment falls on each day of a span that ends with a milestone."""
    days = [first + n * DAY for n in range((last - first).days + 1)]
    return [(day, (0.08 + ((n + 1) / len(days)) ** rush) * _mood(day)) for n, day in enumerate(days)]


def _mood(day: date) -> float:
    if (day.month, day.day) in HOLIDAYS:
        return HOLIDAY
    return WEEKEND if day.weekday() >= SATURDAY else 1.0


def queue(rng: Random, payers: Iterable[PersonRow]) -> list[PersonRow]:
    """In the order in which they come: households together, but members who work away more often later."""
    turns: dict[int, float] = defaultdict(rng.random)
    ranked = [(_turn(rng, person, turns[person.household]), person.key, person) for person in payers]
    return [person for _, _, person in sorted(ranked, key=lambda entry: entry[:2])]


def _turn(rng: Random, person: PersonRow, household: float) -> float:
    if person.is_migrant and rng.random() < PEOPLE_AWAY_LATER:
        return household + rng.random()
    return household


def pay_days(rng: Random, waiting: Sequence[PersonRow], spans: Sequence[Span]) -> dict[int, date]:
    """Each person's day; in each span exactly its count of people, a household's share of them together."""
    days: dict[int, date] = {}
    start = 0
    for span in spans:
        coming = waiting[start : start + span.count]
        start += span.count
        days.update(_pay_days_in(rng, coming, span))
    return days


def _pay_days_in(rng: Random, coming: Sequence[PersonRow], span: Span) -> dict[int, date]:
    urn = Urn(day_weights(span.first, span.last, span.rush))
    drawn = iter(sorted(urn.draw(rng) for _ in coming))
    together: dict[int, date] = {}
    return {person.key: together.setdefault(person.household, next(drawn)) for person in coming}


class Counterfoils:
    """Numbers slips, e-orders, deposit slips and debit lists: one slip may cover many people."""

    def __init__(self, rng: Random, units: Sequence[Unit]) -> None:
        self.rng = rng
        self.units = units
        self.channels: dict[int, str] = {}
        self.slips: dict[tuple[int, date], str] = {}
        self.counts: Counter[tuple[str, int, date]] = Counter()

    def payment(self, person: PersonRow, day: date) -> PaymentRow:
        """The person's payment, on the slip of its household where the channel has one each."""
        channel = self.channels.get(person.household)
        if channel is None:
            channel = self.channels[person.household] = CHANNELS.draw(self.rng)
        slip = self.slips.get((person.household, day))
        if slip is None:
            slip = self.slips[person.household, day] = self._slip(channel, person.unit, day)
        return PaymentRow(person.key, day, channel, slip)

    def _slip(self, channel: str, unit: int, day: date) -> str:
        code = self.units[unit].code
        if channel == CASH:
            return f"JK{day:%Y%m%d}{code}"
        if channel == DEBIT:
            return f"DK{day:%Y%m%d}{code}"
        self.counts[channel, unit, day] += 1
        return f"{'XS' if channel == APP else 'PS'}{day:%Y%m%d}{code}{self.counts[channel, unit, day]:04}"


def registered_on(rng: Random, paid_on: date, first: date) -> date:
    """The clerk entered the household on the day it paid, or some days before."""
    return max(first, paid_on - int(rng.expovariate(0.3)) * DAY)


def migrants_last(rng: Random, waiting: Sequence[PersonRow], late: int) -> list[PersonRow]:
    """The queue with so many of those who work away at its end: only they may pay after the year's end."""
    last = {person.key for person in sample(rng, waiting, late, lambda person: float(person.is_migrant))}
    return sorted(waiting, key=lambda person: person.key in last)
