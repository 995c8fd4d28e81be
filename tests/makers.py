"""The named cast of the tests: small deeds that make a township, its people and its papers. Everything is invented."""

from datetime import date
from itertools import count
from pathlib import Path

from accounts.models import Upload, User
from enrollment.models import Enrollment, Household, Person
from subsidies.actions import put_plan_in_force
from subsidies.identity import check_digit
from subsidies.models import PlanVersion, Roster, RosterEntry
from subsidies.plan import Plan, plan_from_toml
from villages.models import Group, Posting, Quota, Role, Scheme, Township, Village

# 4399 was never given to a place (GB/T 2260), so none of these numbers is anybody's.
COUNTY = "439901"
PLAN_2020 = Path(__file__).parent.parent / "plans" / "2020.toml"
_serials = count(1)


def plan_2020() -> Plan:
    return plan_from_toml(PLAN_2020.read_text())


def id_number(birth: date = date(1970, 1, 1), serial: int | None = None) -> str:
    """A sound number; serial numbers of men are odd."""
    first17 = f"{COUNTY}{birth:%Y%m%d}{(serial if serial is not None else next(_serials)) % 1000:03d}"
    return first17 + check_digit(first17)


def make_township(name: str = "杨柳镇") -> Township:
    return Township.objects.create(name=name)


def make_village(township: Township, name: str = "柳树村", *, quota: int | None = None, year: int = 2020) -> Village:
    code = f"{Village.objects.filter(township=township).count() + 1:02d}"
    village = Village.objects.create(township=township, code=code, name=name)
    if quota is not None:
        Quota.objects.create(village=village, year=year, scheme=Scheme.RESIDENT, target=quota)
    return village


def make_user(
    username: str, role: Role | None = None, *, place: Village | Township | None = None, office: str = ""
) -> User:
    user = User.objects.create_user(username=username, full_name=username)
    if role:
        scope = {"village": place} if isinstance(place, Village) else {"township": place}
        Posting.objects.create(user=user, role=role, office=office, **scope)
    return user


def make_clerk(village: Village, username: str = "clerk") -> User:
    return make_user(username, Role.CLERK, place=village)


def make_plan(township: Township) -> PlanVersion:
    version, _ = put_plan_in_force(plan=plan_2020(), township=township, by=User.objects.console())
    return version


def make_household(village: Village, number: str = "", group: str = "") -> Household:
    found = Group.objects.get_or_create(village=village, name=group)[0] if group else None
    return Household.objects.create(village=village, number=number, group=found)


def make_person(household: Household, name: str = "张三", *, relation: str = "02", **more: object) -> Person:
    birth = more.pop("birth", date(1970, 1, 1))
    number = more.pop("number", None) or id_number(birth, more.pop("serial", None))
    sex = "男" if int(number[16]) % 2 else "女"
    birth_date = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    values = {"name": name, "number": number, "birth_date": birth_date, "sex": sex, "relation": relation, **more}
    return Person.objects.create(household=household, is_householder=relation == "02", **values)


def enlist(person: Person, year: int = 2020, **more: object) -> Enrollment:
    return Enrollment.objects.create(person=person, year=year, village=person.household.village, **more)


def make_family(
    village: Village, *names: str, year: int = 2020, number: str = ""
) -> tuple[Household, list[Enrollment]]:
    """A household on the year's roll: the first is the householder, the others are children."""
    household = make_household(village, number)
    relations = ["02", *["20"] * len(names)]
    people = [make_person(household, name, relation=r) for name, r in zip(names, relations, strict=False)]
    return household, [enlist(person, year) for person in people]


def make_roster(
    township: Township,
    category: str,
    *people: Person,
    office: str = "民政办",
    month: date = date(2019, 9, 1),
    approver: User | None = None,
    year: int = 2020,
) -> Roster:
    """A list naming these people; in force when it has an approver."""
    console = User.objects.console()
    upload = Upload.objects.create(kind="roster", name="名单.xlsx", sha256="0" * 64, by=console)
    roster = Roster.objects.create(
        township=township, year=year, office=office, category=category, month=month, upload=upload, maker=console
    )
    RosterEntry.objects.bulk_create([RosterEntry(roster=roster, number=p.number, name=p.name) for p in people])
    if approver:
        Roster.objects.filter(pk=roster.pk).update(approver=approver, approved_at=roster.handed_in_at)
        roster.refresh_from_db()
    return roster
