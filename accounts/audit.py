"""The audit trigger: plain SQL that each room's migration lays over its tables.

At statement level with transition tables, since a row-level trigger made 50,000 rows nine times slower. SECURITY
DEFINER, so that the web role needs no right to write the audit table and cannot forge or switch it off.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from django.db import connection
from django.db.migrations import RunSQL

# search_path is pinned to the schema the trail is installed in, so that a caller's path cannot redirect it.
# The trail is kept for ever, so an account's secrets stay out of it: that they changed is told, what they are is not.
# A full join, so that a row that was given another id leaves the trail as one row gone and one come.
INSTALL = """
DO $install$
BEGIN
EXECUTE format($format$
CREATE OR REPLACE FUNCTION audit_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = %I, pg_temp AS $body$
#variable_conflict use_variable
DECLARE
    actor text := coalesce(nullif(current_setting('canbao.actor', true), ''), '?');
    request text := coalesce(current_setting('canbao.request', true), '');
    secrets CONSTANT text[] := '{password,code_hash}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO accounts_auditrow (actor, request, action, "table", "row", after)
        SELECT actor, request, 'INSERT', TG_TABLE_NAME, n.id, to_jsonb(n) - secrets FROM new_rows n;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO accounts_auditrow (actor, request, action, "table", "row", before, after)
        SELECT actor, request, 'UPDATE', TG_TABLE_NAME, coalesce(n.id, o.id), to_jsonb(o) - secrets, to_jsonb(n) - secrets
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE to_jsonb(o) IS DISTINCT FROM to_jsonb(n);
    ELSE
        INSERT INTO accounts_auditrow (actor, request, action, "table", "row", before)
        SELECT actor, request, 'DELETE', TG_TABLE_NAME, o.id, to_jsonb(o) - secrets FROM old_rows o;
    END IF;
    RETURN NULL;
END $body$ $format$, current_schema());
END $install$;

-- Only the owner may ANALYZE, but the web role fills tables by the ten thousand, and the next question of the same
-- transaction needs to know how many rows there are now.
DO $install$
BEGIN
EXECUTE format($format$
CREATE FUNCTION refresh_statistics(name text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = %I, pg_temp AS $body$
BEGIN
    EXECUTE format('ANALYZE %%I', name);
END $body$ $format$, current_schema());
END $install$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[1] USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME;
END $$;
"""
REMOVE = "DROP FUNCTION audit_changes() CASCADE; DROP FUNCTION refresh_statistics(text); DROP FUNCTION refuse_change() CASCADE;"


def pinned(*functions: str) -> RunSQL:
    """A migration operation: these trigger functions find their tables whatever the caller's search_path is.

    pg_temp comes last, so that nobody shadows a table with a temporary one of the same name. Sequential scans are off,
    since a table that was filled in the same transaction has no statistics yet: taking it for tiny, the planner
    compared each of 50,000 new rows with every row (minutes where the indexes take a second).
    """
    settings = ("search_path = %I, pg_temp", "enable_seqscan = off")
    lines = [
        f"EXECUTE format('ALTER FUNCTION {name}() SET {setting}', current_schema());"
        for name in functions
        for setting in settings
    ]
    return RunSQL(f"DO $pin$ BEGIN {' '.join(lines)} END $pin$;", RunSQL.noop)


def audited(*tables: str) -> list[RunSQL]:
    """Migration operations that put every change of these tables on the trail."""
    return [RunSQL(_audit_sql(table), _unaudit_sql(table)) for table in tables]


def _audit_sql(table: str) -> str:
    call = "FOR EACH STATEMENT EXECUTE FUNCTION audit_changes();"
    return f"""
    CREATE TRIGGER audit_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows {call}
    CREATE TRIGGER audit_update AFTER UPDATE ON {table}
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows {call}
    CREATE TRIGGER audit_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows {call}
    CREATE TRIGGER whole_table_is_never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT
        EXECUTE FUNCTION refuse_change('whole_table_is_never_emptied', '业务数据不能整表清空。');
    """


def _unaudit_sql(table: str) -> str:
    triggers = ("audit_insert", "audit_update", "audit_delete", "whole_table_is_never_emptied")
    return " ".join(f"DROP TRIGGER {trigger} ON {table};" for trigger in triggers)


def append_only(table: str, name: str, sentence: str) -> RunSQL:
    """A migration operation: rows of this table are added, never changed or removed, by anybody."""
    return RunSQL(
        f"""
        CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change('{name}', '{sentence}');
        CREATE TRIGGER {name}_truncate BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{name}', '{sentence}');
        """,
        f"DROP TRIGGER {name} ON {table}; DROP TRIGGER {name}_truncate ON {table};",
    )


NAME = """
SELECT coalesce(current_setting('canbao.actor', true), ''), coalesce(current_setting('canbao.request', true), ''),
    set_config('canbao.actor', %s, false), set_config('canbao.request', %s, false)
"""


def name_actor(username: str, request: str = "") -> tuple[str, str]:
    """Tell the database who acts on this connection from now on; who did before, and in which request."""
    with connection.cursor() as cursor:
        cursor.execute(NAME, [username, request])
        before, asked, *_ = cursor.fetchone()
    return before, asked


@contextmanager
def acting(username: str) -> Iterator[None]:
    """What is changed inside stands on the trail under this name, then under whoever acted before."""
    before = name_actor(username, uuid4().hex)
    try:
        yield
    finally:
        if not connection.needs_rollback:
            name_actor(*before)
