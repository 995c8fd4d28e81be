"""What each kind of cell is read as, and the sentence where it cannot be."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.sheets.cells import (
    BadCell,
    Fault,
    calendar_date,
    count,
    digits_text,
    id_number_text,
    is_blank,
    money_fen,
    month,
    name_warning,
    person_name,
    same_name,
    shown,
    text,
    yes_no,
)

DAY = date(2019, 12, 10)
LOST = "该列不是文本，末3位已丢失，请把该列设为文本格式后重新填写号码"


def read_text(cell):
    return text(cell, 20)


READ = [
    (read_text, None, ""),
    (read_text, "  柳树村\u00a0", "柳树村"),
    (read_text, "\ufeff柳\u200b树村", "柳树村"),
    (read_text, "ＡＢ１２（村）", "AB12(村)"),
    (read_text, "甲\n乙", "甲 乙"),
    (read_text, "'=甲", "=甲"),
    (read_text, 12.0, "12"),
    (read_text, 12.5, "12.5"),
    (read_text, DAY, "2019-12-10"),
    (digits_text, 13800138000.0, "13800138000"),
    (digits_text, 7, "7"),
    (digits_text, "007", "007"),
    (digits_text, " １３８ ", "138"),
    (digits_text, "3组", "3组"),
    (digits_text, None, ""),
    (id_number_text, "43010119900101001x", "43010119900101001X"),
    (id_number_text, "４３０１０１ 19900101\u00a0001Ｘ", "43010119900101001X"),
    (id_number_text, "'430101199001010011", "430101199001010011"),
    (id_number_text, "\ufeff4301\u200b01199001010011", "430101199001010011"),
    (id_number_text, None, ""),
    (person_name, "张三", "张三"),
    (person_name, " 张　三 ", "张 三"),
    (person_name, "买买提·吐尔逊", "买买提·吐尔逊"),
    (person_name, "买买提•吐尔逊", "买买提•吐尔逊"),
    (person_name, "㼆䶮\U00020bb7", "㼆䶮\U00020bb7"),
    (person_name, "〇一", "〇一"),
    (person_name, "Zoë Smith", "Zoë Smith"),
    (person_name, "张\ue863", "张\ue863"),
    (money_fen, "250", 25000),
    (money_fen, 250, 25000),
    (money_fen, 250.0, 25000),
    (money_fen, Decimal("250.50"), 25050),
    (money_fen, "250.00元", 25000),
    (money_fen, "1,250.5", 125050),
    (money_fen, "￥250", 25000),
    (money_fen, "¥ 1，250.50 元", 125050),
    (money_fen, "２５０．５", 25050),
    (money_fen, "0", 0),
    (money_fen, 0.1 + 0.2, 30),
    (money_fen, 19.99, 1999),
    (calendar_date, DAY, DAY),
    (calendar_date, datetime.fromisoformat("2019-12-10T23:59:00"), DAY),
    (calendar_date, 43809, DAY),
    (calendar_date, 43809.75, DAY),
    (calendar_date, 20191210, DAY),
    (calendar_date, 20191210.0, DAY),
    (calendar_date, "2019-12-10", DAY),
    (calendar_date, "2019/12/10", DAY),
    (calendar_date, "2019.12.10", DAY),
    (calendar_date, "20191210", DAY),
    (calendar_date, "2019年12月10日", DAY),
    (calendar_date, "2019-12-10 08:30:00", DAY),
    (calendar_date, "2019-12-10T08:30:00.000", DAY),
    (calendar_date, "20191210083000", DAY),
    (calendar_date, "２０１９－１２－１０", DAY),
    (calendar_date, "2019-1-5", date(2019, 1, 5)),
    (calendar_date, "2020-02-29", date(2020, 2, 29)),
    (month, "2019-12", date(2019, 12, 1)),
    (month, "2019/1", date(2019, 1, 1)),
    (month, "201912", date(2019, 12, 1)),
    (month, 201912.0, date(2019, 12, 1)),
    (month, "2019年12月", date(2019, 12, 1)),
    (month, "2019年1月份", date(2019, 1, 1)),
    (month, DAY, date(2019, 12, 1)),
    (month, 43809, date(2019, 12, 1)),
    (month, "2019-12-10", date(2019, 12, 1)),
    (yes_no, "是", True),
    (yes_no, "√", True),
    (yes_no, True, True),
    (yes_no, 1.0, True),
    (yes_no, "否", False),
    (yes_no, None, False),
    (yes_no, " ", False),
    (count, 12.0, 12),
    (count, "1,234", 1234),
    (count, "１２", 12),
    (count, 0, 0),
    (count, "12.0", 12),
]


@pytest.mark.parametrize(("read", "cell", "value"), READ)
def test_a_cell_is_read(read, cell, value):
    assert read(cell) == value


REFUSED = [
    (read_text, "张\u202e三", "改变文字方向的控制符"),
    (read_text, "张\x07三", "看不见的控制字符"),
    (read_text, "甲" * 21, "内容有 21 个字，最多 20 个字"),
    (read_text, Fault("#DIV/0!"), "错误值 #DIV/0!"),
    (read_text, Fault(""), "没有算出结果的公式"),
    (digits_text, 12.5, "“12.5”不是整数"),
    (digits_text, "1.38E+10", "科学计数"),
    (digits_text, 6.2e18, "数字超过15位"),
    (digits_text, date(2019, 3, 1), "被识别成了日期"),
    (id_number_text, 4.30101e17, LOST),
    (id_number_text, 430101199001011, LOST),
    (id_number_text, "4.30101E+17", LOST),
    (id_number_text, "4.30101e+17", LOST),
    (id_number_text, True, LOST),
    (id_number_text, Fault("#REF!"), "错误值 #REF!"),
    (id_number_text, Fault(""), "公式"),
    (id_number_text, "4301\u202e01", "改变文字方向的控制符"),
    (person_name, 123.0, "“123”不是姓名"),
    (person_name, "张三1", "请删去“1”"),
    (person_name, "<script>", "请删去“<>”"),
    (person_name, "{{7*7}}", "姓名里只能有"),
    (person_name, "=张三", "请删去“=”"),
    (person_name, "张\u202e三", "改变文字方向的控制符"),
    (person_name, "张" * 51, "最多 50 个字"),
    (money_fen, None, "没有填写金额"),
    (money_fen, -1, "小于0"),
    (money_fen, "-250", "小于0"),
    (money_fen, "－250", "小于0"),
    (money_fen, float("nan"), "不是合理的金额"),
    (money_fen, float("inf"), "不是合理的金额"),
    (money_fen, 1e308, "不是合理的金额"),
    (money_fen, "四百", "“四百”不是金额"),
    (money_fen, "NaN", "不是金额"),
    (money_fen, "1e3", "不是金额"),
    (money_fen, "12,50", "不是金额"),
    (money_fen, "400.005", "多于两位小数"),
    (money_fen, 400.005, "多于两位小数"),
    (money_fen, True, "不是金额"),
    (money_fen, DAY, "不是金额"),
    (money_fen, Fault("#N/A"), "错误值 #N/A"),
    (calendar_date, None, "没有填写日期"),
    (calendar_date, "2019-02-29", "不是日历上有的日期"),
    (calendar_date, "2019-13-01", "不是日历上有的日期"),
    (calendar_date, "1899-12-31", "不在1900年到2100年之间"),
    (calendar_date, "2101-01-01", "不在1900年到2100年之间"),
    (calendar_date, "12/10/2019", "不是日期"),
    (calendar_date, "2019-12/10", "不是日期"),
    (calendar_date, "去年", "不是日期"),
    (calendar_date, 2019, "不是日期"),
    (calendar_date, -5, "不是日期"),
    (calendar_date, 1e300, "数字超过15位"),
    (calendar_date, float("nan"), "数字超过15位"),
    (calendar_date, True, "不是日期"),
    (month, 2019.1, "分不清是哪个月"),
    (month, "2019-13", "不是日历上有的日期"),
    (month, "12月", "不是月份"),
    (month, None, "没有填写月份"),
    (yes_no, "也许", "不是“是”或“否”"),
    (count, None, "没有填写数目"),
    (count, -1, "不是数目"),
    (count, 1.5, "不是数目"),
    (count, "一百", "不是数目"),
    (count, 10**12, "不是合理的数目"),
]


@pytest.mark.parametrize(("read", "cell", "sentence"), REFUSED)
def test_a_cell_is_refused_with_a_sentence(read, cell, sentence):
    with pytest.raises(BadCell) as refusal:
        read(cell)

    assert sentence in str(refusal.value)


CELLS = st.none() | st.text() | st.integers() | st.floats() | st.booleans() | st.dates() | st.datetimes()
READERS = (read_text, digits_text, id_number_text, person_name, money_fen, calendar_date, month, yes_no, count)


@given(st.sampled_from(READERS), CELLS)
def test_whatever_stands_in_a_cell_is_read_or_refused(read, cell):
    assert complaint(read, cell)


def complaint(read, cell):
    try:
        read(cell)
    except BadCell as refusal:
        return str(refusal)
    return "none"


@given(st.integers(min_value=0, max_value=10**11 - 1))
def test_every_whole_fen_survives_a_sheet(fen):
    assert money_fen(fen / 100) == money_fen(f"{fen // 100}.{fen % 100:02}") == fen


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("买买提·吐尔逊", "买买提•吐尔逊"),
        ("买买提·吐尔逊", "买买提．吐尔逊"),
        ("买买提·吐尔逊", "买买提 ・ 吐尔逊"),
        ("张三", "张　三"),
        ("Anna Smith", "ＡＮＮＡＳＭＩＴＨ"),
    ],
)
def test_spellings_of_one_name_are_the_same(one, other):
    assert same_name(one, other)


def test_other_names_differ():
    assert not same_name("张三", "张叁")
    assert not same_name("买买提·吐尔逊", "买买提吐尔逊")


def test_characters_of_private_make_are_kept_with_a_warning():
    assert name_warning("张\ue863").startswith("姓名里有自造字")
    assert name_warning("张㼆") == ""


def test_cells_are_shown_as_their_owner_sees_them():
    cells = [None, "甲", 250.0, 12.5, True, DAY, Fault("#N/A"), Fault(""), float("inf")]

    assert [shown(cell) for cell in cells] == ["", "甲", "250", "12.5", "TRUE", "2019-12-10", "#N/A", "（公式）", "inf"]


@pytest.mark.parametrize(
    ("cell", "blank"), [(None, True), ("\u200b \u00a0", True), ("", True), (0, False), (Fault(""), False)]
)
def test_blank_is_what_nobody_can_see(cell, blank):
    assert is_blank(cell) is blank
