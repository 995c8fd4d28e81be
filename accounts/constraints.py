from typing import Any

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
