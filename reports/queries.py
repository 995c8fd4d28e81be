"""Questions over several rooms. Each takes a fixed number of queries, however many villages or people there are."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet
from django.utils.timezone import localdate

from enrollment.actions.ledger import Assessor, enrolled
from enrollment.models import Enrollment, Person, Return, Standing
from enrollment.policy import relation_word
from reports.policy import AwardLine, award_line, ranks, rate_text
from subsidies.models import plan_in_force
from subsidies.plan import Plan, yuan
from subsidies.policy import PLAIN
from villages.models import Quota, Scheme, Township, Village


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """One unit's progress, heads; rates as text, cut."""

    code: str
    name: str
    hukou: int | None
    quota: int
    listed: int
    registered: int
    paid: int
    exempt: int
    rate: str | None
    covered_rate: str | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class Heads:
    """Counts of one village's roll, heads."""

    listed: int = 0
    registered: int = 0
    paid: int = 0
    exempt: int = 0
    elsewhere: int = 0


# One pass over the roll of the year. Whoever was refunded is no longer paid, but was registered by what they paid.
HEADS = """
SELECT e.village_id,
    count(*),
    count(*) FILTER (WHERE e.entered_on <= %(on)s OR s.evidence_on IS NOT NULL),
    count(*) FILTER (WHERE s.counts_on IS NOT NULL),
    count(*) FILTER (WHERE x.enrollment_id IS NOT NULL AND s.counts_on IS NULL),
    count(*) FILTER (WHERE x.is_insured_elsewhere AND s.counts_on IS NULL)
FROM enrollment_enrollment e
LEFT JOIN (
    SELECT enrollment_id, min(evidence_on) AS evidence_on,
        min(counts_on) FILTER (WHERE counts_on <= %(on)s AND (ended_on IS NULL OR ended_on > %(on)s)) AS counts_on
    FROM enrollment_standing WHERE year = %(year)s AND least(evidence_on, counts_on) <= %(on)s
    GROUP BY enrollment_id
) s ON s.enrollment_id = e.id
LEFT JOIN (
    SELECT enrollment_id, is_insured_elsewhere FROM enrollment_exemption
    WHERE approver_id IS NOT NULL AND revoked_at IS NULL AND since <= %(on)s
) x ON x.enrollment_id = e.id
WHERE e.year = %(year)s AND e.scheme = %(scheme)s AND e.stopped_on IS NULL AND e.village_id = ANY(%(villages)s)
GROUP BY e.village_id
"""


def heads(villages: Iterable[Village], *, year: int, on: date, scheme: str = Scheme.RESIDENT) -> dict[int, Heads]:
    """The counts of each village's roll as of a day; listed ⊇ registered ⊇ paid. One query."""
    codes = [village.pk for village in villages]
    with connection.cursor() as cursor:
        cursor.execute(HEADS, {"year": year, "on": on, "scheme": str(scheme), "villages": codes})
        return {village: Heads(*counts) for village, *counts in cursor.fetchall()}


def progress(*, township: Township, year: int, on: date | None = None) -> dict[str, Any]:
    """The contract's progress of each village as of a day (today when absent), and of the township as a whole."""
    on = on or localdate()
    villages, quotas = _units(township, year)
    counted = heads(villages, year=year, on=on)
    shown = [v for v in villages if v.pk in quotas or v.pk in counted]
    pairs = [(counted.get(v.pk, Heads()).paid, _target(quotas.get(v.pk))) for v in shown]
    lines = [
        _line(v.code, v.name, quotas.get(v.pk), counted.get(v.pk, Heads()), rank)
        for v, rank in zip(shown, ranks(pairs), strict=True)
    ]
    return {
        "year": year,
        "as_of": on.isoformat(),
        "villages": [asdict(line) for line in lines],
        "total": _total(lines, counted),
    }


def _units(township: Township, year: int) -> tuple[list[Village], dict[int, Quota]]:
    villages = list(Village.objects.filter(township=township).order_by("code"))
    quotas = Quota.objects.filter(village__township=township, year=year, scheme=Scheme.RESIDENT)
    return villages, {quota.village_id: quota for quota in quotas}


def _target(quota: Quota | None) -> int:
    return quota.target if quota else 0


def _line(code: str, name: str, quota: Quota | None, counts: Heads, rank: int | None) -> ProgressLine:
    hukou, target = quota.hukou if quota else None, _target(quota)
    return ProgressLine(
        code=code,
        name=name,
        hukou=hukou,
        quota=target,
        listed=counts.listed,
        registered=counts.registered,
        paid=counts.paid,
        exempt=counts.exempt,
        rate=rate_text(counts.paid, target),
        covered_rate=rate_text(counts.paid + counts.elsewhere, hukou),
        rank=rank,
    )


def _total(lines: list[ProgressLine], counted: Mapping[int, Heads]) -> dict[str, Any]:
    """The township judged on its own totals, never as a sum of the villages' thresholds."""
    names = ("quota", "listed", "registered", "paid", "exempt")
    sums: dict[str, Any] = {name: sum(getattr(line, name) for line in lines) for name in names}
    known = [line.hukou for line in lines if line.hukou is not None]
    hukou = sum(known) if known else None
    elsewhere = sum(counts.elsewhere for counts in counted.values())
    rates = {"rate": rate_text(sums["paid"], sums["quota"]), "covered_rate": rate_text(sums["paid"] + elsewhere, hukou)}
    return {"hukou": hukou, **sums, **rates}


def _paid_by_day(villages: list[Village], year: int, days: list[date], on: date) -> dict[int, dict[date, int]]:
    """Paid people of each village by each of the days that have come. One query."""
    counts: dict[int, dict[date, int]] = {village.pk: {day: 0 for day in days if day <= on} for village in villages}
    standing = Standing.objects.filter(
        year=year, village__in=villages, counts_on__lte=on, enrollment__scheme=Scheme.RESIDENT
    ).filter(enrollment__stopped_on__isnull=True)
    tally = standing.values_list("village_id", "counts_on", "ended_on").annotate(Count("pk")).order_by()
    for village, counts_on, ended_on, heads_ in tally:
        for day in counts[village]:
            if counts_on is not None and counts_on <= day and (ended_on is None or ended_on > day):
                counts[village][day] += heads_
    return counts


def awards(*, township: Township, year: int, on: date | None = None) -> dict[str, Any]:
    """The contract's award table with its reasons, as of a day (today when absent). Raises NoPlan."""
    on = on or localdate()
    plan = plan_in_force(township=township, year=year).plan
    villages, quotas = _units(township, year)
    counted = heads(villages, year=year, on=on)
    paid_by = _paid_by_day(villages, year, plan.award.days, on)
    free = _fully_subsidised(villages, year, on) if plan.award.base == "paid_without_full_subsidy" else Counter()
    groups = _special_groups(plan, township, villages, on)
    shown = [v for v in villages if v.pk in quotas or v.pk in counted]
    lines = {
        v.pk: award_line(
            plan.award,
            quota=_target(quotas.get(v.pk)),
            paid=counted.get(v.pk, Heads()).paid,
            paid_by=paid_by[v.pk],
            free=free[v.pk],
            groups=groups.get(v.pk, {}),
            is_over=on > plan.last_day,
        )
        for v in shown
    }
    return {
        "year": year,
        "as_of": on.isoformat(),
        "villages": [_award_json(v, _target(quotas.get(v.pk)), lines[v.pk]) for v in shown],
        "total": _award_total(plan, [(_target(quotas.get(v.pk)), lines[v.pk]) for v in shown]),
    }


def _award_json(village: Village, quota: int, line: AwardLine) -> dict[str, Any]:
    return {
        "code": village.code,
        "name": village.name,
        "quota": quota,
        "milestones": _milestones_json(line),
        "per_head": yuan(line.per_head),
        "heads": line.heads,
        **{name: yuan(getattr(line, name)) for name in ("award", "fee", "deduction", "payable")},
        "why": line.why,
    }


def _milestones_json(line: AwardLine) -> list[dict[str, Any]]:
    return [{**asdict(step), "on": step.on.isoformat()} for step in line.milestones]


def _award_total(plan: Plan, lines: list[tuple[int, AwardLine]]) -> dict[str, Any]:
    sums = {n: yuan(sum(getattr(line, n) for _, line in lines)) for n in ("award", "fee", "deduction", "payable")}
    return {
        "quota": sum(quota for quota, _ in lines),
        "per_head": None,
        "heads": sum(line.heads for _, line in lines),
        **sums,
    }


def _fully_subsidised(villages: list[Village], year: int, on: date) -> Counter[int]:
    standing = _counting(villages, year, on).filter(bill__personal_fen=0)
    return Counter(dict(standing.values_list("village_id").annotate(Count("pk")).order_by()))


def _counting(villages: list[Village], year: int, on: date) -> QuerySet[Standing]:
    """The standing bills that count as paid on a day."""
    standing = Standing.objects.filter(year=year, village__in=villages, counts_on__lte=on)
    return standing.exclude(ended_on__lte=on)


def _special_groups(
    plan: Plan, township: Township, villages: list[Village], on: date
) -> dict[int, dict[str, tuple[int, int]]]:
    """(paid, all) of each special category in each village: everyone on the roll whom a list in force names."""
    wanted = {group.category for group in plan.award.deduction.groups}
    if not wanted:
        return {}
    assessor = Assessor(plan, township)
    live = Enrollment.objects.live().not_exempt().filter(year=plan.year, village__township=township)
    people = enrolled(live.filter(person__number__one_of=list(assessor.lists.numbers())))
    named = [person.pk for person in people]
    counting = _counting(villages, plan.year, on).filter(enrollment__pk__one_of=named)
    paid = set(counting.values_list("enrollment_id", flat=True))
    counts: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for person in people:
        for category in wanted.intersection(assessor.applicant(person, on).categories):
            counts[person.village][category][0] += person.pk in paid
            counts[person.village][category][1] += 1
    return {v: {c: (done, everybody) for c, (done, everybody) in found.items()} for v, found in counts.items()}


FUNDERS = """
SELECT b.applied, b.premium_fen, b.personal_fen, b.shares::text, count(*)
FROM enrollment_standing s
JOIN enrollment_bill b ON b.id = s.bill_id
JOIN enrollment_enrollment e ON e.id = s.enrollment_id
JOIN villages_village v ON v.id = s.village_id
WHERE s.year = %(year)s AND v.township_id = %(township)s AND e.scheme = 'resident' AND e.stopped_on IS NULL
    AND s.counts_on <= %(on)s AND (s.ended_on IS NULL OR s.ended_on > %(on)s)
GROUP BY 1, 2, 3, 4
"""


def funders(*, township: Township, year: int, on: date | None = None) -> dict[str, Any]:
    """The contract's settlement table: paid people by applied category and what each funder owes. Raises NoPlan."""
    on = on or localdate()
    plan = plan_in_force(township=township, year=year).plan
    with connection.cursor() as cursor:
        cursor.execute(FUNDERS, {"year": year, "township": township.pk, "on": on})
        rows = cursor.fetchall()
    names = [category.name for category in plan.categories]
    # A category of an earlier version of the notice keeps its line: what was paid under it stands.
    names += sorted({row[0] for row in rows if row[0] and row[0] not in names})
    sums: dict[str, Counter[str]] = {name: Counter() for name in [*names, PLAIN]}
    for applied, premium, personal, shares, people in rows:
        line = sums[applied or PLAIN]
        line.update({"people": people, "premium": premium * people, "personal": personal * people})
        line.update({f"funder:{name}": fen * people for name, fen in _shares(shares).items()})
    total: Counter[str] = sum(sums.values(), Counter())
    funder_names = list(dict.fromkeys([*plan.funder_names, *_other_funders(total)]))
    lines = [{"category": name, **_funder_line(line, funder_names)} for name, line in sums.items()]
    return {"year": year, "as_of": on.isoformat(), "lines": lines, "total": _funder_line(total, funder_names)}


def _shares(text: str) -> dict[str, int]:
    shares: dict[str, int] = json.loads(text)
    return shares


def _other_funders(total: Counter[str]) -> list[str]:
    return sorted(name.removeprefix("funder:") for name in total if name.startswith("funder:"))


def _funder_line(line: Counter[str], names: list[str]) -> dict[str, Any]:
    return {
        "people": line["people"],
        "premium": yuan(line["premium"]),
        "funders": {name: yuan(line[f"funder:{name}"]) for name in names},
        "personal": yuan(line["personal"]),
    }


@dataclass(frozen=True, slots=True)
class GapLine:
    """One unit's scheme, heads: what is asked, what is there, what is missing (negative: over-fulfilled)."""

    code: str
    name: str
    scheme: str
    target: int
    registered: int
    paying: int
    stopped: int

    @property
    def to_register(self) -> int:
        return self.target - self.registered

    @property
    def to_pay(self) -> int:
        return self.target - self.paying

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "gap_register": self.to_register, "gap_pay": self.to_pay}


def gaps(*, township: Township, year: int) -> dict[str, Any]:
    """Per scheme and unit target, registered, paying, stopped and gaps, net and gross.

    A unit's own latest totals speak for it; without them its people do. Net lets a surplus cover a gap elsewhere, gross
    never does.
    """
    villages = {village.pk: village for village in Village.objects.filter(township=township)}
    quotas = Quota.objects.filter(village__in=villages, year=year)
    targets = {(quota.village_id, quota.scheme): quota.target for quota in quotas}
    returns = Return.objects.filter(village__in=villages, year=year).order_by("as_of", "pk")
    told = {(r.village_id, r.scheme): (r.registered, r.paying, r.stopped) for r in returns}
    found = _people_by_scheme(township, year)
    keys = sorted(
        targets.keys() | told.keys() | found.keys(), key=lambda k: (Scheme.values.index(k[1]), villages[k[0]].code)
    )
    lines = [
        GapLine(
            villages[pk].code,
            villages[pk].name,
            scheme,
            targets.get((pk, scheme), 0),
            *told.get((pk, scheme), found.get((pk, scheme), (0, 0, 0))),
        )
        for pk, scheme in keys
    ]
    schemes = [
        {"scheme": scheme, "name": Scheme(scheme).label, **_gap_sums([line for line in lines if line.scheme == scheme])}
        for scheme in dict.fromkeys(line.scheme for line in lines)
    ]
    return {"year": year, "lines": [line.as_json() for line in lines], "schemes": schemes, "total": _gap_sums(lines)}


def _gap_sums(lines: list[GapLine]) -> dict[str, Any]:
    sums = {name: sum(getattr(line, name) for line in lines) for name in ("target", "registered", "paying", "stopped")}
    return {
        **sums,
        "gap_register_net": sum(line.to_register for line in lines),
        "gap_register_gross": sum(max(line.to_register, 0) for line in lines),
        "gap_pay_net": sum(line.to_pay for line in lines),
        "gap_pay_gross": sum(max(line.to_pay, 0) for line in lines),
    }


PEOPLE_BY_SCHEME = """
SELECT e.village_id, e.scheme,
    count(*) FILTER (WHERE e.entered_on IS NOT NULL OR s.enrollment_id IS NOT NULL OR e.stopped_on IS NOT NULL),
    count(*) FILTER (WHERE s.is_paid AND e.stopped_on IS NULL),
    count(*) FILTER (WHERE e.stopped_on IS NOT NULL)
FROM enrollment_enrollment e
LEFT JOIN (
    SELECT enrollment_id, bool_or(counts_on IS NOT NULL AND ended_on IS NULL) AS is_paid
    FROM enrollment_standing WHERE year = %(year)s GROUP BY enrollment_id
) s ON s.enrollment_id = e.id
WHERE e.year = %(year)s AND e.village_id IN (SELECT id FROM villages_village WHERE township_id = %(township)s)
GROUP BY 1, 2
"""


def _people_by_scheme(township: Township, year: int) -> dict[tuple[int, str], tuple[int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE_BY_SCHEME, {"year": year, "township": township.pk})
        return {(village, scheme): tuple(counts) for village, scheme, *counts in cursor.fetchall()}


def unpaid(*, village: Village, year: int) -> dict[str, Any]:
    """The visit list: listed, not paid, not exempt, by group and household. Raises NoPlan."""
    plan = plan_in_force(township=village.township, year=year).plan
    owed = Enrollment.objects.live().not_exempt().filter(village=village, year=year, scheme=Scheme.RESIDENT)
    paid = Standing.objects.filter(village=village, year=year, counts_on__isnull=False, ended_on__isnull=True)
    waiting = owed.exclude(pk__in=paid.values("enrollment_id"))
    rows = list(
        waiting.select_related("person__household__group").order_by(
            "person__household__group__name", "person__household_id", "-person__is_householder", "pk"
        )
    )
    collected = set(
        Standing.objects.filter(village=village, year=year, counts_on__isnull=True).values_list(
            "enrollment_id", flat=True
        )
    )
    assessor = Assessor(plan, village.township, [row.person.number for row in rows if row.person.number])
    due = {person.pk: assessor.assess_whenever(person, localdate())[0] for person in enrolled(waiting)}
    householders = _householders(village)
    people = [_visit(row, due[row.pk].personal, householders, row.pk in collected) for row in rows]
    return {"year": year, "village": {"code": village.code, "name": village.name}, "people": people}


def _householders(village: Village) -> dict[int, str]:
    heads_ = Person.objects.filter(household__village=village, is_householder=True)
    return dict(heads_.values_list("household_id", "name"))


def _visit(row: Enrollment, due: int, householders: Mapping[int, str], is_collected: bool) -> dict[str, Any]:
    person = row.person
    household = person.household
    return {
        "group": household.group.name if household.group else "",
        "household": household.number,
        "householder": householders.get(household.pk, ""),
        "relation": relation_word(person.relation),
        "name": person.name,
        "number": person.number,
        "phone": person.phone,
        "due": yuan(due),
        "is_migrant": row.is_migrant,
        "stage": "collected" if is_collected else ("registered" if row.entered_on else "listed"),
    }
