"""Totals that units hand in (单位报数): cells in, rows out."""

from dataclasses import dataclass
from datetime import date

from accounts.imports import Cells
from accounts.sheets.cells import calendar_date, count, digits_text
from accounts.sheets.headers import Column, Columns, Record
from villages.importers.quotas import scheme_named
from villages.models import Scheme

COLUMNS = Columns(
    required=(
        Column("单位", ("单位名称", "村(社区)", "村", "填报单位", "参保单位", "村名")),
        Column("险种", ("参保险种", "险种类型")),
        Column("截至日", ("截至日期", "截止日", "截止日期", "时点", "日期")),
        Column("登记人数", ("参保登记人数", "登记数", "已登记人数", "参保人数")),
        Column("缴费人数", ("实际缴费人数", "缴费数", "已缴费人数", "已缴人数")),
        Column("停缴人数", ("停保人数", "停缴数", "暂停缴费人数")),
    ),
)


@dataclass(frozen=True, slots=True)
class ReturnRow:
    unit: str
    scheme: str
    as_of: date
    registered: int
    paying: int
    stopped: int


def read_return(record: Record, *, today: date) -> ReturnRow:
    """One unit's totals of a scheme. Raises BadRow."""
    cells = Cells(record)
    row = ReturnRow(
        unit=cells.take("单位", lambda cell: digits_text(cell, 60), ""),
        scheme=cells.take("险种", scheme_named, Scheme.RESIDENT),
        as_of=cells.take("截至日", calendar_date, today),
        registered=cells.take("登记人数", count, 0),
        paying=cells.take("缴费人数", count, 0),
        stopped=cells.take("停缴人数", count, 0),
    )
    if not row.unit and not cells.faults:
        cells.fault("单位", "没有填写单位。")
    if row.paying + row.stopped > row.registered and not cells.faults:
        cells.fault("登记人数", f"缴费{row.paying}人与停缴{row.stopped}人之和超过登记{row.registered}人，请核对。")
    if row.as_of > today:
        cells.fault("截至日", f"截至日{row.as_of}还没有到，请核对。")
    cells.check()
    return row
