"""Many rows in one statement: the set-based way in for imports and postings."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from django.db import connection, models
from psycopg2.extras import execute_values

# Below this a VALUES list is one round trip; above it COPY into a staging table is several times faster.
FEW = 500
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def take_ids(model: type[models.Model], count: int) -> list[int]:
    """That many new primary keys, so that rows that point at each other can be written together."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [pk for (pk,) in cursor.fetchall()]


def insert_many(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Add rows, one INSERT statement in all, so that statement-level checks see them together; how many."""
    rows = list(rows)
    if not rows:
        return 0
    table, names = _quoted(model._meta.db_table), ", ".join(map(_quoted, columns))
    if len(rows) <= FEW:
        _insert_values(f"INSERT INTO {table} ({names}) VALUES %s", rows)
        return len(rows)
    with _Staging(table, names, rows) as staging, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {staging}")
        cursor.execute("SELECT refresh_statistics(%s)", [model._meta.db_table])
    return len(rows)


def update_many(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Change rows in one statement; each row is the primary key, then the values of the columns; how many."""
    rows = list(rows)
    if not rows:
        return 0
    table, names = _quoted(model._meta.db_table), ", ".join(map(_quoted, ["id", *columns]))
    changes = ", ".join(f"{_quoted(column)} = staged.{_quoted(column)}" for column in columns)
    with _Staging(table, names, rows) as staging, connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {staging}")
        cursor.execute(f"UPDATE {table} AS kept SET {changes} FROM {staging} AS staged WHERE kept.id = staged.id")
    return len(rows)


class _Staging:
    """A temporary table with the rows in it. COPY straight into a table under row-level security is refused."""

    def __init__(self, table: str, names: str, rows: list[Sequence[Any]]) -> None:
        self.table, self.names, self.rows = table, names, rows

    def __enter__(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMP TABLE staging AS SELECT {self.names} FROM {self.table} WITH NO DATA")
            # Past Django's cursor psycopg would speak for itself, and no deed would know its errors.
            with connection.wrap_database_errors:
                cursor.copy_expert(f"COPY staging ({self.names}) FROM STDIN", _Lines(self.rows))
        return "staging"

    def __exit__(self, *failed: object) -> None:
        if not failed[0]:
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE staging")


class _Lines:
    """Rows as the text that COPY reads, made as it is asked for."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self.lines = self._lines(rows)

    @staticmethod
    def _lines(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
        for row in rows:
            yield ("\t".join(map(_copied, row)) + "\n").encode()

    def read(self, size: int) -> bytes:
        parts, length = [], 0
        for line in self.lines:
            parts.append(line)
            length += len(line)
            if length >= size:
                break
        return b"".join(parts)


NEEDS_ESCAPE = re.compile(r"[\\\t\n\r]").search


def _escaped(text: str) -> str:
    return text.translate(ESCAPES) if NEEDS_ESCAPE(text) else text


def _json(value: object) -> str:
    return _escaped(json.dumps(value, ensure_ascii=False))


COPIED: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "\\N",
    str: _escaped,
    int: str,
    bool: lambda value: "t" if value else "f",
    date: date.isoformat,
    dict: _json,
    list: _json,
}


def _copied(value: object) -> str:
    return COPIED.get(type(value), lambda other: _escaped(str(other)))(value)


def _insert_values(statement: str, rows: list[Sequence[Any]]) -> None:
    adapted = [[json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v for v in row] for row in rows]
    with connection.cursor() as cursor, connection.wrap_database_errors:
        execute_values(cursor.cursor, statement, adapted, page_size=len(adapted))


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
