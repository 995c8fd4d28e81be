from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connection

from accounts.roles import as_owner, set_up_web_role


class Command(Migrate):
    """Django's migrate, as the owner of the tables; afterwards the web role gets its grants."""

    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner():
            super().handle(*args, **options)
            if not options["check_unapplied"] and not options["plan"]:
                self._set_up_web_role()
            connection.close()

    def _set_up_web_role(self) -> None:
        lines = set_up_web_role()
        if lines:
            self.stderr.write(f"请数据库管理员执行下面的语句，再运行一次 migrate：\n{lines}\n")
