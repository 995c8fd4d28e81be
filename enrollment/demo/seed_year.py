"""The campaign for 2020, finished: every cell of its award grid earned by somebody, and by some villages none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from random import Random

from .chance import sample
from .days import SEED_MILESTONES, SEED_OPENED_ON, SEED_SUBSIDISED_ON, SEED_YEAR
from .paying import DAY, Counterfoils, Span, migrants_last, pay_days, queue, registered_on
from .reasons import likelihood, reason_for
from .rosters import FULL, REGISTERED_POOR, Holdings
from .rows import NEWBORN, Campaign, ExemptionRow, ListedRow, PaymentRow, PersonRow, Quota, Roster, Unit

PACES = (
    (1000, 1000, 1002, 1003),  # 100% by the 10th: 1.2
    (880, 962, 975, 988),  # 95% by the 20th: 0.8
    (790, 905, 958, 981),  # 95% by the 31st: 0.6
    (958, 967, 975, 992),  # 95% by the 10th: 1.0
    (640, 780, 905, 971),  # 95% only in February: nothing
    (901, 1000, 1000, 1002),  # 100% by the 20th: 1.0
    (953, 985, 1000, 1004),  # 95% by the 10th beats 100% by the 31st: 1.0
    (610, 720, 838, 927),  # never 95%: nothing, and a deduction
    (1000, 1000, 1000, 1000),  # 100% by the 10th: 1.2
    (936, 1001, 1001, 1004),  # 100% by the 20th: 1.0
    (812, 931, 952, 979),  # 95% by the 31st: 0.6, but poor households unpaid
    (842, 933, 1000, 1001),  # 100% by the 31st: 0.8
    (700, 930, 1000, 1000),  # the community, 100% by the 31st: 0.8
)
"""Per mille of each unit's quota that has paid by each milestone, in the order of 附件1."""

POOR_UNPAID = 10
"""The unit (by place) in which some 建档立卡 people never pay."""

POOR_UNPAID_EACH = 40
EXEMPT = 0.9
ENTERED = 0.4
EXEMPT_DAYS = (8, 90)


@dataclass(slots=True)
class Year:
    """The campaign as it grows."""

    rng: Random
    foils: Counterfoils
    holdings: Holdings
    full: set[int]
    newborns: set[int]
    listed: list[ListedRow] = field(default_factory=list)
    payments: list[PaymentRow] = field(default_factory=list)
    exemptions: list[ExemptionRow] = field(default_factory=list)


def paid_by(pace: int, quota: int) -> int:
    """How many have paid when a unit stands at so many per mille; always on the side of 95% and 100% that it names."""
    count, enough = quota * pace // 1000, -(-quota * 95 // 100)
    if pace >= 1000:
        return count
    return max(enough, min(count, quota - 1)) if pace >= 950 else max(0, min(count, enough - 1))


def seed_campaign(
    rng: Random,
    units: Sequence[Unit],
    quotas: Sequence[Quota],
    rolls: Sequence[Sequence[PersonRow]],
    holdings: Holdings,
    rosters: tuple[Roster, ...],
    newborns: set[int],
) -> Campaign:
    """The finished year; `rolls` are the listed people of each unit, `newborns` those enrolled before birth."""
    full = set().union(*(holdings[category] for category in FULL))
    year = Year(rng, Counterfoils(rng, units), holdings, full, newborns)
    for place, (roll, quota) in enumerate(zip(rolls, quotas, strict=True)):
        _run(year, place, roll, quota.target)
    return Campaign(
        year=SEED_YEAR,
        opened_on=SEED_OPENED_ON,
        subsidised_on=SEED_SUBSIDISED_ON,
        quotas=tuple(quotas),
        listed=tuple(year.listed),
        rosters=rosters,
        payments=tuple(year.payments),
        cash_in_hand=(),
        exemptions=tuple(year.exemptions),
    )


def _run(year: Year, place: int, roll: Sequence[PersonRow], quota: int) -> None:
    """One unit's year: who is left out, who pays on which day."""
    ends = _cumulative(PACES[place], quota, len(roll))
    out = _left_out(year, place, roll, len(roll) - ends[-1])
    not_paying = {person.key for person in out}
    entitled = [person for person in roll if person.key not in year.full]
    payers = [person for person in entitled if person.key not in not_paying]
    spans = _spans(ends, len(roll) - len(entitled), len(payers))
    waiting = migrants_last(year.rng, queue(year.rng, payers), spans[-1].count)
    days = pay_days(year.rng, waiting, spans)
    year.payments += [year.foils.payment(person, days[person.key]) for person in waiting]
    exempt = _exempt(year, out, len(roll) - max(quota, ends[-1]))
    year.listed += [_listed(year, person, days.get(person.key), exempt) for person in roll]


def _cumulative(paces: Sequence[int], quota: int, listed: int) -> list[int]:
    """How many have paid by each milestone, never fewer than before and never more than there are."""
    return list(accumulate((min(listed, paid_by(pace, quota)) for pace in paces), max))


def _spans(ends: Sequence[int], full: int, payers: int) -> list[Span]:
    """Who pays between two milestones; the fully subsidised count before the first without paying."""
    tenth, twentieth = (min(payers, max(0, end - full)) for end in ends[:2])
    # Counted from the end: were there more payers than asked for, they would not come in February, when few may.
    thirty_first = max(twentieth, payers - (ends[-1] - ends[-2]))
    paid = [tenth, twentieth, thirty_first, payers]
    first = [SEED_OPENED_ON, *[day + DAY for day in SEED_MILESTONES[:-1]]]
    rows = zip(first, SEED_MILESTONES, paid, [0, *paid[:-1]], strict=True)
    return [Span(start, end, count - before) for start, end, count, before in rows]


def _left_out(year: Year, place: int, roll: Sequence[PersonRow], count: int) -> list[PersonRow]:
    """Who does not pay here; poor households all do, but for a few in one village, who come first."""
    poor = year.holdings[REGISTERED_POOR] - year.full
    poor_here = [person for person in roll if person.key in poor]
    unpaid = min(count, 1 + len(poor_here) // POOR_UNPAID_EACH) if place == POOR_UNPAID else 0
    first = sample(year.rng, poor_here, unpaid, lambda person: 1.0)
    spared = poor | year.full | year.newborns

    def weight(person: PersonRow) -> float:
        return 0.0 if person.key in spared else likelihood(person, SEED_OPENED_ON)

    return first + sample(year.rng, roll, count - len(first), weight)


def _exempt(year: Year, out: Sequence[PersonRow], spare: int) -> set[int]:
    """Give most of those whom the quota does not ask for their reason."""
    poor = year.holdings[REGISTERED_POOR]
    exempt = [person for person in out if person.key not in poor][: max(0, int(spare * EXEMPT))]
    for person in exempt:
        day = SEED_OPENED_ON + year.rng.randint(*EXEMPT_DAYS) * DAY
        year.exemptions.append(ExemptionRow(person.key, reason_for(year.rng, person, SEED_OPENED_ON), day))
    return {person.key for person in exempt}


def _listed(year: Year, person: PersonRow, paid_on: date | None, exempt: set[int]) -> ListedRow:
    grounds = NEWBORN if person.key in year.newborns else person.grounds
    return ListedRow(person.key, grounds, _entered_on(year, person, paid_on, exempt))


def _entered_on(year: Year, person: PersonRow, paid_on: date | None, exempt: set[int]) -> date | None:
    """The fully subsidised are entered by the township's own act, the exempt not at all."""
    if paid_on is not None:
        return registered_on(year.rng, paid_on, SEED_OPENED_ON)
    if person.key in exempt or person.key in year.full or year.rng.random() > ENTERED:
        return None
    return SEED_OPENED_ON + year.rng.randint(*EXEMPT_DAYS) * DAY
