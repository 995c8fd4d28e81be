"""What the township asks of its books, down to the last value."""

from datetime import date
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts.models import User
from enrollment.actions.ledger import collect_premium, deposit_cash, refund, reverse
from enrollment.models import Document, Enrollment, Exemption, Household
from tests.contract.office import CHEN, LI, WANG, ZHANG, ZHAO, business, done, manage, sheet
from tests.makers import PLAN_2020, id_number, make_clerk, make_user
from villages.models import Role, Village

PEOPLE = [
    ["柳树村", "1", "1", "户主", "张三", ZHANG, "", "13800000000"],
    ["柳树村", "1", "1", "妻", "李四", LI, "", ""],
    ["柳树村", "2", "2", "户主", "王五", WANG, "是", ""],
    ["桃树村", "", "1", "户主", "赵六", ZHAO, "", ""],
    ["桃树村", "", "1", "妻", "陈七", CHEN, "", ""],
]
LISTS = [("城乡低保对象", "李四", LI), ("建档立卡贫困人口", "赵六", ZHAO), ("特困人员", "陈七", CHEN)]
PAID = [["张三", ZHANG, "2019-12-05", 250], ["李四", LI, "2019-12-10", 125], ["赵六", ZHAO, "2019-12-20", 125]]


def import_list(folder, category, *people):
    file = sheet(folder, "姓名 身份证号", *people)
    words = ("--office", "民政办", "--category", category, "--month", "2019-09", "--approve", "--by", "boss")
    return done("import", "roster", file, "--year", 2020, *words)


def import_paid(folder, *rows):
    return done("import", "payments", sheet(folder, "姓名 身份证号 缴费日期 金额", *rows), "--year", 2020)


@pytest.fixture
def small(town, villages, boss, tmp_path):
    """Five people of two villages: three paid, one enrolled by the township, 王五 far away and unpaid."""
    columns = "村(社区) 组 户号 与户主关系 姓名 身份证号 外出务工 联系电话"
    done("import", "population", sheet(tmp_path, columns, *PEOPLE), "--year", 2020)
    for category, name, number in LISTS:
        import_list(tmp_path, category, [name, number])
    import_paid(tmp_path, *PAID)
    done("enroll", "subsidised", "--year", 2020, "--on", "2019-12-15")


def ask(report, as_of=None, **options):
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return done("report", report, "--year", 2020, *(("--as-of", as_of) if as_of else ()), *words)


def standing(as_of=None) -> list[tuple[int, int, int]]:
    """Listed, registered and paid people of each village."""
    return [(v["listed"], v["registered"], v["paid"]) for v in ask("progress", as_of)["villages"]]


def test_progress_tells_each_village_and_the_whole(small):
    willow = {
        "code": "01",
        "name": "柳树村",
        "hukou": 4,
        "quota": 3,
        "listed": 3,
        "registered": 2,
        "paid": 2,
        "exempt": 0,
    }
    peach = {
        "code": "02",
        "name": "桃树村",
        "hukou": 2,
        "quota": 2,
        "listed": 2,
        "registered": 2,
        "paid": 2,
        "exempt": 0,
    }

    assert ask("progress", "2019-12-31") == {
        "year": 2020,
        "as_of": "2019-12-31",
        "villages": [
            {**willow, "rate": "0.6666", "covered_rate": "0.5000", "rank": 2},
            {**peach, "rate": "1.0000", "covered_rate": "1.0000", "rank": 1},
        ],
        "total": {
            "hukou": 6,
            "quota": 5,
            "listed": 5,
            "registered": 4,
            "paid": 4,
            "exempt": 0,
            "rate": "0.8000",
            "covered_rate": "0.6666",
        },
    }


@pytest.mark.parametrize(
    ("day", "counts"),
    [
        ("2019-12-04", [(3, 0, 0), (2, 0, 0)]),
        ("2019-12-05", [(3, 1, 1), (2, 0, 0)]),
        ("2019-12-10", [(3, 2, 2), (2, 0, 0)]),
        ("2019-12-15", [(3, 2, 2), (2, 1, 1)]),
        ("2019-12-20", [(3, 2, 2), (2, 2, 2)]),
        (None, [(3, 2, 2), (2, 2, 2)]),
    ],
)
def test_progress_as_of_a_day(small, day, counts):
    assert standing(day) == counts


def test_registered_counts_from_the_earlier_of_entry_and_evidence(small):
    Enrollment.objects.filter(person__number=WANG).update(entered_on=date(2019, 11, 20))
    Enrollment.objects.filter(person__number=ZHANG).update(entered_on=date(2019, 12, 1))
    Enrollment.objects.filter(person__number=LI).update(entered_on=date(2019, 12, 30))

    days = ("2019-11-19", "2019-11-20", "2019-12-01", "2019-12-05", "2019-12-10", "2019-12-30")
    assert [standing(day)[0] for day in days] == [(3, 0, 0), (3, 1, 0), (3, 2, 0), (3, 2, 1), (3, 3, 2), (3, 3, 2)]


def test_cash_registers_on_its_day_and_pays_on_its_slip_s(town, villages, boss, tmp_path):
    people = sheet(tmp_path, "村(社区) 户号 与户主关系 姓名 身份证号", ["柳树村", "1", "户主", "张三", ZHANG])
    done("import", "population", people, "--year", 2020)
    clerk = make_clerk(Village.objects.get(code="01"))
    given = {"year": 2020, "by": clerk}
    collect_premium(household=Household.objects.get(), key=uuid4(), on=date(2019, 12, 5), **given)
    deposit_cash(village=Village.objects.get(code="01"), key=uuid4(), on=date(2019, 12, 7), slip="D1", **given)
    late = standing()[0]
    import_paid(tmp_path, ["张三", ZHANG, "2019-12-07", 250])

    assert late == (1, 1, 0)
    days = ("2019-12-04", "2019-12-05", "2019-12-06", "2019-12-07")
    assert [standing(day)[0] for day in days] == [(1, 0, 0), (1, 1, 0), (1, 1, 0), (1, 1, 1)]


def test_a_reversal_undoes_and_a_refund_ends(town, small, boss):
    deputy = make_user("deputy", Role.TOWNSHIP, place=town)
    by = {"by": boss, "approver": deputy}
    mistaken = Document.objects.get(bills__enrollment__person__number=ZHANG)
    reverse(document=mistaken, key=uuid4(), reason="记错", **by)
    given_back = Enrollment.objects.get(person__number=LI)
    refund(enrollment=given_back, key=uuid4(), on=date(2020, 1, 10), reason="重复参保", **by)

    days = ("2019-12-05", "2019-12-10", "2020-01-09", "2020-01-10")
    assert [standing(day)[0] for day in days] == [(3, 0, 0), (3, 1, 1), (3, 1, 1), (3, 1, 0)]
    told = ask("funders", "2020-01-09"), ask("funders", "2020-01-10")
    assert [value["total"]["people"] for value in told] == [3, 2]
    assert [ask("awards", day)["villages"][0]["heads"] for day in ("2020-01-09", "2020-01-10")] == [1, 0]


def test_whoever_need_not_pay_here_is_exempt_and_may_be_covered(small, boss):
    person = Enrollment.objects.get(person__number=WANG)
    approval = {"maker": boss, "approver": User.objects.console(), "approved_at": now()}
    exemption = {"enrollment": person, "reason": "已参加职工医保", "is_insured_elsewhere": True, **approval}
    Exemption.objects.create(since=date(2019, 12, 8), **exemption)

    before, after = (ask("progress", day)["villages"][0] for day in ("2019-12-07", "2019-12-10"))
    assert (before["exempt"], before["covered_rate"]) == (0, "0.2500")
    assert (after["exempt"], after["paid"], after["rate"], after["covered_rate"]) == (1, 2, "0.6666", "0.7500")
    assert ask("progress", "2019-12-10")["total"]["covered_rate"] == "0.5000"
    assert ask("unpaid", village="01")["people"] == []


def make_town_of(folder, *units):
    """Villages of (quota, people, paid people), all paid on 5 December 2019."""
    people, rows = [], []
    for number, (_, listed, paid) in enumerate(units, 1):
        for nth in range(listed):
            name, identity = (
                "甲乙丙丁戊己庚辛壬癸"[nth % 10] * 2,
                id_number(date(1950 + number, 1, 1 + nth // 90), 1 + nth),
            )
            people.append([f"{number:02d}", str(nth), "户主", name, identity])
            rows += [[name, identity, "2019-12-05", 250]] if nth < paid else []
    quotas = [[f"{'甲乙丙丁'[n]}村", quota] for n, (quota, *_) in enumerate(units)]
    done("import", "quotas", sheet(folder, "村(社区) 任务数", *quotas), "--year", 2020)
    done("import", "population", sheet(folder, "村(社区) 户号 与户主关系 姓名 身份证号", *people), "--year", 2020)
    if rows:
        import_paid(folder, *rows)


def test_equal_rates_share_a_rank_and_the_next_one_is_skipped(town, tmp_path):
    make_town_of(tmp_path, (3, 3, 1), (6, 6, 2), (4, 4, 1), (0, 1, 1))

    told = ask("progress")["villages"]
    assert [(v["rate"], v["rank"]) for v in told] == [("0.3333", 1), ("0.3333", 1), ("0.2500", 3), (None, None)]


def test_a_rate_is_cut_and_never_rounded_up_and_may_pass_1(town, tmp_path):
    make_town_of(tmp_path, (20000, 19, 19), (12, 19, 19))

    told = ask("progress")["villages"]
    assert [v["rate"] for v in told] == ["0.0009", "1.5833"]


def award(paid, per_head="0.00", **more):
    """An award line of so many paid people."""
    heads = more.pop("heads", paid)
    sums = {"award": f"{heads * float(per_head):.2f}", "fee": f"{paid * 0.2:.2f}", "deduction": "0.00"}
    payable = f"{heads * float(per_head) + paid * 0.2:.2f}"
    return {"per_head": per_head, "heads": heads, **sums, "payable": payable, **more}


def milestones(*steps):
    days = ("2019-12-10", "2019-12-20", "2019-12-31")
    return [{"on": on, "paid": n, "rate": rate, "reached": r} for on, (n, rate, r) in zip(days, steps, strict=True)]


WILLOW, PEACH = {"code": "01", "name": "柳树村", "quota": 3}, {"code": "02", "name": "桃树村", "quota": 2}
SHORT = "12月31日前已缴2人（66.66%），距95%差1人，未达任何一档"
BEST = "12月20日前已缴2人，占任务2人的100.00%，达到100%档，每人1.00元。"


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2020-02-29", f"{SHORT}；提醒：完成率66.66%低于95%，截止后将触发扣减。"),
        ("2020-03-01", f"{SHORT}；完成率66.66%低于95%，触发扣减，方案未定数额。"),
    ],
)
def test_awards_before_and_after_the_last_deadline(small, day, why):
    willow = milestones((2, "0.6666", None), (2, "0.6666", None), (2, "0.6666", None))
    peach = milestones((0, "0.0000", None), (2, "1.0000", 100), (2, "1.0000", 100))
    total = {"quota": 5, **award(4, "1.00", heads=4)} | {"per_head": None, "award": "2.00", "payable": "2.80"}

    assert ask("awards", day) == {
        "year": 2020,
        "as_of": day,
        "villages": [
            {**WILLOW, "milestones": willow, **award(2), "why": why},
            {**PEACH, "milestones": peach, **award(2, "1.00"), "why": BEST},
        ],
        "total": total,
    }


def test_before_the_first_date_nothing_is_earned_and_the_dates_to_come_are_shown(small):
    first = ask("awards", "2019-12-09")["villages"][0]

    assert first == {
        **WILLOW,
        "milestones": milestones((1, "0.3333", None), (1, "0.3333", None), (1, "0.3333", None)),
        **award(1),
        "why": "尚未到第一个节点（12月10日）；提醒：完成率33.33%低于95%，截止后将触发扣减。",
    }


def test_a_deduction_is_taken_once_the_last_deadline_is_over_and_never_below_0(town, small, boss, tmp_path):
    plan = tmp_path / "strict.toml"
    plan.write_text(PLAN_2020.read_text().replace('mode = "none"', 'mode = "fixed"\namount = 0.5'))
    done("plan", "load", plan, "--by", "boss", "--reason", "定扣减数额")

    before, after = (ask("awards", day) for day in ("2020-02-29", "2020-03-01"))
    assert [(v["deduction"], v["payable"]) for v in before["villages"]] == [("0.00", "0.40"), ("0.00", "2.40")]
    assert [(v["deduction"], v["payable"]) for v in after["villages"]] == [("0.40", "0.00"), ("0.00", "2.40")]
    assert after["total"] == {
        "quota": 5,
        "per_head": None,
        "heads": 4,
        "award": "2.00",
        "fee": "0.80",
        "deduction": "0.40",
        "payable": "2.40",
    }


@pytest.mark.parametrize(
    ("paid_by_10th", "paid_by_31st", "per_head"),
    [(19, 20, "1.00"), (20, 20, "1.20"), (0, 19, "0.60"), (18, 20, "0.80")],
)
def test_the_best_cell_of_the_grid_is_paid_and_never_a_sum(town, tmp_path, paid_by_10th, paid_by_31st, per_head):
    make_town_of(tmp_path, (20, 20, 0))
    people = Enrollment.objects.order_by("pk").values_list("person__name", "person__number")[:paid_by_31st]
    days = ["2019-12-10"] * paid_by_10th + ["2019-12-31"] * (paid_by_31st - paid_by_10th)
    import_paid(tmp_path, *([*person, day, 250] for person, day in zip(people, days, strict=True)))

    (line,) = ask("awards")["villages"]
    assert (line["per_head"], line["heads"]) == (per_head, paid_by_31st)
    assert line["award"] == f"{paid_by_31st * float(per_head):.2f}"


def funder_line(category, people=0, premium=0, relief=0, treasury=0, personal=0):
    sums = {"people": people, "premium": f"{premium}.00", "personal": f"{personal}.00"}
    return {"category": category, **sums, "funders": {"医疗救助": f"{relief}.00", "财政": f"{treasury}.00"}}


def test_funders_are_told_by_category_in_the_plan_s_order(small):
    assert ask("funders", "2019-12-31") == {
        "year": 2020,
        "as_of": "2019-12-31",
        "lines": [
            funder_line("特困人员", 1, 250, relief=250),
            funder_line("孤儿"),
            funder_line("百岁老人"),
            funder_line("社会保障兜底脱贫对象"),
            funder_line("一二级残疾人"),
            funder_line("三四级残疾人"),
            funder_line("城乡低保对象", 1, 250, relief=125, personal=125),
            funder_line("建档立卡贫困人口", 1, 250, treasury=125, personal=125),
            funder_line("一般户", 1, 250, personal=250),
        ],
        "total": {
            "people": 4,
            "premium": "1000.00",
            "funders": {"医疗救助": "375.00", "财政": "125.00"},
            "personal": "500.00",
        },
    }


def test_whoever_is_poor_and_on_relief_gets_the_relief_line(small, tmp_path):
    import_list(tmp_path, "建档立卡贫困人口", ["赵六", ZHAO], ["王五", WANG])
    import_list(tmp_path, "城乡低保对象", ["李四", LI], ["王五", WANG])
    import_paid(tmp_path, ["王五", WANG, "2020-02-01", 125])

    lines = {x["category"]: x for x in ask("funders")["lines"]}
    assert lines["城乡低保对象"] == funder_line("城乡低保对象", 2, 500, relief=250, personal=250)
    assert lines["建档立卡贫困人口"]["people"] == 1


def visit(name, number, **more):
    usual = {"group": "", "household": "1", "householder": "赵六", "relation": "户主", "phone": "", "due": "250.00"}
    return {**usual, "name": name, "number": number, "is_migrant": False, "stage": "listed", **more}


def test_the_visit_list_shrinks_as_lists_come_in(small, tmp_path):
    first = ask("unpaid", village="柳树村")
    import_paid(tmp_path, ["王五", WANG, "2019-12-28", 250])

    assert first == {
        "year": 2020,
        "village": {"code": "01", "name": "柳树村"},
        "people": [visit("王五", WANG, group="第2组", household="2", householder="王五", is_migrant=True)],
    }
    assert ask("unpaid", village="01")["people"] == []


def test_the_visit_list_tells_what_is_owed_today_and_who_gave_cash(town, villages, boss, tmp_path):
    columns = "村(社区) 组 户号 与户主关系 姓名 身份证号 外出务工 联系电话"
    done("import", "population", sheet(tmp_path, columns, *PEOPLE), "--year", 2020)
    import_list(tmp_path, "城乡低保对象", ["李四", LI])
    family = Household.objects.get(village__code="01", number="1")
    clerk = make_clerk(family.village)
    only = [Enrollment.objects.get(person__number=ZHANG).pk]
    collect_premium(household=family, year=2020, key=uuid4(), by=clerk, on=date(2019, 12, 5), only=only)

    here = {"group": "第1组", "householder": "张三"}
    assert ask("unpaid", village="01")["people"] == [
        visit("张三", ZHANG, **here, phone="13800000000", stage="collected"),
        visit("李四", LI, **here, relation="妻", due="125.00"),
        visit("王五", WANG, group="第2组", household="2", householder="王五", is_migrant=True),
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [([], "请用 --village 写明是哪个村。"), (["--village", "无名村"], "没有“无名村”这个村（社区）。")],
)
def test_the_visit_list_is_one_village_s(small, words, sentence):
    assert manage("report", "unpaid", "--year", 2020, *words) == (1, {"error": sentence})


def test_the_township_enrols_everybody_whose_due_is_nothing(small, tmp_path):
    before = business()
    again = done("enroll", "subsidised", "--year", 2020, "--on", "2019-12-25")
    after = business()
    import_list(tmp_path, "特困人员", ["陈七", CHEN], ["王五", WANG])

    fresh = done("enroll", "subsidised", "--year", 2020, "--on", "2019-12-26")

    assert again == {"year": 2020, "on": "2019-12-25", "enrolled": 0, "already": 1}
    assert after == before
    assert fresh == {"year": 2020, "on": "2019-12-26", "enrolled": 1, "already": 1}
    assert [standing(day)[0] for day in ("2019-12-25", "2019-12-26")] == [(3, 2, 2), (3, 3, 3)]


def test_nobody_is_enrolled_by_a_list_not_yet_in_force_or_under_another_name(town, villages, boss, tmp_path):
    columns = "村(社区) 组 户号 与户主关系 姓名 身份证号 外出务工 联系电话"
    done("import", "population", sheet(tmp_path, columns, *PEOPLE), "--year", 2020)
    import_list(tmp_path, "特困人员", ["张三", ZHANG], ["李四儿", LI])
    file = sheet(tmp_path, "姓名 身份证号", ["王五", WANG])
    unapproved = ("--office", "残联", "--category", "一二级残疾人", "--month", "2019-09")
    done("import", "roster", file, "--year", 2020, *unapproved)

    early = done("enroll", "subsidised", "--year", 2020, "--on", "2019-08-31")
    then = done("enroll", "subsidised", "--year", 2020, "--on", "2019-12-05")

    assert (early["enrolled"], then["enrolled"]) == (0, 1)
    assert standing() == [(3, 1, 1), (2, 0, 0)]


# The district of the second seed: 596,230 asked for, 579,759 registered, 467,844 paying.
DISTRICT = [("社保处", "职工医保", 422616), ("社区办", "居民医保", 153053), ("高校", "大学生", 20561)]
TOTALS = [("社保处", "职工医保", 409858, 350140, 59718), ("社区办", "居民医保", 169901, 117704, 52197)]


def gap(registered, paying, stopped, target, net, gross, pay_net, pay_gross):
    return {
        "target": target,
        "registered": registered,
        "paying": paying,
        "stopped": stopped,
        "gap_register_net": net,
        "gap_register_gross": gross,
        "gap_pay_net": pay_net,
        "gap_pay_gross": pay_gross,
    }


@pytest.mark.django_db
def test_the_district_s_figures_come_out_of_targets_and_totals_alone(tmp_path):
    done("open_office", "沿江区")
    done("import", "quotas", sheet(tmp_path, "单位 险种 任务数", *DISTRICT), "--year", 2010)
    rows = [[unit, scheme, "2009-11-30", *counts] for unit, scheme, *counts in TOTALS]
    done("import", "returns", sheet(tmp_path, "单位 险种 截至日 登记人数 缴费人数 停缴人数", *rows), "--year", 2010)

    told = done("report", "gaps", "--year", 2010)

    assert told["total"] == gap(579759, 467844, 111915, 596230, 16471, 33319, 128386, 128386)
    assert told["schemes"] == [
        {"scheme": "resident", "name": "居民医保", **gap(169901, 117704, 52197, 153053, -16848, 0, 35349, 35349)},
        {"scheme": "employee", "name": "职工医保", **gap(409858, 350140, 59718, 422616, 12758, 12758, 72476, 72476)},
        {"scheme": "student", "name": "大学生", **gap(0, 0, 0, 20561, 20561, 20561, 20561, 20561)},
    ]
    assert [(x["name"], x["scheme"], x["gap_register"], x["gap_pay"]) for x in told["lines"]] == [
        ("社区办", "resident", -16848, 35349),
        ("社保处", "employee", 12758, 72476),
        ("高校", "student", 20561, 20561),
    ]


def people_gap(code, name, target, registered, paying):
    counts = {"target": target, "registered": registered, "paying": paying, "stopped": 0}
    gaps = {"gap_register": target - registered, "gap_pay": target - paying}
    return {"code": code, "name": name, "scheme": "resident", **counts, **gaps}


def test_where_a_unit_told_no_totals_its_people_speak(town, small, boss):
    deputy = make_user("deputy", Role.TOWNSHIP, place=town)
    given_back = Enrollment.objects.get(person__number=LI)
    refund(enrollment=given_back, key=uuid4(), by=boss, approver=deputy, on=date(2020, 1, 10), reason="重复参保")

    assert ask("gaps")["lines"] == [people_gap("01", "柳树村", 3, 2, 1), people_gap("02", "桃树村", 2, 2, 2)]


def queries(report, *words) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        done("report", report, "--year", 2020, *words)
    return len(asked)


REPORTS = [("progress",), ("awards",), ("funders",), ("gaps",), ("unpaid", "--village", "01")]


@pytest.mark.parametrize("report", REPORTS, ids=[report[0] for report in REPORTS])
def test_a_report_asks_as_often_for_many_as_for_one(town, boss, tmp_path, report):
    make_town_of(tmp_path, (1, 1, 1))
    person = Enrollment.objects.values_list("person__name", "person__number").get()
    import_list(tmp_path, "建档立卡贫困人口", person)
    one = queries(*report)

    make_town_of(tmp_path, (10, 10, 6), (10, 10, 9), (10, 10, 0))
    import_list(tmp_path, "建档立卡贫困人口", *Enrollment.objects.values_list("person__name", "person__number"))

    assert queries(*report) == one
    assert Enrollment.objects.count() == 30
