"""Statements on the driver's own cursor, each compiled once.

A transaction runs some twenty small statements. What SQLAlchemy does around each (events, a
context, a result and its metadata) takes longer than a database takes to run it, so here it only
compiles them.
No column of ours needs a value changed on its way in or out (:mod:`apologylab.storage.tables`).
"""

from __future__ import annotations

from collections import namedtuple
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

STATEMENTS = 500
"""Compiled ones that are remembered; the ledger's own are far fewer, and each is made once."""


class Compiled(NamedTuple):
    """A statement's text, what its question marks stand for, and the values it brings itself.

    ``names`` is None where the driver knows values by their names.
    """

    sql: str
    names: tuple[str, ...] | None
    own: Mapping[str, Any]

    def values(self, given: Mapping[str, Any]) -> tuple[Any, ...] | Mapping[str, Any]:
        """In the order of the question marks, or by name."""
        own = self.own
        if self.names is None:
            return {**own, **given}
        return tuple([given[name] if name in given else own[name] for name in self.names])


class Found:
    """What a statement gave."""

    __slots__ = ("_description", "_rows", "rowcount")

    def __init__(self, rows: list[tuple[Any, ...]], description: Any, rowcount: int) -> None:
        self._rows, self._description = rows, description
        self.rowcount = rowcount

    def first(self) -> Any:
        """The first row, or None."""
        return next(iter(self), None)

    def all(self) -> list[Any]:
        """All rows; their columns are attributes, too."""
        if not self._rows:
            return []
        return [*map(_maker(tuple(column[0] for column in self._description)), self._rows)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all())


class Quick:
    """Of a connection, what a transaction needs: run statements, and read their rows by name."""

    def __init__(self, connection: sa.PoolProxiedConnection, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._cursor: Any = connection.cursor()
        self.driver: Any = connection.driver_connection

    def execute(self, statement: Any, parameters: Any = None) -> Found:
        """Run ``statement`` with a mapping of parameters, or once for each of a list of them."""
        compiled = _compiled(statement, self._dialect)
        if isinstance(parameters, list):
            return self._run(compiled.sql, [compiled.values(each) for each in parameters])
        return self._run(compiled.sql, compiled.values(parameters or {}))

    def texts(self, asked: Sequence[tuple[Any, Any]]) -> list[tuple[str, Any]]:
        """Of statements and their parameters, what the driver is given."""
        compiled = [(_compiled(statement, self._dialect), given) for statement, given in asked]
        return [(each.sql, each.values(given)) for each, given in compiled]

    def scalar(self, statement: Any, parameters: Any = None) -> Any:
        """The first column of the first row, or None."""
        row = self.execute(statement, parameters).first()
        return None if row is None else row[0]

    def scalars(self, statement: Any, parameters: Any = None) -> list[Any]:
        """The first column."""
        return [row[0] for row in self.execute(statement, parameters)]

    def exec_driver_sql(self, sql: str, values: Any = None) -> Found:
        """Run a text of the driver's, with no values, with a row of them, or a list of rows."""
        return self._run(sql, values)

    def _run(self, sql: str, values: Any) -> Found:
        cursor = self._cursor
        run = cursor.executemany if isinstance(values, list) else cursor.execute
        try:
            run(sql) if values is None else run(sql, values)
            rows = cursor.fetchall() if cursor.description else []
        except self._dialect.loaded_dbapi.Error as error:
            raise self._explained(sql, error) from error
        return Found(rows, cursor.description, cursor.rowcount)

    def _explained(self, sql: str, error: Any) -> BaseException:
        """``error`` as SQLAlchemy would raise it."""
        is_lost = self._dialect.is_disconnect(error, self.driver, self._cursor)
        told: BaseException = sa.exc.DBAPIError.instance(
            sql,
            None,
            error,
            self._dialect.loaded_dbapi.Error,
            connection_invalidated=is_lost,
            dialect=self._dialect,
        )
        return told


@lru_cache(maxsize=STATEMENTS)
def _compiled(statement: Any, dialect: sa.Dialect) -> Compiled:
    compiled = statement.compile(dialect=dialect)
    names = compiled.positiontup
    in_turn = None if names is None else tuple(names)
    return Compiled(str(compiled), in_turn, dict(compiled.params))


@lru_cache(maxsize=STATEMENTS)
def _maker(names: tuple[str, ...]) -> Callable[[tuple[Any, ...]], Any]:
    row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - known only now
    made: Callable[[tuple[Any, ...]], Any] = row._make
    return made
