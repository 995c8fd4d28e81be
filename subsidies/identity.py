"""Identity numbers by GB 11643: what a number says about its holder, and what is wrong with one."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

Sex = Literal["男", "女"]

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS = "10X98765432"
OLDEST_AGE = 130

PATTERN = r"^[0-9]{17}[0-9X]$"
"""What a database column of identity numbers must match."""

NUMBER = re.compile(r"[0-9]{17}[0-9X]")
OLD_NUMBER = re.compile(r"[0-9]{15}")
# 残疾人证: the identity number, kind 1–7, level 1–4, and B1, B2 … when issued again.
DISABILITY_CARD = re.compile(r"([0-9]{17}[0-9X])([1-7])([1-4])(?:B[0-9])?")


class BadIdNumber(Exception):
    """The number cannot be anybody's; the message is a Chinese sentence."""


@dataclass(frozen=True)
class IdNumber:
    """A sound number of 18 characters and what it says; kind and level only from a disability card's number."""

    number: str
    birth_date: date
    sex: Sex
    disability_kind: int | None = None
    disability_level: int | None = None


def parse_id_number(text: str, *, today: date) -> IdNumber:
    """Read the number of an identity card, of a residence permit of 港澳台居民, or of a disability card (20 or 22).

    Raises BadIdNumber. The address code is never judged: cards of abolished counties are as good as any.
    """
    if OLD_NUMBER.fullmatch(text):
        raise BadIdNumber(f"15位旧号码，请改用18位：{upgraded(text, today)}")
    card = DISABILITY_CARD.fullmatch(text)
    if card:
        return IdNumber(card[1], *facts_of(card[1], today), int(card[2]), int(card[3]))
    if not NUMBER.fullmatch(text):
        raise BadIdNumber(shape_problem(text))
    return IdNumber(text, *facts_of(text, today))


def facts_of(number: str, today: date) -> tuple[date, Sex]:
    """Birth date and sex, once the date is real and the last character agrees with the others."""
    birth_date = birth_date_in(number[6:14], today)
    expected = check_digit(number[:17])
    if number[17] != expected:
        raise BadIdNumber(f"第18位应为 {expected}，请核对")
    return birth_date, "男" if int(number[16]) % 2 else "女"


def shape_problem(text: str) -> str:
    if not text:
        return "没有填写身份证号"
    if len(text) not in (18, 20, 22):
        return f"身份证号应为18位，现在是{len(text)}位，请核对"
    if len(text) > 18:
        return f"号码有{len(text)}位，既不是18位身份证号，也不是残疾人证号（身份证号加类别、等级），请核对"
    return "身份证号前17位应全是数字，第18位是数字或大写 X，请核对"


def birth_date_in(digits: str, today: date) -> date:
    """The birth date written as YYYYMMDD; raises BadIdNumber when it is no day or lies ahead."""
    try:
        birth_date = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise BadIdNumber(f"第7至14位“{digits}”不是日历上有的出生日期，请核对") from None
    if birth_date > today:
        raise BadIdNumber(f"出生日期 {birth_date.isoformat()} 还没有到，请核对第7至14位")
    if age_on(birth_date, today) > OLDEST_AGE:
        raise BadIdNumber(f"出生日期 {birth_date.isoformat()} 已超过{OLDEST_AGE}年，请核对第7至14位")
    return birth_date


def check_digit(first17: str) -> str:
    """The 18th character that belongs to 17 digits (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, first17, strict=True))
    return CHECK_DIGITS[total % 11]


def upgrade_15(number: str) -> str:
    """The 18-character number of an old 15-digit one: 19 before the year, the check digit behind."""
    first17 = number[:6] + "19" + number[6:]
    return first17 + check_digit(first17)


def upgraded(number: str, today: date) -> str:
    upgrade = upgrade_15(number)
    birth_date_in(upgrade[6:14], today)
    return upgrade


def mask(number: str) -> str:
    """The number with its middle hidden: four characters stay at each end, fewer of a short one."""
    kept = min(4, len(number) // 4)
    return number[:kept] + "*" * (len(number) - 2 * kept) + number[len(number) - kept :]


def age_on(birth_date: date, day: date) -> int:
    """Full years of life on a day; who is born on 29 February is a year older from 1 March of common years."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))
