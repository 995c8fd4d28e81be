"""Two desks at the same moment. Each race is first shown with its guard off, so that the guard is seen to be what stops it.

CANBAO_RACES sets how often each race is run: a few times here, thousands for the long form.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from functools import partial
from threading import Barrier, BrokenBarrierError, Event
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.db.models import Count
from django.utils.timezone import localdate, now

from accounts.constraints import sentence_of
from accounts.models import User
from enrollment.actions import ledger
from enrollment.actions.ledger import (
    collect_premium,
    deposit_cash,
    receive_grant,
    refund,
    reverse,
)
from enrollment.actions.payments import import_payments
from enrollment.actions.population import import_population
from enrollment.models import Bill, DepositLine, Document, Enrollment, Exemption, Kind, ReceiptBook, Standing
from tests import databases
from tests.makers import (
    id_number,
    make_clerk,
    make_family,
    make_household,
    make_person,
    make_plan,
    make_township,
    make_user,
    make_village,
)
from villages.models import Role

pytestmark = pytest.mark.django_db(transaction=True)
RUNS = int(os.environ.get("CANBAO_RACES", "3"))
DESKS = 4
ON = date(2019, 12, 5)
SECONDS = 20


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """What each deed gave or raised, all begun at the same moment, each on a connection of its own."""
    start = Barrier(len(deeds))

    def act(deed):
        try:
            connection.ensure_connection()
            start.wait(SECONDS)
            return deed()
        except Exception as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as desks:
        return list(desks.map(act, deeds))


def outcomes(answers) -> Counter[str]:
    return Counter(type(answer).__name__ for answer in answers)


def without(*statements: str) -> None:
    """Take guards out of this test's own database, which is thrown away afterwards."""
    with databases.owner(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def wait_for_a_waiting_desk(unless: Event | None = None) -> None:
    """Until somebody else waits for a lock that this connection holds, or is done without."""
    for _ in range(SECONDS * 100):
        if unless and unless.is_set():
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity, pg_sleep(0.01) WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone() != (0,):
                return
    raise TimeoutError


NO_ROUNDS = (
    "DROP TRIGGER check_bills ON enrollment_bill",
    "ALTER TABLE enrollment_bill DROP CONSTRAINT one_bill_per_enrollment_and_round",
)
NO_KEYS = ("ALTER TABLE enrollment_document DROP CONSTRAINT enrollment_document_key_key",)


@pytest.fixture
def meet(monkeypatch):
    """All who come to this step of the deed wait for each other: everybody has asked, nobody has posted.

    Where a guard keeps some from coming, the others go on when their patience ends.
    """

    def arrange(step: str, desks: int, patience: float = SECONDS):
        deed, barrier = getattr(ledger, step), Barrier(desks)

        def wait_and_go_on(*args, **kwargs):
            with suppress(BrokenBarrierError):
                barrier.wait(patience)
            return deed(*args, **kwargs)

        monkeypatch.setattr(ledger, step, wait_and_go_on)

    return arrange


@pytest.fixture
def unlocked(monkeypatch):
    """The deeds as they would be without their locks."""
    monkeypatch.setattr(ledger, "_lock", lambda household, year: [])
    monkeypatch.setattr(ledger, "_hold_cash_of", lambda user: None)
    monkeypatch.setattr(ledger, "_hold_people", lambda standing: None)
    monkeypatch.setattr(ledger, "_hold_key", lambda key: None)


@pytest.fixture
def town():
    township = make_township()
    make_plan(township)
    return township


@pytest.fixture
def village(town):
    return make_village(town)


@pytest.fixture
def clerk(village):
    return make_clerk(village)


@pytest.fixture
def two_of_the_township(town):
    boss, deputy = (make_user(name, Role.TOWNSHIP, place=town) for name in ("boss", "deputy"))
    return {"by": boss, "approver": deputy, "reason": "错"}


def take(household, clerk, **more):
    given = {"key": uuid4(), "on": ON, **more}
    return partial(collect_premium, household=household, year=2020, by=clerk, **given)


def pay_in(clerk, village, slip="D1", **more):
    given = {"key": uuid4(), "on": localdate(), **more}
    return partial(deposit_cash, by=clerk, village=village, year=2020, slip=slip, **given)


def bills_of_each() -> set[int]:
    """How many bills stand for an enrolment that has any."""
    standing = Standing.objects.filter(ended_on__isnull=True).values("enrollment").annotate(n=Count("bill"))
    return {row["n"] for row in standing}


# (a) Several clerks, one household.


def clerks_of(village):
    return [make_clerk(village, f"clerk{n}") for n in range(DESKS)]


def test_several_clerks_take_one_households_money_once(village):
    clerks = clerks_of(village)

    for _ in range(RUNS):
        household, _ = make_family(village, "张三", "张四")
        answers = at_once(*(take(household, clerk) for clerk in clerks))
        assert outcomes(answers) == {"Document": 1, "NothingOwed": DESKS - 1}

    assert Document.objects.count() == RUNS
    assert bills_of_each() == {1}


def test_control_without_lock_and_rounds_they_take_it_twice(village, unlocked, meet):
    household, _ = make_family(village, "张三")
    clerks = clerks_of(village)
    without(*NO_ROUNDS)
    meet("next_receipt", DESKS)

    answers = at_once(*(take(household, clerk) for clerk in clerks))

    assert outcomes(answers) == {"Document": DESKS}
    assert bills_of_each() == {DESKS}


def test_should_a_deed_forget_its_lock_the_database_still_refuses(village, unlocked, meet):
    household, _ = make_family(village, "张三")
    clerks = clerks_of(village)
    meet("next_receipt", DESKS)

    answers = at_once(*(take(household, clerk) for clerk in clerks))

    assert outcomes(answers) == {"Document": 1, "IntegrityError": DESKS - 1}
    assert {sentence_of(a) for a in answers if isinstance(a, IntegrityError)} == {"该人本年度已缴费。"}
    assert bills_of_each() == {1}


# (b) One form, sent many times.


def test_one_key_sent_twenty_times_at_once_is_one_document(village, clerk):
    for _ in range(RUNS):
        household, _ = make_family(village, "张三")
        answers = at_once(*[take(household, clerk, key=uuid4())] * 20)
        assert outcomes(answers) == {"Document": 20}
        assert len({document.pk for document in answers}) == 1

    assert Document.objects.count() == RUNS


def test_control_without_lock_rounds_and_key_it_is_a_document_each_time(village, clerk, unlocked, meet):
    household, _ = make_family(village, "张三")
    key = uuid4()
    without(*NO_ROUNDS, *NO_KEYS)
    meet("next_receipt", DESKS)

    at_once(*[take(household, clerk, key=key)] * DESKS)

    assert Document.objects.filter(key=key).count() == DESKS


def test_one_deposit_sent_twenty_times_at_once_is_one_document(village, clerk):
    household, _ = make_family(village, "张三")
    take(household, clerk)()

    answers = at_once(*[pay_in(clerk, village)] * 20)

    assert outcomes(answers) == {"Document": 20}
    assert len({document.pk for document in answers}) == 1


def grant(town, boss, **more):
    given = {"key": uuid4(), "on": ON, "slip": "G1", **more}
    return partial(receive_grant, township=town, year=2020, funder="财政", fen=100, by=boss, **given)


def test_one_grant_sent_several_times_at_once_is_one_document(town, two_of_the_township, meet):
    meet("post", DESKS, patience=1)

    answers = at_once(*[grant(town, two_of_the_township["by"])] * DESKS)

    assert outcomes(answers) == {"Document": DESKS}
    assert len({document.pk for document in answers}) == 1


# (c) One person, two villages.


def enlist_in(village, person):
    return partial(Enrollment.objects.create, person=person, year=2020, village=village)


def test_one_person_is_enrolled_in_one_village_of_two(town, village):
    other = make_village(town, "杨树村")

    for _ in range(RUNS):
        person = make_person(make_household(village))
        answers = at_once(enlist_in(village, person), enlist_in(other, person))
        assert outcomes(answers) == {"Enrollment": 1, "IntegrityError": 1}
        assert Enrollment.objects.live().filter(person=person).count() == 1


def test_control_without_the_index_both_villages_have_the_person(town, village):
    other, person = make_village(town, "杨树村"), make_person(make_household(village))
    without("DROP INDEX one_live_enrollment_per_person_and_year")

    at_once(enlist_in(village, person), enlist_in(other, person))

    assert Enrollment.objects.live().filter(person=person).count() == 2


def sheet(tmp_path, village):
    """A household roll of one new person who is on the other village's roll as well."""
    path = tmp_path / f"{village.name}.csv"
    row = f"{village.name},1,H1,张三,户主,张三,{id_number(serial=1)}"
    path.write_text(f"村(社区),组,户号,户主,与户主关系,姓名,身份证号\n{row}\n", encoding="utf-8")
    return path


def test_two_rolls_that_name_one_person_enrol_them_once(town, village, tmp_path):
    other, console = make_village(town, "杨树村"), User.objects.console()
    sheets = [sheet(tmp_path, place) for place in (village, other)]

    reports = at_once(*(partial(import_population, path=p, township=town, year=2020, by=console) for p in sheets))

    assert sorted((report.new, report.refused) for report in reports) == [(0, 1), (1, 0)]
    assert Enrollment.objects.live().count() == 1


# (d) One bundle of cash, two slips.


def test_the_same_cash_is_paid_in_once(village, clerk):
    for _ in range(RUNS):
        take(make_family(village, "张三")[0], clerk)()
        answers = at_once(pay_in(clerk, village, "D1"), pay_in(clerk, village, "D2"))
        assert outcomes(answers) == {"Document": 1, "NothingOwed": 1}

    assert DepositLine.objects.count() == RUNS


def test_control_without_lock_and_lines_it_is_paid_in_twice(village, clerk, unlocked, meet):
    take(make_family(village, "张三")[0], clerk)()
    without(
        "DROP TRIGGER check_deposit_lines ON enrollment_depositline",
        "ALTER TABLE enrollment_depositline DROP CONSTRAINT cash_is_deposited_once",
    )
    meet("post", 2)

    answers = at_once(pay_in(clerk, village, "D1"), pay_in(clerk, village, "D2"))

    assert outcomes(answers) == {"Document": 2}
    assert Bill.objects.get().deposit_lines.count() == 2


def test_cash_that_a_paid_list_pays_in_meanwhile_is_no_longer_in_hand(town, village, clerk, tmp_path, monkeypatch):
    household, (enrollment,) = make_family(village, "张三")
    take(household, clerk)()
    path = tmp_path / "paid.csv"
    row = f"张三,{enrollment.person.number},{ON},250,S1,POS刷卡"
    path.write_text(f"姓名,身份证号,缴费日期,金额,凭证号,缴费渠道\n{row}\n", encoding="utf-8")
    post, asked, done = ledger.post, Barrier(2), Event()

    def post_after_the_list(*args, **kwargs):
        asked.wait(SECONDS)
        wait_for_a_waiting_desk(unless=done)
        return post(*args, **kwargs)

    def import_meanwhile():
        asked.wait(SECONDS)
        try:
            return import_payments(path=path, township=town, year=2020, by=User.objects.console())
        finally:
            done.set()

    monkeypatch.setattr(ledger, "post", post_after_the_list)
    answers = at_once(pay_in(clerk, village), import_meanwhile)

    assert outcomes(answers) in ({"Document": 1, "Report": 1}, {"NothingOwed": 1, "Report": 1})
    assert DepositLine.objects.count() == 1


# (e) Exempt at one desk, paying at the other.


def approve(exemption, boss):
    changes = {"approver": boss, "approved_at": now()}
    return partial(Exemption.objects.filter(pk=exemption.pk).update, **changes)


def ask_exemption(village, clerk):
    household, (enrollment,) = make_family(village, "张三")
    return household, Exemption.objects.create(enrollment=enrollment, reason="职工医保", since=ON, maker=clerk)


def both() -> int:
    """How many are exempt and billed at once."""
    return Standing.objects.filter(enrollment__in=Exemption.objects.live().values("enrollment")).count()


def test_nobody_is_exempted_while_their_money_is_taken(town, village, clerk):
    boss = make_user("boss", Role.TOWNSHIP, place=town)

    for _ in range(RUNS):
        household, exemption = ask_exemption(village, clerk)
        answers = at_once(take(household, clerk), approve(exemption, boss))
        assert outcomes(answers) in ({"Document": 1, "IntegrityError": 1}, {"NothingOwed": 1, "int": 1})

    assert both() == 0


def test_whoever_is_being_billed_cannot_be_exempted(town, village, clerk, monkeypatch):
    """The township's approval arrives after the clerk asked and before the clerk posts, and has to wait."""
    boss = make_user("boss", Role.TOWNSHIP, place=town)
    household, exemption = ask_exemption(village, clerk)
    post, asked = ledger.post, Barrier(2)

    def post_once_the_approval_waits(*args, **kwargs):
        asked.wait(SECONDS)
        wait_for_a_waiting_desk()
        return post(*args, **kwargs)

    def approve_meanwhile():
        asked.wait(SECONDS)
        return approve(exemption, boss)()

    monkeypatch.setattr(ledger, "post", post_once_the_approval_waits)
    answers = at_once(take(household, clerk), approve_meanwhile)

    assert outcomes(answers) == {"Document": 1, "IntegrityError": 1}
    assert sentence_of(answers[1]) == "该人已缴费，不能核减；须先冲销或退费。"
    assert both() == 0


def test_control_without_the_checks_somebody_is_exempt_and_pays(town, village, clerk, monkeypatch):
    boss = make_user("boss", Role.TOWNSHIP, place=town)
    household, exemption = ask_exemption(village, clerk)
    without("DROP TRIGGER check_exemption ON enrollment_exemption", "DROP TRIGGER check_bills ON enrollment_bill")
    post, asked, approved = ledger.post, Barrier(2), Event()

    def post_after_the_approval(*args, **kwargs):
        asked.wait(SECONDS)
        approved.wait(SECONDS)
        return post(*args, **kwargs)

    def approve_between():
        asked.wait(SECONDS)
        changed = approve(exemption, boss)()
        approved.set()
        return changed

    monkeypatch.setattr(ledger, "post", post_after_the_approval)
    answers = at_once(take(household, clerk), approve_between)

    assert outcomes(answers) == {"Document": 1, "int": 1}
    assert both() == 1


# (f) One book, many receipts, some torn out.


class Torn(Exception):
    """The clerk's connection broke after the number was taken."""


def test_receipts_are_numbered_without_a_gap_though_some_are_rolled_back(village, clerk, monkeypatch):
    households = [make_family(village, "张三")[0] for _ in range(200)]
    torn = set(random.Random(1).sample([household.pk for household in households], 60))
    post = ledger.post

    def post_or_break(drafts, **more):
        posted = post(drafts, **more)
        if drafts[0].household_id in torn:
            raise Torn
        return posted

    def desk(own):
        return [at_desk(take(household, clerk)) for household in own]

    monkeypatch.setattr(ledger, "post", post_or_break)
    at_once(*(partial(desk, households[n::DESKS]) for n in range(DESKS)))

    numbers = Document.objects.order_by("receipt_number").values_list("receipt_number", flat=True)
    assert list(numbers) == list(range(1, 141))
    assert ReceiptBook.objects.get().last_number == 140


def at_desk(deed):
    try:
        return deed()
    except Torn as torn:
        return torn


def test_control_a_number_that_is_read_and_not_held_is_given_twice(village, clerk, monkeypatch):
    households = [make_family(village, "张三")[0] for _ in range(2)]
    book, read = ReceiptBook.objects.create(village=village, year=2020), Barrier(2)

    def read_only(village, year):
        number = ReceiptBook.objects.get(pk=book.pk).last_number + 1
        read.wait(SECONDS)
        return book.pk, number

    monkeypatch.setattr(ledger, "next_receipt", read_only)
    without("ALTER TABLE enrollment_document DROP CONSTRAINT receipt_number_once_per_book")
    at_once(*(take(household, clerk) for household in households))

    assert list(Document.objects.values_list("receipt_number", flat=True)) == [1, 1]


# (g) One mistake, taken away twice.


def undo(document, two):
    return partial(reverse, document=document, key=uuid4(), **two)


def test_a_document_is_reversed_once(village, clerk, two_of_the_township):
    for _ in range(RUNS):
        document = take(make_family(village, "张三")[0], clerk)()
        answers = at_once(*(undo(document, two_of_the_township) for _ in range(DESKS)))
        assert outcomes(answers) == {"Document": 1, "NotAllowed": DESKS - 1}

    assert Document.objects.filter(kind=Kind.REVERSAL).count() == RUNS


def test_control_without_lock_and_index_it_is_reversed_twice(village, clerk, two_of_the_township, unlocked, meet):
    document = take(make_family(village, "张三")[0], clerk)()
    without("ALTER TABLE enrollment_document DROP CONSTRAINT enrollment_document_reverses_id_key")
    meet("post", 2)

    answers = at_once(*(undo(document, two_of_the_township) for _ in range(2)))

    assert outcomes(answers) == {"Document": 2}
    assert Document.objects.filter(reverses=document).count() == 2


# (h) The same money given back at one desk and taken away at the other.


def give_back(enrollment, two):
    return partial(refund, enrollment=enrollment, key=uuid4(), on=localdate(), **two)


def given_back() -> int:
    """Fen that left the bank again."""
    legs = ledger.Leg.objects.filter(document__kind__in=[Kind.REVERSAL, Kind.REFUND], account="bank")
    return -sum(legs.values_list("fen", flat=True))


def test_money_refunded_at_one_desk_is_not_reversed_at_the_other(village, clerk, two_of_the_township):
    for nth in range(RUNS):
        household, (enrollment,) = make_family(village, "张三")
        document = take(household, clerk)()
        pay_in(clerk, village)()
        answers = at_once(give_back(enrollment, two_of_the_township), undo(document, two_of_the_township))
        assert outcomes(answers)["Document"] == 1
        assert given_back() == 25000 * (nth + 1)


def test_cash_reversed_at_one_desk_is_not_paid_in_at_the_other(village, clerk, two_of_the_township):
    for _ in range(RUNS):
        document = take(make_family(village, "张三")[0], clerk)()
        answers = at_once(pay_in(clerk, village), undo(document, two_of_the_township))
        assert outcomes(answers) in ({"Document": 2}, {"Document": 1, "NothingOwed": 1})

    cash = ledger.Leg.objects.filter(account="cash:clerk").values_list("fen", flat=True)
    assert sum(cash) == 0
