"""What people do with their own accounts."""

import secrets
from datetime import timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User

CODE_LIVES = timedelta(hours=72)
# No 0/O, 1/I/L: the code is read out over the telephone.
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class BadCode(Exception):
    """The one-time code is wrong, used or too old."""


def give_code(user: User) -> str:
    """A new one-time code, good for 72 hours; only its hash is kept. The caller saves the user."""
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(10))
    user.code_hash = make_password(code)
    user.code_expires_at = now() + CODE_LIVES
    return code


@transaction.atomic(durable=True)
def turn_code_into_password(*, username: str, code: str, password: str) -> User:
    """The owner of an account chooses their password. Raises BadCode, ValidationError for a weak one."""
    user = User.objects.select_for_update().filter(username=username, is_active=True).first()
    is_right = check_password(code.strip().upper(), user.code_hash if user and user.code_hash else make_password(None))
    if not user or not is_right or not user.code_expires_at or user.code_expires_at < now():
        raise BadCode("一次性口令不对、已用过或已过期，请向管理员重新领取。")
    validate_password(password, user)
    user.set_password(password)
    user.code_hash, user.code_expires_at = "", None
    user.save()
    return user
