"""Putting a notice in force and taking in an office's rosters."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from django.db import transaction
from django.db.models.functions import Now
from django.utils.timezone import localdate

from accounts.bulk import insert_many
from accounts.imports import BadRow, Fault, NothingApplied, Report, hand_in
from accounts.models import User
from accounts.sheets.cells import same_name
from accounts.sheets.headers import Record, read_records, unpivot
from accounts.sheets.reading import read_sheets
from subsidies.importers.rosters import COLUMNS, RosterRow, read_entry
from subsidies.models import PlanVersion, Roster, RosterEntry
from subsidies.plan import Plan, document_of
from villages.actions import villages_by_word
from villages.models import Posting, Township

ENTRY_COLUMNS = [
    "roster_id",
    "number",
    "name",
    "village_id",
    "disability_kind",
    "disability_level",
    "starts_on",
    "ends_on",
    "decision",
]


class ChangeNeedsApproval(Exception):
    """A later version of a notice needs a reason and a second human of the township; the message is the sentence."""


@transaction.atomic(durable=True)
def put_plan_in_force(
    *, plan: Plan, township: Township, by: User, approver: User | None = None, reason: str = ""
) -> tuple[PlanVersion, bool]:
    """Make this the township's notice of its year; (the version, whether it is new). The same notice again is a no-op.

    Raises ChangeNeedsApproval.
    """
    Township.objects.select_for_update(no_key=True).get(pk=township.pk)
    earlier = PlanVersion.objects.in_force(township=township, year=plan.year)
    document = document_of(plan)
    if earlier and earlier.document == document:
        return earlier, False
    if earlier and not (approver and reason.strip()):
        raise ChangeNeedsApproval(f"{plan.year}年度已有方案。变更须写明原因（--reason），并由镇里另一人核准（--by）。")
    if approver:
        must_be_of_township(approver, township)
    version = PlanVersion.objects.create(
        township=township,
        year=plan.year,
        version=earlier.version + 1 if earlier else 1,
        document=document,
        reason=reason.strip(),
        maker=by,
        approver=approver,
    )
    return version, True


def must_be_of_township(user: User, township: Township) -> None:
    """Raises ChangeNeedsApproval unless this person works in the township's office today."""
    if not Posting.objects.of(user).in_office(township.pk).exists():
        raise ChangeNeedsApproval(f"“{user.username}”不是{township}医保办的人员，不能核准。")


@transaction.atomic(durable=True)
def import_roster(
    *,
    path: Path,
    township: Township,
    year: int,
    office: str,
    category: str,
    month: date,
    by: User,
    known_names: Mapping[str, str],
    approver: User | None = None,
    dry_run: bool = False,
) -> Report:
    """Take in an office's full list of one category for a month: all rows or none.

    `known_names` are the names by number of the people there are. With an approver the list is put in force.
    Raises UnreadableSheet, NothingApplied, ChangeNeedsApproval.
    """
    upload, report = hand_in(path, kind="roster", by=by)
    report.keeps_doubtful = True
    Township.objects.select_for_update(no_key=True).get(pk=township.pk)
    villages = {word: village.pk for word, village in villages_by_word(township).items()}
    with read_sheets(path) as book:
        records = read_records(book, COLUMNS)
        rows = _read_whole(list(unpivot(records)), report, villages, today=localdate())
        report.notes = list(records.notes)
    if report.refused:
        transaction.set_rollback(True)
        return report
    if not rows:
        raise NothingApplied("名单里没有人员；空名单会取消所有人的资助，没有收取。")
    key = Roster.objects.filter(township=township, year=year, office=office, category=category)
    # The list that this one follows: that of a later month stays as it is.
    latest = key.filter(month__lte=month).order_by("-month", "-pk").first()
    earlier = {entry.number: entry for entry in latest.entries.all()} if latest else {}
    entries = [_entry(row, villages, earlier) for _, row in rows]
    _count(rows, entries, earlier, known_names, report)
    gone = len(earlier.keys() - {row.number for _, row in rows})
    if gone:
        report.notes.append(f"比上一份名单少了{gone}人，自本份名单月份起取消。")
    roster = latest if latest and latest.month == month and set(entries) == set(map(_kept, earlier.values())) else None
    if roster is None:
        roster = Roster.objects.create(
            township=township, year=year, office=office, category=category, month=month, upload=upload, maker=by
        )
        insert_many(RosterEntry, ENTRY_COLUMNS, [(roster.pk, *entry) for entry in dict.fromkeys(entries)])
    if approver and not roster.approver_id:
        approve_roster(roster=roster, by=approver)
    transaction.set_rollback(dry_run)
    return report


@transaction.atomic
def approve_roster(*, roster: Roster, by: User) -> None:
    """A second human, of the township, puts a list in force. Raises ChangeNeedsApproval."""
    must_be_of_township(by, roster.township)
    if by.pk == roster.maker_id:
        raise ChangeNeedsApproval("名单须由另一人核准。")
    Roster.objects.filter(pk=roster.pk).update(approver=by, approved_at=Now())


def _read_whole(
    records: list[Record], report: Report, villages: Mapping[str, int], *, today: date
) -> list[tuple[Record, RosterRow]]:
    """Every row of the list; when one is wrong all count as refused, each with its reason."""
    rows: list[tuple[Record, RosterRow]] = []
    faults: dict[int, list[Fault]] = {}
    for at, record in enumerate(records):
        try:
            rows.append((record, _read_known(record, villages, today=today)))
        except BadRow as bad:
            faults[at] = list(bad.faults)
    faults |= _differing_doubles(records, rows)
    if faults:
        told = min(faults)
        whole = Fault("", "", f"名单须整份收取：第{records[told].row}行有误，整份没有收取，请改正后重新导入。")
        for at, record in enumerate(records):
            report.refuse(record, faults.get(at, [whole]))
    return rows


def _read_known(record: Record, villages: Mapping[str, int], *, today: date) -> RosterRow:
    row = read_entry(record, today=today)
    if row.village and row.village not in villages:
        said = f"没有“{row.village}”这个村（社区），请核对名称，或先导入任务分配表。"
        raise BadRow(Fault("村(社区)", row.village, said))
    return row


def _differing_doubles(records: list[Record], rows: list[tuple[Record, RosterRow]]) -> dict[int, list[Fault]]:
    first: dict[str, tuple[Record, RosterRow]] = {}
    faults = {}
    places = {id(record): at for at, record in enumerate(records)}
    for record, row in rows:
        other, same = first.setdefault(row.number, (record, row))
        if same != row:
            said = f"第{other.row}行和第{record.row}行是同一身份证号，内容不同，请核对。"
            faults[places[id(other)]] = faults[places[id(record)]] = [Fault("身份证号", row.number, said)]
    return faults


Entry = tuple[str, str, int | None, str, int | None, date | None, date | None, str]


def _entry(row: RosterRow, villages: Mapping[str, int], earlier: Mapping[str, RosterEntry]) -> Entry:
    """The row as it is kept; what was decided about a differing name stays decided."""
    before = earlier.get(row.number)
    decision = before.decision if before and before.name == row.name else ""
    return (
        row.number,
        row.name,
        villages.get(row.village),
        row.disability_kind,
        row.disability_level,
        row.starts_on,
        row.ends_on,
        decision,
    )


def _count(
    rows: list[tuple[Record, RosterRow]],
    entries: list[Entry],
    earlier: Mapping[str, RosterEntry],
    known_names: Mapping[str, str],
    report: Report,
) -> None:
    seen: set[str] = set()
    for (record, row), entry in zip(rows, entries, strict=True):
        before, known = earlier.get(row.number), known_names.get(row.number)
        if known is not None and not same_name(known, row.name) and not entry[-1]:
            said = f"这个身份证号在名册上的姓名是“{known}”，与名单不符；决定前不享受资助。"
            report.doubt(record, Fault("姓名", row.name, said))
        elif row.number in seen or (before and _kept(before) == entry):
            report.same += 1
        elif before:
            report.changed += 1
        else:
            report.new += 1
        if known is None:
            report.flagged += 1
        seen.add(row.number)


def _kept(entry: RosterEntry) -> Entry:
    return (
        entry.number,
        entry.name,
        entry.village_id,
        entry.disability_kind,
        entry.disability_level,
        entry.starts_on,
        entry.ends_on,
        entry.decision,
    )
