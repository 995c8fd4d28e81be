"""The header is found under titles, its headings are known by many names, and nothing is guessed."""

import pytest
from openpyxl import Workbook

from accounts.sheets.headers import BadHeader, Column, Columns, Record, heading_key, read_records, unpivot
from accounts.sheets.reading import read_sheets

NAME = Column("姓名", ("参保人姓名",))
NUMBER = Column("身份证号", ("身份证号码", "公民身份号码"))
VILLAGE = Column("村(社区)", ("村名", "行政村"))
COLUMNS = Columns(required=(NAME, NUMBER), optional=(VILLAGE, Column("金额")))


@pytest.fixture
def records_of(tmp_path):
    """Rows of a CSV → its records as a list, and their notes."""

    def read(*rows, columns=COLUMNS):
        path = tmp_path / "a.csv"
        path.write_text("\n".join(rows), encoding="utf-8")
        with read_sheets(path) as book:
            records = read_records(book, columns)
            return list(records), records.notes

    return read


def test_titles_above_the_header_are_skipped(records_of):
    records, notes = records_of("柳树村2020年度名册", "单位：柳树村,,填表人：王五", "", "姓名,身份证号", "张三,1")

    assert records == [Record("", 5, {"姓名": "张三", "身份证号": "1"}, ("张三", "1"))]
    assert notes == ()


@pytest.mark.parametrize(
    "heading",
    [
        "身份证号",
        "★身份证号*",
        "身份证号码",
        "身份证号（必填）",
        "身份证号(18位)",
        "身 份 证 号",
        "身份\u200b证号",
        '"身份\n证号"',
        "公民身份号码：",
    ],
)
def test_a_heading_is_known_however_it_is_dressed(records_of, heading):
    (record,), _ = records_of(f"姓名,{heading}", "张三,1")

    assert record.values == {"姓名": "张三", "身份证号": "1"}


@pytest.mark.parametrize("heading", ["村(社区)", "村（社区）", "村/社区", "村名", "行政村"])
def test_brackets_of_either_width_and_other_names_are_one_column(records_of, heading):
    (record,), _ = records_of(f"姓名,身份证号,{heading}", "张三,1,柳树村")

    assert record.values["村(社区)"] == "柳树村"


def test_a_bracket_that_names_somebody_else_is_another_column(records_of):
    (record,), notes = records_of("姓名,身份证号,身份证号(监护人)", "张三,1,2")

    assert record.values["身份证号"] == "1"
    assert notes == ("第1行（表头）里有不认识的列，没有使用：身份证号(监护人)。",)


def test_a_short_row_has_empty_cells_and_unknown_columns_stay_in_the_raw_row(records_of):
    (record,), notes = records_of("序号,姓名,身份证号,金额,民族", "1,张三", columns=COLUMNS)

    assert record == Record("", 2, {"姓名": "张三", "身份证号": None, "金额": None}, ("1", "张三"))
    assert notes == ("第1行（表头）里有不认识的列，没有使用：序号、民族。",)


def test_a_missing_column_is_named_beside_those_found(records_of):
    with pytest.raises(BadHeader) as refusal:
        records_of("名册", "姓名,村名", "张三,柳树村")

    assert str(refusal.value) == (
        "第2行像是表头，找到了：姓名、村(社区)；缺少：身份证号。"
        "请补上缺少的列（“身份证号”也可写作身份证号码、公民身份号码）。"
    )


def test_a_file_without_header_is_refused(records_of):
    with pytest.raises(BadHeader) as refusal:
        records_of("张三,430101", "李四,430102")

    assert str(refusal.value) == "没有找到表头：前20行里应有一行写着这些列名：姓名、身份证号。"


def test_two_columns_for_one_field_are_refused(records_of):
    with pytest.raises(BadHeader) as refusal:
        records_of("姓名,身份证号,参保人姓名", "张三,1,李四")

    assert str(refusal.value) == "第1行（表头）有 2 列都是“姓名”：A列“姓名”、C列“参保人姓名”。请只留一列。"


def test_a_header_printed_again_on_the_next_page_is_skipped_and_announced(records_of):
    records, notes = records_of("姓名,身份证号", "张三,1", "姓名,身份证号", "李四,2")

    assert [record.row for record in records] == [2, 4]
    assert notes == ("第3行又是一行表头，已跳过。",)


def test_the_reason_column_of_a_returned_sheet_is_ignored(records_of):
    (record,), notes = records_of("姓名,身份证号,退回原因", "张三,1,第18位应为 X")

    assert record.values == {"姓名": "张三", "身份证号": "1"}
    assert notes == ()


def test_a_heading_once_taught_is_known(records_of):
    taught = COLUMNS.with_aliases({"人员名称": "姓名", "身份号": "身份证号"})

    (record,), _ = records_of("人员名称,身份号", "张三,1", columns=taught)

    assert record.values == {"姓名": "张三", "身份证号": "1"}


def test_columns_that_share_a_heading_are_a_mistake_of_the_programmer():
    with pytest.raises(ValueError, match="姓 名"):
        Columns(required=(Column("姓名"), Column("户主", ("姓 名",))))


def test_every_sheet_with_the_header_is_read_and_the_others_are_announced(tmp_path):
    book = Workbook()
    for name, rows in {
        "柳树村": [["姓名", "身份证号"], ["张三", "1"]],
        "说明": [["填表说明"]],
        "半张": [["姓名"], ["王五"]],
    }.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book["Sheet"].append(["名册"])
    for row in (["姓名", "身份证号"], ["李四", "2"]):
        book["Sheet"].append(row)
    book.save(tmp_path / "a.xlsx")

    with read_sheets(tmp_path / "a.xlsx") as read:
        records = read_records(read, COLUMNS)
        assert [(record.sheet, record.row, record.values["姓名"]) for record in records] == [
            ("Sheet", 3, "李四"),
            ("柳树村", 2, "张三"),
        ]
    assert records.notes == (
        "工作表“说明”里没有找到表头：前20行里应有一行写着这些列名：姓名、身份证号。这张工作表没有读取。",
        "工作表“半张”第1行像是表头，找到了：姓名；缺少：身份证号。"
        "请补上缺少的列（“身份证号”也可写作身份证号码、公民身份号码）。这张工作表没有读取。",
    )


PAIRS = Columns(
    required=(Column("姓名", repeatable=True), Column("身份证号", ("证件号码",), repeatable=True)), optional=(VILLAGE,)
)


@pytest.mark.parametrize(
    "header",
    [
        "村名,姓名,身份证号,姓名,身份证号,姓名,身份证号",
        "村名,姓名1,身份证号1,姓名2,身份证号2,姓名3,身份证号3",
        "村名,姓名,证件号码,成员1姓名,成员1证件号码,家庭成员二姓名,家庭成员二身份证号",
    ],
)
def test_a_row_that_holds_a_household_becomes_a_record_for_each_person(records_of, header):
    records, _ = records_of(header, "柳树村,张三,1,李四,2", "柳树村", "杨树村,,,王五,,赵六,6", columns=PAIRS)

    assert [(record.row, *record.values.values()) for record in unpivot(records)] == [
        (2, "柳树村", "张三", "1"),
        (2, "柳树村", "李四", "2"),
        (3, "柳树村", None, None),
        (4, "杨树村", "王五", None),
        (4, "杨树村", "赵六", "6"),
    ]


def test_a_record_without_repeated_columns_passes_unchanged(records_of):
    records, _ = records_of("姓名,身份证号", "张三,1", columns=PAIRS)

    assert list(unpivot(records)) == records


def test_pairs_that_are_not_pairs_are_refused(records_of):
    with pytest.raises(BadHeader, match="“姓名”2 列、“身份证号”1 列"):
        records_of("姓名1,身份证号1,姓名2", "张三,1,李四", columns=PAIRS)


def test_keys_of_headings_ignore_width_case_and_decoration():
    assert heading_key("★ ＩＤ　号（证件）*") == heading_key("id号[证件]") == "id号证件"
