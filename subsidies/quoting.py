"""Quotes without a database: what people would pay, from plain JSON values."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from subsidies.plan import Plan, yuan
from subsidies.policy import GROUNDS, Applicant, Assessment, MayNotPay, NoTariff, assess

SEXES = {"男": "男", "女": "女", "male": "男", "female": "女", "1": "男", "2": "女", "M": "男", "F": "女"}
FIELDS = {
    "ref",
    "categories",
    "birth_date",
    "sex",
    "class",
    "tier",
    "grounds",
    "migrant",
    "disability_level",
    "paid_on",
}


class BadInput(Exception):
    """A person to be quoted is written wrongly; the message is the sentence to show."""


def quote_all(plan: Plan, people: Iterable[object], *, today: date) -> list[dict[str, Any]]:
    """A quote, or {"ref", "error"}, for each person in the given order."""
    return [_quote_or_error(plan, person, today) for person in people]


def _quote_or_error(plan: Plan, person: object, today: date) -> dict[str, Any]:
    ref = person.get("ref") if isinstance(person, dict) else None
    try:
        if not isinstance(person, dict):
            raise BadInput("每个人应是一个对象。")
        return {"ref": ref, **_quote(plan, person, today)}
    except (BadInput, MayNotPay, NoTariff) as no:
        return {"ref": ref, "error": str(no)}


def _quote(plan: Plan, person: Mapping[str, Any], today: date) -> dict[str, Any]:
    strange = person.keys() - FIELDS
    if strange:
        raise BadInput(f"不认识的项目：{'、'.join(sorted(map(str, strange)))}。")
    if person.get("ref") is None:
        raise BadInput("缺少 ref。")
    applicant = Applicant(
        categories=_categories(plan, person.get("categories")),
        birth_date=_take(person, "birth_date", _day, None),
        sex=_take(person, "sex", _sex, ""),
        tariff_class=_take(person, "class", _text, ""),
        tier=_take(person, "tier", _text, ""),
        grounds=_take(person, "grounds", _grounds, GROUNDS[0]),
        is_migrant=_take(person, "migrant", _bool, False),
        disability_level=_take(person, "disability_level", _level, None),
    )
    return _as_json(assess(plan, applicant, _take(person, "paid_on", _day, today)))


def _as_json(said: Assessment) -> dict[str, Any]:
    return {
        "applied": said.applied,
        "premium": yuan(said.premium),
        "funders": {name: yuan(fen) for name, fen in said.shares},
        "personal": yuan(said.personal),
        "grant": {"way": said.grant_way, "amount": yuan(said.grant)} if said.grant else None,
        "why": said.why,
    }


def _take(person: Mapping[str, Any], name: str, reader: Callable[[str, Any], Any], default: Any) -> Any:
    value = person.get(name)
    return default if value is None else reader(name, value)


def _categories(plan: Plan, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise BadInput("categories 应是身份名称的列表。")
    known = [category.name for category in plan.categories]
    unknown = [name for name in value if name not in known]
    if unknown:
        raise BadInput(f"方案里没有“{unknown[0]}”这种身份。")
    return tuple(name for name in known if name in value)


def _day(name: str, value: object) -> date:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else _refuse(name)
    except ValueError:
        return _refuse(name)


def _refuse(name: str) -> date:
    raise BadInput(f"{name} 应是日期，如 2019-12-10。")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadInput(f"{name} 应是文字。")
    return value


def _sex(name: str, value: object) -> str:
    if not isinstance(value, str) or value not in SEXES:
        raise BadInput("sex 应是男或女。")
    return SEXES[value]


def _grounds(name: str, value: object) -> str:
    if value not in GROUNDS:
        raise BadInput(f"grounds 应是{'、'.join(GROUNDS)}之一。")
    return str(value)


def _bool(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{name} 应是 true 或 false。")
    return value


def _level(name: str, value: object) -> int:
    if isinstance(value, bool) or value not in (1, 2, 3, 4):
        raise BadInput("disability_level 应是 1 至 4。")
    return int(value)  # JSON's 2.0 is 2
