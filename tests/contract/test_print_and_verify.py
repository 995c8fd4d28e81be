"""The printed register, and the check of the books that a superuser's hand does not get past."""

from datetime import date
from hashlib import sha256
from uuid import uuid4

import pytest
from django.db import connection
from django.utils.timezone import localdate
from pypdf import PdfReader

from enrollment.actions.ledger import approve_document, collect_premium, deposit_cash, pay_directly, reverse
from enrollment.models import Household
from reports.books import verify_books
from tests import databases
from tests.contract.office import LI, WANG, ZHANG, ZHAO, business, done, manage, sheet
from tests.makers import make_clerk, make_user
from villages.models import Role, Village

PEOPLE = [
    ["柳树村", "1", "1", "户主", "张三", ZHANG, ""],
    ["柳树村", "1", "1", "妻", "李四", LI, ""],
    ["柳树村", "2", "2", "户主", "王五", WANG, "是"],
    ["桃树村", "1", "1", "户主", "赵六", ZHAO, ""],
]


@pytest.fixture
def small(town, villages, boss, tmp_path):
    columns = "村(社区) 组 户号 与户主关系 姓名 身份证号 外出务工"
    done("import", "population", sheet(tmp_path, columns, *PEOPLE), "--year", 2020)
    file = sheet(tmp_path, "姓名 身份证号", ["李四", LI])
    words = ("--office", "民政办", "--category", "城乡低保对象", "--month", "2019-09", "--approve", "--by", "boss")
    done("import", "roster", file, "--year", 2020, *words)
    return Village.objects.get(code="01")


@pytest.fixture
def clerk(small):
    return make_clerk(small)


def household(number="1") -> Household:
    return Household.objects.get(village__code="01", number=number)


def collect(clerk):
    return collect_premium(household=household(), year=2020, key=uuid4(), by=clerk, on=date(2019, 12, 5))


def pay(folder, *rows):
    return done("import", "payments", sheet(folder, "姓名 身份证号 缴费日期 金额", *rows), "--year", 2020)


def register(out, *words):
    return manage("print", "register", "--year", 2020, "--village", "01", "--out", out, *words)


def printed(path) -> str:
    return "".join(page.extract_text() for page in PdfReader(path).pages)


def test_a_register_is_printed_and_told_page_by_page(small, clerk, tmp_path):
    collect(clerk)
    out = tmp_path / "register.pdf"
    before = business()

    answer = register(out)

    (page,) = answer.said.pop("sheets")
    assert answer == (0, {"pages": 1, "people": 2, "households": 1})
    assert (page["page"], len(page["sha256"])) == (1, len(sha256().hexdigest()))
    text = printed(out)
    assert all(word in text for word in ("张三", "李四", ZHANG, LI, "一般低保户", "柳树村"))
    assert "王五" not in text
    assert business() == before


def test_the_amount_stays_blank_until_paid(small, clerk, tmp_path):
    collect(clerk)
    register(tmp_path / "before.pdf")
    pay(tmp_path, ["张三", ZHANG, "2019-12-06", 250])
    register(tmp_path / "after.pdf")

    before, after = (printed(tmp_path / name) for name in ("before.pdf", "after.pdf"))
    assert ("250" in before.replace(ZHANG, ""), "250" in after.replace(ZHANG, "")) == (False, True)
    assert "125" in before


def test_printed_twice_a_page_is_the_same(small, clerk, tmp_path):
    collect(clerk)

    first, second = (register(tmp_path / name) for name in ("one.pdf", "two.pdf"))

    assert first == second
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


@pytest.mark.parametrize(("group", "people"), [("1", 2), ("第1组", 2), ("2", 1)])
def test_a_group_is_printed_alone(small, clerk, tmp_path, group, people):
    collect(clerk)
    pay(tmp_path, ["王五", WANG, "2019-12-06", 250])

    assert register(tmp_path / "all.pdf").said["people"] == 3
    assert register(tmp_path / "group.pdf", "--group", group).said["people"] == people


@pytest.mark.parametrize(
    ("words", "sentence"),
    [([], "柳树村2020年度还没有人登记。"), (["--group", "9"], "柳树村第9组2020年度还没有人登记。")],
)
def test_for_nobody_nothing_is_printed(small, tmp_path, words, sentence):
    out = tmp_path / "register.pdf"

    assert register(out, *words) == (1, {"error": sentence})
    assert not out.exists()


def test_a_folder_that_is_not_there_is_told(small, clerk, tmp_path):
    collect(clerk)

    answer = register(tmp_path / "nowhere" / "register.pdf")

    assert answer == (1, {"error": f"没有这个文件夹：{tmp_path / 'nowhere'}"})


@pytest.fixture
def story(town, small, clerk, boss, tmp_path):
    """Cash taken by mistake, taken again and paid in; a late slip that the township accepted; a paid list."""
    reverse(document=collect(clerk), key=uuid4(), by=clerk, approver=boss, reason="收错户")
    collect(clerk)
    deposit_cash(by=clerk, village=small, year=2020, key=uuid4(), on=localdate(), slip="D1")
    given = {"year": 2020, "key": uuid4(), "by": clerk, "on": date(2020, 2, 1), "channel": "POS刷卡", "slip": "P1"}
    late = pay_directly(household=household("2"), **given)
    approve_document(document=late, by=make_user("deputy", Role.TOWNSHIP, place=town))
    pay(tmp_path, ["赵六", ZHAO, "2019-12-05", 250])
    connection.check_constraints()


def failures() -> dict[str, list[str]]:
    with databases.owner():
        told = verify_books()
    failed = {check["name"]: check["failed"] for check in told["checks"] if check["failed"]}
    assert told["ok"] is not bool(failed)
    return failed


def tamper(table: str, statement: str) -> None:
    """Change a table behind the back of every guard it has."""
    with databases.owner(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def one(question: str) -> object:
    with databases.owner(), connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def of_kind(kind: str) -> object:
    return one(f"SELECT max(id) FROM enrollment_document WHERE kind = '{kind}'")


def test_sound_books_are_sound(story):
    with databases.owner():
        told = verify_books()

    assert told["ok"] is True
    assert [list(check) for check in told["checks"]] == [["name", "rows", "failed"]] * len(told["checks"])
    rows = {check["name"]: check["rows"] for check in told["checks"]}
    assert (rows["documents_balance"], rows["reversals_negate"], rows["receipts_without_gaps"]) == (6, 1, 1)


def test_one_fen_is_found(story):
    leg = one("SELECT max(id) FROM enrollment_leg WHERE account = 'premium'")
    document = one(f"SELECT document_id FROM enrollment_leg WHERE id = {leg}")
    tamper("enrollment_leg", f"UPDATE enrollment_leg SET fen = fen - 1 WHERE id = {leg}")

    assert failures() == {
        "documents_balance": [f"document {document}"],
        "accounts_balance": ["all accounts: -1"],
        "bills_agree_with_legs": [f"document {document}"],
        "trail_of_enrollment_leg": [f"enrollment_leg {leg}"],
    }


def test_cash_that_was_never_taken_is_found(story):
    deposit = of_kind("deposit")
    statement = "INSERT INTO enrollment_leg (document_id, account, fen)"
    tamper("enrollment_leg", f"{statement} VALUES ({deposit}, 'cash:clerk', -100), ({deposit}, 'advance:clerk', 100)")

    failed = failures()
    assert failed.pop("no_cash_below_zero") == ["cash:clerk"]
    assert set(failed) == {"trail_of_enrollment_leg"}


def test_a_bill_that_no_leg_bears_out_is_found(story):
    bill = one("SELECT max(id) FROM enrollment_bill WHERE premium_fen = personal_fen")
    document = one(f"SELECT document_id FROM enrollment_bill WHERE id = {bill}")
    statement = "UPDATE enrollment_bill SET premium_fen = premium_fen - 1, personal_fen = personal_fen - 1"
    tamper("enrollment_bill", f"{statement} WHERE id = {bill}")

    assert failures() == {
        "bills_agree_with_legs": [f"document {document}"],
        "trail_of_enrollment_bill": [f"enrollment_bill {bill}"],
    }


def test_shares_that_do_not_add_up_are_found(story):
    bill = one("SELECT max(id) FROM enrollment_bill")
    tamper("enrollment_bill", f"UPDATE enrollment_bill SET shares = '{{\"财政\": 1}}' WHERE id = {bill}")

    assert failures() == {
        "shares_add_up": [f"bill {bill}"],
        "trail_of_enrollment_bill": [f"enrollment_bill {bill}"],
    }


def test_a_deposit_without_its_lines_is_found(story):
    line = one("SELECT min(id) FROM enrollment_depositline")
    tamper("enrollment_depositline", f"DELETE FROM enrollment_depositline WHERE id = {line}")

    assert failures() == {
        "deposits_agree_with_lines": [f"document {of_kind('deposit')}"],
        "trail_of_enrollment_depositline": [f"enrollment_depositline {line}"],
    }


def test_a_reversal_that_does_not_negate_is_found(story):
    reversal = of_kind("reversal")
    change = "UPDATE enrollment_leg SET fen = fen + CASE account WHEN 'premium' THEN 5 ELSE -5 END"
    tamper("enrollment_leg", f"{change} WHERE document_id = {reversal} AND account IN ('premium', 'cash:clerk')")

    failed = failures()
    assert failed["reversals_negate"] == [f"document {reversal}"] * 2
    assert "documents_balance" not in failed


def test_a_second_bill_of_one_person_is_found(story):
    bill = one("SELECT max(id) FROM enrollment_bill")
    columns = "document_id, village_id, year, enrollment_id, premium_fen, personal_fen, grant_fen, grant_way, shares"
    columns += ", applied, categories, why, plan_version_id"
    statement = f"INSERT INTO enrollment_bill ({columns}, round) SELECT {columns}, round + 1"
    tamper("enrollment_bill", f"{statement} FROM enrollment_bill WHERE id = {bill}")

    enrollment = one(f"SELECT enrollment_id FROM enrollment_bill WHERE id = {bill}")
    assert failures()["one_standing_bill_per_enrollment"] == [f"enrollment {enrollment}"]


def test_somebody_exempt_and_paid_is_found(story):
    enrollment = one("SELECT max(enrollment_id) FROM enrollment_bill")
    people = "SELECT min(id) FROM accounts_user", "SELECT max(id) FROM accounts_user"
    tamper(
        "enrollment_exemption",
        "INSERT INTO enrollment_exemption (enrollment_id, reason, evidence, is_insured_elsewhere, since, maker_id,"
        f" approver_id, approved_at) VALUES ({enrollment}, '其他', '', false, '2020-01-01', ({people[0]}), ({people[1]}),"
        " now())",
    )

    exemption = one("SELECT id FROM enrollment_exemption")
    assert failures() == {
        "never_exempt_and_paid": [f"enrollment {enrollment}"],
        "trail_of_enrollment_exemption": [f"enrollment_exemption {exemption}"],
    }


def test_a_gap_in_a_receipt_book_is_found(story):
    book = one("SELECT id FROM enrollment_receiptbook")
    tamper("enrollment_receiptbook", "UPDATE enrollment_receiptbook SET last_number = last_number + 1")

    assert failures() == {
        "receipts_without_gaps": [f"book {book}"],
        "trail_of_enrollment_receiptbook": [f"enrollment_receiptbook {book}"],
    }


def test_somebody_s_word_on_their_own_paper_is_found(story):
    approval, document = one("SELECT id FROM enrollment_approval"), of_kind("direct")
    document = one("SELECT document_id FROM enrollment_approval")
    own = f"(SELECT maker_id FROM enrollment_document WHERE id = {document})"
    tamper("enrollment_approval", f"UPDATE enrollment_approval SET approver_id = {own}")

    assert failures() == {
        "approvers_are_others": [f"document {document}"],
        "trail_of_enrollment_approval": [f"enrollment_approval {approval}"],
    }


TRAILED = [
    *("accounts_user", "villages_township", "villages_village", "villages_group", "villages_posting", "villages_quota"),
    *("subsidies_planversion", "subsidies_roster", "subsidies_rosterentry"),
    *("enrollment_household", "enrollment_person", "enrollment_enrollment", "enrollment_document", "enrollment_leg"),
    *("enrollment_bill", "enrollment_paidrow", "enrollment_receiptbook", "enrollment_depositline", "accounts_upload"),
]


@pytest.mark.parametrize("table", TRAILED)
def test_a_row_that_left_no_trail_is_found(story, table):
    row = one(f"SELECT max(id) FROM {table}")
    tamper("accounts_auditrow", f'DELETE FROM accounts_auditrow WHERE "table" = \'{table}\' AND "row" = {row}')

    assert failures() == {f"trail_of_{table}": [f"{table} {row}"]}


@pytest.mark.parametrize("table", ["enrollment_person", "villages_quota"])
def test_a_row_that_was_taken_away_is_found(story, table):
    row = one(f"SELECT max(id) FROM {table}")
    with databases.owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE confrelid = %s::regclass", [table]
        )
        for referring, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {referring} DROP CONSTRAINT "{name}"')
    tamper(table, f"DELETE FROM {table} WHERE id = {row}")

    assert failures()[f"trail_of_{table}"] == [f"{table} {row}"]


# Over a connection of its own, as the command makes it.
@pytest.mark.django_db(transaction=True)
def test_the_command_says_so_with_its_exit_code(story):
    sound = manage("verify_books")
    leg = one("SELECT max(id) FROM enrollment_leg WHERE account = 'premium'")
    tamper("enrollment_leg", f"UPDATE enrollment_leg SET fen = fen - 1 WHERE id = {leg}")

    broken = manage("verify_books")

    assert (sound.code, sound.said["ok"]) == (0, True)
    assert (broken.code, broken.said["ok"]) == (1, False)
    assert {"name": "accounts_balance", "rows": sound.said["checks"][1]["rows"], "failed": ["all accounts: -1"]} in (
        broken.said["checks"]
    )
