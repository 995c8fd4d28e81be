"""The lists that 民政办, 扶贫办 and 残联 send: who is helped, with every overlap that occurs in real lists."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random

from .chance import Urn, sample
from .days import age_on, born
from .families import GRANDCHILDREN
from .identity import Numbers
from .rows import HEAD, ID_CARD, MAN, WOMAN, PersonRow, Roster, RosterEntry, Unit

DESTITUTE = "特困人员"
ORPHANS = "孤儿"
CENTENARIANS = "百岁老人"
SAFETY_NET = "社会保障兜底脱贫对象"
SEVERE = "一二级残疾人"
MODERATE = "三四级残疾人"
MINIMUM_LIVING = "城乡低保对象"
REGISTERED_POOR = "建档立卡贫困人口"

CIVIL_AFFAIRS, POVERTY_RELIEF, DISABLED_FEDERATION = "民政办", "扶贫办", "残联"

OFFICES = {
    DESTITUTE: CIVIL_AFFAIRS,
    ORPHANS: CIVIL_AFFAIRS,
    CENTENARIANS: CIVIL_AFFAIRS,
    SAFETY_NET: CIVIL_AFFAIRS,
    SEVERE: DISABLED_FEDERATION,
    MODERATE: DISABLED_FEDERATION,
    MINIMUM_LIVING: CIVIL_AFFAIRS,
    REGISTERED_POOR: POVERTY_RELIEF,
}
"""In the order of the 2020 plan's lines."""

FULL = (DESTITUTE, ORPHANS, CENTENARIANS, SAFETY_NET, SEVERE)
"""Whose whole premium the public purse pays under the 2020 plan."""

OVERLAPS = (
    (REGISTERED_POOR, MINIMUM_LIVING),
    (REGISTERED_POOR, MODERATE),
    (REGISTERED_POOR, SEVERE),
    (REGISTERED_POOR, MINIMUM_LIVING, MODERATE),
    (REGISTERED_POOR, MINIMUM_LIVING, SEVERE),
    (MINIMUM_LIVING, MODERATE),
    (MINIMUM_LIVING, SEVERE),
    (DESTITUTE, SEVERE),
    (DESTITUTE, MODERATE),
    (SAFETY_NET, MINIMUM_LIVING, REGISTERED_POOR),
    (SAFETY_NET, MINIMUM_LIVING, REGISTERED_POOR, MODERATE),
    (CENTENARIANS, REGISTERED_POOR),
)
"""Each is held, with nothing beside it, by at least one person."""

NOT_GIVEN = frozenset({CENTENARIANS, DESTITUTE})
"""Nobody becomes a hundred years old, or alone, to make an overlap."""

PER_MILLE = {
    DESTITUTE: 8.0,
    ORPHANS: 0.5,
    SAFETY_NET: 5.0,
    SEVERE: 12.0,
    MODERATE: 25.0,
    MINIMUM_LIVING: 35.0,
    REGISTERED_POOR: 60.0,
}
STILL_HELPED = 0.95
"""Of one campaign's people on a list, how many are on the other's too."""

POOR_TOGETHER = 0.55
WHOLE_HOUSEHOLD = 0.5
CENTENARY = 100
GROWN = 18
OLD = 60

CLASSES = Urn((("肢体", 55), ("听力", 12), ("视力", 11), ("精神", 9), ("智力", 8), ("言语", 3), ("多重", 2)))
LEVELS = {SEVERE: (1, 2), MODERATE: (3, 4)}

PEOPLE_A_STRANGER = 5000
PEOPLE_A_MISSPELLING = 8000
MISSPELT = dict(zip("建华英兰梅云红丽清林玉平国辉", "健花瑛蓝莓芸洪莉青琳钰萍囯晖", strict=True))

Holdings = dict[str, set[int]]
Cards = dict[int, tuple[str, int]]


@dataclass(slots=True)
class Census:
    """Whom the offices of one campaign may put on their lists: the roll's people with an identity number."""

    rng: Random
    on: date
    people: list[PersonRow]
    held: Holdings = field(default_factory=lambda: {category: set() for category in OFFICES})
    members: dict[int, list[PersonRow]] = field(default_factory=lambda: defaultdict(list))
    age: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for person in self.people:
            self.members[person.household].append(person)
            self.age[person.key] = age_on(_birth_date(person), self.on)

    def holds(self, key: int) -> tuple[str, ...]:
        """The person's categories in the plan's order."""
        return tuple(category for category, keys in self.held.items() if key in keys)

    def missing(self, category: str) -> int:
        """How many more the category's usual share asks for; at least one person in all."""
        share = max(1, round(len(self.people) * PER_MILLE[category] / 1000))
        return share - len(self.held[category])

    def fill(self, category: str, weight: Callable[[PersonRow], float]) -> None:
        """Bring the category up to its share, the likelier people first."""
        free = [person for person in self.people if person.key not in self.held[category]]
        self.held[category] |= {person.key for person in sample(self.rng, free, self.missing(category), weight)}


def _birth_date(person: PersonRow) -> date:
    assert person.birth_date is not None
    return person.birth_date


def census(rng: Random, on: date, listed: Iterable[PersonRow]) -> Census:
    """The people on the roll that have an identity number and were born by the first day of the lists' month."""
    return Census(rng, on, [person for person in listed if person.id_kind == ID_CARD and _birth_date(person) <= on])


def hold(town: Census, villages: Iterable[int], before: Holdings | None = None) -> Holdings:
    """Say who holds which category, most of them as `before`; `villages` are the units with 建档立卡 households."""
    if before is not None:
        _carry_over(town, before)
    _hold_centenarians(town)
    town.fill(ORPHANS, lambda person: _orphan_weight(town, person))
    town.fill(DESTITUTE, lambda person: _destitute_weight(town, person))
    _hold_registered_poor(town, set(villages))
    _hold_minimum_living(town)
    _hold_safety_net(town)
    for category in (SEVERE, MODERATE):
        town.fill(category, lambda person: _disability_weight(town, person))
    _make_overlaps(town)
    return town.held


def _carry_over(town: Census, before: Holdings) -> None:
    still_here = {person.key for person in town.people}
    for category, keys in before.items():
        kept = (key for key in sorted(keys) if town.rng.random() < STILL_HELPED)
        town.held[category] = {key for key in kept if key in still_here}
    town.held[ORPHANS] = {key for key in town.held[ORPHANS] if town.age[key] < GROWN}
    # Who fell from one of the lists that make 兜底 has lost it.
    town.held[SAFETY_NET] &= town.held[MINIMUM_LIVING] & town.held[REGISTERED_POOR]


def _hold_centenarians(town: Census) -> None:
    """By age alone; of the other lists they stand on 建档立卡 at most, with their household."""
    oldest = {key for key, age in town.age.items() if age >= CENTENARY}
    for category in town.held:
        if category != REGISTERED_POOR:
            town.held[category] -= oldest
    town.held[CENTENARIANS] = oldest


def _orphan_weight(town: Census, person: PersonRow) -> float:
    """Children with grandparents only; any child, or at last the young, where there is none."""
    family = town.members[person.household]
    is_with_elders = person.relation in GRANDCHILDREN.values() and not any(
        21 <= town.age[other.key] < 50 for other in family
    )
    age = town.age[person.key]
    if age < GROWN:
        return 1000.0 if is_with_elders else 1e-3
    return 1e-9 / age


def _destitute_weight(town: Census, person: PersonRow) -> float:
    """农村五保: old people on their own."""
    if town.age[person.key] < OLD or town.age[person.key] >= CENTENARY or person.relation != HEAD:
        return 0.0
    return 1.0 if len(town.members[person.household]) == 1 else 0.002


def _hold_registered_poor(town: Census, villages: set[int]) -> None:
    """Whole households, in every village more or less alike."""
    by_unit: dict[int, list[int]] = defaultdict(list)
    for household, members in town.members.items():
        by_unit[members[0].unit].append(household)
    held = town.held[REGISTERED_POOR]
    for unit in sorted(villages & set(by_unit)):
        size = sum(len(town.members[household]) for household in by_unit[unit])
        held_here = sum(person.key in held for h in by_unit[unit] for person in town.members[h])
        share = size * PER_MILLE[REGISTERED_POOR] / 1000 * (0.7 + (unit * 5 % 13) / 20)
        held |= _whole_households(town, by_unit[unit], max(2, round(share)) - held_here)


def _whole_households(town: Census, households: Sequence[int], count: int) -> set[int]:
    chosen: set[int] = set()
    for household in town.rng.sample(households, len(households)):
        if len(chosen) >= count:
            break
        members = town.members[household]
        if len(members) <= count - len(chosen) + 1 and not any(town.holds(person.key) for person in members):
            chosen |= {person.key for person in members}
    return chosen


def _hold_minimum_living(town: Census) -> None:
    """Some from poor households, some not; with one member, or with the whole household."""
    poor, held = town.held[REGISTERED_POOR], town.held[MINIMUM_LIVING]
    missing = town.missing(MINIMUM_LIVING)
    from_poor = round(missing * POOR_TOGETHER)
    for is_poor, count in ((True, from_poor), (False, missing - from_poor)):
        wanted = len(held) + count
        for person in sample(town.rng, town.people, count, _one_in(town, poor, is_poor)):
            if len(held) >= wanted:
                break
            held |= _with_household(town, person)


def _one_in(town: Census, poor: set[int], is_poor: bool) -> Callable[[PersonRow], float]:
    barred = town.held[DESTITUTE] | town.held[ORPHANS] | town.held[CENTENARIANS] | town.held[MINIMUM_LIVING]

    def weight(person: PersonRow) -> float:
        if person.key in barred or (person.key in poor) != is_poor:
            return 0.0
        return 3.0 if town.age[person.key] >= OLD else 1.0

    return weight


def _with_household(town: Census, person: PersonRow) -> set[int]:
    if town.rng.random() < WHOLE_HOUSEHOLD:
        return {person.key}
    barred = town.held[DESTITUTE] | town.held[ORPHANS] | town.held[CENTENARIANS]
    return {other.key for other in town.members[person.household]} - barred


def _hold_safety_net(town: Census) -> None:
    """兜底 is 低保 and 建档立卡 together, where nobody in the household can work."""
    both = town.held[MINIMUM_LIVING] & town.held[REGISTERED_POOR]
    old = {key for key in both if town.age[key] >= OLD}
    town.fill(SAFETY_NET, lambda person: (person.key in both) + 3.0 * (person.key in old))


def _disability_weight(town: Census, person: PersonRow) -> float:
    """Rising with age; commoner among the poor; nobody has two levels."""
    if any(person.key in town.held[category] for category in (SEVERE, MODERATE, CENTENARIANS)):
        return 0.0
    is_poor = person.key in town.held[REGISTERED_POOR] or person.key in town.held[DESTITUTE]
    return (5.0 + town.age[person.key]) * (3.0 if is_poor else 1.0)


def _make_overlaps(town: Census) -> None:
    """Where chance left an overlap without anybody, somebody gets it."""
    for overlap in OVERLAPS:
        wanted = tuple(category for category in OFFICES if category in overlap)
        helped = sorted(set().union(*town.held.values()))
        holdings = {key: town.holds(key) for key in helped}
        counts = Counter(holdings.values())
        if wanted not in counts:
            _give(town, overlap, holdings, counts)


def _give(
    town: Census, overlap: tuple[str, ...], holdings: Mapping[int, tuple[str, ...]], counts: Counter[tuple[str, ...]]
) -> None:
    """Make a grown-up who holds part of the overlap hold all of it; no other overlap loses its last one."""
    must_hold = set(overlap[:1]) & NOT_GIVEN
    fit = [
        key
        for key, holds in holdings.items()
        if must_hold <= set(holds) < set(overlap) and (len(holds) == 1 or counts[holds] > 1) and town.age[key] >= GROWN
    ]
    for key in sorted(fit, key=lambda key: (overlap[0] not in holdings[key], -len(holdings[key]), key))[:1]:
        for category in overlap:
            town.held[category].add(key)


def papers(rng: Random, numbers: Numbers, town: Census, units: Sequence[Unit], cards: Cards) -> tuple[Roster, ...]:
    """The lists as the offices send them: with a few people nobody knows, and a few names written otherwise.

    `cards` keeps class and level of each disabled person from one campaign to the next.
    """
    month = town.on.replace(day=1)
    entries = {category: _entries(town, units, category, cards) for category in OFFICES}
    _add_strangers(rng, numbers, entries, units, 1 + len(town.people) // PEOPLE_A_STRANGER)
    _misspell(rng, town, entries, 1 + len(town.people) // PEOPLE_A_MISSPELLING)
    return tuple(Roster(OFFICES[category], category, month, tuple(rows)) for category, rows in entries.items())


def _entries(town: Census, units: Sequence[Unit], category: str, cards: Cards) -> list[RosterEntry]:
    held = town.held[category]
    return [
        RosterEntry(
            person.id_number or "",
            person.name,
            units[person.unit].name,
            *_card(town.rng, category, person, cards),
            person.key,
        )
        for person in town.people
        if person.key in held
    ]


def _card(rng: Random, category: str, person: PersonRow, cards: Cards) -> tuple[str, int | None]:
    """Class and level from the person's disability card; other lists have no such column."""
    if category not in LEVELS:
        return "", None
    card = cards.get(person.key)
    if card is None or card[1] not in LEVELS[category]:
        card = cards[person.key] = CLASSES.draw(rng), rng.choice(LEVELS[category])
    return card


def _add_strangers(
    rng: Random, numbers: Numbers, entries: dict[str, list[RosterEntry]], units: Sequence[Unit], count: int
) -> None:
    """People on an office's list who are on nobody's roll."""
    for n in range(count):
        rows = entries[(MINIMUM_LIVING, DESTITUTE)[n % 2]]
        like = rng.choice(rows)
        number = numbers.identity(born(rng.uniform(30, 85)), rng.choice((MAN, WOMAN)))
        name = like.name[:1] + rng.choice(rows).name[1:]
        rows.append(RosterEntry(number, name, rng.choice(units).name, "", None, None))


def _misspell(rng: Random, town: Census, entries: dict[str, list[RosterEntry]], count: int) -> None:
    """People who hold one half-paying category only, under a name with another character in it."""
    for n in range(count):
        category = (MINIMUM_LIVING, MODERATE)[n % 2]
        rows = entries[category]
        fit = [i for i, row in enumerate(rows) if _is_plain(town, row) and misspelt(row.name) != row.name]
        for i in rng.sample(fit, min(1, len(fit))):
            row = rows[i]
            rows[i] = RosterEntry(
                row.id_number, misspelt(row.name), row.village, row.disability_class, row.disability_level, row.person
            )


def _is_plain(town: Census, row: RosterEntry) -> bool:
    return row.person is not None and sum(row.person in keys for keys in town.held.values()) == 1


def misspelt(name: str) -> str:
    """The name with the last of its characters that have a double written as that double."""
    for place in range(len(name) - 1, 0, -1):
        if name[place] in MISSPELT:
            return name[:place] + MISSPELT[name[place]] + name[place + 1 :]
    return name
