"""The database's two roles: the owner, who migrates and backs up, and the web role, which owns nothing.

Each model says with `web_may` what the web role may do with its rows; silence means reading, adding and changing,
never deleting. Framework tables, whose rows are not business facts, may also be deleted from.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.conf import settings
from django.db import ProgrammingError, connection, transaction
from psycopg2.errors import InsufficientPrivilege

FACTS = "SELECT, INSERT, UPDATE"
FRAMEWORK = "SELECT, INSERT, UPDATE, DELETE"
ROOMS = ("accounts", "villages", "subsidies", "enrollment", "reports")

CREATE_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal}) THEN CREATE ROLE {role} NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
    EXECUTE format('GRANT {role} TO %I', current_user);
EXCEPTION WHEN unique_violation THEN NULL;
END $$;
"""


def web_role() -> str:
    """The web role's name: that of the database it was set up for, and `_web`."""
    name: str = settings.WEB_ROLE
    return name


@contextmanager
def as_owner() -> Iterator[None]:
    """Act as the owner of the tables inside: migrations, the demo's rebuilding, backup. The connection is made anew."""
    options = connection.settings_dict["OPTIONS"]
    role = options.pop("assume_role", None)
    connection.close()
    try:
        yield
    finally:
        if role:
            options["assume_role"] = role
        connection.close()


def grants() -> list[str]:
    """The statements that give the web role its rights on every table there is, and no more."""
    role = connection.ops.quote_name(web_role())
    lines = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {{schema}} FROM {role}",
        f"GRANT USAGE ON SCHEMA {{schema}} TO {role}",
        f"GRANT SELECT, USAGE ON ALL SEQUENCES IN SCHEMA {{schema}} TO {role}",
        f"GRANT SELECT ON django_migrations TO {role}",
    ]
    for model in apps.get_models(include_auto_created=True):
        default = FACTS if model._meta.app_label in ROOMS else FRAMEWORK
        rights = getattr(model, "web_may", default)
        if rights:
            lines.append(f"GRANT {rights} ON {connection.ops.quote_name(model._meta.db_table)} TO {role}")
    return lines


def set_up_web_role() -> str | None:
    """Make the web role when this may, and set its grants; the lines for the administrator when it may not."""
    quoted, literal = connection.ops.quote_name(web_role()), f"'{web_role()}'"
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user, current_setting('server_version_num')::int")
        schema, owner, version = cursor.fetchone()
        # Since PostgreSQL 16 whoever makes a role is its member at once, yet may not act as it before a GRANT.
        acting = "SET" if version >= 160000 else "MEMBER"
        cursor.execute(
            "SELECT pg_has_role(current_user, oid, %s) FROM pg_roles WHERE rolname = %s", [acting, web_role()]
        )
        if cursor.fetchone() != (True,):
            try:
                cursor.execute(CREATE_ROLE.format(role=quoted, literal=literal))
            except ProgrammingError as refused:
                if not isinstance(refused.__cause__, InsufficientPrivilege):
                    raise
                return f"CREATE ROLE {quoted} NOLOGIN; GRANT {quoted} TO {connection.ops.quote_name(owner)};"
        # Two migrations at once would else fail on the same catalogue row ("tuple concurrently updated").
        cursor.execute("SELECT pg_advisory_lock(hashtext('web role grants'))")
        try:
            # All or nothing: a server that runs meanwhile never meets a web role without its rights.
            with transaction.atomic():
                for line in grants():
                    cursor.execute(line.format(schema=connection.ops.quote_name(schema)))
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('web role grants'))")
    return None
