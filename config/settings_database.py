"""From the environment to Django's settings of the one database that a command works on."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.embedded.home import OFFICE_NAME

SCHEMES = ("postgres", "postgresql")
DEMO_SUFFIX = "_demo"


def database_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings of the default database: `DATABASE_URL` or the embedded one, the demo in `OFFICE=demo`."""
    url = environ.get("DATABASE_URL", "")
    settings = server_settings(url) if url else {"ENGINE": "config.embedded", "NAME": OFFICE_NAME}
    settings["NAME"] += office_suffix(environ.get("OFFICE", ""))
    return {**settings, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


def office_suffix(office: str) -> str:
    """What the name of the chosen office's database ends with."""
    if office not in ("", "demo"):
        raise ImproperlyConfigured("环境变量 OFFICE 只能留空（本单位）或写 demo（演示）。")
    return DEMO_SUFFIX if office else ""


def server_settings(url: str) -> dict[str, Any]:
    """The settings in postgres://user:password@host:port/name?option=value; a socket's folder stands in ?host=."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    name = options.pop("dbname", unquote(parts.path.removeprefix("/")))
    if parts.scheme not in SCHEMES or not name:
        # The address itself holds a password, so it is not repeated here.
        raise ImproperlyConfigured("DATABASE_URL 应写作 postgres://用户:密码@主机:端口/库名。")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": options.pop("user", unquote(parts.username or "")),
        "PASSWORD": options.pop("password", unquote(parts.password or "")),
        "HOST": options.pop("host", host_of(parts)),
        "PORT": options.pop("port", port_of(parts)),
        "OPTIONS": options,
    }


def host_of(parts: SplitResult) -> str:
    """The host as it was written: `hostname` would lower the case of a socket's folder (%2Frun%2FPostgres)."""
    host = parts.netloc.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return unquote(host.partition(":")[0])


def port_of(parts: SplitResult) -> str:
    """The port, empty where none is named."""
    try:
        return str(parts.port or "")
    except ValueError:
        raise ImproperlyConfigured("DATABASE_URL 中的端口不是有效的数字。") from None
