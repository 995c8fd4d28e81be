import pytest

from tests.contract.office import done
from tests.makers import PLAN_2020, make_user, make_village
from villages.models import Quota, Role, Township


@pytest.fixture
def town(db) -> Township:
    """An opened office with the 2020 notice, two villages, and two people at the township's desk."""
    done("open_office", "杨柳镇")
    done("plan", "load", PLAN_2020)
    return Township.objects.get()


@pytest.fixture
def boss(town):
    return make_user("boss", Role.TOWNSHIP, place=town)


@pytest.fixture
def villages(town):
    """柳树村 (01) asks for 3 people of 4 registered at the police, 桃树村 (02) for 2 of 2."""
    for name, hukou, target in (("柳树村", 4, 3), ("桃树村", 2, 2)):
        Quota.objects.create(village=make_village(town, name), year=2020, scheme="resident", hukou=hukou, target=target)
