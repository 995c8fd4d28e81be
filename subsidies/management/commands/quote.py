import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.timezone import localdate

from subsidies.plan import BadPlan, plan_from_toml
from subsidies.quoting import quote_all
from villages.commands import Refused, the_file


class Command(BaseCommand):
    help = "按方案试算：从标准输入读 JSON 列表，不用数据库"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--plan", required=True, help="方案文件")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            plan = plan_from_toml(the_file(options["plan"]).read_text("utf-8-sig"))
            people = json.loads(sys.stdin.buffer.read().decode("utf-8-sig"))
        except (Refused, BadPlan) as no:
            self._fail(str(no))
        except UnicodeDecodeError:
            self._fail("方案和输入都应是 UTF-8 文本。")
        except json.JSONDecodeError as no:
            self._fail(f"输入不是正确的 JSON：第{no.lineno}行第{no.colno}列。")
        if not isinstance(people, list):
            self._fail("输入应是一个列表。")
        quotes = quote_all(plan, people, today=localdate())
        self.stdout.write(json.dumps(quotes, ensure_ascii=False))
        if any("error" in quote for quote in quotes):
            sys.exit(1)

    def _fail(self, sentence: str) -> None:
        self.stdout.write(json.dumps({"error": sentence}, ensure_ascii=False))
        sys.exit(1)
