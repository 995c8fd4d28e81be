import pytest

from tests.contract.office import done, sheet
from tests.makers import PLAN_2020, make_user
from villages.models import Role, Township


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
def villages(town, tmp_path):
    """柳树村 (01) asks for 3 people of 4 registered at the police, 桃树村 (02) for 2 of 2."""
    quotas = sheet(tmp_path, "村(社区) 户籍人口数 任务数", ["柳树村", 4, 3], ["桃树村", 2, 2])
    done("import", "quotas", quotas, "--year", 2020)
