"""Who is helped and by how much: the money rules of the notice as pure functions. Amounts in whole fen."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from subsidies.identity import age_on
from subsidies.plan import (
    AgeBetween,
    Category,
    Condition,
    DisabilityLevel,
    HasCategory,
    LacksCategory,
    Period,
    Plan,
    SexIs,
    Tariff,
    Who,
    raw_shares,
    yuan,
)

PLAIN = "一般户"
NEWBORN = "新生儿"
STUDENT = "在校学生"
GROUNDS = ("户籍", STUDENT, "居住证", NEWBORN)


class MayNotPay(Exception):
    """The person's period is over or has not begun; the message is the sentence to show."""


class NoTariff(Exception):
    """The plan has no amount for that class or tier; the message is the sentence to show."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """What the rules need to know of one person; `categories` are the plan's names, from rosters in force."""

    categories: tuple[str, ...] = ()
    birth_date: date | None = None
    sex: str = ""
    tariff_class: str = ""
    tier: str = ""
    grounds: str = "户籍"
    is_migrant: bool = False
    disability_level: int | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """One matched category on the scales: what it would have given (fen) and why it was taken or left."""

    category: str
    total: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """Who pays what of one person's premium, in fen.

    `personal` is handed over on the day; `grant` comes back to the person afterwards in the named way, so that
    the shares plus personal minus grant always make the premium. `claims` are the shares without that grant: what
    the office itself may ask of each funder.
    """

    applied: str | None
    premium: int
    shares: tuple[tuple[str, int], ...]
    claims: tuple[tuple[str, int], ...]
    personal: int
    grant_way: str
    grant: int
    categories: tuple[str, ...]
    weighed: tuple[Weighed, ...]

    @property
    def subsidy(self) -> int:
        return sum(fen for _, fen in self.shares)

    @property
    def why(self) -> str:
        """The reason in one line, as it is printed and answered."""
        if not self.weighed:
            return "不在任何资助名单内，按一般户缴费。"
        return "；".join(f"{w.category}资助{yuan(w.total)}元，{w.verdict}" for w in self.weighed) + "。"


def tariff_for(plan: Plan, tariff_class: str, tier: str) -> Tariff:
    """The amount of a class and tier; an empty one means the first that the notice names. Raises NoTariff."""
    usual = plan.tariffs[0]
    wanted = (tariff_class or usual.tariff_class, tier or usual.tier)
    for tariff in plan.tariffs:
        if (tariff.tariff_class, tariff.tier) == wanted:
            return tariff
    raise NoTariff(f"方案没有人群“{wanted[0]}”、档次“{wanted[1]}”的缴费标准。")


def _who(applicant: Applicant) -> list[Who]:
    """The person's classes of period, the most particular first."""
    who: list[Who] = []
    if applicant.grounds == NEWBORN:
        who.append("newborn")
    if applicant.is_migrant:
        who.append("migrant")
    if applicant.grounds == STUDENT:
        who.append("student")
    return [*who, "general"]


def period_for(plan: Plan, applicant: Applicant) -> Period:
    """When this person may pay: newborn before migrant before student before everybody (notice, part 2)."""
    by_who = {period.who: period for period in plan.periods}
    return next(by_who[who] for who in _who(applicant) if who in by_who)


def may_pay(plan: Plan, applicant: Applicant, on: date) -> bool:
    """Whether the day lies in the person's period, both its days included, or in the plan's late time. Raises MayNotPay.

    False: only at the late amount; True: at the usual one.
    """
    period = period_for(plan, applicant)
    if period.starts_on and on < period.starts_on:
        raise MayNotPay(f"{period.starts_on:%Y年%m月%d日}才开始缴费。")
    if on <= period.ends_on:
        return True
    if plan.late and on <= plan.late.until:
        return False
    raise MayNotPay(f"已过缴费截止日{period.ends_on:%Y年%m月%d日}，不能缴费。")


def _age_fits(condition: AgeBetween, applicant: Applicant) -> str:
    if applicant.birth_date is None:
        return "缺少出生日期"
    age = age_on(applicant.birth_date, condition.on)
    low, high = condition.at_least or 0, condition.at_most if condition.at_most is not None else 200
    return "" if low <= age <= high else f"{condition.on}年龄{age}岁不符"


def _sex_fits(condition: SexIs, applicant: Applicant) -> str:
    return "" if applicant.sex == condition.sex else "性别不符"


def _level_fits(condition: DisabilityLevel, applicant: Applicant) -> str:
    return "" if applicant.disability_level in condition.levels else "残疾等级不符"


def _has(condition: HasCategory, applicant: Applicant) -> str:
    return "" if condition.category in applicant.categories else f"未同时具备{condition.category}"


def _lacks(condition: LacksCategory, applicant: Applicant) -> str:
    return f"已是{condition.category}，不再按此项" if condition.category in applicant.categories else ""


FITS: dict[type, Callable[..., str]] = {
    AgeBetween: _age_fits,
    SexIs: _sex_fits,
    DisabilityLevel: _level_fits,
    HasCategory: _has,
    LacksCategory: _lacks,
}


def objection(category: Category, applicant: Applicant, on: date) -> str:
    """Why a matched category gives nothing to this person on that day; empty when it does give."""
    if category.valid_from and on < category.valid_from:
        return f"{category.valid_from}起才享受"
    if category.valid_to and on > category.valid_to:
        return f"{category.valid_to}已停止享受"
    conditions: Iterable[Condition] = category.conditions
    return next((said for condition in conditions if (said := FITS[type(condition)](condition, applicant))), "")


def assess(plan: Plan, applicant: Applicant, on: date) -> Assessment:
    """Who pays what for this person on that day: of overlapping categories the best one holds (notice, part 4: 就高).

    Equal totals are decided by the plan's priority, then by its order. Raises NoTariff, MayNotPay.
    """
    if may_pay(plan, applicant, on):
        return assess_in_period(plan, applicant, on)
    assert plan.late is not None
    shares = tuple((name, 0) for name in plan.funder_names)
    verdict = "补缴期不再享受"
    matched = tuple(category.name for category in plan.categories if category.name in applicant.categories)
    weighed = tuple(Weighed(name, 0, verdict) for name in matched)
    return Assessment(None, plan.late.amount, shares, (), plan.late.amount, "", 0, matched, weighed)


def assess_in_period(plan: Plan, applicant: Applicant, on: date) -> Assessment:
    """The same whatever the period: what a paid list is held against. Raises NoTariff."""
    tariff = tariff_for(plan, applicant.tariff_class, applicant.tier)
    matched = [category for category in plan.categories if category.name in applicant.categories]
    objections = {category.name: objection(category, applicant, on) for category in matched}
    rated = [(c, raw_shares(c, tariff, plan.overlap)) for c in matched if not objections[c.name]]
    totals = {category.name: sum(fen for _, fen in shares) for category, shares in rated}
    ranked = sorted(rated, key=lambda pair: (-totals[pair[0].name], pair[0].priority))
    granted = ranked if plan.overlap.mode == "stack" else ranked[:1]
    given = _add_up(tariff.amount, granted)
    premium = tariff.amount + sum(add_on.amount for add_on in plan.add_ons)
    names = [category.name for category, _ in granted]
    weighed = [_weigh(c, objections[c.name], totals.get(c.name, 0), names, totals, ranked) for c in matched]
    return Assessment(
        applied=names[0] if names else None,
        premium=premium,
        shares=tuple((name, sum(fen for who, fen, _ in given if who == name)) for name in plan.funder_names),
        claims=tuple((who, fen) for who, fen, way in given if fen and not way),
        personal=premium - sum(fen for _, fen, way in given if not way),
        grant_way=next((way for _, fen, way in given if fen and way), ""),
        grant=sum(fen for _, fen, way in given if way),
        categories=tuple(category.name for category in matched),
        weighed=tuple(weighed),
    )


def _add_up(amount: int, granted: list[tuple[Category, list[tuple[str, int]]]]) -> list[tuple[str, int, str]]:
    """(funder, fen, way of paying it later or "") of each share, cut so that nobody pays below 0."""
    given: list[tuple[str, int, str]] = []
    left = amount
    for category, parts in granted:
        for funder, fen in parts:
            share = min(fen, left)
            given.append((funder, share, category.way if category.is_paid_later else ""))
            left -= share
    return given


def _weigh(
    category: Category,
    said: str,
    total: int,
    applied: list[str],
    totals: dict[str, int],
    ranked: list[tuple[Category, list[tuple[str, int]]]],
) -> Weighed:
    if said:
        return Weighed(category.name, 0, said)
    if category.name in applied and len(applied) > 1:
        return Weighed(category.name, total, "叠加享受")
    if category.name in applied:
        return Weighed(category.name, total, "按此项享受" if len(ranked) == 1 else "就高按此项享受")
    best = ranked[0][0]
    if total < totals[best.name]:
        return Weighed(category.name, total, f"低于{best.name}")
    return Weighed(category.name, total, f"与{best.name}同额，{best.name}优先")


def counts_late(evidence_on: date, recorded_on: date, grace_days: int) -> bool:
    """Whether typed evidence was recorded too long after its day to count by itself; days are calendar days."""
    return recorded_on > evidence_on + timedelta(days=grace_days)
