"""Who sees what: every list of people and money begins with `for_user`, and postings alone open it."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.apps import apps
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Concat
from django.utils.timezone import localdate

from accounts.models import Upload, User
from accounts.roles import ROOMS
from enrollment.actions.ledger import (
    approve_document,
    collect_premium,
    deposit_cash,
    pay_directly,
    receive_grant,
    refund,
)
from enrollment.models import (
    Approval,
    Bill,
    DepositLine,
    Document,
    Enrollment,
    Exemption,
    Household,
    Leg,
    PaidRow,
    Person,
    ReceiptBook,
    RefundLine,
    Return,
    Standing,
)
from subsidies.models import Roster, RosterEntry
from tests.makers import make_family, make_plan, make_roster, make_township, make_user, make_village
from villages.models import District, Group, Posting, Quota, Role, Scheme, Township, Village

pytestmark = pytest.mark.django_db
ON = date(2019, 12, 5)

# Where a row of each list stands; a grant stands in its township alone.
PLACES = {Village: F("name"), Group: F("village__name"), Quota: F("village__name")}
LISTS = {
    Roster: Concat("township__name", Value("的"), "office"),
    RosterEntry: Concat("roster__township__name", Value("的"), "roster__office"),
}
PEOPLE = {
    Household: F("village__name"),
    Person: F("household__village__name"),
    Enrollment: F("village__name"),
    Exemption: F("enrollment__village__name"),
    PaidRow: F("village__name"),
    Return: F("village__name"),
}
IN_A_VILLAGE = {
    Bill: F("village__name"),
    Approval: F("document__village__name"),
    RefundLine: F("document__village__name"),
    DepositLine: F("document__village__name"),
    ReceiptBook: F("village__name"),
    Standing: F("village__name"),
}
WITH_GRANTS = {
    Document: Coalesce("village__name", "township__name"),
    Leg: Coalesce("document__village__name", "document__township__name"),
}
PLACE_OF = {**PLACES, **LISTS, **PEOPLE, **IN_A_VILLAGE, **WITH_GRANTS}
# Rights themselves are asked with `of`, so that what a person may see can be asked at all.
NOT_SCOPED = {Posting}

ONE, EAST = {"东镇1村"}, {"东镇1村", "东镇2村"}
BOTH = EAST | {"西镇1村", "西镇2村"}
EASTERN_LISTS = {"东镇的民政办", "东镇的残联"}
BOTH_LISTS = EASTERN_LISTS | {"西镇的民政办", "西镇的残联"}


def leads_to_a_village_or_person(model, seen=frozenset()) -> bool:
    if model in (Village, Person):
        return True
    targets = {f.related_model for f in model._meta.get_fields() if f.concrete and f.is_relation} - seen
    return any(leads_to_a_village_or_person(target, seen | {model}) for target in targets)


def test_every_list_of_people_and_money_begins_with_for_user():
    """A roster's rows are people, so the roster counts too."""
    models = {m for m in apps.get_models() if m._meta.app_label in ROOMS and leads_to_a_village_or_person(m)}

    assert (models | {Roster}) - NOT_SCOPED == PLACE_OF.keys()
    assert [m for m in PLACE_OF if not hasattr(m.objects.all(), "for_user")] == []


def fill(village: Village, boss: User, deputy: User) -> Person:
    """Something of every kind in one village; one of its people, for the lists."""
    household, (father, mother, son, daughter) = make_family(village, "父", "母", "子", "女")
    take = {"household": household, "year": 2020, "by": boss, "on": ON}
    collect_premium(key=uuid4(), only=[father.pk], **take)
    slip = deposit_cash(by=boss, village=village, year=2020, key=uuid4(), on=localdate(), slip="D1")
    approve_document(document=slip, by=deputy)
    refund(enrollment=father, key=uuid4(), by=boss, approver=deputy, on=localdate(), reason="重复参保")
    pay_directly(key=uuid4(), only=[mother.pk], channel="POS刷卡", slip="P1", **take)
    Exemption.objects.create(enrollment=son, reason="职工医保", since=ON, maker=boss)
    upload = Upload.objects.create(kind="payments", name="x.xlsx", sha256="0" * 64, by=boss)
    common = {"village": village, "year": 2020, "upload": upload}
    PaidRow.objects.create(enrollment=daughter, name="女", paid_on=ON, fen=1, state="doubtful", **common)
    Return.objects.create(scheme=Scheme.EMPLOYEE, as_of=ON, registered=1, paying=1, stopped=0, **common)
    Group.objects.create(village=village, name="1组")
    return daughter.person


def open_township(name: str, district: District) -> Township:
    township = make_township(name)
    Township.objects.filter(pk=township.pk).update(district=district)
    make_plan(township)
    boss, deputy = (make_user(f"{name}{n}", Role.TOWNSHIP, place=township) for n in ("boss", "deputy"))
    people = [fill(make_village(township, f"{name}{n}村", quota=100), boss, deputy) for n in (1, 2)]
    receive_grant(township=township, year=2020, funder="财政", fen=1, key=uuid4(), by=boss, on=ON, slip="G1")
    for office in ("民政办", "残联"):
        make_roster(township, "孤儿", *people, office=office, approver=boss)
    return township


@pytest.fixture
def places() -> dict[str, Village | Township | District]:
    """Two townships in one district and one in another, two villages each, in which everything has happened once."""
    near, far = District.objects.create(name="某区"), District.objects.create(name="另一区")
    for name, district in (("东镇", near), ("西镇", near), ("远镇", far)):
        open_township(name, district)
    return {place.name: place for kind in (District, Township, Village) for place in kind.objects.all()}


def seen(user: User) -> dict[str, set[str]]:
    """Where the rows stand that this person may see, by list; lists of which they see nothing are left out."""
    found = {
        model.__name__: set(model.objects.for_user(user).values_list(place, flat=True))
        for model, place in PLACE_OF.items()
    }
    return {name: places for name, places in found.items() if places}


def of(lists, places: set[str]) -> dict[str, set[str]]:
    return {model.__name__: places for model in lists}


def posted(place: Village | Township | District, role: Role, *, office: str = "", **more) -> User:
    user = User.objects.create_user(username=f"{role}-{Posting.objects.count()}")
    Posting.objects.create(user=user, role=role, office=office, **{type(place).__name__.lower(): place}, **more)
    return user


ALL_OF_EAST = of({**PLACES, **PEOPLE, **IN_A_VILLAGE}, EAST)
ALL_OF_BOTH = of({**PLACES, **PEOPLE, **IN_A_VILLAGE}, BOTH)
# 财政's money is the township's: those who only keep the roll do not see it.
ROLES = [
    (Role.CLERK, "东镇1村", of({**PLACES, **PEOPLE, **IN_A_VILLAGE, **WITH_GRANTS}, ONE)),
    (Role.TOWNSHIP, "东镇", ALL_OF_EAST | of(WITH_GRANTS, EAST | {"东镇"}) | of(LISTS, EASTERN_LISTS)),
    (Role.HEALTH, "东镇", ALL_OF_EAST | of(WITH_GRANTS, EAST) | of(LISTS, EASTERN_LISTS)),
    (Role.BUREAU, "东镇", of([Village], EAST) | of(LISTS, {"东镇的民政办"})),
    (Role.DISTRICT, "某区", ALL_OF_BOTH | of(WITH_GRANTS, BOTH | {"东镇", "西镇"}) | of(LISTS, BOTH_LISTS)),
    (Role.SYSADMIN, "东镇", {}),
    (Role.SYSADMIN, "某区", {}),
    (Role.AUDITOR, "东镇", ALL_OF_EAST | of(WITH_GRANTS, EAST | {"东镇"}) | of(LISTS, EASTERN_LISTS)),
    (Role.AUDITOR, "某区", ALL_OF_BOTH | of(WITH_GRANTS, BOTH | {"东镇", "西镇"}) | of(LISTS, BOTH_LISTS)),
]


def test_each_role_sees_its_own_place_and_nothing_else(places):
    assert {role for role, _, _ in ROLES} == set(Role)

    for role, place, lists in ROLES:
        user = posted(places[place], role, office="民政办" if role == Role.BUREAU else "")
        assert (role, place, seen(user)) == (role, place, lists)


def test_every_list_has_rows_in_every_place(places):
    """Else nothing would be seen for want of anything to see."""
    everywhere = {place.name for place in places.values() if isinstance(place, Village)}

    for model, place in {**PLACES, **PEOPLE, **IN_A_VILLAGE}.items():
        assert set(model.objects.values_list(place, flat=True)) == everywhere, model
    for model, place in WITH_GRANTS.items():
        assert set(model.objects.values_list(place, flat=True)) == everywhere | {"东镇", "西镇", "远镇"}, model


def test_without_a_posting_nothing_is_seen(places):
    assert seen(make_user("nobody")) == {}
    assert seen(User.objects.console()) == {}


def test_a_posting_opens_its_place_from_its_first_day_to_its_last(places):
    today, day = localdate(), timedelta(days=1)
    terms = [
        (today, None, True),
        (today - day, today, True),
        (today + day, None, False),
        (today - 2 * day, today - day, False),
    ]

    for starts_on, ends_on, is_open in terms:
        for role, place, lists in (ROLES[0], ROLES[3], ROLES[-1]):
            office = "民政办" if role == Role.BUREAU else ""
            user = posted(places[place], role, office=office, starts_on=starts_on, ends_on=ends_on)
            assert (role, starts_on, seen(user)) == (role, starts_on, lists if is_open else {})


def test_a_closed_account_sees_nothing(places):
    for role, place, _ in ROLES:
        user = posted(places[place], role, office="民政办" if role == Role.BUREAU else "")
        user.is_active = False
        user.save()
        assert (role, seen(user)) == (role, {})


def test_two_postings_open_both_places(places):
    user = posted(places["东镇1村"], Role.CLERK)
    Posting.objects.create(user=user, role=Role.CLERK, village=places["西镇2村"])
    Posting.objects.create(user=user, role=Role.SYSADMIN, township=places["远镇"])

    assert seen(user) == of({**PLACES, **PEOPLE, **IN_A_VILLAGE, **WITH_GRANTS}, {"东镇1村", "西镇2村"})


def test_a_place_moved_is_a_place_seen_otherwise_at_once(places):
    """Nothing is remembered: the next question already gets another answer."""
    user = posted(places["东镇1村"], Role.CLERK)
    before = seen(user)["Person"]

    Posting.objects.filter(user=user).update(village=places["西镇1村"])

    assert (before, seen(user)["Person"]) == ({"东镇1村"}, {"西镇1村"})
