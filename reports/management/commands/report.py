from typing import Any

from django.core.management.base import CommandParser

from reports.queries import awards, funders, gaps, progress, unpaid
from subsidies.models import NoPlan
from villages.commands import OfficeCommand, Refused, the_day, the_township, the_village


class Command(OfficeCommand):
    help = "统计：进度、奖励、资助资金、缺口、未缴名单"
    refusals = (NoPlan,)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["progress", "awards", "funders", "gaps", "unpaid"])
        parser.add_argument("--year", type=int, required=True)
        parser.add_argument("--as-of", help="截至日，如 2019-12-10；不写为今天")
        parser.add_argument("--village", help="村名或代码（unpaid）")

    def act(self, **options: Any) -> None:
        value = self._ask(options)
        if options["json"]:
            self.answer(value)
        else:
            for line in value.get("villages") or value.get("lines") or value.get("people") or []:
                self.stdout.write("  ".join(f"{key}={_plain(cell)}" for key, cell in line.items()))
            if "total" in value:
                self.stdout.write("合计  " + "  ".join(f"{key}={_plain(cell)}" for key, cell in value["total"].items()))

    def _ask(self, options: dict[str, Any]) -> dict[str, Any]:
        township, year = the_township(options), options["year"]
        if options["what"] == "unpaid":
            if not options["village"]:
                raise Refused("请用 --village 写明是哪个村。")
            return unpaid(village=the_village(township, options["village"]), year=year)
        if options["what"] == "gaps":
            return gaps(township=township, year=year)
        question = {"progress": progress, "awards": awards, "funders": funders}[options["what"]]
        on = the_day(options["as_of"]) if options["as_of"] else None
        return question(township=township, year=year, on=on)


def _plain(cell: object) -> object:
    return "–" if cell is None else cell
