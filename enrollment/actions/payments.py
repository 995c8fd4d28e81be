"""Evidence that comes for many people at once: paid lists, and the township's act for the fully subsidised."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

from django.db import transaction
from django.utils.timezone import localdate

from accounts.bulk import insert_many, update_many
from accounts.imports import (
    Fault,
    NothingApplied,
    Place,
    Report,
    hand_in,
    read_rows,
    refuse_doubles,
    without_collecting,
)
from accounts.models import Upload, User
from accounts.sheets.cells import same_name
from accounts.sheets.headers import read_records
from accounts.sheets.reading import read_sheets
from enrollment.actions.ledger import (
    Assessor,
    BillDraft,
    Draft,
    Enrolled,
    deposit_legs,
    enrolled,
    next_rounds,
    post,
)
from enrollment.actions.population import one_at_a_time
from enrollment.importers.payments import COLUMNS, PaymentRow, read_payment
from enrollment.models import Approval, DepositLine, Enrollment, Exemption, Kind, PaidRow, Source, Standing
from subsidies.models import PlanVersion, plan_in_force
from subsidies.plan import Plan, yuan
from subsidies.policy import Assessment, NoTariff
from villages.models import Township

Rows = dict[Place, PaymentRow]
RowKey = tuple[int, date, int, str, str]
PAID_ROW_COLUMNS = [
    "upload_id",
    "enrollment_id",
    "village_id",
    "year",
    "name",
    "paid_on",
    "fen",
    "slip",
    "channel",
    "state",
    "reason",
    "document_id",
]


class Stands(NamedTuple):
    """The bill that stands for an enrolment."""

    bill: int
    document: int
    kind: str
    counts_on: date | None
    maker: int
    username: str
    personal: int


@dataclass
class Books:
    """What the database knows of the people a paid list names, asked for once.

    `recorded` are the rows whose document stands, refunded or not; `waiting` the late deposit of a bill's cash.
    """

    people: dict[str, Enrolled]
    standing: dict[int, Stands]
    exempt: dict[int, str]
    rows: dict[RowKey, tuple[int, str]]
    recorded: set[RowKey]
    waiting: dict[int, int]
    assessor: Assessor


@dataclass
class Applied:
    """What the good rows come to: payments by household and slip, cash paid in by collector and slip, rows attached."""

    paid: dict[tuple[int, int, date, str, str], list[tuple[Enrolled, Assessment, PaymentRow]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    paid_in: dict[tuple[int, str, int, date, str], list[tuple[Enrolled, Stands, PaymentRow]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    attached: list[tuple[Enrolled, Stands, PaymentRow]] = field(default_factory=list)
    doubtful: list[tuple[Enrolled, PaymentRow, str]] = field(default_factory=list)
    approved: set[int] = field(default_factory=set)


@without_collecting()
@transaction.atomic(durable=True)
def import_payments(*, path: Path, township: Township, year: int, by: User, dry_run: bool = False) -> Report:
    """Take in a paid list: whoever is on the roll and paid what is due counts from the row's day.

    Raises UnreadableSheet, NothingApplied, NoPlan.
    """
    upload, report = hand_in(path, kind="payments", by=by)
    report.keeps_doubtful = True
    one_at_a_time()
    version = plan_in_force(township=township, year=year)
    with read_sheets(path) as book:
        records = read_records(book, COLUMNS)
        rows = read_rows(records, partial(read_payment, today=localdate()), report)
        report.notes = list(records.notes)
    if not rows and not report.read:
        raise NothingApplied("表里没有数据行。")
    record_payments(rows, township=township, version=version, upload=upload, by=by, report=report)
    transaction.set_rollback(dry_run)
    return report


def record_payments(
    rows: Rows, *, township: Township, version: PlanVersion, upload: Upload, by: User, report: Report
) -> None:
    """Hold each row against the roll and the books, and post the good ones; the rest is told in the report."""
    refuse_doubles(rows, report, key=lambda row: row.number, fault=_double)
    books = _what_is_known(rows, township, version.plan)
    applied = Applied()
    for place, row in rows.items():
        _judge(place, row, books, applied, report)
    _post(applied, books, township=township, version=version, upload=upload, by=by)


def _double(row: PaymentRow, numbers: str) -> Fault:
    return Fault("身份证号", row.number, f"第{numbers}行是同一个人，内容不同，请核对后只留一行。")


def _what_is_known(rows: Rows, township: Township, plan: Plan) -> Books:
    numbers = [row.number for row in rows.values()]
    live = Enrollment.objects.live().filter(year=plan.year, village__township=township, person__number__one_of=numbers)
    # Held in key order before anything is asked, so that a clerk at a desk and this list do not bill one person twice.
    list(live.order_by("pk").select_for_update(of=["self"]).values_list("pk"))
    people = enrolled(live)
    ids = [person.pk for person in people]
    exempt = Exemption.objects.live().filter(enrollment__pk__one_of=ids).values_list("enrollment_id", "reason")
    kept = PaidRow.objects.filter(enrollment__pk__one_of=ids)
    keys = kept.values_list("enrollment_id", "paid_on", "fen", "slip", "name", "pk", "state")
    recorded = kept.filter(document__isnull=False, document__reversal__isnull=True)
    bills = _bills(ids)
    # Held against each other here: asked in one question, the two lists were compared row by row for a minute.
    billed = {enrollment for enrollment, _, _ in bills}
    standing = {enrollment: stood for enrollment, ended_on, stood in bills if ended_on is None}
    held = [stood.bill for stood in standing.values() if stood.counts_on is None]
    paid_in = DepositLine.objects.filter(bill__pk__one_of=held, document__reversal__isnull=True)
    return Books(
        people={person.number or "": person for person in people},
        standing=standing,
        exempt=dict(exempt),
        rows={(key[0], key[1], key[2], key[3], key[4]): (key[5], key[6]) for key in keys},
        recorded={
            row for row in recorded.values_list("enrollment_id", "paid_on", "fen", "slip", "name") if row[0] in billed
        },
        waiting=dict(paid_in.values_list("bill_id", "document_id")),
        assessor=Assessor(plan, township, numbers),
    )


def stands(enrollments: list[int]) -> dict[int, Stands]:
    """The standing bill of each of these enrolments that has one."""
    return {enrollment: stood for enrollment, ended_on, stood in _bills(enrollments) if ended_on is None}


def _bills(enrollments: list[int]) -> list[tuple[int, date | None, Stands]]:
    """(enrolment, day of its refund, bill) of everything these enrolments were billed and that was not reversed."""
    standing = Standing.objects.filter(enrollment__pk__one_of=enrollments)
    columns = ("bill_id", "document_id", "kind", "counts_on", "document__maker_id", "document__maker__username")
    found = standing.values_list("enrollment_id", "ended_on", *columns, "bill__personal_fen")
    return [(row[0], row[1], Stands._make(row[2:])) for row in found]


def _judge(place: Place, row: PaymentRow, books: Books, applied: Applied, report: Report) -> None:
    """Decide what one row is: refused, doubtful, new, changed or the same."""
    person = books.people.get(row.number)
    if person is None:
        said = "该身份证号不在本年度名册上；请先登记，再导入一次。"
        report.refuse(place, [Fault("身份证号", row.number, said)])
        return
    _, state = books.rows.get(_key(person, row), (0, ""))
    if state == PaidRow.State.REJECTED or _key(person, row) in books.recorded:
        report.same += 1
        return
    stood = books.standing.get(person.pk)
    assessed, is_outside = books.assessor.assess_whenever(person, row.paid_on)
    fault = _doubt(person, row, stood, assessed, books)
    if fault:
        report.doubt(place, fault)
        if not state:
            applied.doubtful.append((person, row, fault.message))
        return
    report.flagged += is_outside
    _apply(person, row, stood, assessed, books, applied, report)


def _doubt(person: Enrolled, row: PaymentRow, stood: Stands | None, said: Assessment, books: Books) -> Fault | None:
    """Why the row must wait for the township (待核实); nothing when it is clear."""
    if not same_name(person.name, row.name):
        return Fault("姓名", row.name, f"该身份证号在名册上的姓名是“{person.name}”，待核实，暂不计数。")
    if person.pk in books.exempt:
        reason = books.exempt[person.pk]
        return Fault("身份证号", row.number, f"该人已核减（{reason}），待核实，暂不计数；确已缴费的请先撤销核减。")
    due = stood.personal if stood else said.personal
    if row.fen != due:
        told = "已入账" if stood else "应缴"
        return Fault("金额", yuan(row.fen), f"金额{yuan(row.fen)}元与{told}{yuan(due)}元不符，待核实，暂不计数。")
    return None


def _apply(
    person: Enrolled,
    row: PaymentRow,
    stood: Stands | None,
    said: Assessment,
    books: Books,
    applied: Applied,
    report: Report,
) -> None:
    if stood is None:
        key = (person.household, person.village, row.paid_on, row.channel, row.slip)
        applied.paid[key].append((person, said, row))
        report.new += 1
    elif stood.counts_on is not None:
        applied.attached.append((person, stood, row))
        report.same += 1
    elif stood.kind == Kind.COLLECTION and stood.personal and stood.bill not in books.waiting:
        key_in = (stood.maker, stood.username, person.village, row.paid_on, row.slip)
        applied.paid_in[key_in].append((person, stood, row))
        report.changed += 1
    else:
        # Typed evidence that waited for approval: the official list is that approval.
        applied.approved.add(books.waiting.get(stood.bill, stood.document))
        applied.attached.append((person, stood, row))
        report.changed += 1


def _key(person: Enrolled, row: PaymentRow) -> RowKey:
    return person.pk, row.paid_on, row.fen, row.slip, row.name


def _post(
    applied: Applied, books: Books, *, township: Township, version: PlanVersion, upload: Upload, by: User
) -> None:
    year = version.year
    rounds = next_rounds([person.pk for several in applied.paid.values() for person, _, _ in several])
    deposited = _deposit_rounds(applied)
    drafts = [
        Draft(
            township_id=township.pk,
            village_id=village,
            household_id=household,
            year=year,
            kind=Kind.DIRECT,
            source=Source.LIST,
            evidence_on=paid_on,
            channel=channel,
            slip=slip,
            bills=[BillDraft(person.pk, rounds[person.pk] + 1, said) for person, said, _ in several],
            money_account="bank",
        )
        for (household, village, paid_on, channel, slip), several in applied.paid.items()
    ]
    drafts += [
        Draft(
            township_id=township.pk,
            village_id=village,
            year=year,
            kind=Kind.DEPOSIT,
            source=Source.LIST,
            evidence_on=paid_on,
            slip=slip,
            deposits=[(stood.bill, deposited[stood.bill] + 1) for _, stood, _ in several],
            legs=deposit_legs(username, sum(stood.personal for _, stood, _ in several)),
        )
        for (_, username, village, paid_on, slip), several in applied.paid_in.items()
    ]
    documents = post(drafts, maker=by, plan_version=version)
    _approve(applied.approved, by)
    _keep_rows(applied, books, documents, year=year, upload=upload)


def _deposit_rounds(applied: Applied) -> dict[int, int]:
    bills = [stood.bill for several in applied.paid_in.values() for _, stood, _ in several]
    rounds: dict[int, int] = defaultdict(int)
    for bill in DepositLine.objects.filter(bill__pk__one_of=bills).values_list("bill_id", flat=True):
        rounds[bill] += 1
    return rounds


def _approve(documents: set[int], by: User) -> None:
    insert_many(Approval, ["document_id", "approver_id"], [(document, by.pk) for document in sorted(documents)])


def _keep_rows(applied: Applied, books: Books, documents: list[int], *, year: int, upload: Upload) -> None:
    """Every row that was understood is kept as evidence: applied, attached, or waiting."""
    groups = [[(person, row) for person, _, row in several] for several in applied.paid.values()]
    groups += [[(person, row) for person, _, row in several] for several in applied.paid_in.values()]
    states: list[tuple[Enrolled, PaymentRow, PaidRow.State, str, int | None]] = [
        (person, row, PaidRow.State.APPLIED, "", document)
        for document, several in zip(documents, groups, strict=True)
        for person, row in several
    ]
    states += [(person, row, PaidRow.State.ATTACHED, "", stood.document) for person, stood, row in applied.attached]
    states += [(person, row, PaidRow.State.DOUBTFUL, said, None) for person, row, said in applied.doubtful]
    added, changed = [], []
    for person, row, state, reason, document in states:
        kept = books.rows.get(_key(person, row))
        if kept:
            changed.append((kept[0], state.value, reason, document))
        else:
            values = (row.name, row.paid_on, row.fen, row.slip, row.channel)
            added.append((upload.pk, person.pk, person.village, year, *values, state.value, reason, document))
    insert_many(PaidRow, PAID_ROW_COLUMNS, added)
    update_many(PaidRow, ["state", "reason", "document_id"], changed)


@transaction.atomic(durable=True)
def enroll_subsidised(*, township: Township, year: int, by: User, on: date) -> dict[str, object]:
    """Enrol everyone on a roster in force that day whose due is 0; they count from the day.

    {"year", "on", "enrolled", "already"} in heads. Raises NoPlan.
    """
    one_at_a_time()
    version = plan_in_force(township=township, year=year)
    assessor = Assessor(version.plan, township)
    live = Enrollment.objects.live().not_exempt().filter(year=year, village__township=township)
    listed = live.filter(person__number__one_of=list(assessor.lists.numbers()))
    list(listed.order_by("pk").select_for_update(of=["self"]).values_list("pk"))
    due_nothing = [(person, said) for person in enrolled(listed) if (said := _nothing_due(assessor, person, on))]
    standing = stands([person.pk for person, _ in due_nothing])
    fresh = [(person, said) for person, said in due_nothing if person.pk not in standing]
    rounds = next_rounds([person.pk for person, _ in fresh])
    households: dict[tuple[int, int], list[tuple[Enrolled, Assessment]]] = defaultdict(list)
    for person, said in fresh:
        households[(person.household, person.village)].append((person, said))
    drafts = [
        Draft(
            township_id=township.pk,
            village_id=village,
            household_id=household,
            year=year,
            kind=Kind.DIRECT,
            source=Source.BULK,
            evidence_on=on,
            bills=[BillDraft(person.pk, rounds[person.pk] + 1, said) for person, said in several],
            money_account="bank",
        )
        for (household, village), several in households.items()
    ]
    post(drafts, maker=by, plan_version=version)
    return {"year": year, "on": on.isoformat(), "enrolled": len(fresh), "already": len(due_nothing) - len(fresh)}


def _nothing_due(assessor: Assessor, person: Enrolled, on: date) -> Assessment | None:
    """The person's assessment when a list in force leaves them nothing to pay."""
    try:
        said, _ = assessor.assess_whenever(person, on)
    except NoTariff:
        return None
    return said if said.applied and said.personal == 0 else None
