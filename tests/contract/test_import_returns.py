"""Units that hand in totals, not people: what they report, and what the district reads from it."""

from datetime import date, timedelta

import pytest
from django.utils.timezone import localdate

from enrollment.models import Return
from tests.contract.office import (
    FORMATS,
    business,
    counts,
    done,
    everything,
    places,
    rows_of,
    said_of,
    sheet,
    sheet_name,
    take_in,
)

pytestmark = pytest.mark.usefixtures("units")
COLUMNS = "单位 险种 截至日 登记人数 缴费人数 停缴人数"


@pytest.fixture
def units(db, tmp_path):
    done("open_office", "沿江区")
    rows = [["机床厂", "职工医保", 100], ["柳树社区", "居民医保", 50], ["师范学院", "大学生", 20]]
    done("import", "quotas", sheet(tmp_path, "单位 险种 任务数", *rows), "--year", 2020)


def kept() -> list[tuple[object, ...]]:
    columns = ("village__name", "scheme", "as_of", "registered", "paying", "stopped")
    return list(Return.objects.order_by("pk").values_list(*columns))


@pytest.mark.parametrize("ending", FORMATS)
def test_totals_go_in_from_every_format(tmp_path, ending):
    day = "2019-11-30" if ending.endswith("csv") else date(2019, 11, 30)
    rows = [["机床厂", "职工医保", day, 90, 80, 5], ["02", "居民医保", "2019年11月30日", "60", "1", "0"]]

    answer = take_in("returns", sheet(tmp_path, COLUMNS, *rows, ending=ending))

    assert answer.code == 0
    assert (counts(answer), answer.said["errors"]) == ({"new": 2}, [])
    assert kept() == [
        ("机床厂", "employee", date(2019, 11, 30), 90, 80, 5),
        ("柳树社区", "resident", date(2019, 11, 30), 60, 1, 0),
    ]


def test_the_latest_day_speaks_for_a_unit_and_a_correction_changes_it(tmp_path):
    first = sheet(
        tmp_path,
        COLUMNS,
        ["机床厂", "职工医保", "2019-11-30", 90, 80, 5],
        ["机床厂", "职工医保", "2019-10-31", 70, 60, 5],
    )
    assert counts(take_in("returns", first)) == {"new": 2}

    mended = sheet(
        tmp_path, COLUMNS, ["1", "职工医保", "2019-11-30", 95, 80, 5], ["机床厂", "职工医保", "2019-10-31", 70, 60, 5]
    )

    assert counts(take_in("returns", mended)) == {"changed": 1, "same": 1}
    (line,) = [x for x in done("report", "gaps", "--year", 2020)["lines"] if x["name"] == "机床厂"]
    assert line == {
        "code": "01",
        "name": "机床厂",
        "scheme": "employee",
        "target": 100,
        "registered": 95,
        "paying": 80,
        "stopped": 5,
        "gap_register": 5,
        "gap_pay": 20,
    }


TOMORROW = (localdate() + timedelta(days=1)).isoformat()
WRONG = {
    "no unit": (0, "", "单位", "没有填写单位。"),
    "unknown unit": (0, "钟表厂", "单位", "没有“钟表厂”这个单位，请核对名称，或先导入任务分配表。"),
    "unknown scheme": (1, "商业险", "险种", "没有“商业险”这个险种，请填居民医保、职工医保或大学生。"),
    "no day": (2, "", "截至日", "没有填写日期，请填写，例如 2019-12-10。"),
    "to come": (2, TOMORROW, "截至日", f"截至日{TOMORROW}还没有到，请核对。"),
    "no number": (3, "九十", "登记人数", "“九十”不是数目，请填写0或更大的整数。"),
    "negative": (4, "-1", "缴费人数", "“-1”不是数目，请填写0或更大的整数。"),
    "too many": (5, "11", "登记人数", "缴费80人与停缴11人之和超过登记90人，请核对。"),
}


@pytest.mark.parametrize(("at", "value", "column", "sentence"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("ending", ["utf-8.csv", "xlsx"])
def test_a_wrong_cell_refuses_its_row_and_no_other(tmp_path, at, value, column, sentence, ending):
    wrong = ["机床厂", "职工医保", "2019-11-30", "90", "80", "5"]
    wrong[at] = value

    answer = take_in(
        "returns", sheet(tmp_path, COLUMNS, ["柳树社区", "居民医保", "2019-11-30", 9, 8, 1], wrong, ending=ending)
    )

    assert (answer.code, counts(answer)) == (0, {"new": 1, "refused": 1})
    shown = "90" if column == "登记人数" and value == "11" else value
    assert answer.said["errors"] == [
        {"sheet": sheet_name(ending), "row": 3, "column": column, "value": shown, "message": sentence}
    ]


def test_a_unit_named_twice_differently_is_refused_both_times(tmp_path):
    rows = [["机床厂", "职工医保", "2019-11-30", 90, 80, 5], ["01", "职工医保", "2019-11-30", 90, 81, 5]]

    answer = take_in("returns", sheet(tmp_path, COLUMNS, *rows, ["师范学院", "大学生", "2019-11-30", 0, 0, 0]))

    assert counts(answer) == {"new": 1, "refused": 2}
    assert places(answer) == [(2, "单位", "机床厂"), (3, "单位", "01")]
    assert said_of(answer) == ["第2、3行是同一单位、险种和截至日，数字不同，请核对后只留一行。"] * 2


def test_the_same_file_again_changes_nothing(tmp_path):
    file = sheet(
        tmp_path,
        COLUMNS,
        ["机床厂", "职工医保", "2019-11-30", 90, 80, 5],
        ["钟表厂", "职工医保", "2019-11-30", 9, 8, 1],
    )
    first = take_in("returns", file)
    before = business()

    second = take_in("returns", file)

    assert (counts(first), counts(second)) == ({"new": 1, "refused": 1}, {"same": 1, "refused": 1})
    assert (first.said["seen_before"], second.said["seen_before"], second.code) == (False, True, 0)
    assert business() == before


def test_a_trial_leaves_no_trace_and_answers_as_the_import_does(tmp_path):
    file = sheet(
        tmp_path,
        COLUMNS,
        ["机床厂", "职工医保", "2019-11-30", 90, 80, 5],
        ["钟表厂", "职工医保", "2019-11-30", 9, 8, 1],
    )
    before = everything()

    trial = take_in("returns", file, "--dry-run")

    assert everything() == before
    assert take_in("returns", file) == trial


@pytest.mark.parametrize("ending", ["utf-8.csv", "xlsx", "xls", "ods"])
def test_refused_rows_come_back_and_go_in_mended(tmp_path, ending):
    rejects = tmp_path / f"rejects.{ending.split('.')[-1]}"
    rows = [["机床厂", "职工医保", "2019-11-30", 90, 80, 5], ["钟表厂", "居民医保", "2019-11-30", 9, 8, 1]]
    take_in("returns", sheet(tmp_path, COLUMNS, *rows, ending=ending), "--rejects", rejects)

    heading, back = rows_of(rejects)
    mended = ["柳树社区" if cell == "钟表厂" else cell for cell in back]

    assert heading == (*COLUMNS.split(), "退回原因")
    assert counts(take_in("returns", sheet(tmp_path, " ".join(map(str, heading)), mended, ending=ending))) == {"new": 1}


def test_a_file_that_cannot_be_read_or_is_empty_is_one_sentence(tmp_path):
    before = everything()

    empty = take_in("returns", sheet(tmp_path, COLUMNS))
    broken = take_in("returns", sheet(tmp_path, "单位 险种", ["机床厂", "职工医保"]))

    assert empty == (1, {"error": "表里没有数据行。"})
    assert (broken.code, list(broken.said)) == (1, ["error"])
    assert everything() == before
