"""The web role owns nothing, and nothing it can say in SQL gets it past the guards."""

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, ProgrammingError, connection, transaction
from psycopg2.errors import InsufficientPrivilege

from accounts.models import AuditRow
from accounts.roles import FACTS, FRAMEWORK, ROOMS, as_owner, grants, set_up_web_role
from enrollment.models import Household
from tests import databases
from tests.makers import make_clerk, make_family, make_household, make_plan, make_township, make_village
from villages.models import Group

pytestmark = pytest.mark.django_db
LEDGER = [f"enrollment_{table}" for table in ("document", "leg", "bill", "approval", "refundline", "depositline")]
NEVER_CHANGED = [*LEDGER, "accounts_auditrow", "accounts_upload", "subsidies_planversion"]
BUSINESS = [m._meta.db_table for m in apps.get_models() if m._meta.app_label in ROOMS and m._meta.managed]


def ask(statement, params=()):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def is_denied(statement) -> bool:
    """Whether the database refused for want of rights; any other answer is not what was asked."""
    with pytest.raises(ProgrammingError) as refused, transaction.atomic():
        ask(statement)
    return isinstance(refused.value.__cause__, InsufficientPrivilege)


def home() -> str:
    return str(ask("SELECT current_schema()")[0][0])


def rights(model) -> str:
    return getattr(model, "web_may", FACTS if model._meta.app_label in ROOMS else FRAMEWORK)


def test_the_tests_run_as_the_web_role():
    assert ask("SELECT current_user") == [(settings.WEB_ROLE,)]
    assert ask(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ) == [(False, False, False, False, False)]


def test_it_owns_nothing():
    owned = "SELECT relname FROM pg_class WHERE relowner = current_user::regrole"
    assert ask(f"{owned} UNION ALL SELECT proname FROM pg_proc WHERE proowner = current_user::regrole") == []


def test_it_has_exactly_the_rights_each_model_gives():
    kinds = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    asked = ", ".join(f"has_table_privilege(current_user, %s, '{kind}')" for kind in kinds)
    models = apps.get_models(include_auto_created=True)

    for model in models:
        (row,) = ask(f"SELECT {asked}", [model._meta.db_table] * len(kinds))
        given = [right.strip() for right in rights(model).split(",")]
        assert [kind for kind, may in zip(kinds, row, strict=True) if may] == [k for k in kinds if k in given], model


def test_only_the_decision_on_a_roster_entry_may_change():
    columns = (
        "SELECT attname FROM pg_attribute WHERE attrelid = 'subsidies_rosterentry'::regclass AND attnum > 0"
        " AND has_column_privilege(current_user, attrelid, attnum, 'UPDATE')"
    )
    assert ask(columns) == [("decision",)]


def test_it_has_no_rights_where_there_is_no_model():
    known = [m._meta.db_table for m in apps.get_models(include_auto_created=True)] + ["django_migrations"]
    others = (
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'm')"
        " AND relname <> ALL(%s) AND has_table_privilege(current_user, oid, 'SELECT, INSERT, UPDATE, DELETE')"
    )
    assert ask(others, [known]) == []


@pytest.mark.parametrize("table", NEVER_CHANGED)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_is_written_stays(table, statement):
    assert is_denied(statement.format(table))


@pytest.mark.parametrize("table", BUSINESS)
def test_no_business_row_is_ever_deleted(table):
    assert is_denied(f"DELETE FROM {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO accounts_auditrow (actor, request, action, \"table\", row) VALUES ('boss', '', 'INSERT', 'x', 1)",
        "SELECT setval('accounts_auditrow_id_seq', 999999)",
        "ALTER TABLE accounts_auditrow DISABLE TRIGGER ALL",
        "ALTER TABLE enrollment_leg DISABLE TRIGGER ledger_is_append_only",
        "ALTER TABLE enrollment_bill DISABLE TRIGGER check_bills",
        "ALTER TABLE enrollment_person DISABLE TRIGGER USER",
        "ALTER TABLE enrollment_bill DROP CONSTRAINT one_bill_per_enrollment_and_round",
        "DROP TRIGGER audit_insert ON enrollment_bill",
        "DROP INDEX one_live_enrollment_per_person_and_year",
        "DROP TABLE accounts_auditrow",
        "SET session_replication_role = replica",
        "SELECT set_config('session_replication_role', 'replica', false)",
        "CREATE OR REPLACE FUNCTION audit_changes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE OR REPLACE FUNCTION check_bills() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE FUNCTION harmless() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION check_legs() CASCADE",
        "ALTER FUNCTION check_legs() SET search_path = pg_temp",
        "CREATE TRIGGER mine BEFORE INSERT ON enrollment_leg FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE RULE mine AS ON INSERT TO enrollment_leg DO INSTEAD NOTHING",
        "SELECT * FROM v_ledger",
        "SELECT * FROM v_enrolment",
        "SELECT * FROM v_audit",
        "COPY accounts_user TO PROGRAM 'cat'",
        "CREATE ROLE mine",
    ],
)
def test_it_cannot_get_round_a_guard(statement):
    assert is_denied(statement)


def test_the_views_are_the_owners_to_read():
    make_family(make_village(make_township()), "张三")

    with databases.owner():
        assert ask("SELECT stage, village, due_fen FROM v_enrolment") == [("listed", "01", None)]
        assert ask("SELECT count(*) FROM v_ledger") == [(0,)]
        assert ask("SELECT action FROM v_audit WHERE object LIKE 'enrollment_person:%%'") == [("INSERT",)]


@pytest.fixture
def family():
    township = make_township()
    make_plan(township)
    village = make_village(township)
    make_clerk(village)
    return make_family(village, "张三")


def test_a_temporary_table_of_the_same_name_keeps_nothing_off_the_trail(family):
    ask("CREATE TEMP TABLE accounts_auditrow (LIKE accounts_auditrow)")

    household = make_household(family[0].village)

    real = f"{home()}.accounts_auditrow"
    ask("DROP TABLE pg_temp.accounts_auditrow")
    trail = f'SELECT action FROM {real} WHERE "table" = \'enrollment_household\' AND "row" = {household.pk}'
    assert ask(trail) == [("INSERT",)]


def test_a_temporary_table_of_the_same_name_fools_no_check(family):
    own = family[0].village
    strange = Group.objects.create(village=make_village(own.township, "杨树村"), name="1组")
    ask(f"CREATE TEMP TABLE villages_group AS SELECT {strange.pk} AS id, {own.pk} AS village_id")

    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        ask(f"UPDATE enrollment_household SET group_id = {strange.pk}")

    assert refused.value.__cause__.diag.constraint_name == "group_lies_in_the_households_village"


def test_a_temporary_function_of_the_same_name_fools_no_trigger(family):
    ask("CREATE FUNCTION pg_temp.audit_changes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    before = AuditRow.objects.count()

    make_household(family[0].village)

    assert AuditRow.objects.count() == before + 1


def test_the_triggers_work_under_another_search_path(family):
    household, (enrollment,) = family
    own = Group.objects.create(village=household.village, name="1组")
    strange = Group.objects.create(village=make_village(household.village.township, "杨树村"), name="1组")
    schema = home()

    with databases.owner():
        ask("SET LOCAL search_path = pg_catalog")
        ask(f"UPDATE {schema}.enrollment_household SET group_id = {own.pk}")
        with pytest.raises(DatabaseError) as refused, transaction.atomic():
            ask(f"UPDATE {schema}.enrollment_household SET group_id = {strange.pk}")
        ask(f"SET LOCAL search_path = {schema}")

    assert refused.value.__cause__.diag.constraint_name == "group_lies_in_the_households_village"
    last = AuditRow.objects.latest("pk")
    assert (last.action, last.table, last.row) == ("UPDATE", "enrollment_household", household.pk)
    assert (last.before["group_id"], last.after["group_id"]) == (None, own.pk)


def test_every_trigger_function_has_its_search_path_pinned():
    """But the one that only raises, and asks no table."""
    loose = (
        "SELECT DISTINCT proname FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid WHERE NOT tgisinternal"
        " AND (proconfig IS NULL OR proconfig[1] <> format('search_path=%%I, pg_temp', current_schema()))"
    )
    assert ask(loose, []) == [("refuse_change",)]


def test_grants_cover_every_model():
    text = "\n".join(grants())

    for model in apps.get_models(include_auto_created=True):
        assert f' ON "{model._meta.db_table}" TO ' in text, model


@pytest.mark.django_db(transaction=True)
def test_migrating_again_changes_nothing():
    make_household(make_village(make_township()), "H1")
    acl = (
        "SELECT relname, relacl::text, (SELECT array_agg(attacl::text) FROM pg_attribute WHERE attrelid = c.oid)"
        " FROM pg_class c WHERE relnamespace = current_schema()::regnamespace ORDER BY 1"
    )
    triggers = (
        "SELECT tgrelid::regclass::text, tgname, tgenabled, prosrc FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid"
    )
    before = [ask(acl), ask(f"{triggers} ORDER BY 1, 2"), AuditRow.objects.count()]

    for _ in range(2):
        call_command("migrate", verbosity=0)

    assert [ask(acl), ask(f"{triggers} ORDER BY 1, 2"), AuditRow.objects.count()] == before
    assert ask("SELECT current_user") == [(settings.WEB_ROLE,)]
    assert Household.objects.get().number == "H1"


@pytest.mark.django_db(transaction=True)
def test_migrating_takes_back_rights_somebody_gave():
    with as_owner():
        ask(f'GRANT DELETE ON enrollment_leg, v_ledger TO "{settings.WEB_ROLE}"')
        ask(f'GRANT UPDATE (fen) ON enrollment_leg TO "{settings.WEB_ROLE}"')

    call_command("migrate", verbosity=0)

    assert is_denied("DELETE FROM enrollment_leg")
    assert is_denied("UPDATE enrollment_leg SET fen = 1")
    assert is_denied("SELECT * FROM v_ledger")


@pytest.mark.django_db(transaction=True)
def test_an_owner_who_may_not_make_roles_is_told_the_lines(settings):
    """A database whose owner may log in and no more."""
    missing = settings.WEB_ROLE = f"{databases.ROLE}_missing"
    with databases.server() as cursor:
        cursor.execute(f'CREATE ROLE "{missing}_owner"')
        cursor.execute(f'GRANT "{missing}_owner" TO CURRENT_USER')
    try:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(f'SET ROLE "{missing}_owner"')
            lines = set_up_web_role()
    finally:
        with databases.server() as cursor:
            cursor.execute(f'DROP ROLE "{missing}_owner"')

    assert lines == f'CREATE ROLE "{missing}" NOLOGIN; GRANT "{missing}" TO "{missing}_owner";'
