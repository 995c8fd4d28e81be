"""Why somebody on the roll does not enrol here."""

from datetime import date
from random import Random

from .chance import Urn
from .days import age_on
from .rows import HEAD, MAN, PersonRow

EMPLOYEE = "已参加职工医保"
ELSEWHERE = "外地参加居民医保"
COLLEGE = "大学生在校参保"
ARMY = "参军"
PRISON = "服刑"
DEAD = "死亡"
MOVED = "户籍迁出"
LOST = "长期失联"
ABROAD = "出国（境）"
UNWILLING = "自愿放弃"

GONE = frozenset({DEAD, MOVED})
"""Who will not be on the next roll."""

LASTING = frozenset({EMPLOYEE, ELSEWHERE, LOST, ABROAD, PRISON})
"""What is likely still so in the next campaign."""

BY_AGE = (
    (7, ((ELSEWHERE, 8), (MOVED, 2))),
    (18, ((ELSEWHERE, 20), (MOVED, 3), (ABROAD, 0.3))),
    (23, ((COLLEGE, 40), (EMPLOYEE, 12), (ELSEWHERE, 10), (ARMY, 7), (MOVED, 3), (UNWILLING, 1))),
    (60, ((EMPLOYEE, 60), (ELSEWHERE, 16), (UNWILLING, 5), (MOVED, 3), (LOST, 2.5), (PRISON, 1), (ABROAD, 1.2))),
    (75, ((EMPLOYEE, 30), (ELSEWHERE, 6), (DEAD, 10), (UNWILLING, 5), (LOST, 1))),
    (999, ((DEAD, 20), (EMPLOYEE, 10), (UNWILLING, 3))),
)
VERY_OLD = 80
URNS = tuple((until, Urn(weighted)) for until, weighted in BY_AGE)
MEN_ONLY = frozenset({ARMY})


def likelihood(person: PersonRow, on: date) -> float:
    """How likely a person of that age has a reason at all: working age and college first, the oldest never."""
    age = age_on(person.birth_date, on) if person.birth_date else 0
    if age < 18:
        return 0.5
    if age < 60:
        return 4.0
    return 1.0 if age < VERY_OLD else 0.0


def reason_for(rng: Random, person: PersonRow, on: date) -> str:
    """A reason that fits the person's age and sex; a householder stays, or their household would have none."""
    age = age_on(person.birth_date, on) if person.birth_date else 0
    urn = next(urn for until, urn in URNS if age < until)
    reason = urn.draw(rng)
    while (reason in MEN_ONLY and person.sex != MAN) or (reason in GONE and person.relation == HEAD):
        reason = urn.draw(rng)
    return reason
