from typing import Any

from django.apps import apps
from django.db import DatabaseError
from django.db.models import BooleanField, CheckConstraint
from django.db.models.expressions import RawSQL


class DatabaseCheck(CheckConstraint):
    """A check written in SQL, for what Django's expressions can't say; forms check the same with the room's own rule."""

    def __init__(self, *, sql: str, name: str, violation_error_message: str) -> None:
        self.sql = sql
        condition = RawSQL(sql, [], output_field=BooleanField())  # noqa: S611 - a literal of this code
        super().__init__(condition=condition, name=name, violation_error_message=violation_error_message)

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """The database is asked when the row is saved."""

    def deconstruct(self) -> tuple[str, tuple[()], dict[str, Any]]:
        message = str(self.violation_error_message)
        return (
            "accounts.constraints.DatabaseCheck",
            (),
            {"sql": self.sql, "name": self.name, "violation_error_message": message},
        )


def sentence_of(error: DatabaseError) -> str:
    """What a clerk is told when the database refused: the constraint's sentence, never PostgreSQL's own text,

    which contains values. What no constraint of Django's can say, a model says in `sentences`, by name.
    """
    diagnosis = getattr(error.__cause__, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    for model in apps.get_models():
        sentences: dict[str | None, str] = getattr(model, "sentences", {})
        if name in sentences:
            return sentences[name]
        for field in model._meta.local_concrete_fields:
            if name == f"{model._meta.db_table}_{field.column}_key":
                return str(field.error_messages["unique"])
        for constraint in model._meta.constraints:
            if constraint.name == name:
                return str(constraint.violation_error_message)
    if name and getattr(diagnosis, "sqlstate", "") == "23514" and not getattr(diagnosis, "schema_name", None):
        return str(getattr(diagnosis, "message_primary", ""))
    return "数据库没有接受这次更改，什么也没有改变；请再试一次，仍不行请联系管理员。"
