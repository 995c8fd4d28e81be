"""Test databases: one template is migrated once, each worker's database is a copy of it, made anew after a test commits."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from accounts.roles import as_owner

# One name per run, so that two runs on one server never meet.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")[:8] or str(os.getpid())
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
TEMPLATE = f"test_canbao_{RUN}"
ROLE = f"{TEMPLATE}_web"
LOCK = 7_264_110


@contextmanager
def server() -> Iterator[psycopg2.extensions.cursor]:
    """A cursor on the server's own database, as the owner, outside any transaction."""
    params = connection.get_connection_params()
    params.pop("assume_role", None)
    for strange in ("cursor_factory", "context"):
        params.pop(strange, None)
    own = psycopg2.connect(**{**params, "dbname": "postgres"})
    own.autocommit = True
    try:
        with own.cursor() as cursor:
            yield cursor
    finally:
        own.close()


def use(name: str) -> None:
    """Point Django's one connection at this database, as the web role."""
    connection.close()
    settings.WEB_ROLE = ROLE
    connection.settings_dict["NAME"] = name
    connection.settings_dict["OPTIONS"]["assume_role"] = ROLE


def make_template() -> None:
    """Migrate the template once per run; the other workers wait for it."""
    with server() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate", [TEMPLATE])
        if not cursor.fetchone():
            cursor.execute(f'CREATE DATABASE "{TEMPLATE}"')
            use(TEMPLATE)
            call_command("migrate", verbosity=0)
            connection.close()
            cursor.execute(f'ALTER DATABASE "{TEMPLATE}" IS_TEMPLATE true')


def clone() -> None:
    """This worker's database, as the template is."""
    connection.close()
    mine = f"{TEMPLATE}_{WORKER}"
    with server() as cursor:
        # Another worker that ends now must not take the template for unused.
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute(f'DROP DATABASE IF EXISTS "{mine}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{mine}" TEMPLATE "{TEMPLATE}"')
    use(mine)


def drop() -> None:
    """Leave nothing behind; the last worker takes the template and the role with it."""
    connection.close()
    with server() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{TEMPLATE}_{WORKER}" WITH (FORCE)')
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname ^@ %s", [f"{TEMPLATE}_"])
        if cursor.fetchone() == (0,):
            cursor.execute(f'ALTER DATABASE "{TEMPLATE}" IS_TEMPLATE false')
            cursor.execute(f'DROP DATABASE "{TEMPLATE}" WITH (FORCE)')
            cursor.execute(f'DROP ROLE IF EXISTS "{ROLE}"')


@contextmanager
def owner() -> Iterator[None]:
    """Act as the owner of the tables on this connection, inside the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'SET ROLE "{ROLE}"')


__all__ = ["RUN", "as_owner", "clone", "drop", "make_template", "owner", "server", "use"]
