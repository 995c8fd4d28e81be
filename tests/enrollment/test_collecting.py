"""A clerk takes a household's money: what is owed, who pays, which day counts."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils.timezone import localdate

from enrollment.actions.ledger import (
    KeyReused,
    NotAllowed,
    NothingOwed,
    approve_document,
    collect_premium,
    deposit_cash,
    pay_directly,
    refund,
    reverse,
)
from enrollment.models import Bill, Document, Enrollment, Leg, Standing
from reports.queries import progress
from reports.registers import pages_of
from subsidies.policy import MayNotPay
from tests import databases
from tests.makers import (
    make_clerk,
    make_family,
    make_plan,
    make_roster,
    make_township,
    make_user,
    make_village,
    plan_2020,
)
from villages.models import Role

pytestmark = pytest.mark.django_db
ON = date(2019, 12, 5)


@pytest.fixture
def town():
    township = make_township()
    make_plan(township)
    return township


@pytest.fixture
def village(town):
    return make_village(town, quota=100)


def take(household, clerk, **more):
    given = {"key": uuid4(), "on": ON, **more}
    return collect_premium(household=household, year=2020, by=clerk, **given)


def legs(document):
    return dict(Leg.objects.filter(document=document).values_list("account", "fen"))


def test_a_household_pays_what_the_rosters_leave(town, village):
    household, (father, son) = make_family(village, "张三", "张四")
    make_roster(town, "城乡低保对象", son.person, approver=make_user("boss", Role.TOWNSHIP, place=town))

    document = take(household, make_clerk(village))

    assert legs(document) == {"cash:clerk": 37500, "receivable:医疗救助": 12500, "premium": -50000}
    assert list(Bill.objects.order_by("enrollment").values_list("enrollment", "applied", "personal_fen")) == [
        (father.pk, "", 25000),
        (son.pk, "城乡低保对象", 12500),
    ]
    assert document.receipt_number == 1


def test_cash_counts_from_the_slip_that_pays_it_in(village):
    household, (father,) = make_family(village, "张三")
    clerk = make_clerk(village)
    take(household, clerk)
    collected = Standing.objects.get().counts_on

    slip = deposit_cash(by=clerk, village=village, year=2020, key=uuid4(), on=localdate(), slip="D1")

    assert collected is None
    assert Standing.objects.get().counts_on == localdate()
    assert legs(slip) == {"bank": 25000, "cash:clerk": -25000}
    with pytest.raises(NothingOwed):
        deposit_cash(by=clerk, village=village, year=2020, key=uuid4(), on=localdate(), slip="D2")


def test_the_same_key_gives_the_same_document(village):
    household, _ = make_family(village, "张三")
    clerk, key = make_clerk(village), uuid4()

    first = take(household, clerk, key=key)

    assert take(household, clerk, key=key) == first
    assert Document.objects.count() == 1
    with pytest.raises(KeyReused):
        take(household, clerk, key=key, on=ON + timedelta(days=1))


def test_nothing_is_owed_twice(village):
    household, _ = make_family(village, "张三")
    clerk = make_clerk(village)
    take(household, clerk)

    with pytest.raises(NothingOwed):
        take(household, clerk)


def test_part_of_a_household_now_and_the_rest_later(village):
    household, (father, son) = make_family(village, "张三", "张四")
    clerk = make_clerk(village)

    first = take(household, clerk, only=[son.pk])
    second = take(household, clerk)

    assert [list(d.bills.values_list("enrollment", flat=True)) for d in (first, second)] == [[son.pk], [father.pk]]
    assert [d.receipt_number for d in (first, second)] == [1, 2]


def test_after_the_deadline_only_those_away_at_work_may_pay(village):
    household, (father, son) = make_family(village, "张三", "张四")
    Enrollment.objects.filter(pk=son.pk).update(is_migrant=True)
    clerk = make_clerk(village)

    with pytest.raises(MayNotPay):
        take(household, clerk, on=date(2020, 1, 1))
    assert take(household, clerk, on=date(2020, 2, 29), only=[son.pk]).bills.count() == 1


def test_late_typed_evidence_counts_once_the_township_approves(town, village):
    household, _ = make_family(village, "张三")
    document = pay_directly(
        household=household, year=2020, key=uuid4(), by=make_clerk(village), on=ON, channel="POS刷卡", slip="P1"
    )
    before = Standing.objects.get().counts_on

    approve_document(document=document, by=make_user("boss", Role.TOWNSHIP, place=town))

    assert document.is_late
    assert before is None
    assert Standing.objects.get().counts_on == ON


def test_a_reversal_takes_the_document_away_from_its_evidence_day_on(village):
    household, (father,) = make_family(village, "张三")
    clerk, other = make_clerk(village), make_clerk(village, "other")
    document = take(household, clerk)

    reverse(document=document, key=uuid4(), by=clerk, approver=other, reason="收错户")

    assert not Standing.objects.exists()
    assert take(household, clerk).bills.get().round == 2


@pytest.mark.parametrize("approver", ["clerk", "stranger"])
def test_a_reversal_needs_a_second_human_of_the_place(town, village, approver):
    household, _ = make_family(village, "张三")
    clerk = make_clerk(village)
    make_clerk(make_village(town, "杨树村"), "stranger")
    document = take(household, clerk)

    with pytest.raises(NotAllowed):
        reverse(
            document=document, key=uuid4(), by=clerk, approver=type(clerk).objects.get(username=approver), reason="错"
        )


def test_after_the_deposit_only_two_of_the_township_reverse(town, village):
    household, _ = make_family(village, "张三")
    clerk, other = make_clerk(village), make_clerk(village, "other")
    boss, deputy = (make_user(name, Role.TOWNSHIP, place=town) for name in ("boss", "deputy"))
    document = take(household, clerk)
    deposit_cash(by=clerk, village=village, year=2020, key=uuid4(), on=localdate(), slip="D1")

    with pytest.raises(NotAllowed):
        reverse(document=document, key=uuid4(), by=clerk, approver=other, reason="错")
    reversal = reverse(document=document, key=uuid4(), by=boss, approver=deputy, reason="错")

    assert legs(reversal) == {"bank": -25000, "premium": 25000}


def test_a_refunded_person_was_paid_until_the_refund(town, village):
    household, (father,) = make_family(village, "张三")
    boss, deputy = (make_user(name, Role.TOWNSHIP, place=town) for name in ("boss", "deputy"))
    clerk = make_clerk(village)
    take(household, clerk)
    deposit_cash(by=clerk, village=village, year=2020, key=uuid4(), on=localdate(), slip="D1")

    document = refund(enrollment=father, key=uuid4(), by=boss, approver=deputy, on=localdate(), reason="重复参保")

    assert legs(document) == {"bank": -25000, "premium": 25000}
    assert Standing.objects.get().ended_on == localdate()
    assert Enrollment.objects.owed().get() == father


def test_a_refunded_person_stays_registered_in_progress_register_and_view(town, village):
    household, (father,) = make_family(village, "张三")
    boss, deputy = (make_user(name, Role.TOWNSHIP, place=town) for name in ("boss", "deputy"))
    clerk = make_clerk(village)
    take(household, clerk)
    deposit_cash(by=clerk, village=village, year=2020, key=uuid4(), on=localdate(), slip="D1")
    refund(enrollment=father, key=uuid4(), by=boss, approver=deputy, on=localdate(), reason="重复参保")

    line = progress(township=town, year=2020)["total"]
    (page,) = pages_of(village, plan=plan_2020())
    with databases.owner(), connection.cursor() as cursor:
        cursor.execute("SELECT stage FROM v_enrolment")
        stages = cursor.fetchall()

    assert (line["registered"], line["paid"]) == (1, 0)
    assert [(row.name, row.paid_fen) for row in page.rows] == [("张三", None)]
    assert stages == [("registered",)]
