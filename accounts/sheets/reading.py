"""Handed-in sheets, read in a process of their own so that no file can take the server down."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

from accounts.sheets.cells import Cell, Fault
from accounts.sheets.containers import SAVE_AS, Kind
from accounts.sheets.limits import MEGABYTE, Limits, UnreadableSheet

__all__ = ["Limits", "Sheet", "SheetRow", "UnreadableSheet", "Workbook", "read_sheets"]

PROJECT = Path(__file__).resolve().parents[2]
BLOCK = 256 * 1024


def decoded(value: dict[str, str]) -> Cell:
    if "f" in value:
        return Fault(value["f"])
    day = value["d"]
    return date.fromisoformat(day) if len(day) == 10 else datetime.fromisoformat(day)


DECODE = json.JSONDecoder(object_hook=decoded).decode


class SheetRow(NamedTuple):
    """A row by the sheet's own number (1 is the first line, blank ones count); empty cells at its end are left off."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Sheet:
    """One visible sheet; `name` is "" for a CSV, `count` the number of rows that are not blank."""

    name: str
    count: int
    start: int
    end: int
    file: BinaryIO

    def rows(self) -> Iterator[SheetRow]:
        """The rows that are not blank, read from disk as they are asked for; may be asked for again."""
        for line in self.lines():
            for number, *cells in DECODE(line.decode()):
                yield SheetRow(number, tuple(cells))

    def lines(self) -> Iterator[bytes]:
        # Positioned reads: two walks over one file do not disturb each other.
        offset, rest = self.start, b""
        while offset < self.end:
            block = os.pread(self.file.fileno(), min(BLOCK, self.end - offset), offset)
            offset += len(block)
            *lines, rest = (rest + block).split(b"\n")
            yield from lines


class Workbook:
    """What a file holds; `notes` are sentences on what was skipped or may surprise. Close it, or use it in a `with`."""

    def __init__(self, file: BinaryIO, kind: Kind, sheets: list[dict[str, Any]], notes: list[str]) -> None:
        self.file = file
        self.kind = kind
        self.sheets = tuple(Sheet(file=file, **sheet) for sheet in sheets)
        self.notes = tuple(notes)

    def close(self) -> None:
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


DEFAULT_LIMITS = Limits()


def read_sheets(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> Workbook:
    """Read .xlsx, .xls, .ods or .csv, told apart by content; raises UnreadableSheet with a sentence for its owner."""
    if not path.is_file():
        raise UnreadableSheet(f"找不到文件 {path.name}，请核对路径。")
    if path.stat().st_size > limits.file_bytes:
        raise UnreadableSheet(f"文件超过 {limits.file_bytes // MEGABYTE} MB，请分成几个文件导入。")
    # The rows go to a file without a name: nothing is left behind however this process ends.
    rows = tempfile.TemporaryFile()  # noqa: SIM115 - the Workbook closes it
    try:
        summary = run_child(path.resolve(), limits, rows)
        if "refused" in summary:
            raise UnreadableSheet(summary["refused"])
        if not summary["sheets"]:
            raise UnreadableSheet(no_content(summary["notes"]))
        return Workbook(rows, **summary)
    except BaseException:
        rows.close()
        raise


def no_content(notes: list[str]) -> str:
    return "文件里没有内容，请核对是否导出完整。" + "".join(notes)


def run_child(path: Path, limits: Limits, rows: BinaryIO) -> dict[str, Any]:
    descriptor = rows.fileno()
    command = [sys.executable, "-m", "accounts.sheets.child", str(path), json.dumps(asdict(limits)), str(descriptor)]
    try:
        child = subprocess.run(
            command,
            cwd=PROJECT,
            # Nothing of the server's environment (passwords) is shown to the process that opens strangers' files.
            env={"PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"},
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.wall_seconds,
            check=True,
        )
        summary: dict[str, Any] = json.loads(child.stdout)
        return summary
    except subprocess.TimeoutExpired:
        raise UnreadableSheet(f"文件太复杂，{limits.wall_seconds} 秒内没有读完；请分成几个文件导入。") from None
    except (subprocess.CalledProcessError, ValueError):
        raise UnreadableSheet(f"文件无法读取（内容过多或已损坏），请删去多余的行列；再不行，{SAVE_AS}。") from None
