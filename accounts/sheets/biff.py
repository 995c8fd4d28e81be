"""The raw records of an .xls file: just enough of OLE and BIFF to see what the parser does not tell."""

import struct
from collections.abc import Iterator
from pathlib import Path

from accounts.sheets.containers import ENCRYPTED, LINKED, MACROS_XLS, SAVE_AS, broken
from accounts.sheets.limits import UnreadableSheet
from accounts.sheets.scans import Scan

END_OF_CHAIN = 0xFFFFFFFE
ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
FORMULA, BOOLERR, ROW, COLINFO, MERGED = 0x0006, 0x0205, 0x0208, 0x007D, 0x00E5
BOF, EOF, BOUNDSHEET, FILEPASS, SUPBOOK = 0x0809, 0x000A, 0x0085, 0x002F, 0x01AE
MULRK = 0x00BD
SINGLE_CELLS = frozenset({0x00FD, 0x0203, 0x027E, 0x0204, 0x00D6, FORMULA, BOOLERR})
OWN_WORKBOOK, ADD_IN = 0x0401, 0x3A01


class OleFile:
    """The streams of a compound file, as far as a workbook needs them."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        (shift,) = struct.unpack_from("<H", content, 30)
        if shift not in (9, 12):
            raise broken()
        self.sector_size = 1 << shift
        self.fat = self.read_fat()
        (directory,) = struct.unpack_from("<I", content, 48)
        self.streams = dict(self.entries(self.chain(directory)))

    def sector(self, number: int) -> bytes:
        start = (number + 1) * self.sector_size
        return self.content[start : start + self.sector_size]

    def read_fat(self) -> list[int]:
        numbers = list(struct.unpack_from("<109I", self.content, 76))
        following, count = struct.unpack_from("<II", self.content, 68)
        for _ in range(min(count, len(self.content) // self.sector_size)):
            *more, following = struct.unpack(f"<{self.sector_size // 4}I", self.sector(following))
            numbers += more
        table = b"".join(self.sector(number) for number in numbers if number < END_OF_CHAIN - 2)
        return list(struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4]))

    def chain(self, number: int) -> bytes:
        parts: list[bytes] = []
        while number < len(self.fat) and len(parts) <= len(self.fat):
            parts.append(self.sector(number))
            number = self.fat[number]
        return b"".join(parts)

    def entries(self, directory: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
        for offset in range(0, len(directory) - 127, 128):
            (length,) = struct.unpack_from("<H", directory, offset + 64)
            start, size = struct.unpack_from("<II", directory, offset + 116)
            name = directory[offset : offset + max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
            yield name, (start, size)

    def workbook(self) -> bytes:
        start, size = self.streams.get("Workbook") or self.streams.get("Book") or (END_OF_CHAIN, 0)
        # Streams under 4,096 bytes lie in another table; no program writes a workbook that small.
        return self.chain(start)[:size]


def scan_xls(path: Path) -> list[Scan]:
    """Scan an .xls file, one Scan for each sheet in its order; raises UnreadableSheet for what is refused."""
    ole = OleFile(path.read_bytes())
    refuse_streams(set(ole.streams))
    stream = ole.workbook()
    return [scan_sheet(stream, offset) for offset in sheet_offsets(stream)]


def refuse_streams(names: set[str]) -> None:
    if not names:
        raise broken()
    if "EncryptedPackage" in names:
        raise UnreadableSheet(ENCRYPTED)
    if names & {"WordDocument", "PowerPoint Document"}:
        raise UnreadableSheet("这是文字文稿或演示文稿，不是表格，请把表格复制到 Excel 里存为 .xlsx 再导入。")
    if not names & {"Workbook", "Book"}:
        raise UnreadableSheet(f"文件里没有工作表，{SAVE_AS}。")
    if any(name.upper().startswith("_VBA_PROJECT") or name == "VBA" for name in names):
        raise UnreadableSheet(MACROS_XLS)


def records(stream: bytes, offset: int = 0) -> Iterator[tuple[int, int, int]]:
    """Kind, first byte and length of each record from `offset` to the end of its substream."""
    depth = 0
    while offset + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, offset)
        yield kind, offset + 4, length
        depth += (kind == BOF) - (kind == EOF)
        if kind == EOF and depth <= 0:
            return
        offset += 4 + length


def sheet_offsets(stream: bytes) -> list[int]:
    offsets: list[int] = []
    for kind, at, _ in records(stream):
        if kind == FILEPASS:
            raise UnreadableSheet(ENCRYPTED)
        if kind == SUPBOOK and struct.unpack_from("<H", stream, at + 2)[0] not in (OWN_WORKBOOK, ADD_IN):
            raise UnreadableSheet(LINKED)
        if kind == BOUNDSHEET:
            offset, sheet_type = struct.unpack_from("<IxB", stream, at)
            if sheet_type == 1:
                raise UnreadableSheet(MACROS_XLS)
            offsets.append(offset)
    return offsets


def scan_sheet(stream: bytes, offset: int) -> Scan:
    scan, hidden = Scan(), list[int]()
    for kind, at, length in records(stream, offset):
        if kind in SINGLE_CELLS or kind == MULRK:
            row, column = struct.unpack_from("<HH", stream, at)
            (last,) = struct.unpack_from("<H", stream, at + length - 2) if kind == MULRK else (column,)
            scan.valued_rows.add(row + 1)
            scan.reach(row + 1, last + 1)
            add_fault(scan, stream, kind, at)
        elif kind == ROW and struct.unpack_from("<H", stream, at + 12)[0] & 0x20:
            hidden.append(struct.unpack_from("<H", stream, at)[0] + 1)
        elif kind == COLINFO and struct.unpack_from("<H", stream, at + 8)[0] & 1:
            first, last = struct.unpack_from("<HH", stream, at)
            scan.hidden_columns.extend(range(first + 1, last + 2))
        elif kind == MERGED:
            scan.merged += struct.unpack_from("<H", stream, at)[0]
    scan.hidden_rows = [row for row in hidden if row in scan.valued_rows]
    return scan


def add_fault(scan: Scan, stream: bytes, kind: int, at: int) -> None:
    """Note an error value, and a formula: without a result it reads as empty, which only the parser can see."""
    row, column = struct.unpack_from("<HH", stream, at)
    if kind == BOOLERR and stream[at + 7]:
        scan.fault(row + 1, column + 1, ERRORS.get(stream[at + 6], "#ERR"))
    if kind == FORMULA:
        result, is_special = stream[at + 6], stream[at + 12 : at + 14] == b"\xff\xff"
        if is_special and result == 2:
            scan.fault(row + 1, column + 1, ERRORS.get(stream[at + 8], "#ERR"))
        elif not is_special:
            scan.fault(row + 1, column + 1, "")
