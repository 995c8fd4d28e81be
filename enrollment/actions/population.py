"""Taking in a household roll: every person matched, the good rows written set-based in one transaction."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Model
from django.utils.timezone import localdate

from accounts.bulk import insert_many, take_ids, update_many
from accounts.imports import (
    BadRow,
    Fault,
    NothingApplied,
    Place,
    Report,
    hand_in,
    read_rows,
    refuse_doubles,
    without_collecting,
)
from accounts.models import User
from accounts.sheets.cells import name_key, same_name
from accounts.sheets.headers import read_records
from accounts.sheets.reading import read_sheets
from enrollment.importers.population import COLUMNS, PopulationRow, read_person, warning
from enrollment.models import Enrollment, Household, Person
from enrollment.policy import HOUSEHOLDER, name_pinyin, pinyin_initials
from villages.actions import villages_by_word
from villages.models import Group, Scheme, Township

Rows = dict[Place, PopulationRow]
Placed = dict[Place, tuple[PopulationRow, int]]
# Household, name and relation: who somebody without a number is.
MemberKey = tuple[int, str, str]

PERSON_COLUMNS = [
    "id",
    "household_id",
    "name",
    "name_pinyin",
    "pinyin_initials",
    "other_initials",
    "id_kind",
    "number",
    "birth_date",
    "sex",
    "expected_on",
    "is_householder",
    "relation",
    "phone",
    "remark",
]
CHANGED_COLUMNS = [
    "id_kind",
    "number",
    "birth_date",
    "sex",
    "expected_on",
    "relation",
    "is_householder",
    "phone",
    "remark",
]


class Known(NamedTuple):
    """A person the database has, with what an import may change."""

    pk: int
    household: int
    village: int
    name: str
    id_kind: str
    number: str | None
    birth_date: date | None
    sex: str
    expected_on: date | None
    relation: str
    is_householder: bool
    phone: str
    remark: str


class KnownEnrollment(NamedTuple):
    pk: int
    village: int
    grounds: str
    is_migrant: bool


@dataclass
class Roll:
    """What the database knows of the township before the file, and where each row of the file belongs."""

    villages: dict[str, int]
    village_names: dict[int, str]
    groups: dict[tuple[int, str], int]
    by_number: dict[str, Known]
    households: dict[tuple[int, str], int]
    household_facts: dict[int, tuple[int | None, str]]
    heads: dict[tuple[int, str, str], set[int]]
    head_of: dict[int, int]
    numberless: dict[MemberKey, Known]
    namesakes: dict[MemberKey, Known]
    enrollments: dict[int, KnownEnrollment]
    made: dict[int, tuple[int, str, str]] = field(default_factory=dict)
    matched: set[int] = field(default_factory=set)
    spare: Iterator[int] = field(default_factory=lambda: iter(()))

    def known(self, row: PopulationRow, household: int) -> Known | None:
        """Whom the row means: by number; without one, or where the roll has none yet, by household, name and relation."""
        key = (household, name_key(row.name), row.relation)
        if row.number:
            return self.by_number.get(row.number) or self.numberless.get(key)
        return self.numberless.get(key) or self.namesakes.get(key)


@without_collecting()
@transaction.atomic(durable=True)
def import_population(*, path: Path, township: Township, year: int, by: User, dry_run: bool = False) -> Report:
    """Take in households and persons, and put them on the year's roll. Raises UnreadableSheet, NothingApplied."""
    _, report = hand_in(path, kind="population", by=by)
    one_at_a_time()
    with read_sheets(path) as book:
        records = read_records(book, COLUMNS)
        rows = read_rows(records, partial(read_person, today=localdate()), report)
        report.notes = list(records.notes)
    if not rows and not report.read:
        raise NothingApplied("表里没有数据行。")
    enlist(rows, township=township, year=year, report=report)
    transaction.set_rollback(dry_run)
    return report


def enlist(rows: Rows, *, township: Township, year: int, report: Report) -> None:
    """Match the rows with the township's people and write the good ones; the rest is told in the report."""
    refuse_doubles(rows, report, key=_identity, fault=_double)
    roll = _what_is_known(rows, township, year)
    _refuse_strange_villages(rows, roll, report)
    placed = _settle_households(rows, roll, report)
    _make_groups(placed, roll)
    _write(placed, roll, year, report)
    _flag_headless(placed, roll, report)


def one_at_a_time() -> None:
    """Two files wait for each other, since a person may stand in both; clerks at their forms do not wait."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('import'))")


def _identity(row: PopulationRow) -> object:
    """Who the row means, before the database is asked."""
    return row.number or (row.village, row.group, row.household, row.householder, row.name, row.relation)


def _double(row: PopulationRow, numbers: str) -> Fault:
    return Fault("身份证号", row.number or "", f"第{numbers}行是同一个人，内容不同，请核对后只留一行。")


def _what_is_known(rows: Rows, township: Township, year: int) -> Roll:
    """Ask the database once for everything; the number of queries does not grow with the file."""
    villages = villages_by_word(township)
    numbers = [row.number for row in rows.values() if row.number]
    columns = ("pk", "household_id", "household__village_id", "name", *Known._fields[4:])
    people = Person.objects.filter(number__one_of=numbers).values_list(*columns)
    by_number = {known.number or "": known for known in map(Known._make, people)}
    own = Person.objects.filter(household__village__township=township)
    numberless = own.filter(number__isnull=True)
    # Whoever was completed since may still stand without a number in an older file.
    namesakes = own.filter(number__isnull=False, name__one_of={row.name for row in rows.values() if not row.number})
    households = list(
        Household.objects.filter(village__township=township).values_list("pk", "village_id", "number", "group_id")
    )
    groups = {(g.village_id, g.name): g.pk for g in Group.objects.filter(village__township=township)}
    group_names = {pk: name for (_, name), pk in groups.items()}
    village_of = {pk: (village, group_names.get(group, "")) for pk, village, _, group in households}
    heads: dict[tuple[int, str, str], set[int]] = defaultdict(set)
    head_of = {}
    for pk, household, name in own.filter(is_householder=True).values_list("pk", "household_id", "name"):
        heads[(*village_of[household], name_key(name))].add(household)
        head_of[household] = pk
    live = Enrollment.objects.live().filter(year=year, person__household__village__township=township)
    return Roll(
        villages={word: village.pk for word, village in villages.items()},
        village_names={village.pk: village.name for village in villages.values()},
        groups=groups,
        by_number=by_number,
        households={(village, number): pk for pk, village, number, _ in households if number},
        household_facts={pk: (group, number) for pk, _, number, group in households},
        heads=heads,
        head_of=head_of,
        numberless=_by_member(numberless.values_list(*columns)),
        namesakes=_by_member(namesakes.values_list(*columns)),
        enrollments={
            person: KnownEnrollment(pk, village, grounds, is_migrant)
            for person, pk, village, grounds, is_migrant in live.values_list(
                "person_id", "pk", "village_id", "grounds", "is_migrant"
            )
        },
    )


def _by_member(rows: Iterable[tuple[Any, ...]]) -> dict[MemberKey, Known]:
    people = [Known._make(row) for row in rows]
    return {(known.household, name_key(known.name), known.relation): known for known in people}


def _refuse_strange_villages(rows: Rows, roll: Roll, report: Report) -> None:
    for place, row in list(rows.items()):
        if row.village not in roll.villages:
            said = f"没有“{row.village}”这个村（社区），请核对名称，或先导入任务分配表。"
            report.refuse(place, [Fault("村(社区)", row.village, said)])
            rows.pop(place)


def _make_groups(placed: Placed, roll: Roll) -> None:
    wanted = dict.fromkeys((roll.villages[row.village], row.group) for row, _ in placed.values() if row.group)
    missing = [key for key in wanted if key not in roll.groups]
    ids = take_ids(Group, len(missing)) if missing else []
    insert_many(
        Group, ["id", "village_id", "name", "cadre"], [(pk, *key, "") for pk, key in zip(ids, missing, strict=True)]
    )
    roll.groups.update(zip(missing, ids, strict=True))


def _settle_households(rows: Rows, roll: Roll, report: Report) -> Placed:
    """Each row's household, known or newly made: householders first, since members may join by the householder's name."""
    roll.spare = _fresh_ids(Household)
    placed: Placed = {}
    heads = {place: row for place, row in rows.items() if row.is_householder}
    others = {place: row for place, row in rows.items() if not row.is_householder}
    for place, row in chain(heads.items(), others.items()):
        known = roll.by_number.get(row.number or "")
        if known and not same_name(known.name, row.name):
            said = f"该身份证号在名册上的姓名是“{known.name}”，请核对是否同一人。"
            report.doubt(place, Fault("姓名", row.name, said))
            continue
        try:
            placed[place] = row, _household_for(row, known, roll)
        except BadRow as bad:
            report.refuse(place, bad.faults)
    return placed


def _fresh_ids(model: type[Model], block: int = 2000) -> Iterator[int]:
    """New primary keys as they are needed, a block at a time."""
    while True:
        yield from take_ids(model, block)


def _household_for(row: PopulationRow, known: Known | None, roll: Roll) -> int:
    """The household a row belongs to. Raises BadRow where that is somebody else's to decide."""
    village = roll.villages[row.village]
    household = roll.households.get((village, row.household)) if row.household else None
    if household is None and row.household and known and known.village == village:
        household = _adopted(known.household, roll)
    if household is None and not row.household:
        household = _by_householder(row, village, known, roll)
    if household is None:
        household = next(roll.spare)
        roll.made[household] = (village, row.group, row.household)
    if known and known.household != household:
        raise BadRow(_claim(row, known, village, roll))
    _must_be_enrolled_here(row, household, village, roll)
    if row.is_householder:
        _become_head(row, household, village, roll)
    if row.household:
        roll.households[(village, row.household)] = household
    if household in roll.made and not roll.made[household][1]:
        roll.made[household] = (village, row.group, row.household)
    return household


def _adopted(household: int, roll: Roll) -> int | None:
    """A household that had no 户号 yet takes the one the file gives it."""
    _, number = roll.household_facts[household]
    return None if number else household


def _by_householder(row: PopulationRow, village: int, known: Known | None, roll: Roll) -> int | None:
    if row.is_householder and known:
        return known.household if known.is_householder else None
    key = name_key(row.householder)
    found = roll.heads.get((village, row.group, key), set())
    if row.is_householder and row.number:
        # A householder with a number of their own is another one, but for those whose number was missing.
        found = {household for household in found if (household, key, HOUSEHOLDER) in roll.numberless}
    if len(found) > 1:
        said = f"本组有{len(found)}位户主叫“{row.householder}”，分不清是哪一户，请填写户号。"
        raise BadRow(Fault("户主", row.householder, said))
    if not found and not row.is_householder:
        raise BadRow(Fault("户主", row.householder, f"本组没有户主“{row.householder}”，请核对，或填写户号。"))
    return next(iter(found), None)


def _claim(row: PopulationRow, known: Known, village: int, roll: Roll) -> Fault:
    where = roll.village_names.get(known.village, "其他乡镇")
    place = f"{where}的另一户" if known.village != village else "本村的另一户"
    return Fault("身份证号", row.number or "", f"该身份证号已登记在{place}，是否转户须由镇里决定。")


def _must_be_enrolled_here(row: PopulationRow, household: int, village: int, roll: Roll) -> None:
    known = roll.known(row, household)
    enrolled = roll.enrollments.get(known.pk) if known else None
    if enrolled and enrolled.village != village:
        where = roll.village_names.get(enrolled.village, "其他乡镇")
        said = f"该人本年度已在{where}登记，转村须由镇里决定。"
        raise BadRow(Fault("身份证号", row.number or "", said))


def _become_head(row: PopulationRow, household: int, village: int, roll: Roll) -> None:
    head, mine = roll.head_of.get(household), roll.known(row, household)
    if head is not None and (mine is None or head != mine.pk):
        raise BadRow(Fault("与户主关系", "户主", "该户已有户主，一户只能有一位；更换户主须由镇里决定。"))
    roll.head_of[household] = mine.pk if mine else -1
    roll.heads.setdefault((village, row.group, name_key(row.name)), set()).add(household)


@dataclass
class Written:
    """Rows to be written, collected while matching."""

    people: list[tuple[object, ...]] = field(default_factory=list)
    enrollments: list[tuple[object, ...]] = field(default_factory=list)
    changed_people: list[tuple[object, ...]] = field(default_factory=list)
    changed_enrollments: list[tuple[object, ...]] = field(default_factory=list)
    household_groups: dict[int, int] = field(default_factory=dict)
    household_numbers: dict[int, str] = field(default_factory=dict)


def _write(placed: Placed, roll: Roll, year: int, report: Report) -> None:
    used = {household for _, household in placed.values()} & roll.made.keys()
    made = [(pk, *roll.made[pk]) for pk in sorted(used)]
    insert_many(
        Household,
        ["id", "village_id", "group_id", "number"],
        [(pk, village, roll.groups.get((village, group)), number) for pk, village, group, number in made],
    )
    written = Written()
    ids = iter(take_ids(Person, len(placed)) if placed else [])
    for place, (row, household) in placed.items():
        _match(place, row, household, roll, year, report, written, ids)
    insert_many(Person, PERSON_COLUMNS, written.people)
    update_many(Person, CHANGED_COLUMNS, written.changed_people)
    insert_many(
        Enrollment,
        ["person_id", "year", "scheme", "village_id", "tariff_class", "tier", "grounds", "is_migrant", "stop_reason"],
        written.enrollments,
    )
    update_many(Enrollment, ["grounds", "is_migrant"], written.changed_enrollments)
    _change_households(written, roll)


def _change_households(written: Written, roll: Roll) -> None:
    """Write the groups and 户号 of known households that the file says otherwise."""
    changed = []
    for household in written.household_groups.keys() | written.household_numbers.keys():
        before = roll.household_facts[household]
        after = (
            written.household_groups.get(household, before[0]),
            written.household_numbers.get(household, before[1]),
        )
        if after != before:
            changed.append((household, *after))
    update_many(Household, ["group_id", "number"], changed)


def _match(
    place: Place,
    row: PopulationRow,
    household: int,
    roll: Roll,
    year: int,
    report: Report,
    written: Written,
    ids: Iterator[int],
) -> None:
    """Decide what one row is: new, changed, or the same."""
    known = roll.known(row, household)
    village = roll.villages[row.village]
    enrolled = roll.enrollments.get(known.pk) if known else None
    if warning(row):
        report.flagged += 1
    person = known.pk if known else next(ids)
    if person in roll.matched:
        # With and without their number: one person, whom the first of the rows has spoken for.
        report.same += 1
        return
    roll.matched.add(person)
    changed = _note_changes(row, known, enrolled, household, village, roll, written) if known else False
    if not known:
        written.people.append(_new_person(person, household, row))
    if not enrolled:
        grounds = row.grounds or "户籍"
        written.enrollments.append(
            (person, year, Scheme.RESIDENT.value, village, "", "", grounds, bool(row.is_migrant), "")
        )
        report.new += 1
    elif changed:
        report.changed += 1
    else:
        report.same += 1


def person_row(
    pk: int,
    household: int,
    *,
    name: str,
    id_kind: str,
    number: str | None,
    birth_date: date | None,
    sex: str,
    expected_on: date | None,
    relation: str,
    phone: str,
    remark: str = "",
) -> tuple[object, ...]:
    """A new person's values in the order of PERSON_COLUMNS, with the readings of the name."""
    initials, other = pinyin_initials(name)
    readings = (name_pinyin(name), initials, other)
    identity = (str(id_kind), number, birth_date, sex, expected_on)
    return (pk, household, name, *readings, *identity, relation == HOUSEHOLDER, relation, phone, remark)


def _new_person(pk: int, household: int, row: PopulationRow) -> tuple[object, ...]:
    return person_row(
        pk,
        household,
        name=row.name,
        id_kind=row.id_kind,
        number=row.number,
        birth_date=row.birth_date,
        sex=row.sex,
        expected_on=row.expected_on,
        relation=row.relation,
        phone=row.phone,
        remark=row.remark,
    )


def _note_changes(
    row: PopulationRow,
    known: Known,
    enrolled: KnownEnrollment | None,
    household: int,
    village: int,
    roll: Roll,
    written: Written,
) -> bool:
    """Collect what the row changes of a known person; an empty cell takes nothing away."""
    is_changed = False
    wanted = known._replace(
        id_kind=str(row.id_kind) if row.number else known.id_kind,
        number=row.number or known.number,
        birth_date=row.birth_date or known.birth_date,
        sex=row.sex or known.sex,
        expected_on=row.expected_on or known.expected_on,
        relation=row.relation or known.relation,
        is_householder=row.is_householder if row.relation else known.is_householder,
        phone=row.phone or known.phone,
        remark=row.remark or known.remark,
    )
    if wanted != known:
        written.changed_people.append((known.pk, *(getattr(wanted, column) for column in CHANGED_COLUMNS)))
        is_changed = True
    if enrolled:
        grounds = row.grounds or enrolled.grounds
        is_migrant = enrolled.is_migrant if row.is_migrant is None else row.is_migrant
        if (grounds, is_migrant) != (enrolled.grounds, enrolled.is_migrant):
            written.changed_enrollments.append((enrolled.pk, grounds, is_migrant))
            is_changed = True
    key = (household, name_key(known.name), known.relation)
    if row.number and roll.numberless.pop(key, None):
        # One person is completed once; the same name without a number is that person again.
        roll.namesakes[key] = wanted
    return _note_household(row, household, village, roll, written) or is_changed


def _note_household(row: PopulationRow, household: int, village: int, roll: Roll, written: Written) -> bool:
    """Collect what the row changes of a known household: of several groups the first one said holds."""
    group, number = roll.household_facts.get(household, (None, row.household))
    is_changed = False
    if row.group and household in roll.household_facts:
        said = roll.groups[(village, row.group)]
        is_changed = written.household_groups.setdefault(household, said) == said != group
    if row.household and not number:
        written.household_numbers[household] = row.household
        is_changed = True
    return is_changed


def _flag_headless(placed: Placed, roll: Roll, report: Report) -> None:
    """A household whose householder nobody has named is kept and shown."""
    sizes = Counter(household for _, household in placed.values())
    headless = [household for household in sizes if household not in roll.head_of]
    report.flagged += len(headless)
    if headless:
        report.notes.append(f"有{len(headless)}户没有户主，请补上。")


def known_names(township: Township) -> dict[str, str]:
    """The names by number of everybody in the township: what a roster's names are held against."""
    people = Person.objects.filter(household__village__township=township, number__isnull=False)
    pairs: Iterable[tuple[str | None, str]] = people.values_list("number", "name")
    return {number: name for number, name in pairs if number}
