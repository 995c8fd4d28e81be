"""A register as plain values for its typst template: every text fitted to its place, nothing left to decide there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from .fitting import Fitted, advances, fit, fit_remark, plain, width_of
from .register import Page, RegisterForm, RegisterHead, RegisterRow, Tally, numbered, page_sha256, total_of

Drawn = Mapping[str, object]

POINTS_PER_MM = 72 / 25.4
SHEET_MM = 273.0
ROWS_AND_PURE_MM = 130.0
PURE_LINE_MM = 7.0
TALLEST_ROW_MM = 12.0
PADDING_MM = 0.8
MOST_PLACES = 8
COLUMNS_MM = {
    "serial": 10.0,
    "label": 30.0,
    "relation": 18.0,
    "name": 34.0,
    "extra": 14.0,
    "id_number": 41.0,
    "phone": 28.0,
    "paid": 18.0,
    "subsidy": 18.0,
    "signature": 30.0,
}
TOWNSHIP_MM, VILLAGE_MM, GROUP_MM = 50.0, 58.0, 24.0
UNIT_MM, HEADING_MM, NOTE_MM = 6.0, 11.0, 4.2
TITLE_POINTS, TEXT_POINTS, PURE_POINTS, NOTE_POINTS = 19.0, 10.5, 10.0, 8.5
# A line of the paragraph must have something on it to take its height.
BLANK_LINE = "\u3000"
COUNT_MM, FOOTER_PADDING_MM, BEFORE_PURE_MM = 11.0, 6.0, 11.0
NOTES_MM = 227.0


class MissingGlyphs(Exception):
    """The print font lacks characters the register needs; its message is a sentence that names them and their rows."""

    def __init__(self, characters: Sequence[str], places: Sequence[str]) -> None:
        self.characters, self.places = tuple(characters), tuple(places)
        named = "、".join(f"{character}（U+{ord(character):04X}）" for character in characters)
        where = "；".join(places[:MOST_PLACES]) + (f"等 {len(places)} 处" if len(places) > MOST_PLACES else "")
        super().__init__(f"打印字库里没有这些字：{named}。出现在：{where}。请核对或改写后再打印。")


@dataclass(frozen=True)
class Room:
    """The columns of a form from left to right, in mm, and the height of a row."""

    columns: Mapping[str, float]
    row: float

    def fit(self, column: str, text: str) -> Fitted:
        fitted = fit_remark if column == "remark" else fit
        return fitted(plain(text), *self.points(column))

    def points(self, column: str) -> tuple[float, float]:
        """Width and height that text may take in a cell of the column."""
        width, height = self.columns[column] - 2 * PADDING_MM, self.row - PADDING_MM
        return width * POINTS_PER_MM, height * POINTS_PER_MM


def room_of(form: RegisterForm) -> Room:
    """The form's columns; the remark takes what the others leave."""
    columns = {name: width for name, width in COLUMNS_MM.items() if name != "extra" or form.extra_column}
    columns["remark"] = SHEET_MM - sum(columns.values())
    rows = ROWS_AND_PURE_MM - PURE_LINE_MM * len(pure_lines(form))
    return Room(columns, min(rows / form.rows_per_page, TALLEST_ROW_MM))


def pure_lines(form: RegisterForm) -> list[int]:
    """How many 纯… figures stand on each line of the footer."""
    lines: list[int] = []
    left = 0.0
    for label in form.pure_labels:
        needed = 2 * COUNT_MM + width_of(f"{plain(label)}户人；") * PURE_POINTS / POINTS_PER_MM
        if needed > left:
            lines.append(0)
            left = SHEET_MM - FOOTER_PADDING_MM - BEFORE_PURE_MM
        lines[-1] += 1
        left -= needed
    return lines


def drawing(pages: Sequence[Page], head: RegisterHead, form: RegisterForm) -> dict[str, object]:
    """The register as JSON for the template; raises MissingGlyphs before anything is drawn."""
    check_glyphs(pages, head, form)
    room = room_of(form)
    return {
        "columns": room.columns,
        "row": room.row,
        "slots": form.rows_per_page,
        "head": draw_head(head),
        "form": draw_form(form),
        "pages": [draw_page(page, head, room) for page in pages],
        "total": draw_tally(total_of(pages), pages),
    }


def draw_head(head: RegisterHead) -> Drawn:
    return {
        "title": draw_title(head.title),
        "township": draw_text(head.unit_township, TOWNSHIP_MM, UNIT_MM),
        "village": draw_text(head.unit_village, VILLAGE_MM, UNIT_MM),
    }


def draw_form(form: RegisterForm) -> Drawn:
    explained = "户属性填写说明：" + "／".join(form.legend) + "。标★的栏目必填。"
    return {
        "extra": draw_text(form.extra_column, COLUMNS_MM["extra"] - 2 * PADDING_MM, HEADING_MM),
        "pure_lines": pure_lines(form),
        "legend": draw_text(explained, NOTES_MM, NOTE_MM, NOTE_POINTS),
        "copies": draw_text(form.copies, NOTES_MM, NOTE_MM, NOTE_POINTS),
        "seal": plain(form.seal),
    }


def draw_page(page: Page, head: RegisterHead, room: Room) -> Drawn:
    rows = [fit_row(serial, row, room) for serial, row in numbered(page)]
    return {
        "number": page.number,
        "of": page.of,
        "group": draw_text(page.group.removesuffix("组"), GROUP_MM, UNIT_MM),
        "columns": [column_text(cells) for cells in zip(*rows, strict=True)],
        "apart": list(cells_apart(rows)),
        "tally": draw_tally(page.tally, [page]),
        "code": page_code(page, head),
    }


def fit_row(serial: int, row: RegisterRow, room: Room) -> list[Fitted]:
    """The row's cells from left to right; the signature's stays empty."""
    texts = {
        "serial": str(serial),
        "label": row.label,
        "relation": row.relation,
        "name": row.name,
        "extra": row.extra,
        "id_number": row.id_number,
        "phone": row.phone,
        "paid": yuan(row.paid_fen),
        "subsidy": yuan(row.subsidy_fen),
        "signature": "",
        "remark": row.remark,
    }
    return [room.fit(column, texts[column]) for column in room.columns]


def column_text(cells: Sequence[Fitted]) -> str:
    """The cells of ordinary size, one to a line: one paragraph a column sets five times faster than one a cell."""
    lines = [cell.lines[0] if cell.size == TEXT_POINTS else "" for cell in cells]
    return "\n".join(line or BLANK_LINE for line in lines) if any(lines) else ""


def cells_apart(rows: Sequence[Sequence[Fitted]]) -> Iterator[Drawn]:
    """The cells that had to be made smaller."""
    for index, row in enumerate(rows):
        for column, cell in enumerate(row):
            if cell.size != TEXT_POINTS:
                yield {"row": index, "column": column, **drawn(cell)}


def draw_tally(tally: Tally, pages: Sequence[Page]) -> Drawn:
    """A footer; a sum of figures that are all still blank stays blank, to be filled in by hand."""
    rows = [row for page in pages for row in page.rows]
    return {
        "households": str(tally.households),
        "people": str(tally.people),
        "pure": [[plain(count.label), str(count.households), str(count.people)] for count in tally.pure],
        "paid": "" if all(row.paid_fen is None for row in rows) else yuan(tally.paid_fen),
        "subsidy": "" if all(row.subsidy_fen is None for row in rows) else yuan(tally.subsidy_fen),
    }


def draw_title(title: str) -> Drawn:
    """The title on one line, as large as it may be."""
    size = min(TITLE_POINTS, (SHEET_MM - 3) * POINTS_PER_MM / max(width_of(plain(title)), 1.0))
    return drawn(Fitted(size, (plain(title),)))


def draw_text(text: str, width_mm: float, height_mm: float, full: float = TEXT_POINTS) -> Drawn:
    return drawn(fit(plain(text), width_mm * POINTS_PER_MM, height_mm * POINTS_PER_MM, full))


def drawn(fitted: Fitted) -> dict[str, object]:
    return {"size": round(fitted.size, 3), "lines": fitted.lines}


def yuan(fen: int | None) -> str:
    """Fen as yuan with two decimals; nothing for a blank."""
    return "" if fen is None else f"{Decimal(fen) / 100:,.2f}"


def page_code(page: Page, head: RegisterHead) -> str:
    """What finds this sheet again: village, year, page, and the beginning of its content's hash."""
    return f"{head.village_code}-{head.year}-{page.number:04d} {page_sha256(page)[:8]}"


def check_glyphs(pages: Sequence[Page], head: RegisterHead, form: RegisterForm) -> None:
    """Raise MissingGlyphs, for typst prints an unknown character as an empty space and says nothing."""
    lacking = {place: set(text).difference(advances()) for place, text in printed_texts(pages, head, form)}
    missing = {place: characters for place, characters in lacking.items() if characters}
    if missing:
        raise MissingGlyphs(sorted(set().union(*missing.values())), list(missing))


def printed_texts(pages: Sequence[Page], head: RegisterHead, form: RegisterForm) -> Iterator[tuple[str, str]]:
    """Every text of the register and where a reader finds it."""
    yield (
        "表头",
        plain(f"{head.title} {head.unit_township} {head.unit_village} {head.village_code} {form.extra_column}"),
    )
    yield "表尾", plain(" ".join([*form.pure_labels, *form.legend, form.copies, form.seal]))
    for page in pages:
        yield f"第{page.number}页的组", plain(page.group)
        for serial, row in numbered(page):
            texts = (row.label, row.relation, row.name, row.extra, row.id_number, row.phone, row.remark)
            yield f"第{page.number}页序号{serial} {row.name}", plain(" ".join(texts))
