"""Text made to fit a cell of the register, by the print font's own widths. Lengths are points, widths of text in em."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

FONT = Path(__file__).resolve().parents[2] / "static" / "fonts" / "NotoSerifSC-Han.otf"
LEADING = 0.12
ON_ONE_LINE = (10.5, 10.0, 9.5, 9.0, 8.5)
ON_MORE_LINES = (8.5, 8.0, 7.5, 7.0, 6.5, 6.0, 5.5, 5.0, 4.5, 4.0)
SMALLEST_REMARK = 6.0
# A Latin word up to its hyphen or one other character, with the punctuation that must not begin a line.
UNBROKEN = re.compile(r"(?:[!-,.-~À-ɏ]+-?|.)[，、。；：！？）》”’·]*")


@dataclass(frozen=True)
class Fitted:
    """Text as it will be drawn: a size in points and the lines it was broken into."""

    size: float
    lines: tuple[str, ...]


@lru_cache(maxsize=1)
def advances() -> Mapping[str, float]:
    """The characters that can be printed, and how wide each is in em."""
    with TTFont(FONT, lazy=True) as font:
        widths, em = font["hmtx"].metrics, font["head"].unitsPerEm
        known = {chr(code): widths[glyph][0] / em for code, glyph in font.getBestCmap().items()}
    # The font also maps signs that steer a line instead of standing on it; the typesetter would obey them.
    return {character: width for character, width in known.items() if character.isprintable()}


def plain(text: str) -> str:
    """Text on one line: a tab or a line break pasted into a field is printed as a space."""
    return " ".join(text.split())


def width_of(text: str) -> float:
    """Width in em of printable text."""
    return sum(map(advances().__getitem__, text))


def wrap(text: str, room: float, widest: float = 0) -> tuple[str, ...]:
    """Lines of `room` em; what belongs together may stand out up to `widest`, and is broken only beyond that."""
    lines = [""]
    for piece in pieces(text, max(room, widest)):
        if width_of(lines[-1] + piece) > room:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return tuple(line.rstrip() for line in lines if line)


def pieces(text: str, room: float) -> Iterator[str]:
    """What stays together on a line."""
    for piece in UNBROKEN.findall(text):
        yield from piece if width_of(piece) > room else [piece]


def fit(text: str, width: float, height: float, full: float = ON_ONE_LINE[0]) -> Fitted:
    """The whole text within width × height: first smaller on one line, then smaller on several, however small."""
    if width_of(text) * full <= width:
        return Fitted(full, (text,))
    return next(fitted for fitted in fitting(text, width, height, shrinking()) if fitted.size <= full)


def fit_remark(text: str, width: float, height: float) -> Fitted:
    """As `fit`, but a remark too long for legible print ends in …; a remark is the only cell that may be cut."""
    legible = (size for size in ON_MORE_LINES if size >= SMALLEST_REMARK)
    return next(fitting(text, width, height, legible), None) or clip(text, width, height)


def fitting(text: str, width: float, height: float, smaller: Iterable[float]) -> Iterator[Fitted]:
    """Every way the whole text fits, the most legible first."""
    for size in ON_ONE_LINE:
        if width_of(text) * size <= width:
            yield Fitted(size, (text,))
    for size in smaller:
        lines = wrap(text, width / size)
        if len(lines) <= lines_within(height, size) and max(map(width_of, lines)) * size <= width:
            yield Fitted(size, balance(text, lines, width / size))


def balance(text: str, lines: Sequence[str], room: float) -> tuple[str, ...]:
    """As many lines as these, about equally long."""
    narrow = width_of(text) / len(lines)
    narrower = (wrap(text, narrow + (room - narrow) * step / 8, room) for step in range(8))
    return next((tried for tried in narrower if len(tried) <= len(lines)), tuple(lines))


def clip(text: str, width: float, height: float) -> Fitted:
    """As much of the text as stands there at the smallest legible size, ended by …"""
    room = width / SMALLEST_REMARK
    lines = wrap(text, room)[: max(1, lines_within(height, SMALLEST_REMARK))]
    return Fitted(SMALLEST_REMARK, (*lines[:-1], cut(lines[-1], room)))


def cut(line: str, room: float) -> str:
    """The line's beginning with … within `room` em."""
    while line and width_of(line + "…") > room:
        line = line[:-1]
    return line + "…"


def lines_within(height: float, size: float) -> int:
    """How many lines of a size stand in a height."""
    return int((height / size + LEADING) / (1 + LEADING))


def shrinking() -> Iterator[float]:
    """The sizes for several lines, from legible down to as small as it takes."""
    yield from ON_MORE_LINES
    size = ON_MORE_LINES[-1]
    while size > 0.01:
        size *= 0.9
        yield size
