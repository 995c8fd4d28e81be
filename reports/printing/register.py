"""Which row of the paper register (附件2 登记表) stands on which page, and what each page's footer says."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby

FEWEST_ROWS, MOST_ROWS = 1, 25


@dataclass(frozen=True)
class RegisterRow:
    """One person as the register prints them; fen; `paid_fen` is None until they have paid."""

    household: str
    group: str
    label: str
    relation: str
    name: str
    id_number: str
    phone: str
    paid_fen: int | None
    subsidy_fen: int | None
    categories: tuple[str, ...] = ()
    remark: str = ""
    extra: str = ""


@dataclass(frozen=True)
class RegisterHead:
    """What stands above the table of every page of one village's register."""

    title: str
    unit_township: str
    unit_village: str
    village_code: str
    year: int


@dataclass(frozen=True)
class RegisterForm:
    """The year's form: rows on a page, the 纯… figures its footer counts (label to category), its printed texts."""

    pure_labels: Mapping[str, str]
    legend: tuple[str, ...]
    copies: str = ""
    seal: str = ""
    extra_column: str = ""
    rows_per_page: int = 15

    def __post_init__(self) -> None:
        if not FEWEST_ROWS <= self.rows_per_page <= MOST_ROWS:
            raise ValueError(f"登记表每页须为 {FEWEST_ROWS} 至 {MOST_ROWS} 行。")


@dataclass(frozen=True)
class PureCount:
    """People whose only category is the label's, and households with such people."""

    label: str
    households: int
    people: int


@dataclass(frozen=True)
class Tally:
    """A footer's figures; sums in fen, a blank counts as nothing."""

    households: int
    people: int
    pure: tuple[PureCount, ...]
    paid_fen: int
    subsidy_fen: int


@dataclass(frozen=True)
class Page:
    """One printed page: page `number` of `of` in the village's register, its first row numbered `first_serial`."""

    number: int
    of: int
    group: str
    first_serial: int
    rows: tuple[RegisterRow, ...]
    tally: Tally


def lay_out(rows: Iterable[RegisterRow], form: RegisterForm) -> tuple[Page, ...]:
    """The pages of one village's register, rows in the order given; a change of group starts a new page."""
    rows = tuple(rows)
    pure = {label: households_with_only(category, rows) for label, category in form.pure_labels.items()}
    chunks = tuple(split(rows, form.rows_per_page))
    pages: list[Page] = []
    seen: set[str] = set()
    serial = 1
    for number, chunk in enumerate(chunks, start=1):
        starting = {row.household for row in chunk} - seen
        tally = tally_of(chunk, starting, pure, form)
        pages.append(Page(number, len(chunks), chunk[0].group, serial, chunk, tally))
        seen |= starting
        serial += len(chunk)
    return tuple(pages)


def split(rows: Iterable[RegisterRow], most: int) -> Iterator[tuple[RegisterRow, ...]]:
    """Runs of one group, at most so many rows each."""
    for _, run in groupby(rows, key=lambda row: row.group):
        members = tuple(run)
        for start in range(0, len(members), most):
            yield members[start : start + most]


def has_only(row: RegisterRow, category: str) -> bool:
    """Whether this is the person's only category (纯)."""
    return set(row.categories) == {category}


def households_with_only(category: str, rows: Iterable[RegisterRow]) -> set[str]:
    """Households with somebody whose only category is this one."""
    return {row.household for row in rows if has_only(row, category)}


def tally_of(
    rows: Sequence[RegisterRow], starting: set[str], pure: Mapping[str, set[str]], form: RegisterForm
) -> Tally:
    """A page's footer; `starting` are the households whose first row stands on the page, for only there they count."""
    return Tally(
        households=len(starting),
        people=len(rows),
        pure=tuple(
            PureCount(label, len(starting & pure[label]), sum(has_only(row, category) for row in rows))
            for label, category in form.pure_labels.items()
        ),
        paid_fen=sum(row.paid_fen or 0 for row in rows),
        subsidy_fen=sum(row.subsidy_fen or 0 for row in rows),
    )


def total_of(pages: Sequence[Page]) -> Tally:
    """The footers of all pages added up: the figures of the whole register."""
    tallies = [page.tally for page in pages]
    return Tally(
        households=sum(tally.households for tally in tallies),
        people=sum(tally.people for tally in tallies),
        pure=tuple(add_pure(counts) for counts in zip(*(tally.pure for tally in tallies), strict=True)),
        paid_fen=sum(tally.paid_fen for tally in tallies),
        subsidy_fen=sum(tally.subsidy_fen for tally in tallies),
    )


def add_pure(counts: Sequence[PureCount]) -> PureCount:
    """One label's figures over several pages."""
    people = sum(count.people for count in counts)
    return PureCount(counts[0].label, sum(count.households for count in counts), people)


def numbered(page: Page) -> Iterator[tuple[int, RegisterRow]]:
    """The page's rows with the number (序号) each is printed with."""
    return enumerate(page.rows, start=page.first_serial)


def page_content(page: Page) -> dict[str, object]:
    """Everything a page prints of its people, as plain JSON values; money in fen."""
    tally = page.tally
    return {
        "page": page.number,
        "of": page.of,
        "group": page.group,
        "rows": [printed_values(serial, row) for serial, row in numbered(page)],
        "households": tally.households,
        "people": tally.people,
        "pure": [[count.label, count.households, count.people] for count in tally.pure],
        "paid_fen": tally.paid_fen,
        "subsidy_fen": tally.subsidy_fen,
    }


def printed_values(serial: int, row: RegisterRow) -> list[object]:
    """A row's values in the order of the columns; what only counts (household, categories) is not printed."""
    person = [row.label, row.relation, row.name, row.extra, row.id_number, row.phone]
    return [serial, *person, row.paid_fen, row.subsidy_fen, row.remark]


def page_sha256(page: Page) -> str:
    """SHA-256 in hex of what the page prints, the same as long as its content is."""
    content = json.dumps(page_content(page), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(content.encode()).hexdigest()
