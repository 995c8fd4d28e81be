"""The household roll as villages hand it in: who is the same person, the same household, and who is listed."""

from datetime import date, timedelta

import pytest
from django.utils.timezone import localdate

from enrollment.models import Enrollment, Household, Person
from subsidies.identity import check_digit
from tests.contract.office import (
    CHEN,
    FORMATS,
    LI,
    WANG,
    ZHANG,
    ZHAO,
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
from tests.makers import id_number

pytestmark = pytest.mark.usefixtures("town", "villages")
COLUMNS = "村(社区) 组 户号 户主 与户主关系 姓名 证件类型 身份证号 联系电话 参保依据 外出务工 预产期 备注"
FIELDS = ["village", "group", "household", "head", "relation", "name", "kind", "number"]
FIELDS += ["phone", "grounds", "migrant", "expected", "remark"]
OLD_15 = ZHANG[:6] + ZHANG[8:17]


def row(name: str, number: str | None = None, relation: str | None = "户主", **cells: object) -> list[object]:
    """A line of the roll; of 柳树村 and household 1 unless it says otherwise."""
    given = {"village": "柳树村", "household": "1", "relation": relation, "name": name, "number": number, **cells}
    return [given.get(field) for field in FIELDS]


def population(folder, *rows, ending="utf-8.csv", columns=COLUMNS):
    return sheet(folder, columns, *rows, ending=ending)


def listed(village: str = "01", year: int = 2020) -> list[dict[str, object]]:
    """The village's visit list, which shows everybody who has not paid."""
    return done("report", "unpaid", "--year", year, "--village", village)["people"]


def names(village: str = "01") -> list[str]:
    return [person["name"] for person in listed(village)]


def checked(first17: str) -> str:
    return first17 + check_digit(first17)


def member(**cells: object) -> dict[str, object]:
    usual = {"group": "", "household": "1", "householder": "张三", "phone": "", "due": "250.00", "is_migrant": False}
    return {**usual, "stage": "listed", **cells}


@pytest.mark.parametrize("ending", FORMATS)
def test_households_go_in_from_every_format(tmp_path, ending):
    file = population(
        tmp_path,
        row("张三", ZHANG, group=3, household=1, phone=13800000000, migrant="是"),
        row("李四", LI, "妻", group="3组", household=1, head="张三", grounds="居住证", remark="外省户籍"),
        row("王五", WANG, village="02", group="第3组", household="A-1"),
        ending=ending,
    )

    answer = take_in("population", file)

    assert answer.code == 0
    assert (counts(answer), answer.said["errors"]) == ({"new": 3}, [])
    zhang = {"relation": "户主", "name": "张三", "number": ZHANG, "phone": "13800000000", "is_migrant": True}
    assert listed() == [
        member(**zhang, group="第3组"),
        member(relation="妻", name="李四", number=LI, group="第3组"),
    ]
    assert listed("02") == [
        member(relation="户主", name="王五", number=WANG, group="第3组", household="A-1", householder="王五")
    ]
    assert Enrollment.objects.get(person__number=LI).grounds == "居住证"
    assert [v["listed"] for v in done("report", "progress", "--year", 2020)["villages"]] == [2, 1]


@pytest.mark.parametrize(
    "columns",
    [
        "村名 村民小组 户编号 户主姓名 关系 人员姓名 证件类别 身份证号码 手机号码 参保类型 是否外出务工 预计出生日期 说明",
        "行政村 小组 户口编号 户主 家庭关系 参保人姓名 证件种类 公民身份号码 联系方式 依据 务工 预产期 备注",
        "村(社区)★ 组 户号 户主 与户主的关系 姓名(必填) 证件类型 身份证 电话 人员类型 外出务工(是/否) 预产期 备注",
    ],
)
def test_headings_vary_from_office_to_office(tmp_path, columns):
    assert counts(take_in("population", population(tmp_path, row("张三", ZHANG), columns=columns))) == {"new": 1}


@pytest.mark.parametrize("ending", ["xlsx", "xls", "ods"])
def test_a_number_cell_has_lost_its_last_digits_and_is_refused(tmp_path, ending):
    answer = take_in("population", population(tmp_path, row("张三", int(ZHANG[:17] + "0")), ending=ending))

    assert (answer.code, counts(answer)) == (1, {"refused": 1})
    assert answer.said["errors"] == [
        {
            "sheet": sheet_name(ending),
            "row": 2,
            "column": "身份证号",
            "value": answer.said["errors"][0]["value"],
            "message": "该列不是文本，末3位已丢失，请把该列设为文本格式后重新填写号码。",
        }
    ]


CLEANED = {
    "lower x": "{x}",
    "full width": "{wide}",
    "blanks": " {six} {rest} ",
    "no-break space": "\u00a0{number}\u00a0",
    "zero width": "\u200b{six}\u200d{rest}\ufeff",
    "leading quote": "'{number}",
    "line break": "{six}\n{rest}",
}


@pytest.mark.parametrize("written", CLEANED.values(), ids=CLEANED)
def test_what_nobody_can_see_in_a_number_does_not_count(tmp_path, written):
    number = next(n for serial in range(1, 99) if (n := id_number(date(1970, 1, 1), serial)).endswith("X"))
    wide = number.translate({code: code + 0xFEE0 for code in range(0x30, 0x5B)})
    text = written.format(x=number.lower(), wide=wide, number=number, six=number[:6], rest=number[6:])

    assert counts(take_in("population", population(tmp_path, row("张三", text), ending="xlsx"))) == {"new": 1}
    assert listed()[0]["number"] == number


TOMORROW = localdate() + timedelta(days=1)
WRONG_NUMBERS = {
    "15 digits": (OLD_15, f"15位旧号码，请改用18位：{ZHANG}。"),
    "scientific": ("4.39901E+17", "该列不是文本，末3位已丢失，请把该列设为文本格式后重新填写号码。"),
    "check digit": (ZHANG[:17] + "0X123456789"[(int("0" + ZHANG[17].replace("X", "0")) + 2) % 10], "第18位应为"),
    "no such day": (checked("439901197002300 11".replace(" ", "")), "不是日历上有的出生日期"),
    "future": (id_number(TOMORROW, 1), "还没有到"),
    "17 digits": (ZHANG[:17], "身份证号应为18位，现在是17位，请核对。"),
    "letters": ("A" + ZHANG[1:], "身份证号前17位应全是数字，第18位是数字或大写 X，请核对。"),
    "19 digits": (ZHANG + "1", "身份证号应为18位，现在是19位，请核对。"),
}


@pytest.mark.parametrize(("number", "sentence"), WRONG_NUMBERS.values(), ids=WRONG_NUMBERS)
def test_a_wrong_number_is_refused_with_what_to_do(tmp_path, number, sentence):
    answer = take_in("population", population(tmp_path, row("张三", number), row("李四", LI, household="2")))

    assert (answer.code, counts(answer)) == (0, {"new": 1, "refused": 1})
    assert places(answer) == [(2, "身份证号", number)]
    assert sentence in said_of(answer)[0]
    assert names() == ["李四"]


KEPT_NUMBERS = {
    "abolished county": (checked("41272319700101001"), None, checked("41272319700101001")),
    "disability card": (ZHANG + "23", None, ZHANG),
    "reissued disability card": (ZHANG + "23B1", None, ZHANG),
    "Hong Kong permit": (checked("81000019700101001"), "港澳台居民居住证", checked("81000019700101001")),
    "passport": ("E12345678", "护照", "E12345678"),
}


@pytest.mark.parametrize(("written", "kind", "number"), KEPT_NUMBERS.values(), ids=KEPT_NUMBERS)
def test_unusual_documents_are_as_good_as_any(tmp_path, written, kind, number):
    assert counts(take_in("population", population(tmp_path, row("张三", written, kind=kind)))) == {"new": 1}
    assert listed()[0]["number"] == number


def test_an_unknown_document_relation_or_ground_is_refused(tmp_path):
    answer = take_in(
        "population",
        population(
            tmp_path,
            row("张三", ZHANG, kind="会员卡"),
            row("李四", LI, "师傅", household="2"),
            row("王五", WANG, household="3", grounds="路过"),
            row("赵六", ZHAO, household="4", migrant="也许"),
            row("陈七", CHEN, household="5", expected="明年春天"),
        ),
    )

    assert (answer.code, counts(answer)) == (1, {"refused": 5})
    assert places(answer) == [
        (2, "证件类型", "会员卡"),
        (3, "与户主关系", "师傅"),
        (4, "参保依据", "路过"),
        (5, "外出务工", "也许"),
        (6, "预产期", "明年春天"),
    ]


def test_whoever_stands_twice_in_a_file_differently_is_refused_both_times(tmp_path):
    file = population(
        tmp_path,
        row("张三", ZHANG),
        row("李四", LI, household="2"),
        row("张三", ZHANG, phone="13800000000"),
        row("李四", LI, household="2"),
        row("张小三", None, "子", head="张三"),
    )

    answer = take_in("population", file)

    assert counts(answer) == {"new": 2, "same": 1, "refused": 2, "flagged": 2}
    assert places(answer) == [(2, "身份证号", ZHANG), (4, "身份证号", ZHANG)]
    assert said_of(answer) == ["第2、4行是同一个人，内容不同，请核对后只留一行。"] * 2


def test_a_number_that_lives_in_another_household_is_a_claim(tmp_path):
    take_in("population", population(tmp_path, row("张三", ZHANG), row("李四", LI, "妻")))
    before = business()

    own = take_in("population", population(tmp_path, row("李四", LI, "女", household="2")))
    other = take_in("population", population(tmp_path, row("李四", LI, "女", village="桃树村", household="2")))

    assert [(a.code, counts(a)) for a in (own, other)] == [(1, {"refused": 1})] * 2
    assert places(own) == places(other) == [(2, "身份证号", LI)]
    assert said_of(own) == ["该身份证号已登记在本村的另一户，是否转户须由镇里决定。"]
    assert said_of(other) == ["该身份证号已登记在柳树村的另一户，是否转户须由镇里决定。"]
    assert business() == before


def test_a_second_householder_is_a_claim(tmp_path):
    take_in("population", population(tmp_path, row("张三", ZHANG)))

    answer = take_in(
        "population",
        population(tmp_path, row("李四", LI), row("王五", WANG, household="2"), row("赵六", ZHAO, household="2")),
    )

    assert counts(answer) == {"new": 1, "refused": 2}
    assert places(answer) == [(2, "与户主关系", "户主"), (4, "与户主关系", "户主")]
    assert said_of(answer) == ["该户已有户主，一户只能有一位；更换户主须由镇里决定。"] * 2
    assert names() == ["张三", "王五"]


def test_a_known_number_under_another_name_is_doubtful(tmp_path):
    take_in("population", population(tmp_path, row("张三", ZHANG)))
    before = business()

    answer = take_in("population", population(tmp_path, row("张山", ZHANG, phone="13800000000", group="5")))

    assert (answer.code, counts(answer)) == (1, {"doubtful": 1})
    assert places(answer) == [(2, "姓名", "张山")]
    assert said_of(answer) == ["该身份证号在名册上的姓名是“张三”，请核对是否同一人。"]
    assert business() == before


@pytest.mark.parametrize("name", ["㼆䶮", "迪丽·热巴", "吐尔逊．买买提", "Anna Li", "𠮷田"])
def test_names_are_kept_as_typed(tmp_path, name):
    assert counts(take_in("population", population(tmp_path, row(name, ZHANG)))) == {"new": 1}
    assert names() == [name]


def test_the_form_of_the_dot_makes_no_other_name(tmp_path):
    take_in("population", population(tmp_path, row("迪丽·热巴", ZHANG)))

    assert counts(take_in("population", population(tmp_path, row("迪丽•热巴", ZHANG)))) == {"same": 1}


def test_private_characters_are_kept_and_shown(tmp_path):
    assert counts(take_in("population", population(tmp_path, row("张\ue000", ZHANG)))) == {"new": 1, "flagged": 1}


@pytest.mark.parametrize("name", ["张\u202e三", "张3", "<b>张三</b>", "=张三", "张" * 51])
def test_what_is_no_name_is_refused(tmp_path, name):
    answer = take_in("population", population(tmp_path, row(name, ZHANG)))

    assert (answer.code, counts(answer)) == (1, {"refused": 1})
    assert places(answer) == [(2, "姓名", name)]


def test_without_a_household_number_the_named_householder_is_joined(tmp_path):
    file = population(
        tmp_path,
        row("张小三", LI, "女", household=None, head="张三", group="1"),
        row("张三", ZHANG, household=None, group="1"),
        row("王五", WANG, "女婿", household=None, head="张三", group="2"),
        row("赵六", ZHAO, "子", household=None, head=None, group="1"),
    )

    answer = take_in("population", file)

    assert counts(answer) == {"new": 2, "refused": 2}
    assert places(answer) == [(4, "户主", "张三"), (5, "户号", "")]
    assert said_of(answer) == [
        "本组没有户主“张三”，请核对，或填写户号。",
        "户号和户主都没有填写，不知道是哪一户的人。",
    ]
    assert [(p["name"], p["householder"]) for p in listed()] == [("张三", "张三"), ("张小三", "张三")]


def test_a_householder_s_name_must_be_the_only_one_in_the_group(tmp_path):
    file = population(
        tmp_path,
        row("张三", ZHANG, household=None, group="1"),
        row("张三", WANG, household=None, group="1"),
        row("张小三", LI, "女", household=None, head="张三", group="1"),
    )

    answer = take_in("population", file)

    assert counts(answer) == {"new": 2, "refused": 1}
    assert places(answer) == [(4, "户主", "张三")]
    assert said_of(answer) == ["本组有2位户主叫“张三”，分不清是哪一户，请填写户号。"]


def test_an_empty_household_number_never_joins_strangers(tmp_path):
    file = population(tmp_path, row("张三", ZHANG, household=None), row("李四", LI, household=" "))

    assert counts(take_in("population", file)) == {"new": 2}
    assert Household.objects.count() == 2


def test_a_household_number_is_its_village_s_own(tmp_path):
    file = population(tmp_path, row("张三", ZHANG), row("李四", LI, village="桃树村"))

    assert counts(take_in("population", file)) == {"new": 2}
    assert Household.objects.filter(number="1").count() == 2


def test_a_household_number_without_a_householder_is_kept_and_shown(tmp_path):
    answer = take_in("population", population(tmp_path, row("李四", LI, "妻"), row("张小三", WANG, "子")))

    assert counts(answer) == {"new": 2, "flagged": 1}
    assert answer.said["notes"] == ["有1户没有户主，请补上。"]
    assert [p["householder"] for p in listed()] == ["", ""]


def test_a_newborn_without_a_number_is_kept_shown_and_completed_later(tmp_path):
    parents = [row("张三", ZHANG), row("李四", LI, "妻")]
    first = population(
        tmp_path, *parents, row("李四之子", None, "子", kind="无", grounds="新生儿", expected="2020-03-01")
    )
    number = id_number(date(2020, 3, 5), 1)

    assert counts(take_in("population", first)) == {"new": 3, "flagged": 1}
    assert counts(take_in("population", first)) == {"same": 3, "flagged": 1}
    completed = take_in("population", population(tmp_path, row("李四之子", number, "子", grounds="新生儿")))

    assert counts(completed) == {"changed": 1}
    child = Person.objects.get(name="李四之子")
    assert (child.number, child.birth_date, child.sex, child.id_kind) == (number, date(2020, 3, 5), "男", "id")
    assert Person.objects.count() == 3


def test_whoever_has_a_number_by_now_is_still_the_same_in_the_old_file(tmp_path):
    old = population(tmp_path, row("张三", ZHANG), row("李四", None, "妻"))
    take_in("population", old)
    take_in("population", population(tmp_path, row("李四", LI, "妻")))
    before = business()

    assert counts(take_in("population", old)) == {"same": 2, "flagged": 1}
    assert business() == before


def test_the_same_file_again_changes_nothing(tmp_path):
    file = population(
        tmp_path,
        row("张三", ZHANG, group="1", phone="13800000000", migrant="是"),
        row("李四", LI, "妻", group="2"),
        row("张小三", None, "子", grounds="新生儿"),
        row("王五", WANG, household=None, group="1"),
        row("王小五", None, "女", household=None, head="王五", group="1"),
        row("赵六", None, household=None, group="2"),
        row("赵小六", CHEN, "子", household=None, head="赵六", group="2"),
        row("陈七", ZHAO, household="9", village="无名村"),
    )
    first = take_in("population", file)
    before = business()

    second = take_in("population", file)

    assert counts(first) == {"new": 7, "refused": 1, "flagged": 3}
    assert counts(second) == {"same": 7, "refused": 1, "flagged": 3}
    assert business() == before
    assert Household.objects.count() == 3


def test_changes_go_in_and_empty_cells_and_absent_people_lose_nothing(tmp_path):
    take_in(
        "population",
        population(
            tmp_path,
            row("张三", ZHANG, phone="13800000000", migrant="是", grounds="居住证"),
            row("李四", LI, "妻", remark="村医"),
            row("张小三", WANG, "子"),
        ),
    )

    answer = take_in(
        "population",
        population(tmp_path, row("张三", ZHANG, phone="13900000000", group="2"), row("李四", LI, None, migrant="否")),
    )

    assert counts(answer) == {"changed": 1, "same": 1}
    zhang = {"relation": "户主", "name": "张三", "number": ZHANG, "phone": "13900000000", "is_migrant": True}
    assert listed() == [
        member(**zhang, group="第2组"),
        member(relation="妻", name="李四", number=LI, group="第2组"),
        member(relation="子", name="张小三", number=WANG, group="第2组"),
    ]
    assert list(Person.objects.order_by("pk").values_list("remark", flat=True)) == ["", "村医", ""]
    assert Enrollment.objects.get(person__number=ZHANG).grounds == "居住证"


def test_a_household_without_a_number_takes_the_file_s(tmp_path):
    take_in("population", population(tmp_path, row("张三", ZHANG, household=None)))

    answer = take_in(
        "population", population(tmp_path, row("张三", ZHANG, household="7"), row("李四", LI, "妻", household="7"))
    )

    assert counts(answer) == {"new": 1, "changed": 1}
    assert [(p["name"], p["household"]) for p in listed()] == [("张三", "7"), ("李四", "7")]


def test_villages_go_by_name_or_code_and_must_be_known(tmp_path):
    rows = [
        row("张三", ZHANG, village="桃树村"),
        row("李四", LI, "妻", village="02"),
        row("王五", WANG, "子", village=2),
        row("赵六", ZHAO, "女", village="李树村"),
        row("陈七", CHEN, "女", village=None),
    ]

    answer = take_in("population", population(tmp_path, *rows, ending="xlsx"))

    assert counts(answer) == {"new": 3, "refused": 2}
    assert names("02") == ["张三", "李四", "王五"]
    assert places(answer) == [(5, "村(社区)", "李树村"), (6, "村(社区)", "")]
    assert said_of(answer) == ["没有“李树村”这个村（社区），请核对名称，或先导入任务分配表。", "没有填写村（社区）。"]


def test_another_year_is_another_roll_of_the_same_people(tmp_path):
    file = population(tmp_path, row("张三", ZHANG), row("李四", LI, "妻"))
    take_in("population", file)

    assert counts(take_in("population", file, year=2021)) == {"new": 2}
    assert Person.objects.count() == 2
    assert [done("report", "progress", "--year", year)["total"]["listed"] for year in (2020, 2021)] == [2, 2]


@pytest.mark.parametrize("ending", ["utf-8.csv", "xlsx"])
def test_a_trial_leaves_no_trace_and_answers_as_the_import_does(tmp_path, ending):
    rows = [row("张三", ZHANG), row("李四", ZHANG[:17], "妻"), row("张小三", None, "子"), row("王五", WANG)]
    file = population(tmp_path, *rows, ending=ending)
    before = everything()

    trial = take_in("population", file, "--dry-run")

    assert everything() == before
    assert counts(trial) == {"new": 2, "refused": 2, "flagged": 1}
    assert take_in("population", file) == trial


@pytest.mark.parametrize("ending", FORMATS)
def test_refused_rows_come_back_on_the_same_sheet_and_go_in_mended(tmp_path, ending):
    rows = [row("张三", ZHANG), row("李四", OLD_15, "妻"), row("王五", WANG, "女婿", village="无名村")]
    rejects = tmp_path / f"rejects.{ending.split('.')[-1]}"
    answer = take_in("population", population(tmp_path, *rows, ending=ending), "--rejects", rejects)

    heading, *back = rows_of(rejects)
    mended = {"李四": {OLD_15: LI}, "王五": {"无名村": "柳树村"}}
    lines = [[mended[line[5]].get(cell, cell) for cell in line] for line in back]

    assert heading == (*COLUMNS.split(), "退回原因")
    assert [line[-1] for line in back] == said_of(answer)
    again = take_in("population", sheet(tmp_path, " ".join(map(str, heading)), *lines, ending=ending))
    assert counts(again) == {"new": 2}
    assert names() == ["张三", "李四", "王五"]


def test_titles_blank_lines_and_repeated_headings_are_no_people(tmp_path):
    blank = [None] * len(FIELDS)
    file = sheet(
        tmp_path,
        COLUMNS,
        row("张三", ZHANG),
        blank,
        COLUMNS.split(),
        row("李四", LI[:17], "妻"),
        above=[["柳树村户籍名册"], blank],
        ending="xlsx",
    )

    answer = take_in("population", file)

    assert counts(answer) == {"new": 1, "refused": 1}
    assert places(answer) == [(7, "身份证号", LI[:17])]


def test_a_file_without_the_columns_is_one_sentence(tmp_path):
    before = everything()

    answer = take_in("population", population(tmp_path, ["柳树村", "张三"], columns="村(社区) 姓名"))

    assert answer.code == 1
    assert list(answer.said) == ["error"]
    assert "缺少：身份证号" in answer.said["error"]
    assert everything() == before


def test_the_whole_answer_of_an_import(tmp_path):
    file = population(tmp_path, row("张三", ZHANG), row("李四", "123", "妻"))

    answer = manage("import", "population", file, "--year", 2020)

    assert answer.said == {
        "file": file.name,
        "sha256": answer.said["sha256"],
        "seen_before": False,
        "read": 2,
        "new": 1,
        "changed": 0,
        "same": 0,
        "refused": 1,
        "doubtful": 0,
        "flagged": 0,
        "errors": [
            {
                "sheet": "",
                "row": 3,
                "column": "身份证号",
                "value": "123",
                "message": "身份证号应为18位，现在是3位，请核对。",
            }
        ],
        "notes": [],
    }


def test_a_missing_number_completes_one_person_only(tmp_path):
    take_in("population", population(tmp_path, row("张三", ZHANG), row("张小三", None, "子")))

    answer = take_in(
        "population",
        population(tmp_path, row("张小三", LI, "子"), row("张小三", WANG, "子"), row("张小三", None, "子")),
        year=2021,
    )

    assert counts(answer) == {"new": 2, "same": 1, "flagged": 1}
    assert sorted(Person.objects.values_list("name", "number")) == sorted(
        [("张三", ZHANG), ("张小三", LI), ("张小三", WANG)]
    )
