import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import segno
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from enrollment.demo.accounts import ACCOUNTS
from villages.models import Township

MARK = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"


class Command(BaseCommand):
    help = "启动：有本单位就开本单位，没有就开演示（第一次会先建好）"
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if "OFFICE" not in os.environ:
            # The database is chosen once, when the settings are read: look into the own office, then start over.
            call_command("migrate", verbosity=0)
            office = "" if Township.objects.exists() else "demo"
            connection.close()
            os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OFFICE": office})
        self._get_ready()
        self._say()
        self._serve()

    def _get_ready(self) -> None:
        if os.environ["OFFICE"] == "demo" and not _demo_is_whole():
            self.stdout.write("第一次启动，正在建演示数据（约一分钟）……")
            self.stdout.flush()
            subprocess.run([sys.executable, sys.argv[0], "demo"], check=True)
        else:
            call_command("migrate", verbosity=0)

    def _say(self) -> None:
        host, port = _address()
        shown = _lan_address() if host == "0.0.0.0" else host  # noqa: S104 - the office asked for its LAN
        url = f"http://{shown}:{port}"
        self.stdout.write(f"\n参保台已启动：{url}    按 Ctrl+C 停止")
        if shown != host:
            segno.make(url).terminal(compact=True)
        if os.environ["OFFICE"] == "demo":
            self.stdout.write("现在是演示。启用本镇：manage.py open_office 名称。演示账号：")
            for account in ACCOUNTS:
                self.stdout.write(f"  {account.role.label:　<6}  {account.username:10} {account.password}")
        self.stdout.flush()

    def _serve(self) -> None:
        """Hand this process over to the web server, so that Ctrl+C and signals are its own."""
        host, port = _address()
        gunicorn = Path(sys.executable).with_name("gunicorn")
        shape = ["--workers", "2", "--threads", "4", "--no-control-socket", "--chdir", str(settings.BASE_DIR)]
        os.execv(gunicorn, [str(gunicorn), "--bind", f"{host}:{port}", *shape, "config.wsgi:application"])


def _demo_is_whole() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute(MARK)
            (mark,) = cursor.fetchone()
    except DatabaseError:
        return False
    return bool(mark)


def _address() -> tuple[str, str]:
    return os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"


def _lan_address() -> str:
    """This machine's address on the office's network, as far as it can be told without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # A UDP socket sends nothing on connect; it only learns which of our addresses would be used.
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
