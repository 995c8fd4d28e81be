import json
import sys
from typing import Any

from django.core.management.base import CommandParser

from accounts.models import User
from subsidies.actions import ChangeNeedsApproval, put_plan_in_force
from subsidies.models import PlanVersion
from subsidies.plan import BadPlan, Plan, plan_from_toml, toml_of
from villages.commands import OfficeCommand, Refused, the_file, the_township, the_user


class Command(OfficeCommand):
    help = "年度方案：核对、生效、查看、写法"
    refusals = (ChangeNeedsApproval,)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=["check", "load", "show", "schema"])
        parser.add_argument("target", nargs="?", help="check、load：方案文件；show：年度")
        parser.add_argument("--by", help="核准人用户名（变更已生效的方案时）")
        parser.add_argument("--reason", default="", help="变更原因")

    def handle(self, *args: Any, **options: Any) -> None:
        # These two need no database.
        if options["what"] == "schema":
            self.stdout.write(json.dumps(Plan.model_json_schema(), ensure_ascii=False, indent=2))
        elif options["what"] == "check":
            self._check(options)
        else:
            super().handle(*args, **options)

    def act(self, **options: Any) -> None:
        if options["what"] == "show":
            self._show(options)
        else:
            self._load(options)

    def _check(self, options: dict[str, Any]) -> None:
        try:
            plan_from_toml(self._text(options["target"]))
        except Refused as no:
            self.fail(str(no), options, ok=False, errors=[{"path": "", "message": str(no)}])
        except BadPlan as bad:
            if options["json"]:
                self.answer({"ok": False, "errors": bad.errors})
            else:
                self.stderr.write("\n".join(f"{error['path']}：{error['message']}" for error in bad.errors))
            sys.exit(1)
        if options["json"]:
            self.answer({"ok": True, "errors": []})
        else:
            self.stdout.write("方案没有发现问题。")

    def _text(self, target: str | None) -> str:
        if not target:
            raise Refused("请写明方案文件。")
        try:
            return the_file(target).read_text("utf-8-sig")
        except UnicodeDecodeError:
            raise Refused("方案文件应是 UTF-8 文本。") from None

    def _load(self, options: dict[str, Any]) -> None:
        try:
            plan = plan_from_toml(self._text(options["target"]))
        except BadPlan as bad:
            self.fail(str(bad), options, errors=bad.errors)
            return
        approver = the_user(options["by"]) if options["by"] else None
        version, is_new = put_plan_in_force(
            plan=plan,
            township=the_township(options),
            by=User.objects.console(),
            approver=approver,
            reason=options["reason"],
        )
        if options["json"]:
            self.answer({"year": version.year, "version": version.version, "new": is_new})
        else:
            self.stdout.write(f"{version}{'已生效' if is_new else '没有变化'}。")

    def _show(self, options: dict[str, Any]) -> None:
        if not (options["target"] or "").isdigit():
            raise Refused("请写明年度，如 plan show 2020。")
        version = PlanVersion.objects.in_force(township=the_township(options), year=int(options["target"]))
        if version is None:
            raise Refused(f"{options['target']}年度还没有生效的方案。")
        if options["json"]:
            self.answer(version.document)
        else:
            self.stdout.write(toml_of(version.plan))
