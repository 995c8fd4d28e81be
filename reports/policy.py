"""What the township judges by: rates, ranks, awards, deductions. Pure functions; amounts in fen, people in heads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from subsidies.plan import Award, AwardStep, Deduction, yuan


def rate_text(part: int, whole: int | None) -> str | None:
    """A rate with four decimals, cut and never rounded: nobody shall see 95% who has not reached it. None without a whole."""
    if not whole:
        return None
    cut = part * 10_000 // whole
    return f"{cut // 10_000}.{cut % 10_000:04d}"


def reaches(part: int, whole: int | None, percent: int) -> bool:
    """Whether part of whole is at least that many per cent, in whole numbers."""
    return bool(whole) and part * 100 >= (whole or 0) * percent


def ranks(parts: Sequence[tuple[int, int | None]]) -> list[int | None]:
    """The rank of each (part, whole) by exact fractions: 1, 1, 3; None without a whole."""
    fractions = [Fraction(part, whole) if whole else None for part, whole in parts]
    return [
        None if mine is None else 1 + sum(other > mine for other in fractions if other is not None)
        for mine in fractions
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """One date of the grid: how many were paid by then, and the per cent of the grid that is."""

    on: date
    paid: int
    rate: str | None
    reached: int | None


@dataclass(frozen=True, slots=True)
class AwardLine:
    """One unit's award with its reason; amounts in fen."""

    milestones: tuple[Step, ...]
    per_head: int
    heads: int
    award: int
    fee: int
    deduction: int
    payable: int
    why: str


def best_step(award: Award, quota: int, paid_by: Mapping[date, int]) -> AwardStep | None:
    """The best cell of the grid that was reached: the highest amount, never a sum (notice, part 5(3)).

    A date that has not come yet is absent from `paid_by`.
    """
    reached = [s for s in award.steps if s.by in paid_by and reaches(paid_by[s.by], quota, s.percent)]
    return max(reached, key=lambda step: (step.per_head, step.percent, -step.by.toordinal()), default=None)


def award_heads(award: Award, step: AwardStep, quota: int, paid: int, paid_by: Mapping[date, int], free: int) -> int:
    """The heads an award is paid for; `free` are the fully subsidised among the paid."""
    if award.base == "quota":
        return quota
    heads = paid_by[step.by] if award.heads_on == "milestone" else paid
    return max(heads - free, 0) if award.base == "paid_without_full_subsidy" else heads


def milestones(award: Award, quota: int, paid: int, paid_by: Mapping[date, int]) -> tuple[Step, ...]:
    """Each date of the grid with what was reached on it; for a date to come, how many are paid so far."""
    steps = []
    for day in award.days:
        by = paid_by.get(day, paid)
        percents = [step.percent for step in award.steps if step.by == day]
        reached = max((p for p in percents if day in paid_by and reaches(by, quota, p)), default=None)
        steps.append(Step(day, by, rate_text(by, quota), reached))
    return tuple(steps)


def triggers(deduction: Deduction, paid: int, quota: int, groups: Mapping[str, tuple[int, int]]) -> list[str]:
    """Why work money would be cut (notice, part 6(2)); `groups` gives (paid, all) of each special category."""
    said = []
    if deduction.rate_below is not None and quota and not reaches(paid, quota, deduction.rate_below):
        said.append(f"完成率{percent_text(paid, quota)}低于{deduction.rate_below}%")
    for group in deduction.groups:
        done, everybody = groups.get(group.category, (0, 0))
        if everybody and not reaches(done, everybody, group.below):
            said.append(f"{group.category}{everybody}人已缴{done}人，低于{group.below}%")
    wanted = (deduction.rate_below is not None) + len(deduction.groups)
    return said if deduction.when == "any" or len(said) == wanted else []


def deducted(deduction: Deduction, said: Sequence[str], paid: int, quota: int, due: int) -> int:
    """Fen cut from what a unit would get, by the plan's choice; 0 when nothing triggers it."""
    if not said or deduction.mode == "none":
        return 0
    missing = max(quota - paid, 0)
    amounts = {
        "fixed": deduction.amount,
        "percent": due * deduction.percent // 100,
        "per_missing_head": deduction.amount * missing,
    }
    return min(amounts[deduction.mode], due)


def award_line(
    award: Award,
    *,
    quota: int,
    paid: int,
    paid_by: Mapping[date, int],
    free: int,
    groups: Mapping[str, tuple[int, int]],
    is_over: bool,
) -> AwardLine:
    """What one unit earns: the best cell × heads, the fee per paid head, less what is deducted, never below 0.

    Deductions are judged once the last deadline is over (`is_over`); before it `why` only warns.
    """
    step = best_step(award, quota, paid_by)
    per_head = step.per_head if step else 0
    heads = award_heads(award, step, quota, paid, paid_by, free) if step else paid
    due, fee = per_head * heads, award.fee_per_head * paid
    said = triggers(award.deduction, paid, quota, groups)
    cut = deducted(award.deduction, said, paid, quota, due + fee) if is_over else 0
    return AwardLine(
        milestones=milestones(award, quota, paid, paid_by),
        per_head=per_head,
        heads=heads,
        award=due,
        fee=fee,
        deduction=cut,
        payable=max(due + fee - cut, 0),
        why=_why(award, step, quota, paid, paid_by, said, cut, is_over),
    )


def percent_text(part: int, whole: int) -> str:
    """A rate in per cent with two decimals, cut."""
    cut = part * 10_000 // whole if whole else 0
    return f"{cut // 100}.{cut % 100:02d}%"


def _why(
    award: Award,
    step: AwardStep | None,
    quota: int,
    paid: int,
    paid_by: Mapping[date, int],
    said: Sequence[str],
    cut: int,
    is_over: bool,
) -> str:
    if not quota:
        parts = ["无任务数，不计奖励"]
    elif step:
        by = paid_by[step.by]
        parts = [
            f"{step.by.month}月{step.by.day}日前已缴{by}人，占任务{quota}人的{percent_text(by, quota)}，"
            f"达到{step.percent}%档，每人{yuan(step.per_head)}元"
        ]
    elif not award.steps:
        parts = ["方案没有设奖励"]
    elif not paid_by:
        parts = [f"尚未到第一个节点（{award.days[0].month}月{award.days[0].day}日）"]
    else:
        last = max(paid_by)
        lowest = min(s.percent for s in award.steps)
        missing = max(-(-quota * lowest // 100) - paid_by[last], 0)
        parts = [
            f"{last.month}月{last.day}日前已缴{paid_by[last]}人（{percent_text(paid_by[last], quota)}），距{lowest}%差{missing}人，未达任何一档"
        ]
    if said and is_over:
        parts.append(f"{'、'.join(said)}，应扣减{yuan(cut)}元" if cut else f"{'、'.join(said)}，触发扣减，方案未定数额")
    elif said:
        parts.append(f"提醒：{'、'.join(said)}，截止后将触发扣减")
    return "；".join(parts) + "。"
