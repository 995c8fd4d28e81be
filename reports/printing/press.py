"""Registers on paper: each village's document is set by typst in a process of its own, at most two at once."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from .drawing import drawing
from .fitting import FONT
from .register import Page, RegisterForm, RegisterHead

TEMPLATE = Path(__file__).with_name("register.typ")
TYPESETTER = Path(__file__).with_name("typesetter.py")
AT_ONCE = 2
MOST_BYTES = 2 * 1024**3
LONGEST_SECONDS = 120
PAGE_OBJECT = re.compile(rb"/Type\s*/Page\b")


class PrintingFailed(Exception):
    """A register could not be set, or not on the pages it was laid out for; no file was written."""


@dataclass(frozen=True)
class RegisterDocument:
    """One village's register and the name of its file."""

    file_name: str
    pages: Sequence[Page]
    head: RegisterHead
    form: RegisterForm


def print_register(pages: Sequence[Page], head: RegisterHead, form: RegisterForm, out: Path) -> None:
    """Write one village's register as PDF, the same bytes for the same data; else MissingGlyphs or PrintingFailed."""
    pdf = typeset(json.dumps(drawing(pages, head, form), ensure_ascii=False))
    printed = len(PAGE_OBJECT.findall(pdf))
    if printed != len(pages):
        raise PrintingFailed(f"登记表应有 {len(pages)} 页，印出 {printed} 页，未保存。")
    write_whole(out, pdf)


def print_registers(
    documents: Iterable[RegisterDocument], folder: Path, progress: Callable[[Path, int], None]
) -> tuple[Path, ...]:
    """Write each village's register into the folder; `progress` gets each finished file and its pages."""
    printed: list[Path] = []
    waiting: dict[Future[None], tuple[Path, int]] = {}

    def finish_some() -> None:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            path, pages = waiting.pop(future)
            future.result()
            printed.append(path)
            progress(path, pages)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for document in documents:
            path = folder / document.file_name
            future = pool.submit(print_register, document.pages, document.head, document.form, path)
            waiting[future] = (path, len(document.pages))
            if len(waiting) >= AT_ONCE:
                finish_some()
        while waiting:
            finish_some()
    return tuple(printed)


def typeset(register: str) -> bytes:
    """The PDF of a register's JSON. The data goes through a pipe, so that no person's data stays behind in a file."""
    limits = [str(MOST_BYTES), str(LONGEST_SECONDS)]
    command = [sys.executable, "-I", str(TYPESETTER), str(TEMPLATE), str(FONT.parent), *limits]
    try:
        child = subprocess.run(command, input=register.encode(), capture_output=True, timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired as slow:
        raise PrintingFailed(f"登记表排版超过 {LONGEST_SECONDS} 秒，已停止。") from slow
    if child.returncode:
        failed = PrintingFailed("登记表排版失败，未生成文件。")
        failed.add_note(child.stderr.decode(errors="replace"))
        raise failed
    return child.stdout


def write_whole(out: Path, content: bytes) -> None:
    """Write a file that is seen either complete or not at all."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
