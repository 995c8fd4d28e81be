"""Money taken, paid in, given back: each deed posts one document, in one transaction. Amounts in whole fen."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.timezone import localdate

from accounts.bulk import insert_many, take_ids
from accounts.constraints import sentence_of
from accounts.models import User
from accounts.sheets.cells import same_name
from enrollment.models import (
    Approval,
    Bill,
    DepositLine,
    Document,
    Enrollment,
    Household,
    Kind,
    Leg,
    ReceiptBook,
    RefundLine,
    Source,
    Standing,
)
from subsidies.models import ListsInForce, PlanVersion, plan_in_force
from subsidies.plan import AgeBetween, Plan
from subsidies.policy import Applicant, Assessment, MayNotPay, assess, assess_in_period, counts_late
from villages.models import Posting, Role, Township, Village


class NothingOwed(Exception):
    """The household has nothing left to pay for the year."""


class KeyReused(Exception):
    """The form's key came before with another content."""


class NotAllowed(Exception):
    """The deed is not this person's, or needs a second one; the message is the sentence to show."""


@dataclass(slots=True)
class BillDraft:
    """One person's line of a document to be posted."""

    enrollment_id: int
    round: int
    assessment: Assessment


@dataclass(slots=True)
class Draft:
    """A document to be posted, with its lines.

    The legs of a payment follow from its bills and the account its money went to; other documents name theirs.
    """

    township_id: int
    village_id: int | None
    year: int
    kind: Kind
    evidence_on: date
    key: UUID = field(default_factory=uuid4)
    source: Source = Source.TYPED
    household_id: int | None = None
    is_late: bool = False
    channel: str = ""
    slip: str = ""
    reason: str = ""
    approver_id: int | None = None
    reverses_id: int | None = None
    receipt_book_id: int | None = None
    receipt_number: int | None = None
    money_account: str = ""
    legs: list[tuple[str, int]] = field(default_factory=list)
    bills: list[BillDraft] = field(default_factory=list)
    deposits: list[tuple[int, int]] = field(default_factory=list)
    refunds: list[int] = field(default_factory=list)


DOCUMENT_COLUMNS = [
    "township_id",
    "village_id",
    "year",
    "kind",
    "evidence_on",
    "key",
    "source",
    "household_id",
    "is_late",
    "channel",
    "slip",
    "reason",
    "approver_id",
    "reverses_id",
    "receipt_book_id",
    "receipt_number",
]
BILL_COLUMNS = [
    "document_id",
    "village_id",
    "year",
    "enrollment_id",
    "round",
    "premium_fen",
    "personal_fen",
    "grant_fen",
    "grant_way",
    "shares",
    "applied",
    "categories",
    "why",
    "plan_version_id",
]


def post(drafts: Sequence[Draft], *, maker: User, plan_version: PlanVersion | None = None) -> list[int]:
    """Write documents into the books: the documents, their lines, then all legs at once. Their primary keys."""
    keys = take_ids(Document, len(drafts))
    insert_many(
        Document,
        ["id", "maker_id", *DOCUMENT_COLUMNS],
        [
            [pk, maker.pk, *(_plain(getattr(draft, column)) for column in DOCUMENT_COLUMNS)]
            for pk, draft in _pairs(keys, drafts)
        ],
    )
    bills = [(pk, draft, bill) for pk, draft in _pairs(keys, drafts) for bill in draft.bills]
    version_id = plan_version.pk if plan_version else None
    insert_many(Bill, BILL_COLUMNS, [_bill_row(pk, draft, bill, version_id) for pk, draft, bill in bills])
    insert_many(
        DepositLine,
        ["document_id", "bill_id", "round"],
        [(pk, bill, nth) for pk, draft in _pairs(keys, drafts) for bill, nth in draft.deposits],
    )
    insert_many(
        RefundLine,
        ["document_id", "bill_id"],
        [(pk, bill) for pk, draft in _pairs(keys, drafts) for bill in draft.refunds],
    )
    legs = [(pk, account, fen) for pk, draft in _pairs(keys, drafts) for account, fen in _legs(draft) if fen]
    insert_many(Leg, ["document_id", "account", "fen"], legs)
    return keys


def _pairs(keys: list[int], drafts: Sequence[Draft]) -> list[tuple[int, Draft]]:
    return list(zip(keys, drafts, strict=True))


def _plain(value: object) -> object:
    return str(value) if isinstance(value, UUID | Kind | Source) else value


def _bill_row(document: int, draft: Draft, bill: BillDraft, version_id: int | None) -> list[object]:
    said = bill.assessment
    return [
        document,
        draft.village_id,
        draft.year,
        bill.enrollment_id,
        bill.round,
        said.premium,
        said.personal,
        said.grant,
        said.grant_way,
        dict(said.shares),
        said.applied or "",
        list(said.categories),
        said.why,
        version_id,
    ]


def _legs(draft: Draft) -> list[tuple[str, int]]:
    """Of a payment: money and receivables on one side, the people's premium on the other."""
    if draft.legs:
        return draft.legs
    total: Counter[str] = Counter()
    for said in (bill.assessment for bill in draft.bills):
        total[draft.money_account] += said.personal
        total["premium"] -= said.premium
        for funder, fen in said.claims:
            total[f"receivable:{funder}"] += fen
    return sorted(total.items())


def deposit_legs(username: str, fen: int) -> list[tuple[str, int]]:
    """The legs of paying in what a person holds in cash."""
    return [("bank", fen), (f"cash:{username}", -fen)]


class Enrolled(NamedTuple):
    """What billing needs to know of one enrolled person, asked for many at once."""

    pk: int
    household: int
    village: int
    name: str
    number: str | None
    birth_date: date | None
    sex: str
    tariff_class: str
    tier: str
    grounds: str
    is_migrant: bool
    entered_on: date | None


ENROLLED_COLUMNS = [
    "pk",
    "person__household_id",
    "village_id",
    "person__name",
    "person__number",
    "person__birth_date",
    "person__sex",
    "tariff_class",
    "tier",
    "grounds",
    "is_migrant",
    "entered_on",
]


def enrolled(enrollments: QuerySet[Enrollment]) -> list[Enrolled]:
    """The people of these enrolments, by enrolment, in one query."""
    return [Enrolled._make(row) for row in enrollments.order_by("pk").values_list(*ENROLLED_COLUMNS)]


class Assessor:
    """Assesses many people under one plan and the lists in force; who is alike is reckoned once."""

    def __init__(self, plan: Plan, township: Township, numbers: Iterable[str] | None = None) -> None:
        self.plan = plan
        self.lists = ListsInForce(township=township, year=plan.year, numbers=numbers)
        self._age_matters = any(isinstance(c, AgeBetween) for category in plan.categories for c in category.conditions)
        self._known: dict[tuple[Applicant, date], Assessment] = {}

    def applicant(self, person: Enrolled, on: date) -> Applicant:
        """One person's facts for the rules; a list that names the number otherwise helps only once decided."""
        meant = [
            entry
            for entry in self.lists.of(person.number, on)
            if entry.decision == "same" or (not entry.decision and same_name(entry.name, person.name))
        ]
        named = {category.name for entry in meant if (category := self.plan.category(entry.category))}
        levels = [entry.disability_level for entry in meant if entry.disability_level]
        return Applicant(
            categories=tuple(category.name for category in self.plan.categories if category.name in named),
            birth_date=person.birth_date if self._age_matters else None,
            sex=person.sex,
            tariff_class=person.tariff_class,
            tier=person.tier,
            grounds=person.grounds,
            is_migrant=person.is_migrant,
            disability_level=min(levels, default=None),
        )

    def assess(self, person: Enrolled, on: date) -> Assessment:
        """Who pays what for this person on that day. Raises MayNotPay, NoTariff."""
        applicant = self.applicant(person, on)
        if (applicant, on) not in self._known:
            self._known[(applicant, on)] = assess(self.plan, applicant, on)
        return self._known[(applicant, on)]

    def assess_whenever(self, person: Enrolled, on: date) -> tuple[Assessment, bool]:
        """The same for evidence that stands by itself, and whether the day lies outside the person's period."""
        try:
            return self.assess(person, on), False
        except MayNotPay:
            return assess_in_period(self.plan, self.applicant(person, on), on), True


def next_rounds(enrollments: Iterable[int]) -> Counter[int]:
    """How often each of these enrolments was billed before, whatever became of it."""
    rounds = Bill.objects.filter(enrollment__pk__one_of=list(enrollments)).values_list("enrollment_id", flat=True)
    return Counter(rounds)


def _lock(household: Household, year: int) -> list[Enrollment]:
    """Hold the household's enrolments of the year, by id in key order and with no other condition.

    A lock does not refresh a condition it was asked with: what is owed is asked in the next statement.
    """
    rows = Enrollment.objects.filter(person__household=household, year=year).order_by("pk")
    return list(rows.select_for_update(of=["self"]))


def _take(
    *,
    household: Household,
    year: int,
    key: UUID,
    by: User,
    on: date,
    kind: Kind,
    money_account: str,
    channel: str = "",
    slip: str = "",
    only: Iterable[int] | None = None,
) -> Document:
    """Bill what the household still owes, all of it or some people, as one document with one receipt."""
    earlier = posted_before(
        key, household_id=household.pk, year=year, kind=kind, maker_id=by.pk, evidence_on=on, slip=slip
    )
    if earlier:
        return earlier
    _lock(household, year)
    owed = Enrollment.objects.filter(person__household=household, year=year).owed()
    people = enrolled(owed if only is None else owed.filter(pk__in=list(only)))
    if not people:
        raise NothingOwed(f"{year}年度没有应缴费用。")
    village = household.village
    version = plan_in_force(township=village.township, year=year)
    assessor = Assessor(version.plan, village.township, [person.number for person in people if person.number])
    said = {person.pk: assessor.assess(person, on) for person in people}
    rounds = next_rounds(said)
    book, number = next_receipt(village, year)
    draft = Draft(
        township_id=village.township_id,
        village_id=village.pk,
        household_id=household.pk,
        year=year,
        kind=kind,
        key=key,
        evidence_on=on,
        is_late=counts_late(on, localdate(), version.plan.cash.evidence_grace_days),
        channel=channel,
        slip=slip,
        receipt_book_id=book,
        receipt_number=number,
        bills=[BillDraft(pk, rounds[pk] + 1, assessment) for pk, assessment in said.items()],
        money_account=money_account,
    )
    (pk,) = post([draft], maker=by, plan_version=version)
    return Document.objects.get(pk=pk)


def _hold_key(key: UUID) -> None:
    """The same form sent twice at once waits here for the first to end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(key)])


def posted_before(key: UUID, **content: object) -> Document | None:
    """The document this form's key already gave; the same key waits here until then. Raises KeyReused for other content."""
    _hold_key(key)
    earlier = Document.objects.filter(key=key).first()
    if earlier and any(getattr(earlier, name) != value for name, value in content.items()):
        raise KeyReused("这张表单已经用别的内容提交过，请重新打开页面。")
    return earlier


def next_receipt(village: Village, year: int) -> tuple[int, int]:
    """The village's book of the year and its next number; the book is held until the transaction ends."""
    book, _ = ReceiptBook.objects.get_or_create(village=village, year=year)
    ReceiptBook.objects.filter(pk=book.pk).update(last_number=F("last_number") + 1)
    book.refresh_from_db(fields=["last_number"])
    return book.pk, book.last_number


@transaction.atomic(durable=True)
def collect_premium(
    *, household: Household, year: int, key: UUID, by: User, on: date, only: Iterable[int] | None = None
) -> Document:
    """Take in cash what the household still owes for the year, or these enrolments of it: one document, one receipt.

    The same key again gives the same document. Raises NothingOwed, NoPlan, KeyReused, policy.MayNotPay, policy.NoTariff.
    """
    account = f"cash:{by.username}"
    return _take(
        household=household, year=year, key=key, by=by, on=on, kind=Kind.COLLECTION, money_account=account, only=only
    )


@transaction.atomic(durable=True)
def pay_directly(
    *,
    household: Household,
    year: int,
    key: UUID,
    by: User,
    on: date,
    channel: str,
    slip: str,
    only: Iterable[int] | None = None,
) -> Document:
    """Record a POS slip or an e-order: paid at once from its day, unless it is recorded later than the plan's grace.

    Raises as `collect_premium` does.
    """
    return _take(
        household=household,
        year=year,
        key=key,
        by=by,
        on=on,
        kind=Kind.DIRECT,
        money_account="bank",
        channel=channel,
        slip=slip,
        only=only,
    )


def cash_in_hand(*, by: User, village: Village, year: int) -> QuerySet[Standing]:
    """The bills whose cash this person took in this village and has not paid in yet."""
    return Standing.objects.filter(
        village=village,
        year=year,
        kind=Kind.COLLECTION,
        counts_on__isnull=True,
        ended_on__isnull=True,
        document__maker=by,
        bill__personal_fen__gt=0,
    ).filter(~Exists(DepositLine.objects.filter(bill=OuterRef("bill"), document__reversal__isnull=True)))


@transaction.atomic(durable=True)
def deposit_cash(
    *, by: User, village: Village, year: int, key: UUID, on: date, slip: str, up_to: date | None = None
) -> Document:
    """Pay in all cash this person took in the village up to a day (the slip's, when absent): paid from the slip's day.

    Raises NothingOwed when there is none, NoPlan.
    """
    earlier = posted_before(
        key, village_id=village.pk, year=year, kind=Kind.DEPOSIT, maker_id=by.pk, evidence_on=on, slip=slip
    )
    if earlier:
        return earlier
    _hold_cash_of(by)
    held = cash_in_hand(by=by, village=village, year=year).filter(evidence_on__lte=up_to or on)
    _hold_people(held)
    bills = dict(held.values_list("bill_id", "bill__personal_fen"))
    if not bills:
        raise NothingOwed("没有待缴存的现金。")
    plan = plan_in_force(township=village.township, year=year).plan
    rounds = Counter(DepositLine.objects.filter(bill__pk__one_of=bills).values_list("bill_id", flat=True))
    draft = Draft(
        township_id=village.township_id,
        village_id=village.pk,
        year=year,
        kind=Kind.DEPOSIT,
        key=key,
        evidence_on=on,
        slip=slip,
        is_late=counts_late(on, localdate(), plan.cash.evidence_grace_days),
        deposits=[(bill, rounds[bill] + 1) for bill in bills],
        legs=deposit_legs(by.username, sum(bills.values())),
    )
    (pk,) = post([draft], maker=by)
    return Document.objects.get(pk=pk)


def _hold_people(standing: QuerySet[Standing]) -> None:
    """Hold the enrolments of these bills in key order, as a paid list does that may pay the same cash in."""
    people = Enrollment.objects.filter(pk__one_of=list(standing.values_list("enrollment_id", flat=True)))
    list(people.order_by("pk").select_for_update(of=["self"]).values_list("pk"))


def _hold_cash_of(user: User) -> None:
    """Nobody else deposits or reverses what this person took until the transaction ends."""
    list(User.objects.filter(pk=user.pk).select_for_update(no_key=True))


def _may_approve(document: Document, maker: User, approver: User, *, is_deposited: bool) -> None:
    """A second human of the village, or the township; once the cash is paid in, two of the township. Raises NotAllowed."""
    if maker.pk == approver.pk:
        raise NotAllowed("须由另一人核准。")
    for user in (maker, approver):
        posts = Posting.objects.of(user)
        of_township = posts.in_office(document.township_id).exists()
        of_village = posts.filter(role=Role.CLERK, village=document.village_id).exists()
        if not (of_township or (of_village and not is_deposited)):
            raise NotAllowed("款项缴存后，冲销须由镇里两人办理。" if is_deposited else "冲销须由本村经办员或镇里办理。")


@transaction.atomic(durable=True)
def reverse(*, document: Document, key: UUID, by: User, approver: User, reason: str) -> Document:
    """Take a mistake away, as if it had never been posted: a new document that negates it, approved by another human.

    Raises NotAllowed.
    """
    earlier = posted_before(key, kind=Kind.REVERSAL, reverses_id=document.pk, maker_id=by.pk)
    if earlier:
        return earlier
    _hold_cash_of(document.maker)
    _hold_people(Standing.objects.filter(document=document))
    if Document.objects.filter(reverses=document).exists():
        raise NotAllowed("这张单据已经冲销过。")
    deposited = DepositLine.objects.filter(bill__document=document, document__reversal__isnull=True)
    paid_in = sum(deposited.values_list("bill__personal_fen", flat=True))
    _may_approve(document, by, approver, is_deposited=document.kind != Kind.COLLECTION or paid_in > 0)
    draft = Draft(
        township_id=document.township_id,
        village_id=document.village_id,
        household_id=document.household_id,
        year=document.year,
        kind=Kind.REVERSAL,
        key=key,
        evidence_on=localdate(),
        reason=reason,
        approver_id=approver.pk,
        reverses_id=document.pk,
        legs=_negated(document, paid_in),
    )
    try:
        (pk,) = post([draft], maker=by)
    except IntegrityError as no:
        raise NotAllowed(sentence_of(no)) from no
    return Document.objects.get(pk=pk)


def _negated(document: Document, paid_in: int) -> list[tuple[str, int]]:
    """The document's legs the other way round; what of its cash was paid in since comes out of the bank."""
    total: Counter[str] = Counter()
    for account, fen in document.legs.values_list("account", "fen"):
        from_bank = min(fen, paid_in) if account.startswith("cash:") else 0
        total["bank"] -= from_bank
        total[account] -= fen - from_bank
    return sorted(total.items())


@transaction.atomic(durable=True)
def refund(*, enrollment: Enrollment, key: UUID, by: User, approver: User, on: date, reason: str) -> Document:
    """Give one person's money back from a day on; until then they were paid. Two humans of the township.

    Raises NotAllowed, NothingOwed when nothing stands.
    """
    earlier = posted_before(key, kind=Kind.REFUND, maker_id=by.pk, evidence_on=on, year=enrollment.year)
    if earlier:
        return earlier
    list(Enrollment.objects.filter(pk=enrollment.pk).select_for_update(of=["self"]))
    standing = Standing.objects.filter(enrollment=enrollment, ended_on__isnull=True).select_related("bill", "document")
    paid = standing.filter(counts_on__isnull=False).first()
    if paid is None:
        raise NothingOwed("该人没有可退的缴费。")
    _may_approve(paid.document, by, approver, is_deposited=True)
    bill = paid.bill
    claims = bill.premium_fen - bill.personal_fen
    legs = [("bank", -bill.personal_fen), ("premium", bill.premium_fen)]
    if claims:
        legs += [(f"receivable:{funder}", -fen) for funder, fen in bill.shares.items() if fen]
    draft = Draft(
        township_id=paid.document.township_id,
        village_id=bill.village_id,
        household_id=enrollment.person.household_id,
        year=bill.year,
        kind=Kind.REFUND,
        key=key,
        evidence_on=on,
        reason=reason,
        approver_id=approver.pk,
        refunds=[bill.pk],
        legs=legs,
    )
    (pk,) = post([draft], maker=by)
    return Document.objects.get(pk=pk)


@transaction.atomic(durable=True)
def receive_grant(
    *, township: Township, year: int, funder: str, fen: int, key: UUID, by: User, on: date, slip: str
) -> Document:
    """Record what a funder paid to the township against what it owes. Raises NotAllowed."""
    if not Posting.objects.of(by).in_office(township.pk).exists():
        raise NotAllowed("资助到账须由镇里登记。")
    earlier = posted_before(key, kind=Kind.GRANT, township_id=township.pk, maker_id=by.pk, evidence_on=on, slip=slip)
    if earlier:
        return earlier
    legs = [("bank", fen), (f"receivable:{funder}", -fen)]
    draft = Draft(
        township_id=township.pk,
        village_id=None,
        year=year,
        kind=Kind.GRANT,
        key=key,
        evidence_on=on,
        slip=slip,
        legs=legs,
    )
    (pk,) = post([draft], maker=by)
    return Document.objects.get(pk=pk)


@transaction.atomic(durable=True)
def approve_document(*, document: Document, by: User) -> Approval:
    """A second human of the township accepts late evidence, which then counts from its day. Raises NotAllowed."""
    if document.maker_id == by.pk:
        raise NotAllowed("须由另一人核准。")
    if not Posting.objects.of(by).in_office(document.township_id).exists():
        raise NotAllowed("逾期补录的凭证须由镇里核准。")
    approval, _ = Approval.objects.get_or_create(document=document, defaults={"approver": by})
    return approval
