"""What a handed-in file came to: counts, and for each row that did not go in, where and why."""

import gc
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from accounts.models import Upload, User
from accounts.sheets.cells import BadCell, Cell, digits_text, shown, text
from accounts.sheets.headers import Record

T = TypeVar("T")
R = TypeVar("R")
REMEMBERED = 4096


def remembered(reader: Callable[[Cell], T]) -> Callable[[Cell], T]:
    """A reader for a column of few different values (village, relation, yes or no): each is read once."""
    return lru_cache(maxsize=REMEMBERED, typed=True)(reader)


def text_of(length: int) -> Callable[[Cell], str]:
    """A reader of text of at most so many characters."""
    return partial(text, max_length=length)


def digits_of(length: int) -> Callable[[Cell], str]:
    """A reader of digits or text of at most so many characters."""
    return partial(digits_text, max_length=length)


class Place(NamedTuple):
    """Where a row stands: its sheet ("" in a CSV) and the sheet's own row number."""

    sheet: str
    row: int


class NothingApplied(Exception):
    """The file as a whole can't be taken; the message is the sentence to show."""


class Placed(Protocol):
    """A record, or the place of one."""

    @property
    def sheet(self) -> str: ...
    @property
    def row(self) -> int: ...


@contextmanager
def without_collecting() -> Iterator[None]:
    """Leave the garbage collector off while a large file is taken in.

    Rows by the ten thousand point at nothing in circles; walking over them again and again took a fifth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class Fault:
    """One cell that is wrong: its column, what stands there, and what to do."""

    column: str
    value: str
    message: str


class BadRow(Exception):
    """A row that can't be taken; its faults in the order of the columns."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults)
        self.faults = faults


class Cells:
    """Reads the cells of one row and collects what is wrong with them."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.faults: list[Fault] = []

    def raw(self, column: str) -> Cell:
        return self.record.values.get(column)

    def take(self, column: str, reader: Callable[[Cell], T], default: T) -> T:
        """The cell's value; the default, and a fault, when it can't be read."""
        cell = self.raw(column)
        try:
            return reader(cell)
        except BadCell as bad:
            self.fault(column, f"{bad}。" if not str(bad).endswith("。") else str(bad))
            return default

    def fault(self, column: str, message: str) -> None:
        self.faults.append(Fault(column, shown(self.raw(column)), message))

    def check(self) -> None:
        """Raises BadRow when anything was wrong."""
        if self.faults:
            raise BadRow(*self.faults)


@dataclass
class Report:
    """The contract's answer to an import; `read` is the sum of the five outcomes."""

    file: str
    sha256: str
    seen_before: bool
    new: int = 0
    changed: int = 0
    same: int = 0
    refused: int = 0
    doubtful: int = 0
    flagged: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reasons: dict[tuple[str, int], str] = field(default_factory=dict)
    keeps_doubtful: bool = False

    @property
    def read(self) -> int:
        return self.new + self.changed + self.same + self.refused + self.doubtful

    @property
    def is_applied(self) -> bool:
        """Whether anything of the file went in or was there already."""
        return self.new + self.changed + self.same + (self.doubtful if self.keeps_doubtful else 0) > 0

    def refuse(self, record: Placed, faults: Sequence[Fault]) -> None:
        self.refused += 1
        self.reasons[(record.sheet, record.row)] = self._write_down(record, faults)

    def doubt(self, record: Placed, fault: Fault) -> None:
        self.doubtful += 1
        self._write_down(record, [fault])

    def _write_down(self, record: Placed, faults: Sequence[Fault]) -> str:
        first, rest = faults[0], faults[1:]
        message = first.message + "".join(f"另外{fault.column}：{fault.message}" for fault in rest)
        self.errors.append(
            {"sheet": record.sheet, "row": record.row, "column": first.column, "value": first.value, "message": message}
        )
        return message

    def as_json(self) -> dict[str, Any]:
        counts = {
            name: getattr(self, name) for name in ("read", "new", "changed", "same", "refused", "doubtful", "flagged")
        }
        errors = sorted(self.errors, key=lambda error: (error["sheet"], error["row"]))
        head = {"file": self.file, "sha256": self.sha256, "seen_before": self.seen_before}
        return {**head, **counts, "errors": errors, "notes": self.notes}


def read_rows(records: Iterable[Record], reader: Callable[[Record], R], report: Report) -> dict[Place, R]:
    """The good rows by their place, in order; the others are refused with their faults."""
    rows: dict[Place, R] = {}
    for record in records:
        try:
            rows[Place(record.sheet, record.row)] = reader(record)
        except BadRow as bad:
            report.refuse(record, bad.faults)
    return rows


def refuse_doubles(
    rows: dict[Place, R],
    report: Report,
    *,
    key: Callable[[R], object],
    fault: Callable[[R, str], Fault],
    content: Callable[[R], object] = lambda row: row,
) -> None:
    """What a file names twice with different content is refused each time; the same content again counts as same.

    `fault` says what is wrong with a row, given the numbers of all the rows concerned.
    """
    places: dict[object, list[Place]] = defaultdict(list)
    for place, row in rows.items():
        places[key(row)].append(place)
    for several in (found for found in places.values() if len(found) > 1):
        is_same = len({content(rows[place]) for place in several}) == 1
        numbers = "、".join(str(place.row) for place in several)
        for place in several[1:] if is_same else several:
            row = rows.pop(place)
            if is_same:
                report.same += 1
            else:
                report.refuse(place, [fault(row, numbers)])


def digest(path: Path) -> str:
    """SHA-256 of the file's content, in hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def hand_in(path: Path, *, kind: str, by: User) -> tuple[Upload, Report]:
    """Register a file that somebody handed in; whether the same content came before stands in the report."""
    sha256 = digest(path)
    seen = Upload.objects.filter(kind=kind, sha256=sha256).exists()
    upload = Upload.objects.create(kind=kind, name=path.name[:255], sha256=sha256, by=by)
    return upload, Report(file=path.name, sha256=sha256, seen_before=seen)
