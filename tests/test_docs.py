"""The documents say what the code does: commands that exist, files that are there, words that are really used."""

import re
import shlex
from pathlib import Path

import pytest
from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.core.management import get_commands, load_command_class

from accounts.roles import ROOMS
from enrollment.importers import payments, population, returns
from subsidies.importers import rosters
from subsidies.plan import Plan
from villages.importers import quotas

ROOT = Path(__file__).resolve().parent.parent
README, MAP, GLOSSARY = ((ROOT / name).read_text() for name in ("README.md", "docs/map.md", "docs/glossary.md"))
MODELS = {model.__name__: model for model in apps.get_models() if model._meta.app_label in ROOMS}
SHEETS = {"quotas": quotas, "population": population, "roster": rosters, "payments": payments, "returns": returns}
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What `make bench` prints: how much was there, then seconds, MB and queries of each step.
CAPTION = re.compile(r"[\d,]+ 人，[\d,]+ 行名册，[\d,]+ 行缴费")
MEASURED = re.compile(r"\| .+ \| \d+\.\d\d \| \d+ \| \d* \|")
IN_TICKS = re.compile(r"`([^`\n]+)`")


def in_ticks(text: str) -> list[str]:
    return IN_TICKS.findall(FENCE.sub("", text))


def manage_lines() -> list[str]:
    """What the README tells people to type after ./manage.py, in a block or in a sentence."""
    typed = [line for block in FENCE.findall(README) for line in block.splitlines()] + in_ticks(README)
    return [line.removeprefix("./manage.py ").split(" < ")[0] for line in typed if line.startswith("./manage.py ")]


def paths_in(text: str) -> list[str]:
    """Every file or folder a text names: what has a slash and could be a path of this project."""
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    return [word for word in [*in_ticks(text), *links] if re.fullmatch(r"[\w.-]*\w/[\w./-]*", word, re.ASCII)]


def section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def code_words() -> set[str]:
    files = [path for room in (*ROOMS, "config") for path in (ROOT / room).rglob("*.py")]
    return {
        word for path in [*files, *(ROOT / "plans").glob("*.toml")] for word in re.findall(r"\w+", path.read_text())
    }


def is_known(name: str, words: set[str]) -> bool:
    owner, _, field = name.rpartition(".")
    if owner not in MODELS:
        return all(part in words for part in name.split("."))
    try:
        return bool(MODELS[owner]._meta.get_field(field))
    except FieldDoesNotExist:
        return hasattr(MODELS[owner], field)


def plan_keys() -> set[str]:
    schema = Plan.model_json_schema(by_alias=True)
    parts = [schema, *schema["$defs"].values()]
    return {key for part in parts for key in part.get("properties", {})}


@pytest.mark.parametrize("line", manage_lines())
def test_a_command_of_the_readme_can_be_typed_as_it_stands(line):
    name, *arguments = shlex.split(line, comments=True)

    command = load_command_class(get_commands()[name], name)

    assert command.create_parser("manage.py", name).parse_args(arguments)


def test_every_make_of_the_readme_is_in_the_makefile():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"\bmake ([a-z-]+)", "\n".join([*FENCE.findall(README), *in_ticks(README)]))

    assert {"run", "test", "bench"} <= set(named)
    assert set(named) <= set(targets)


@pytest.mark.parametrize("what", SHEETS)
def test_the_readme_names_the_columns_the_importer_reads(what):
    (row,) = re.findall(rf"^\| `{what}` .*", README, re.MULTILINE)
    _, _, required, optional, _ = (cell.strip() for cell in row.split("|"))
    columns = SHEETS[what].COLUMNS

    named = [[name for name in cell.split("、") if name] for cell in (required, optional)]

    assert named == [[column.name for column in part] for part in (columns.required, columns.optional)]


@pytest.mark.parametrize("text", [README, MAP], ids=["README", "map"])
def test_every_file_named_is_there(text):
    made_at_first_use = (".local/", ".venv")
    missing = [p for p in paths_in(text) if not p.startswith(made_at_first_use) and not (ROOT / p).exists()]

    assert paths_in(text)
    assert missing == []


def test_every_file_the_map_names_in_a_folder_is_there():
    inside = re.compile(r"[\w-]+\.(?:py|typ)", re.ASCII)
    there = {path.name for room in (*ROOMS, "config") for path in (ROOT / room).rglob("*")}

    assert [word for word in in_ticks(MAP) if inside.fullmatch(word) and word not in there] == []


def test_every_command_stands_on_the_map_in_its_room():
    for room, named in re.findall(r"^\* `(\w+)/management/commands/`(.*)", MAP, re.MULTILINE):
        there = {path.stem for path in (ROOT / room / "management/commands").glob("*.py")}

        assert set(in_ticks(named)) <= there


def test_every_room_is_on_the_map():
    assert re.findall(r"^\*\*(\w+)/\*\*", MAP, re.MULTILINE) == [*reversed(ROOMS), "config"]


def test_every_trigger_function_of_the_books_is_on_the_map():
    migration = (ROOT / "enrollment/migrations/0002_books_guard_themselves.py").read_text()
    of_the_roll = {"check_enrollment_stays", "check_stopping", "check_exemption", "check_group"}

    made = set(re.findall(r"CREATE FUNCTION (check_\w+)", migration))

    assert {word for word in in_ticks(MAP) if word.startswith("check_")} == made - of_the_roll


def test_every_word_of_the_glossary_is_in_the_code():
    names = [word for word in in_ticks(GLOSSARY) if re.fullmatch(r"[A-Za-z_][\w.]*", word, re.ASCII)]
    words = code_words()

    assert [name for name in names if not is_known(name, words)] == []


def test_every_model_is_in_the_glossary():
    assert set(MODELS) - set(in_ticks(GLOSSARY)) == set()


def test_every_key_of_the_plan_is_in_the_glossary():
    assert plan_keys() - set(in_ticks(section(GLOSSARY, "方案与资助"))) == set()


def test_speed_is_told_by_the_measured_table_alone():
    bench = (ROOT / "reports/management/commands/bench.py").read_text()
    speed = section(README, "速度")
    rows = [line for line in speed.splitlines() if line.startswith("|")]
    figures = [line for line in speed.splitlines() if line not in rows and re.search(r"\d", line)]

    assert "`make bench`" in speed
    assert [line for line in figures if not CAPTION.fullmatch(line)] == []
    assert all(row in bench for row in rows[:1])
    assert [row for row in rows[2:] if not MEASURED.fullmatch(row)] == []
