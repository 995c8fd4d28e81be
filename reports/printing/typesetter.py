"""Run as a process of its own: a register's JSON on standard input, its PDF on standard output.

It imports nothing of the project, so that it can be started by its path from any folder.
"""

import json
import resource
import sys
from pathlib import Path

import typst


def main(template: str, fonts: str, memory: str, seconds: str) -> None:
    """Set the form, then the pages on it, within so many bytes of address space and seconds of processor time."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    register = sys.stdin.buffer.read().decode()
    form = typeset(template, fonts, {"register": register})
    pages = typeset(template, fonts, {"register": register, "form": json.dumps(list(form))})
    sys.stdout.buffer.write(pages)


def typeset(template: str, fonts: str, inputs: dict[str, str]) -> bytes:
    """A PDF without any font but ours and with no moment in it, so that the same data gives the same bytes."""
    return typst.compile(
        Path(template),
        font_paths=[Path(fonts)],
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs=inputs,
        timestamp=0,
        pdf_tags=False,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
