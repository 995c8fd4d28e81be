"""Filling an empty database with the demo's township, by the same deeds an office uses wherever they suit."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accounts.bulk import insert_many, take_ids
from accounts.models import Upload, User
from enrollment.actions.ledger import Assessor, BillDraft, Draft, Enrolled, deposit_legs, enrolled, post
from enrollment.actions.payments import enroll_subsidised
from enrollment.actions.population import PERSON_COLUMNS, person_row
from enrollment.demo.accounts import ACCOUNTS
from enrollment.demo.rows import CASH, Campaign, PaymentRow, PersonRow, Roster, Town
from enrollment.models import Enrollment, Exemption, Household, Kind, Person, Source
from subsidies import models as subsidies
from subsidies.actions import ENTRY_COLUMNS, put_plan_in_force
from subsidies.models import PlanVersion
from subsidies.plan import Plan, document_of, plan_from_document
from villages.models import District, Group, Posting, Quota, Role, Scheme, Township, Village

COMING_STANDARD = 400
NO_FILE = "0" * 64
Step = Callable[[str], None]


@dataclass
class Loaded:
    """The primary keys of what was written, by the town's own keys."""

    town: Town
    township: Township
    villages: list[Village]
    clerks: dict[int, User]
    boss: User
    console: User
    people: list[int] = field(default_factory=list)
    households: dict[int, int] = field(default_factory=dict)


def load_town(town: Town, *, plan_2020: Plan, step: Step) -> None:
    """Write the whole demo into an empty, migrated database; `step` is told what comes next."""
    step("村组与账号")
    loaded = _places(town)
    step("户和人员")
    _people(loaded)
    coming = town.campaigns[1]
    for campaign, plan in ((town.campaigns[0], plan_2020), (coming, coming_plan(plan_2020, coming))):
        step(f"{campaign.year}年度名单与名册")
        version, _ = put_plan_in_force(plan=plan, township=loaded.township, by=loaded.console)
        _open_campaign(loaded, campaign)
        enroll_subsidised(township=loaded.township, year=campaign.year, by=loaded.console, on=campaign.subsidised_on)
        step(f"{campaign.year}年度缴费")
        _pay(loaded, campaign, version)
        _exempt(loaded, campaign, plan)


def coming_plan(plan: Plan, campaign: Campaign) -> Plan:
    """The seed's notice written again for the coming year: the 400 standard, and days around the day it opened."""
    document = document_of(plan)
    days = {"general": 80, "newborn": 80, "migrant": 140}
    year = campaign.year
    document["notice"] |= {
        "title": f"{campaign.year}年度城乡居民基本医疗保险筹资方案（演示）",
        "number": "",
        "year": year,
    }
    document["tariffs"] = [{"amount": COMING_STANDARD}]
    for category in document["categories"]:
        category["source"] = {}
        for share in category["shares"]:
            share["amount"] = COMING_STANDARD // 2 if share["amount"] == "125.00" else COMING_STANDARD

    def day(after: int) -> str:
        return (campaign.opened_on + timedelta(days=after)).isoformat()

    document["periods"] = [{"who": who, "starts_on": day(0), "ends_on": day(after)} for who, after in days.items()]
    document["milestones"] = [{"percent": 95, "on": day(80)}, {"percent": 100, "on": day(140)}]
    for steps, after in zip(_pairs(document["award"]["steps"]), (59, 69, 80), strict=True):
        for step in steps:
            step["by"] = day(after)
    document["register"]["title"] = f"{year}年度城乡居民基本医疗保险参保缴费基本信息登记表"
    return plan_from_document(document)


def _pairs(steps: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The award steps of each date, in the dates' order."""
    by_day: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for step in steps:
        by_day[step["by"]].append(step)
    return [by_day[day] for day in sorted(by_day)]


@transaction.atomic
def _places(town: Town) -> Loaded:
    district = District.objects.create(name="演示区")
    township = Township.objects.create(name=town.name, district=district)
    villages = [
        Village.objects.create(township=township, code=unit.code, name=unit.name, kind=unit.kind) for unit in town.units
    ]
    groups = [(villages[at].pk, group.name, group.cadre) for at, unit in enumerate(town.units) for group in unit.groups]
    insert_many(Group, ["village_id", "name", "cadre"], groups)
    clerks = _accounts(district, township, villages)
    boss = User.objects.get(username="zhen1")
    return Loaded(town, township, villages, clerks, boss, User.objects.console())


def _accounts(district: District, township: Township, villages: list[Village]) -> dict[int, User]:
    """Everybody who works in the demo; the villages without a printed clerk have one nobody can log in as."""
    clerks: dict[int, User] = {}
    for account in ACCOUNTS:
        user = User.objects.create_user(account.username, account.full_name, account.password)
        scope: dict[str, object] = {"township": township}
        if account.unit is not None:
            scope = {"village": villages[account.unit]}
            clerks.setdefault(account.unit, user)
        elif account.role == Role.DISTRICT:
            scope = {"district": district}
        Posting.objects.create(user=user, role=account.role, office=account.office, **scope)
    for unit, village in enumerate(villages):
        if unit not in clerks:
            clerks[unit] = User.objects.create_user(f"cun{village.code}", f"{village.name}经办员")
            Posting.objects.create(user=clerks[unit], role=Role.CLERK, village=village)
    return clerks


@transaction.atomic
def _people(loaded: Loaded) -> None:
    groups = {(g.village_id, g.name): g.pk for g in Group.objects.all()}
    names = [{group.number: group.name for group in unit.groups} for unit in loaded.town.units]
    first: dict[int, PersonRow] = {}
    for row in loaded.town.people:
        first.setdefault(row.household, row)
    keys = take_ids(Household, len(first))
    loaded.households = dict(zip(first, keys, strict=True))
    households = [
        (loaded.households[key], village.pk, groups[village.pk, names[row.unit][row.group]], row.household_no)
        for key, row in first.items()
        for village in [loaded.villages[row.unit]]
    ]
    insert_many(Household, ["id", "village_id", "group_id", "number"], households)
    loaded.people = take_ids(Person, len(loaded.town.people))
    insert_many(Person, PERSON_COLUMNS, map(_person(loaded), loaded.town.people))


def _person(loaded: Loaded) -> Callable[[PersonRow], tuple[object, ...]]:
    def columns(row: PersonRow) -> tuple[object, ...]:
        return person_row(
            loaded.people[row.key],
            loaded.households[row.household],
            name=row.name,
            id_kind=row.id_kind,
            number=row.id_number,
            birth_date=row.birth_date,
            sex=row.sex,
            expected_on=row.expected_on,
            relation=row.relation,
            phone=row.phone,
        )

    return columns


@transaction.atomic
def _open_campaign(loaded: Loaded, campaign: Campaign) -> None:
    """Quotas, rosters and the year's roll."""
    insert_many(
        Quota,
        ["village_id", "year", "scheme", "hukou", "previous", "net_increase", "target"],
        [
            (village.pk, campaign.year, Scheme.RESIDENT.value, q.hukou, q.last, q.net_increase, q.target)
            for village, q in zip(loaded.villages, campaign.quotas, strict=True)
        ],
    )
    for roster in campaign.rosters:
        _hand_in(loaded, campaign.year, roster)
    unit_of = [row.unit for row in loaded.town.people]
    migrant = [row.is_migrant for row in loaded.town.people]
    columns = [
        "person_id",
        "year",
        "scheme",
        "village_id",
        "tariff_class",
        "tier",
        "grounds",
        "is_migrant",
        "entered_on",
        "stop_reason",
    ]
    rows = [
        (
            loaded.people[row.person],
            campaign.year,
            Scheme.RESIDENT.value,
            loaded.villages[unit_of[row.person]].pk,
            "",
            "",
            row.grounds,
            migrant[row.person],
            row.registered_on,
            "",
        )
        for row in campaign.listed
    ]
    insert_many(Enrollment, columns, rows)


def _hand_in(loaded: Loaded, year: int, roster: Roster) -> None:
    """An office's list, put in force by the township."""
    upload = Upload.objects.create(
        kind="roster", name=f"{roster.category}{roster.month:%Y-%m}.xlsx", sha256=NO_FILE, by=loaded.console
    )
    kept = subsidies.Roster.objects.create(
        township=loaded.township,
        year=year,
        office=roster.office,
        category=roster.category,
        month=roster.month,
        upload=upload,
        maker=loaded.console,
    )
    villages = {village.name: village.pk for village in loaded.villages}
    entries = [
        (kept.pk, e.id_number, e.name, villages.get(e.village), e.disability_class, e.disability_level, None, None, "")
        for e in roster.entries
    ]
    insert_many(subsidies.RosterEntry, ENTRY_COLUMNS, entries)
    subsidies.Roster.objects.filter(pk=kept.pk).update(approver=loaded.boss, approved_at=Now())


@transaction.atomic
def _pay(loaded: Loaded, campaign: Campaign, version: PlanVersion) -> None:
    """Slips and e-orders as direct payments; cash as collections, and deposits on the day of their slip."""
    live = Enrollment.objects.filter(year=campaign.year)
    by_person = dict(live.values_list("person_id", "pk"))
    people = {person.pk: person for person in enrolled(live)}
    assessor = Assessor(version.plan, loaded.township)

    def due(row: PaymentRow) -> tuple[Enrolled, Any]:
        person = people[by_person[loaded.people[row.person]]]
        return person, assessor.assess(person, row.paid_on)

    direct = [row for row in campaign.payments if row.channel != CASH]
    post(list(_drafts(loaded, campaign, direct, due, Kind.DIRECT, "bank")), maker=loaded.console, plan_version=version)
    cash: dict[int, list[PaymentRow]] = defaultdict(list)
    for row in (*(r for r in campaign.payments if r.channel == CASH), *campaign.cash_in_hand):
        cash[loaded.town.people[row.person].unit].append(row)
    for unit, rows in cash.items():
        _collect_and_deposit(loaded, campaign, unit, rows, due, version)


Due = Callable[[PaymentRow], tuple[Enrolled, Any]]


def _drafts(
    loaded: Loaded, campaign: Campaign, rows: Iterable[PaymentRow], due: Due, kind: Kind, account: str
) -> Iterable[Draft]:
    """One document for each household, day and slip."""
    groups: dict[tuple[int, date, str, str], list[PaymentRow]] = defaultdict(list)
    for row in rows:
        groups[loaded.town.people[row.person].household, row.paid_on, row.channel, row.slip_no].append(row)
    for (household, paid_on, channel, slip), several in groups.items():
        said = [due(row) for row in several]
        yield Draft(
            township_id=loaded.township.pk,
            village_id=said[0][0].village,
            household_id=loaded.households[household],
            year=campaign.year,
            kind=kind,
            source=Source.LIST if kind == Kind.DIRECT else Source.TYPED,
            evidence_on=paid_on,
            channel=channel,
            slip="" if kind == Kind.COLLECTION else slip,
            bills=[BillDraft(person.pk, 1, assessment) for person, assessment in said],
            money_account=account,
        )


def _collect_and_deposit(
    loaded: Loaded, campaign: Campaign, unit: int, rows: list[PaymentRow], due: Due, version: PlanVersion
) -> None:
    clerk = loaded.clerks[unit]
    account = f"cash:{clerk.username}"
    post(list(_drafts(loaded, campaign, rows, due, Kind.COLLECTION, account)), maker=clerk, plan_version=version)
    bills = dict(
        Enrollment.objects.filter(
            village=loaded.villages[unit], year=campaign.year, bills__document__maker=clerk
        ).values_list("person_id", "bills__pk")
    )
    slips: dict[tuple[date, str], list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        personal = due(row)[1].personal
        if row.slip_no and personal:
            slips[row.paid_on, row.slip_no].append((bills[loaded.people[row.person]], personal))
    deposits = [
        Draft(
            township_id=loaded.township.pk,
            village_id=loaded.villages[unit].pk,
            year=campaign.year,
            kind=Kind.DEPOSIT,
            evidence_on=paid_on,
            slip=slip,
            deposits=[(bill, 1) for bill, _ in several],
            legs=deposit_legs(clerk.username, sum(fen for _, fen in several)),
        )
        for (paid_on, slip), several in slips.items()
    ]
    post(deposits, maker=clerk)


@transaction.atomic
def _exempt(loaded: Loaded, campaign: Campaign, plan: Plan) -> None:
    by_person = dict(Enrollment.objects.filter(year=campaign.year).values_list("person_id", "pk"))
    reasons = {reason.reason: reason.is_insured_elsewhere for reason in plan.exemptions}
    unit_of = [row.unit for row in loaded.town.people]
    rows = [
        (
            by_person[loaded.people[row.person]],
            row.reason,
            reasons[row.reason],
            "",
            row.decided_on,
            loaded.clerks[unit_of[row.person]].pk,
            loaded.boss.pk,
            row.decided_on,
        )
        for row in campaign.exemptions
    ]
    columns = [
        "enrollment_id",
        "reason",
        "is_insured_elsewhere",
        "evidence",
        "since",
        "maker_id",
        "approver_id",
        "approved_at",
    ]
    insert_many(Exemption, columns, rows)
