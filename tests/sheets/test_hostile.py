"""Each hostile file is refused with a sentence or read completely, at once, and nobody's process dies of it."""

import os
import random
import re
import struct
import time
import zipfile
from pathlib import Path

import pytest
import xlwt

from accounts.sheets.limits import Limits
from accounts.sheets.reading import UnreadableSheet, read_sheets

from .made_files import (
    ods_text,
    ole,
    plain_ods,
    plain_xlsx,
    raw_row,
    raw_xlsx,
    text_cell,
    xlsx_parts,
    zipped,
)

ROW = raw_row(1, text_cell("A1", "姓名"))
LAUGHS = '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def empty(folder: Path) -> Path:
    return written(folder / "a.xlsx", b"")


def nul_filled(folder: Path) -> Path:
    return written(folder / "a.xlsx", bytes(200_000))


def csv_with_nul(folder: Path) -> Path:
    return written(folder / "a.csv", "姓名\n张\x00三\n".encode())


def csv_with_control_characters(folder: Path) -> Path:
    return written(folder / "a.csv", "姓名\n张\x07三\n".encode())


def csv_in_no_encoding(folder: Path) -> Path:
    return written(folder / "a.csv", "姓名\n".encode("gb18030") + b"\xff\xff\n")


def csv_in_damaged_utf8(folder: Path) -> Path:
    return written(folder / "a.csv", "姓名,村\n张三,柳树村\n李四,杨树村\n".encode()[:-2])


def csv_with_an_open_quote(folder: Path) -> Path:
    return written(folder / "a.csv", ('姓名,备注\n张三,"未闭合\n' + "李四,x\n" * 500).encode())


def csv_with_a_quote_over_many_rows(folder: Path) -> Path:
    return written(folder / "a.csv", ('姓名,备注\n张三,"甲\n' + "李四,x\n" * 500 + '王五,"乙\n').encode())


def csv_of_too_many_columns(folder: Path) -> Path:
    return written(folder / "a.csv", b"a," * 5000 + b"\n")


def page_named_xls(folder: Path) -> Path:
    return written(folder / "a.xls", b"<html><body><table><tr><td>1</td></tr></table></body></html>")


def xml_spreadsheet_named_xls(folder: Path) -> Path:
    return written(folder / "a.xls", b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>')


def text_named_xls(folder: Path) -> Path:
    return written(folder / "a.xls", "姓名\t电话\n张三\t138\n".encode("gb18030"))


def picture(folder: Path) -> Path:
    return written(folder / "a.xlsx", b"\x89PNG\r\n\x1a\n" + bytes(100))


def photograph_named_csv(folder: Path) -> Path:
    return written(folder / "a.csv", b"\xff\xd8\xff\xe0" + random.Random(1).randbytes(5000))


def pdf(folder: Path) -> Path:
    return written(folder / "a.xls", b"%PDF-1.7\n")


def encrypted_xlsx(folder: Path) -> Path:
    return ole(folder / "a.xlsx", "EncryptionInfo", "EncryptedPackage")


def encrypted_xls(folder: Path) -> Path:
    path = plain_xls(folder)
    content = path.read_bytes()
    # The second record of the globals becomes FILEPASS.
    second = 512 + 4 + struct.unpack_from("<H", content, 514)[0]
    return written(path, content[:second] + struct.pack("<H", 0x2F) + content[second + 2 :])


def xls_with_macros(folder: Path) -> Path:
    return ole(folder / "a.xls", "Workbook", "_VBA_PROJECT_CUR", "VBA")


def xls_in_name_only(folder: Path) -> Path:
    return ole(folder / "a.xls", "WordDocument")


def xls_cut_off(folder: Path) -> Path:
    path = plain_xls(folder)
    return written(path, path.read_bytes()[:1500])


def xls_of_circles(folder: Path) -> Path:
    path = ole(folder / "a.xls", "Workbook")
    content = bytearray(path.read_bytes())
    # The directory's chain leads back to itself.
    content[512 + 4 : 512 + 8] = struct.pack("<I", 1)
    return written(path, bytes(content))


def plain_xls(folder: Path) -> Path:
    book = xlwt.Workbook()
    sheet = book.add_sheet("名册")
    for number in range(300):
        sheet.write(number, 0, f"张{number}")
    book.save(str(folder / "a.xls"))
    return folder / "a.xls"


def xlsx_with_macros(folder: Path) -> Path:
    return raw_xlsx(folder / "a.xlsx", ROW, more={"xl/vbaProject.bin": "x"})


def xlsx_with_links(folder: Path) -> Path:
    return raw_xlsx(folder / "a.xlsx", ROW, more={"xl/externalLinks/externalLink1.xml": "<externalLink/>"})


def xlsx_cut_off(folder: Path) -> Path:
    path = plain_xlsx(folder / "a.xlsx", ["姓名"], ["张三"])
    return written(path, path.read_bytes()[:-400])


def xlsx_with_a_broken_member(folder: Path) -> Path:
    path = plain_xlsx(folder / "a.xlsx", *[[f"张{number}", number] for number in range(500)])
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("xl/worksheets/sheet1.xml").header_offset
    content[start + 200 : start + 400] = bytes(200)
    return written(path, bytes(content))


def entity_bomb(folder: Path) -> Path:
    return raw_xlsx(folder / "a.xlsx", raw_row(1, text_cell("A1", "&c;")), prolog=LAUGHS)


def entity_from_outside(folder: Path) -> Path:
    return raw_xlsx(folder / "a.xlsx", raw_row(1, text_cell("A1", "&x;")), prolog=OUTSIDE)


def entity_in_the_shared_strings(folder: Path) -> Path:
    return raw_xlsx(folder / "a.xlsx", ROW, more={"xl/sharedStrings.xml": f"{OUTSIDE}<sst/>"})


def entity_in_utf16(folder: Path) -> Path:
    content = f'<?xml version="1.0" encoding="UTF-16"?>{OUTSIDE}<sst/>'.encode("utf-16")
    return raw_xlsx(folder / "a.xlsx", ROW, more={"xl/sharedStrings.xml": content})


def entity_in_ods(folder: Path) -> Path:
    return zipped(folder / "a.ods", {"content.xml": f"{LAUGHS}<x/>"})


def bomb_by_ratio(folder: Path) -> Path:
    return raw_xlsx(folder / "a.xlsx", ROW, more={"xl/media/image1.png": bytes(30_000_000)})


def bomb_by_size(folder: Path) -> Path:
    noise = random.Random(1).randbytes(1000) * 2000
    return raw_xlsx(folder / "a.xlsx", ROW, more={f"xl/media/{number}": noise for number in range(90)})


def bomb_that_lies_about_its_size(folder: Path) -> Path:
    parts = xlsx_parts(ROW + " " * 60_000_000)
    content = bytearray(zipped(folder / "a.xlsx", parts).read_bytes())
    real = struct.pack("<I", len(parts["xl/worksheets/sheet1.xml"].encode()))
    return written(folder / "a.xlsx", bytes(content).replace(real, struct.pack("<I", 1000)))


def cell_in_the_far_corner(folder: Path) -> Path:
    return raw_xlsx(folder / "a.xlsx", ROW + raw_row(1_048_576, text_cell("XFD1048576", "x")))


def cell_in_the_far_corner_without_its_place(folder: Path) -> Path:
    cells = "<c><v>1</v></c>" * 16_384
    return raw_xlsx(folder / "a.xlsx", f"<row>{cells}</row>" + raw_row(200_000, text_cell("A200000", "x")))


def cell_in_the_last_row(folder: Path) -> Path:
    return raw_xlsx(folder / "a.xlsx", ROW + raw_row(1_048_576, text_cell("M1048576", "x")))


def xls_in_the_far_corner(folder: Path) -> Path:
    book = xlwt.Workbook()
    sheet = book.add_sheet("名册")
    sheet.write(0, 0, "姓名")
    sheet.write(65_535, 255, "x")
    book.save(str(folder / "a.xls"))
    return folder / "a.xls"


def ods_of_repeated_cells(folder: Path) -> Path:
    return plain_ods(folder / "a.ods", [ods_text("张三", numbercolumnsrepeated=1_000_000)])


def rows_of_the_same_number(folder: Path) -> Path:
    return raw_xlsx(folder / "a.xlsx", raw_row(2, text_cell("A2", "张三")) + raw_row(2, text_cell("A2", "李四")))


def encrypted_ods(folder: Path) -> Path:
    return zipped(folder / "a.ods", {"content.xml": "x", "META-INF/manifest.xml": "<m:encryption-data/>"})


def ods_with_macros(folder: Path) -> Path:
    return zipped(folder / "a.ods", {"content.xml": "<x/>", "Basic/Standard/Module1.xml": "<x/>"})


def numbers_of_apple(folder: Path) -> Path:
    return zipped(folder / "a.numbers", {"Index/Document.iwa": "x"})


def word_document(folder: Path) -> Path:
    return zipped(folder / "a.xlsx", {"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"})


def binary_workbook(folder: Path) -> Path:
    return zipped(folder / "a.xlsx", {"[Content_Types].xml": "<x/>", "xl/workbook.bin": "x"})


def plain_archive(folder: Path) -> Path:
    return zipped(folder / "a.xlsx", {"roll.csv": "x"})


def without_content(folder: Path) -> Path:
    return raw_xlsx(folder / "a.xlsx", "")


HOSTILE = [
    (empty, "文件是空的"),
    (nul_filled, "全是空字节"),
    (csv_with_nul, "空字节"),
    (csv_with_control_characters, "控制字符"),
    (csv_in_no_encoding, "第2行附近有认不出的字符"),
    (csv_in_damaged_utf8, "第3行附近有损坏的字符"),
    (csv_with_an_open_quote, "引号没有配成对"),
    (csv_with_a_quote_over_many_rows, "引号没有配成对"),
    (csv_of_too_many_columns, "最多 200 列"),
    (page_named_xls, "网页"),
    (xml_spreadsheet_named_xls, "网页（HTML 或 XML）"),
    (text_named_xls, "文件名以 .xls 结尾，内容却不是表格"),
    (picture, "这是图片"),
    (photograph_named_csv, "这是图片"),
    (pdf, "这是PDF 文件"),
    (encrypted_xlsx, "打开密码"),
    (encrypted_xls, "打开密码"),
    (xls_with_macros, "带有宏"),
    (xls_in_name_only, "不是表格"),
    (xls_cut_off, "损坏"),
    (xls_of_circles, "已损坏"),
    (xlsx_with_macros, "带有宏"),
    (xlsx_with_links, "外部链接"),
    (xlsx_cut_off, "损坏或不完整"),
    (xlsx_with_a_broken_member, "损坏或不完整"),
    (entity_bomb, "DOCTYPE"),
    (entity_from_outside, "DOCTYPE"),
    (entity_in_the_shared_strings, "DOCTYPE"),
    (entity_in_utf16, "编码不是 UTF-8"),
    (entity_in_ods, "DOCTYPE"),
    (bomb_by_ratio, "压缩炸弹"),
    (bomb_by_size, "超过 160 MB 的上限"),
    (bomb_that_lies_about_its_size, "损坏或不完整"),
    (cell_in_the_far_corner, "第16384列（XFD）"),
    (cell_in_the_far_corner_without_its_place, "删去多余的行列"),
    (cell_in_the_last_row, "一直到第1048576行"),
    (xls_in_the_far_corner, "第256列（IV）"),
    (ods_of_repeated_cells, "第1000000列"),
    (rows_of_the_same_number, "第2行重复或次序错乱"),
    (encrypted_ods, "打开密码"),
    (ods_with_macros, "带有宏"),
    (numbers_of_apple, "Numbers"),
    (word_document, "文字文稿"),
    (binary_workbook, ".xlsb"),
    (plain_archive, "压缩包"),
    (without_content, "没有内容"),
]


@pytest.mark.parametrize(("make", "sentence"), HOSTILE, ids=lambda value: getattr(value, "__name__", ""))
def test_a_hostile_file_is_refused_with_a_sentence_at_once(tmp_path, make, sentence):
    path = make(tmp_path)
    process, begun = os.getpid(), time.monotonic()

    with pytest.raises(UnreadableSheet, match=re.escape(sentence)) as refusal:
        read_sheets(path)

    assert str(refusal.value).endswith("。")
    assert time.monotonic() - begun < 5
    assert os.getpid() == process


@pytest.mark.parametrize("corner", ['<c r="XFD1048576" s="1"/>', '<c r="XFD1048576" s="1"></c>'])
def test_an_empty_cell_in_the_far_corner_does_no_harm(tmp_path, corner):
    path = raw_xlsx(tmp_path / "a.xlsx", ROW + raw_row(1_048_576, corner))

    with read_sheets(path) as book:
        assert [(sheet.name, sheet.count) for sheet in book.sheets] == [("名册", 1)]


def test_a_file_that_takes_too_long_is_stopped(tmp_path):
    path = plain_xlsx(tmp_path / "a.xlsx", ["姓名"])

    with pytest.raises(UnreadableSheet, match="秒内没有读完"):
        read_sheets(path, limits=Limits(wall_seconds=0))


def test_a_file_that_takes_too_much_memory_is_stopped(tmp_path):
    path = written(tmp_path / "a.csv", "姓名,村\n".encode() + b"x,y\n" * 5_000_000)

    with pytest.raises(UnreadableSheet, match="内存上限"):
        read_sheets(path, limits=Limits(memory_bytes=120 * 1024 * 1024))


def test_a_large_file_is_not_even_opened(tmp_path):
    path = written(tmp_path / "a.csv", bytes(3000))

    with pytest.raises(UnreadableSheet, match="超过 0 MB"):
        read_sheets(path, limits=Limits(file_bytes=2000))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableSheet, match="找不到文件 b.xlsx"):
        read_sheets(tmp_path / "b.xlsx")


def test_a_sheet_without_its_part_is_refused(tmp_path):
    parts = xlsx_parts(ROW)
    parts["xl/worksheets/Sheet1.xml"] = parts.pop("xl/worksheets/sheet1.xml")

    with pytest.raises(UnreadableSheet, match="损坏或不完整"):
        read_sheets(zipped(tmp_path / "a.xlsx", parts))


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = written(tmp_path / "a.csv", "姓名\n张三\n".encode())

    with read_sheets(path) as book:
        assert os.listdir(tmp_path) == ["a.csv"]
        assert book.sheets[0].count == 2
