"""An office's list of helped people: the full list of a month, all of it or nothing, in force once approved."""

import re

import pytest

from accounts.models import Upload
from subsidies.models import Roster, RosterEntry
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
    places,
    rows_of,
    said_of,
    sheet,
    sheet_name,
    take_in,
)
from tests.makers import enlist, make_clerk, make_household, make_person, make_user
from villages.models import Village

pytestmark = pytest.mark.usefixtures("town", "villages", "boss")
COLUMNS = "姓名 身份证号"
HALF = "城乡低保对象"


@pytest.fixture(autouse=True)
def roll(town, villages):
    """张三 and his wife 李四 of 柳树村, 王五 of 桃树村."""
    willow, peach = Village.objects.order_by("code")
    family = make_household(willow, "1")
    enlist(make_person(family, "张三", number=ZHANG))
    enlist(make_person(family, "李四", number=LI, relation="12"))
    enlist(make_person(make_household(peach, "1"), "王五", number=WANG))


def hand_in(path, *words, month="2019-09", category=HALF, office="民政办", approve=True):
    approval = ("--approve", "--by", "boss") if approve else ()
    given = ("--office", office, "--category", category, "--month", month, *approval, *words)
    return take_in("roster", path, *given)


@pytest.fixture
def roster(tmp_path):
    """Hand in a list of these rows."""

    def make(*rows, columns=COLUMNS, ending="utf-8.csv", **more):
        return hand_in(sheet(tmp_path, columns, *rows, ending=ending), **more)

    return make


@pytest.fixture
def due(tmp_path):
    """What somebody owes on a day, as a paid list with a wrong amount is told."""

    def ask(name, number, day="2019-12-05") -> str:
        paid = sheet(tmp_path, "姓名 身份证号 缴费日期 金额", [name, number, day, "0.01"])
        (sentence,) = said_of(take_in("payments", paid, "--dry-run"))
        return re.search(r"应缴([\d.]+)元", sentence)[1]

    return ask


@pytest.mark.parametrize("ending", FORMATS)
def test_a_list_goes_in_from_every_format(roster, due, ending):
    answer = roster(["张三", ZHANG], ["赵六", ZHAO], ending=ending)

    assert answer.code == 0
    assert (counts(answer), answer.said["errors"]) == ({"new": 2, "flagged": 1}, [])
    assert (due("张三", ZHANG), due("李四", LI)) == ("125.00", "250.00")


def test_a_list_helps_nobody_before_it_is_approved(roster, due):
    first = roster(["张三", ZHANG], approve=False)
    unapproved = due("张三", ZHANG)

    again = roster(["张三", ZHANG])

    assert (counts(first), unapproved) == ({"new": 1}, "250.00")
    assert (counts(again), due("张三", ZHANG)) == ({"same": 1}, "125.00")
    assert Roster.objects.count() == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--approve"], "导入名单还须写明 --by。"),
        (["--approve", "--by", "clerk"], "“clerk”不是杨柳镇医保办的人员，不能核准。"),
        (["--approve", "--by", "bureau"], "“bureau”不是杨柳镇医保办的人员，不能核准。"),
        (["--approve", "--by", "nobody"], "没有“nobody”这个账号，或已停用。"),
    ],
)
def test_only_the_township_approves_a_list(town, tmp_path, words, sentence):
    make_clerk(Village.objects.first())
    make_user("bureau", "bureau", place=town, office="民政办")
    before = everything()
    file = sheet(tmp_path, COLUMNS, ["张三", ZHANG])

    answer = take_in("roster", file, "--office", "民政办", "--category", HALF, "--month", "2019-09", *words)

    assert answer == (1, {"error": sentence})
    assert everything() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "导入名单还须写明 --office、--category、--month。"),
        (["--office", "民政办", "--category", HALF], "导入名单还须写明 --month。"),
        (
            ["--office", "民政办", "--category", HALF, "--month", "九月"],
            "--month：“九月”不是月份，请写成 2019-12 的样子。",
        ),
    ],
)
def test_what_a_list_lacks_is_told(tmp_path, words, sentence):
    assert take_in("roster", sheet(tmp_path, COLUMNS, ["张三", ZHANG]), *words) == (1, {"error": sentence})


def test_a_category_is_one_of_the_plan_s_by_name_or_alias(roster, due):
    assert counts(roster(["张三", ZHANG], category="农村低保")) == {"new": 1}
    assert due("张三", ZHANG) == "125.00"
    answer = roster(["张三", ZHANG], category="老党员")
    assert answer.code == 1
    assert "方案里没有“老党员”这种身份；有：特困人员、孤儿、" in answer.said["error"]


BROKEN = {
    "empty number": (["李四", ""], "身份证号", "没有填写身份证号。"),
    "empty name": (["", LI], "姓名", "名单里有人没有姓名，请补上。"),
    "15 digits": (["李四", LI[:6] + LI[8:17]], "身份证号", f"15位旧号码，请改用18位：{LI}。"),
    "check digit": (["李四", LI[:17] + ("1" if LI[17] != "1" else "2")], "身份证号", f"第18位应为 {LI[17]}，请核对。"),
    "no name": (["李四2", LI], "姓名", "姓名里只能有汉字、字母、间隔号“·”和空格，请删去“2”。"),
}


@pytest.mark.parametrize(("row", "column", "sentence"), BROKEN.values(), ids=BROKEN)
def test_one_wrong_row_refuses_the_whole_list(roster, due, row, column, sentence):
    roster(["张三", ZHANG])
    before = everything()

    answer = roster(["王五", WANG], row, ["赵六", ZHAO], month="2019-10")

    assert (answer.code, counts(answer)) == (1, {"refused": 3})
    whole = "名单须整份收取：第3行有误，整份没有收取，请改正后重新导入。"
    assert said_of(answer) == [whole, sentence, whole]
    assert places(answer)[1] == (3, column, dict(zip(COLUMNS.split(), row, strict=True))[column])
    assert everything() == before
    assert due("张三", ZHANG) == "125.00"


def test_a_number_cell_refuses_the_list(roster):
    answer = roster(["张三", ZHANG], ["李四", int(LI[:17] + "0")], ending="xlsx")

    assert (answer.code, counts(answer)) == (1, {"refused": 2})
    assert answer.said["errors"][1]["sheet"] == sheet_name("xlsx")
    assert said_of(answer)[1] == "该列不是文本，末3位已丢失，请把该列设为文本格式后重新填写号码。"
    assert not Roster.objects.exists()


def test_whoever_stands_twice_differently_refuses_the_list(roster):
    same = roster(["张三", ZHANG], ["张三", ZHANG])
    other = roster(["张三", ZHANG], ["王五", WANG], ["张山", ZHANG], month="2019-10")

    assert (same.code, counts(same)) == (0, {"new": 1, "same": 1})
    assert (other.code, counts(other)) == (1, {"refused": 3})
    assert said_of(other)[0] == said_of(other)[2] == "第2行和第4行是同一身份证号，内容不同，请核对。"
    assert RosterEntry.objects.count() == 1


def test_a_row_may_hold_a_whole_household_in_pairs_of_columns(roster, due):
    columns = "户主姓名 姓名1 身份证号1 姓名2 身份证号2 姓名3 身份证号3"

    answer = roster(
        ["张三", "张三", ZHANG, "李四", LI, None, None],
        ["王五", "王五", WANG, "", "", "", ""],
        columns=columns,
        ending="xlsx",
    )

    assert (answer.code, answer.said["read"], counts(answer)) == (0, 3, {"new": 3})
    assert [due("张三", ZHANG), due("李四", LI), due("王五", WANG)] == ["125.00"] * 3


def test_a_wrong_pair_names_its_row(roster):
    answer = roster(["张三", ZHANG, "李四", LI[:17]], columns="姓名1 身份证号1 姓名2 身份证号2")

    assert (answer.code, counts(answer)) == (1, {"refused": 2})
    assert (2, "身份证号", LI[:17]) in places(answer)


def test_a_list_is_in_force_from_the_first_of_its_month_until_replaced(roster, due):
    roster(["张三", ZHANG], ["李四", LI], month="2019-10")

    replaced = roster(["李四", LI], ["王五", WANG], month="2019-12")

    assert counts(replaced) == {"new": 1, "same": 1}
    assert replaced.said["notes"] == ["比上一份名单少了1人，自本份名单月份起取消。"]
    days = ("2019-09-30", "2019-10-01", "2019-11-30", "2019-12-01")
    assert [due("张三", ZHANG, day) for day in days] == ["250.00", "125.00", "125.00", "250.00"]
    assert [due("李四", LI, day) for day in days] == ["250.00", "125.00", "125.00", "125.00"]
    assert [due("王五", WANG, day) for day in days] == ["250.00", "250.00", "250.00", "125.00"]


def test_the_list_of_an_older_month_never_displaces_a_newer_one(roster, due):
    roster(["张三", ZHANG], month="2019-12")

    late = roster(["李四", LI], month="2019-11")

    assert counts(late) == {"new": 1}
    assert [due("张三", ZHANG, day) for day in ("2019-11-30", "2019-12-01")] == ["250.00", "125.00"]
    assert [due("李四", LI, day) for day in ("2019-11-30", "2019-12-01")] == ["125.00", "250.00"]


def test_a_list_of_the_same_month_replaces_the_one_before(roster, due):
    roster(["张三", ZHANG])

    roster(["李四", LI])

    assert (due("张三", ZHANG), due("李四", LI)) == ("250.00", "125.00")


def test_a_list_replaces_no_other_office_s_and_no_other_category_s(roster, due):
    roster(["张三", ZHANG])
    roster(["李四", LI], office="残联", category="三四级残疾人")

    roster(["王五", WANG], office="扶贫办")
    roster(["王五", WANG], category="特困人员")

    assert [due("张三", ZHANG), due("李四", LI), due("王五", WANG)] == ["125.00", "125.00", "0.00"]


def test_whoever_is_on_several_lists_gets_the_best(roster, due):
    roster(["张三", ZHANG])
    roster(["张三", ZHANG], office="残联", category="一二级残疾人", month="2019-11")

    assert [due("张三", ZHANG, day) for day in ("2019-10-31", "2019-11-01")] == ["125.00", "0.00"]


def test_a_person_is_helped_within_their_own_months(roster, due):
    roster(
        ["张三", ZHANG, "2019-10", "2019年11月"], ["李四", LI, None, "201911"], columns=f"{COLUMNS} 开始月份 结束月份"
    )

    days = ("2019-09-30", "2019-10-01", "2019-11-30", "2019-12-01")
    assert [due("张三", ZHANG, day) for day in days] == ["250.00", "125.00", "125.00", "250.00"]
    assert [due("李四", LI, day) for day in days] == ["125.00", "125.00", "125.00", "250.00"]


def test_months_the_wrong_way_round_refuse_the_list(roster):
    answer = roster(["张三", ZHANG, "2019-11", "2019-10"], columns=f"{COLUMNS} 开始月份 结束月份")

    assert (answer.code, places(answer)) == (1, [(2, "结束月份", "2019-10")])
    assert said_of(answer) == ["结束月份早于开始月份，请核对。"]


def test_a_differing_name_is_doubtful_and_helps_nobody_until_decided(roster, due):
    answer = roster(["张山", ZHANG], ["李四", LI])
    undecided = due("张三", ZHANG)
    RosterEntry.objects.filter(number=ZHANG).update(decision="same")

    assert (answer.code, counts(answer)) == (0, {"new": 1, "doubtful": 1})
    assert places(answer) == [(2, "姓名", "张山")]
    assert said_of(answer) == ["这个身份证号在名册上的姓名是“张三”，与名单不符；决定前不享受资助。"]
    assert (undecided, due("张三", ZHANG)) == ("250.00", "125.00")


@pytest.mark.parametrize(("decision", "amount"), [("same", "125.00"), ("other", "250.00")])
def test_what_was_decided_holds_for_the_lists_that_follow(roster, due, decision, amount):
    roster(["张山", ZHANG])
    RosterEntry.objects.filter(number=ZHANG).update(decision=decision)

    answer = roster(["张山", ZHANG], ["李四", LI], month="2019-11")

    assert counts(answer) == {"new": 1, "same": 1}
    assert due("张三", ZHANG) == amount


def test_a_name_that_differs_from_now_on_stops_the_help(roster, due):
    roster(["张三", ZHANG])

    answer = roster(["张山", ZHANG])

    assert counts(answer) == {"doubtful": 1}
    assert due("张三", ZHANG) == "250.00"


def test_a_list_may_come_before_the_household(roster, due, tmp_path):
    waiting = roster(["赵六", ZHAO], ["陈七", CHEN])
    people = sheet(
        tmp_path,
        "村(社区) 户号 与户主关系 姓名 身份证号",
        ["柳树村", "8", "户主", "赵六", ZHAO],
        ["柳树村", "8", "妻", "陈琪", CHEN],
    )
    done("import", "population", people, "--year", 2020)

    assert counts(waiting) == {"new": 2, "flagged": 2}
    assert due("赵六", ZHAO) == "125.00"
    assert due("陈琪", CHEN) == "250.00"


def test_a_disability_card_s_number_tells_the_level(roster, due):
    columns = f"{COLUMNS} 残疾类别 残疾等级"

    answer = roster(
        ["张三", ZHANG + "32", "", ""],
        ["李四", LI + "41B1", "肢体", "一级"],
        ["王五", WANG, "视力", "2"],
        columns=columns,
    )

    assert counts(answer) == {"new": 3}
    assert list(RosterEntry.objects.values_list("number", "disability_level").order_by("pk")) == [
        (ZHANG, 2),
        (LI, 1),
        (WANG, 2),
    ]


def test_a_level_that_is_none_refuses_the_list(roster):
    answer = roster(["张三", ZHANG, "五级"], columns=f"{COLUMNS} 残疾等级")

    assert (answer.code, places(answer)) == (1, [(2, "残疾等级", "五级")])


@pytest.mark.parametrize("village", ["柳树村", "01", "1", ""])
def test_a_village_on_a_list_goes_by_name_or_code(roster, village):
    assert counts(roster(["张三", ZHANG, village], columns=f"{COLUMNS} 村(社区)")) == {"new": 1}
    assert RosterEntry.objects.get().village == (Village.objects.get(code="01") if village else None)


def test_a_village_nobody_knows_refuses_the_list(roster):
    answer = roster(["张三", ZHANG, "无名村"], columns=f"{COLUMNS} 村(社区)")

    assert (answer.code, places(answer)) == (1, [(2, "村(社区)", "无名村")])
    assert said_of(answer) == ["没有“无名村”这个村（社区），请核对名称，或先导入任务分配表。"]


def test_the_same_list_again_changes_nothing(tmp_path):
    rows = [["张三", ZHANG], ["李四儿", LI], ["赵六", ZHAO]]
    file = sheet(tmp_path, COLUMNS, *rows)
    first = hand_in(file)
    before = business()

    second = hand_in(file)

    assert counts(first) == {"new": 2, "doubtful": 1, "flagged": 1}
    assert counts(second) == {"same": 2, "doubtful": 1, "flagged": 1}
    assert (first.said["seen_before"], second.said["seen_before"], second.code) == (False, True, 0)
    assert business() == before
    assert Upload.objects.filter(kind="roster").count() == 2


def test_an_older_list_again_changes_nothing(tmp_path):
    older, newer = sheet(tmp_path, COLUMNS, ["张三", ZHANG]), sheet(tmp_path, COLUMNS, ["李四", LI])
    hand_in(older, month="2019-09")
    hand_in(newer, month="2019-10")
    before = business()

    again = hand_in(older, month="2019-09")

    assert counts(again) == {"same": 1}
    assert business() == before


@pytest.mark.parametrize("rows", [[["张三", ZHANG], ["张山", LI]], [["张三", ZHANG], ["李四", ""]]])
def test_a_trial_leaves_no_trace_and_answers_as_the_import_does(tmp_path, rows):
    file = sheet(tmp_path, COLUMNS, *rows)
    before = everything()

    trial = hand_in(file, "--dry-run")

    assert everything() == before
    assert hand_in(file) == trial


@pytest.mark.parametrize("ending", ["utf-8.csv", "xlsx", "xls", "ods"])
def test_a_refused_list_comes_back_with_reasons_and_goes_in_mended(tmp_path, ending):
    rejects = tmp_path / f"rejects.{ending.split('.')[-1]}"
    answer = hand_in(sheet(tmp_path, COLUMNS, ["张三", ZHANG], ["李四", LI[:17]], ending=ending), "--rejects", rejects)

    heading, *back = rows_of(rejects)
    mended = [[LI if cell == LI[:17] else cell for cell in line] for line in back]

    assert heading == (*COLUMNS.split(), "退回原因")
    assert [line[-1] for line in back] == said_of(answer)
    assert counts(hand_in(sheet(tmp_path, " ".join(map(str, heading)), *mended, ending=ending))) == {"new": 2}


def test_an_empty_list_is_not_taken_for_everybody_s_end(roster, due):
    roster(["张三", ZHANG])

    answer = roster(month="2019-10")

    assert answer == (1, {"error": "名单里没有人员；空名单会取消所有人的资助，没有收取。"})
    assert due("张三", ZHANG) == "125.00"


def test_a_list_without_its_columns_is_one_sentence(roster):
    answer = roster(["张三", "柳树村"], columns="姓名 村(社区)")

    assert answer.code == 1
    assert list(answer.said) == ["error"]
    assert "缺少：身份证号" in answer.said["error"]
