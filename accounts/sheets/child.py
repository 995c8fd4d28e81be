"""The process that opens a handed-in file: it may die of it, its parent may not.

Arguments: the file, the limits as JSON, the number of the open file that takes the rows. Rows are JSON lines
of some rows each, [[number, cell, …], …]; a summary (sheets with their byte ranges and notes, or the sentence
of a refusal) goes to standard output.
"""

import json
import resource
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, time
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from accounts.sheets import biff, delimited
from accounts.sheets.containers import (
    SAVE_AS,
    Kind,
    broken,
    kind_of,
    open_zip,
    read_member,
    refuse_bomb,
    refuse_dangerous,
)
from accounts.sheets.limits import Limits, UnreadableSheet
from accounts.sheets.scans import Scan, refuse_vast, scan_ods, scan_xlsx

EXCEL_ERRORS = ("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!")
LIBREOFFICE_ERRORS = tuple(f"Err:{code}" for code in range(501, 541))
SWAPS: dict[Any, Any] = {"": None} | {shown: {"f": shown} for shown in EXCEL_ERRORS + LIBREOFFICE_ERRORS}
Row = tuple[int, list[Any]]


@dataclass
class Part:
    """One sheet on its way: its name, its rows to come, what to tell of it."""

    name: str
    rows: Iterator[Row]
    notes: list[str]


def main() -> None:
    path, limits, output = Path(sys.argv[1]), Limits(**json.loads(sys.argv[2])), int(sys.argv[3])
    restrict(limits)
    try:
        with open(output, "wb", buffering=1 << 20) as file:
            summary = transcribe(path, limits, file)
    except UnreadableSheet as refusal:
        summary = {"refused": str(refusal)}
    except MemoryError:
        summary = {"refused": f"文件内容过多，读取时超过了内存上限；请删去多余的行列和工作表；再不行，{SAVE_AS}。"}
    except Exception:
        # Whatever a damaged file makes a parser raise becomes a sentence, never a trace that quotes people's data.
        summary = {"refused": str(broken())}
    json.dump(summary, sys.stdout)


def restrict(limits: Limits) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.output_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def transcribe(path: Path, limits: Limits, file: BinaryIO) -> dict[str, Any]:
    kind = kind_of(path)
    sheets: list[dict[str, Any]] = []
    notes: list[str] = []
    offset = 0
    for part in READERS[kind](path, limits):
        count, length = write_rows(part.rows, file)
        sheets.append({"name": part.name, "count": count, "start": offset, "end": offset + length})
        notes += part.notes
        offset += length
    return {"kind": kind, "sheets": [sheet for sheet in sheets if sheet["count"]], "notes": notes}


def write_rows(rows: Iterator[Row], file: BinaryIO) -> tuple[int, int]:
    count = length = 0
    while batch := [[number, *cells] for number, cells in islice(rows, ROWS_A_LINE)]:
        line = ENCODE(batch).encode() + b"\n"
        file.write(line)
        count, length = count + len(batch), length + len(line)
    return count, length


def encoded(cell: object) -> object:
    """What JSON does not know: days and moments, times, lengths of time."""
    if isinstance(cell, date):
        return {"d": cell.isoformat()}
    return cell.isoformat() if isinstance(cell, time) else str(cell)


# A line for each row would spend more time on calls than on rows.
ROWS_A_LINE = 200
ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=encoded).encode


def trimmed(cells: list[Any]) -> list[Any]:
    """The cells without the empty ones behind the last; [] for a row of blanks."""
    while cells and (cells[-1] is None or (isinstance(cells[-1], str) and not cells[-1].strip())):
        cells.pop()
    return cells


def read_csv(path: Path, limits: Limits) -> Iterator[Part]:
    yield Part("", csv_rows(path, limits), [])


def csv_rows(path: Path, limits: Limits) -> Iterator[Row]:
    swap = SWAPS.get
    for number, row in delimited.rows(delimited.read_text(path), limits):
        if cells := trimmed([swap(cell, cell) for cell in row]):
            yield number, cells


def read_xls(path: Path, limits: Limits) -> Iterator[Part]:
    scans = biff.scan_xls(path)
    refuse_any_vast(scans, limits)
    yield from read_workbook(path, limits, lambda index, _: scans[index])


def refuse_any_vast(scans: list[Scan], limits: Limits) -> None:
    # The parser reads all sheets of these formats, hidden ones too, as soon as it opens the file.
    for number, scan in enumerate(scans, 1):
        refuse_vast(scan, f"第{number}张工作表", limits)


def read_xlsx(path: Path, limits: Limits) -> Iterator[Part]:
    with open_zip(path) as archive:
        refuse_bomb(archive, limits)
        refuse_dangerous(archive, "xlsx")
        parts = worksheet_parts(archive)
        yield from read_workbook(path, limits, lambda _, name: scan_xlsx(archive.read(parts[name])))


def read_ods(path: Path, limits: Limits) -> Iterator[Part]:
    with open_zip(path) as archive:
        refuse_bomb(archive, limits)
        refuse_dangerous(archive, "ods")
        scans = scan_ods(read_member(archive, "content.xml"))
    refuse_any_vast(scans, limits)
    yield from read_workbook(path, limits, lambda index, _: scans[index])


READERS: dict[Kind, Callable[[Path, Limits], Iterator[Part]]] = {
    "csv": read_csv,
    "xls": read_xls,
    "xlsx": read_xlsx,
    "ods": read_ods,
}


def worksheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Name of each sheet → the part of the archive that holds it."""
    workbook = fromstring(read_member(archive, "xl/workbook.xml"))
    relations = fromstring(read_member(archive, "xl/_rels/workbook.xml.rels"))
    targets = {relation.get("Id", ""): relation.get("Target", "") for relation in relations}
    sheets = (element for element in workbook.iter() if local_name(element.tag) == "sheet")
    return {sheet.get("name", ""): part_name(targets[relation_id(sheet)]) for sheet in sheets}


def local_name(tag: str) -> str:
    return tag.rpartition("}")[2]


def relation_id(sheet: Element) -> str:
    return next(value for name, value in sheet.items() if name.endswith("}id"))


def part_name(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def read_workbook(path: Path, limits: Limits, scan_of: Callable[[int, str], Scan]) -> Iterator[Part]:
    with CalamineWorkbook.from_filelike(path.open("rb")) as book:
        if len(book.sheet_names) > limits.sheets:
            raise UnreadableSheet(f"文件里有 {len(book.sheet_names)} 张工作表，最多 {limits.sheets} 张，请分开导入。")
        for index, sheet in enumerate(book.sheets_metadata):
            if sheet.typ != SheetTypeEnum.WorkSheet:
                yield unread(f"“{sheet.name}”不是普通工作表（图表等），没有读取。")
            elif sheet.visible != SheetVisibleEnum.Visible:
                yield unread(f"工作表“{sheet.name}”是隐藏的，没有读取；需要的话请取消隐藏后再导入。")
            else:
                scan = scan_of(index, sheet.name)
                refuse_vast(scan, f"工作表“{sheet.name}”", limits)
                notes = notes_on(sheet.name, scan)
                yield Part(sheet.name, sheet_rows(book.get_sheet_by_index(index), scan, notes), notes)


def unread(note: str) -> Part:
    return Part("", iter(()), [note])


def notes_on(name: str, scan: Scan) -> list[str]:
    notes = []
    if scan.hidden_rows:
        first = "、".join(str(row) for row in scan.hidden_rows[:5])
        more = "等" if len(scan.hidden_rows) > 5 else ""
        notes.append(f"工作表“{name}”有 {len(scan.hidden_rows)} 个隐藏行（第{first}行{more}），已一并读取。")
    hidden_columns = [column for column in scan.hidden_columns if column <= scan.last_column]
    if hidden_columns:
        notes.append(f"工作表“{name}”有 {len(hidden_columns)} 个隐藏列，已一并读取。")
    if scan.merged:
        notes.append(f"工作表“{name}”有 {scan.merged} 处合并单元格，每处只有左上角一格有内容，其余各格按空格读取。")
    return notes


def sheet_rows(sheet: CalamineSheet, scan: Scan, notes: list[str]) -> Iterator[Row]:
    """The rows that are not blank; raises UnreadableSheet when the raw sheet holds rows the parser did not find."""
    indent = [""] * (sheet.start[1] if sheet.start else 0)
    swap, faults, unread = SWAPS.get, scan.faults, scan.valued_rows
    last = max(sheet.end[0] + 1 if sheet.end else 0, *faults, 0)
    for number, row in enumerate(islice(chain(sheet.iter_rows(), repeat([])), last), 1):
        cells = [swap(cell, cell) for cell in indent + row]
        if number in faults:
            add_faults(cells, faults[number])
        if cells := trimmed(cells):
            unread.discard(number)
            yield number, cells
    if any(row > last for row in unread):
        raise UnreadableSheet(f"工作表“{sheet.name}”第{max(unread)}行的内容没能读出来，{SAVE_AS}。")
    if unread:
        notes.append(f"工作表“{sheet.name}”有 {len(unread)} 行只有空白文字（如第{min(unread)}行），已跳过。")


def add_faults(cells: list[Any], faults: dict[int, str]) -> None:
    for column, shown in faults.items():
        cells += [None] * (column - len(cells))
        if cells[column - 1] is None:
            cells[column - 1] = {"f": shown}


if __name__ == "__main__":
    main()
