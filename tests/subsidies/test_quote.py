"""Quotes by the contract: plain values in, plain values out, no database."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from subsidies.quoting import quote_all

from .test_plan import NOTICE_2020, NOTICE_2026

ROOT = Path(__file__).parent.parent.parent
TODAY = date(2019, 12, 10)


def quote(person, plan=NOTICE_2020, today=TODAY):
    [quoted] = quote_all(plan, [person], today=today)
    return quoted


# ── what is answered ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_quote_says_who_pays_what_and_why():
    assert quote({"ref": 7, "categories": ["城乡低保对象"], "paid_on": "2019-12-10"}) == {
        "ref": 7,
        "applied": "城乡低保对象",
        "premium": "250.00",
        "funders": {"医疗救助": "125.00", "财政": "0.00"},
        "personal": "125.00",
        "grant": None,
        "why": "城乡低保对象资助125.00元，按此项享受。",
    }


def test_whoever_has_no_status_has_no_applied_category():
    assert quote({"ref": "a"}) == {
        "ref": "a",
        "applied": None,
        "premium": "250.00",
        "funders": {"医疗救助": "0.00", "财政": "0.00"},
        "personal": "250.00",
        "grant": None,
        "why": "不在任何资助名单内，按一般户缴费。",
    }


def test_aid_that_comes_later_is_answered_as_a_grant():
    person = {"ref": "a", "categories": ["计划生育特殊家庭成员"], "class": "学生", "paid_on": "2025-10-01"}

    assert quote(person, plan=NOTICE_2026) == {
        "ref": "a",
        "applied": "计划生育特殊家庭成员",
        "premium": "380.00",
        "funders": {"医疗救助": "0.00", "财政": "0.00", "残联": "0.00", "卫健": "190.00", "退役军人事务": "0.00"},
        "personal": "380.00",
        "grant": {"way": "先缴后补", "amount": "190.00"},
        "why": "计划生育特殊家庭成员资助190.00元，按此项享受。",
    }


@pytest.mark.parametrize("categories", [["三四级残疾人", "城乡低保对象"], ["城乡低保对象", "三四级残疾人"]])
def test_the_order_and_repetition_of_categories_is_nothing(categories):
    assert quote({"ref": 1, "categories": categories * 2}) == quote({"ref": 1, "categories": sorted(categories)})


@pytest.mark.parametrize(
    "person",
    [
        {"birth_date": "1950-01-01", "disability_level": 1},
        {"categories": []},
        {"categories": None, "birth_date": None, "sex": None, "class": None, "tier": None, "grounds": None},
        {"migrant": None, "disability_level": None, "paid_on": None},
        {"sex": "女", "grounds": "居住证", "migrant": False, "class": "", "tier": ""},
        {"sex": "female", "disability_level": 4.0},
    ],
)
def test_a_subsidy_is_never_derived_from_anything_but_a_status(person):
    assert quote({"ref": 1, **person}) == quote({"ref": 1})


@pytest.mark.parametrize(
    ("person", "today", "is_in_time"),
    [
        ({}, date(2019, 12, 31), True),
        ({}, date(2020, 1, 1), False),
        ({"paid_on": "2019-12-31"}, date(2020, 6, 1), True),
        ({"paid_on": "2020-01-01"}, date(2019, 12, 1), False),
        ({"paid_on": "2020-02-29", "migrant": True}, date(2019, 12, 1), True),
        ({"paid_on": "2020-03-01", "migrant": True}, date(2019, 12, 1), False),
        ({"paid_on": "2020-01-01", "migrant": True, "grounds": "新生儿"}, date(2019, 12, 1), False),
    ],
)
def test_the_day_is_the_payments_or_today(person, today, is_in_time):
    assert ("error" not in quote({"ref": 1, **person}, today=today)) is is_in_time


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────────────

NO_SEX, NO_LEVEL = "sex 应是男或女。", "disability_level 应是 1 至 4。"
NO_LIST = "categories 应是身份名称的列表。"


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("categories", "城乡低保对象", NO_LIST),
        ("categories", {"城乡低保对象": True}, NO_LIST),
        ("categories", ["城乡低保对象", None], NO_LIST),
        ("categories", ["城乡低保对象", "党员"], "方案里没有“党员”这种身份。"),
        ("categories", ["低保"], "方案里没有“低保”这种身份。"),
        ("categories", [""], "方案里没有“”这种身份。"),
        ("birth_date", "1950-02-30", "birth_date 应是日期，如 2019-12-10。"),
        ("birth_date", 19500101, "birth_date 应是日期，如 2019-12-10。"),
        ("birth_date", "", "birth_date 应是日期，如 2019-12-10。"),
        ("paid_on", "明天", "paid_on 应是日期，如 2019-12-10。"),
        ("paid_on", "2019-12-10T08:00:00", "paid_on 应是日期，如 2019-12-10。"),
        ("paid_on", True, "paid_on 应是日期，如 2019-12-10。"),
        ("sex", "不详", NO_SEX),
        ("sex", 1, NO_SEX),
        ("sex", ["男"], NO_SEX),
        ("class", 1, "class 应是文字。"),
        ("class", "学生", "方案没有人群“学生”、档次“”的缴费标准。"),
        ("tier", ["二档"], "tier 应是文字。"),
        ("tier", "二档", "方案没有人群“”、档次“二档”的缴费标准。"),
        ("grounds", "路过", "grounds 应是户籍、在校学生、居住证、新生儿之一。"),
        ("grounds", ["户籍"], "grounds 应是户籍、在校学生、居住证、新生儿之一。"),
        ("migrant", "是", "migrant 应是 true 或 false。"),
        ("migrant", 1, "migrant 应是 true 或 false。"),
        ("disability_level", 0, NO_LEVEL),
        ("disability_level", 5, NO_LEVEL),
        ("disability_level", 1.5, NO_LEVEL),
        ("disability_level", "1", NO_LEVEL),
        ("disability_level", True, NO_LEVEL),
        ("disability_level", [1], NO_LEVEL),
        ("paid_on", "2020-01-01", "已过缴费截止日2019年12月31日，不能缴费。"),
        ("age", 60, "不认识的项目：age。"),
    ],
)
def test_a_field_that_is_wrong_is_answered_with_a_sentence(field, value, error):
    assert quote({"ref": "a", field: value}) == {"ref": "a", "error": error}


@pytest.mark.parametrize(
    ("person", "answer"),
    [
        ({}, {"ref": None, "error": "缺少 ref。"}),
        ({"ref": None}, {"ref": None, "error": "缺少 ref。"}),
        ({"ref": 1, "sum": 1, "age": 2}, {"ref": 1, "error": "不认识的项目：age、sum。"}),
        (None, {"ref": None, "error": "每个人应是一个对象。"}),
        ("王秀兰", {"ref": None, "error": "每个人应是一个对象。"}),
        ([], {"ref": None, "error": "每个人应是一个对象。"}),
        (7, {"ref": None, "error": "每个人应是一个对象。"}),
    ],
)
def test_a_person_is_an_object_with_a_ref(person, answer):
    assert quote(person) == answer


@pytest.mark.parametrize("ref", [0, "", False, "07", 7, 1.5, [1], {"row": 2}])
def test_any_ref_comes_back_as_it_was(ref):
    quoted = quote({"ref": ref})

    assert (quoted["ref"], "error" in quoted) == (ref, False)


def test_the_others_are_answered_in_their_order():
    people = [{"ref": 3}, {"ref": 1, "categories": ["党员"]}, None, {"ref": 2, "categories": ["孤儿"]}, {"ref": 3}]

    quoted = quote_all(NOTICE_2020, people, today=TODAY)

    assert [(q["ref"], q.get("personal"), q.get("error")) for q in quoted] == [
        (3, "250.00", None),
        (1, None, "方案里没有“党员”这种身份。"),
        (None, None, "每个人应是一个对象。"),
        (2, "0.00", None),
        (3, "250.00", None),
    ]


# ── the command ───────────────────────────────────────────────────────────────────────────────────────────────


def run(command, *arguments, typed=b""):
    """The command as an office runs it, with a database that nobody can reach; (exit code, its JSON answer)."""
    environment = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    done = subprocess.run(
        [sys.executable, "manage.py", command, *arguments],
        cwd=ROOT,
        env=environment,
        input=typed,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == b""
    return done.returncode, json.loads(done.stdout)


def run_quote(typed, plan="plans/2020.toml"):
    return run("quote", "--plan", plan, "--json", typed=typed)


def test_the_command_quotes_without_a_database():
    people = [{"ref": 1, "paid_on": "2019-12-10", "categories": ["孤儿"]}, {"ref": 2, "paid_on": "2019-12-31"}]

    assert run_quote(json.dumps(people).encode()) == (0, quote_all(NOTICE_2020, people, today=TODAY))


def test_the_command_ends_with_1_when_somebody_is_not_quoted():
    people = [{"ref": "晚", "paid_on": "2020-01-01"}, {"ref": 2, "paid_on": "2019-12-31"}]

    assert run_quote(json.dumps(people).encode()) == (1, quote_all(NOTICE_2020, people, today=TODAY))


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (b"[]", (0, [])),
        (b"{}", (1, {"error": "输入应是一个列表。"})),
        (b"[{]", (1, {"error": "输入不是正确的 JSON：第1行第3列。"})),
        (b"", (1, {"error": "输入不是正确的 JSON：第1行第1列。"})),
    ],
)
def test_the_command_reads_one_list(typed, answer):
    assert run_quote(typed) == answer


def test_the_command_needs_a_sound_plan(tmp_path):
    bad = tmp_path / "plan.toml"
    bad.write_text((ROOT / "plans" / "2020.toml").read_text().replace('rate_base = "quota"', 'rate_base = "people"'))
    sentence = "rate_base：只能是 'quota'、'hukou'、'listed' 之一。"
    foreign = tmp_path / "gb18030.toml"
    foreign.write_text('title = "筹资方案"', encoding="gb18030")

    assert run_quote(b"[]", plan=str(bad)) == (1, {"error": sentence})
    assert run_quote(b"[]", plan="plans/1949.toml") == (1, {"error": "没有这个文件：plans/1949.toml"})
    assert run_quote(b"[]", plan=str(foreign)) == (1, {"error": "方案和输入都应是 UTF-8 文本。"})
    assert run("plan", "check", str(bad), "--json") == (
        1,
        {"ok": False, "errors": [{"path": "rate_base", "message": "只能是 'quota'、'hukou'、'listed' 之一。"}]},
    )


@pytest.mark.parametrize("year", [2020, 2026])
def test_the_shipped_notices_are_in_order(year):
    assert run("plan", "check", f"plans/{year}.toml", "--json") == (0, {"ok": True, "errors": []})


def test_the_schema_is_told_without_a_database():
    code, schema = run("plan", "schema")

    assert (code, schema["title"]) == (0, "Plan")
