"""One cell of a sheet → one value, or a sentence that says what is wrong with it."""

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TypeGuard


@dataclass(frozen=True)
class Fault:
    """A cell that holds an error value (`shown` is #DIV/0! and the like) or a formula nobody has calculated ("")."""

    shown: str


Cell = str | int | float | Decimal | date | datetime | bool | Fault | None
Number = int | float | Decimal


class BadCell(Exception):
    """The cell does not hold what its column asks for; the message is a Chinese sentence."""


# A spreadsheet keeps 15 digits of a number, the rest it turns into zeros.
EXACT_BELOW = 10**15
INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200d\u2060-\u2064\ufe00-\ufe0f\ufeff]")
BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d+)?[eE]\+?\d+", re.ASCII)
LOST_DIGITS = "该列不是文本，末3位已丢失，请把该列设为文本格式后重新填写号码"


def is_blank(cell: Cell) -> bool:
    return cell is None or cell == "" or (isinstance(cell, str) and not visible(cell))


def is_number(cell: Cell) -> TypeGuard[Number]:
    return isinstance(cell, Number) and not isinstance(cell, bool)


def shown(cell: Cell) -> str:
    """The cell as its owner sees it, for lists of errors."""
    if cell is None:
        return ""
    if isinstance(cell, Fault):
        return cell.shown or "（公式）"
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, Number):
        return whole_digits(cell) or str(cell)
    return str(cell)


def whole_digits(number: Number) -> str:
    """The digits of a whole number, "" when it has a fraction or is no finite number."""
    if not math.isfinite(number) or number != int(number):
        return ""
    return str(int(number))


def visible(text: str) -> str:
    """The text without what nobody can see: marks of width zero, byte order marks, blanks at the ends."""
    return INVISIBLE.sub("", text).replace("\u00a0", " ").strip().removeprefix("'").strip()


def quoted(text: str) -> str:
    return f"“{text[:20]}…”" if len(text) > 20 else f"“{text}”"


def refuse_fault(cell: Cell) -> None:
    if isinstance(cell, Fault) and cell.shown:
        raise BadCell(f"单元格是错误值 {cell.shown}，请改成正确的内容")
    if isinstance(cell, Fault):
        raise BadCell("单元格是没有算出结果的公式，请用 WPS 或 Excel 打开、保存后再导入，或直接填写内容")


def refuse_control(text: str) -> None:
    if BIDI.search(text):
        raise BadCell("含有改变文字方向的控制符，请删去后手工重新输入")
    if any(unicodedata.category(char) in ("Cc", "Cf") and char not in "\n\r\t" for char in text):
        raise BadCell("含有看不见的控制字符，请删去后手工重新输入")


# Most cells hold nothing that folding could change; asking first made reading 50,000 rows three times faster.
SIMPLE = re.compile("[0-9A-Za-z\u4e00-\u9fff]*")


def is_simple(cell: Cell) -> TypeGuard[str]:
    """Whether the cell is text of digits, Latin letters and common Han alone, which is its own folded form."""
    return isinstance(cell, str) and SIMPLE.fullmatch(cell) is not None


def plain(cell: Cell) -> str:
    """What stands in the cell, as typed; whole numbers as digits."""
    if is_simple(cell):
        return cell
    refuse_fault(cell)
    if is_number(cell) and not -EXACT_BELOW < cell < EXACT_BELOW:
        raise BadCell("数字超过15位，末几位已丢失，请把该列设为文本格式后重新填写")
    written = visible(shown(cell))
    refuse_control(written)
    return written


def within(written: str, max_length: int) -> str:
    if len(written) > max_length:
        raise BadCell(f"内容有 {len(written)} 个字，最多 {max_length} 个字，请缩短")
    return written


def text(cell: Cell, max_length: int) -> str:
    """Free text in one width (NFKC), blanks run together, "" for an empty cell."""
    if cell is None or is_simple(cell):
        return within(cell or "", max_length)
    folded = unicodedata.normalize("NFKC", plain(cell))
    return within(re.sub(r"\s+", " ", folded).strip(), max_length)


def digits_text(cell: Cell, max_length: int = 64) -> str:
    """Text of a column whose numbers are names (phone, 户号, 组, 凭证号): a whole number cell is read as its digits."""
    if isinstance(cell, date):
        raise BadCell("单元格被识别成了日期，请把该列设为文本格式后重新填写")
    if is_number(cell) and not whole_digits(cell):
        raise BadCell(f"{quoted(shown(cell))}不是整数，请把该列设为文本格式后重新填写")
    written = text(cell, max_length)
    if SCIENTIFIC.fullmatch(written):
        raise BadCell("号码成了科学计数，末几位已丢失，请把该列设为文本格式后重新填写")
    return written


def id_number_text(cell: Cell) -> str:
    """The number of an identity document in upper case without blanks, "" for an empty cell; never from a number."""
    refuse_fault(cell)
    if isinstance(cell, bool | date) or is_number(cell):
        raise BadCell(LOST_DIGITS)
    written = re.sub(r"\s", "", text(cell, 64)).upper()
    if SCIENTIFIC.fullmatch(written):
        raise BadCell(LOST_DIGITS)
    return written


DOTS = "·•．‧・･∙⋅●｡。.᛫∘\u0387"
FOLD_DOTS = str.maketrans(dict.fromkeys(DOTS, "·"))
HAN_RANGES = "〇㐀-䶿一-鿿豈-\ufaff\U00020000-\U0003ffff"
PRIVATE_RANGES = "\ue000-\uf8ff\U000f0000-\U0010ffff"
HAN_OR_DOT = re.compile(f"[{HAN_RANGES}{PRIVATE_RANGES} {re.escape(DOTS)}]")
PRIVATE = re.compile(f"[{PRIVATE_RANGES}]")


def person_name(cell: Cell, max_length: int = 50) -> str:
    """A person's name as typed: Han, letters, dots and single blanks; "" for an empty cell."""
    if is_simple(cell) and cell.isalpha():
        return within(cell, max_length)
    if isinstance(cell, bool | date) or is_number(cell):
        raise BadCell(f"{quoted(shown(cell))}不是姓名，请填写文字")
    name = re.sub(r"\s+", " ", plain(cell))
    wrong = "".join(char for char in name if not (HAN_OR_DOT.match(char) or unicodedata.category(char)[0] in "LM"))
    if wrong:
        raise BadCell(f"姓名里只能有汉字、字母、间隔号“·”和空格，请删去{quoted(wrong)}")
    return within(name, max_length)


def name_warning(name: str) -> str:
    """A sentence about characters that only their maker's font can show, "" for none."""
    if PRIVATE.search(name):
        return "姓名里有自造字（非国家标准编码的生僻字），打印时可能缺字，请核对"
    return ""


def same_name(one: str, other: str) -> bool:
    """Whether two spellings are the same name: width, blanks, case and the form of the dot do not count."""
    return name_key(one) == name_key(other)


@lru_cache(maxsize=8192)
def name_key(name: str) -> str:
    folded = unicodedata.normalize("NFKC", INVISIBLE.sub("", name).translate(FOLD_DOTS)).translate(FOLD_DOTS)
    return re.sub(r"\s", "", folded).casefold()


AMOUNT = re.compile(r"¥?\s*((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*(?:元整?|圆整?)?", re.ASCII)
LARGEST_YUAN = 10**9


def money_fen(cell: Cell) -> int:
    """Yuan in the cell → whole fen; never negative, never a fraction of a fen."""
    yuan = amount(cell)
    if not yuan.is_finite() or abs(yuan) >= LARGEST_YUAN:
        raise BadCell(f"{quoted(shown(cell))}不是合理的金额，请核对")
    if yuan < 0:
        raise BadCell(f"金额 {quoted(shown(cell))}小于0，请核对")
    if yuan * 100 != int(yuan * 100):
        raise BadCell(f"金额 {quoted(shown(cell))}多于两位小数，请写到分为止，例如 250.00")
    return int(yuan * 100)


def amount(cell: Cell) -> Decimal:
    refuse_fault(cell)
    if is_blank(cell):
        raise BadCell("没有填写金额，请填写，例如 250 或 250.00")
    if isinstance(cell, float):
        # Sums in a sheet carry binary dust beyond the 15 digits that it shows.
        return Decimal(f"{cell:.15g}")
    if isinstance(cell, int | Decimal) and not isinstance(cell, bool):
        return Decimal(cell)
    return amount_written(unicodedata.normalize("NFKC", plain(cell)))


def amount_written(written: str) -> Decimal:
    if re.fullmatch(r"-.*\d.*", written):
        raise BadCell(f"金额 {quoted(written)}小于0，请核对")
    found = AMOUNT.fullmatch(written)
    if not found:
        raise BadCell(f"{quoted(written)}不是金额，请填写数字，例如 250 或 250.00")
    return Decimal(found[1].replace(",", ""))


FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2100, 12, 31)
SERIAL_EPOCH = date(1899, 12, 30)
LAST_SERIAL = (LAST_DAY - SERIAL_EPOCH).days
CLOCK = r"(?:[ T]+(?:[01]?\d|2[0-3]):[0-5]?\d(?::[0-5]?\d(?:\.\d+)?)?)?"
DAY_FORMS = (
    re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})" + CLOCK, re.ASCII),
    re.compile(r"(\d{4})(年)(\d{1,2})月(\d{1,2})[日号]" + CLOCK, re.ASCII),
    re.compile(r"(\d{4})()(\d{2})(\d{2})(?:[0-2]\d[0-5]\d[0-5]\d)?", re.ASCII),
)
MONTH_FORMS = (
    re.compile(r"(\d{4})[-/.](\d{1,2})", re.ASCII),
    re.compile(r"(\d{4})年(\d{1,2})月(?:份)?", re.ASCII),
    re.compile(r"(\d{4})(\d{2})", re.ASCII),
)


def calendar_date(cell: Cell) -> date:
    """A day between 1900 and 2100; a time of day behind it is dropped."""
    refuse_fault(cell)
    if isinstance(cell, datetime):
        return in_range(cell.date())
    if isinstance(cell, date):
        return in_range(cell)
    if is_number(cell) and 2100 < cell <= LAST_SERIAL:
        return SERIAL_EPOCH + timedelta(days=int(cell))
    return written_day(written_when(cell, "没有填写日期，请填写，例如 2019-12-10"))


def written_when(cell: Cell, empty: str) -> str:
    if is_blank(cell):
        raise BadCell(empty)
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", plain(cell)))


def written_day(written: str) -> date:
    for form in DAY_FORMS:
        if found := form.fullmatch(written):
            return real_day(written, int(found[1]), int(found[3]), int(found[4]))
    raise BadCell(f"{quoted(written)}不是日期，请写成 2019-12-10 的样子")


def real_day(written: str, year: int, month_number: int, day: int) -> date:
    try:
        return in_range(date(year, month_number, day))
    except ValueError:
        raise BadCell(f"{quoted(written)}不是日历上有的日期，请核对") from None


def in_range(day: date) -> date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise BadCell(f"日期 {day.isoformat()} 不在1900年到2100年之间，请核对")
    return day


def month(cell: Cell) -> date:
    """A month as its first day."""
    refuse_fault(cell)
    if isinstance(cell, date):
        return calendar_date(cell).replace(day=1)
    if is_number(cell) and not whole_digits(cell):
        # 2019.1 may have been typed as 2019.10: the sheet does not keep the zero.
        raise BadCell(f"{quoted(shown(cell))}分不清是哪个月，请写成 2019-12 的样子")
    if is_number(cell) and 2100 < cell <= LAST_SERIAL:
        return calendar_date(cell).replace(day=1)
    return written_month(written_when(cell, "没有填写月份，请填写，例如 2019-12"))


def written_month(written: str) -> date:
    for form in MONTH_FORMS:
        if found := form.fullmatch(written):
            return real_day(written, int(found[1]), int(found[2]), 1)
    if any(form.fullmatch(written) for form in DAY_FORMS):
        return written_day(written).replace(day=1)
    raise BadCell(f"{quoted(written)}不是月份，请写成 2019-12 的样子")


YES = frozenset(["是", "√", "✓", "✔", "☑", "1", "Y", "YES", "TRUE", "对", "有"])
NO = frozenset(["否", "×", "✗", "✘", "☐", "0", "N", "NO", "FALSE", "不", "不是", "无", "没有", "X"])


def yes_no(cell: Cell) -> bool:
    """Yes for 是 or a tick, no for 否 or an empty cell."""
    written = text(cell, 20).upper()
    if written in YES:
        return True
    if written in NO or not written:
        return False
    raise BadCell(f"{quoted(written)}不是“是”或“否”，请改填其中之一")


COUNT = re.compile(r"\d{1,3}(,\d{3})+|\d+", re.ASCII)
LARGEST_COUNT = 10**9


def count(cell: Cell) -> int:
    """A whole number from 0 on."""
    refuse_fault(cell)
    if is_blank(cell):
        raise BadCell("没有填写数目，请填写整数，没有就填 0")
    written = text(cell, 40).removesuffix(".00").removesuffix(".0")
    if not COUNT.fullmatch(written):
        raise BadCell(f"{quoted(written)}不是数目，请填写0或更大的整数")
    number = int(written.replace(",", ""))
    if number >= LARGEST_COUNT:
        raise BadCell(f"{quoted(written)}不是合理的数目，请核对")
    return number
