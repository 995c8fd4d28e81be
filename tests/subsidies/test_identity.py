"""Identity numbers by GB 11643."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subsidies.identity import (
    PATTERN,
    BadIdNumber,
    IdNumber,
    age_on,
    check_digit,
    mask,
    parse_id_number,
    upgrade_15,
)

TODAY = date(2019, 12, 10)
WOMAN = "11010519491231002X"


def number_for(born: date, serial: int = 1, area: str = "430101") -> str:
    first17 = f"{area}{born:%Y%m%d}{serial:03}"
    return first17 + check_digit(first17)


def test_a_number_tells_birth_date_and_sex():
    assert parse_id_number(WOMAN, today=TODAY) == IdNumber(WOMAN, date(1949, 12, 31), "女")


@pytest.mark.parametrize("area", ["412723", "342401", "810000", "820000", "830000", "000000", "999999"])
def test_no_address_code_is_refused(area):
    number = number_for(date(1980, 5, 6), area=area)

    assert parse_id_number(number, today=TODAY).number == number


@pytest.mark.parametrize(("kind", "level", "suffix"), [(1, 1, ""), (7, 4, ""), (4, 2, "B1")])
def test_a_disability_card_gives_number_kind_and_level(kind, level, suffix):
    card = f"{WOMAN}{kind}{level}{suffix}"

    assert parse_id_number(card, today=TODAY) == IdNumber(WOMAN, date(1949, 12, 31), "女", kind, level)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("110105194912310021", "第18位应为 X，请核对"),
        ("430101190002290019", "第7至14位“19000229”不是日历上有的出生日期"),
        ("430101199013010019", "第7至14位“19901301”不是日历上有的出生日期"),
        (number_for(TODAY + timedelta(days=1)), "出生日期 2019-12-11 还没有到"),
        (number_for(date(1850, 1, 1)), "已超过130年"),
        ("110105491231002", "15位旧号码，请改用18位：11010519491231002X"),
        ("110105491331002", "不是日历上有的出生日期"),
        ("1101051949123100", "应为18位，现在是16位"),
        ("", "没有填写身份证号"),
        ("11010519491231002x", "大写 X"),
        ("1101051949123100２X", "大写 X"),
        (WOMAN + "85", "既不是18位身份证号，也不是残疾人证号"),
        (WOMAN + "11C1", "既不是18位身份证号，也不是残疾人证号"),
        ("110105194912310021" + "11", "第18位应为 X，请核对"),
    ],
)
def test_a_wrong_number_is_refused_with_what_is_wrong(text, sentence):
    with pytest.raises(BadIdNumber) as refusal:
        parse_id_number(text, today=TODAY)

    assert sentence in str(refusal.value)


def test_born_today_is_a_person():
    assert parse_id_number(number_for(TODAY, serial=2), today=TODAY).birth_date == TODAY


BIRTHS = st.dates(min_value=date(1900, 1, 1), max_value=TODAY)


@given(BIRTHS, st.integers(0, 999), st.integers(0, 999_999))
def test_whatever_stands_in_a_number_is_read_from_it(born, serial, area):
    number = number_for(born, serial, f"{area:06}")

    assert parse_id_number(number, today=TODAY) == IdNumber(number, born, "男" if serial % 2 else "女")
    assert re.fullmatch(PATTERN, number)


@given(BIRTHS, st.integers(0, 999), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(born, serial, at, shift):
    number = number_for(born, serial)
    digit = "10" if number[at] == "X" else number[at]
    wrong = number[:at] + str((int(digit) + shift) % 10) + number[at + 1 :]

    if wrong != number:
        with pytest.raises(BadIdNumber):
            parse_id_number(wrong, today=TODAY)


@given(st.text(max_size=24))
def test_any_text_is_read_or_refused(text):
    assert complaint(text) or re.fullmatch(PATTERN, parse_id_number(text, today=TODAY).number)


def complaint(text):
    try:
        parse_id_number(text, today=TODAY)
    except BadIdNumber as refusal:
        return str(refusal)
    return ""


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(1999, 12, 31)), st.integers(0, 999))
def test_an_old_number_becomes_the_new_one(born, serial):
    number = number_for(born, serial)

    assert upgrade_15(number[:6] + number[8:17]) == number


@pytest.mark.parametrize(
    ("number", "masked"),
    [("430101199001011234", "4301**********1234"), ("E12345678", "E1*****78"), ("A12", "***"), ("", "")],
)
def test_the_middle_of_a_number_is_masked(number, masked):
    assert mask(number) == masked


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2000, 1, 1), date(2020, 1, 1), 20),
        (date(2000, 1, 2), date(2020, 1, 1), 19),
        (date(2000, 2, 29), date(2019, 2, 28), 18),
        (date(2000, 2, 29), date(2019, 3, 1), 19),
        (date(2020, 1, 1), date(2020, 1, 1), 0),
    ],
)
def test_age_is_counted_in_full_years(born, day, age):
    assert age_on(born, day) == age
