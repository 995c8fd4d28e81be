"""What the generator hands over: plain frozen rows, ready to be copied into tables."""

from dataclasses import dataclass
from datetime import date

MAN = "男"
WOMAN = "女"

HEAD = "02"
"""GB/T 4761: 户主."""

ID_CARD = "id"
PASSPORT = "passport"
NO_DOCUMENT = "none"

LOCAL = "户籍"
STUDENT = "在校学生"
RESIDENT = "居住证"
NEWBORN = "新生儿"

POS = "POS刷卡"
APP = "湘税社保APP"
CASH = "代收现金"
DEBIT = "银行代扣"


@dataclass(frozen=True, slots=True)
class Quota:
    """One line of 附件1; `last + net_increase == target`."""

    hukou: int
    last: int
    net_increase: int
    target: int


@dataclass(frozen=True, slots=True)
class Group:
    """A villagers' group and the cadre who answers for it (分片包干)."""

    number: int
    name: str
    cadre: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A village or community; `code` is its line in 附件1 with two digits, `kind` is "village" or "community"."""

    code: str
    name: str
    kind: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One human being; `key` is the place in `Town.people`, `unit` the place in `Town.units`.

    `word` is the relation as the paper has it, `relation` its GB/T 4761 code.
    A child not yet born has no number or birth date, its sex is empty, and it has `expected_on`.
    """

    key: int
    household: int
    unit: int
    group: int
    household_no: str
    name: str
    relation: str
    word: str
    id_kind: str
    id_number: str | None
    birth_date: date | None
    expected_on: date | None
    sex: str
    phone: str
    grounds: str
    is_migrant: bool


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A person on a year's roll, with that year's grounds; `registered_on` is None until a clerk has entered them."""

    person: int
    grounds: str
    registered_on: date | None


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """Evidence that a person paid; cash still in hand has no `slip_no`."""

    person: int
    paid_on: date
    channel: str
    slip_no: str


@dataclass(frozen=True, slots=True)
class ExemptionRow:
    """Why a listed person does not enrol here, and the day that was decided."""

    person: int
    reason: str
    decided_on: date


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One line of an office's list; `person` is None where nobody on the roll has that number."""

    id_number: str
    name: str
    village: str
    disability_class: str
    disability_level: int | None
    person: int | None


@dataclass(frozen=True, slots=True)
class Roster:
    """An office's full list of one category; `month` is the first day of its month."""

    office: str
    category: str
    month: date
    entries: tuple[RosterEntry, ...]


@dataclass(frozen=True, slots=True)
class Campaign:
    """One insurance year; `quotas` stand in the order of `Town.units`.

    Whoever is fully subsidised on `subsidised_on` counts from that day and has no payment row.
    """

    year: int
    opened_on: date
    subsidised_on: date
    quotas: tuple[Quota, ...]
    listed: tuple[ListedRow, ...]
    rosters: tuple[Roster, ...]
    payments: tuple[PaymentRow, ...]
    cash_in_hand: tuple[PaymentRow, ...]
    exemptions: tuple[ExemptionRow, ...]


@dataclass(frozen=True, slots=True)
class Town:
    """The whole township; `campaigns` are the seed's (2020) and the coming one."""

    name: str
    county: str
    units: tuple[Unit, ...]
    people: tuple[PersonRow, ...]
    campaigns: tuple[Campaign, Campaign]
