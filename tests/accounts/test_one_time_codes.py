"""An account begins with a one-time code that its owner turns into a password of their own."""

from datetime import timedelta

import pytest
from django.urls import reverse as url
from django.utils.timezone import now

from accounts.models import User
from tests.makers import make_township
from villages.actions import open_account
from villages.models import Role

pytestmark = pytest.mark.django_db
PASSWORD = "gao-liang-di-7"


@pytest.fixture
def code():
    _, code = open_account(username="xiaoliu", full_name="柳新", role=Role.TOWNSHIP, township=make_township())
    return code


def use(client, code, **more):
    given = {"username": "xiaoliu", "code": code, "password": PASSWORD, "repeated": PASSWORD, **more}
    return client.post(url("use_code"), given)


def test_a_code_becomes_a_password_once(client, code):
    first = use(client, code.lower())
    second = use(client, code)

    assert first.status_code == 302
    assert client.login(username="xiaoliu", password=PASSWORD)
    assert "一次性口令不对" in second.content.decode()


def test_only_the_codes_hash_is_kept(code):
    assert code not in str(User.objects.filter(username="xiaoliu").values().get())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"code": "WRONGWRONG"}, "一次性口令不对"),
        ({"username": "nobody"}, "一次性口令不对"),
        ({"repeated": "another"}, "两次输入的密码不一样"),
        ({"password": "12345678", "repeated": "12345678"}, "密码"),
        ({"password": "xiaoliu1", "repeated": "xiaoliu1"}, "用户名"),
    ],
)
def test_what_is_wrong_is_said_and_the_code_stays_good(client, code, given, sentence):
    refused = use(client, **{"code": code, **given})

    assert refused.status_code == 200
    assert sentence in refused.content.decode()
    assert use(client, code).status_code == 302


def test_an_old_code_is_no_good(client, code):
    User.objects.filter(username="xiaoliu").update(code_expires_at=now() - timedelta(seconds=1))

    assert "已过期" in use(client, code).content.decode()
