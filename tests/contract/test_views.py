"""The views that outsiders check the books with: their columns, signs and words."""

from datetime import date, datetime
from hashlib import sha256
from uuid import uuid4

import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils.timezone import localdate
from psycopg2.errors import InsufficientPrivilege

from enrollment.actions.ledger import (
    collect_premium,
    deposit_cash,
    pay_directly,
    receive_grant,
    refund,
    reverse,
)
from enrollment.models import Document, Enrollment, Household
from tests import databases
from tests.contract.office import LI, WANG, ZHANG, ZHAO, done, sheet
from tests.makers import make_clerk, make_user
from villages.models import Role, Village

PEOPLE = [
    ["柳树村", "1", "户主", "张三", ZHANG, ""],
    ["柳树村", "1", "妻", "李四", LI, ""],
    ["柳树村", "2", "户主", "王五", WANG, "是"],
    ["桃树村", "1", "户主", "赵六", ZHAO, ""],
    ["桃树村", "1", "子", "赵六之子", "", ""],
]
COLUMNS = {
    "v_ledger": ["document", "key", "kind", "leg", "account", "fen", "evidence_on", "recorded_at", "maker"],
    "v_enrolment": [
        *("person", "number_hash", "year", "scheme", "village", "stage", "due_fen", "counts_on", "version"),
    ],
    "v_audit": ["seq", "at", "actor", "action", "object", "ok"],
}


@pytest.fixture
def small(town, villages, boss, tmp_path):
    columns = "村(社区) 户号 与户主关系 姓名 身份证号 外出务工"
    done("import", "population", sheet(tmp_path, columns, *PEOPLE), "--year", 2020)
    file = sheet(tmp_path, "姓名 身份证号", ["李四", LI])
    words = ("--office", "民政办", "--category", "城乡低保对象", "--month", "2019-09", "--approve", "--by", "boss")
    done("import", "roster", file, "--year", 2020, *words)
    return Village.objects.get(code="01")


@pytest.fixture
def clerk(small):
    return make_clerk(small)


@pytest.fixture
def deputy(town):
    return make_user("deputy", Role.TOWNSHIP, place=town)


def read(question: str) -> list[tuple[object, ...]]:
    """What the owner of the database sees."""
    with databases.owner(), connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall()


def household(number="1", village="01") -> Household:
    return Household.objects.get(village__code=village, number=number)


def entries() -> dict[str, list[tuple[object, ...]]]:
    """The legs of each kind of document."""
    told: dict[str, list[tuple[object, ...]]] = {}
    for kind, *leg in read('SELECT kind, account, fen FROM v_ledger ORDER BY document, account COLLATE "C"'):
        told.setdefault(str(kind), []).append(tuple(leg))
    return told


def stages() -> dict[object, tuple[object, ...]]:
    names = dict(Enrollment.objects.values_list("person_id", "person__name"))
    rows = read("SELECT person, stage, due_fen, counts_on FROM v_enrolment")
    return {names[row[0]]: row[1:] for row in rows}


def collect(clerk, **more):
    return collect_premium(household=household(), year=2020, key=uuid4(), by=clerk, on=date(2019, 12, 5), **more)


@pytest.mark.parametrize("view", COLUMNS)
def test_the_columns_are_fixed(small, view):
    with databases.owner(), connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {view}")
        assert [column.name for column in cursor.description] == COLUMNS[view]


@pytest.mark.parametrize("view", COLUMNS)
def test_the_web_role_reads_none_of_them(small, view):
    with pytest.raises(ProgrammingError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {view}")
    assert isinstance(refused.value.__cause__, InsufficientPrivilege)


def test_the_signs_of_every_kind_of_document(town, small, clerk, boss, deputy):
    two = {"by": boss, "approver": deputy, "reason": "记错"}
    mistaken = collect(clerk)
    reverse(document=mistaken, key=uuid4(), by=clerk, approver=boss, reason="收错户")
    collect(clerk)
    deposit_cash(by=clerk, village=small, year=2020, key=uuid4(), on=localdate(), slip="D1")
    given = {"year": 2020, "key": uuid4(), "by": clerk, "on": date(2020, 2, 1), "channel": "POS刷卡", "slip": "P1"}
    pay_directly(household=household("2"), **given)
    refund(enrollment=Enrollment.objects.get(person__number=LI), key=uuid4(), on=localdate(), **two)
    receive_grant(
        township=town, year=2020, funder="医疗救助", fen=12500, key=uuid4(), by=boss, on=localdate(), slip="G1"
    )

    taken = [("cash:clerk", 37500), ("premium", -50000), ("receivable:医疗救助", 12500)]
    assert entries() == {
        "collection": taken * 2,
        "reversal": [(account, -fen) for account, fen in taken],
        "deposit": [("bank", 37500), ("cash:clerk", -37500)],
        "direct": [("bank", 25000), ("premium", -25000)],
        "refund": [("bank", -12500), ("premium", 25000), ("receivable:医疗救助", -12500)],
        "grant": [("bank", 12500), ("receivable:医疗救助", -12500)],
    }
    assert read("SELECT document FROM v_ledger GROUP BY document HAVING sum(fen) <> 0") == []


def test_a_reversal_after_the_deposit_takes_the_money_out_of_the_bank(small, clerk, boss, deputy):
    document = collect(clerk)
    deposit_cash(by=clerk, village=small, year=2020, key=uuid4(), on=localdate(), slip="D1")

    reverse(document=document, key=uuid4(), by=boss, approver=deputy, reason="记错")

    assert entries()["reversal"] == [("bank", -37500), ("premium", 50000), ("receivable:医疗救助", -12500)]


def test_a_ledger_line_tells_its_document(small, clerk):
    key = uuid4()
    document = collect_premium(household=household(), year=2020, key=key, by=clerk, on=date(2019, 12, 5))

    rows = read("SELECT document, key, kind, evidence_on, maker, recorded_at, leg FROM v_ledger")

    told = {(row[0], str(row[1]), *row[2:5]) for row in rows}
    assert told == {(document.pk, str(key), "collection", date(2019, 12, 5), "clerk")}
    assert all(isinstance(row[5], datetime) for row in rows)
    assert len({row[6] for row in rows}) == 3


def test_the_stages_of_everybody(small, clerk, tmp_path):
    paid = sheet(tmp_path, "姓名 身份证号 缴费日期 金额", ["王五", WANG, "2020-02-01", 250])
    done("import", "payments", paid, "--year", 2020)
    collect(clerk, only=[Enrollment.objects.get(person__number=LI).pk])
    Enrollment.objects.filter(person__name="赵六").update(entered_on=date(2019, 12, 1))
    child = Enrollment.objects.get(person__name="赵六之子")
    child.stopped_on, child.stop_reason = date(2020, 1, 1), "未出生"
    child.save()

    assert stages() == {
        "张三": ("listed", None, None),
        "李四": ("collected", 12500, None),
        "王五": ("paid", 25000, date(2020, 2, 1)),
        "赵六": ("registered", None, None),
        "赵六之子": ("stopped", None, None),
    }


def test_an_enrolment_tells_who_where_and_under_which_plan(small, clerk):
    collect(clerk, only=[Enrollment.objects.get(person__number=ZHANG).pk])

    told = {row[0]: row[1:] for row in read("SELECT number_hash, year, scheme, village, version FROM v_enrolment")}
    hashes = {number: sha256(number.encode()).hexdigest() for number in (ZHANG, LI, WANG, ZHAO)}
    assert told == {
        hashes[ZHANG]: (2020, "resident", "01", 1),
        hashes[LI]: (2020, "resident", "01", None),
        hashes[WANG]: (2020, "resident", "01", None),
        hashes[ZHAO]: (2020, "resident", "02", None),
        None: (2020, "resident", "02", None),
    }


def test_late_typed_evidence_is_registered_but_not_paid(small, clerk):
    given = {"year": 2020, "key": uuid4(), "by": clerk, "on": date(2020, 2, 1), "channel": "POS刷卡", "slip": "P1"}
    pay_directly(household=household("2"), **given)

    assert stages()["王五"] == ("registered", 25000, None)


def test_a_reversed_document_leaves_the_enrolment_as_it_was(small, clerk, boss):
    document = collect(clerk)
    reverse(document=document, key=uuid4(), by=clerk, approver=boss, reason="收错户")

    assert stages()["张三"] == ("listed", None, None)


def test_the_trail_tells_who_did_what_to_which_row_in_order(small, tmp_path):
    (before,) = read("SELECT max(seq) FROM v_audit")
    paid = sheet(tmp_path, "姓名 身份证号 缴费日期 金额", ["王五", WANG, "2020-02-01", 250])
    done("import", "payments", paid, "--year", 2020)

    rows = read(f"SELECT seq, actor, action, object, ok, at FROM v_audit WHERE seq > {before[0]} ORDER BY seq")

    document = Document.objects.get()
    assert {row[1:3] for row in rows} == {("console", "INSERT")}
    assert [row[3].split(":")[0] for row in rows] == [
        "accounts_upload",
        "enrollment_document",
        "enrollment_bill",
        "enrollment_leg",
        "enrollment_leg",
        "enrollment_paidrow",
    ]
    assert rows[1][3] == f"enrollment_document:{document.pk}"
    assert all(row[4] is True and isinstance(row[5], datetime) for row in rows)
