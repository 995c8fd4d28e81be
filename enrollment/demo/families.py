"""Who lives together: the kinds of household a rural township has."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .chance import Urn
from .rows import HEAD, MAN, WOMAN

HUSBAND, WIFE, SON_IN_LAW, DAUGHTER_IN_LAW = "11", "12", "28", "38"
FATHER, MOTHER = "51", "52"
BROTHER = "73"
HIS_PARENTS, HER_PARENTS = ("53", "54"), ("55", "56")
"""As a woman who heads the household, or a man, would call the other's parents."""

SONS = ("22", "23", "24")
DAUGHTERS = ("32", "33", "34")
ONLY_SON, ONLY_DAUGHTER, SON, DAUGHTER = "21", "31", "20", "30"
GRANDCHILDREN = {(MAN, False): "41", (WOMAN, False): "42", (MAN, True): "43", (WOMAN, True): "44"}

BOYS = 112 / 212
MOTHERHOOD = (24.5, 2.6)
YOUNGEST_MOTHER = 19.0
ADULT = 19.0
FATHERS_LINE = 0
LARGEST = 8


@dataclass(slots=True)
class Member:
    """Somebody of a family: age in years on the census day; members of one `kin` share a surname."""

    relation: str
    sex: str
    age: float
    kin: int = FATHERS_LINE
    is_mother: bool = False
    """Of the family's youngest children."""


Family = list[Member]
Template = Callable[[Random], Family]


def _sex(rng: Random, men: float = BOYS) -> str:
    return MAN if rng.random() < men else WOMAN


def _wed(rng: Random, age: float) -> tuple[Member, Member]:
    """A couple whose husband has that age; now and then she heads the household."""
    man = Member(HEAD, MAN, age)
    woman = Member(WIFE, WOMAN, max(20.5, age - rng.gauss(2.0, 2.4)), kin=1)
    if rng.random() < 0.06:
        man.relation, woman.relation = HUSBAND, HEAD
    return man, woman


def _births(rng: Random, mother: float, most: int = 3) -> list[tuple[str, float]]:
    """Sex and age of a mother's children, eldest first: one to three, some years apart."""
    age = mother - max(YOUNGEST_MOTHER, rng.gauss(*MOTHERHOOD))
    born = []
    for _ in range(min(most, rng.choices((1, 2, 3), (40, 48, 12))[0])):
        if age < 0:
            break
        born.append((_sex(rng), age))
        age -= rng.uniform(1.2, 6.5)
    return born


def _relation_codes(rng: Random, sexes: list[str]) -> list[str]:
    """How a register names children: by order, or plainly where the office did not ask."""
    if rng.random() < 0.35:
        return [SON if sex == MAN else DAUGHTER for sex in sexes]
    if len(sexes) == 1:
        return [ONLY_SON if sexes[0] == MAN else ONLY_DAUGHTER]
    return [(SONS if sex == MAN else DAUGHTERS)[sexes[:place].count(sex)] for place, sex in enumerate(sexes)]


def _children(rng: Random, mother: float, most: int = 3, kin: int = FATHERS_LINE) -> Family:
    """The householder's children."""
    born = _births(rng, mother, most)
    codes = _relation_codes(rng, [sex for sex, _ in born])
    return [Member(code, sex, age, kin) for code, (sex, age) in zip(codes, born, strict=True)]


def _grandchildren(rng: Random, mother: float, *, of_daughter: bool, kin: int, most: int = 3) -> Family:
    born = _births(rng, mother, most)
    return [Member(GRANDCHILDREN[sex, of_daughter], sex, age, kin) for sex, age in born]


def elder_alone(rng: Random) -> Family:
    """One old person."""
    return [Member(HEAD, _sex(rng, 0.44), rng.triangular(61, 96, 76))]


def elders(rng: Random) -> Family:
    """An old couple, the children gone."""
    return list(_wed(rng, rng.triangular(60, 91, 70)))


def bachelor(rng: Random) -> Family:
    """A man on his own, some with a brother."""
    man = Member(HEAD, MAN, rng.uniform(27, 61))
    brother = [Member(BROTHER, MAN, max(ADULT, man.age - rng.uniform(2, 9)))] if rng.random() < 0.15 else []
    return [man, *brother]


def couple(rng: Random) -> Family:
    """A couple whose children have their own households."""
    return list(_wed(rng, rng.uniform(44, 62)))


def young_family(rng: Random) -> Family:
    """Parents with children at home."""
    man, woman = _wed(rng, rng.triangular(24, 51, 40))
    children = _children(rng, woman.age)
    woman.is_mother = bool(children)
    return [man, woman, *children]


def grown_family(rng: Random) -> Family:
    """Parents with unmarried grown children, one or two of them still on the same page."""
    man, woman = _wed(rng, rng.uniform(44, 62))
    children = [child for child in _children(rng, woman.age, most=2) if child.age < 36]
    return [man, woman, *children]


def single_parent(rng: Random) -> Family:
    """A widow, widower or divorced parent with children."""
    sex = _sex(rng, 0.4)
    age = rng.uniform(27, 58)
    # A mother's children bear their father's name.
    parent = Member(HEAD, sex, age, kin=FATHERS_LINE if sex == MAN else 1, is_mother=sex == WOMAN)
    return [parent, *[child for child in _children(rng, age, most=2) if child.age < 30]]


def skipped_generation(rng: Random) -> Family:
    """Grandparents who bring up a grandchild; the parents are away, divorced or dead."""
    man, woman = _wed(rng, rng.uniform(50, 72))
    age = min(rng.uniform(3, 16), woman.age - 2 * YOUNGEST_MOTHER)
    of_daughter = rng.random() < 0.15
    child = Member("", _sex(rng), max(0.5, age), kin=2 if of_daughter else FATHERS_LINE)
    child.relation = GRANDCHILDREN[child.sex, of_daughter]
    keepers = [man, woman] if rng.random() < 0.7 else [_alone(rng, man, woman)]
    return [*keepers, child]


def _alone(rng: Random, man: Member, woman: Member) -> Member:
    """One of a couple, now heading the household."""
    left = man if rng.random() < 0.35 else woman
    left.relation = HEAD
    return left


def three_generations(rng: Random) -> Family:
    """Grandparents, a married child and the grandchildren, headed by the old or by the young."""
    husband = rng.triangular(23, 52, 39)
    if husband + 24 < 69 and rng.random() < 0.6:
        return _under_the_old(rng, husband)
    return _under_the_young(rng, husband)


def _under_the_old(rng: Random, husband: float) -> Family:
    man, woman = _wed(rng, husband + rng.uniform(22, 28))
    by_daughter = rng.random() < 0.1
    wife = max(20.5, husband - rng.gauss(2.0, 2.2))
    # The wife of a son brings her own name, the husband of a daughter gives his to the children.
    child = Member(DAUGHTER, WOMAN, wife, is_mother=True) if by_daughter else Member(SON, MAN, husband)
    other = (
        Member(SON_IN_LAW, MAN, husband, kin=2)
        if by_daughter
        else Member(DAUGHTER_IN_LAW, WOMAN, wife, kin=2, is_mother=True)
    )
    kin = 2 if by_daughter else FATHERS_LINE
    elders_left = [man, woman] if rng.random() < 0.75 else [_alone(rng, man, woman)]
    return [*elders_left, child, other, *_grandchildren(rng, wife, of_daughter=by_daughter, kin=kin)]


def _under_the_young(rng: Random, husband: float) -> Family:
    man, woman = _wed(rng, husband)
    children = _children(rng, woman.age)
    woman.is_mother = bool(children)
    return [man, woman, *children, *_parents(rng, man, woman)]


def _parents(rng: Random, man: Member, woman: Member) -> Family:
    """His parents, more seldom hers; one or both still alive."""
    child, codes = (woman, HER_PARENTS) if rng.random() < 0.1 else (man, HIS_PARENTS)
    if child.relation == HEAD:
        codes = (FATHER, MOTHER)
    father = Member(codes[0], MAN, child.age + rng.uniform(23, 30), kin=child.kin)
    mother = Member(codes[1], WOMAN, max(child.age + YOUNGEST_MOTHER, father.age - rng.gauss(2, 2.4)), kin=3)
    return rng.choices(([father, mother], [mother], [father]), (55, 32, 13))[0]


def four_generations(rng: Random) -> Family:
    """Three generations around a householder, and a great-grandmother."""
    husband = rng.uniform(26, 34)
    man, woman = _wed(rng, husband + rng.uniform(22, 26))
    man.relation, woman.relation = HEAD, WIFE
    wife = max(21, husband - rng.gauss(2.0, 2))
    son = Member(SON, MAN, husband)
    bride = Member(DAUGHTER_IN_LAW, WOMAN, wife, kin=2, is_mother=True)
    oldest = Member(MOTHER, WOMAN, man.age + rng.uniform(20, 27), kin=3)
    return [man, woman, oldest, son, bride, *_grandchildren(rng, wife, of_daughter=False, kin=FATHERS_LINE)]


def around_centenarian(rng: Random, age: float) -> Family:
    """An old couple who look after his mother of that age."""
    man = Member(HEAD, MAN, age - rng.uniform(22, 29))
    woman = Member(WIFE, WOMAN, man.age - rng.uniform(0, 4), kin=1)
    return [man, woman, Member(MOTHER, WOMAN, age, kin=3)]


KINDS: Urn[Template] = Urn(
    (
        (elder_alone, 10.0),
        (elders, 10.5),
        (bachelor, 5.0),
        (couple, 10.0),
        (young_family, 20.0),
        (grown_family, 15.0),
        (single_parent, 4.0),
        (skipped_generation, 4.5),
        (three_generations, 20.0),
        (four_generations, 1.0),
    )
)
SMALL: Urn[Template] = Urn(((elder_alone, 3.0), (bachelor, 1.0)))
TRIES = 12


def family_of_at_most(rng: Random, room: int) -> Family:
    """Any kind of family that still fits; a single person where none does."""
    for _ in range(TRIES):
        family = KINDS.draw(rng)(rng)
        if len(family) <= min(room, LARGEST):
            return family
    return SMALL.draw(rng)(rng)[:1]
