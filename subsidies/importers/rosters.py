"""An office's roster (名单): cells in, entries out."""

from dataclasses import dataclass
from datetime import date

from accounts.imports import Cells
from accounts.sheets.cells import BadCell, Cell, id_number_text, is_blank, month, person_name, text
from accounts.sheets.headers import Column, Columns, Record
from subsidies.identity import BadIdNumber, parse_id_number

COLUMNS = Columns(
    required=(
        Column("姓名", ("名字", "人员姓名", "对象姓名", "家庭成员姓名", "成员姓名"), repeatable=True),
        Column(
            "身份证号",
            (
                "身份证号码",
                "公民身份号码",
                "身份证",
                "证件号码",
                "证件号",
                "公民身份证号码",
                "居民身份证号",
                "残疾证号",
                "残疾人证号",
            ),
            repeatable=True,
        ),
    ),
    optional=(
        Column("村(社区)", ("村社区", "村", "社区", "村名", "村（居）", "村居", "行政村", "所在村", "村/社区")),
        Column("残疾类别", ("残疾类型", "类别")),
        Column("残疾等级", ("残疾级别", "等级", "级别")),
        Column("开始月份", ("开始时间", "纳入月份", "纳入时间", "纳入资助时间", "起始月份", "起")),
        Column("结束月份", ("结束时间", "取消月份", "身份取消时间", "终止月份", "止")),
    ),
)

LEVELS = {"一": 1, "二": 2, "三": 3, "四": 4, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "1": 1, "2": 2, "3": 3, "4": 4}


@dataclass(frozen=True, slots=True)
class RosterRow:
    number: str
    name: str
    village: str
    disability_kind: str
    disability_level: int | None
    starts_on: date | None
    ends_on: date | None


def disability_level(cell: Cell) -> int | None:
    """一级 … 四级 or 1 … 4; none for an empty cell."""
    written = text(cell, 10).removesuffix("级")
    if not written:
        return None
    if written not in LEVELS:
        raise BadCell(f"“{written}”不是残疾等级，请填一级至四级")
    return LEVELS[written]


def _optional_month(cell: Cell) -> date | None:
    return None if is_blank(cell) else month(cell)


def _last_day(first: date | None) -> date | None:
    """The end of a month given by its first day: a helped person is helped through their last month."""
    if first is None:
        return None
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return date.fromordinal(following.toordinal() - 1)


def read_entry(record: Record, *, today: date) -> RosterRow:
    """One person of a roster. Raises BadRow: a number or a name that is missing or wrong makes the whole list unusable."""
    cells = Cells(record)
    name = cells.take("姓名", person_name, "")
    number = cells.take("身份证号", id_number_text, "")
    level = cells.take("残疾等级", disability_level, None)
    faulty = bool(cells.faults)
    if not name and not faulty:
        cells.fault("姓名", "名单里有人没有姓名，请补上。")
    if not faulty:
        try:
            found = parse_id_number(number, today=today)
            number, level = found.number, level or found.disability_level
        except BadIdNumber as bad:
            cells.fault("身份证号", f"{bad}。")
    row = RosterRow(
        number=number,
        name=name,
        village=cells.take("村(社区)", lambda cell: text(cell, 60), ""),
        disability_kind=cells.take("残疾类别", lambda cell: text(cell, 10), ""),
        disability_level=level,
        starts_on=cells.take("开始月份", _optional_month, None),
        ends_on=_last_day(cells.take("结束月份", _optional_month, None)),
    )
    if row.starts_on and row.ends_on and row.ends_on < row.starts_on:
        cells.fault("结束月份", "结束月份早于开始月份，请核对。")
    cells.check()
    return row
