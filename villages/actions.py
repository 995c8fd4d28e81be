"""What an office does with places, people at work and quotas."""

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

from django.db import transaction

from accounts.actions import give_code
from accounts.imports import BadRow, Fault, NothingApplied, Report, hand_in
from accounts.models import User
from accounts.sheets.cells import BadCell, count, shown
from accounts.sheets.headers import Record, Records, read_records
from accounts.sheets.reading import read_sheets
from villages.importers.quotas import QuotaRow, columns_for, is_total, read_quota
from villages.models import Posting, Quota, Role, Township, Village


@transaction.atomic(durable=True)
def open_office(*, name: str) -> Township:
    """An empty, working system for one township. Raises IntegrityError township_has_a_name, ValidationError for a double."""
    township = Township(name=name.strip())
    township.full_clean()
    township.save()
    return township


@transaction.atomic(durable=True)
def open_account(
    *, username: str, full_name: str, role: Role, township: Township, village: Village | None = None, office: str = ""
) -> tuple[User, str]:
    """An account with its posting, and the one-time code that its owner turns into a password.

    Raises ValidationError with the sentence to show.
    """
    user = User(username=username, full_name=full_name or username)
    user.set_unusable_password()
    code = give_code(user)
    user.full_clean()
    user.save()
    scope = {"district": township.district} if role == Role.DISTRICT and township.district else {"township": township}
    posting = Posting(user=user, role=role, office=office, **({"village": village} if village else scope))
    posting.full_clean()
    posting.save()
    return user, code


@transaction.atomic(durable=True)
def import_quotas(*, path: Path, township: Township, year: int, by: User, dry_run: bool = False) -> Report:
    """Take in a 任务分配表: quotas of the year, new villages as it names them. Raises UnreadableSheet, NothingApplied."""
    _, report = hand_in(path, kind="quotas", by=by)
    with read_sheets(path) as book:
        records = read_records(book, columns_for(year))
        rows, totals = _read_rows(records, report)
        report.notes = list(records.notes)
    known = villages_by_word(township)
    rows = _settled(rows, known, report)
    _refuse_doubles(rows, report)
    _check_totals(totals, [row for _, row in rows], report)
    villages = _known_or_made(township, known, [row for _, row in rows])
    _write_quotas(rows, villages, year, report)
    if not report.read:
        raise NothingApplied("表里没有数据行。")
    transaction.set_rollback(dry_run)
    return report


def villages_by_word(township: Township) -> dict[str, Village]:
    """The township's villages by whatever a sheet may call them: the code, the code without its zeros, the name."""
    villages = list(Village.objects.filter(township=township))
    shortened = {short: village for village in villages if (short := village.code.lstrip("0"))}
    return shortened | {village.code: village for village in villages} | {village.name: village for village in villages}


def _read_rows(records: Records, report: Report) -> tuple[list[tuple[Record, QuotaRow]], list[Record]]:
    rows, totals = [], []
    for record in records:
        if is_total(record):
            totals.append(record)
            continue
        try:
            rows.append((record, read_quota(record)))
        except BadRow as bad:
            report.refuse(record, bad.faults)
    return rows, totals


def _settled(
    rows: list[tuple[Record, QuotaRow]], known: dict[str, Village], report: Report
) -> list[tuple[Record, QuotaRow]]:
    """The rows under their villages' own names; a code that is another village's is refused."""
    owners = {word: village.name for word, village in known.items()}
    settled = []
    for record, row in rows:
        name = owners.get(row.village, row.village)
        owner = owners.setdefault(row.code, name) if row.code else name
        if owner == name:
            settled.append((record, replace(row, village=name)))
        else:
            report.refuse(record, [Fault("代码", row.code, f"代码{row.code}是{owner}的，请核对。")])
    return settled


def _refuse_doubles(rows: list[tuple[Record, QuotaRow]], report: Report) -> None:
    """Whoever a file names twice with different content is refused both times; the same again counts as same."""
    by_key: dict[tuple[str, str], list[tuple[Record, QuotaRow]]] = defaultdict(list)
    for record, row in rows:
        by_key[(row.village, row.scheme)].append((record, row))
    for several in by_key.values():
        if len(several) == 1:
            continue
        if len({row for _, row in several}) == 1:
            for pair in several[1:]:
                rows.remove(pair)
                report.same += 1
            continue
        numbers = "、".join(str(record.row) for record, _ in several)
        for record, row in several:
            report.refuse(
                record,
                [
                    Fault(
                        "村(社区)",
                        shown(record.values.get("村(社区)")),
                        f"第{numbers}行都是“{row.village}”，内容不同，请核对后只留一行。",
                    )
                ],
            )
            rows.remove((record, row))


def _check_totals(totals: list[Record], rows: list[QuotaRow], report: Report) -> None:
    """The sheet's own 合计 must be the sum of its rows; it is checked when no row was refused."""
    sums = Counter({"户籍人口数": 0, "上年任务数": 0, "预计净增数": 0, "任务数": 0})
    for row in rows:
        given = (row.hukou, row.previous, row.net_increase, row.target)
        sums.update({name: value or 0 for name, value in zip(sums, given, strict=True)})
    for record in totals if not report.refused else []:
        for name, total in sums.items():
            written = _number_in(record, name)
            if written is not None and written != total:
                report.refuse(
                    record, [Fault(name, str(written), f"合计行的{name}是{written}，各行之和是{total}，请核对。")]
                )
                break


def _number_in(record: Record, column: str) -> int | None:
    try:
        return count(record.values.get(column))
    except BadCell:
        return None


def _known_or_made(township: Township, known: dict[str, Village], rows: list[QuotaRow]) -> dict[str, Village]:
    villages = {village.name: village for village in known.values()}
    taken = {village.code for village in known.values()} | {row.code for row in rows}
    for row in rows:
        if row.village not in villages:
            code = row.code or _next_code(taken)
            taken.add(code)
            villages[row.village] = Village.objects.create(
                township=township, code=code, name=row.village, kind=row.kind or _guessed_kind(row.village)
            )
    return villages


def _next_code(taken: set[str]) -> str:
    return next(code for n in range(1, 100_000) if (code := f"{n:02d}") not in taken)


def _guessed_kind(name: str) -> str:
    if name.endswith(("社区", "居委会")):
        return Village.Kind.COMMUNITY
    if name.endswith(("学校", "中学", "小学", "学院", "大学", "幼儿园")):
        return Village.Kind.SCHOOL
    return Village.Kind.EMPLOYER if name.endswith(("公司", "厂", "局", "集团")) else Village.Kind.VILLAGE


def _write_quotas(rows: list[tuple[Record, QuotaRow]], villages: dict[str, Village], year: int, report: Report) -> None:
    kept = {
        (quota.village_id, quota.scheme): quota
        for quota in Quota.objects.filter(year=year, village__in=villages.values()).select_for_update()
    }
    for _, row in rows:
        village = villages[row.village]
        wanted = {name: getattr(row, name) for name in ("hukou", "previous", "net_increase", "target")}
        quota = kept.get((village.pk, row.scheme))
        if quota is None:
            kept[(village.pk, row.scheme)] = Quota.objects.create(
                village=village, year=year, scheme=row.scheme, **wanted
            )
            report.new += 1
        elif wanted == {name: getattr(quota, name) for name in wanted}:
            report.same += 1
        else:
            Quota.objects.filter(pk=quota.pk).update(**wanted)
            report.changed += 1
