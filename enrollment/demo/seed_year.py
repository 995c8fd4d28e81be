"""The campaign for 2020, finished: every cell of its award grid earned by somebody, and by some villages none."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
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
    entitled = [person for person in roll if person.key not in year.full]
    payers = [person for person in entitled if person.key not in {one.key for one in out}]
    spans = _spans(ends, len(roll) - len(entitled), len(payers))
    waiting = migrants_last(year.rng, queue(year.rng, payers), spans[-1].count)
    days = pay_days(year.rng, waiting, spans)
    year.payments += [year.foils.payment(person, days[person.key]) for person in waiting]
    exempt = _exempt(year, place, out, len(roll) - max(quota, ends[-1]))
    year.listed += [_listed(year, person, days.get(person.key), exempt) for person in roll]
