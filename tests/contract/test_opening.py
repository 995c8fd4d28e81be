"""Opening an office, its accounts and its plan, as the manual tells it."""

import json

import pytest
from django.core.management import call_command

from accounts.actions import turn_code_into_password
from subsidies.models import PlanVersion
from subsidies.plan import plan_from_toml
from tests.contract.office import business, done, manage, run
from tests.makers import PLAN_2020, make_clerk, make_township, make_user, make_village
from villages.models import Posting, Role, Township

ROLES_AND_SCOPES = [
    ("clerk", ["--village", "柳树村"], {"village__name": "柳树村"}),
    ("clerk", ["--village", "01"], {"village__name": "柳树村"}),
    ("township", [], {"township__name": "杨柳镇"}),
    ("health", [], {"township__name": "杨柳镇"}),
    ("bureau", ["--office", "民政办"], {"township__name": "杨柳镇", "office": "民政办"}),
    ("district", [], {"township__name": "杨柳镇"}),
    ("sysadmin", [], {"township__name": "杨柳镇"}),
    ("auditor", [], {"township__name": "杨柳镇"}),
]
WRONG_ACCOUNTS = [
    (["--role", "boss"], "没有“boss”这个岗位；有：clerk、township、health、bureau、district、sysadmin、auditor。"),
    (["--role", "clerk"], "村级经办员须指定村。"),
    (["--role", "clerk", "--village", "无名村"], "没有“无名村”这个村（社区）。"),
    (["--role", "health", "--village", "柳树村"], "只有村级经办员可以指定村。"),
    (["--role", "bureau"], "名单部门须写明部门（如民政办），其他岗位不写。"),
    (["--role", "health", "--office", "民政办"], "名单部门须写明部门（如民政办），其他岗位不写。"),
]


@pytest.mark.django_db
def test_an_office_opens_empty_and_working():
    assert manage("open_office", "杨柳镇") == (0, {"township": "杨柳镇"})

    total = {
        **dict.fromkeys(("quota", "listed", "registered", "paid", "exempt"), 0),
        **dict.fromkeys(("hukou", "rate", "covered_rate")),
    }
    assert done("report", "progress", "--year", 2020, "--as-of", "2019-12-10") == {
        "year": 2020,
        "as_of": "2019-12-10",
        "villages": [],
        "total": total,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "sentence"), [("杨柳镇", "已有这个乡镇。"), (" ", "乡镇名称不能为空。")])
def test_an_office_needs_a_name_of_its_own(name, sentence):
    done("open_office", "杨柳镇")

    answer = manage("open_office", name)

    assert answer.code == 1
    assert list(answer.said) == ["error"]
    assert sentence in answer.said["error"] or name == " "
    assert Township.objects.count() == 1


@pytest.mark.parametrize(("role", "more", "scope"), ROLES_AND_SCOPES)
def test_each_role_gets_an_account_whose_code_becomes_a_password(town, villages, role, more, scope):
    told = done("open_account", "zhang", "--role", role, *more)

    assert told == {
        "username": "zhang",
        "role": role,
        "village": "柳树村" if role == "clerk" else None,
        "code": told["code"],
    }
    assert Posting.objects.get(role=role, user__username="zhang", **scope)
    user = turn_code_into_password(username="zhang", code=told["code"], password="willow-by-the-2-rivers")
    assert user.check_password("willow-by-the-2-rivers")


@pytest.mark.parametrize(("words", "sentence"), WRONG_ACCOUNTS)
def test_a_wrong_role_village_or_office_is_told_and_opens_nothing(town, villages, words, sentence):
    before = business()

    assert manage("open_account", "zhang", *words) == (1, {"error": sentence})
    assert business() == before


def test_a_username_is_given_once(town):
    done("open_account", "zhang", "--role", "health")

    assert manage("open_account", "zhang", "--role", "auditor") == (1, {"error": "已有这个用户名。"})


@pytest.mark.django_db
def test_before_any_office_is_open_the_way_to_open_one_is_told():
    answer = manage("report", "progress", "--year", 2020)

    assert answer == (1, {"error": "还没有启用乡镇，请先运行 manage.py open_office 名称。"})


@pytest.mark.django_db
def test_with_two_townships_a_command_must_say_which(tmp_path):
    for name in ("杨柳镇", "白杨镇"):
        done("open_office", name)
    done("plan", "load", PLAN_2020, "--township", "白杨镇")

    several = manage("report", "funders", "--year", 2020)
    unknown = manage("report", "funders", "--year", 2020, "--township", "无名镇")

    assert several == (1, {"error": "有几个乡镇，请用 --township 写明是哪一个。"})
    assert unknown == (1, {"error": "没有“无名镇”这个乡镇。"})
    assert manage("report", "funders", "--year", 2020, "--township", "白杨镇").code == 0
    assert manage("report", "funders", "--year", 2020, "--township", "杨柳镇").code == 1


# No database: these would fail if they asked for one.
def test_a_plan_is_checked_without_a_database(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(PLAN_2020.read_text().replace("amount = 250\n", 'amount = "二百五"\n', 1))

    assert manage("plan", "check", PLAN_2020) == (0, {"ok": True, "errors": []})
    answer = manage("plan", "check", bad)
    assert answer.code == 1
    assert answer.said["ok"] is False
    assert [list(error) for error in answer.said["errors"]] == [["path", "message"]]
    assert "金额" in answer.said["errors"][0]["message"]


@pytest.mark.parametrize("content", [None, b"a = ", "方案 = 1".encode("gb18030")])
def test_a_plan_that_cannot_be_read_is_told(tmp_path, content):
    file = tmp_path / "plan.toml"
    if content is not None:
        file.write_bytes(content)

    answer = manage("plan", "check", file)

    assert answer.code == 1
    assert answer.said["ok"] is False
    assert answer.said["errors"][0]["message"]


def test_the_plan_s_schema_is_a_json_schema():
    schema = json.loads(run("plan", "schema").said)

    assert schema["type"] == "object"
    assert {"notice", "tariffs", "categories"} <= schema["properties"].keys()


def changed_plan(tmp_path, amount: int = 260):
    file = tmp_path / f"{amount}.toml"
    file.write_text(PLAN_2020.read_text().replace("amount = 250\n", f"amount = {amount}\n", 1))
    return file


@pytest.mark.django_db
def test_the_first_plan_needs_nobody_and_the_same_file_again_is_a_no_op():
    done("open_office", "杨柳镇")

    first = done("plan", "load", PLAN_2020)
    before = business()

    assert first == {"year": 2020, "version": 1, "new": True}
    assert done("plan", "load", PLAN_2020) == {"year": 2020, "version": 1, "new": False}
    assert business() == before


@pytest.mark.parametrize("words", [[], ["--by", "boss"], ["--reason", "提标"], ["--by", "boss", "--reason", " "]])
def test_a_changed_plan_needs_both_an_approver_and_a_reason(town, boss, tmp_path, words):
    answer = manage("plan", "load", changed_plan(tmp_path), *words)

    assert answer == (
        1,
        {"error": "2020年度已有方案。变更须写明原因（--reason），并由镇里另一人核准（--by）。"},
    )
    assert PlanVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("approver", "sentence"),
    [
        ("clerk", "“clerk”不是杨柳镇医保办的人员，不能核准。"),
        ("stranger", "“stranger”不是杨柳镇医保办的人员，不能核准。"),
        ("nobody", "没有“nobody”这个账号，或已停用。"),
        ("console", "没有“console”这个账号，或已停用。"),
    ],
)
def test_only_the_township_approves_a_changed_plan(town, tmp_path, approver, sentence):
    make_clerk(make_village(town))
    make_user("stranger", Role.TOWNSHIP, place=make_township("白杨镇"))

    words = ["--by", approver, "--reason", "提标", "--township", "杨柳镇"]

    assert manage("plan", "load", changed_plan(tmp_path), *words) == (1, {"error": sentence})
    assert PlanVersion.objects.count() == 1


def test_a_change_in_force_is_what_is_shown(town, boss, tmp_path):
    new = changed_plan(tmp_path)

    assert done("plan", "load", new, "--by", "boss", "--reason", "提标") == {"year": 2020, "version": 2, "new": True}
    assert done("plan", "show", 2020)["tariffs"][0]["amount"] == "260.00"
    assert plan_from_toml(run("plan", "show", 2020).said) == plan_from_toml(new.read_text())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "2019"], "2019年度还没有生效的方案。"),
        (["show", "今年"], "请写明年度，如 plan show 2020。"),
        (["load"], "请写明方案文件。"),
    ],
)
def test_what_a_plan_command_lacks_is_told(town, words, sentence):
    assert manage("plan", *words) == (1, {"error": sentence})


def test_without_json_the_answer_is_text_for_people(town, capsys):
    call_command("plan", "load", str(PLAN_2020))

    assert capsys.readouterr().out == "杨柳镇2020年度方案第1版没有变化。\n"


@pytest.mark.parametrize(
    "words",
    [
        ["report", "progress", "--year", "2020", "--as-of", "12月10日"],
        ["enroll", "subsidised", "--year", "2020", "--on", "2019-02-30"],
    ],
)
def test_a_day_that_is_none_is_told(town, words):
    answer = manage(*words)

    assert answer.code == 1
    assert "不是日期" in answer.said["error"]
