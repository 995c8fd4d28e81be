import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.roles import as_owner
from accounts.sheets.writing import OutSheet, write_xlsx
from enrollment.actions.payments import enroll_subsidised, import_payments
from enrollment.actions.population import import_population, known_names
from enrollment.demo.rows import Campaign, Town
from enrollment.demo.town import build_town
from enrollment.policy import relation_word
from reports.books import verify_books
from reports.queries import awards, funders, gaps, progress, unpaid
from reports.registers import print_village
from subsidies.actions import import_roster, put_plan_in_force
from subsidies.plan import plan_from_toml
from subsidies.policy import Applicant, assess_in_period
from villages.actions import import_quotas, open_account, open_office
from villages.models import Role, Village

TODAY = date(2020, 11, 23)
SEED_PEOPLE = 55_153


class Row(NamedTuple):
    """One line of the table: seconds, MB at the peak of our processes, queries (None where they aren't counted)."""

    what: str
    seconds: float
    megabytes: int
    queries: int | None


class Command(BaseCommand):
    help = "量一遍速度：演示、各种导入、各种报表、登记表；在一个临时数据库里"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people", type=int, default=SEED_PEOPLE)
        parser.add_argument("--step", help=argparse_hidden())
        parser.add_argument("--folder", help=argparse_hidden())

    def handle(self, *args: Any, **options: Any) -> None:
        if options["step"]:
            self._one(options["step"], Path(options["folder"]), options["people"])
            return
        with tempfile.TemporaryDirectory() as folder, _own_database():
            town = build_town(people=options["people"], seed=1, today=TODAY)
            sheets = write_sheets(town, Path(folder))
            self.stdout.write(
                f"\n{len(town.people):,} 人，{sheets['population']:,} 行名册，{sheets['payments']:,} 行缴费\n"
            )
            self.stdout.write("| 做什么 | 秒 | 峰值内存 MB | 查询数 |\n|---|---:|---:|---:|")
            self._tell(_demo(options["people"]))
            for step in STEPS:
                self._tell(_measured(step, folder, options["people"]))

    def _tell(self, row: Row) -> None:
        queries = "" if row.queries is None else str(row.queries)
        self.stdout.write(f"| {row.what} | {row.seconds:.2f} | {row.megabytes} | {queries} |")
        self.stdout.flush()

    def _one(self, step: str, folder: Path, people: int) -> None:
        """Run one step in this process and print what it took as JSON."""
        what, deed = STEPS[step]
        asked = CaptureQueriesContext(connection)
        # A new database has no web role to connect as until `open` has migrated it.
        with asked if step != "open" else nullcontext():
            started = time.perf_counter()
            deed(folder)
            seconds = time.perf_counter() - started
        queries = len(asked) if step != "open" else None
        print(json.dumps([what, seconds, queries]))  # noqa: T201 - read by the parent


def argparse_hidden() -> str:
    """argparse's own word for an option that --help leaves out."""
    return "==SUPPRESS=="


@contextmanager
def _own_database() -> Iterator[None]:
    """A database of this run's own, dropped at the end; the steps find it by DATABASE_NAME."""
    name = f"canbao_bench_{os.getpid()}"
    with as_owner(), connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    os.environ["DATABASE_NAME"] = name
    try:
        yield
    finally:
        _drop(name)


def _drop(name: str) -> None:
    with as_owner(), connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"DROP ROLE IF EXISTS {name}_web")


def _measured(step: str, folder: str, people: int) -> Row:
    """A step in a process of its own, so that its memory is its own; sheet and print children count with it."""
    told, peak, _ = _watched(["bench", "--step", step, "--folder", folder, "--people", str(people)], {})
    what, seconds, queries = json.loads(told.splitlines()[-1])
    return Row(what, seconds, peak, queries)


def _demo(people: int) -> Row:
    """The demo's whole command, in a database of its own."""
    name = f"{os.environ['DATABASE_NAME']}_demo"
    command = ["demo", "--people", str(people), "--today", TODAY.isoformat()]
    try:
        _, peak, seconds = _watched(command, {"OFFICE": "demo", "DATABASE_NAME": name})
    finally:
        _drop(name)
    return Row("建演示（整条命令）", seconds, peak, None)


def _watched(arguments: list[str], environment: dict[str, str]) -> tuple[str, int, float]:
    """Run a command of this project: what it printed, MB at its peak, seconds."""
    command, peak, started = [sys.executable, sys.argv[0], *arguments], 0, time.perf_counter()
    surroundings = {**os.environ, **environment}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=surroundings
    ) as run:
        while run.poll() is None:
            peak = max(peak, _resident(run.pid))
            time.sleep(0.02)
        assert run.stdout is not None
        told = run.stdout.read()
    if run.returncode:
        raise SystemExit(f"{' '.join(arguments)}：{told}")
    return told, peak // 2**20, time.perf_counter() - started


def _resident(pid: int) -> int:
    """Bytes that a process and its children hold now; 0 for one that has just ended."""
    place = Path(f"/proc/{pid}")
    try:
        own = int((place / "statm").read_text().split()[1]) * resource.getpagesize()
        children = (place / "task" / str(pid) / "children").read_text().split()
    except (OSError, IndexError):
        return 0
    return own + sum(_resident(int(child)) for child in children)


def write_sheets(town: Town, folder: Path) -> dict[str, int]:
    """The town's finished year as the sheets an office would hand in; how many rows each has."""
    campaign = town.campaigns[0]
    quotas: list[list[Any]] = [
        [unit.name, q.hukou, q.last, q.net_increase, q.target]
        for unit, q in zip(town.units, campaign.quotas, strict=True)
    ]
    headings = ["村(社区)", "户籍人口数", "上年任务数", "预计净增数", "任务数"]
    write_xlsx(folder / "quotas.xlsx", [OutSheet("附件1", headings, quotas)])
    population = _population(town, campaign)
    headings = [
        "村(社区)",
        "组",
        "户号",
        "户主",
        "与户主关系",
        "姓名",
        "证件类型",
        "身份证号",
        "联系电话",
        "参保依据",
        "外出务工",
        "预产期",
        "备注",
    ]
    text = frozenset({"身份证号", "联系电话", "户号"})
    write_xlsx(folder / "population.xlsx", [OutSheet("名册", headings, population, text)])
    for at, roster in enumerate(campaign.rosters):
        with (folder / f"roster{at}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            rows = [["姓名", "身份证号"], *([e.name, e.id_number] for e in roster.entries)]
            csv.writer(file).writerows(rows)
    (folder / "rosters.json").write_text(
        json.dumps([[r.office, r.category, r.month.isoformat()] for r in campaign.rosters])
    )
    payments = _payments(town, campaign)
    headings = ["姓名", "身份证号", "缴费日期", "金额", "凭证号", "缴费渠道"]
    text = frozenset({"身份证号", "凭证号"})
    write_xlsx(folder / "payments.xlsx", [OutSheet("缴费", headings, payments, text)])
    return {"population": len(population), "payments": len(payments)}


def _population(town: Town, campaign: Campaign) -> list[list[Any]]:
    heads = {row.household: row.name for row in town.people if row.relation == "02"}
    listed = [town.people[row.person] for row in campaign.listed]
    kinds = {"id": "居民身份证", "passport": "护照", "none": "无"}
    return [
        [
            town.units[row.unit].name,
            row.group,
            row.household_no,
            heads.get(row.household, ""),
            relation_word(row.relation),
            row.name,
            kinds[row.id_kind],
            row.id_number,
            row.phone,
            "",
            "是" if row.is_migrant else "否",
            row.expected_on,
            "",
        ]
        for row in listed
    ]


def _payments(town: Town, campaign: Campaign) -> list[list[Any]]:
    """Every payment of the year with the amount the notice leaves; a newborn without a number is left out."""
    plan = _plan_2020()
    held: dict[int, list[str]] = {}
    for roster in campaign.rosters:
        for entry in roster.entries:
            if entry.person is not None and entry.name == town.people[entry.person].name:
                held.setdefault(entry.person, []).append(roster.category)
    rows = []
    for row in campaign.payments:
        person = town.people[row.person]
        categories = tuple(c.name for c in plan.categories if c.name in held.get(row.person, ()))
        fen = assess_in_period(plan, Applicant(categories=categories), row.paid_on).personal
        if person.id_number:
            rows.append([person.name, person.id_number, row.paid_on, fen // 100, row.slip_no, row.channel])
    return rows


def _plan_2020() -> Any:
    return plan_from_toml((Path(settings.BASE_DIR) / "plans" / "2020.toml").read_text())


def _open(folder: Path) -> None:
    call_command("migrate", verbosity=0)
    township = open_office(name="量速镇")
    open_account(username="boss", full_name="", role=Role.TOWNSHIP, township=township)
    put_plan_in_force(plan=_plan_2020(), township=township, by=User.objects.console())


def _place() -> dict[str, Any]:
    village = Village.objects.select_related("township").first()
    assert village is not None
    return {"township": village.township, "year": 2020}


def _quotas(folder: Path) -> None:
    township = User.objects.get(username="boss").postings.get().township
    assert township is not None
    import_quotas(path=folder / "quotas.xlsx", township=township, year=2020, by=User.objects.console())


def _population_in(folder: Path) -> None:
    import_population(path=folder / "population.xlsx", by=User.objects.console(), **_place())


def _rosters_in(folder: Path) -> None:
    place = _place()
    names, boss = known_names(place["township"]), User.objects.get(username="boss")
    for at, (office, category, month) in enumerate(json.loads((folder / "rosters.json").read_text())):
        import_roster(
            path=folder / f"roster{at}.csv",
            office=office,
            category=category,
            month=date.fromisoformat(month),
            by=User.objects.console(),
            approver=boss,
            known_names=names,
            **place,
        )


def _payments_in(folder: Path) -> None:
    import_payments(path=folder / "payments.xlsx", by=User.objects.console(), **_place())


def _subsidised(folder: Path) -> None:
    enroll_subsidised(by=User.objects.console(), on=date(2019, 12, 5), **_place())


def _largest() -> Village:
    return max(Village.objects.all(), key=lambda village: village.enrollment_set.count())


def _print_largest(folder: Path) -> None:
    print_village(_largest(), year=2020, out=folder / "largest.pdf")


def _print_all(folder: Path) -> None:
    for village in Village.objects.all():
        print_village(village, year=2020, out=folder / f"{village.code}.pdf")


def _verify(folder: Path) -> None:
    with as_owner():
        verify_books()


STEPS: dict[str, tuple[str, Any]] = {
    "open": ("空库：migrate、开镇、方案生效", _open),
    "quotas": ("导入任务分配表", _quotas),
    "population": ("导入户籍名册", _population_in),
    "population_again": ("同一名册再导入一次（不变）", _population_in),
    "rosters": ("导入并核准全部资助名单", _rosters_in),
    "payments": ("导入缴费名单", _payments_in),
    "payments_again": ("同一缴费名单再导入一次（不变）", _payments_in),
    "subsidised": ("全额资助人员统一参保", _subsidised),
    "progress": ("进度", lambda folder: progress(**_place())),
    "progress_then": ("进度（截至过去某日）", lambda folder: progress(on=date(2019, 12, 10), **_place())),
    "awards": ("奖励核算", lambda folder: awards(**_place())),
    "funders": ("资助资金清算", lambda folder: funders(**_place())),
    "gaps": ("缺口", lambda folder: gaps(**_place())),
    "unpaid": ("最大村未缴名单", lambda folder: unpaid(village=_largest(), year=2020)),
    "register": ("最大村登记表", _print_largest),
    "registers": ("全镇登记表，每村一份", _print_all),
    "verify": ("核对账册", _verify),
}
