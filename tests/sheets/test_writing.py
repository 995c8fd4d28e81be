"""What is written opens as text, runs nothing, and comes back as it went out."""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import xlwt
from odf.table import TableCell
from openpyxl import Workbook, load_workbook

from accounts.sheets.cells import Fault, money_fen, text
from accounts.sheets.headers import Column, Columns, read_records
from accounts.sheets.reading import read_sheets
from accounts.sheets.writing import OutSheet, write_csv, write_rejects, write_xlsx

from .made_files import ods_text, plain_ods

COLUMNS = Columns(required=(Column("姓名"), Column("身份证号")), optional=(Column("金额"), Column("缴费日期")))
INJECTIONS = ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "\t=1", "\r=1", '=HYPERLINK("http://x")', "#N/A", "=", "'=1"]


def rows_of(path: Path) -> list[tuple]:
    with read_sheets(path) as book:
        return [row.cells for sheet in book.sheets for row in sheet.rows()]


def test_no_cell_of_an_xlsx_becomes_a_formula(tmp_path):
    path = tmp_path / "a.xlsx"
    write_xlsx(
        path, [OutSheet("名册", ["=备注", "身份证号"], [(text, text) for text in INJECTIONS], frozenset({"身份证号"}))]
    )

    book = load_workbook(path)
    cells = [cell for row in book.active.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value.strip() for cell in book.active["A"][1:]] == [text.strip() for text in INJECTIONS]
    assert all(cell.quotePrefix for cell in book.active["B"][1:9])
    book.close()


def test_no_cell_of_a_csv_begins_like_a_formula(tmp_path):
    path = tmp_path / "a.csv"
    write_csv(path, ["=备注"], [(text,) for text in INJECTIONS])

    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    cells = [row[0] for row in csv.reader(content.decode("utf-8-sig").splitlines(keepends=True)) if row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝", "\t", "\r"))]


@pytest.mark.parametrize("injection", [injection for injection in INJECTIONS if injection != "#N/A"])
def test_neutralised_text_is_read_back_as_it_was(tmp_path, injection):
    write_csv(tmp_path / "a.csv", ["备注", "姓名"], [(injection, "张三")])
    write_xlsx(tmp_path / "a.xlsx", [OutSheet("", ["备注"], [(injection,)])])

    for name in ("a.csv", "a.xlsx"):
        assert text(rows_of(tmp_path / name)[1][0], 50) == text(injection, 50)


def test_numbers_of_people_stay_text_and_values_keep_their_kind(tmp_path):
    row = ("430101199001010011", "0731", Decimal("250.50"), 3, date(2019, 12, 10), True, None, "张\x07三")
    headings = ["身份证号", "电话", "金额", "人数", "日期", "是否", "空", "姓名"]
    write_xlsx(tmp_path / "a.xlsx", [OutSheet("名册:一/二", headings, [row], frozenset({"身份证号", "电话"}))])

    book = load_workbook(tmp_path / "a.xlsx")
    sheet = book["名册 一 二"]
    assert [cell.value for cell in sheet[2]] == [
        "430101199001010011",
        "0731",
        250.5,
        3,
        sheet["E2"].value,
        True,
        None,
        "张三",
    ]
    assert [cell.number_format for cell in sheet[2]][:3] == ["@", "@", "0.00"]
    assert sheet.column_dimensions["A"].number_format == "@"
    assert sheet["E2"].is_date
    book.close()


def source_xlsx(path: Path) -> None:
    book = Workbook()
    sheet = book.active
    sheet.title = "柳树村"
    rows = [
        ["柳树村缴费名册"],
        [],
        ["民族", "姓名\n（必填）", "身份证号", "金额", "缴费日期"],
        ["汉", "张三", "430101199001010011", 250, date(2019, 12, 10)],
        ["苗", "李四", 430101199001010012, 250.5, "昨天"],
        ["汉", "=王五", "#N/A", None, None],
    ]
    for row in rows:
        sheet.append(row)
    sheet["B6"].data_type = "s"
    book.save(path)


def source_csv(path: Path) -> None:
    rows = [
        "柳树村缴费名册",
        "",
        "民族,姓名,身份证号,金额,缴费日期",
        "汉,张三,430101199001010011,250,2019-12-10",
        "苗,李四,4.30101E+17,250.5,昨天",
        "汉,=王五,#N/A,,",
    ]
    path.write_bytes("\r\n".join(rows).encode("gb18030"))


def source_xls(path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("柳树村")
    rows = {
        0: ["柳树村缴费名册"],
        2: ["民族", "姓名", "身份证号", "金额", "缴费日期"],
        3: ["汉", "张三", "430101199001010011", 250, "2019-12-10"],
        4: ["苗", "李四", 430101199001010012, 250.5, "昨天"],
        5: ["汉", "=王五", "#N/A"],
    }
    for number, row in rows.items():
        for at, cell in enumerate(row):
            sheet.write(number, at, cell)
    book.save(str(path))


def source_ods(path: Path) -> None:
    plain_ods(
        path,
        [ods_text("柳树村缴费名册")],
        [TableCell()],
        [ods_text(heading) for heading in ("民族", "姓名", "身份证号", "金额", "缴费日期")],
        [ods_text("汉"), ods_text("张三"), ods_text("430101199001010011"), TableCell(valuetype="float", value="250")],
        [
            ods_text("苗"),
            ods_text("李四"),
            TableCell(valuetype="float", value="430101199001010012"),
            TableCell(valuetype="float", value="250.5"),
            ods_text("昨天"),
        ],
        [ods_text("汉"), ods_text("=王五"), ods_text("#N/A")],
        name="柳树村",
    )


SOURCES = {".xlsx": source_xlsx, ".csv": source_csv, ".xls": source_xls, ".ods": source_ods}
REASONS = {5: "号码的末3位已丢失", 6: "姓名不对"}


@pytest.mark.parametrize("out", [".xlsx", ".csv", ".xls", ".ods"])
@pytest.mark.parametrize("source", SOURCES)
def test_refused_rows_go_back_as_the_same_sheet_with_a_reason(tmp_path, source, out):
    given, back = tmp_path / f"source{source}", tmp_path / f"rejects{out}"
    SOURCES[source](given)
    sheet = "" if source == ".csv" else "柳树村"

    write_rejects(given, back, {(sheet, row): reason for row, reason in REASONS.items()}, columns=COLUMNS)

    header, four, wang = rows_of(back)
    assert [heading.split()[0] for heading in header] == ["民族", "姓名", "身份证号", "金额", "缴费日期", "退回原因"]
    assert (four[0], four[1], money_fen(four[3]), four[4:]) == ("苗", "李四", 25050, ("昨天", "号码的末3位已丢失"))
    assert four[2] != "430101199001010012"
    assert (wang[0], text(wang[1], 50), wang[2:]) == ("汉", "=王五", (Fault("#N/A"), None, None, "姓名不对"))


@pytest.mark.parametrize("suffix", SOURCES)
def test_returned_rows_can_be_returned_again_with_one_reason(tmp_path, suffix):
    SOURCES[suffix](tmp_path / f"source{suffix}")
    sheet = "" if suffix == ".csv" else "柳树村"
    first, second = tmp_path / f"1{suffix}", tmp_path / f"2{suffix}"

    write_rejects(tmp_path / f"source{suffix}", first, {(sheet, 5): "旧原因"}, columns=COLUMNS)
    with read_sheets(first) as book:
        (record,) = read_records(book, COLUMNS)
    write_rejects(first, second, {(record.sheet, record.row): "新原因"}, columns=COLUMNS)

    header, row = rows_of(second)
    assert header.count("退回原因") == 1
    assert row[-1] == "新原因"
    assert "旧原因" not in row


def test_rows_of_several_sheets_go_back_to_their_sheets_or_below_each_other(tmp_path):
    book = Workbook()
    for name in ("柳树村", "杨树村", "槐树村"):
        sheet = book.create_sheet(name)
        sheet.append(["姓名", "身份证号"])
        sheet.append([f"{name}人", "1"])
    book.save(tmp_path / "a.xlsx")
    refused = {("柳树村", 2): "甲", ("杨树村", 2): "乙"}

    write_rejects(tmp_path / "a.xlsx", tmp_path / "b.xlsx", refused, columns=COLUMNS)
    write_rejects(tmp_path / "a.xlsx", tmp_path / "b.csv", refused, columns=COLUMNS)

    for name, sheets in (("b.xlsx", ["柳树村", "杨树村"]), ("b.csv", ["", ""])):
        with read_sheets(tmp_path / name) as back:
            assert [(record.sheet, record.values["姓名"]) for record in read_records(back, COLUMNS)] == [
                (sheets[0], "柳树村人"),
                (sheets[1], "杨树村人"),
            ]


def test_cells_beyond_the_header_go_back_too(tmp_path):
    (tmp_path / "a.csv").write_text("姓名,身份证号\n张三,1,旁注\n", encoding="utf-8")

    write_rejects(tmp_path / "a.csv", tmp_path / "b.csv", {("", 2): "不对"}, columns=COLUMNS)

    assert rows_of(tmp_path / "b.csv") == [("姓名", "身份证号", None, "退回原因"), ("张三", "1", "旁注", "不对")]


def test_nothing_refused_leaves_a_header_alone(tmp_path):
    (tmp_path / "a.csv").write_text("姓名,身份证号\n张三,1\n", encoding="utf-8")

    write_rejects(tmp_path / "a.csv", tmp_path / "b.csv", {}, columns=COLUMNS)

    assert rows_of(tmp_path / "b.csv") == [("姓名", "身份证号", "退回原因")]
