"""Rows in, sheets out: text stays text, and no cell can become a formula."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import xlwt  # type: ignore[import-untyped]
from odf.opendocument import OpenDocumentSpreadsheet  # type: ignore[import-untyped]
from odf.table import Table as OdsTable  # type: ignore[import-untyped]
from odf.table import TableCell as OdsCell
from odf.table import TableRow as OdsRow
from odf.text import P as OdsParagraph  # type: ignore[import-untyped]
from openpyxl import Workbook as XlsxBook  # type: ignore[import-untyped]
from openpyxl.cell import Cell as XlsxCell  # type: ignore[import-untyped]
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font  # type: ignore[import-untyped]
from openpyxl.worksheet._write_only import WriteOnlyWorksheet  # type: ignore[import-untyped]

from accounts.sheets.cells import EXACT_BELOW, Cell, Fault, shown
from accounts.sheets.headers import REASON, Columns, Table, heading_key, read_records
from accounts.sheets.limits import UnreadableSheet
from accounts.sheets.reading import read_sheets
from accounts.sheets.scans import column_letters

# What a spreadsheet takes for the beginning of a formula, in either width.
FORMULA_START = tuple("=+-@＝＋－＠\t\r\n")
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
NOT_IN_A_SHEET_NAME = re.compile(r"[\[\]:*?/\\]")
ROWS_OF_XLS = 65_536
AS_TEXT = "@"


@dataclass(frozen=True)
class OutSheet:
    """A sheet to be written; columns in `text_headings` (numbers of people, phones) stay text when somebody types."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    text_headings: frozenset[str] = frozenset()


def sheet_name(name: str) -> str:
    return NOT_IN_A_SHEET_NAME.sub(" ", name)[:31] or "Sheet1"


def writable(cell: Cell) -> Cell:
    """The cell as a writer may take it: errors as their text, text without what XML cannot hold."""
    if isinstance(cell, Fault):
        return cell.shown or None
    return NOT_IN_XML.sub("", cell) if isinstance(cell, str) else cell


def write_xlsx(path: Path, sheets: Iterable[OutSheet]) -> None:
    """Write an .xlsx row by row, so that a whole township fits in little memory; times must be without a zone."""
    book = XlsxBook(write_only=True)
    for sheet in sheets:
        page = book.create_sheet(sheet_name(sheet.name))
        prepare_columns(page, sheet)
        is_text = [heading in sheet.text_headings for heading in sheet.headings]
        for row in sheet.rows:
            page.append([xlsx_cell(page, cell, as_text) for cell, as_text in zip(row, is_text, strict=True)])
    book.save(path)


def prepare_columns(page: WriteOnlyWorksheet, sheet: OutSheet) -> None:
    page.freeze_panes = "A2"
    for at, heading in enumerate(sheet.headings, 1):
        dimension = page.column_dimensions[column_letters(at)]
        dimension.width = max(12, 2 * len(heading) + 2, 22 if heading in sheet.text_headings else 0)
        if heading in sheet.text_headings:
            dimension.number_format = AS_TEXT
    page.append([heading_cell(page, heading) for heading in sheet.headings])


def heading_cell(page: WriteOnlyWorksheet, heading: str) -> XlsxCell:
    cell = text_cell(page, NOT_IN_XML.sub("", heading), as_text=False)
    cell.font = Font(bold=True)
    return cell


def xlsx_cell(page: WriteOnlyWorksheet, cell: Cell, as_text: bool) -> Cell | XlsxCell:
    value = writable(cell)
    if isinstance(value, str) and (as_text or not value[:1].isalnum()):
        return text_cell(page, value, as_text=as_text)
    if isinstance(value, Decimal):
        amount = WriteOnlyCell(page, value)
        amount.number_format = "0.00"
        return amount
    return value


def text_cell(page: WriteOnlyWorksheet, text: str, *, as_text: bool) -> XlsxCell:
    cell = WriteOnlyCell(page, text)
    # openpyxl takes = for a formula and #N/A for an error: say that both are text.
    cell.data_type = "s"
    if as_text:
        cell.number_format = AS_TEXT
    if text.startswith(FORMULA_START):
        cell.quotePrefix = True
    return cell


def write_csv(path: Path, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a .csv that Excel opens as UTF-8."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(map(csv_text, headings))
        writer.writerows(map(csv_text, row) for row in rows)


def csv_text(cell: Cell) -> str:
    value = writable(cell)
    if isinstance(value, float) and abs(value) >= EXACT_BELOW:
        # Digits that a sheet has lost must not come back as if they were text.
        return f"{value:.14E}"
    text = shown(value)
    return "'" + text if isinstance(value, str) and text.startswith(FORMULA_START) else text


def write_xls(path: Path, sheets: Iterable[OutSheet]) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    text, day = xlwt.easyxf(num_format_str=AS_TEXT), xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for sheet in sheets:
        page = book.add_sheet(sheet_name(sheet.name))
        for number, row in enumerate([sheet.headings, *sheet.rows]):
            if number >= ROWS_OF_XLS:
                raise UnreadableSheet(f".xls 最多 {ROWS_OF_XLS} 行，请改存为 .xlsx。")
            for at, cell in enumerate(map(writable, row)):
                style = text if isinstance(cell, str) else day if isinstance(cell, date) else xlwt.Style.default_style
                page.write(number, at, cell, style)
    book.save(str(path))


def write_ods(path: Path, sheets: Iterable[OutSheet]) -> None:
    book = OpenDocumentSpreadsheet()
    for sheet in sheets:
        page = OdsTable(name=sheet_name(sheet.name))
        for row in [sheet.headings, *sheet.rows]:
            line = OdsRow()
            for cell in row:
                line.addElement(ods_cell(writable(cell)))
            page.addElement(line)
        book.spreadsheet.addElement(page)
    book.save(str(path))


def ods_cell(cell: Cell) -> OdsCell:
    if cell is None:
        return OdsCell()
    if isinstance(cell, bool):
        return OdsCell(valuetype="boolean", booleanvalue=str(cell).lower())
    if isinstance(cell, int | float | Decimal):
        return OdsCell(valuetype="float", value=str(cell))
    if isinstance(cell, date):
        return OdsCell(valuetype="date", datevalue=cell.isoformat())
    text = OdsCell(valuetype="string")
    text.addElement(OdsParagraph(text=cell))
    return text


def write_rejects(source: Path, out: Path, refused: Mapping[tuple[str, int], str], *, columns: Columns) -> None:
    """Write the refused rows (sheet, row → reason) as the sheet they came in, with 退回原因 as the last column.

    The format follows the suffix of `out` (.csv .xls .ods, else .xlsx); the file can be mended and imported again.
    """
    with read_sheets(source) as book:
        tables = read_records(book, columns).tables
        written = [rejected(table, refused) for table in tables]
        sheets = [sheet for sheet in written if sheet.rows] or written[:1]
    if out.suffix.lower() == ".csv":
        write_rejects_csv(out, sheets)
    else:
        WORKBOOK_WRITERS.get(out.suffix.lower(), write_xlsx)(out, sheets)


WORKBOOK_WRITERS = {".xls": write_xls, ".ods": write_ods}


def write_rejects_csv(out: Path, sheets: Sequence[OutSheet]) -> None:
    """One table after another: a CSV has no sheets, and a header that comes again is skipped when it is read."""
    first, *others = sheets
    below = [row for sheet in others for row in (sheet.headings, *sheet.rows)]
    write_csv(out, first.headings, [*first.rows, *below])


def rejected(table: Table, refused: Mapping[tuple[str, int], str]) -> OutSheet:
    name = table.sheet.name
    rows = [(row, refused[name, row.number]) for row in table.sheet.rows() if (name, row.number) in refused]
    width = max([len(table.header), *(len(row.cells) for row, _ in rows)])
    kept = [at for at in range(width) if not is_reason(table, at)]
    headings = [*(shown(cell_at(table.header, at)) for at in kept), REASON]
    lines = [[*(cell_at(row.cells, at) for at in kept), reason] for row, reason in rows]
    return OutSheet(name, headings, lines, frozenset(headings))


def is_reason(table: Table, at: int) -> bool:
    return heading_key(shown(cell_at(table.header, at))) == REASON


def cell_at(cells: Sequence[Cell], at: int) -> Cell:
    return cells[at] if at < len(cells) else None
