"""The campaign that is running: half the quota in, some villages far ahead, some cash not yet at the bank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random

from .chance import sample
from .days import Calendar, age_on
from .paying import DAY, Counterfoils, Span, pay_days, queue, registered_on
from .reasons import LASTING, likelihood, reason_for
from .rosters import FULL, REGISTERED_POOR, Holdings
from .rows import (
    CASH,
    HEAD,
    LOCAL,
    STUDENT,
    Campaign,
    ExemptionRow,
    ListedRow,
    PaymentRow,
    PersonRow,
    Quota,
    Roster,
    Unit,
)
from .units import GROWTH

SLOWEST, FASTEST = 200, 800
"""Per mille of its quota that a unit has collected by today."""

STEADY = 0.5
STILL_EXEMPT = 0.6
NEWLY_EXEMPT_EACH = 60
EXEMPT_ROOM = 0.8
ENTERED_EARLY = 0.12
TODAY_EACH = 600
BEFORE_DEPOSIT = 2
"""Every second unit has not been to the bank yet today."""

SURELY_CASH = 6
"""Of those, the first few (by place) have taken cash today whatever chance says."""

LEFT_SHARE, LEFT_ROOM = 50, 0.5
FRAILTY = ((50, 0.0), (60, 0.2), (70, 1.0), (80, 4.0), (90, 12.0), (99, 40.0), (105, 0.0), (999, 1e9))
"""The coming roll keeps its centenarians, but not the seed year's."""

PUPILS_UNTIL = 20


def leavers(
    rng: Random, people: Sequence[PersonRow], on_roll: set[int], quota: Quota, known: set[int], calendar: Calendar
) -> set[int]:
    """Who of a unit's seed roll died or moved away since: the `known`, and others as far as the coming quota spares."""
    sure = {person.key for person in people if person.key in known}
    spare = int((len(people) - quota.target * GROWTH[0] // GROWTH[1] - 1) * LEFT_ROOM)
    kept = _kept_households(people)

    def weight(person: PersonRow) -> float:
        stays = (
            person.key not in on_roll or person.key in sure or (person.household in kept and person.relation == HEAD)
        )
        return 0.0 if stays else _frailty(person, calendar)

    others = min(spare, -(-len(people) // LEFT_SHARE)) - len(sure)
    return sure | {person.key for person in sample(rng, people, others, weight)}


def _kept_households(people: Sequence[PersonRow]) -> set[int]:
    """Households of several people: they keep their householder."""
    return {person.household for person in people if person.relation != HEAD}


def _frailty(person: PersonRow, calendar: Calendar) -> float:
    if person.birth_date is None:
        return 0.0
    age = age_on(person.birth_date, calendar.opened_on)
    return next(weight for until, weight in FRAILTY if age < until)


@dataclass(slots=True)
class Running:
    """The campaign as it stands today."""

    rng: Random
    foils: Counterfoils
    calendar: Calendar
    full: set[int]
    poor: set[int]
    before: dict[int, str]
    """Last year's reasons of those who were exempt."""

    listed: list[ListedRow] = field(default_factory=list)
    payments: list[PaymentRow] = field(default_factory=list)
    cash_in_hand: list[PaymentRow] = field(default_factory=list)
    exemptions: list[ExemptionRow] = field(default_factory=list)


def coming_campaign(
    rng: Random,
    units: Sequence[Unit],
    quotas: Sequence[Quota],
    rolls: Sequence[Sequence[PersonRow]],
    holdings: Holdings,
    rosters: tuple[Roster, ...],
    seed: Campaign,
    calendar: Calendar,
) -> Campaign:
    """The running year as of today; `rolls` are the listed people of each unit."""
    full = set().union(*(holdings[category] for category in FULL))
    before = {row.person: row.reason for row in seed.exemptions}
    running = Running(rng, Counterfoils(rng, units), calendar, full, holdings[REGISTERED_POOR], before)
    for place, (roll, quota, pace) in enumerate(zip(rolls, quotas, _paces(rng, len(units)), strict=True)):
        _run(running, place, roll, quota.target, pace)
    return Campaign(
        year=calendar.year,
        opened_on=calendar.opened_on,
        subsidised_on=calendar.subsidised_on,
        quotas=tuple(quotas),
        listed=tuple(running.listed),
        rosters=rosters,
        payments=tuple(running.payments),
        cash_in_hand=tuple(running.cash_in_hand),
        exemptions=tuple(running.exemptions),
    )


def _paces(rng: Random, count: int) -> list[int]:
    """Evenly between the slowest and the fastest, in no order."""
    paces = [SLOWEST + n * (FASTEST - SLOWEST) // (count - 1) for n in range(count)]
    rng.shuffle(paces)
    return paces


def _run(running: Running, place: int, roll: Sequence[PersonRow], quota: int, pace: int) -> None:
    """One unit until today."""
    entitled = [person for person in roll if person.key not in running.full]
    exempt = _exempt(running, entitled, int((len(roll) - quota) * EXEMPT_ROOM))
    waiting = queue(running.rng, (person for person in entitled if person.key not in exempt))
    count = max(1, -(-quota * pace // 1000) - (len(roll) - len(entitled)))
    days = _collect(running, place, waiting[:count])
    today = {person.key for person in waiting[count : count + 1 + len(roll) // TODAY_EACH]}
    idle = exempt | running.full
    for person in roll:
        entered_on = _entered_on(running, person, days, today, idle)
        running.listed.append(ListedRow(person.key, _grounds(person, running.calendar), entered_on))


def _exempt(running: Running, entitled: Sequence[PersonRow], room: int) -> set[int]:
    """Most of last year's whose reason lasts, and a few more."""
    rng, opened_on = running.rng, running.calendar.opened_on
    fit = [person for person in entitled if person.key not in running.poor]
    same = [p for p in fit if running.before.get(p.key) in LASTING and rng.random() < STILL_EXEMPT][: max(0, room)]
    new = sample(rng, fit, min(room - len(same), len(fit) // NEWLY_EXEMPT_EACH), lambda p: likelihood(p, opened_on))
    reasons = {person.key: reason_for(rng, person, opened_on) for person in new}
    reasons.update({person.key: running.before[person.key] for person in same})
    for key, reason in reasons.items():
        running.exemptions.append(ExemptionRow(key, reason, _some_day(running)))
    return set(reasons)


def _some_day(running: Running) -> date:
    calendar = running.calendar
    return calendar.opened_on + running.rng.randint(0, (calendar.today - calendar.opened_on).days - 1) * DAY


def _collect(running: Running, place: int, collected: Sequence[PersonRow]) -> dict[int, date]:
    """The unit's payments, and the day of each person's; today's cash may still be in the clerk's hand."""
    calendar = running.calendar
    span = Span(calendar.opened_on, calendar.today, len(collected), STEADY)
    days = pay_days(running.rng, collected, [span])
    has_cash = place % BEFORE_DEPOSIT == 0
    if has_cash and place < SURELY_CASH:
        days.update(_cash_today(running, collected))
    for person in collected:
        row = running.foils.payment(person, days[person.key])
        if has_cash and row.channel == CASH and row.paid_on == calendar.today:
            running.cash_in_hand.append(replace(row, slip_no=""))
        else:
            running.payments.append(row)
    return days


def _cash_today(running: Running, collected: Sequence[PersonRow]) -> dict[int, date]:
    """The last household came today and paid in cash."""
    household = collected[-1].household
    running.foils.channels[household] = CASH
    return {person.key: running.calendar.today for person in collected if person.household == household}


def _entered_on(
    running: Running, person: PersonRow, days: Mapping[int, date], today: set[int], idle: set[int]
) -> date | None:
    """The day a clerk entered them; the fully subsidised are left to the township's act."""
    if person.key in days:
        return registered_on(running.rng, days[person.key], running.calendar.opened_on)
    if person.key in today:
        return running.calendar.today
    if person.key in idle or running.rng.random() > ENTERED_EARLY:
        return None
    return _some_day(running)


def _grounds(person: PersonRow, calendar: Calendar) -> str:
    """Whoever was a pupil in the seed year may have left school and stayed."""
    if person.grounds != STUDENT or person.birth_date is None:
        return person.grounds
    return STUDENT if age_on(person.birth_date, calendar.opened_on) < PUPILS_UNTIL else LOCAL
