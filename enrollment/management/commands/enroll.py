from typing import Any

from django.core.management.base import CommandParser

from accounts.models import User
from enrollment.actions.payments import enroll_subsidised
from subsidies.models import NoPlan
from villages.commands import OfficeCommand, the_day, the_township


class Command(OfficeCommand):
    help = "镇统一办理：名单内应缴为 0 的人全部参保"
    refusals = (NoPlan,)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("who", choices=["subsidised"])
        parser.add_argument("--year", type=int, required=True)
        parser.add_argument("--on", required=True, help="办理日期，如 2019-12-05")

    def act(self, **options: Any) -> None:
        told = enroll_subsidised(
            township=the_township(options), year=options["year"], by=User.objects.console(), on=the_day(options["on"])
        )
        if options["json"]:
            self.answer(told)
        else:
            self.stdout.write(f"新参保 {told['enrolled']} 人，此前已参保 {told['already']} 人。")
