"""The first page: everyone sees the progress of their own places, nobody another's."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse as url
from django.utils.timezone import localdate

from enrollment.actions.ledger import pay_directly
from tests.makers import make_clerk, make_family, make_plan, make_township, make_user, make_village
from villages.models import Role

pytestmark = pytest.mark.django_db
TODAY = localdate()


@pytest.fixture
def town():
    township = make_township()
    make_plan(township)
    return township


@pytest.fixture
def willow(town):
    return make_village(town, "柳树村", quota=100)


@pytest.fixture
def poplar(town):
    return make_village(town, "杨树村", quota=50)


def page(user, **query):
    client = Client()
    client.force_login(user)
    return client.get(url("progress", args=[2020]), query)


def test_whoever_is_not_logged_in_is_asked_who_they_are(client):
    assert client.get("/").headers["Location"] == "/login/?next=/"


def test_the_login_page_lets_a_person_in_by_name_and_password(client, willow):
    user = make_clerk(willow)
    user.set_password("gao-liang-di")
    user.save()

    wrong = client.post(url("login"), {"username": "clerk", "password": "x"})
    right = client.post(url("login"), {"username": "clerk", "password": "gao-liang-di"})

    assert "用户名或密码不对" in wrong.content.decode()
    assert right.headers["Location"] == "/"


def test_the_same_sentence_whoever_is_unknown_closed_or_mistyped(client, willow):
    closed = make_clerk(willow)
    closed.set_password("gao-liang-di")
    closed.is_active = False
    closed.save()

    answers = {
        client.post(url("login"), {"username": name, "password": word}).context["form"].non_field_errors()[0]
        for name, word in [("clerk", "gao-liang-di"), ("nobody", "gao-liang-di"), ("clerk", "wrong")]
    }

    assert answers == {"用户名或密码不对，请重新输入。"}


@pytest.mark.parametrize("role", [Role.TOWNSHIP, Role.HEALTH, Role.AUDITOR])
def test_the_township_sees_all_its_villages_and_their_sum(town, willow, poplar, role):
    text = page(make_user("reader", role, place=town)).content.decode()

    assert "柳树村" in text
    assert "杨树村" in text
    assert "合计" in text


def test_a_clerk_sees_their_own_village_with_its_rank_and_no_sum(willow, poplar):
    household, _ = make_family(poplar, "张三")
    make_family(willow, "李四")
    pay_directly(
        household=household,
        year=2020,
        key=uuid4(),
        by=make_clerk(poplar, "other"),
        on=date(2019, 12, 5),
        channel="",
        slip="",
    )

    told = page(make_clerk(willow)).context["sheets"]

    assert [(row["name"], row["rank"]) for sheet in told for row in sheet.villages] == [("柳树村", 1)]
    assert told[0].total is None


@pytest.mark.parametrize("role", [Role.SYSADMIN, Role.BUREAU, None])
def test_who_has_no_business_there_finds_nothing(town, willow, role):
    user = make_user("stranger", role, place=town, office="民政办" if role == Role.BUREAU else "")

    assert page(user).status_code == 404
    client = Client()
    client.force_login(user)
    assert "不查看参保业务数据" in client.get("/").content.decode()


def test_another_township_is_not_shown(town, willow):
    elsewhere = make_township("槐树镇")
    make_village(elsewhere, "槐树村", quota=10)

    text = page(make_user("boss", Role.TOWNSHIP, place=town)).content.decode()

    assert "柳树村" in text
    assert "槐树" not in text


def test_the_page_goes_back_to_any_day_but_not_forward(town, willow):
    boss = make_user("boss", Role.TOWNSHIP, place=town)

    past = page(boss, on="2019-12-10")
    future = page(boss, on=(TODAY + timedelta(days=1)).isoformat())
    nonsense = page(boss, on="yesterday")

    assert past.context["on"] == date(2019, 12, 10)
    assert [answer.context["on"] for answer in (future, nonsense)] == [TODAY, TODAY]
    assert "这一天还没有到" in future.content.decode()


def test_the_day_stands_in_its_field_and_numbers_have_commas(town):
    make_village(town, "柏树村", quota=51005)

    text = page(make_user("boss", Role.TOWNSHIP, place=town)).content.decode()

    assert f'value="{TODAY.isoformat()}"' in text
    assert "占任务 51,005 人" in text
    assert "差48,455" in text


def test_the_page_takes_the_same_queries_for_one_village_and_for_three(town, willow, django_assert_num_queries):
    boss = make_user("boss", Role.TOWNSHIP, place=town)
    client = Client()
    client.force_login(boss)
    address = url("progress", args=[2020])
    with django_assert_num_queries(10):
        client.get(address)
    for name in ("桃树村", "李树村"):
        make_family(make_village(town, name, quota=10), "王五", "王六")

    with django_assert_num_queries(10):
        client.get(address)


def test_nothing_changes_by_get_and_posting_is_refused(town, willow):
    client = Client()
    client.force_login(make_user("boss", Role.TOWNSHIP, place=town))

    assert client.post(url("progress", args=[2020])).status_code == 405
    assert client.post("/").status_code == 405


def test_an_account_that_was_closed_is_out_at_the_next_request(town, willow):
    boss = make_user("boss", Role.TOWNSHIP, place=town)
    client = Client()
    client.force_login(boss)
    before = client.get(url("progress", args=[2020])).status_code
    boss.is_active = False
    boss.save()

    after = client.get(url("progress", args=[2020]))

    assert before == 200
    assert after.status_code == 302
