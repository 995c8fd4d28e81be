"""What the project's commands share: which township they act on, who acts, one JSON value out, sentences for errors."""

import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, IntegrityError

from accounts.audit import acting
from accounts.constraints import sentence_of
from accounts.imports import NothingApplied
from accounts.models import CONSOLE, User
from accounts.sheets.limits import UnreadableSheet
from villages.models import Township, Village

NO_DATABASE = "数据库连不上，或还没有建立；请先运行 manage.py migrate（加 --traceback 看详情）。"


class Refused(Exception):
    """The command can't do what was asked; the message is the sentence to show."""


class OfficeCommand(BaseCommand):
    """A command of one township. Exceptions named in `refusals` end it with their sentence and exit code 1."""

    refusals: tuple[type[Exception], ...] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--township", help="乡镇名称；系统里只有一个乡镇时可不写")
        parser.add_argument("--json", action="store_true", help="只输出一个 JSON 值")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with acting(CONSOLE):
                self.act(**options)
        except (Refused, UnreadableSheet, NothingApplied) as no:
            self.fail(str(no), options)
        except self.refusals as no:
            self.fail(str(no), options)
        except ValidationError as no:
            self.fail(" ".join(no.messages), options)
        except IntegrityError as no:
            self.fail(sentence_of(no), options)
        except DatabaseError:
            if options["traceback"]:
                raise
            self.fail(NO_DATABASE, options)

    def act(self, **options: Any) -> None:
        raise NotImplementedError

    def fail(self, sentence: str, options: dict[str, Any], **more: Any) -> None:
        """Say why on the right stream and end with exit code 1."""
        if options.get("json"):
            self.answer({"error": sentence, **more})
        else:
            self.stderr.write(sentence)
        sys.exit(1)

    def answer(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, ensure_ascii=False))


def in_the_demo() -> None:
    """Start this command over in the demo's office: the database is chosen once, when the settings are read."""
    if os.environ.get("OFFICE") != "demo":
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OFFICE": "demo"})


def the_township(options: dict[str, Any]) -> Township:
    """The township named, or the only one there is. Raises Refused."""
    try:
        townships = list(Township.objects.filter(**({"name": options["township"]} if options["township"] else {})))
    except DatabaseError:
        raise Refused("数据库还没有建立，请先运行 manage.py migrate。") from None
    if len(townships) == 1:
        return townships[0]
    if options["township"]:
        raise Refused(f"没有“{options['township']}”这个乡镇。")
    raise Refused(
        "有几个乡镇，请用 --township 写明是哪一个。"
        if townships
        else "还没有启用乡镇，请先运行 manage.py open_office 名称。"
    )


def the_village(township: Township, word: str) -> Village:
    """The village of that name or code. Raises Refused."""
    villages = Village.objects.filter(township=township)
    found = villages.filter(name=word).first() or villages.filter(code=word).first()
    if not found:
        raise Refused(f"没有“{word}”这个村（社区）。")
    return found


def the_user(username: str) -> User:
    """The account of that name. Raises Refused."""
    user = User.objects.filter(username=username, is_active=True).first()
    if not user:
        raise Refused(f"没有“{username}”这个账号，或已停用。")
    return user


def the_day(written: str) -> date:
    """A day written as 2019-12-10. Raises Refused."""
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise Refused(f"“{written}”不是日期，请写成 2019-12-10 的样子。") from None


def the_file(path: str) -> Path:
    """A file that can be read. Raises Refused."""
    found = Path(path)
    if not found.is_file():
        raise Refused(f"没有这个文件：{path}")
    return found
