import sys
from typing import Any

from accounts.roles import as_owner
from reports.books import verify_books
from villages.commands import OfficeCommand


class Command(OfficeCommand):
    help = "核对账册、名册与留痕"

    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner():
            told = verify_books()
        if options["json"]:
            self.answer(told)
        else:
            for check in told["checks"]:
                self.stdout.write(f"{'有误' if check['failed'] else '正常'}  {check['name']}  {check['rows']} 行")
                self.stdout.write("".join(f"    {row}\n" for row in check["failed"]))
        if not told["ok"]:
            sys.exit(1)
