"""A paid list from the tax office or the bank: who counts as paid by it, from which day, and who must wait."""

from collections import Counter
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.utils.timezone import localdate, now

from accounts.models import User
from enrollment.actions.ledger import collect_premium, deposit_cash, pay_directly, refund, reverse
from enrollment.models import Document, Enrollment, Exemption, Household, Leg, PaidRow
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
from tests.makers import PLAN_2020, enlist, make_clerk, make_household, make_person, make_user
from villages.models import Role, Village

pytestmark = pytest.mark.usefixtures("town", "villages", "roll")
COLUMNS = "姓名 身份证号 缴费日期 金额 凭证号 缴费渠道"
DAY = "2019-12-05"


@pytest.fixture
def roll(town, villages):
    """张三 and 李四 of household 1, 王五 who works far away; 赵六 in 桃树村."""
    willow, peach = Village.objects.order_by("code")
    first = make_household(willow, "1")
    enlist(make_person(first, "张三", number=ZHANG))
    enlist(make_person(first, "李四", number=LI, relation="12"))
    enlist(make_person(make_household(willow, "2"), "王五", number=WANG), is_migrant=True)
    enlist(make_person(make_household(peach, "1"), "赵六", number=ZHAO))


@pytest.fixture
def pay(tmp_path):
    """Hand in a paid list of these rows."""

    def make(*rows, columns=COLUMNS, ending="utf-8.csv", words=()):
        return take_in("payments", sheet(tmp_path, columns, *rows, ending=ending), *words)

    return make


@pytest.fixture
def roster(boss, tmp_path):
    """Put a list of these people in force."""

    def make(category, *people, month="2019-09"):
        file = sheet(tmp_path, "姓名 身份证号", *people)
        words = ("--office", "民政办", "--category", category, "--month", month, "--approve", "--by", "boss")
        return done("import", "roster", file, "--year", 2020, *words)

    return make


@pytest.fixture
def clerk(town):
    return make_clerk(Village.objects.get(code="01"))


def line(name="张三", number=ZHANG, day=DAY, amount="250", slip="P1", channel="POS刷卡"):
    return [name, number, day, amount, slip, channel]


def paid(as_of=None) -> list[int]:
    """Paid people of each village."""
    words = ("--as-of", as_of) if as_of else ()
    return [v["paid"] for v in done("report", "progress", "--year", 2020, *words)["villages"]]


def unpaid(village="01") -> dict[str, str]:
    told = done("report", "unpaid", "--year", 2020, "--village", village)
    return {person["name"]: person["stage"] for person in told["people"]}


def balances() -> dict[str, int]:
    sums: Counter[str] = Counter()
    for account, fen in Leg.objects.values_list("account", "fen"):
        sums[account] += fen
    return {account: fen for account, fen in sums.items() if fen}


def states() -> list[tuple[str, str]]:
    return list(PaidRow.objects.order_by("pk").values_list("name", "state"))


def household(number="1") -> Household:
    return Household.objects.get(village__code="01", number=number)


def collect(clerk, **more):
    given = {"household": household(), "year": 2020, "key": uuid4(), "by": clerk, "on": date(2019, 12, 5), **more}
    return collect_premium(**given)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_list_goes_in_from_every_format(pay, ending):
    is_text = ending.endswith("csv")
    rows = [
        ["张三", ZHANG, DAY if is_text else date(2019, 12, 5), 250, 10001, "POS刷卡"],
        ["李四", LI, "2019年12月6日", "¥250.00元", "", "湘税社保APP"],
        ["赵六", ZHAO, "20191207", "250.00", None, None],
    ]

    answer = pay(*rows, ending=ending)

    assert answer.code == 0
    assert (counts(answer), answer.said["errors"]) == ({"new": 3}, [])
    days = ("2019-12-04", "2019-12-05", "2019-12-06", "2019-12-07")
    assert [paid(day) for day in days] == [[0, 0], [1, 0], [2, 0], [2, 1]]
    assert (unpaid("01"), unpaid("02")) == ({"王五": "listed"}, {})
    assert list(Document.objects.order_by("evidence_on").values_list("slip", "channel")) == [
        ("10001", "POS刷卡"),
        ("", "湘税社保APP"),
        ("", ""),
    ]
    assert balances() == {"bank": 75000, "premium": -75000}


def test_whoever_was_only_listed_is_registered_by_paying(pay):
    pay(line())

    days = ("2019-12-04", DAY)
    told = [done("report", "progress", "--year", 2020, "--as-of", day)["villages"][0] for day in days]
    assert [(v["listed"], v["registered"], v["paid"]) for v in told] == [(3, 0, 0), (3, 1, 1)]


def test_one_slip_may_cover_many_people(pay):
    answer = pay(line(), line("李四", LI), line("王五", WANG), line("赵六", ZHAO))

    assert counts(answer) == {"new": 4}
    assert paid(DAY) == [3, 1]


def test_whoever_is_already_paid_is_the_same_and_the_row_is_evidence(pay):
    pay(line())

    again = pay(line(day="2019-12-08", slip="T77", channel="银行代扣"))

    assert (again.code, counts(again)) == (0, {"same": 1})
    assert [paid(day)[0] for day in ("2019-12-04", DAY)] == [0, 1]
    assert list(PaidRow.objects.order_by("pk").values_list("slip", "state", "document")) == [
        ("P1", "applied", Document.objects.get().pk),
        ("T77", "attached", Document.objects.get().pk),
    ]


def test_cash_becomes_paid_by_the_list(pay, clerk):
    collect(clerk)
    collected = (paid(), unpaid(), balances())

    answer = pay(line(day="2019-12-06"))

    assert collected == (
        [0, 0],
        {"张三": "collected", "李四": "collected", "王五": "listed"},
        {"cash:clerk": 50000, "premium": -50000},
    )
    assert counts(answer) == {"changed": 1}
    assert [paid(day)[0] for day in ("2019-12-05", "2019-12-06")] == [0, 1]
    assert balances() == {"bank": 25000, "cash:clerk": 25000, "premium": -50000}


def test_a_list_may_name_a_day_before_the_cash_was_taken(pay, clerk):
    collect(clerk, on=date(2019, 12, 9))

    assert counts(pay(line(day="2019-12-06"))) == {"changed": 1}

    assert [paid(day)[0] for day in ("2019-12-05", "2019-12-06", "2019-12-09")] == [0, 1, 1]
    awards = done("report", "awards", "--year", 2020, "--as-of", "2019-12-08")["villages"][0]
    assert awards["heads"] == 1


def test_a_deposit_that_waited_for_approval_counts_once_the_list_tells_of_it(pay, clerk):
    collect(clerk, only=[Enrollment.objects.get(person__name="张三").pk])
    deposit_cash(by=clerk, village=household().village, year=2020, key=uuid4(), on=date(2019, 12, 6), slip="D1")
    before = paid()

    answer = pay(line(day="2019-12-06"))

    assert before == [0, 0]
    assert counts(answer) == {"changed": 1}
    assert [paid(day)[0] for day in ("2019-12-05", "2019-12-06")] == [0, 1]
    assert balances() == {"bank": 25000, "premium": -25000}


def test_typed_evidence_that_waited_for_approval_counts_once_the_list_tells_of_it(pay, clerk):
    pay_directly(
        household=household("2"), year=2020, key=uuid4(), by=clerk, on=date(2019, 12, 5), channel="POS刷卡", slip="P9"
    )
    before = paid()

    answer = pay(line("王五", WANG))

    assert before == [0, 0]
    assert counts(answer) == {"changed": 1}
    assert paid(DAY) == [1, 0]
    assert balances() == {"bank": 25000, "premium": -25000}


@pytest.mark.parametrize("amount", ["125", "0", "249.99", "500"])
def test_another_amount_than_the_due_waits_for_the_township(pay, amount):
    answer = pay(line(amount=amount))

    assert (answer.code, counts(answer)) == (0, {"doubtful": 1})
    assert places(answer) == [(2, "金额", f"{float(amount):.2f}")]
    assert said_of(answer) == [f"金额{float(amount):.2f}元与应缴250.00元不符，待核实，暂不计数。"]
    assert (paid(), balances(), states()) == ([0, 0], {}, [("张三", "doubtful")])


def test_another_amount_of_somebody_paid_waits_too(pay):
    pay(line())

    answer = pay(line(amount="125", slip="P2"))

    assert counts(answer) == {"doubtful": 1}
    assert said_of(answer) == ["金额125.00元与已入账250.00元不符，待核实，暂不计数。"]
    assert (paid(), balances()) == ([1, 0], {"bank": 25000, "premium": -25000})


def test_a_doubtful_row_that_comes_again_is_not_recorded_twice(pay):
    pay(line(amount="125"))
    before = business()

    again = pay(line(amount="125"))

    assert (again.code, counts(again)) == (0, {"doubtful": 1})
    assert business() == before


def test_a_doubtful_row_goes_in_once_it_is_clear(pay, roster):
    pay(line(amount="125"))
    roster("城乡低保对象", ["张三", ZHANG])

    assert counts(pay(line(amount="125"))) == {"new": 1}
    assert (paid(DAY), states()) == ([1, 0], [("张三", "applied")])


def test_another_name_waits_for_the_township(pay):
    answer = pay(line("张山"))

    assert counts(answer) == {"doubtful": 1}
    assert places(answer) == [(2, "姓名", "张山")]
    assert said_of(answer) == ["该身份证号在名册上的姓名是“张三”，待核实，暂不计数。"]
    assert (paid(), states()) == ([0, 0], [("张山", "doubtful")])


def test_whoever_is_not_on_the_roll_is_refused(pay):
    answer = pay(line("陈七", CHEN), line())

    assert (answer.code, counts(answer)) == (0, {"new": 1, "refused": 1})
    assert places(answer) == [(2, "身份证号", CHEN)]
    assert said_of(answer) == ["该身份证号不在本年度名册上；请先登记，再导入一次。"]


def test_the_roll_of_another_year_is_another_roll(tmp_path):
    plan = tmp_path / "2021.toml"
    plan.write_text(PLAN_2020.read_text().replace("year = 2020", "year = 2021"))
    done("plan", "load", plan)

    answer = take_in("payments", sheet(tmp_path, COLUMNS, line()), year=2021)

    assert (answer.code, counts(answer)) == (1, {"refused": 1})


def test_whoever_need_not_pay_here_waits_for_the_township(pay, boss):
    person = Enrollment.objects.get(person__number=ZHANG)
    Exemption.objects.create(
        enrollment=person,
        reason="已参加职工医保",
        since=DAY,
        maker=boss,
        approver=User.objects.console(),
        approved_at=now(),
    )

    answer = pay(line())

    assert counts(answer) == {"doubtful": 1}
    assert said_of(answer) == ["该人已核减（已参加职工医保），待核实，暂不计数；确已缴费的请先撤销核减。"]
    assert paid() == [0, 0]


def test_a_day_to_come_is_refused_and_today_is_not(pay):
    tomorrow = (localdate() + timedelta(days=1)).isoformat()

    answer = pay(line(day=tomorrow), line("李四", LI, localdate().isoformat()))

    assert counts(answer) == {"new": 1, "refused": 1, "flagged": 1}
    assert places(answer) == [(2, "缴费日期", tomorrow)]
    assert said_of(answer) == [f"缴费日期{tomorrow}还没有到，请核对。"]


def test_whoever_paid_after_their_own_deadline_counts_and_is_flagged(pay):
    in_time = pay(line(day="2019-12-31"), line("王五", WANG, "2020-02-29"))
    late = pay(line("李四", LI, "2020-01-01"))

    assert (counts(in_time), counts(late)) == ({"new": 2}, {"new": 1, "flagged": 1})
    assert [paid(day)[0] for day in ("2019-12-31", "2020-01-01", "2020-02-29")] == [1, 2, 3]


def test_an_unknown_channel_and_an_empty_slip_are_kept(pay):
    assert counts(pay(line(slip=None, channel="村里的小卖部"))) == {"new": 1}
    assert PaidRow.objects.values_list("slip", "channel").get() == ("", "村里的小卖部")
    assert Document.objects.get().channel == "村里的小卖部"


def test_slip_and_channel_columns_may_be_absent(pay):
    assert counts(pay(line()[:4], columns="姓名 身份证号 缴费日期 金额")) == {"new": 1}


def test_the_fully_subsidised_pay_nothing_and_count_from_their_row(pay, roster):
    roster("特困人员", ["张三", ZHANG], ["李四", LI])

    answer = pay(line(amount="0"), line("李四", LI, amount="250"))

    assert counts(answer) == {"new": 1, "doubtful": 1}
    assert [paid(day)[0] for day in ("2019-12-04", DAY)] == [0, 1]
    assert balances() == {"premium": -25000, "receivable:医疗救助": 25000}


def test_the_category_is_that_of_the_evidence_day_among_lists_approved_by_now(pay, roster):
    roster("城乡低保对象", ["张三", ZHANG], month="2019-12")

    early = pay(line(day="2019-11-30"), line("李四", LI, "2019-11-30"))
    roster("城乡低保对象", ["张三", ZHANG], ["李四", LI], month="2019-11")

    assert counts(early) == {"new": 2}
    lines = {x["category"]: x["people"] for x in done("report", "funders", "--year", 2020)["lines"] if x["people"]}
    assert lines == {"一般户": 2}


WRONG_CELLS = {
    "no name": (0, "", "姓名", "没有填写姓名。"),
    "no number": (1, "", "身份证号", "没有填写身份证号。"),
    "15 digits": (1, ZHANG[:6] + ZHANG[8:17], "身份证号", f"15位旧号码，请改用18位：{ZHANG}。"),
    "scientific": (1, "4.39901E+17", "身份证号", "该列不是文本，末3位已丢失，请把该列设为文本格式后重新填写号码。"),
    "no day": (2, "", "缴费日期", "没有填写日期，请填写，例如 2019-12-10。"),
    "no calendar day": (2, "2019-02-30", "缴费日期", "“2019-02-30”不是日历上有的日期，请核对。"),
    "no amount": (3, "", "金额", "没有填写金额，请填写，例如 250 或 250.00。"),
    "words": (3, "四百", "金额", "“四百”不是金额，请填写数字，例如 250 或 250.00。"),
    "negative": (3, "-250", "金额", "金额 “-250”小于0，请核对。"),
    "half a fen": (3, "250.005", "金额", "金额 “250.005”多于两位小数，请写到分为止，例如 250.00。"),
    "NaN": (3, "NaN", "金额", "“NaN”不是金额，请填写数字，例如 250 或 250.00。"),
    "huge": (3, "1e308", "金额", "“1e308”不是金额，请填写数字，例如 250 或 250.00。"),
    "lost slip": (4, "2.02E+15", "凭证号", "号码成了科学计数，末几位已丢失，请把该列设为文本格式后重新填写。"),
}


@pytest.mark.parametrize(("at", "value", "column", "sentence"), WRONG_CELLS.values(), ids=WRONG_CELLS)
def test_a_wrong_cell_refuses_its_row_and_no_other(pay, at, value, column, sentence):
    wrong = line()
    wrong[at] = value

    answer = pay(line("李四", LI), wrong)

    assert (answer.code, counts(answer)) == (0, {"new": 1, "refused": 1})
    assert answer.said["errors"] == [{"sheet": "", "row": 3, "column": column, "value": value, "message": sentence}]
    assert (paid(), states()) == ([1, 0], [("李四", "applied")])


@pytest.mark.parametrize("ending", ["xlsx", "xls", "ods"])
def test_a_number_cell_has_lost_its_last_digits_and_is_refused(pay, ending):
    answer = pay(line(number=int(ZHANG[:17] + "0")), ending=ending)

    assert (answer.code, counts(answer)) == (1, {"refused": 1})
    assert answer.said["errors"][0]["sheet"] == sheet_name(ending)
    assert said_of(answer) == ["该列不是文本，末3位已丢失，请把该列设为文本格式后重新填写号码。"]


def test_whoever_stands_twice_differently_is_refused_both_times(pay):
    answer = pay(line(), line("李四", LI), line(slip="P2"), line("李四", LI))

    assert counts(answer) == {"new": 1, "same": 1, "refused": 2}
    assert places(answer) == [(2, "身份证号", ZHANG), (4, "身份证号", ZHANG)]
    assert said_of(answer) == ["第2、4行是同一个人，内容不同，请核对后只留一行。"] * 2


def test_the_same_file_again_changes_nothing(tmp_path, clerk):
    collect(clerk)
    rows = [
        line(),
        line("李四", LI, amount="125"),
        line("王五", WANG),
        line("陈七", CHEN),
        line("赵六", ZHAO, "2020-01-01"),
    ]
    file = sheet(tmp_path, COLUMNS, *rows)
    first = take_in("payments", file)
    before = business()

    second = take_in("payments", file)

    assert counts(first) == {"new": 2, "changed": 1, "refused": 1, "doubtful": 1, "flagged": 1}
    assert counts(second) == {"same": 3, "refused": 1, "doubtful": 1}
    assert (first.said["seen_before"], second.said["seen_before"], second.code) == (False, True, 0)
    assert business() == before


def test_a_refunded_person_is_not_paid_again_by_the_same_list(town, pay, boss):
    deputy = make_user("deputy", Role.TOWNSHIP, place=town)
    pay(line())
    person = Enrollment.objects.get(person__number=ZHANG)
    refund(enrollment=person, key=uuid4(), by=boss, approver=deputy, on=date(2020, 1, 10), reason="重复参保")
    before = business()

    again = pay(line())

    assert counts(again) == {"same": 1}
    assert business() == before
    assert [paid(day)[0] for day in (DAY, "2020-01-09", "2020-01-10")] == [1, 1, 0]
    assert counts(pay(line(day="2020-01-20", slip="P8"))) == {"new": 1, "flagged": 1}


def test_a_reversed_document_makes_room_for_the_list_again(town, pay, boss):
    deputy = make_user("deputy", Role.TOWNSHIP, place=town)
    pay(line())
    reverse(document=Document.objects.get(), key=uuid4(), by=boss, approver=deputy, reason="记错")
    gone = paid()

    assert gone == [0, 0]
    assert counts(pay(line())) == {"new": 1}
    assert (paid(DAY), states()) == ([1, 0], [("张三", "applied")])


@pytest.mark.parametrize("ending", ["utf-8.csv", "xlsx"])
def test_a_trial_leaves_no_trace_and_answers_as_the_import_does(tmp_path, clerk, ending):
    collect(clerk)
    rows = [line(), line("李四", LI, amount="125"), line("王五", WANG), line("陈七", CHEN)]
    file = sheet(tmp_path, COLUMNS, *rows, ending=ending)
    before = everything()

    trial = take_in("payments", file, "--dry-run")

    assert everything() == before
    assert take_in("payments", file) == trial


@pytest.mark.parametrize("ending", FORMATS)
def test_refused_rows_alone_come_back_and_go_in_mended(tmp_path, pay, ending):
    rejects = tmp_path / f"rejects.{ending.split('.')[-1]}"
    rows = [
        line(),
        line("李四", LI, amount="二百五"),
        line("王五", WANG, amount="125"),
        line("赵六", ZHAO, "2019-02-30"),
    ]
    answer = pay(*rows, ending=ending, words=("--rejects", rejects))

    heading, *back = rows_of(rejects)
    good = {"二百五": "250", "2019-02-30": "2019-12-06"}
    mended = [[good.get(cell, cell) for cell in row] for row in back]

    assert counts(answer) == {"new": 1, "refused": 2, "doubtful": 1}
    assert heading == (*COLUMNS.split(), "退回原因")
    assert [row[0] for row in back] == ["李四", "赵六"]
    again = take_in("payments", sheet(tmp_path, " ".join(map(str, heading)), *mended, ending=ending))
    assert counts(again) == {"new": 2}


def test_without_a_plan_there_is_nothing_to_hold_a_list_against(tmp_path):
    answer = take_in("payments", sheet(tmp_path, COLUMNS, line()), year=2030)

    assert answer == (1, {"error": "杨柳镇2030年度还没有生效的方案，请先运行 plan load。"})


@pytest.mark.parametrize("content", [b"", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1broken", "姓名,金额\n张三,250\n".encode()])
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path, content):
    file = tmp_path / "paid.csv"
    file.write_bytes(content)
    before = everything()

    answer = manage("import", "payments", file, "--year", 2020)

    assert answer.code == 1
    assert list(answer.said) == ["error"]
    assert everything() == before
