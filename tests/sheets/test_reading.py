"""What is in a file comes out of it: every row, under the sheet's own number."""

import os
import random
import time
from datetime import date, datetime
from pathlib import Path

import psutil
import pytest
import xlwt
from odf.table import TableCell
from openpyxl import Workbook

from accounts.sheets.cells import Fault
from accounts.sheets.reading import SheetRow, read_sheets

from .made_files import ods_text, plain_ods, plain_xlsx, raw_row, raw_xlsx, text_cell

PEOPLE_OF_A_TOWNSHIP = 51_005


def rows_of(path: Path) -> list[SheetRow]:
    with read_sheets(path) as book:
        return [row for sheet in book.sheets for row in sheet.rows()]


def notes_of(path: Path) -> str:
    with read_sheets(path) as book:
        return "".join(book.notes)


def csv_file(path: Path, text: str, encoding: str) -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_rows_keep_the_number_they_have_in_the_sheet(tmp_path):
    path = plain_xlsx(tmp_path / "a.xlsx", ["柳树村名册"], [], ["姓名", "电话"], [], [None, "138"])

    assert rows_of(path) == [
        SheetRow(1, ("柳树村名册",)),
        SheetRow(3, ("姓名", "电话")),
        SheetRow(5, (None, "138")),
    ]


def test_rows_below_two_hundred_empty_ones_are_read(tmp_path):
    path = raw_xlsx(tmp_path / "a.xlsx", raw_row(1, text_cell("A1", "姓名")) + raw_row(900, text_cell("A900", "张三")))

    assert rows_of(path) == [SheetRow(1, ("姓名",)), SheetRow(900, ("张三",))]


@pytest.mark.parametrize("dimension", ["A1:B10", "A1", "A1:XFD1048576"])
def test_a_stale_dimension_loses_no_row(tmp_path, dimension):
    data = "".join(raw_row(number, text_cell(f"A{number}", f"{number}号")) for number in range(1, 501))
    path = raw_xlsx(tmp_path / "wps.xlsx", data, before=f'<dimension ref="{dimension}"/>')

    assert rows_of(path) == [SheetRow(number, (f"{number}号",)) for number in range(1, 501)]


def test_cells_of_xlsx_keep_their_kind(tmp_path):
    moment = datetime.fromisoformat("2019-12-10T08:30:00")
    path = plain_xlsx(
        tmp_path / "a.xlsx",
        ["430101", 4.3e17, 250, 0.5, True, date(2019, 12, 10), moment, "=1+1", "#DIV/0!", None, "末"],
    )

    assert rows_of(path) == [
        SheetRow(
            1, ("430101", 4.3e17, 250, 0.5, True, date(2019, 12, 10), moment, Fault(""), Fault("#DIV/0!"), None, "末")
        )
    ]


def test_a_formula_with_a_result_is_its_result(tmp_path):
    cells = (
        '<c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="str"><f>"甲"</f><v>甲</v></c>'
        '<c r="C1" t="str"><f>""</f><v></v></c><c r="D1"><f>1/0</f></c><c r="E1" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
    )
    path = raw_xlsx(tmp_path / "a.xlsx", f'<row r="1">{cells}</row>')

    assert rows_of(path) == [SheetRow(1, (2, "甲", None, Fault(""), Fault("#DIV/0!")))]


def test_a_row_of_nothing_but_uncalculated_formulas_is_not_lost(tmp_path):
    path = raw_xlsx(tmp_path / "a.xlsx", raw_row(1, text_cell("A1", "姓名")) + raw_row(7, '<c r="C7"><f>A1</f></c>'))

    assert rows_of(path) == [SheetRow(1, ("姓名",)), SheetRow(7, (None, None, Fault("")))]


def test_text_that_looks_like_a_tag_is_text(tmp_path):
    path = raw_xlsx(tmp_path / "a.xlsx", raw_row(1, text_cell("A1", 't="e" &lt;f&gt; &lt;row r="9"&gt;')))

    assert rows_of(path) == [SheetRow(1, ('t="e" <f> <row r="9">',))]


def test_tags_with_a_prefix_are_read(tmp_path):
    path = tmp_path / "a.xlsx"
    raw_xlsx(path, "")
    sheet = (
        '<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>'
        '<x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t>姓名</x:t></x:is></x:c></x:row>'
        '<x:row r="2" hidden="1"><x:c r="A2"><x:f>A1</x:f></x:c></x:row></x:sheetData></x:worksheet>'
    )
    raw_xlsx(path, "", more={"xl/worksheets/sheet1.xml": sheet})

    assert rows_of(path) == [SheetRow(1, ("姓名",)), SheetRow(2, (Fault(""),))]


def test_what_is_hidden_or_merged_is_announced(tmp_path):
    book = Workbook()
    sheet = book.active
    for row in (["名册", None], ["姓名", "电话"], ["张三", "138"], ["李四", "139"]):
        sheet.append(row)
    sheet.merge_cells("A1:B1")
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["B"].hidden = True
    book.create_sheet("旧表")["A1"] = "王五"
    book["旧表"].sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")

    with read_sheets(tmp_path / "a.xlsx") as read:
        assert [(sheet.name, sheet.count) for sheet in read.sheets] == [("Sheet", 4)]
        assert read.notes == (
            "工作表“Sheet”有 1 个隐藏行（第3行），已一并读取。",
            "工作表“Sheet”有 1 个隐藏列，已一并读取。",
            "工作表“Sheet”有 1 处合并单元格，每处只有左上角一格有内容，其余各格按空格读取。",
            "工作表“旧表”是隐藏的，没有读取；需要的话请取消隐藏后再导入。",
        )


def test_rows_of_blanks_are_dropped_and_announced(tmp_path):
    path = plain_xlsx(tmp_path / "a.xlsx", ["姓名"], ["   "], ["张三"])

    assert rows_of(path) == [SheetRow(1, ("姓名",)), SheetRow(3, ("张三",))]


def test_xls_is_read_with_its_errors_and_hidden_rows(tmp_path):
    book = xlwt.Workbook()
    sheet = book.add_sheet("名册")
    for at, value in enumerate(["张三", 12, True, 0.5]):
        sheet.write(2, at, value)
    sheet.write(2, 4, date(2019, 12, 10), xlwt.easyxf(num_format_str="yyyy-mm-dd"))
    sheet.row(4).set_cell_error(0, 0x07)
    sheet.row(4).hidden = True
    book.add_sheet("旧表").write(0, 0, "王五")
    book.get_sheet(1).visibility = 1
    book.save(str(tmp_path / "a.xls"))

    assert rows_of(tmp_path / "a.xls") == [
        SheetRow(3, ("张三", 12, True, 0.5, date(2019, 12, 10))),
        SheetRow(5, (Fault("#DIV/0!"),)),
    ]
    assert notes_of(tmp_path / "a.xls") == (
        "工作表“名册”有 1 个隐藏行（第5行），已一并读取。工作表“旧表”是隐藏的，没有读取；需要的话请取消隐藏后再导入。"
    )


def test_ods_is_read_with_its_errors_and_repeated_rows(tmp_path):
    path = plain_ods(
        tmp_path / "a.ods",
        [TableCell(numbercolumnsrepeated=1024)],
        [
            ods_text("张三"),
            TableCell(valuetype="float", value="12"),
            TableCell(formula="of:=A1"),
            ods_text("#DIV/0!"),
            TableCell(valuetype="date", datevalue="2019-12-10"),
        ],
        [ods_text("李四", numbercolumnsspanned=2)],
    )

    assert rows_of(path) == [
        SheetRow(2, ("张三", 12, Fault(""), Fault("#DIV/0!"), date(2019, 12, 10))),
        SheetRow(3, ("李四",)),
    ]
    assert "1 处合并单元格" in notes_of(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_any_encoding_of_the_offices_is_read(tmp_path, encoding):
    path = csv_file(tmp_path / "a.csv", "name,id\n㼆妹,430101199001010011\n\n买买提·吐尔逊,x\n", encoding)

    assert rows_of(path) == [
        SheetRow(1, ("name", "id")),
        SheetRow(2, ("㼆妹", "430101199001010011")),
        SheetRow(4, ("买买提·吐尔逊", "x")),
    ]


def test_gb18030_is_found_although_only_the_last_row_of_many_is_chinese(tmp_path):
    text = "name,id\n" + "x,1\n" * 100_000 + "柳树村,2\n"

    assert rows_of(csv_file(tmp_path / "a.csv", text, "gb18030"))[-1] == SheetRow(100_002, ("柳树村", "2"))


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_csv_with_other_separators_is_read(tmp_path, separator):
    path = csv_file(
        tmp_path / "a.csv", f'姓名{separator}备注\r\n张三{separator}"一\n二"\r\n李四{separator}\r\n', "utf-8"
    )

    assert rows_of(path) == [SheetRow(1, ("姓名", "备注")), SheetRow(2, ("张三", "一\n二")), SheetRow(3, ("李四",))]


def test_the_name_of_a_file_does_not_decide_its_format(tmp_path):
    plain_xlsx(tmp_path / "a.csv", ["姓名"])
    csv_file(tmp_path / "upload", "姓名\n", "utf-8")

    assert rows_of(tmp_path / "a.csv") == rows_of(tmp_path / "upload") == [SheetRow(1, ("姓名",))]


def test_rows_may_be_walked_twice_at_once(tmp_path):
    with read_sheets(csv_file(tmp_path / "a.csv", "a\n" * 1000, "utf-8")) as book:
        (sheet,) = book.sheets
        assert sum(one == other for one, other in zip(sheet.rows(), sheet.rows(), strict=True)) == 1000


def test_the_child_sees_nothing_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.chdir(tmp_path)
    csv_file(tmp_path / "a.csv", "姓名\n", "utf-8")

    assert rows_of(Path("a.csv")) == [SheetRow(1, ("姓名",))]


def township_xlsx(path: Path) -> Path:
    """51,005 people in 13 columns with shared strings and styles, as Excel and WPS write them."""
    draw = random.Random(1)
    shared: dict[str, int] = {}
    rows = []
    for number in range(1, PEOPLE_OF_A_TOWNSHIP + 2):
        digits = f"{draw.randrange(10**17, 10**18)}"
        texts = [
            f"柳树{number % 13}村",
            f"{number % 20}组",
            digits[:6],
            f"张{digits[:3]}",
            "子",
            f"李{digits[3:6]}",
            "居民身份证",
        ]
        texts += [digits, digits[:11], "户籍", "否", "", "备注"]
        cells = [
            f'<c r="{"ABCDEFGHIJKLM"[at]}{number}" s="{at + 11}" t="s"><v>{shared.setdefault(text, len(shared))}</v></c>'
            for at, text in enumerate(texts)
        ]
        rows.append(f'<row r="{number}" spans="1:13" customHeight="1" ht="18.75">{"".join(cells)}</row>')
    strings = "".join(f"<si><t>{text}</t></si>" for text in shared)
    book = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' + strings + "</sst>"
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"'
        ' Target="worksheets/sheet1.xml"/><Relationship Id="rId2"'
        ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"'
        ' Target="sharedStrings.xml"/></Relationships>'
    )
    return raw_xlsx(path, "".join(rows), more={"xl/sharedStrings.xml": book, "xl/_rels/workbook.xml.rels": relations})


def test_a_whole_township_is_read_in_seconds_and_in_little_memory(tmp_path):
    path = township_xlsx(tmp_path / "roll.xlsx")
    before = psutil.Process(os.getpid()).memory_info().rss
    begun = time.monotonic()

    with read_sheets(path) as book:
        (sheet,) = book.sheets
        count = sum(1 for _ in sheet.rows())

    assert count == sheet.count == PEOPLE_OF_A_TOWNSHIP + 1
    assert time.monotonic() - begun < 10
    assert psutil.Process(os.getpid()).memory_info().rss - before < 50 * 1024 * 1024
