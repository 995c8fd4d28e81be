"""A second look at the raw sheet for what the fast parser does not tell: errors, formulas, hidden rows, its reach."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import chain

from accounts.sheets.containers import SAVE_AS
from accounts.sheets.limits import Limits, UnreadableSheet

Faults = dict[int, dict[int, str]]


@dataclass
class Scan:
    """Rows and columns count from 1; `faults`: row → column → the error as shown, "" for a formula without a result."""

    faults: Faults = field(default_factory=dict)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    merged: int = 0
    valued_rows: set[int] = field(default_factory=set)
    last_row: int = 0
    last_column: int = 0

    def fault(self, row: int, column: int, shown: str) -> None:
        self.faults.setdefault(row, {})[column] = shown

    def reach(self, row: int, column: int) -> None:
        self.last_row = max(self.last_row, row)
        self.last_column = max(self.last_column, column)


def refuse_vast(scan: Scan, sheet: str, limits: Limits) -> None:
    """A cell in the far corner makes the parser set aside room for everything before it."""
    if scan.last_column > limits.columns:
        raise UnreadableSheet(
            f"{sheet}的内容一直到第{scan.last_column}列（{column_letters(scan.last_column)}），"
            f"最多 {limits.columns} 列；请删去右边多余的列（选中后右键“删除”）再导入。"
        )
    if scan.last_row * scan.last_column > limits.cells:
        raise UnreadableSheet(
            f"{sheet}的内容一直到第{scan.last_row}行，范围过大；"
            "请删去下方多余的行（选中后右键“删除”），或分成几个文件再导入。"
        )


def column_letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def scan_xlsx(xml: bytes) -> Scan:
    """Scan the XML of one worksheet."""
    scan, tags = Scan(), XlsxTags(xml)
    for number, hidden, start, end in tags.rows():
        if tags.value.search(xml, start, end):
            scan.valued_rows.add(number)
            scan.reach(number, 1)
            if hidden:
                scan.hidden_rows.append(number)
    scan.last_column = max(scan.last_column, tags.widest())
    scan.hidden_columns = tags.hidden_columns()
    scan.merged = len(tags.merged.findall(xml))
    for row, column, shown in tags.faults():
        scan.fault(row, column, shown)
    return scan


class XlsxTags:
    """Patterns for one worksheet's XML, which may put a prefix before every tag."""

    def __init__(self, xml: bytes) -> None:
        root = re.search(rb"<(\w+:)?worksheet[\s>]", xml[:4096])
        prefix = root[1] or b"" if root else b""
        self.xml, self.prefix = xml, prefix
        self.row = self.pattern(rb"<#row(?=[\s>/])([^>]*)>")
        self.value = self.pattern(rb"<#[vt](?:\s[^>]*)?>\s*[^<\s]")
        self.any_wide = re.compile(rb" r=[\"'][A-Z]{2}")
        self.wide_cell = self.pattern(rb"<#c\s(?:[^>]*?\s)?r=[\"']([A-Z]{2,3})[0-9]+[\"'](?:[^>]*[^/>])?>(?!\s*</)")
        self.formula = self.pattern(rb"<#f[\s>/]")
        self.error = re.compile(rb"t=[\"']e[\"']")
        self.result = self.pattern(rb"<#v>([^<]*)<")
        self.cell_start, self.cell_end = b"<" + prefix + b"c ", b"</" + prefix + b"c>"
        self.cell = self.pattern(rb"<#c\s([^>]*)>")
        self.merged = self.pattern(rb"<#mergeCell\s")
        self.column = self.pattern(rb"<#col\s([^>]*)>")

    def pattern(self, source: bytes) -> re.Pattern[bytes]:
        return re.compile(source.replace(b"#", self.prefix))

    def rows(self) -> Iterator[tuple[int, bool, int, int]]:
        """Number, hidden, first and last byte of each row; numbers must rise or the parser would overwrite cells."""
        number = 0
        tags = list(self.row.finditer(self.xml))
        ends = [tag.start() for tag in tags[1:]] + [len(self.xml)]
        for tag, end in zip(tags, ends, strict=False):
            given = int(attribute(tag[1], b"r") or number + 1)
            if given <= number:
                raise UnreadableSheet(f"文件里第{given}行重复或次序错乱，{SAVE_AS}。")
            number = given
            yield number, is_true(attribute(tag[1], b"hidden")), tag.end(), end

    def widest(self) -> int:
        if not self.any_wide.search(self.xml):
            return 26
        letters = {match[1].decode() for match in self.wide_cell.finditer(self.xml)}
        return max(map(column_number, letters), default=1)

    def hidden_columns(self) -> list[int]:
        hidden: list[int] = []
        for match in self.column.finditer(self.xml):
            if is_true(attribute(match[1], b"hidden")):
                first, last = int(attribute(match[1], b"min") or 1), int(attribute(match[1], b"max") or 1)
                hidden.extend(range(first, min(last, 300) + 1))
        return hidden

    def faults(self) -> Iterator[tuple[int, int, str]]:
        for mark in chain(self.error.finditer(self.xml), self.formula.finditer(self.xml)):
            start = self.xml.rfind(self.cell_start, 0, mark.start() + 1)
            yield from self.fault_in(start, self.xml.find(self.cell_end, mark.start()))

    def fault_in(self, start: int, end: int) -> Iterator[tuple[int, int, str]]:
        opening = self.cell.match(self.xml, start)
        if not opening:
            return
        kind = attribute(opening[1], b"t")
        result = self.result.search(self.xml, opening.end(), end)
        is_error = kind == b"e"
        # Type str with nothing in it is a formula whose result is an empty text.
        is_unknown = kind != b"str" and not (result and result[1]) and self.formula.search(self.xml, opening.end(), end)
        if is_error or is_unknown:
            row, column = place_of(attribute(opening[1], b"r"))
            yield row, column, result[1].decode() if result else ""


def place_of(reference: bytes) -> tuple[int, int]:
    found = re.fullmatch(rb"([A-Z]+)([0-9]+)", reference)
    if not found:
        raise UnreadableSheet(f"文件里有错误值或没有结果的公式，而单元格没有写明位置，{SAVE_AS}。")
    return int(found[2]), column_number(found[1].decode())


def attribute(attributes: bytes, name: bytes) -> bytes:
    if name not in attributes:
        return b""
    found = attribute_pattern(name).search(attributes)
    return found[1] if found else b""


@cache
def attribute_pattern(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?:^|\s)" + name + rb"\s*=\s*[\"']([^\"']*)[\"']")


def is_true(flag: bytes) -> bool:
    return flag in (b"1", b"true", b"on")


MOST_REPEATS = 100_000
ODS_TAG = re.compile(
    rb"<table:(table|table-row|table-cell|covered-table-cell|table-column)(?=[\s>/])([^>\"]*(?:\"[^\"]*\"[^>\"]*)*)>"
)


def scan_ods(xml: bytes) -> list[Scan]:
    """Scan content.xml: one Scan for each sheet, in the order of the file."""
    walk = OdsWalk()
    for tag in ODS_TAG.finditer(xml):
        walk.step(*tag.groups())
    walk.end_row()
    return walk.scans


class OdsWalk:
    """Where the walk over the tags stands: the sheet (the last of `scans`), the row, the column."""

    def __init__(self) -> None:
        self.scans: list[Scan] = []
        self.row = self.column = self.columns = self.repeat = 0
        self.hidden = self.valued = False

    def step(self, name: bytes, attributes: bytes) -> None:
        if name.endswith(b"cell"):
            self.add_cell(attributes)
        elif name == b"table-row":
            self.end_row()
            self.start_row(attributes)
        elif name == b"table-column":
            self.add_column(attributes)
        else:
            self.end_row()
            self.scans.append(Scan())
            self.row = self.columns = self.repeat = 0

    def add_column(self, attributes: bytes) -> None:
        repeat = repeated(attributes, b"table:number-columns-repeated")
        if attribute(attributes, b"table:visibility") in (b"collapse", b"filter"):
            self.scans[-1].hidden_columns.extend(range(self.columns + 1, min(self.columns + repeat, 300) + 1))
        self.columns += repeat

    def start_row(self, attributes: bytes) -> None:
        self.column, self.valued = 0, False
        self.repeat = repeated(attributes, b"table:number-rows-repeated")
        self.hidden = attribute(attributes, b"table:visibility") in (b"collapse", b"filter")

    def end_row(self) -> None:
        if self.valued:
            rows = self.repeated_rows()
            self.scans[-1].reach(self.row + self.repeat, 1)
            self.scans[-1].valued_rows.update(rows)
            self.scans[-1].hidden_rows.extend(rows if self.hidden else ())
        self.row += self.repeat
        self.valued = False

    def add_cell(self, attributes: bytes) -> None:
        scan, column = self.scans[-1], self.column + 1
        self.column += repeated(attributes, b"table:number-columns-repeated")
        if b"spanned=" in attributes and re.search(rb"-spanned=\"(?!1\")", attributes):
            scan.merged += 1
        has_type, has_formula = b"office:value-type=" in attributes, b"table:formula=" in attributes
        if has_type or has_formula:
            self.valued = True
            scan.last_column = max(scan.last_column, self.column)
        if has_formula and (not has_type or attribute(attributes, b"calcext:value-type") == b"error"):
            for row in self.repeated_rows():
                scan.fault(row, column, "")

    def repeated_rows(self) -> range:
        return range(self.row + 1, self.row + min(self.repeat, MOST_REPEATS) + 1)


def repeated(attributes: bytes, name: bytes) -> int:
    if name not in attributes:
        return 1
    number = attribute(attributes, name)
    return max(int(number), 1) if number.isdigit() else 1
