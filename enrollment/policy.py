"""What the roll knows by rule: relations to the householder (GB/T 4761) and readings of names. Pure functions."""

from functools import lru_cache
from itertools import product

from pypinyin import Style, lazy_pinyin

HOUSEHOLDER = "02"

# GB/T 4761-2008, the codes a household register uses, each with the words clerks write for it.
RELATIONS: dict[str, tuple[str, ...]] = {
    "01": ("本人",),
    "02": ("户主",),
    "10": ("配偶", "爱人"),
    "11": ("夫", "丈夫", "老公"),
    "12": ("妻", "妻子", "老婆", "媳妇"),
    "20": ("子", "儿子"),
    "21": ("独生子",),
    "22": ("长子", "大儿子"),
    "23": ("次子", "二子", "二儿子"),
    "24": ("三子", "三儿子"),
    "25": ("四子", "四儿子"),
    "26": ("五子", "五儿子"),
    "27": ("养子", "继子", "养子或继子"),
    "28": ("女婿",),
    "29": ("其他儿子",),
    "30": ("女", "女儿"),
    "31": ("独生女",),
    "32": ("长女", "大女儿"),
    "33": ("次女", "二女", "二女儿"),
    "34": ("三女", "三女儿"),
    "35": ("四女", "四女儿"),
    "36": ("五女", "五女儿"),
    "37": ("养女", "继女", "养女或继女"),
    "38": ("儿媳", "儿媳妇"),
    "39": ("其他女儿",),
    "40": ("孙辈", "孙子、孙女或外孙子、外孙女"),
    "41": ("孙子", "孙"),
    "42": ("孙女",),
    "43": ("外孙子", "外孙"),
    "44": ("外孙女",),
    "45": ("孙媳妇", "孙媳", "外孙媳妇"),
    "46": ("孙女婿", "外孙女婿"),
    "47": ("曾孙子", "曾孙", "重孙", "重孙子", "曾外孙子"),
    "48": ("曾孙女", "重孙女", "曾外孙女"),
    "49": ("其他孙子、孙女", "其他孙辈"),
    "50": ("父母",),
    "51": ("父", "父亲", "爸爸"),
    "52": ("母", "母亲", "妈妈"),
    "53": ("公公",),
    "54": ("婆婆",),
    "55": ("岳父", "丈人"),
    "56": ("岳母", "丈母娘"),
    "57": ("继父", "养父", "继父或养父"),
    "58": ("继母", "养母", "继母或养母"),
    "59": ("其他父母关系",),
    "60": ("祖父母", "祖父母或外祖父母"),
    "61": ("祖父", "爷爷"),
    "62": ("祖母", "奶奶"),
    "63": ("外祖父", "外公"),
    "64": ("外祖母", "外婆"),
    "65": ("配偶的祖父母", "配偶的祖父母或外祖父母"),
    "66": ("曾祖父",),
    "67": ("曾祖母",),
    "68": ("配偶的曾祖父母",),
    "69": ("其他祖父母或外祖父母关系", "其他祖辈"),
    "70": ("兄弟姐妹",),
    "71": ("兄", "哥哥", "哥"),
    "72": ("嫂", "嫂子"),
    "73": ("弟", "弟弟"),
    "74": ("弟媳", "弟媳妇", "弟妹"),
    "75": ("姐", "姐姐"),
    "76": ("姐夫",),
    "77": ("妹", "妹妹"),
    "78": ("妹夫",),
    "79": ("其他兄弟姐妹",),
    "80": ("其他",),
    "81": ("伯父", "伯伯"),
    "82": ("伯母",),
    "83": ("叔父", "叔叔"),
    "84": ("婶母", "婶婶"),
    "85": ("舅父", "舅舅"),
    "86": ("舅母", "舅妈"),
    "87": ("姨父", "姨夫"),
    "88": ("姨母", "姨妈"),
    "89": ("姑父", "姑夫"),
    "90": ("姑母", "姑妈", "姑姑"),
    "91": ("堂兄弟、堂姐妹", "堂兄弟", "堂姐妹"),
    "92": ("表兄弟、表姐妹", "表兄弟", "表姐妹"),
    "93": ("侄子", "侄儿"),
    "94": ("侄女",),
    "95": ("外甥",),
    "96": ("外甥女",),
    "97": ("其他亲属", "亲属"),
    "98": ("保姆",),
    "99": ("非亲属",),
}
CODES = {word: code for code, words in RELATIONS.items() for word in words} | {code: code for code in RELATIONS}

# Surnames read differently from the same character elsewhere; people search by either.
SURNAME_READINGS = {
    "曾": "z",
    "单": "s",
    "仇": "q",
    "解": "x",
    "查": "z",
    "区": "o",
    "翟": "z",
    "尉": "y",
    "召": "s",
    "种": "c",
    "重": "c",
    "秘": "b",
    "折": "s",
    "乐": "y",
    "宓": "f",
    "适": "k",
    "覃": "q",
}


def relation_code(word: str) -> str | None:
    """The GB/T 4761 code of a code, word or clerk's alias; None when it is none of these."""
    return CODES.get(word.strip())


def relation_word(code: str) -> str:
    """The word the register prints for a code."""
    return RELATIONS[code][0] if code in RELATIONS else ""


@lru_cache(maxsize=8192)
def _syllable(character: str) -> str:
    return str(lazy_pinyin(character, style=Style.NORMAL, errors="default")[0])


@lru_cache(maxsize=8192)
def _initials(character: str) -> tuple[str, ...]:
    usual = _syllable(character)[:1].lower()
    other = SURNAME_READINGS.get(character, usual)
    return (usual, other) if other != usual else (usual,)


def name_pinyin(name: str) -> str:
    """The name's pinyin without tones, to sort by."""
    return " ".join(_syllable(character) for character in name)[:200]


def pinyin_initials(name: str) -> tuple[str, str]:
    """The initials a person is found by, and those of the surname's other reading ("" when there is none)."""
    if not name:
        return "", ""
    rest = "".join(_initials(character)[0] for character in name[1:])
    readings = [first + rest for (first,) in product(_initials(name[0]))]
    return readings[0], readings[1] if len(readings) > 1 else ""
