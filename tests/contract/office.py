"""How an office's script calls the system: one command, one JSON value, an exit code; and the sheets it hands in."""

import csv
import json
from collections.abc import Sequence
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import xlwt
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from openpyxl import Workbook

from accounts.models import AuditRow, Upload
from accounts.roles import ROOMS
from accounts.sheets.reading import read_sheets
from tests.makers import id_number

Row = Sequence[object]
FORMATS = ("utf-8.csv", "utf-8-sig.csv", "gb18030.csv", "xlsx", "xls", "ods")
COUNTS = ("read", "new", "changed", "same", "refused", "doubtful", "flagged")
# Invented people; men have odd serial numbers.
ZHANG, LI, WANG, ZHAO, CHEN, LIU = (id_number(date(1970, 1, 1), serial) for serial in (1, 2, 3, 4, 5, 6))


class Answer(NamedTuple):
    """What a command came to: its exit code, and the JSON value (or the text) it printed."""

    code: int
    said: Any


def manage(*words: object) -> Answer:
    """Run `manage.py` with these words and --json; standard output must be one JSON value."""
    code, text = run(*words, "--json")
    return Answer(code, json.loads(text))


def run(*words: object) -> Answer:
    """Run `manage.py` with these words: exit code and standard output as text."""
    out, code = StringIO(), 0
    try:
        call_command(*map(str, words), stdout=out, stderr=StringIO())
    except SystemExit as end:
        code = int(end.code or 0)
    except CommandError as error:
        return Answer(2, str(error))
    # What the end of the transaction would find is found here, since the test's own never ends.
    if connection.in_atomic_block and not connection.needs_rollback:
        connection.check_constraints()
    return Answer(code, out.getvalue())


def done(*words: object) -> Any:
    """The JSON value of a command that must succeed."""
    answer = manage(*words)
    assert answer.code == 0, answer
    return answer.said


def take_in(what: str, path: Path, *words: object, year: int = 2020) -> Answer:
    answer = manage("import", what, path, "--year", year, *words)
    said = answer.said
    if "read" in said:
        assert said["read"] == said["new"] + said["changed"] + said["same"] + said["refused"] + said["doubtful"]
        assert said["refused"] + said["doubtful"] == len(said["errors"])
        assert all(list(error) == ["sheet", "row", "column", "value", "message"] for error in said["errors"])
    return answer


def counts(answer: Answer) -> dict[str, int]:
    """The counts of an import that are not zero, without `read`."""
    return {name: answer.said[name] for name in COUNTS[1:] if answer.said[name]}


def places(answer: Answer) -> list[tuple[int, str, str]]:
    """Row, column and value of each error."""
    return [(error["row"], error["column"], error["value"]) for error in answer.said["errors"]]


def said_of(answer: Answer) -> list[str]:
    return [error["message"] for error in answer.said["errors"]]


def business() -> dict[str, tuple[object, ...]]:
    """A digest of every business table and of the trail. That a file was handed in is the only thing left out."""
    models = [m for m in apps.get_models() if m._meta.app_label in ROOMS and m._meta.managed and m is not Upload]
    wheres = {AuditRow: "WHERE \"table\" <> 'accounts_upload'"}
    told = {}
    with connection.cursor() as cursor:
        for model in models:
            table, where = model._meta.db_table, wheres.get(model, "")
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY id)) FROM {table} t {where}")
            told[table] = cursor.fetchone()
    return told


def everything() -> dict[str, tuple[object, ...]]:
    """The same with the files that were handed in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_upload")
        return business() | {"uploads": cursor.fetchone()}


def sheet(folder: Path, headings: str, *rows: Row, ending: str = "utf-8.csv", above: Sequence[Row] = ()) -> Path:
    """A sheet in the format of its ending, under a name of its own; `above` are lines over the heading."""
    path = folder / f"{len(list(folder.iterdir()))}.{ending}"
    lines = [*above, headings.split(), *rows]
    WRITERS.get(ending, write_csv)(path, lines)
    return path


def write_csv(path: Path, lines: Sequence[Row]) -> None:
    encoding = path.name.split(".")[1]
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([["" if cell is None else cell for cell in line] for line in lines])


def write_xlsx(path: Path, lines: Sequence[Row]) -> None:
    book = Workbook()
    book.active.title = "名单"
    for line in lines:
        book.active.append(list(line))
    book.save(path)


def write_xls(path: Path, lines: Sequence[Row]) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    page = book.add_sheet("名单")
    day = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for number, line in enumerate(lines):
        for at, cell in enumerate(line):
            if cell is not None:
                page.write(number, at, cell, day if isinstance(cell, date) else xlwt.Style.default_style)
    book.save(str(path))


def write_ods(path: Path, lines: Sequence[Row]) -> None:
    book, page = OpenDocumentSpreadsheet(), Table(name="名单")
    for line in lines:
        row = TableRow()
        for cell in line:
            row.addElement(ods_cell(cell))
        page.addElement(row)
    book.spreadsheet.addElement(page)
    book.save(str(path))


def ods_cell(cell: object) -> TableCell:
    if isinstance(cell, int | float):
        return TableCell(valuetype="float", value=str(cell))
    if isinstance(cell, date):
        return TableCell(valuetype="date", datevalue=cell.isoformat())
    written = TableCell(valuetype="string")
    written.addElement(P(text="" if cell is None else str(cell)))
    return written


WRITERS = {"xlsx": write_xlsx, "xls": write_xls, "ods": write_ods}


def rows_of(path: Path) -> list[tuple[object, ...]]:
    """What a sheet holds, its heading first."""
    with read_sheets(path) as book:
        return [row.cells for table in book.sheets for row in table.rows()]


def sheet_name(ending: str) -> str:
    """The name that errors carry: a CSV has none."""
    return "" if ending.endswith("csv") else "名单"
