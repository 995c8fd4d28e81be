"""The days the demo is laid around."""

from dataclasses import dataclass
from datetime import date, timedelta

SEED_YEAR = 2020
CENSUS_ON = date(2019, 10, 1)
"""The day on which the township has the ages of the seed's year."""

SEED_OPENED_ON = date(2019, 10, 1)
SEED_SUBSIDISED_ON = date(2019, 12, 5)
SEED_MILESTONES = (date(2019, 12, 10), date(2019, 12, 20), date(2019, 12, 31), date(2020, 2, 29))

FIRST_TODAY = date(2020, 8, 1)
OPEN_DAYS = 42
AUTUMN = 8
DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Calendar:
    """The coming campaign as seen from `today`."""

    today: date
    year: int
    opened_on: date
    subsidised_on: date


def calendar_for(today: date) -> Calendar:
    """From August on the campaign is for next year, before that for this year; it opened six weeks ago.

    Raises ValueError before August 2020, when the coming campaign would be the seed's own.
    """
    if today < FIRST_TODAY:
        raise ValueError("演示日期不能早于2020年8月1日：2020年度是示例方案的年度。")
    return Calendar(
        today=today,
        year=today.year + (today.month >= AUTUMN),
        opened_on=today - timedelta(days=OPEN_DAYS),
        subsidised_on=today - timedelta(days=OPEN_DAYS // 3),
    )


def born(age: float, on: date = CENSUS_ON) -> date:
    """The birth date of someone of that age in years on the day."""
    return on - timedelta(days=int(age * DAYS_A_YEAR))


def age_on(birth_date: date, on: date) -> int:
    """Full years on the day."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))
