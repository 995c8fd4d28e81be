"""Which row is the header, which column is which field, and the records below."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from accounts.sheets.cells import INVISIBLE, Cell, is_blank, shown
from accounts.sheets.limits import UnreadableSheet
from accounts.sheets.reading import Sheet, SheetRow, Workbook
from accounts.sheets.scans import column_letters

HEADER_WITHIN = 20
REASON = "退回原因"


class BadHeader(UnreadableSheet):
    """No sheet of the file has the columns asked for; the message is a Chinese sentence."""


@dataclass(frozen=True)
class Column:
    """A column by its canonical name; a repeatable one may stand in a row several times (姓名1, 姓名2 …)."""

    name: str
    aliases: tuple[str, ...] = ()
    repeatable: bool = False


@dataclass(frozen=True)
class Columns:
    """The columns a file must have and those it may have; raises ValueError when two share a heading."""

    required: tuple[Column, ...]
    optional: tuple[Column, ...] = ()
    index: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, Column] = {}
        for column in self.required + self.optional:
            for heading in (column.name, *column.aliases):
                if index.setdefault(heading_key(heading), column) is not column:
                    raise ValueError(f"{heading} names two columns")
        object.__setattr__(self, "index", index)

    def with_aliases(self, remembered: Mapping[str, str]) -> "Columns":
        """The same columns, knowing also the headings that an office taught (heading → canonical name)."""
        return Columns(
            tuple(taught(column, remembered) for column in self.required),
            tuple(taught(column, remembered) for column in self.optional),
        )

    def named(self, heading: str) -> Column | None:
        key = heading_key(heading)
        unremarked = heading_key(REMARK.sub("", unicodedata.normalize("NFKC", heading)))
        column = self.index.get(key) or self.index.get(unremarked)
        if column:
            return column
        numbered = self.index.get(MEMBER_NUMBER.sub("", key))
        return numbered if numbered and numbered.repeatable else None


def taught(column: Column, remembered: Mapping[str, str]) -> Column:
    aliases = tuple(heading for heading, name in remembered.items() if name == column.name)
    return replace(column, aliases=column.aliases + aliases)


# Brackets that say how to fill a column, not whose it is: 金额(元) is 金额, but 身份证号(监护人) is somebody else's.
REMARK = re.compile(
    r"\((?:必填项?|选填|可不填|可空|元|人|户|\d+位|文本(?:格式)?|是/?否|(?:格式|如|例)[^)]*|y{2,4}[^)]*)\)",
    re.IGNORECASE,
)
MEMBER_NUMBER = re.compile(r"^(?:家庭)?(?:成员)?[\d一二三四五六七八九]*|[\d一二三四五六七八九]+$")
DECORATION = re.compile(r"[\s()\[\]【】<>《》★☆※*#●◆■:;,.、。/\\|_-]")


def heading_key(heading: str) -> str:
    """What of a heading counts when two are compared: width, case, blanks, line breaks, stars and brackets do not."""
    return DECORATION.sub("", unicodedata.normalize("NFKC", INVISIBLE.sub("", heading))).casefold()


@dataclass(frozen=True)
class Record:
    """One row below a header: field → cell for each known column the sheet has, and the row as it stood."""

    sheet: str
    row: int
    values: dict[str, Cell]
    raw: tuple[Cell, ...]
    # The fields of repeated column pairs, one dict for each pair; () where no column is repeated.
    groups: tuple[dict[str, Cell], ...] = ()


@dataclass(frozen=True)
class Table:
    """A sheet whose header was found; `places`: the columns (from 0) of each field, `unknown`: other headings."""

    sheet: Sheet
    header_row: int
    header: tuple[Cell, ...]
    headings: tuple[str, ...]
    places: dict[str, tuple[int, ...]]
    unknown: tuple[str, ...]

    def records(self, notes: list[str]) -> Iterator[Record]:
        firsts = [(name, places[0]) for name, places in self.places.items()]
        repeated = {name: places for name, places in self.places.items() if len(places) > 1}
        count = max(map(len, repeated.values()), default=0)
        for number, cells in self.sheet.rows():
            if number <= self.header_row:
                continue
            if cells == self.header:
                notes.append(f"{place(self.sheet.name, number)}又是一行表头，已跳过。")
                continue
            padded = cells + (None,) * (len(self.headings) - len(cells))
            groups = tuple({name: padded[places[i]] for name, places in repeated.items()} for i in range(count))
            yield Record(self.sheet.name, number, {name: padded[at] for name, at in firsts}, cells, groups)


class Records:
    """The records of all sheets with a header, to be walked over; `notes` is complete after the walk."""

    def __init__(self, tables: tuple[Table, ...], notes: Iterable[str]) -> None:
        self.tables = tables
        self.collected = list(notes)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.collected))

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(heading for table in self.tables for heading in table.unknown))

    def __iter__(self) -> Iterator[Record]:
        for table in self.tables:
            yield from table.records(self.collected)


def read_records(book: Workbook, columns: Columns) -> Records:
    """The records of every visible sheet with the header; raises BadHeader when there is none or it is ambiguous."""
    tables: list[Table] = []
    notes = list(book.notes)
    complaints: list[str] = []
    for sheet in book.sheets:
        table = find_table(sheet, columns)
        if isinstance(table, str):
            complaints.append(table)
            continue
        tables.append(table)
        if table.unknown:
            header = place(sheet.name, table.header_row)
            notes.append(f"{header}（表头）里有不认识的列，没有使用：{'、'.join(table.unknown)}。")
    if not tables:
        raise BadHeader(most_telling(complaints))
    notes += [f"{complaint}这张工作表没有读取。" for complaint in complaints]
    return Records(tuple(tables), notes)


def most_telling(complaints: list[str]) -> str:
    return next((complaint for complaint in complaints if "缺少" in complaint), complaints[0])


def place(sheet: str, row: int) -> str:
    return f"工作表“{sheet}”第{row}行" if sheet else f"第{row}行"


def find_table(sheet: Sheet, columns: Columns) -> Table | str:
    """The table below the first row with all required columns, or the sentence that says what is missing."""
    best: tuple[SheetRow, set[str]] | None = None
    for row in islice(sheet.rows(), HEADER_WITHIN):
        found = {column.name for cell in headings_of(row.cells) if cell and (column := columns.named(cell))}
        if all(column.name in found for column in columns.required):
            return table_at(sheet, row, columns)
        if len(found) > (len(best[1]) if best else 0):
            best = row, found
    return missing(sheet.name, best, columns)


def missing(sheet: str, best: tuple[SheetRow, set[str]] | None, columns: Columns) -> str:
    names = "、".join(column.name for column in columns.required)
    if best is None:
        where = f"工作表“{sheet}”里" if sheet else ""
        return f"{where}没有找到表头：前{HEADER_WITHIN}行里应有一行写着这些列名：{names}。"
    row, found = best
    absent = [column for column in columns.required if column.name not in found]
    also = "；".join(f"“{column.name}”也可写作{'、'.join(column.aliases[:3])}" for column in absent if column.aliases)
    return (
        f"{place(sheet, row.number)}像是表头，找到了：{'、'.join(sorted(found))}；"
        f"缺少：{'、'.join(column.name for column in absent)}。请补上缺少的列{f'（{also}）' if also else ''}。"
    )


def headings_of(cells: tuple[Cell, ...]) -> tuple[str, ...]:
    return tuple("" if is_blank(cell) else re.sub(r"\s+", "", shown(cell)) for cell in cells)


def table_at(sheet: Sheet, row: SheetRow, columns: Columns) -> Table:
    headings = headings_of(row.cells)
    places: dict[str, tuple[int, ...]] = {}
    unknown: list[str] = []
    for at, heading in enumerate(headings):
        column = columns.named(heading) if heading else None
        if column:
            places[column.name] = (*places.get(column.name, ()), at)
        elif heading and heading_key(heading) != REASON:
            unknown.append(heading)
    refuse_doubles(place(sheet.name, row.number), headings, places, columns)
    return Table(sheet, row.number, row.cells, headings, places, tuple(unknown))


def refuse_doubles(where: str, headings: tuple[str, ...], places: dict[str, tuple[int, ...]], columns: Columns) -> None:
    for column in columns.required + columns.optional:
        doubles = places.get(column.name, ())
        if len(doubles) > 1 and not column.repeatable:
            both = "、".join(f"{column_letters(at + 1)}列“{headings[at]}”" for at in doubles)
            raise BadHeader(f"{where}（表头）有 {len(doubles)} 列都是“{column.name}”：{both}。请只留一列。")
    counts = {name: len(at) for name, at in places.items() if len(at) > 1}
    repeatable = [column.name for column in columns.required + columns.optional if column.repeatable]
    if counts and len({len(places.get(name, ())) for name in repeatable if name in places}) > 1:
        told = "、".join(f"“{name}”{len(places.get(name, ()))} 列" for name in repeatable)
        raise BadHeader(f"{where}（表头）的成对列数目不等：{told}。请让每个人的几列都齐全。")


def unpivot(records: Iterable[Record]) -> Iterator[Record]:
    """A record for each filled pair of repeated columns; a row with no pair filled stays, so that it can be refused."""
    for record in records:
        filled = [group for group in record.groups if not all(map(is_blank, group.values()))]
        if not filled:
            yield record
        for group in filled:
            yield replace(record, values=record.values | group, groups=())
