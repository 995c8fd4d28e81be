"""The 任务分配表 as a township hands it in: its numbers become quotas, its villages places."""

import pytest

from tests.contract.office import (
    FORMATS,
    business,
    counts,
    done,
    everything,
    manage,
    places,
    rows_of,
    said_of,
    sheet,
    sheet_name,
    take_in,
)
from villages.models import Quota, Scheme, Village

# 附件1 of the 2020 notice.
ANNEX = [
    ("第一村", 2931, 2787, 23, 2810),
    ("第二村", 4998, 4529, 37, 4566),
    ("第三村", 5808, 5143, 43, 5186),
    ("第四村", 3421, 3167, 25, 3192),
    ("第五村", 5954, 5705, 47, 5752),
    ("第六村", 3168, 2979, 24, 3003),
    ("第七村", 4579, 4329, 36, 4365),
    ("第八村", 4957, 4839, 39, 4878),
    ("第九村", 2252, 2115, 20, 2135),
    ("第十村", 5723, 5426, 45, 5471),
    ("第十一村", 6229, 5849, 48, 5897),
    ("第十二村", 3650, 3303, 27, 3330),
    ("杨柳社区", 1483, 405, 15, 420),
]
TOTAL = ("合计", 55153, 50576, 429, 51005)
HEADINGS = "村(社区) 户籍人口数 上年任务数 预计净增数 任务数"
AS_PRINTED = "村名 2019年派出所户籍人口数 2019年目标任务数 2020年预计净增数 2020年目标任务数"


@pytest.fixture
def office(db):
    done("open_office", "杨柳镇")


def quotas() -> list[tuple[object, ...]]:
    columns = ("village__code", "village__name", "scheme", "hukou", "previous", "net_increase", "target")
    return list(Quota.objects.order_by("village__code", "scheme").values_list(*columns))


@pytest.mark.parametrize("ending", FORMATS)
def test_annex_1_goes_in_whole_from_every_format(office, tmp_path, ending):
    file = sheet(tmp_path, HEADINGS, *ANNEX, TOTAL, ending=ending)

    answer = take_in("quotas", file)

    assert answer.code == 0
    assert (answer.said["read"], counts(answer), answer.said["errors"]) == (13, {"new": 13}, [])
    assert quotas() == [(f"{n:02d}", row[0], "resident", *row[1:]) for n, row in enumerate(ANNEX, 1)]
    assert Village.objects.get(name="杨柳社区").kind == Village.Kind.COMMUNITY
    total = done("report", "progress", "--year", 2020)["total"]
    assert (total["hukou"], total["quota"]) == (55153, 51005)


def test_the_headings_and_the_title_of_the_printed_annex_are_known(office, tmp_path):
    file = sheet(tmp_path, AS_PRINTED, *ANNEX, TOTAL, above=[["附件1"], ["2020年度任务分配表"]], ending="xlsx")

    assert counts(take_in("quotas", file)) == {"new": 13}
    assert quotas()[12] == ("13", "杨柳社区", "resident", 1483, 405, 15, 420)


def test_the_same_file_again_changes_nothing(office, tmp_path):
    file = sheet(tmp_path, HEADINGS, *ANNEX, TOTAL)
    first = take_in("quotas", file)
    before = business()

    second = take_in("quotas", file)

    assert (first.said["seen_before"], second.said["seen_before"]) == (False, True)
    assert second.said["sha256"] == first.said["sha256"]
    assert (second.code, counts(second)) == (0, {"same": 13})
    assert business() == before


def test_changed_numbers_change_and_absent_villages_stay(office, tmp_path):
    take_in("quotas", sheet(tmp_path, HEADINGS, *ANNEX))

    answer = take_in(
        "quotas", sheet(tmp_path, HEADINGS, ("第一村", 2931, 2787, 23, 2810), ("02", 4998, 4529, 40, 4569))
    )

    assert counts(answer) == {"changed": 1, "same": 1}
    assert Quota.objects.count() == 13
    assert quotas()[1] == ("02", "第二村", "resident", 4998, 4529, 40, 4569)


def test_a_trial_leaves_no_trace_and_answers_as_the_import_does(office, tmp_path):
    file = sheet(tmp_path, HEADINGS, *ANNEX, ("第十四村", 10, 10, 1, 12))
    before = everything()

    trial = take_in("quotas", file, "--dry-run")

    assert everything() == before
    assert take_in("quotas", file) == trial


@pytest.mark.parametrize("ending", ["utf-8.csv", "xlsx"])
def test_a_total_that_is_not_the_sum_is_refused(office, tmp_path, ending):
    file = sheet(tmp_path, HEADINGS, *ANNEX, ("合 计", 55153, 50576, 429, 51006), ending=ending)

    answer = take_in("quotas", file)

    assert (answer.code, counts(answer)) == (0, {"new": 13, "refused": 1})
    assert answer.said["errors"] == [
        {
            "sheet": sheet_name(ending),
            "row": 15,
            "column": "任务数",
            "value": "51006",
            "message": "合计行的任务数是51006，各行之和是51005，请核对。",
        }
    ]


def test_a_total_may_stand_under_the_running_number(office, tmp_path):
    file = sheet(tmp_path, "序号 村(社区) 任务数", (1, "柳树村", 3), (2, "桃树村", 2), ("合计", None, 5), ending="xlsx")

    assert counts(take_in("quotas", file)) == {"new": 2}


@pytest.mark.parametrize("ending", FORMATS)
def test_each_refused_row_says_where_and_why(office, tmp_path, ending):
    file = sheet(
        tmp_path,
        HEADINGS,
        ("第一村", 2931, 2787, 23, 2811),
        (None, 10, 5, 5, 10),
        ("第三村", "约五千", 5143, 43, 5186),
        ("第四村", 3421, 3167, 25, 3192),
        ("第五村", 5954, None, None, None),
        above=[["2020年任务"], [None]],
        ending=ending,
    )

    answer = take_in("quotas", file)

    assert (answer.code, counts(answer)) == (0, {"new": 1, "refused": 4})
    assert places(answer) == [
        (4, "任务数", "2811"),
        (5, "村(社区)", ""),
        (6, "户籍人口数", "约五千"),
        (8, "任务数", ""),
    ]
    assert {error["sheet"] for error in answer.said["errors"]} == {sheet_name(ending)}
    assert said_of(answer)[0] == "上年任务数2787与预计净增数23之和是2810，与任务数2811不符。"


def test_a_village_named_twice_differently_is_refused_both_times(office, tmp_path):
    take_in("quotas", sheet(tmp_path, "村(社区) 任务数", ("柳树村", 3)))

    answer = take_in(
        "quotas", sheet(tmp_path, "村(社区) 任务数", ("柳树村", 4), ("01", 5), ("桃树村", 2), ("桃树村", 2))
    )

    assert counts(answer) == {"new": 1, "same": 1, "refused": 2}
    assert places(answer) == [(2, "村(社区)", "柳树村"), (3, "村(社区)", "01")]
    assert "第2、3行" in said_of(answer)[0]
    assert quotas()[0][-1] == 3


def test_each_scheme_has_its_own_quota(office, tmp_path):
    rows = [("城关小学", "居民医保", 50), ("城关小学", "大学生", 20), ("城关小学", "", 50), ("机床厂", "职工医保", 90)]

    answer = take_in("quotas", sheet(tmp_path, "单位 险种 任务数", *rows, ("卫生院", "商业险", 1)))

    assert counts(answer) == {"new": 3, "same": 1, "refused": 1}
    assert places(answer) == [(6, "险种", "商业险")]
    assert sorted(Quota.objects.values_list("village__name", "scheme", "target")) == [
        ("城关小学", Scheme.RESIDENT, 50),
        ("城关小学", Scheme.STUDENT, 20),
        ("机床厂", Scheme.EMPLOYEE, 90),
    ]


def test_a_village_s_code_is_the_sheet_s_or_the_next_free_one(office, tmp_path):
    take_in(
        "quotas", sheet(tmp_path, "村(社区) 代码 任务数", ("柳树村", "", 3), ("桃树村", "01", 2), ("李树村", "", 2))
    )

    assert list(Village.objects.values_list("code", "name")) == [("01", "桃树村"), ("02", "柳树村"), ("03", "李树村")]


def test_a_code_that_belongs_to_another_village_is_refused(office, tmp_path):
    take_in("quotas", sheet(tmp_path, "村(社区) 代码 任务数", ("柳树村", "01", 3)))

    answer = take_in(
        "quotas", sheet(tmp_path, "村(社区) 代码 任务数", ("桃树村", "01", 2), ("李树村", "07", 2), ("杏树村", "07", 2))
    )

    assert counts(answer) == {"new": 1, "refused": 2}
    assert places(answer) == [(2, "代码", "01"), (4, "代码", "07")]
    assert said_of(answer)[0] == "代码01是柳树村的，请核对。"
    assert [(name, target) for _, name, _, *_, target in quotas()] == [("柳树村", 3), ("李树村", 2)]


@pytest.mark.parametrize("ending", ["utf-8.csv", "gb18030.csv", "xlsx", "xls", "ods"])
def test_refused_rows_come_back_mended(office, tmp_path, ending):
    file = sheet(tmp_path, HEADINGS, *ANNEX[:2], ("第三村", 5808, 5143, 43, 5187), ending=ending)
    rejects = tmp_path / f"rejects.{ending.split('.')[-1]}"
    take_in("quotas", file, "--rejects", rejects)

    heading, row = rows_of(rejects)
    mended = sheet(tmp_path, " ".join(map(str, heading)), (*row[:4], 5186, row[5]), ending=ending)

    assert heading == (*HEADINGS.split(), "退回原因")
    assert row[-1] == "上年任务数5143与预计净增数43之和是5186，与任务数5187不符。"
    assert counts(take_in("quotas", mended)) == {"new": 1}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "文件是空的（0 字节），请重新导出后再导入。"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", None),
        ("村(社区),户籍人口数\n柳树村,4\n".encode(), None),
        ("村(社区),任务数\n".encode(), "表里没有数据行。"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(office, tmp_path, content, sentence):
    file = tmp_path / "quotas.csv"
    file.write_bytes(content)
    before = everything()

    answer = take_in("quotas", file)

    assert answer.code == 1
    assert list(answer.said) == ["error"]
    assert sentence in (None, answer.said["error"])
    assert everything() == before


def test_a_file_that_is_not_there_is_told(office):
    assert manage("import", "quotas", "nowhere.csv", "--year", 2020) == (1, {"error": "没有这个文件：nowhere.csv"})


def test_when_no_row_can_be_applied_the_exit_code_says_so(office, tmp_path):
    answer = take_in("quotas", sheet(tmp_path, HEADINGS, ("第一村", 2931, 2787, 23, 2811)))

    assert (answer.code, counts(answer)) == (1, {"refused": 1})
    assert Village.objects.count() == 0
