"""任务分配表 (附件1): cells in, quotas out."""

from dataclasses import dataclass

from accounts.imports import Cells
from accounts.sheets.cells import BadCell, Cell, count, digits_text, is_blank, text
from accounts.sheets.headers import Column, Columns, Record
from villages.models import Scheme, Village

COLUMNS = Columns(
    required=(
        Column(
            "村(社区)",
            ("村社区", "村名", "村", "社区", "单位", "单位名称", "村（居）", "村居", "行政村", "村/社区", "参保单位"),
        ),
        Column(
            "任务数",
            (
                "目标任务数",
                "本年任务数",
                "本年度任务数",
                "今年任务数",
                "当年任务数",
                "本年目标任务数",
                "目标数",
                "任务",
            ),
        ),
    ),
    optional=(
        Column("户籍人口数", ("户籍人口", "派出所户籍人口数", "派出所户籍人口", "户籍数", "户籍")),
        Column("上年任务数", ("上年目标任务数", "上年度任务数", "去年任务数", "上年度目标任务数")),
        Column("预计净增数", ("净增数", "预计净增", "净增", "净增人数", "预计净增人数")),
        Column("险种", ("参保险种", "险种类型", "类别")),
        Column("代码", ("村代码", "单位代码", "区划代码", "编码")),
        Column("种类", ("单位类型", "类型", "村居类型")),
    ),
)

SCHEMES = {
    "居民医保": Scheme.RESIDENT,
    "居民": Scheme.RESIDENT,
    "城乡居民": Scheme.RESIDENT,
    "城镇居民": Scheme.RESIDENT,
    "城乡居民医保": Scheme.RESIDENT,
    "城镇居民医保": Scheme.RESIDENT,
    "居民基本医疗保险": Scheme.RESIDENT,
    "城乡居民基本医疗保险": Scheme.RESIDENT,
    "城镇居民基本医疗保险": Scheme.RESIDENT,
    "resident": Scheme.RESIDENT,
    "职工医保": Scheme.EMPLOYEE,
    "职工": Scheme.EMPLOYEE,
    "城镇职工": Scheme.EMPLOYEE,
    "城镇职工医保": Scheme.EMPLOYEE,
    "职工基本医疗保险": Scheme.EMPLOYEE,
    "城镇职工基本医疗保险": Scheme.EMPLOYEE,
    "employee": Scheme.EMPLOYEE,
    "大学生": Scheme.STUDENT,
    "大学生医保": Scheme.STUDENT,
    "学生": Scheme.STUDENT,
    "在校大学生": Scheme.STUDENT,
    "student": Scheme.STUDENT,
}
TOTALS = ("合计", "总计", "共计", "小计", "全镇合计")
KINDS = {label: value for value, label in Village.Kind.choices}


@dataclass(frozen=True, slots=True)
class QuotaRow:
    village: str
    code: str
    kind: str
    scheme: str
    hukou: int | None
    previous: int | None
    net_increase: int | None
    target: int


def scheme_named(cell: Cell) -> Scheme:
    """The scheme of that name; residents' when the cell is empty."""
    name = text(cell, 30)
    if not name:
        return Scheme.RESIDENT
    if name not in SCHEMES:
        raise BadCell(f"没有“{name}”这个险种，请填居民医保、职工医保或大学生")
    return SCHEMES[name]


def _optional_count(cell: Cell) -> int | None:
    return None if is_blank(cell) else count(cell)


def _signed(cell: Cell) -> int | None:
    """A net increase may be negative."""
    if isinstance(cell, int | float) and not isinstance(cell, bool) and cell < 0:
        return -count(-cell)
    if isinstance(cell, str) and cell.strip().startswith(("-", "－", "−")):
        return -count(cell.strip()[1:])
    return _optional_count(cell)


def _kind(cell: Cell) -> str:
    name = text(cell, 10)
    if name and name not in KINDS:
        raise BadCell(f"没有“{name}”这种单位，请填{'、'.join(KINDS)}")
    return KINDS.get(name, "")


def is_total(record: Record) -> bool:
    """Whether the row is the sheet's own 合计, written under the villages or, where it names none, under another column."""
    name = record.values.get("村(社区)")
    return any(_is_total_word(cell) for cell in (record.raw if is_blank(name) else [name]))


def _is_total_word(cell: Cell) -> bool:
    return isinstance(cell, str) and cell.replace(" ", "").replace("　", "") in TOTALS


def read_quota(record: Record) -> QuotaRow:
    """One unit's quota. Raises BadRow."""
    cells = Cells(record)
    row = QuotaRow(
        village=cells.take("村(社区)", lambda cell: text(cell, 60), ""),
        code=cells.take("代码", lambda cell: digits_text(cell, 20), ""),
        kind=cells.take("种类", _kind, ""),
        scheme=cells.take("险种", scheme_named, Scheme.RESIDENT),
        hukou=cells.take("户籍人口数", _optional_count, None),
        previous=cells.take("上年任务数", _optional_count, None),
        net_increase=cells.take("预计净增数", _signed, None),
        target=cells.take("任务数", count, 0),
    )
    if not row.village and not cells.faults:
        cells.fault("村(社区)", "没有填写村（社区）名称。")
    if not cells.faults and None not in (row.previous, row.net_increase):
        total = (row.previous or 0) + (row.net_increase or 0)
        if total != row.target:
            cells.fault(
                "任务数",
                f"上年任务数{row.previous}与预计净增数{row.net_increase}之和是{total}，与任务数{row.target}不符。",
            )
    cells.check()
    return row


def columns_for(year: int) -> Columns:
    """The columns, knowing also the headings that carry the years, as 附件1 writes them."""
    dated = {}
    for heading in ("目标任务数", "任务数", "度目标任务数"):
        dated[f"{year}年{heading}"] = "任务数"
        dated[f"{year - 1}年{heading}"] = "上年任务数"
    for heading in ("派出所户籍人口数", "户籍人口数", "户籍人口"):
        dated[f"{year - 1}年{heading}"] = dated[f"{year}年{heading}"] = "户籍人口数"
    for heading in ("预计净增数", "净增数"):
        dated[f"{year}年{heading}"] = "预计净增数"
    return COLUMNS.with_aliases(dated)
