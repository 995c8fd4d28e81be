"""The township's villages and their quotas, in the shape of the seed's 附件1."""

from collections.abc import Sequence
from random import Random

from .chance import apportion
from .names import Names
from .rows import MAN, WOMAN, Group, Quota, Unit
from .sheets import lines, table

TOWNSHIP = "禾柳镇"
FEWEST_GROUPS, MOST_GROUPS = 6, 20
HUKOU_A_GROUP = 300
GROUPS_A_CADRE = 3
GROWTH = 1008, 1000


def seed_quotas(people: int) -> list[Quota]:
    """附件1 scaled so that its 户籍人口 sums to `people`, no quota above its unit's people."""
    rows = table("quota-2020.csv")
    full = {column: [int(row[column]) for row in rows] for column in ("hukou_2019", "quota_2019", "net_increase_2020")}
    whole = sum(full["hukou_2019"])

    def scaled(column: str, caps: Sequence[int]) -> list[int]:
        return apportion(full[column], (2 * sum(full[column]) * people + whole) // (2 * whole), caps)

    hukou = scaled("hukou_2019", [people] * len(rows))
    last = scaled("quota_2019", hukou)
    increase = scaled("net_increase_2020", [h - q for h, q in zip(hukou, last, strict=True)])
    return [Quota(h, q, n, q + n) for h, q, n in zip(hukou, last, increase, strict=True)]


def coming_quotas(seed: Sequence[Quota], listed: Sequence[int]) -> list[Quota]:
    """The seed year's targets and 0.8% more, no unit above the people on its roll, which are also its 户籍人口."""
    last = [quota.target for quota in seed]
    total = sum(last) * GROWTH[0] // GROWTH[1]
    targets = apportion(last, max(total, sum(last)), listed)
    rows = zip(listed, last, targets, strict=True)
    return [Quota(hukou, before, target - before, target) for hukou, before, target in rows]


def units(rng: Random, names: Names) -> list[Unit]:
    """The thirteen units with their groups."""
    rows = zip(table("quota-2020.csv"), lines("villages.txt"), strict=True)
    return [
        Unit(f"{int(row['unit']):02}", name, row["kind"], _groups(rng, names, int(row["hukou_2019"])))
        for row, name in rows
    ]


def _groups(rng: Random, names: Names, hukou: int) -> tuple[Group, ...]:
    """Six to twenty groups; each cadre answers for about three neighbouring ones."""
    count = min(MOST_GROUPS, max(FEWEST_GROUPS, hukou // HUKOU_A_GROUP))
    cadres = [_cadre(rng, names) for _ in range(-(-count // GROUPS_A_CADRE))]
    return tuple(Group(n, f"第{n}组", cadres[(n - 1) // GROUPS_A_CADRE]) for n in range(1, count + 1))


def _cadre(rng: Random, names: Names) -> str:
    return names.surname() + names.given(rng.choice((MAN, MAN, WOMAN)), rng.randint(1966, 1992))
