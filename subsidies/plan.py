"""The year's notice (方案) as one frozen, validated value: every number and date of a campaign stands here, none in code.

Amounts are whole fen inside; in TOML and JSON they are yuan with at most two decimals.
Written and read as TOML (`plans/2020.toml`), stored as JSON.
"""

import tomllib
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation, Overflow
from itertools import combinations
from math import isfinite
from typing import Annotated, Any, Literal

import tomlkit
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializationInfo,
    ValidationError,
    WithJsonSchema,
    model_validator,
)


class BadPlan(Exception):
    """A notice that cannot be put in force; `errors` says where (`path`) and what to do (`message`)."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("；".join(f"{error['path']}：{error['message']}" for error in errors))
        self.errors = errors


def fen_from_yuan(value: object) -> int:
    """Whole fen of an amount in yuan given as a number or text; ValueError with a sentence when it is none."""
    try:
        fen = Decimal(str(value)) * 100
    except (InvalidOperation, Overflow):
        raise ValueError("金额应为数字，单位元，如 250 或 1.2。") from None
    if isinstance(value, bool) or not fen.is_finite() or fen != fen.to_integral_value():
        raise ValueError("金额最多两位小数，单位元。")
    if not 0 <= fen <= 100_000_000:
        raise ValueError("金额应在 0 到 1,000,000 元之间。")
    return int(fen)


def yuan(fen: int) -> str:
    """An amount in fen as yuan with two decimals, the way JSON answers and papers write it."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _yuan_written(fen: int, info: SerializationInfo) -> str | Decimal:
    return yuan(fen) if info.mode == "json" else Decimal(fen) / 100


def _plain_percent(value: object) -> object:
    """TOML's 95.0 and 95 are the same per cent."""
    if isinstance(value, bool):
        raise ValueError("应为整数。")
    return int(value) if isinstance(value, Decimal | float) and isfinite(value) and value == int(value) else value


def _written_day(value: object) -> object:
    """A bare number, quoted or not, would else be read as seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and value.count("-") == 2):
        return value
    raise ValueError("应为日期，如 2019-12-31。")


Fen = Annotated[
    int,
    BeforeValidator(fen_from_yuan),
    PlainSerializer(_yuan_written),
    WithJsonSchema({"type": ["number", "string"], "minimum": 0, "description": "元，最多两位小数"}),
]
Percent = Annotated[int, BeforeValidator(_plain_percent), Field(ge=0, le=200)]
Day = Annotated[date, BeforeValidator(_written_day)]
Name = Annotated[str, Field(min_length=1, max_length=60)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Source(Part):
    """Where an amount is written, and the day somebody last compared it with the paper."""

    document: str = ""
    clause: str = ""
    checked_on: Day | None = None


class Notice(Part):
    title: Name
    township: str = ""
    number: str = ""
    year: int = Field(ge=2000, le=2100)
    scheme: Literal["resident", "employee", "student"] = "resident"


class Tariff(Part):
    """What one person of a class pays in a tier before any help; the first tariff is the usual one."""

    tariff_class: str = Field("", alias="class")
    tier: str = ""
    amount: Fen
    source: Source = Source()

    model_config = ConfigDict(populate_by_name=True)


class AddOn(Part):
    """Collected together with the premium and never subsidised, e.g. 长期护理保险."""

    name: Name
    amount: Fen


class Funder(Part):
    name: Name


class AgeBetween(Part):
    kind: Literal["age"] = "age"
    at_least: int | None = None
    at_most: int | None = None
    on: Day

    @model_validator(mode="after")
    def _in_order(self) -> "AgeBetween":
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("年龄的下限不能大于上限。")
        return self


class SexIs(Part):
    kind: Literal["sex"] = "sex"
    sex: Literal["男", "女"]


class DisabilityLevel(Part):
    kind: Literal["disability"] = "disability"
    levels: tuple[Annotated[int, Field(ge=1, le=4)], ...]


class HasCategory(Part):
    kind: Literal["has"] = "has"
    category: Name


class LacksCategory(Part):
    kind: Literal["lacks"] = "lacks"
    category: Name


Condition = Annotated[AgeBetween | SexIs | DisabilityLevel | HasCategory | LacksCategory, Field(discriminator="kind")]


class Share(Part):
    """What one funder gives for one person: fixed yuan or a per cent of the tariff, for all classes and tiers or one."""

    funder: Name
    amount: Fen | None = None
    percent: Percent | None = None
    tariff_class: str | None = Field(None, alias="class")
    tier: str | None = None

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _one_measure(self) -> "Share":
        if (self.amount is None) == (self.percent is None):
            raise ValueError("amount（元）与 percent（%）须写且只写一个。")
        return self


Way = Literal["直接减免", "税务请款", "先缴后补", "一折通"]


class Category(Part):
    """One category of helped people: who pays what for them, its rank in ties, and its word on the register."""

    name: Name
    aliases: tuple[str, ...] = ()
    label: Name
    priority: int = Field(ge=1, le=99)
    way: Way = "直接减免"
    shares: tuple[Share, ...]
    conditions: tuple[Condition, ...] = ()
    valid_from: Day | None = None
    valid_to: Day | None = None
    source: Source = Source()

    @model_validator(mode="after")
    def _in_order(self) -> "Category":
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValueError("有效期的开始日不能晚于结束日。")
        return self

    @property
    def is_paid_later(self) -> bool:
        """Whether the person pays in full first and the aid comes afterwards."""
        return self.way in ("先缴后补", "一折通")


class Overlap(Part):
    """就高: the best category alone (`best`), or all of them added up to the premium (`stack`)."""

    mode: Literal["best", "stack"] = "best"
    rounding: Literal["down", "up", "half_up"] = "half_up"
    round_to: Fen = 1


Who = Literal["general", "newborn", "migrant", "student"]


class Period(Part):
    """When a class of people may pay: the formal last day, and the earlier one the township presses for."""

    who: Who
    starts_on: Day | None = None
    ends_on: Day
    internal_ends_on: Day | None = None
    source: Source = Source()

    @model_validator(mode="after")
    def _in_order(self) -> "Period":
        if self.starts_on and self.starts_on > self.ends_on:
            raise ValueError("开始日不能晚于截止日。")
        if self.internal_ends_on and self.internal_ends_on > self.ends_on:
            raise ValueError("镇里要求的完成日不能晚于截止日。")
        return self


class Late(Part):
    """Paying after one's period: until a day, at an amount of its own that nobody subsidises."""

    until: Day
    amount: Fen
    wait_months: int = Field(0, ge=0, le=12)


class Milestone(Part):
    percent: Percent
    on: Day


class AwardStep(Part):
    """One cell of the award grid: yuan a head for having reached a per cent of the quota by a day."""

    by: Day
    percent: Percent
    per_head: Fen


class DeductionGroup(Part):
    category: Name
    below: Percent = 100


class Deduction(Part):
    """When work money is cut: a rate below the line, or a special group not complete; how much is the township's choice."""

    rate_below: Percent | None = None
    groups: tuple[DeductionGroup, ...] = ()
    when: Literal["any", "all"] = "any"
    mode: Literal["none", "fixed", "percent", "per_missing_head"] = "none"
    amount: Fen = 0
    percent: Percent = 0


class Award(Part):
    base: Literal["paid", "paid_without_full_subsidy", "quota"] = "paid"
    heads_on: Literal["settlement", "milestone"] = "settlement"
    steps: tuple[AwardStep, ...] = ()
    fee_per_head: Fen = 0
    deduction: Deduction = Deduction()
    source: Source = Source()

    @property
    def days(self) -> list[date]:
        """The grid's dates in order."""
        return sorted({step.by for step in self.steps})


class Channel(Part):
    name: Name
    aliases: tuple[str, ...] = ()
    evidence: str = ""
    is_cash: bool = False


class Cash(Part):
    """Days are calendar days: typed evidence older than the grace waits for approval; cash held longer shows red."""

    is_allowed: bool = True
    deposit_within_days: int = Field(0, ge=0, le=30)
    confirm_within_days: int = Field(3, ge=0, le=60)
    evidence_grace_days: int = Field(1, ge=0, le=60)


class ExemptionReason(Part):
    reason: Name
    is_insured_elsewhere: bool = False
    proof: str = ""


class PureCount(Part):
    """A figure in the register's footer: people whose only category is this one."""

    label: Name
    category: Name


class Register(Part):
    """The printed form (附件2)."""

    title: Name
    rows_per_page: int = Field(15, ge=5, le=25)
    plain_label: Name = "一般户"
    extra_column: str = ""
    pure_counts: tuple[PureCount, ...] = ()
    legend: tuple[str, ...] = ()
    copies: int = Field(3, ge=1, le=9)


class Plan(Part):
    """A year's notice. Every rule of the campaign takes this value; a change of the notice is a new version of it."""

    notice: Notice
    rate_base: Literal["quota", "hukou", "listed"] = "quota"
    tariffs: tuple[Tariff, ...] = Field(min_length=1)
    add_ons: tuple[AddOn, ...] = ()
    funders: tuple[Funder, ...] = ()
    overlap: Overlap = Overlap()
    categories: tuple[Category, ...] = ()
    periods: tuple[Period, ...] = Field(min_length=1)
    late: Late | None = None
    milestones: tuple[Milestone, ...] = ()
    award: Award = Award()
    cash: Cash = Cash()
    channels: tuple[Channel, ...] = ()
    exemptions: tuple[ExemptionReason, ...] = ()
    register_form: Register = Field(alias="register")

    model_config = ConfigDict(populate_by_name=True)

    @property
    def year(self) -> int:
        return self.notice.year

    @property
    def funder_names(self) -> list[str]:
        return [funder.name for funder in self.funders]

    @property
    def last_day(self) -> date:
        """The last day on which anybody may still pay."""
        return max([period.ends_on for period in self.periods] + ([self.late.until] if self.late else []))

    def category(self, name: str) -> Category | None:
        """The category of that name or alias."""
        return next((c for c in self.categories if name == c.name or name in c.aliases), None)

    def channel(self, name: str) -> Channel | None:
        """The channel of that name or alias."""
        return next((c for c in self.channels if name == c.name or name in c.aliases), None)

    def label(self, category: str | None) -> str:
        """户属性: the word the register prints for an applied category."""
        found = self.category(category) if category else None
        return found.label if found else self.register_form.plain_label


def _doubled(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def _complain_of_names(plan: Plan) -> Iterator[tuple[str, str]]:
    """Names that stand twice, and names that stand nowhere."""
    lists: list[tuple[str, list[str]]] = [
        (
            "tariffs",
            [f"人群{tariff.tariff_class or '（空）'}、档次{tariff.tier or '（空）'}" for tariff in plan.tariffs],
        ),
        ("funders", plan.funder_names),
        ("categories", [word for category in plan.categories for word in (category.name, *category.aliases)]),
        ("periods", [period.who for period in plan.periods]),
        ("channels", [word for channel in plan.channels for word in (channel.name, *channel.aliases)]),
        ("exemptions", [exemption.reason for exemption in plan.exemptions]),
        ("award.steps", [f"{step.by} 的 {step.percent}%" for step in plan.award.steps]),
    ]
    for path, names in lists:
        for name in _doubled(names):
            yield path, f"“{name}”写了两次。"
    if "一般户" in {category.name for category in plan.categories}:
        yield "categories", "一般户是没有资助身份的人，不能作为身份名称。"
    known = {category.name for category in plan.categories}
    wanted = [(f"award.deduction.groups.{i}", g.category) for i, g in enumerate(plan.award.deduction.groups)]
    wanted += [(f"register.pure_counts.{i}", count.category) for i, count in enumerate(plan.register_form.pure_counts)]
    for i, category in enumerate(plan.categories):
        for j, condition in enumerate(category.conditions):
            if isinstance(condition, HasCategory | LacksCategory):
                wanted.append((f"categories.{i}.conditions.{j}", condition.category))
    for path, name in wanted:
        if name not in known:
            yield path, f"身份“{name}”不在 categories 里。"


def _complain_of_shares(plan: Plan) -> Iterator[tuple[str, str]]:
    """A category's fixed shares may not exceed what is to be paid, and each funder must be known."""
    classes = {tariff.tariff_class for tariff in plan.tariffs}
    tiers = {tariff.tier for tariff in plan.tariffs}
    for i, category in enumerate(plan.categories):
        for j, share in enumerate(category.shares):
            path = f"categories.{i}.shares.{j}"
            if share.funder not in plan.funder_names:
                yield path, f"资金来源“{share.funder}”不在 funders 里。"
            if share.tariff_class is not None and share.tariff_class not in classes:
                yield path, f"人群“{share.tariff_class}”不在 tariffs 里。"
            if share.tier is not None and share.tier not in tiers:
                yield path, f"档次“{share.tier}”不在 tariffs 里。"
        for tariff in plan.tariffs:
            total = sum(amount for _, amount in raw_shares(category, tariff, plan.overlap))
            if total > tariff.amount:
                yield (
                    f"categories.{i}",
                    f"“{category.name}”资助合计 {yuan(total)} 元，超过缴费标准 {yuan(tariff.amount)} 元。",
                )


def _complain_of_exclusions(plan: Plan) -> Iterator[tuple[str, str]]:
    """Nobody may pay more for having one category more: what excludes a line must itself be worth as much, always.

    Checked pair by pair for each tariff; an excluding category may have no condition of its own, since it
    would else take the excluded line away and give nothing.
    """
    for i, category in enumerate(plan.categories):
        for condition in category.conditions:
            if not isinstance(condition, LacksCategory):
                continue
            path = f"categories.{i}.conditions"
            other = next((c for c in plan.categories if c.name == condition.category), None)
            if other is None:
                continue
            if other.conditions or other.valid_from or other.valid_to:
                yield path, f"“{other.name}”自带条件或有效期，不能用来排除“{category.name}”，否则有人反而多缴。"
            for tariff in plan.tariffs:
                if _total(other, tariff, plan) < _total(category, tariff, plan):
                    yield path, f"“{other.name}”资助少于“{category.name}”，排除后有人反而多缴。"
    if plan.overlap.mode == "stack" and any(
        isinstance(x, LacksCategory) for c in plan.categories for x in c.conditions
    ):
        yield "overlap.mode", "叠加享受（stack）时不能再写排除条件。"


def _total(category: Category, tariff: Tariff, plan: Plan) -> int:
    return sum(amount for _, amount in raw_shares(category, tariff, plan.overlap))


def _complain_of_dates(plan: Plan) -> Iterator[tuple[str, str]]:
    if not any(period.who == "general" for period in plan.periods):
        yield "periods", '缺少一般居民（who = "general"）的缴费截止日。'
    for earlier, later in combinations(sorted(plan.milestones, key=lambda m: m.on), 2):
        if earlier.percent > later.percent:
            yield "milestones", f"{later.on} 的进度要求低于更早的 {earlier.on}。"
    for early, late in combinations(sorted(plan.award.steps, key=lambda s: s.by), 2):
        if early.percent == late.percent and early.by < late.by and early.per_head < late.per_head:
            yield "award.steps", f"同为 {late.percent}%，{late.by} 的奖励不能高于更早的 {early.by}。"
    for high, low in combinations(sorted(plan.award.steps, key=lambda s: -s.percent), 2):
        if high.by == low.by and high.percent > low.percent and high.per_head < low.per_head:
            yield "award.steps", f"{low.by} 达到 {low.percent}% 的奖励不能高于达到 {high.percent}% 的。"
    if plan.overlap.round_to not in (1, 10, 100):
        yield "overlap.round_to", "取整单位只能是 0.01、0.1 或 1 元。"


def raw_shares(category: Category, tariff: Tariff, overlap: Overlap) -> list[tuple[str, int]]:
    """(funder, fen) of each share of a category that holds for a tariff, before any cap."""
    return [
        (
            share.funder,
            share.amount if share.amount is not None else _part_of(tariff.amount, share.percent or 0, overlap),
        )
        for share in category.shares
        if share.tariff_class in (None, tariff.tariff_class) and share.tier in (None, tariff.tier)
    ]


def _part_of(fen: int, percent: int, overlap: Overlap) -> int:
    """A per cent of an amount, cut or rounded to the plan's unit; whole fen throughout."""
    exact, unit = fen * percent, 100 * overlap.round_to
    extra = {"down": 0, "up": unit - 1, "half_up": unit // 2}[overlap.rounding]
    return (exact + extra) // unit * overlap.round_to


SENTENCES = {
    "missing": "缺少这一项。",
    "extra_forbidden": "没有这一项，请核对拼写。",
    "int_parsing": "应为整数。",
    "int_type": "应为整数。",
    "int_from_float": "应为整数。",
    "int_parsing_size": "应为整数。",
    "finite_number": "应为整数。",
    "string_type": "应为文字（加引号）。",
    "string_too_short": "不能为空。",
    "string_too_long": "文字太长。",
    "date_type": "应为日期，如 2019-12-31。",
    "date_parsing": "日期不对，应如 2019-12-31。",
    "date_from_datetime_parsing": "日期不对，应如 2019-12-31。",
    "date_from_datetime_inexact": "只写日期，不写钟点，如 2019-12-31。",
    "bool_parsing": "应为 true 或 false。",
    "bool_type": "应为 true 或 false。",
    "tuple_type": "应为列表。",
    "model_type": "应为一组设置。",
    "too_short": "至少要有一项。",
    "union_tag_invalid": "条件种类（kind）只能是 age、sex、disability、has、lacks。",
    "union_tag_not_found": "条件缺少种类（kind）。",
}


def _sentence(error: Any) -> str:
    """Pydantic's complaint in the office's language."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"只能是 {context['expected'].replace(' or ', '、').replace(', ', '、')} 之一。"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = context.get("ge", context.get("le"))
        return f"应{'不小于' if 'ge' in context else '不大于'} {bound}。"
    return SENTENCES.get(kind, "写法不对，请对照 plan schema 核对。")


def _own_faults(errors: list[Any]) -> list[Any]:
    """Without the complaints that a list is empty because all that stands in it is wrong."""
    deeper = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in deeper]


def plan_from_document(document: object) -> Plan:
    """The plan written in a parsed TOML or JSON document. Raises BadPlan naming every fault found."""
    try:
        plan = Plan.model_validate(document)
    except ValidationError as wrong:
        raise BadPlan(
            [
                {"path": ".".join(str(step) for step in error["loc"]) or "（全文）", "message": _sentence(error)}
                for error in _own_faults(wrong.errors(include_url=False))
            ]
        ) from None
    checks = (_complain_of_names, _complain_of_shares, _complain_of_exclusions, _complain_of_dates)
    errors = [{"path": path, "message": message} for check in checks for path, message in check(plan)]
    if errors:
        raise BadPlan(errors)
    return plan


def plan_from_toml(text: str) -> Plan:
    """The plan written in a TOML text. Raises BadPlan."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as wrong:
        raise BadPlan([{"path": "（全文）", "message": f"不是正确的 TOML：{wrong}"}]) from None
    return plan_from_document(document)


def document_of(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values, amounts in yuan with two decimals; `plan_from_document` reads it back unchanged."""
    return plan.model_dump(mode="json", by_alias=True, exclude_none=True)


def _toml_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _toml_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_toml_value(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value


def toml_of(plan: Plan) -> str:
    """The plan as TOML; `plan_from_toml` reads it back unchanged."""
    return tomlkit.dumps(_toml_value(plan.model_dump(mode="python", by_alias=True, exclude_none=True)))
