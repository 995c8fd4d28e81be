from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.printing.drawing import MissingGlyphs
from reports.printing.press import RegisterDocument, print_register, print_registers
from reports.printing.register import lay_out

from .cast import FORM, GENERAL_STANDARD, HEAD, make_row, make_rows, printed_lines, printed_text

HOSTILE = [
    "#pagebreak()",
    "*粗*_斜_",
    "$x^2$",
    "\\ \\n \\u{41}",
    "<a>@b",
    "[c]{d}",
    '"e"`f`',
    "//g /*h*/",
    "~=-+---",
    "{{ i }}{% j %}",
]
LONG_NAME = "阿卜杜热合曼·阿卜杜热西提·" * 3 + "买买提明·艾山江"


def print_rows(rows, out, form=FORM):
    pages = lay_out(rows, form)
    print_register(pages, HEAD, form, out)
    return pages


def squeezed(text):
    return "".join(text.split())


def test_all_general_standard_characters_print_and_read_back(tmp_path):
    characters = GENERAL_STANDARD.read_text().replace("\n", "")
    names = [characters[start : start + 40] for start in range(0, len(characters), 40)]

    print_rows(make_rows(names), tmp_path / "out.pdf")

    text = squeezed("".join(printed_text(tmp_path / "out.pdf")))
    assert [name for name in names if name not in text] == []


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.text(alphabet="王秀兰·#*_$\\<>[]{}\"'`~@ aW19，（）—", max_size=50), min_size=1, max_size=40),
    form=st.builds(
        replace, st.just(FORM), rows_per_page=st.integers(1, 25), extra_column=st.sampled_from(["", "备注二"])
    ),
)
def test_as_many_pages_are_printed_as_were_planned(names, form, tmp_path):
    rows = make_rows(names, phone="0793-" + "1" * 15, remark="三月初外出" * 30, label="社会保障兜底脱贫对象")

    pages = print_rows(rows, tmp_path / "out.pdf", form)

    printed = printed_text(tmp_path / "out.pdf")
    assert len(printed) == len(pages)
    assert all(
        squeezed(f"共{page.of}页第{page.number}页") in squeezed(text) for page, text in zip(pages, printed, strict=True)
    )


def test_what_looks_like_markup_is_printed_as_it_is(tmp_path):
    print_rows(make_rows(HOSTILE, remark="#text(red)[备注]"), tmp_path / "out.pdf")

    (text,) = printed_text(tmp_path / "out.pdf")
    assert [name for name in HOSTILE if squeezed(name) not in squeezed(text)] == []
    assert squeezed(text).count("#text(red)[备注]") == len(HOSTILE)


def test_every_line_stands_within_its_row(tmp_path):
    rows = make_rows(["王秀兰"] * 14 + [LONG_NAME], remark="备注很长，" * 60)

    print_rows(rows, tmp_path / "out.pdf")

    pieces = printed_lines(tmp_path / "out.pdf")
    middles = [y for y, text in pieces if text == "户主"]
    row_height = middles[0] - middles[1]
    assert middles == pytest.approx([middles[0] - number * row_height for number in range(15)], abs=0.1)
    long_name = [y for y, text in pieces if "·" in text]
    assert len(long_name) == 3
    assert all(abs(y - middles[-1]) < row_height / 2 for y in long_name)
    remarks = [y for y, text in pieces if "备注很" in text]
    assert len(remarks) == 3 * 15
    assert all(min(abs(y - middle) for middle in middles) < row_height / 2 for y in remarks)


def test_a_name_is_never_cut(tmp_path):
    print_rows(make_rows([LONG_NAME, "W" * 50]), tmp_path / "out.pdf")

    text = squeezed(printed_text(tmp_path / "out.pdf")[0])
    assert LONG_NAME in text
    assert "W" * 50 in text


def test_the_footer_and_the_head_are_printed(tmp_path):
    low = make_row("甲", "1", categories=("城乡低保对象",), paid_fen=12500, subsidy_fen=12500)
    print_rows([low, make_row("乙", "1")], tmp_path / "out.pdf")

    text = squeezed(printed_text(tmp_path / "out.pdf")[0])
    assert "柳溪镇乡（镇、街道）柳溪村村（社区）1组共1页第1页" in text
    assert "参加居民医保户数1户参加居民医保人数2人实交额合计375.00元资助额合计125.00元" in text
    assert "其中：纯最低生活保障对象1户1人；纯建档立卡贫困人口0户0人；纯3、4级残疾0户0人" in text
    assert "全册合计：1页，1户，2人；实交额375.00元；资助额125.00元" in text


def test_what_nobody_has_paid_yet_stays_blank(tmp_path):
    print_rows([make_row(paid_fen=None, subsidy_fen=None)], tmp_path / "out.pdf")

    text = squeezed(printed_text(tmp_path / "out.pdf")[0])
    assert "实交额合计元资助额合计元" in text
    assert ".00" not in text


def test_the_same_data_gives_the_same_bytes(tmp_path):
    rows = make_rows(["王秀兰", LONG_NAME] * 20)

    print_rows(rows, tmp_path / "first.pdf")
    print_rows(rows, tmp_path / "second.pdf")

    assert (tmp_path / "first.pdf").read_bytes() == (tmp_path / "second.pdf").read_bytes()


@pytest.mark.parametrize(("character", "named"), [("\U00031350", "U+31350"), ("\u202e", "U+202E"), ("😀", "U+1F600")])
def test_a_character_the_font_lacks_is_named_with_its_row(tmp_path, character, named):
    with pytest.raises(
        MissingGlyphs, match=rf"打印字库里没有这些字：.*{named.replace('+', '.')}.*第1页序号2 王"
    ) as raised:
        print_rows(make_rows(["李伟", f"王{character}"]), tmp_path / "out.pdf")

    assert raised.value.characters == (character,)
    assert list(tmp_path.iterdir()) == []


def test_a_township_is_one_file_per_village(tmp_path):
    documents = [
        RegisterDocument(f"{code}.pdf", lay_out(make_rows("甲乙丙丁" * count), FORM), HEAD, FORM)
        for code, count in [("01", 1), ("02", 4), ("03", 8)]
    ]
    heard = []

    printed = print_registers(iter(documents), tmp_path, lambda path, pages: heard.append((path.name, pages)))

    assert sorted(heard) == [("01.pdf", 1), ("02.pdf", 2), ("03.pdf", 3)]
    assert sorted(printed) == sorted(tmp_path.iterdir())
    assert [len(printed_text(tmp_path / name)) for name, _ in sorted(heard)] == [1, 2, 3]
