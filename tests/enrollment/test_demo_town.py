"""The demo's township: the same for the same seed and day, and with a case of everything the notice speaks of."""

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest

from enrollment.demo.rosters import FULL, OFFICES, OVERLAPS
from enrollment.demo.rows import Campaign, Town
from enrollment.demo.town import build_town
from enrollment.policy import RELATIONS
from subsidies.identity import check_digit

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)
WHOLE = 55_153

SEED_TARGETS = [2810, 4566, 5186, 3192, 5752, 3003, 4365, 4878, 2135, 5471, 5897, 3330, 420]
GRID = {
    (date(2019, 12, 10), 100): 120,
    (date(2019, 12, 10), 95): 100,
    (date(2019, 12, 20), 100): 100,
    (date(2019, 12, 20), 95): 80,
    (date(2019, 12, 31), 100): 80,
    (date(2019, 12, 31), 95): 60,
}
"""Fen per head."""

END = date(2020, 2, 29)

PRINT_HASH = """
import hashlib, sys
from datetime import date
from enrollment.demo.town import build_town
town = build_town(people=2000, seed=11, today=date(2026, 11, 23))
print(hashlib.sha256(repr(town).encode()).hexdigest())
"""


@cache
def built(people: int, seed: int, today: date) -> Town:
    return build_town(people=people, seed=seed, today=today)


def town_of(people: int, seed: int = 7, today: date = TODAY) -> Town:
    return built(people, seed, today)


def fingerprint(town: Town) -> str:
    return hashlib.sha256(repr(town).encode()).hexdigest()


def fingerprint_elsewhere(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PRINT_HASH]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def holdings(campaign: Campaign) -> dict[int, set[str]]:
    held: dict[int, set[str]] = defaultdict(set)
    for roster in campaign.rosters:
        for entry in roster.entries:
            if entry.person is not None:
                held[entry.person].add(roster.category)
    return held


def fully_subsidised(campaign: Campaign) -> set[int]:
    return {person for person, held in holdings(campaign).items() if held & set(FULL)}


def paid_by(town: Town, campaign: Campaign, day: date) -> list[int]:
    paid = {row.person for row in campaign.payments if row.paid_on <= day}
    if campaign.subsidised_on <= day:
        paid |= fully_subsidised(campaign)
    units = Counter(town.people[person].unit for person in paid)
    return [units[place] for place in range(len(town.units))]


def reached(paid: int, quota: int) -> int:
    return next((percent for percent in (100, 95) if paid * 100 >= quota * percent), 0)


def cells(town: Town) -> list[list[tuple[date, int]]]:
    """The cells of the grid that each unit reaches, the best first."""
    campaign = town.campaigns[0]
    found: list[list[tuple[date, int]]] = [[] for _ in town.units]
    for day in sorted({day for day, _ in GRID}):
        for place, paid in enumerate(paid_by(town, campaign, day)):
            if percent := reached(paid, campaign.quotas[place].target):
                found[place].append((day, percent))
    return [sorted(unit, key=lambda cell: (-GRID[cell], cell[0])) for unit in found]


# The same for the same seed and day


def test_same_seed_and_day_give_the_same_town():
    first, second = (build_town(people=800, seed=3, today=TODAY) for _ in range(2))

    assert first == second
    assert fingerprint(first) != fingerprint(build_town(people=800, seed=4, today=TODAY))


def test_town_does_not_depend_on_hash_randomisation():
    here = fingerprint(town_of(2000, seed=11))

    assert {fingerprint_elsewhere("0"), fingerprint_elsewhere("4242")} == {here}


def test_another_day_moves_the_running_campaign_and_leaves_most_people_alone():
    autumn, spring = town_of(600), town_of(600, today=date(2027, 3, 1))

    assert autumn.campaigns[1].year == 2027
    assert spring.campaigns[1].year == 2027
    assert spring.campaigns[1].opened_on == date(2027, 1, 18)
    names = Counter(person.name for person in autumn.people) & Counter(person.name for person in spring.people)
    assert names.total() > 500


@pytest.mark.parametrize(
    ("today", "year"),
    [
        (date(2020, 8, 1), 2021),
        (date(2026, 7, 31), 2026),
        (date(2026, 8, 1), 2027),
        (date(2026, 12, 31), 2027),
        (date(2027, 1, 1), 2027),
        (date(2032, 2, 29), 2032),
    ],
)
def test_from_august_the_coming_campaign_is_next_years(today: date, year: int):
    town = town_of(500, today=today)
    campaign = town.campaigns[1]

    assert campaign.year == year
    assert campaign.opened_on == today - timedelta(days=42)
    assert all(roster.entries for roster in campaign.rosters)
    unborn = [person for person in town.people if person.expected_on]
    assert unborn
    assert all(person.expected_on > today and person.expected_on.year == year for person in unborn)


@pytest.mark.parametrize(("people", "today"), [(99, TODAY), (500, date(2020, 7, 31))])
def test_too_few_people_or_too_early_a_day_are_refused(people: int, today: date):
    with pytest.raises(ValueError, match="演示"):
        build_town(people=people, seed=1, today=today)


# 附件1


def test_whole_township_has_the_seeds_quotas():
    town = town_of(WHOLE)
    quotas = town.campaigns[0].quotas

    assert [quota.target for quota in quotas] == SEED_TARGETS
    assert [unit.code for unit in town.units] == [f"{n:02}" for n in range(1, 14)]
    assert [unit.kind for unit in town.units] == ["village"] * 12 + ["community"]


@pytest.mark.parametrize("people", [100, 137, 500, 600, 3000, 5000, WHOLE])
def test_sums_agree_and_no_quota_exceeds_the_roll(people: int):
    town = town_of(people)

    assert len(town.people) == people
    assert [person.key for person in town.people] == list(range(people))
    assert sum(quota.hukou for quota in town.campaigns[0].quotas) == people
    for campaign in town.campaigns:
        listed = Counter(town.people[row.person].unit for row in campaign.listed)
        for place, quota in enumerate(campaign.quotas):
            assert quota.last + quota.net_increase == quota.target <= listed[place] <= quota.hukou
            assert quota.net_increase >= 0
    for before, now in zip(*(campaign.quotas for campaign in town.campaigns), strict=True):
        assert now.last == before.target


def test_quotas_scale_with_the_people():
    total = sum(quota.target for quota in town_of(5000).campaigns[0].quotas)

    assert total == pytest.approx(sum(SEED_TARGETS) * 5000 / WHOLE, abs=1)


def test_groups_have_cadres_and_hold_the_households():
    town = town_of(5000)

    for place, unit in enumerate(town.units):
        assert 6 <= len(unit.groups) <= 20
        assert all(group.cadre for group in unit.groups)
        assert {person.group for person in town.people if person.unit == place} <= {g.number for g in unit.groups}


# People


@pytest.mark.parametrize("people", [500, WHOLE])
def test_identity_numbers_are_valid_unique_and_of_no_county(people: int):
    town = town_of(people)
    numbered = [person for person in town.people if person.id_kind == "id"]

    assert len({person.id_number for person in town.people if person.id_number}) == sum(
        person.id_number is not None for person in town.people
    )
    for person in numbered:
        number = person.id_number
        assert number[17] == check_digit(number[:17])
        assert number[:6] == town.county == "439901"
        assert number[6:14] == person.birth_date.strftime("%Y%m%d")
        assert person.birth_date <= TODAY
        assert person.sex == ("男" if int(number[16]) % 2 else "女")


def test_households_have_one_head_and_known_relations():
    town = town_of(5000)
    heads = Counter(person.household for person in town.people if person.relation == "02")

    assert set(heads.values()) == {1}
    assert set(heads) == {person.household for person in town.people}
    assert all(person.word in RELATIONS[person.relation] for person in town.people)
    places = {(person.household, person.unit, person.group, person.household_no) for person in town.people}
    assert len(places) == len(heads)
    assert len({(unit, number) for _, unit, _, number in places}) == len(heads)


def test_phones_ring_nobody_and_are_unique():
    phones = [person.phone for person in town_of(5000).people if person.phone]

    assert len(set(phones)) == len(phones) > 1000
    assert all(len(phone) == 11 and phone.startswith("1290") for phone in phones)


@pytest.mark.parametrize("people", [500, 5000])
def test_registers_stumbling_stones_are_there(people: int):
    town = town_of(people)
    names = [person.name for person in town.people]
    unborn = [person for person in town.people if person.id_kind == "none"]

    assert all(any(character in name for name in names) for character in "㼆䶮𬭎·")
    assert any(count > 1 for count in Counter((p.unit, p.name) for p in town.people if p.relation == "02").values())
    assert any(name.startswith("欧阳") for name in names)
    assert unborn
    for person in unborn:
        family = [other for other in town.people if other.household == person.household]
        assert any(person.name in (f"{other.name}之子", f"{other.name}之女") for other in family)
        assert (person.id_number, person.birth_date, person.sex, person.grounds) == (None, None, "", "新生儿")
    assert any(person.id_kind == "passport" for person in town.people)


def test_township_looks_like_a_rural_one():
    town = town_of(WHOLE)
    ages = [2019 - person.birth_date.year for person in town.people if person.birth_date]
    sizes = Counter(Counter(person.household for person in town.people).values())
    mean = len(town.people) / sizes.total()

    assert 2.9 < mean < 3.5
    assert set(sizes) == set(range(1, 9))
    assert 0.14 < sum(age < 15 for age in ages) / len(ages) < 0.22
    assert 0.17 < sum(age >= 60 for age in ages) / len(ages) < 0.25
    assert 0.015 < sum(age >= 80 for age in ages) / len(ages) < 0.05
    away = [2019 - person.birth_date.year for person in town.people if person.is_migrant and person.birth_date]
    assert 0.15 < len(away) / len(ages) < 0.25
    assert sum(20 <= age <= 46 for age in away) / len(away) > 0.7


def test_couples_are_of_an_age_and_sons_bear_their_fathers_name():
    town = town_of(5000)
    heads = {person.household: person for person in town.people if person.relation == "02"}
    gaps, alike, sons = [], 0, 0
    for person in town.people:
        head = heads[person.household]
        if person.relation in {"10", "12"} and person.birth_date:
            gaps.append(abs(person.birth_date.year - head.birth_date.year))
        if person.relation in {"20", "21", "22", "23", "24"} and head.sex == "男" and person.id_number:
            sons += 1
            alike += person.name[0] == head.name[0]

    assert sum(gap <= 6 for gap in gaps) / len(gaps) > 0.9
    assert alike / sons > 0.98


# Rosters


@pytest.mark.parametrize("people", [500, 600, 5000, WHOLE])
def test_every_category_and_every_overlap_has_somebody(people: int):
    for campaign in town_of(people).campaigns:
        exactly = {frozenset(held) for held in holdings(campaign).values()}

        assert [roster.category for roster in campaign.rosters] == list(OFFICES)
        assert all(any(entry.person is not None for entry in roster.entries) for roster in campaign.rosters)
        assert {frozenset(overlap) for overlap in OVERLAPS} <= exactly


def test_one_person_is_never_in_two_grades_of_disability():
    for campaign in town_of(5000).campaigns:
        assert not any({"一二级残疾人", "三四级残疾人"} <= held for held in holdings(campaign).values())
        levels = {r.category: {e.disability_level for e in r.entries if e.person is not None} for r in campaign.rosters}
        assert levels["一二级残疾人"] == {1, 2}
        assert levels["三四级残疾人"] == {3, 4}
        assert levels["城乡低保对象"] == {None}


def test_shares_are_those_of_a_real_township():
    for campaign in town_of(WHOLE).campaigns:
        shares = {roster.category: 1000 * len(roster.entries) / len(campaign.listed) for roster in campaign.rosters}

        expected = {
            "特困人员": 8,
            "社会保障兜底脱贫对象": 5,
            "一二级残疾人": 12,
            "三四级残疾人": 25,
            "城乡低保对象": 35,
        }
        assert {category: shares[category] for category in expected} == pytest.approx(expected, rel=0.15)
        assert shares["建档立卡贫困人口"] == pytest.approx(60, rel=0.15)
        assert shares["孤儿"] == pytest.approx(0.5, rel=0.3)


def test_centenarians_are_a_hundred_and_orphans_are_children():
    town = town_of(5000)
    for campaign in town.campaigns:
        rosters = {roster.category: roster for roster in campaign.rosters}
        month = rosters["百岁老人"].month
        for entry in rosters["百岁老人"].entries:
            birth = town.people[entry.person].birth_date
            assert (birth.year + 100, birth.month, birth.day) <= (month.year, month.month, month.day)
        assert all(month.year - town.people[e.person].birth_date.year <= 18 for e in rosters["孤儿"].entries)


@pytest.mark.parametrize("people", [500, 5000, WHOLE])
def test_few_entries_wait_or_are_doubtful_and_none_of_these_is_fully_subsidised(people: int):
    town = town_of(people)
    numbers = {person.id_number for person in town.people}
    for campaign in town.campaigns:
        listed = {row.person for row in campaign.listed}
        rows = [(roster.category, entry) for roster in campaign.rosters for entry in roster.entries]
        waiting = [entry for _, entry in rows if entry.person is None]
        doubtful = [
            entry for _, entry in rows if entry.person is not None and town.people[entry.person].name != entry.name
        ]
        held = holdings(campaign)

        assert 1 <= len(waiting) <= max(1, people // 500)
        assert 1 <= len(doubtful) <= max(1, people // 500)
        assert all(check_digit(entry.id_number[:17]) == entry.id_number[17] for entry in waiting)
        assert not {entry.id_number for entry in waiting} & numbers
        assert all(len(held[entry.person]) == 1 and not held[entry.person] & set(FULL) for entry in doubtful)
        assert all(entry.person in listed for _, entry in rows if entry.person is not None)


def test_rosters_are_in_force_when_their_campaign_opens():
    for campaign in town_of(5000).campaigns:
        assert {roster.month for roster in campaign.rosters} == {campaign.opened_on.replace(day=1)}


# The seed year


@pytest.mark.parametrize(
    ("people", "seed"), [(600, 1), (600, 2), (600, 7), (3000, 1), (3000, 2), (3000, 7), (WHOLE, 7)]
)
def test_every_cell_of_the_award_grid_is_somebodys_best_and_some_earn_none(people: int, seed: int):
    best = [unit[0] if unit else None for unit in cells(town_of(people, seed))]

    assert set(best) == {*GRID, None}


@pytest.mark.parametrize("people", [600, 3000, WHOLE])
def test_equal_rates_come_from_different_cells(people: int):
    town = town_of(people)
    early, full_later, full_at_last = (date(2019, 12, 10), 95), (date(2019, 12, 20), 100), (date(2019, 12, 31), 100)
    found = [unit for unit in cells(town) if unit]

    assert any(unit[0] == early and full_later not in unit for unit in found)
    assert any(unit[0] == full_later and early not in unit for unit in found)
    assert any(unit[0] == early and full_at_last in unit for unit in found)


@pytest.mark.parametrize("people", [600, 3000, WHOLE])
def test_one_unit_reaches_95_only_in_february_one_never_and_one_leaves_poor_households(people: int):
    town = town_of(people)
    campaign = town.campaigns[0]
    targets = [quota.target for quota in campaign.quotas]
    by_new_year, by_end = (
        [reached(paid, target) for paid, target in zip(paid_by(town, campaign, day), targets, strict=True)]
        for day in (date(2019, 12, 31), END)
    )
    settled = {row.person for row in campaign.payments} | fully_subsidised(campaign)
    settled |= {row.person for row in campaign.exemptions}
    poor = {person for person, held in holdings(campaign).items() if "建档立卡贫困人口" in held}
    lacking = {town.people[person].unit for person in poor - settled}

    assert [(old, new) for old, new in zip(by_new_year, by_end, strict=True) if old == 0] == [(0, 95), (0, 0)]
    assert len(lacking) == 1
    assert cells(town)[lacking.pop()]
    assert not poor & {row.person for row in campaign.exemptions}


@pytest.mark.parametrize("people", [100, 600, 5000, WHOLE])
def test_payments_lie_in_their_windows(people: int):
    town = town_of(people)
    seed, coming = town.campaigns
    windows = [(seed, date(2019, 10, 1), END), (coming, coming.opened_on, TODAY)]

    for campaign, first, last in windows:
        assert all(first <= row.paid_on <= last and row.slip_no for row in campaign.payments)
        entered = {row.person: row.registered_on for row in campaign.listed}
        assert all(first <= entered[row.person] <= row.paid_on for row in campaign.payments)
    late = [row for row in seed.payments if row.paid_on > date(2019, 12, 31)]
    if people >= 600:
        assert late
        assert all(town.people[row.person].is_migrant for row in late)


@pytest.mark.parametrize("people", [500, WHOLE])
def test_nobody_is_paid_twice_or_both_paid_and_exempt(people: int):
    for campaign in town_of(people).campaigns:
        paid = [row.person for row in (*campaign.payments, *campaign.cash_in_hand)]
        exempt = [row.person for row in campaign.exemptions]
        everybody = [*paid, *exempt, *fully_subsidised(campaign)]

        assert len(set(everybody)) == len(everybody)
        assert set(everybody) <= {row.person for row in campaign.listed}
        assert len({row.person for row in campaign.listed}) == len(campaign.listed)


def test_payments_start_slowly_rush_before_milestones_and_rest_at_weekends():
    days = Counter(row.paid_on for row in town_of(WHOLE).campaigns[0].payments)

    def total(first: date, last: date) -> int:
        return sum(count for day, count in days.items() if first <= day <= last)

    october = total(date(2019, 10, 1), date(2019, 10, 31))
    assert october < total(date(2019, 12, 1), date(2019, 12, 10))
    sundays = [count for day, count in days.items() if day.weekday() == 6 and day.month == 11]
    thursdays = [count for day, count in days.items() if day.weekday() == 3 and day.month == 11]
    assert sum(sundays) < sum(thursdays)


def test_one_slip_covers_many_and_every_channel_is_used():
    rows = town_of(5000).campaigns[0].payments
    slips = {(row.slip_no, row.channel, row.paid_on) for row in rows}

    assert {row.channel for row in rows} == {"POS刷卡", "湘税社保APP", "代收现金", "银行代扣"}
    assert len(slips) == len({slip for slip, _, _ in slips}) < len(rows)


def test_reasons_fit_age_and_sex():
    town = town_of(WHOLE)
    exemptions = town.campaigns[0].exemptions
    heads_left = [
        row for row in exemptions if row.reason in {"死亡", "户籍迁出"} and town.people[row.person].relation == "02"
    ]
    soldiers = {town.people[row.person].sex for row in exemptions if row.reason == "参军"}
    students = [2019 - town.people[row.person].birth_date.year for row in exemptions if row.reason == "大学生在校参保"]

    assert len({row.reason for row in exemptions}) == 10
    assert heads_left == []
    assert soldiers == {"男"}
    assert min(students) >= 17
    assert max(students) <= 23


# The running year


@pytest.mark.parametrize("people", [500, 5000, WHOLE])
def test_half_is_collected_and_villages_differ(people: int):
    town = town_of(people)
    campaign = town.campaigns[1]
    held = Counter(town.people[row.person].unit for row in campaign.cash_in_hand)
    paid = paid_by(town, campaign, TODAY)
    rates = [(paid[n] + held[n]) / quota.target for n, quota in enumerate(campaign.quotas)]
    total = sum(paid) + held.total()

    assert 0.4 < total / sum(quota.target for quota in campaign.quotas) < 0.62
    if people > 500:
        assert min(rates) < 0.25
        assert max(rates) > 0.75
        assert max(rates) < 0.85


@pytest.mark.parametrize("people", [500, 5000])
def test_some_cash_of_today_is_not_yet_deposited_and_some_people_entered_today(people: int):
    campaign = town_of(people).campaigns[1]

    assert campaign.cash_in_hand
    assert {(row.paid_on, row.channel, row.slip_no) for row in campaign.cash_in_hand} == {(TODAY, "代收现金", "")}
    assert any(row.registered_on == TODAY for row in campaign.listed)
    assert campaign.opened_on < campaign.subsidised_on <= TODAY


def test_people_come_and_go_between_the_years():
    town = town_of(5000)
    seed, coming = ({row.person for row in campaign.listed} for campaign in town.campaigns)
    gone = {row.person for row in town.campaigns[0].exemptions if row.reason in {"死亡", "户籍迁出"}}

    assert 0 < len(seed - coming) < 250
    assert 0 < len(coming - seed) < 250
    assert not gone & coming
    assert all(town.people[person].expected_on is None for person in seed)
    newborns = [row for row in town.campaigns[0].listed if row.grounds == "新生儿"]
    assert newborns
    assert {town.people[row.person].birth_date.year for row in newborns} == {2020}
    householders = {town.people[person].household for person in coming if town.people[person].relation == "02"}
    assert {town.people[person].household for person in coming} == householders
