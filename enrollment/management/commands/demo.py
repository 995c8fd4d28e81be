import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.utils.timezone import localdate
from tqdm import tqdm

from accounts.audit import acting
from accounts.models import CONSOLE
from accounts.roles import as_owner
from enrollment.actions.demo import load_town
from enrollment.demo.town import build_town
from subsidies.plan import plan_from_toml
from villages.commands import in_the_demo

STEPS = 8


class Command(BaseCommand):
    help = "重建演示数据库：一个虚构的乡镇，本单位的数据库不受影响"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people", type=int, default=55_153)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--today", type=date.fromisoformat, default=None)

    def handle(self, *args: Any, **options: Any) -> None:
        in_the_demo()
        today = options["today"] or localdate()
        with tqdm(
            total=STEPS, desc="生成人员", file=sys.stderr, ncols=80, bar_format="{desc} {bar} {n}/{total}"
        ) as bar:

            def step(name: str) -> None:
                bar.set_description_str(name)
                bar.update()

            try:
                town = build_town(people=options["people"], seed=options["seed"], today=today)
            except ValueError as no:
                self.stderr.write(str(no))
                sys.exit(1)
            step("建立数据库")
            _make_anew()
            plan = plan_from_toml((Path(settings.BASE_DIR) / "plans" / "2020.toml").read_text())
            with acting(CONSOLE):
                load_town(town, plan_2020=plan, step=step)
            _mark_finished(f"{options['people']} {options['seed']} {today}")
        self.stdout.write(f"演示已建好：{town.name}，{len(town.people)}人。登录账号见 manage.py demo_accounts。")


def _make_anew() -> None:
    """Drop the demo's database, whoever is connected, and create it empty and migrated."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with as_owner():
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {name}")
        call_command("migrate", verbosity=0)


def _mark_finished(what: str) -> None:
    """Only a demo with this mark is whole; `serve` builds any other anew."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT quote_literal(%s)", [f"demo {what}"])
        (literal,) = cursor.fetchone()
        cursor.execute(f"COMMENT ON DATABASE {name} IS {literal}")
        cursor.execute("ANALYZE")
