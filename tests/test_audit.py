"""Every change of a business row is on the trail, whoever makes it and however: who, in which request, before and after."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.audit import acting, name_actor
from accounts.bulk import FEW, insert_many, update_many
from accounts.middleware import name_the_actor
from accounts.models import AuditRow, User
from accounts.roles import ROOMS
from enrollment.actions.ledger import NothingOwed, collect_premium, deposit_cash, reverse
from enrollment.models import Household, Person
from tests import databases
from tests.makers import (
    make_clerk,
    make_family,
    make_household,
    make_plan,
    make_roster,
    make_township,
    make_user,
    make_village,
)
from villages.models import Group, Quota, Role

pytestmark = pytest.mark.django_db
ON = date(2019, 12, 5)
MANY = FEW + 1
# All but the trail itself.
BUSINESS = sorted(
    m._meta.db_table for m in apps.get_models() if m._meta.app_label in ROOMS and m._meta.managed and m is not AuditRow
)


@pytest.fixture
def village():
    return make_village(make_township(), quota=100)


def run(statement, params=()):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount


def count_of(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]


def trail(since=0, **conditions):
    return AuditRow.objects.filter(pk__gt=since, **conditions).order_by("pk")


def mark() -> int:
    return AuditRow.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def test_a_change_by_the_orm_stands_there_with_who_and_what(village):
    since = mark()

    with acting("boss"):
        group = Group.objects.create(village=village, name="1组")
        group.cadre = "王五"
        group.save()
        with databases.owner():
            group.delete()

    rows = list(trail(since).values_list("actor", "action", "table", "row", "before", "after"))
    made = {"id": rows[0][3], "village_id": village.pk, "name": "1组", "cadre": ""}
    changed = {**made, "cadre": "王五"}
    assert rows == [
        ("boss", "INSERT", "villages_group", made["id"], None, made),
        ("boss", "UPDATE", "villages_group", made["id"], made, changed),
        ("boss", "DELETE", "villages_group", made["id"], changed, None),
    ]


@pytest.mark.parametrize("count", [3, MANY])
def test_many_rows_at_once_stand_there_one_by_one(village, count):
    since = mark()

    with acting("boss"):
        insert_many(Group, ["village_id", "name", "cadre"], [(village.pk, f"{n}组", "") for n in range(count)])
        groups = list(Group.objects.order_by("pk").values_list("pk", flat=True))
        update_many(Group, ["cadre"], [(pk, f"干部{pk}") for pk in groups])

    rows = trail(since).values_list("actor", "action", "row", "before__cadre", "after__cadre")
    assert list(rows.filter(action="INSERT").order_by("row")) == [("boss", "INSERT", pk, None, "") for pk in groups]
    assert list(rows.filter(action="UPDATE").order_by("row")) == [
        ("boss", "UPDATE", pk, "", f"干部{pk}") for pk in groups
    ]
    assert rows.count() == 2 * count


def test_django_s_own_bulk_writes_stand_there_too(village):
    since = mark()

    with acting("boss"):
        Group.objects.bulk_create([Group(village=village, name=f"{n}组") for n in range(3)])
        groups = list(Group.objects.all())
        for group in groups:
            group.cadre = "王五"
        Group.objects.bulk_update(groups, ["cadre"])
        Group.objects.update(cadre="赵六")

    assert Counter(trail(since).values_list("action", "after__cadre")) == {
        ("INSERT", ""): 3,
        ("UPDATE", "王五"): 3,
        ("UPDATE", "赵六"): 3,
    }


@pytest.mark.parametrize("role", ["web", "owner"])
def test_raw_sql_stands_there_too(village, role):
    since = mark()
    name_actor("boss", "r1")
    if role == "owner":
        run("RESET ROLE")

    run(
        "INSERT INTO villages_group (village_id, name, cadre) VALUES (%s, '1组', ''), (%s, '2组', '')", [village.pk] * 2
    )
    run("UPDATE villages_group SET cadre = '王五' WHERE name = '2组'")
    run(
        "INSERT INTO villages_group (village_id, name, cadre) VALUES (%s, '1组', '赵六')"
        " ON CONFLICT (village_id, name) DO UPDATE SET cadre = excluded.cadre",
        [village.pk],
    )

    rows = list(trail(since).values_list("actor", "request", "action", "before__cadre", "after__name", "after__cadre"))
    assert rows == [
        ("boss", "r1", "INSERT", None, "1组", ""),
        ("boss", "r1", "INSERT", None, "2组", ""),
        ("boss", "r1", "UPDATE", "", "2组", "王五"),
        ("boss", "r1", "UPDATE", "", "1组", "赵六"),
    ]


def test_who_does_not_say_a_name_stands_there_as_unknown(village):
    since = mark()

    run("UPDATE villages_quota SET target = 101")

    assert list(trail(since).values_list("actor", "request", "before__target", "after__target")) == [
        ("?", "", 100, 101)
    ]


def test_a_change_that_changes_nothing_leaves_no_row(village):
    since = mark()

    village.save()
    run("UPDATE villages_quota SET target = target")
    run("UPDATE villages_quota SET target = 5 WHERE false")

    assert not trail(since).exists()


def test_a_row_given_another_id_leaves_as_gone_and_come(village):
    quota = Quota.objects.get()
    since = mark()

    run("UPDATE villages_quota SET id = -1")

    rows = trail(since).values_list("action", "row", "before__id", "after__id").order_by("row")
    assert list(rows) == [("UPDATE", -1, None, -1), ("UPDATE", quota.pk, quota.pk, None)]


def test_the_trail_rolls_back_with_its_transaction(village):
    since = mark()

    with transaction.atomic():
        make_household(village)
        inside = trail(since).count()
        transaction.set_rollback(True)

    assert inside == 1
    assert not trail(since).exists()


def test_a_refused_change_leaves_no_row(village):
    clerk = make_clerk(village)
    household, _ = make_family(village, "张三")
    make_plan(village.township)
    collect_premium(household=household, year=2020, key=uuid4(), by=clerk, on=ON)
    since = mark()

    with pytest.raises(NothingOwed):
        collect_premium(household=household, year=2020, key=uuid4(), by=clerk, on=ON)

    assert not trail(since).exists()


def test_acting_names_the_actor_and_forgets_them_again(village):
    since = mark()

    for name in ("boss", "clerk"):
        with acting(name):
            make_household(village)
            make_household(village)
    make_household(village)

    rows = list(trail(since).values_list("actor", "request"))
    requests = [request for _, request in rows]
    assert [actor for actor, _ in rows] == ["boss", "boss", "clerk", "clerk", "?"]
    assert requests[0] == requests[1] != requests[2] == requests[3] != requests[4] == ""


def test_acting_forgets_the_actor_after_a_failure_too(village):
    with pytest.raises(ZeroDivisionError), acting("boss"):
        raise ZeroDivisionError
    since = mark()

    make_household(village)

    assert trail(since).get().actor == "?"


def test_a_failed_transaction_takes_the_actor_with_it(village):
    def fail():
        make_household(village)
        raise ZeroDivisionError

    since = mark()

    with pytest.raises(ZeroDivisionError), transaction.atomic(), acting("boss"):
        fail()
    make_household(village)

    assert trail(since).get().actor == "?"


def test_a_request_is_named_after_who_is_logged_in(village):
    request = RequestFactory().post("/")
    request.user = make_clerk(village)
    since = mark()

    name_the_actor(lambda _: make_household(village))(request)
    make_household(village)

    assert list(trail(since).values_list("actor", flat=True)) == ["clerk", "?"]


def test_an_accounts_secrets_are_kept_off_the_trail():
    user = make_user("boss")
    since = mark()

    user.set_password("correct horse")
    user.code_hash = "argon2$secret"
    user.save()

    row = trail(since).get()
    assert (row.action, row.table, row.row) == ("UPDATE", "accounts_user", user.pk)
    assert row.before == row.after
    assert row.after.keys() == {f.column for f in User._meta.local_concrete_fields} - {"password", "code_hash"}


def test_every_business_table_is_on_the_trail():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, array_agg(tgname::text ORDER BY tgname) FROM pg_trigger"
            " JOIN pg_proc p ON p.oid = tgfoid WHERE proname = 'audit_changes' AND tgenabled = 'O' GROUP BY 1"
        )
        audited = dict(cursor.fetchall())

    assert audited == {t: ["audit_delete", "audit_insert", "audit_update"] for t in BUSINESS}


def test_a_day_at_the_desk_is_told_table_by_table(village):
    """What the deeds write is on the trail, in the order of the books: documents, bills, legs."""
    clerk, other = make_clerk(village), make_clerk(village, "other")
    make_plan(village.township)
    household, _ = make_family(village, "张三", "张四")
    since = mark()

    with acting("clerk"):
        document = collect_premium(household=household, year=2020, key=uuid4(), by=clerk, on=ON)
        reverse(document=document, key=uuid4(), by=clerk, approver=other, reason="收错户")
        collect_premium(household=household, year=2020, key=uuid4(), by=clerk, on=ON)
        deposit_cash(by=clerk, village=village, year=2020, key=uuid4(), on=ON, slip="D1")
        with databases.owner():
            make_roster(village.township, "孤儿", approver=other)

    assert Counter(trail(since).values_list("actor", "table", "action")) == {
        ("clerk", f"{room}_{table}", action): n
        for room, table, action, n in [
            ("enrollment", "receiptbook", "INSERT", 1),
            ("enrollment", "receiptbook", "UPDATE", 2),
            ("enrollment", "document", "INSERT", 4),
            ("enrollment", "bill", "INSERT", 4),
            ("enrollment", "leg", "INSERT", 8),
            ("enrollment", "depositline", "INSERT", 2),
            ("accounts", "upload", "INSERT", 1),
            ("subsidies", "roster", "INSERT", 1),
            ("subsidies", "roster", "UPDATE", 1),
        ]
    }


# What happens in the random run: each says how many rows it changes by asking the database itself.
def add_one(village, chance):
    make_household(village)
    return 1


def add_several(village, chance):
    count = chance.randint(1, 20)
    Household.objects.bulk_create([Household(village=village) for _ in range(count)])
    return count


def add_by_copy(village, chance):
    return insert_many(Household, ["village_id", "number"], [(village.pk, "") for _ in range(MANY)])


def change_some(village, chance):
    sets = "created_at = created_at + interval '1 second'"
    return run(f"UPDATE enrollment_household SET {sets} WHERE id %% %s = 0", [chance.randint(1, 3)])


def change_by_copy(village, chance):
    moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randint(1, 10**8))
    rows = Household.objects.exclude(created_at=moment).values_list("pk", flat=True)[: chance.randint(1, MANY)]
    return update_many(Household, ["created_at"], [(pk, moment) for pk in rows])


def change_nothing(village, chance):
    run("UPDATE enrollment_household SET number = number")
    return 0


def take_back(village, chance):
    with transaction.atomic():
        add_several(village, chance)
        change_some(village, chance)
        transaction.set_rollback(True)
    return 0


def remove_some(village, chance):
    with databases.owner():
        return run("DELETE FROM enrollment_household WHERE id %% %s = 0", [chance.randint(2, 5)])


DEEDS = (add_one, add_several, add_by_copy, change_some, change_by_copy, change_nothing, take_back, remove_some)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), deeds=st.lists(st.sampled_from(DEEDS), max_size=10))
def test_there_are_as_many_rows_on_the_trail_as_changes(seed, deeds):
    chance = random.Random(seed)
    with transaction.atomic():
        village = make_village(make_township())
        since = mark()

        changes = sum(deed(village, chance) for deed in deeds)

        rows = trail(since)
        assert rows.count() == changes
        assert not rows.exclude(table="enrollment_household").exists()
        come, gone = (rows.filter(action=action).count() for action in ("INSERT", "DELETE"))
        assert Household.objects.count() == come - gone
        transaction.set_rollback(True)


def test_the_tables_can_be_told_from_the_trail_alone(village):
    """The last state on the trail of each row that was not deleted is the row, in every business table."""
    clerk = make_clerk(village)
    make_plan(village.township)
    household, (father, son) = make_family(village, "张三", "张四")
    make_roster(village.township, "孤儿", son.person, approver=make_user("boss", Role.TOWNSHIP, place=village.township))
    collect_premium(household=household, year=2020, key=uuid4(), by=clerk, on=ON)
    Person.objects.update(phone="13900000000")
    with databases.owner():
        Quota.objects.all().delete()

    for table in BUSINESS:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*), count(*) FILTER (WHERE after IS DISTINCT FROM to_jsonb(t) - '{{password,code_hash}}'::text[])"
                f" FROM {table} t FULL JOIN ("
                '  SELECT DISTINCT ON ("row") "row", after FROM accounts_auditrow WHERE "table" = %s ORDER BY "row", id DESC'
                f') last ON last."row" = t.id WHERE t.id IS NOT NULL OR after IS NOT NULL',
                [table],
            )
            rows, differing = cursor.fetchone()
        assert (table, rows, differing) == (table, count_of(table), 0)
