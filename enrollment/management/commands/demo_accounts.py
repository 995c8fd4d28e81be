import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from accounts.models import User
from enrollment.demo.accounts import ACCOUNTS
from villages.commands import in_the_demo
from villages.models import Posting


class Command(BaseCommand):
    help = "演示数据库的登录账号（只在演示里有）"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        in_the_demo()
        accounts = self._accounts()
        if not accounts:
            self.stderr.write("还没有演示，请先运行 manage.py demo。")
            sys.exit(1)
        if options["json"]:
            self.stdout.write(json.dumps(accounts, ensure_ascii=False))
        for account in accounts if not options["json"] else []:
            self.stdout.write(
                "{role:10}{username:10}{password:18}{place}".format(**account, place=account["village"] or "")
            )

    def _accounts(self) -> list[dict[str, str | None]]:
        try:
            there = set(User.objects.values_list("username", flat=True))
            villages = dict(Posting.objects.values_list("user__username", "village__name"))
        except DatabaseError:
            return []
        return [
            {"role": a.role.value, "username": a.username, "password": a.password, "village": villages[a.username]}
            for a in ACCOUNTS
            if a.username in there
        ]
