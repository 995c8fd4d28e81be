"""People at work, the files they handed in, and the trail of what changed."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

CONSOLE = "console"


@models.Field.register_lookup
class OneOf(models.Lookup):
    """`field__one_of=[…]`: one array parameter instead of a placeholder for each of 50,000 values."""

    lookup_name = "one_of"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, params = self.process_lhs(compiler, connection)
        # Without the column's own type a list of numbers is int4[], which a bigint column can only search one by one.
        kind = (self.lhs.output_field.db_type(connection) or "text").partition("(")[0]
        return f"{left} = ANY(%s::{kind}[])", [*params, list(self.rhs)]


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, full_name: str = "", password: str | None = None) -> "User":
        user = self.model(username=username, full_name=full_name or username)
        user.set_password(password)
        user.save()
        return user

    def console(self) -> "User":
        """The account that acts from the command line; nobody can log in with it."""
        return self.get(username=CONSOLE)


class User(AbstractBaseUser):
    """One human. Rights come from postings, never from here."""

    username = models.CharField("用户名", max_length=40, unique=True, error_messages={"unique": "已有这个用户名。"})
    full_name = models.CharField("姓名", max_length=50)
    is_active = models.BooleanField("在用", default=True)
    code_hash = models.CharField("一次性口令", max_length=128, blank=True)
    code_expires_at = models.DateTimeField("口令有效至", null=True, blank=True)
    created_at = models.DateTimeField("建立时间", db_default=Now())

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["full_name"]

    class Meta:
        verbose_name = verbose_name_plural = "账号"
        constraints = [
            models.CheckConstraint(
                condition=~Q(username=""), name="user_has_a_name", violation_error_message="用户名不能为空。"
            ),
            models.CheckConstraint(
                condition=~Q(username=CONSOLE) | Q(is_active=False),
                name="nobody_logs_in_as_console",
                violation_error_message="console 只供命令行使用，不能登录。",
            ),
        ]

    def __str__(self) -> str:
        return self.full_name

    def get_full_name(self) -> str:
        return self.full_name


class Upload(models.Model):
    """A file that was handed in: its content's hash, who and when. The file itself is not kept."""

    web_may = "SELECT, INSERT"

    kind = models.CharField("种类", max_length=20)
    name = models.CharField("文件名", max_length=255)
    sha256 = models.CharField("内容摘要", max_length=64, db_index=True)
    by = models.ForeignKey(User, models.PROTECT, verbose_name="经手人")
    at = models.DateTimeField("时间", db_default=Now())

    class Meta:
        verbose_name = verbose_name_plural = "交来的表"
        constraints = [
            models.CheckConstraint(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}$"),
                name="upload_hash_is_sha256",
                violation_error_message="文件摘要不对。",
            )
        ]

    def __str__(self) -> str:
        return self.name


class AuditRow(models.Model):
    """One change of one business row, written by the database itself in the transaction of the change."""

    web_may = "SELECT"

    at = models.DateTimeField("时间", db_default=Now())
    actor = models.CharField("经手人", max_length=40)
    request = models.CharField("请求", max_length=40, blank=True)
    action = models.CharField("动作", max_length=10)
    table = models.CharField("表", max_length=63)
    row = models.BigIntegerField("行")
    before = models.JSONField("改前", null=True)
    after = models.JSONField("改后", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "留痕"
        indexes = [models.Index(fields=["table", "row"], name="audit_by_row")]

    def __str__(self) -> str:
        return f"{self.action} {self.table} {self.row}"
