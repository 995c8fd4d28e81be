"""Every guard of the database is broken once with raw SQL, as the web role and as the owner: neither gets past it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils.timezone import localdate

from accounts.constraints import sentence_of
from accounts.models import User
from accounts.roles import ROOMS
from enrollment.actions.ledger import approve_document, collect_premium, deposit_cash, pay_directly, refund, reverse
from enrollment.models import Enrollment, Exemption, ReceiptBook
from tests import databases, makers
from villages.models import Group, Role

ON = date(2019, 12, 5)
NOW = "2019-12-05 10:00+08"
NEW = -1  # the id of the document a case writes
LEDGER = ("document", "leg", "bill", "approval", "refundline", "depositline")
PAID = [("cash:clerk", 25000), ("premium", -25000)]


def make_town(cast):
    cast.town = makers.make_township()
    cast.plan = makers.make_plan(cast.town)
    cast.village, cast.other = makers.make_village(cast.town), makers.make_village(cast.town, "杨树村")
    cast.group, cast.strange_group = (Group.objects.create(village=v, name="1组") for v in (cast.village, cast.other))
    cast.console = User.objects.console()
    cast.clerk, cast.mate = makers.make_clerk(cast.village), makers.make_clerk(cast.village, "mate")
    cast.boss, cast.deputy = (makers.make_user(n, Role.TOWNSHIP, place=cast.town) for n in ("boss", "deputy"))
    cast.book = ReceiptBook.objects.create(village=cast.village, year=2020)


def make_people(cast):
    """One household each, named after what became of them."""
    for name in ("open", "cash", "wrong", "banked", "slip", "refunded", "again", "exempt", "stopped"):
        household, (enrollment,) = makers.make_family(cast.village, "张三", number=name)
        setattr(cast, name, enrollment)
        setattr(cast, f"{name}_house", household)
        cast.person = enrollment.person
    cast.numberless = makers.make_household(cast.village)
    Enrollment.objects.filter(pk=cast.stopped.pk).update(stopped_on=ON, stop_reason="迁出")
    cast.exemption = Exemption.objects.create(
        enrollment=cast.exempt, reason="职工医保", since=ON, maker=cast.clerk, approver=cast.boss, approved_at=NOW
    )


def make_papers(cast):
    def take(name, deed=collect_premium, **more):
        house = getattr(cast, f"{name}_house")
        return deed(household=house, year=2020, key=uuid4(), by=cast.clerk, on=ON, **more)

    def pay_in(slip):
        given = {"by": cast.clerk, "village": cast.village, "year": 2020, "key": uuid4()}
        return deposit_cash(on=localdate(), slip=slip, **given)

    cast.banked_paper, cast.wrong_paper = take("banked"), take("wrong")
    cast.deposit = pay_in("D1")
    township = {"by": cast.boss, "approver": cast.deputy, "reason": "错"}
    cast.reversal = reverse(document=cast.wrong_paper, key=uuid4(), **township)
    cast.slip_paper = take("slip", pay_directly, channel="POS刷卡", slip="P1")
    cast.approval = approve_document(document=cast.slip_paper, by=cast.boss)
    cast.refunded_paper, cast.again_paper = take("refunded"), take("again")
    cast.refunded_deposit = pay_in("D2")
    cast.refund = refund(enrollment=cast.refunded, key=uuid4(), on=localdate(), **township)
    cast.again_refund = refund(enrollment=cast.again, key=uuid4(), on=localdate(), **township)
    take("again")
    cast.cash_paper = take("cash")
    for name in ("cash", "wrong", "banked", "slip", "refunded"):
        setattr(cast, f"{name}_bill", getattr(cast, f"{name}_paper").bills.get())


def make_lists(cast):
    cast.draft = makers.make_roster(cast.town, "城乡低保对象", cast.person)
    cast.roster = makers.make_roster(cast.town, "孤儿", cast.person, approver=cast.boss)
    cast.upload, cast.entry = cast.roster.upload, cast.draft.entries.get()


@pytest.fixture(scope="module")
def cast(django_db_setup, django_db_blocker):
    """A town in which everything has happened once; each case takes back what it did."""
    town = SimpleNamespace()
    everything = transaction.atomic()
    everything._from_testcase = True  # else no deed, being durable, would begin inside
    with django_db_blocker.unblock(), everything:
        for make in (make_town, make_people, make_papers, make_lists):
            make(town)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        yield town
        transaction.set_rollback(True)


# A sound row of each table; "@name" is the cast's id of that name.
SOUND: dict[str, dict[str, object]] = {
    "accounts_user": {"username": "new", "full_name": "新人", "password": "!", "is_active": True, "code_hash": ""},
    "accounts_upload": {"kind": "roster", "name": "x.xlsx", "sha256": "0" * 64, "by_id": "@clerk"},
    "villages_district": {"name": "某区"},
    "villages_township": {"name": "松柏镇"},
    "villages_village": {"township_id": "@town", "code": "77", "name": "松树村", "kind": "village"},
    "villages_group": {"village_id": "@village", "name": "7组", "cadre": ""},
    "villages_posting": {
        "user_id": "@clerk",
        "role": "clerk",
        "village_id": "@other",
        "township_id": None,
        "district_id": None,
        "office": "",
        "starts_on": ON,
        "ends_on": None,
    },
    "villages_quota": {
        "village_id": "@village",
        "year": 2020,
        "scheme": "resident",
        "previous": 90,
        "net_increase": 10,
        "target": 100,
    },
    "subsidies_planversion": {
        "township_id": "@town",
        "year": 2020,
        "version": 2,
        "document": "{}",
        "reason": "补充通知",
        "maker_id": "@boss",
        "approver_id": "@deputy",
    },
    "subsidies_roster": {
        "township_id": "@town",
        "year": 2020,
        "office": "残联",
        "category": "一二级残疾人",
        "month": date(2019, 10, 1),
        "upload_id": "@upload",
        "maker_id": "@clerk",
        "approver_id": None,
        "approved_at": None,
    },
    "subsidies_rosterentry": {
        "roster_id": "@draft",
        "number": "439901197001010037",
        "name": "李四",
        "disability_kind": "",
        "disability_level": 1,
        "starts_on": ON,
        "ends_on": None,
        "decision": "",
    },
    "enrollment_household": {"village_id": "@village", "group_id": "@group", "number": "H7"},
    "enrollment_person": {
        "household_id": "@numberless",
        "name": "李四",
        "name_pinyin": "li si",
        "pinyin_initials": "ls",
        "other_initials": "",
        "id_kind": "id",
        "number": makers.id_number(date(1985, 5, 6), 777),
        "birth_date": date(1985, 5, 6),
        "sex": "男",
        "is_householder": True,
        "relation": "02",
        "phone": "",
        "remark": "",
    },
    "enrollment_enrollment": {
        "person_id": "@person",
        "year": 2021,
        "scheme": "resident",
        "village_id": "@village",
        "tariff_class": "",
        "tier": "",
        "grounds": "户籍",
        "is_migrant": False,
        "stopped_on": None,
        "stop_reason": "",
    },
    "enrollment_exemption": {
        "enrollment_id": "@open",
        "reason": "职工医保",
        "is_insured_elsewhere": True,
        "evidence": "",
        "since": ON,
        "maker_id": "@clerk",
        "approver_id": "@boss",
        "approved_at": NOW,
    },
    "enrollment_paidrow": {
        "upload_id": "@upload",
        "enrollment_id": "@open",
        "village_id": "@village",
        "year": 2020,
        "name": "张三",
        "paid_on": ON,
        "fen": 25000,
        "slip": "",
        "channel": "",
        "state": "doubtful",
        "reason": "",
        "document_id": None,
    },
    "enrollment_return": {
        "village_id": "@village",
        "year": 2020,
        "scheme": "employee",
        "as_of": ON,
        "registered": 10,
        "paying": 8,
        "stopped": 2,
        "upload_id": "@upload",
    },
    "enrollment_receiptbook": {"village_id": "@other", "year": 2020, "last_number": 0},
    "enrollment_document": {
        "id": NEW,
        "township_id": "@town",
        "village_id": "@village",
        "year": 2020,
        "kind": "collection",
        "source": "typed",
        "key": "00000000-0000-0000-0000-000000000007",
        "evidence_on": ON,
        "is_late": False,
        "channel": "",
        "slip": "",
        "reason": "",
        "maker_id": "@clerk",
        "approver_id": None,
        "reverses_id": None,
        "receipt_book_id": "@book",
        "receipt_number": 777,
    },
    "enrollment_bill": {
        "document_id": NEW,
        "enrollment_id": "@open",
        "village_id": "@village",
        "year": 2020,
        "round": 1,
        "premium_fen": 25000,
        "personal_fen": 25000,
        "grant_fen": 0,
        "grant_way": "",
        "shares": "{}",
        "applied": "",
        "categories": "[]",
        "why": "一般户",
        "plan_version_id": "@plan",
    },
    "enrollment_leg": {"document_id": NEW, "account": "bank", "fen": 1},
    "enrollment_approval": {"document_id": "@deposit", "approver_id": "@boss"},
    "enrollment_depositline": {"document_id": NEW, "bill_id": "@cash_bill", "round": 1},
    "enrollment_refundline": {"document_id": NEW, "bill_id": "@banked_bill"},
}
COMPLETED_BY_OTHERS = {f"enrollment_{t}" for t in ("document", "bill", "leg", "depositline", "refundline")}

Statement = tuple[str, list[object]]
Step = Callable[[SimpleNamespace], Statement]


def known(cast, value):
    return getattr(cast, value[1:]).pk if isinstance(value, str) and value.startswith("@") else value


def add(table, /, **changes) -> Step:
    """One more sound row but for these changes."""

    def step(cast):
        row = {column: known(cast, value) for column, value in {**SOUND[table], **changes}.items()}
        return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values())

    return step


def change(table, row, sets) -> Step:
    return lambda cast: (f"UPDATE {table} SET {sets} WHERE id = %s", [known(cast, row)])


def sql(statement) -> Step:
    return lambda cast: (statement, [])


def paper(kind="collection", **changes) -> Step:
    """A document without its lines; those that give back or correct name who approved and why."""
    if kind in ("reversal", "refund"):
        changes = {"approver_id": "@boss", "reason": "错", **changes}
    return add("enrollment_document", kind=kind, **changes)


def bill(**changes) -> Step:
    return add("enrollment_bill", **changes)


def deposited(**changes) -> Step:
    return add("enrollment_depositline", **changes)


def refunded(**changes) -> Step:
    return add("enrollment_refundline", **changes)


def legs(*sides, document=NEW) -> Step:
    """All legs of a document in one statement."""

    def step(cast):
        rows = [(known(cast, document), account, fen) for account, fen in sides]
        values = ", ".join(["(%s, %s, %s)"] * len(rows))
        return f"INSERT INTO enrollment_leg (document_id, account, fen) VALUES {values}", [
            v for row in rows for v in row
        ]

    return step


@dataclass(frozen=True)
class Guard:
    """What breaks a guard: of a table, by its name, and the trigger that holds it where it isn't a constraint."""

    table: str
    name: str
    steps: tuple[Step, ...]
    trigger: str = ""
    web_may_not_even_try: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        return self.table, self.trigger, self.name

    def __str__(self) -> str:
        return f"{self.table}-{self.trigger or self.name}-{self.name}"


def row_of(table, guard, /, **changes) -> Guard:
    return Guard(table, guard, (add(table, **changes),))


def pair_of(table, guard, /, first=None, **second) -> Guard:
    """Two rows, each sound by itself."""
    return Guard(table, guard, (add(table, **(first or {})), add(table, **second)))


def held_by(trigger, table, name, *steps, denied=False) -> Guard:
    return Guard(f"enrollment_{table}" if "_" not in table else table, name, steps, trigger, denied)


PEOPLE = [
    row_of("accounts_user", "user_has_a_name", username=""),
    row_of("accounts_user", "accounts_user_username_key", username="clerk"),
    Guard(
        "accounts_user",
        "nobody_logs_in_as_console",
        (sql("UPDATE accounts_user SET is_active = true WHERE username = 'console'"),),
    ),
    row_of("accounts_upload", "upload_hash_is_sha256", sha256="X" * 64),
]
PLACES = [
    pair_of("villages_district", "villages_district_name_key"),
    row_of("villages_township", "township_has_a_name", name=""),
    row_of("villages_township", "villages_township_name_key", name="杨柳镇"),
    row_of("villages_village", "village_has_code_and_name", code=""),
    pair_of("villages_village", "village_code_once", name="桃树村"),
    pair_of("villages_village", "village_name_once", code="78"),
    pair_of("villages_group", "group_name_once"),
    row_of("villages_posting", "posting_has_one_scope", township_id="@town"),
    row_of("villages_posting", "clerk_is_posted_to_a_village", village_id=None, township_id="@town"),
    row_of("villages_posting", "only_clerks_are_posted_to_a_village", role="health"),
    row_of("villages_posting", "bureau_names_its_office", role="bureau", village_id=None, township_id="@town"),
    row_of("villages_posting", "posting_role_is_known", role="king", village_id=None, township_id="@town"),
    row_of("villages_posting", "posting_ends_after_it_starts", ends_on=date(2019, 12, 4)),
    pair_of("villages_quota", "one_quota_per_unit_year_scheme"),
    row_of("villages_quota", "quota_adds_up", target=101),
    row_of("villages_quota", "quota_scheme_is_known", scheme="pension"),
]
LISTS = [
    row_of("subsidies_planversion", "plan_version_once", version=1),
    row_of("subsidies_planversion", "changed_plan_has_reason_and_approver", reason=""),
    row_of("subsidies_planversion", "plan_is_approved_by_another", approver_id="@boss"),
    row_of("subsidies_roster", "roster_month_is_a_first_day", month=date(2019, 10, 2)),
    row_of("subsidies_roster", "roster_names_office_and_category", office=""),
    row_of("subsidies_roster", "roster_approval_has_person_and_time", approver_id="@boss"),
    row_of("subsidies_roster", "roster_is_approved_by_another", approver_id="@clerk", approved_at=NOW),
    pair_of("subsidies_rosterentry", "person_once_per_roster"),
    row_of("subsidies_rosterentry", "roster_entry_has_number_and_name", name=""),
    row_of("subsidies_rosterentry", "disability_level_is_1_to_4", disability_level=5),
    row_of("subsidies_rosterentry", "roster_entry_ends_after_it_starts", ends_on=date(2019, 12, 4)),
    held_by(
        "check_roster_entries",
        "subsidies_rosterentry",
        "approved_roster_takes_no_entries",
        add("subsidies_rosterentry", roster_id="@roster"),
    ),
    held_by(
        "roster_entry_stays",
        "subsidies_rosterentry",
        "roster_entry_stays",
        change("subsidies_rosterentry", "@entry", "name = '王五'"),
        denied=True,
    ),
    held_by(
        "roster_entry_is_kept",
        "subsidies_rosterentry",
        "roster_entry_is_kept",
        sql("DELETE FROM subsidies_rosterentry"),
        denied=True,
    ),
    held_by(
        "approved_roster_stays",
        "subsidies_roster",
        "approved_roster_stays",
        change("subsidies_roster", "@roster", "approver_id = NULL, approved_at = NULL"),
    ),
    held_by(
        "approved_roster_stays",
        "subsidies_roster",
        "approved_roster_stays",
        change("subsidies_roster", "@draft", "category = '孤儿'"),
    ),
]
PERSON = "enrollment_person"
NOBODYS = {"number": None, "id_kind": "none", "is_householder": False, "relation": "20"}
OTHER_NUMBER = {"number": makers.id_number(date(1985, 5, 6), 779)}
ROLL = [
    pair_of("enrollment_household", "household_number_once_per_village"),
    held_by(
        "check_group",
        "household",
        "group_lies_in_the_households_village",
        add("enrollment_household", group_id="@strange_group"),
    ),
    pair_of(PERSON, "one_person_per_number", household_id="@open_house", is_householder=False),
    pair_of(PERSON, "one_householder_per_household", **OTHER_NUMBER),
    pair_of(PERSON, "numberless_person_once_per_household", first=NOBODYS, **NOBODYS),
    row_of(PERSON, "person_has_a_name", name=""),
    row_of(PERSON, "person_number_is_never_empty", number="", id_kind="passport"),
    row_of(PERSON, "person_number_fits_its_kind", number=None, id_kind="passport"),
    row_of(PERSON, "person_number_fits_its_kind", id_kind="none"),
    row_of(PERSON, "person_number_is_valid", number="439901198505067779"),
    row_of(PERSON, "birth_date_and_sex_follow_the_number", birth_date=date(1985, 5, 7)),
    row_of(PERSON, "birth_date_and_sex_follow_the_number", sex="女"),
    row_of(PERSON, "householder_has_relation_02", relation="20"),
    row_of(PERSON, "person_id_kind_is_known", id_kind="ID", number="1"),
    row_of(PERSON, "person_sex_is_known", id_kind="passport", number="E1", sex="M"),
    pair_of("enrollment_enrollment", "one_live_enrollment_per_person_and_year", village_id="@other", scheme="employee"),
    row_of("enrollment_enrollment", "enrollment_grounds_are_known", grounds="投亲"),
    row_of("enrollment_enrollment", "enrollment_scheme_is_known", scheme="pension"),
    row_of("enrollment_enrollment", "stopped_enrollment_has_a_reason", stopped_on=ON),
    *(
        held_by(
            "check_enrollment_stays",
            "enrollment",
            "enrollment_village_is_fixed",
            change("enrollment_enrollment", "@open", sets),
        )
        for sets in ("village_id = village_id + 1", "year = 2021", "scheme = 'student'", "person_id = person_id + 1")
    ),
    *(
        held_by(
            "check_stopping",
            "enrollment",
            "nobody_stops_while_paid",
            change("enrollment_enrollment", who, f"stopped_on = '{ON}', stop_reason = '迁出'"),
        )
        for who in ("@cash", "@slip")
    ),
    pair_of("enrollment_exemption", "one_live_exemption_per_enrollment"),
    row_of("enrollment_exemption", "exemption_has_a_reason", reason=""),
    row_of("enrollment_exemption", "exemption_is_approved_by_another", approver_id="@clerk"),
    row_of("enrollment_exemption", "exemption_approval_has_person_and_time", approved_at=None),
    held_by(
        "check_exemption", "exemption", "never_exempt_and_paid", add("enrollment_exemption", enrollment_id="@cash")
    ),
    held_by(
        "check_exemption",
        "exemption",
        "never_exempt_and_paid",
        add("enrollment_exemption", enrollment_id="@slip", approver_id=None, approved_at=None),
        sql(
            f"UPDATE enrollment_exemption SET approver_id = maker_id + 1, approved_at = '{NOW}' WHERE approver_id IS NULL"
        ),
    ),
    pair_of("enrollment_paidrow", "paid_row_recorded_once"),
    row_of("enrollment_paidrow", "paid_row_has_a_document_once_applied", state="applied"),
    row_of("enrollment_paidrow", "paid_row_has_a_document_once_applied", document_id="@deposit"),
    row_of("enrollment_paidrow", "paid_row_stands_in_its_enrollments_village", village_id="@other"),
    row_of("enrollment_paidrow", "paid_row_stands_in_its_enrollments_village", year=2021),
    pair_of("enrollment_return", "one_return_per_unit_scheme_day"),
    row_of("enrollment_return", "return_adds_up", stopped=3),
]
DOCUMENT = "enrollment_document"
BOOKS = [
    row_of("enrollment_receiptbook", "one_receipt_book_per_village_and_year", village_id="@village"),
    Guard(DOCUMENT, "enrollment_document_key_key", (paper(), paper(id=-2, receipt_number=778))),
    Guard(DOCUMENT, "receipt_number_once_per_book", (paper(), paper(id=-2, key=str(uuid4())))),
    row_of(DOCUMENT, "receipt_has_book_and_number", receipt_number=None),
    row_of(DOCUMENT, "document_has_a_village", village_id=None),
    row_of(DOCUMENT, "document_kind_is_known", kind="gift"),
    row_of(DOCUMENT, "only_a_reversal_reverses", reverses_id="@cash_paper"),
    Guard(DOCUMENT, "only_a_reversal_reverses", (paper("reversal"),)),
    Guard(DOCUMENT, "enrollment_document_reverses_id_key", (paper("reversal", reverses_id="@wrong_paper"),)),
    Guard(DOCUMENT, "taking_back_has_reason_and_approver", (paper("refund", reason=""),)),
    Guard(
        DOCUMENT,
        "taking_back_has_reason_and_approver",
        (paper("reversal", reverses_id="@cash_paper", approver_id=None),),
    ),
    row_of(DOCUMENT, "document_is_approved_by_another", approver_id="@clerk"),
    *(
        held_by("check_reversal", "document", "reversal_fits_what_it_reverses", paper("reversal", **wrong))
        for wrong in (
            {"reverses_id": "@reversal"},
            {"reverses_id": "@cash_paper", "village_id": "@other"},
            {"reverses_id": "@cash_paper", "year": 2021},
        )
    ),
    held_by(
        "check_reversal",
        "document",
        "refunded_money_is_not_reversed",
        paper("reversal", reverses_id="@refunded_paper"),
    ),
    *(
        held_by(
            "check_reversal",
            "document",
            "deposit_is_reversed_while_its_bills_stand",
            paper("reversal", reverses_id=deposit),
        )
        for deposit in ("@deposit", "@refunded_deposit")
    ),
    held_by(
        "check_reversal",
        "document",
        "refund_is_reversed_before_anything_else",
        paper("reversal", reverses_id="@again_refund"),
    ),
    held_by(
        "check_reversal",
        "document",
        "refund_is_reversed_before_anything_else",
        change("enrollment_enrollment", "@refunded", f"stopped_on = '{ON}', stop_reason = '迁出'"),
        paper("reversal", reverses_id="@refund"),
    ),
    held_by(
        "check_reversal",
        "document",
        "refund_is_reversed_before_anything_else",
        add("enrollment_exemption", enrollment_id="@refunded"),
        paper("reversal", reverses_id="@refund"),
    ),
    *(
        held_by("check_document_is_complete", "document", "document_has_its_legs", *steps)
        for steps in (
            [paper()],
            [paper(), bill()],
            [paper("deposit")],
            [paper("refund")],
            [paper("reversal", reverses_id="@cash_paper")],
        )
    ),
    held_by("check_approval", "approval", "approval_is_by_another", add("enrollment_approval", approver_id="@clerk")),
    Guard(
        "enrollment_approval",
        "enrollment_approval_document_id_key",
        (add("enrollment_approval", document_id="@slip_paper"),),
    ),
]
LINES = [
    Guard("enrollment_leg", "leg_is_never_zero", (paper(), legs(("bank", 0)))),
    Guard("enrollment_leg", "leg_account_is_known", (paper(), legs(("pocket:clerk", 1), ("premium", -1)))),
    Guard("enrollment_leg", "leg_account_is_known", (paper(), legs(("cash:", 1), ("premium", -1)))),
    held_by("check_legs", "leg", "ledger_balances", paper(), bill(), legs(("cash:clerk", 25000))),
    held_by(
        "check_legs",
        "leg",
        "posted_document_takes_no_more",
        legs(("bank", 1), ("premium", -1), document="@cash_paper"),
    ),
    *(
        held_by("check_legs", "leg", "legs_fit_their_documents_kind", paper(kind), legs((account, 1), ("premium", -1)))
        for kind, account in [("collection", "bank"), ("direct", "cash:clerk"), ("deposit", "bank"), ("grant", "bank")]
    ),
    *(
        held_by("check_legs", "leg", "legs_agree_with_bills", *steps)
        for steps in (
            [paper(), bill(), legs(("cash:clerk", 20000), ("premium", -20000))],
            [paper(), bill(), legs(("cash:clerk", 20000), ("receivable:财政", 5000), ("premium", -25000))],
            [paper(), legs(*PAID)],
        )
    ),
    *(
        held_by("check_legs", "leg", "legs_agree_with_lines", *steps)
        for steps in (
            [paper("deposit"), legs(("bank", 25000), ("cash:clerk", -25000))],
            [paper("deposit"), deposited(), legs(("bank", 20000), ("cash:clerk", -20000))],
            [paper("deposit"), legs(("cash:mate", 100), ("cash:clerk", -100))],
            [paper("refund"), legs(("bank", -25000), ("premium", 25000))],
            [paper("refund"), refunded(), legs(("bank", -20000), ("premium", 20000))],
            [paper("refund"), refunded(), legs(("bank", -25000), ("premium", 24000), ("receivable:财政", 1000))],
        )
    ),
    *(
        held_by("check_legs", "leg", "reversal_negates", paper("reversal", reverses_id="@cash_paper"), legs(*sides))
        for sides in ([("cash:clerk", -20000), ("premium", 20000)], PAID)
    ),
    Guard("enrollment_bill", "nobody_pays_more_than_the_premium", (paper(), bill(personal_fen=25001))),
    Guard("enrollment_bill", "grant_is_never_more_than_was_paid", (paper(), bill(grant_fen=25001))),
    Guard("enrollment_bill", "one_bill_per_enrollment_and_round", (paper(), bill(enrollment_id="@cash"))),
    Guard(
        "enrollment_bill",
        "bill_stands_in_its_enrollments_village",
        (paper(village_id="@other"), bill(village_id="@other")),
    ),
    *(
        held_by("check_bills", "bill", "bill_fits_its_document", *steps)
        for steps in ([paper("deposit"), bill()], [paper(village_id="@other"), bill()], [paper(year=2021), bill()])
    ),
    held_by("check_bills", "bill", "posted_document_takes_no_more", bill(document_id="@cash_paper")),
    *(
        held_by("check_bills", "bill", "next_round_follows_a_reversal", paper(), bill(**wrong))
        for wrong in (
            {"enrollment_id": "@cash", "round": 2},
            {"enrollment_id": "@wrong", "round": 3},
            {"enrollment_id": "@open", "round": 2},
            {"enrollment_id": "@open", "round": 0},
        )
    ),
    held_by("check_bills", "bill", "never_exempt_and_paid", paper(), bill(enrollment_id="@exempt")),
    held_by("check_bills", "bill", "stopped_enrollment_takes_no_money", paper(), bill(enrollment_id="@stopped")),
    *(
        held_by("check_bills", "bill", "shares_add_up", paper(), bill(**wrong))
        for wrong in ({"shares": '{"财政": 1}'}, {"personal_fen": 20000}, {"grant_fen": 100})
    ),
    Guard("enrollment_depositline", "deposit_round_starts_at_1", (paper("deposit"), deposited(round=0))),
    Guard("enrollment_depositline", "cash_is_deposited_once", (paper("deposit"), deposited(bill_id="@banked_bill"))),
    held_by("check_deposit_lines", "depositline", "posted_document_takes_no_more", deposited(document_id="@deposit")),
    *(
        held_by("check_deposit_lines", "depositline", "deposit_pays_in_standing_cash", *steps)
        for steps in (
            [paper(), deposited()],
            [paper("deposit"), deposited(bill_id="@slip_bill")],
            [paper("deposit"), deposited(bill_id="@wrong_bill", round=2)],
            [paper("deposit"), deposited(bill_id="@refunded_bill", round=2)],
            [paper("deposit", village_id="@other"), deposited()],
            [paper("deposit", year=2021), deposited()],
        )
    ),
    held_by(
        "check_deposit_lines",
        "depositline",
        "next_deposit_follows_a_reversal",
        paper("deposit"),
        deposited(bill_id="@banked_bill", round=2),
    ),
    Guard(
        "enrollment_refundline",
        "enrollment_refundline_bill_id_key",
        (paper("refund"), refunded(bill_id="@refunded_bill")),
    ),
    held_by("check_refund_lines", "refundline", "posted_document_takes_no_more", refunded(document_id="@refund")),
    *(
        held_by("check_refund_lines", "refundline", "refund_gives_back_a_standing_bill", *steps)
        for steps in (
            [paper(), refunded()],
            [paper("refund"), refunded(bill_id="@wrong_bill")],
            [paper("refund", village_id="@other"), refunded()],
            [paper("refund", year=2021), refunded()],
        )
    ),
]
NEVER_CHANGED = [
    *((f"enrollment_{table}", "ledger_is_append_only") for table in LEDGER),
    ("accounts_auditrow", "trail_is_append_only"),
    ("accounts_upload", "uploads_are_append_only"),
    ("subsidies_planversion", "plan_version_is_never_edited"),
]
NEVER_EMPTIED = [
    "accounts_user",
    *(f"villages_{table}" for table in ("district", "township", "village", "group", "posting", "quota")),
    *(f"subsidies_{table}" for table in ("roster", "rosterentry")),
    *(
        f"enrollment_{table}"
        for table in ("household", "person", "enrollment", "exemption", "paidrow", "return", "receiptbook")
    ),
]
KEPT = [
    guard
    for table, name in NEVER_CHANGED
    for guard in (
        Guard(table, name, (sql(f"UPDATE {table} SET id = id"),), name, True),
        Guard(table, name, (sql(f"DELETE FROM {table}"),), name, True),
        Guard(table, name, (sql(f"TRUNCATE {table} CASCADE"),), f"{name}_truncate", True),
    )
] + [
    Guard(table, name, (sql(f"TRUNCATE {table} CASCADE"),), name, True)
    for table in NEVER_EMPTIED
    for name in ["whole_table_is_never_emptied"]
]
GUARDS = [*PEOPLE, *PLACES, *LISTS, *ROLL, *BOOKS, *LINES, *KEPT]


def carry_out(cast, steps):
    with connection.cursor() as cursor:
        for step in steps:
            cursor.execute(*step(cast))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refusal(cast, guard) -> DatabaseError:
    """What the database said to all steps of the case together."""
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        carry_out(cast, guard.steps)
    return refused.value


def function_of(guard) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid"
            " WHERE tgrelid = %s::regclass AND tgname = %s",
            [guard.table, guard.trigger],
        )
        (name,) = cursor.fetchone()
    return name


def look(guard, error):
    """The guard itself refused, and a clerk is told its own sentence."""
    said = error.__cause__.diag
    assert said.constraint_name == guard.name
    if guard.trigger:
        assert f"{function_of(guard)}()" in said.context
    sentence = sentence_of(error)
    assert re.fullmatch("[^%]+。", sentence)
    assert sentence != sentence_of(DatabaseError())


@pytest.mark.parametrize("guard", GUARDS, ids=str)
def test_the_owner_cannot_break_it(cast, guard):
    with databases.owner():
        look(guard, refusal(cast, guard))


@pytest.mark.parametrize("guard", GUARDS, ids=str)
def test_the_web_role_cannot_break_it(cast, guard):
    error = refusal(cast, guard)

    if guard.web_may_not_even_try:
        assert error.__cause__.pgcode == "42501"
    else:
        look(guard, error)


def written(cast, table, steps) -> int:
    """How many rows more the table has after all these steps, which are then taken back."""
    count = f"SELECT count(*) FROM {table}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(count)
        (before,) = cursor.fetchone()
        carry_out(cast, steps)
        cursor.execute(count)
        (after,) = cursor.fetchone()
        transaction.set_rollback(True)
    return after - before


@pytest.mark.parametrize("table", sorted(SOUND.keys() - COMPLETED_BY_OTHERS))
def test_the_row_each_case_starts_from_is_sound(cast, table):
    assert written(cast, table, [add(table)]) == 1


@pytest.mark.parametrize(
    "steps",
    [
        [paper(), bill(), legs(*PAID)],
        [paper(), bill(enrollment_id="@wrong", round=2), legs(*PAID)],
        [paper("deposit"), deposited(), legs(("bank", 25000), ("cash:clerk", -25000))],
        [paper("refund"), refunded(), legs(("bank", -25000), ("premium", 25000))],
        [paper("reversal", reverses_id="@cash_paper"), legs(("cash:clerk", -25000), ("premium", 25000))],
        [paper("reversal", reverses_id="@refund"), legs(("bank", 25000), ("premium", -25000))],
        [paper("grant", village_id=None), legs(("bank", 100), ("receivable:财政", -100))],
        [
            paper("direct"),
            bill(personal_fen=0, shares='{"财政": 25000}'),
            legs(("receivable:财政", 25000), ("premium", -25000)),
        ],
        [paper("direct"), bill(premium_fen=0, personal_fen=0)],
    ],
)
def test_the_documents_each_case_starts_from_are_sound(cast, steps):
    assert written(cast, "enrollment_document", steps) == 1


def project_tables() -> list[str]:
    return [m._meta.db_table for m in apps.get_models() if m._meta.app_label in ROOMS and m._meta.managed]


# Nothing but its target of a foreign key: the id is unique by itself, so no row can meet it alone.
BEYOND_REACH = {("enrollment_enrollment", "", "enrollment_with_its_village")}


def guards_in_the_catalogue() -> set[tuple[str, str, str]]:
    """Every guard there is, but those Django makes without a name of their own."""
    tables = project_tables()
    with connection.cursor() as cursor:
        # A PositiveIntegerField's check is Django's own: <table>_<column>_check.
        cursor.execute(
            "SELECT conrelid::regclass::text, '', conname FROM pg_constraint WHERE conrelid::regclass::text = ANY(%s)"
            " AND (contype IN ('c', 'u', 'x') AND conname !~ ('^' || conrelid::regclass::text || '_\\w+_check$')"
            " OR contype = 'f' AND conname !~ '_fk_')",
            [tables],
        )
        found = set(cursor.fetchall())
        cursor.execute(
            "SELECT indrelid::regclass::text, '', indexrelid::regclass::text FROM pg_index"
            " WHERE indisunique AND indrelid::regclass::text = ANY(%s)"
            " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
            [tables],
        )
        found |= set(cursor.fetchall())
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, prosrc, encode(tgargs, 'escape') FROM pg_trigger"
            " JOIN pg_proc p ON p.oid = tgfoid WHERE NOT tgisinternal AND proname <> 'audit_changes'"
        )
        for table, trigger, source, arguments in cursor.fetchall():
            named = re.findall(r"CONSTRAINT = '(\w+)'", source) or [arguments.split("\\000")[0]]
            found |= {(table, trigger, name) for name in named}
    # Two triggers refuse to empty a table that is append-only as well; the first one speaks.
    twice = {table for table, _ in NEVER_CHANGED}
    return {k for k in found if not (k[0] in twice and k[1] == "whole_table_is_never_emptied")} - BEYOND_REACH


def test_every_guard_of_the_database_has_a_case_here(cast):
    with databases.owner():
        assert guards_in_the_catalogue() == {guard.key for guard in GUARDS}


def unique_fields(model):
    return [f for f in model._meta.local_concrete_fields if f.unique and not f.primary_key]


def test_every_guard_of_the_models_is_in_the_database(cast):
    """A constraint whose name PostgreSQL cut short would be lost to `sentence_of`."""
    models = [m for m in apps.get_models() if m._meta.app_label in ROOMS]
    said = {(m._meta.db_table, "", c.name) for m in models for c in m._meta.constraints}
    said |= {(m._meta.db_table, "", name) for m in models for name in getattr(m, "sentences", {})}
    said |= {(t, "", f"{t}_{f.column}_key") for m in models for t in [m._meta.db_table] for f in unique_fields(m)}

    assert said - BEYOND_REACH <= guards_in_the_catalogue()
