import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from accounts.imports import Report
from accounts.models import User
from accounts.sheets.cells import BadCell, month
from accounts.sheets.headers import Columns
from accounts.sheets.writing import write_rejects
from enrollment.actions.payments import import_payments
from enrollment.actions.population import import_population, known_names
from enrollment.actions.returns import import_returns
from enrollment.importers import payments, population, returns
from subsidies.actions import ChangeNeedsApproval, import_roster
from subsidies.importers import rosters
from subsidies.models import NoPlan, plan_in_force
from villages.actions import import_quotas
from villages.commands import OfficeCommand, Refused, the_file, the_township, the_user
from villages.importers.quotas import columns_for
from villages.models import Township

PLAIN = {
    "population": import_population,
    "payments": import_payments,
    "returns": import_returns,
    "quotas": import_quotas,
}


class Command(OfficeCommand):
    help = "导入任务分配表、户籍名册、资助名单、缴费名单、单位报数"
    refusals = (ChangeNeedsApproval, NoPlan)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["quotas", "population", "roster", "payments", "returns"])
        parser.add_argument("file")
        parser.add_argument("--year", type=int, required=True)
        parser.add_argument("--dry-run", action="store_true", help="照做一遍再撤回，只看结果")
        parser.add_argument("--rejects", help="把没有收下的行写成同样的表，多一列退回原因")
        parser.add_argument("--office", help="名单部门，如民政办")
        parser.add_argument("--category", help="名单身份，用方案里的名称")
        parser.add_argument("--month", help="名单月份，如 2019-12")
        parser.add_argument("--approve", action="store_true", help="同时核准名单（须 --by）")
        parser.add_argument("--by", help="核准人用户名")

    def act(self, **options: Any) -> None:
        path, township = the_file(options["file"]), the_township(options)
        if options["what"] == "roster":
            report = self._roster(path, township, options)
        else:
            deed = PLAIN[options["what"]]
            console = User.objects.console()
            report = deed(path=path, township=township, year=options["year"], by=console, dry_run=options["dry_run"])
        if options["rejects"] and report.reasons:
            write_rejects(path, Path(options["rejects"]), report.reasons, columns=self._columns(options))
        self._tell(report, options)

    def _roster(self, path: Path, township: Township, options: dict[str, Any]) -> Report:
        missing = [f"--{name}" for name in ("office", "category", "month") if not options[name]]
        if options["approve"] and not options["by"]:
            missing.append("--by")
        if missing:
            raise Refused(f"导入名单还须写明 {'、'.join(missing)}。")
        plan = plan_in_force(township=township, year=options["year"]).plan
        category = plan.category(options["category"])
        if category is None:
            known = "、".join(c.name for c in plan.categories)
            raise Refused(f"方案里没有“{options['category']}”这种身份；有：{known}。")
        return import_roster(
            path=path,
            township=township,
            year=options["year"],
            office=options["office"],
            category=category.name,
            month=_month(options["month"]),
            by=User.objects.console(),
            known_names=known_names(township),
            approver=the_user(options["by"]) if options["approve"] else None,
            dry_run=options["dry_run"],
        )

    def _columns(self, options: dict[str, Any]) -> Columns:
        known = {
            "population": population.COLUMNS,
            "payments": payments.COLUMNS,
            "returns": returns.COLUMNS,
            "roster": rosters.COLUMNS,
        }
        return known.get(options["what"]) or columns_for(options["year"])

    def _tell(self, report: Report, options: dict[str, Any]) -> None:
        told = report.as_json()
        if not report.is_applied:
            told["error"] = "没有可以收下的行，什么也没有改变。"
        if options["json"]:
            self.answer(told)
        else:
            self._tell_plainly(told, options)
        if not report.is_applied:
            sys.exit(1)

    def _tell_plainly(self, told: dict[str, Any], options: dict[str, Any]) -> None:
        names = {
            "read": "读到",
            "new": "新增",
            "changed": "变更",
            "same": "不变",
            "refused": "退回",
            "doubtful": "待核实",
            "flagged": "留意",
        }
        counts = "，".join(f"{word} {told[name]}" for name, word in names.items())
        self.stdout.write(f"{'（试导入，未保存）' if options['dry_run'] else ''}{counts}")
        for error in told["errors"]:
            sheet = f"{error['sheet']} " if error["sheet"] else ""
            self.stdout.write(f"{sheet}第{error['row']}行 {error['column']}：{error['message']}")
        for note in told["notes"]:
            self.stdout.write(note)


def _month(written: str) -> date:
    try:
        return month(written)
    except BadCell as bad:
        raise Refused(f"--month：{bad}。") from None
