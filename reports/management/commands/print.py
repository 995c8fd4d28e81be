from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from enrollment.importers.population import group_name
from reports.printing.drawing import MissingGlyphs
from reports.printing.press import PrintingFailed
from reports.registers import NobodyRegistered, print_village
from subsidies.models import NoPlan
from villages.commands import OfficeCommand, Refused, the_township, the_village


class Command(OfficeCommand):
    help = "打印登记表（附件2）"
    refusals = (NoPlan, NobodyRegistered, MissingGlyphs, PrintingFailed)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["register"])
        parser.add_argument("--year", type=int, required=True)
        parser.add_argument("--village", required=True, help="村名或代码")
        parser.add_argument("--group", help="只印一个组")
        parser.add_argument("--out", required=True, help="PDF 文件")

    def act(self, **options: Any) -> None:
        village = the_village(the_township(options), options["village"])
        group = group_name(options["group"]) if options["group"] else None
        out = Path(options["out"])
        if not out.parent.is_dir():
            raise Refused(f"没有这个文件夹：{out.parent}")
        told = print_village(village, year=options["year"], group=group, out=out)
        if options["json"]:
            self.answer(told)
        else:
            self.stdout.write(f"{told['pages']} 页，{told['households']} 户 {told['people']} 人，已写入 {out}")
