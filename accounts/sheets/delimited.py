"""Text files of columns: which encoding, which separator, which rows."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from accounts.sheets.containers import SAVE_AS
from accounts.sheets.limits import Limits, UnreadableSheet

NOT_TEXT = f"文件内容不是文本也不是表格（含有空字节或控制字符），可能已损坏；{SAVE_AS}。"
CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f]")
UTF16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# Excel holds 32,767 characters in a cell; a longer one is a quote that was never closed.
LONGEST_CELL = 32_767
MOST_LINES_IN_A_CELL = 30


def read_text(path: Path) -> str:
    """The whole file decoded: UTF-16 by its mark, else strictly UTF-8, else strictly GB18030."""
    content = path.read_bytes().rstrip(b"\x1a")
    for mark, encoding in UTF16.items():
        if content.startswith(mark):
            return checked(decoded(content, encoding))
    if b"\x00" in content:
        raise UnreadableSheet(NOT_TEXT)
    try:
        return checked(content.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        refuse_damaged_utf8(content, problem)
    return checked(decoded(content, "gb18030"))


def decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise UnreadableSheet(
            f"第{line}行附近有认不出的字符，文件既不是 UTF-8 也不是 GB18030 编码，或已损坏；{SAVE_AS}。"
        ) from None


def checked(text: str) -> str:
    if CONTROL.search(text):
        raise UnreadableSheet(NOT_TEXT)
    return text


def refuse_damaged_utf8(content: bytes, problem: UnicodeDecodeError) -> None:
    """UTF-8 with a few broken bytes would pass as GB18030 and read as nonsense."""
    lenient = content.decode("utf-8", "replace")
    broken, wide = lenient.count("\ufffd"), sum(1 for char in lenient if char > "\u07ff")
    if content.startswith(codecs.BOM_UTF8) or broken * 2 < wide:
        line = content.count(b"\n", 0, problem.start) + 1
        raise UnreadableSheet(f"第{line}行附近有损坏的字符，请重新导出；再不行，{SAVE_AS}。")


def rows(text: str, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each record; a record with line breaks inside its quotes is one row, as in a spreadsheet."""
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator(text[:20_000]), strict=True)
    number, line = 0, 0
    try:
        for number, row in enumerate(reader, 1):
            if reader.line_num - line > MOST_LINES_IN_A_CELL:
                raise csv.Error
            if len(row) > limits.columns:
                raise UnreadableSheet(f"第{number}行有 {len(row)} 列，最多 {limits.columns} 列；请删去多余的列再导入。")
            line = reader.line_num
            yield number, row
    except csv.Error:
        raise UnreadableSheet(f"第{number + 1}行附近的引号没有配成对，后面的行分不开；{SAVE_AS}。") from None


def separator(beginning: str) -> str:
    return max(",\t;", key=beginning.count)
