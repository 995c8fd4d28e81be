"""The household roll: cells in, rows out."""

from dataclasses import dataclass
from datetime import date

from accounts.imports import Cells, digits_of, remembered, text_of
from accounts.sheets.cells import (
    BadCell,
    Cell,
    calendar_date,
    digits_text,
    id_number_text,
    is_blank,
    name_warning,
    person_name,
    text,
    yes_no,
)
from accounts.sheets.headers import Column, Columns, Record
from enrollment.models import Person
from enrollment.policy import HOUSEHOLDER, relation_code
from subsidies.identity import BadIdNumber, parse_id_number
from subsidies.policy import GROUNDS

COLUMNS = Columns(
    required=(
        Column(
            "村(社区)",
            ("村社区", "村", "社区", "村名", "村（居）", "村居", "行政村", "所在村", "村/社区", "村委会", "填报单位"),
        ),
        Column("姓名", ("名字", "人员姓名", "参保人姓名", "成员姓名")),
        Column(
            "身份证号", ("身份证号码", "公民身份号码", "身份证", "证件号码", "证件号", "公民身份证号码", "居民身份证号")
        ),
    ),
    optional=(
        Column("组", ("村民小组", "小组", "组别", "村组", "组名")),
        Column("户号", ("户编号", "家庭编号", "户口编号", "户序号")),
        Column("户主", ("户主姓名",)),
        Column("与户主关系", ("关系", "与户主的关系", "家庭关系")),
        Column("证件类型", ("证件类别", "证件种类")),
        Column("联系电话", ("电话", "手机", "手机号", "手机号码", "联系方式", "电话号码")),
        Column("参保依据", ("参保类型", "依据", "人员类型")),
        Column("外出务工", ("是否外出务工", "外出务工人员", "务工")),
        Column("预产期", ("预计出生日期",)),
        Column("备注", ("说明",)),
    ),
)

ID_KINDS = {
    "": Person.IdKind.ID,
    "身份证": Person.IdKind.ID,
    "居民身份证": Person.IdKind.ID,
    "二代身份证": Person.IdKind.ID,
    "户口簿": Person.IdKind.ID,
    "港澳台居民居住证": Person.IdKind.RESIDENCE,
    "港澳居民居住证": Person.IdKind.RESIDENCE,
    "台湾居民居住证": Person.IdKind.RESIDENCE,
    "护照": Person.IdKind.PASSPORT,
    "外国人永久居留身份证": Person.IdKind.OTHER,
    "其他": Person.IdKind.OTHER,
    "其他证件": Person.IdKind.OTHER,
    "无": Person.IdKind.NONE,
    "暂无": Person.IdKind.NONE,
    "暂无证件": Person.IdKind.NONE,
}
CHECKED_KINDS = (Person.IdKind.ID, Person.IdKind.RESIDENCE)


@dataclass(frozen=True, slots=True)
class PopulationRow:
    """One person as the sheet names them; `number` is None while there is none.

    An empty cell of `grounds` or `is_migrant` is None: it means 户籍 and 否 for a new person, and changes no known one.
    """

    village: str
    group: str
    household: str
    householder: str
    relation: str
    name: str
    id_kind: str
    number: str | None
    birth_date: date | None
    sex: str
    phone: str
    grounds: str | None
    is_migrant: bool | None
    expected_on: date | None
    remark: str

    @property
    def is_householder(self) -> bool:
        return self.relation == HOUSEHOLDER


def group_name(cell: Cell) -> str:
    """A group by its number or name: 3, 3组 and 第3组 are the same one."""
    written = digits_text(cell, 30)
    core = written.removeprefix("第").removesuffix("村民小组").removesuffix("小组").removesuffix("组")
    return f"第{int(core)}组" if core.isascii() and core.isdigit() else written


def relation_named(cell: Cell) -> str:
    """The code of a relation by word, alias or code; "" for an empty cell."""
    written = digits_text(cell, 20)
    if not written:
        return ""
    code = relation_code(written) or relation_code(written.zfill(2))
    if code is None:
        raise BadCell(f"“{written}”不是认识的与户主关系，请填户主、配偶、子、女、父、母等，或国标代码")
    return HOUSEHOLDER if code == "01" else code


def id_kind_named(cell: Cell) -> Person.IdKind:
    written = text(cell, 20)
    if written not in ID_KINDS:
        raise BadCell(f"“{written}”不是认识的证件类型，请填居民身份证、港澳台居民居住证、护照、其他或无")
    return ID_KINDS[written]


def grounds_named(cell: Cell) -> str | None:
    written = text(cell, 20)
    if written and written not in GROUNDS:
        raise BadCell(f"“{written}”不是参保依据，请填{'、'.join(GROUNDS)}")
    return written or None


def _optional_yes_no(cell: Cell) -> bool | None:
    return None if is_blank(cell) else yes_no(cell)


def _optional_date(cell: Cell) -> date | None:
    return None if is_blank(cell) else calendar_date(cell)


VILLAGE, GROUP, RELATION = remembered(digits_of(60)), remembered(group_name), remembered(relation_named)
ID_KIND, GROUNDS_NAMED, MIGRANT = remembered(id_kind_named), remembered(grounds_named), remembered(_optional_yes_no)
HOUSEHOLDER_NAME, HOUSEHOLD = remembered(person_name), remembered(digits_of(30))
PHONE, REMARK = digits_of(30), text_of(200)


def read_person(record: Record, *, today: date) -> PopulationRow:
    """One person of the roll. Raises BadRow."""
    cells = Cells(record)
    name = cells.take("姓名", person_name, "")
    if not name and not cells.faults:
        cells.fault("姓名", "没有填写姓名。")
    householder = cells.take("户主", HOUSEHOLDER_NAME, "")
    relation = cells.take("与户主关系", RELATION, "")
    if not relation and householder and householder == name:
        relation = HOUSEHOLDER
    kind, number, birth_date, sex = _identity(cells, today)
    row = PopulationRow(
        village=cells.take("村(社区)", VILLAGE, ""),
        group=cells.take("组", GROUP, ""),
        household=cells.take("户号", HOUSEHOLD, ""),
        householder=householder or (name if relation == HOUSEHOLDER else ""),
        relation=relation,
        name=name,
        id_kind=kind,
        number=number,
        birth_date=birth_date,
        sex=sex,
        phone=cells.take("联系电话", PHONE, ""),
        grounds=cells.take("参保依据", GROUNDS_NAMED, None),
        is_migrant=cells.take("外出务工", MIGRANT, None),
        expected_on=cells.take("预产期", _optional_date, None),
        remark=cells.take("备注", REMARK, ""),
    )
    if not row.village and not cells.faults:
        cells.fault("村(社区)", "没有填写村（社区）。")
    if not row.household and not row.householder and not cells.faults:
        cells.fault("户号", "户号和户主都没有填写，不知道是哪一户的人。")
    cells.check()
    return row


def _identity(cells: Cells, today: date) -> tuple[str, str | None, date | None, str]:
    """Kind, number, birth date and sex as the number tells them; a row without a number is kept."""
    kind = cells.take("证件类型", ID_KIND, Person.IdKind.ID)
    faults = len(cells.faults)
    number = cells.take("身份证号", id_number_text, "")
    if len(cells.faults) > faults or not number:
        return Person.IdKind.NONE, None, None, ""
    if kind == Person.IdKind.NONE:
        kind = Person.IdKind.ID
    if kind not in CHECKED_KINDS:
        return kind, number[:30], None, ""
    try:
        found = parse_id_number(number, today=today)
    except BadIdNumber as bad:
        cells.fault("身份证号", f"{bad}。")
        return Person.IdKind.NONE, None, None, ""
    return kind, found.number, found.birth_date, found.sex


def warning(row: PopulationRow) -> str:
    """What is to be looked at though the row is taken; "" for nothing."""
    return "没有证件号码，待补" if row.number is None else name_warning(row.name)
