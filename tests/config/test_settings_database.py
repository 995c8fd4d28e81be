"""Which database a command works on."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings_database import database_settings

KEPT = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
SERVER = "django.db.backends.postgresql"


def server(**changes):
    plain = {"ENGINE": SERVER, "NAME": "n", "USER": "", "PASSWORD": "", "HOST": "", "PORT": "", "OPTIONS": {}}
    return {**plain, **changes, **KEPT}


@pytest.mark.parametrize("environ", [{}, {"DATABASE_URL": ""}, {"DATABASE_URL": "", "OFFICE": ""}])
def test_without_an_address_the_embedded_server_holds_the_office(environ):
    assert database_settings(environ) == {"ENGINE": "config.embedded", "NAME": "canbao", **KEPT}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://n/n", server(HOST="n")),
        ("postgresql:///n", server()),
        (
            "postgres://me:pw@db.example:5433/n",
            server(USER="me", PASSWORD="pw", HOST="db.example", PORT="5433"),
        ),
        (
            "postgres://m%40e:p%2Fw%3A%E5%AF%86@h/%E5%8F%82%E4%BF%9D",
            server(USER="m@e", PASSWORD="p/w:密", HOST="h", NAME="参保"),
        ),
        ("postgres://me@/n?host=/run/Postgres", server(USER="me", HOST="/run/Postgres")),
        ("postgres://me@%2Frun%2FPostgres/n", server(USER="me", HOST="/run/Postgres")),
        (
            "postgres:///n?host=@abstract&user=me&password=a%26b&port=6",
            server(USER="me", PASSWORD="a&b", HOST="@abstract", PORT="6"),
        ),
        ("postgres://[::1]:5433/n", server(HOST="::1", PORT="5433")),
        (
            "postgres://h/n?sslmode=require&connect_timeout=3",
            server(HOST="h", OPTIONS={"sslmode": "require", "connect_timeout": "3"}),
        ),
    ],
)
def test_an_address_names_the_server(url, expected):
    assert database_settings({"DATABASE_URL": url}) == expected


@pytest.mark.parametrize(
    ("environ", "name"),
    [({"OFFICE": "demo"}, "canbao_demo"), ({"OFFICE": "demo", "DATABASE_URL": "postgres://h/town"}, "town_demo")],
)
def test_the_demo_is_a_second_database_beside_the_office(environ, name):
    assert database_settings(environ)["NAME"] == name


@pytest.mark.parametrize(
    "environ",
    [
        {"OFFICE": "Demo"},
        {"DATABASE_URL": "mysql://me:geheim@h/n"},
        {"DATABASE_URL": "postgres://me:geheim@h/"},
        {"DATABASE_URL": "postgres://me:geheim@h:port/n"},
        {"DATABASE_URL": "canbao"},
    ],
)
def test_a_wrong_environment_is_refused_without_repeating_the_password(environ):
    with pytest.raises(ImproperlyConfigured) as refusal:
        database_settings(environ)

    assert "geheim" not in str(refusal.value)
