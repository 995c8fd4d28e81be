from typing import Any

from django.core.management.base import CommandParser

from villages.actions import open_account
from villages.commands import OfficeCommand, Refused, the_township, the_village
from villages.models import Role


class Command(OfficeCommand):
    help = "开一个账号并给岗位；打印一次性口令，由本人换成密码"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--role", required=True, help=f"岗位：{'、'.join(Role.values)}")
        parser.add_argument("--village", help="村名或代码（村级经办员必填）")
        parser.add_argument("--office", default="", help="部门，如民政办（名单部门必填）")
        parser.add_argument("--name", default="", help="姓名")

    def act(self, **options: Any) -> None:
        township = the_township(options)
        if options["role"] not in Role.values:
            raise Refused(f"没有“{options['role']}”这个岗位；有：{'、'.join(Role.values)}。")
        village = the_village(township, options["village"]) if options["village"] else None
        user, code = open_account(
            username=options["username"],
            full_name=options["name"],
            role=Role(options["role"]),
            township=township,
            village=village,
            office=options["office"],
        )
        if options["json"]:
            place = village.name if village else None
            self.answer({"username": user.username, "role": options["role"], "village": place, "code": code})
        else:
            self.stdout.write(f"已开账号 {user.username}。一次性口令：{code}（72小时内有效，本人登录时换成自己的密码）")
