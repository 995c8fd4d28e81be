"""Taking in the totals that units hand in."""

from datetime import date
from functools import partial
from pathlib import Path

from django.db import transaction
from django.utils.timezone import localdate

from accounts.imports import Fault, NothingApplied, Report, hand_in, read_rows, refuse_doubles
from accounts.models import User
from accounts.sheets.headers import read_records
from accounts.sheets.reading import read_sheets
from enrollment.importers.returns import COLUMNS, ReturnRow, read_return
from enrollment.models import Return
from villages.actions import villages_by_word
from villages.models import Township


@transaction.atomic(durable=True)
def import_returns(*, path: Path, township: Township, year: int, by: User, dry_run: bool = False) -> Report:
    """Take in units' totals of registered, paying and stopped people. Raises UnreadableSheet, NothingApplied."""
    upload, report = hand_in(path, kind="returns", by=by)
    Township.objects.select_for_update(no_key=True).get(pk=township.pk)
    with read_sheets(path) as book:
        records = read_records(book, COLUMNS)
        rows = read_rows(records, partial(read_return, today=localdate()), report)
        report.notes = list(records.notes)
    if not rows and not report.read:
        raise NothingApplied("表里没有数据行。")
    villages = {word: village.pk for word, village in villages_by_word(township).items()}

    def key(row: ReturnRow) -> object:
        return villages.get(row.unit, row.unit), row.scheme, row.as_of

    refuse_doubles(rows, report, key=key, content=_totals, fault=_double)
    kept = {(r.village_id, r.scheme, r.as_of): r for r in Return.objects.filter(year=year, village__township=township)}
    for place, row in rows.items():
        if row.unit not in villages:
            said = f"没有“{row.unit}”这个单位，请核对名称，或先导入任务分配表。"
            report.refuse(place, [Fault("单位", row.unit, said)])
            continue
        _keep(row, villages[row.unit], year, kept, report, upload.pk)
    transaction.set_rollback(dry_run)
    return report


def _double(row: ReturnRow, numbers: str) -> Fault:
    return Fault("单位", row.unit, f"第{numbers}行是同一单位、险种和截至日，数字不同，请核对后只留一行。")


def _totals(row: ReturnRow) -> tuple[int, int, int]:
    return row.registered, row.paying, row.stopped


def _keep(
    row: ReturnRow, village: int, year: int, kept: dict[tuple[int, str, date], Return], report: Report, upload: int
) -> None:
    wanted = {"registered": row.registered, "paying": row.paying, "stopped": row.stopped}
    before = kept.get((village, row.scheme, row.as_of))
    if before is None:
        kept[(village, row.scheme, row.as_of)] = Return.objects.create(
            village_id=village, year=year, scheme=row.scheme, as_of=row.as_of, upload_id=upload, **wanted
        )
        report.new += 1
    elif wanted == {name: getattr(before, name) for name in wanted}:
        report.same += 1
    else:
        Return.objects.filter(pk=before.pk).update(**wanted, upload_id=upload)
        report.changed += 1
