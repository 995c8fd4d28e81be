"""A small village's register: the form of the 2020 notice, and rows to put on it."""

from collections.abc import Iterable
from pathlib import Path

from pypdf import PdfReader

from reports.printing.register import RegisterForm, RegisterHead, RegisterRow

GENERAL_STANDARD = Path(__file__).parents[1] / "data" / "general-standard-characters.txt"
PURE = {"纯最低生活保障对象": "城乡低保对象", "纯建档立卡贫困人口": "建档立卡贫困人口", "纯3、4级残疾": "三四级残疾人"}
LEGEND = ("一般户", "建档立卡贫困户", "一般低保户", "三、四级残疾", "五保户", "社会保障兜底户", "孤儿", "一、二级残疾")
FORM = RegisterForm(pure_labels=PURE, legend=LEGEND, copies="本表一式三份。", seal="村（居）委会公章")
HEAD = RegisterHead(
    title="XX区2020年度城乡居民基本医疗保险参保缴费基本信息登记表",
    unit_township="柳溪镇",
    unit_village="柳溪村",
    village_code="03",
    year=2020,
)


def make_row(name="王秀兰", household="1", group="1组", **changes) -> RegisterRow:
    ordinary = {
        "label": "一般户",
        "relation": "户主",
        "id_number": "511321195001010028",
        "phone": "13800000000",
        "paid_fen": 25000,
        "subsidy_fen": 0,
    }
    return RegisterRow(household=household, group=group, name=name, **(ordinary | changes))


def make_rows(names: Iterable[str], **changes) -> list[RegisterRow]:
    return [make_row(name, household=str(number), **changes) for number, name in enumerate(names)]


def printed_text(path: Path) -> list[str]:
    """The text layer, page by page."""
    return [page.extract_text() for page in PdfReader(path).pages]


def printed_lines(path: Path, page: int = 0) -> list[tuple[float, str]]:
    """Height above the foot of the sheet, in points, and text of every piece of one page's text."""
    pieces: list[tuple[float, str]] = []

    def note(text, outer, inner, _font, _size):
        if text.strip():
            pieces.append((inner[5] * outer[3] + outer[5], text.strip()))

    PdfReader(path).pages[page].extract_text(visitor_text=note)
    return pieces
