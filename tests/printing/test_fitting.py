from hypothesis import given
from hypothesis import strategies as st

from reports.printing.fitting import LEADING, advances, fit, fit_remark, plain, width_of, wrap

from .cast import GENERAL_STANDARD

HAN = "王秀兰阿卜杜热合曼·，（）—"
TEXTS = st.text(alphabet=HAN + "Aliy Wm19-#*.", max_size=120).map(plain)
WIDTHS, HEIGHTS = st.floats(20, 130), st.floats(9, 34)


def height_of(fitted):
    return fitted.size * (len(fitted.lines) + LEADING * (len(fitted.lines) - 1))


def test_the_font_has_every_general_standard_character():
    characters = set(GENERAL_STANDARD.read_text().replace("\n", ""))

    assert len(characters) == 8105
    assert characters <= advances().keys()


@given(text=TEXTS, width=WIDTHS, height=HEIGHTS)
def test_all_of_a_text_fits_its_cell(text, width, height):
    fitted = fit(text, width, height)

    assert "".join(fitted.lines).replace(" ", "") == text.replace(" ", "")
    assert all(width_of(line) * fitted.size <= width + 0.001 for line in fitted.lines)
    assert len(fitted.lines) == 1 or height_of(fitted) <= height + 0.001


@given(text=TEXTS, width=WIDTHS, height=HEIGHTS)
def test_a_remark_stays_legible_and_says_when_it_was_cut(text, width, height):
    fitted = fit_remark(text, width, height)

    assert fitted.size >= 6
    assert all(width_of(line) * fitted.size <= width + 0.001 for line in fitted.lines)
    whole = "".join(fitted.lines).replace(" ", "") == text.replace(" ", "")
    assert whole or fitted.lines[-1].endswith("…")


def test_ordinary_values_keep_the_ordinary_size():
    assert fit("王秀兰", 92, 20).size == 10.5


def test_lines_are_about_equally_long():
    assert fit("社会保障兜底脱贫对象户", 80, 21).lines == ("社会保障兜底", "脱贫对象户")


def test_words_and_punctuation_stay_together():
    assert wrap("王秀兰，李伟", 3) == ("王秀", "兰，李", "伟")
    assert wrap("Karl von Moor，户主", 5) == ("Karl von", "Moor，户", "主")
