from typing import Any

from django.core.management.base import CommandParser

from villages.actions import open_office
from villages.commands import OfficeCommand


class Command(OfficeCommand):
    help = "启用一个乡镇：空的、可以工作的系统"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="乡镇名称")

    def act(self, **options: Any) -> None:
        township = open_office(name=options["name"])
        if options["json"]:
            self.answer({"township": township.name})
        else:
            self.stdout.write(f"已启用{township}。下一步：manage.py open_account 用户名 --role township")
