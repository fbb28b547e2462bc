"""Engines that run what Ibis writes: DuckDB, PostgreSQL and Spark, each by its own connection.

Ibis only translates. Its own ways of running a query go through pandas, and bring more than an
analysis needs; here a query's result is a short list of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from apologylab.errors import MissingPartError, NotEstimable

if TYPE_CHECKING:
    import duckdb

Row = tuple[Any, ...]
MOST = 1_000_000
"""Rows that Spark hands over, at most: sums by set, distinct values, times of events."""


class Engine(Protocol):
    """Where a panel lies."""

    @property
    def dialect(self) -> str:
        """Ibis' name for its SQL."""
        ...

    @property
    def gives_rows(self) -> bool:
        """Whether units themselves may be taken out of it."""
        ...

    def run(self, sql: str) -> Sequence[Row]:
        """The rows of a query."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class DuckEngine:
    """DuckDB in this process."""

    connection: duckdb.DuckDBPyConnection
    dialect: str = "duckdb"
    gives_rows: bool = True

    def run(self, sql: str) -> Sequence[Row]:
        """See :meth:`Engine.run`."""
        return self.connection.execute(sql).fetchall()


@dataclass(frozen=True, kw_only=True, eq=False)
class PostgresEngine:
    """A PostgreSQL server; ``connection`` is psycopg's."""

    connection: Any
    dialect: str = "postgres"
    gives_rows: bool = True

    def run(self, sql: str) -> Sequence[Row]:
        """See :meth:`Engine.run`."""
        rows: Sequence[Row] = self.connection.execute(sql).fetchall()
        return rows


@dataclass(frozen=True, kw_only=True, eq=False)
class SparkEngine:
    """A Spark session; it hands over what is small, and never units."""

    session: Any
    dialect: str = "pyspark"
    gives_rows: bool = False

    def run(self, sql: str) -> Sequence[Row]:
        """See :meth:`Engine.run`.

        Raises:
            NotEstimable: the result is not small.
        """
        rows = [tuple(row) for row in self.session.sql(sql).limit(MOST + 1).collect()]
        if len(rows) > MOST:
            raise NotEstimable(
                f"more than {MOST:,} rows would leave Spark",
                do="round the column, or ask for an estimator that reads sums",
            )
        return rows


def written(expression: Any, dialect: str) -> str:
    """An expression in the SQL of an engine."""
    library = ibis()
    getattr(library, dialect)  # enters the dialect's own options, which its translation reads
    return str(library.to_sql(expression, dialect=dialect))


def exactly(value: float) -> Any:
    """A double with all its digits, as an expression; engines read ``0.1`` as a decimal."""
    return ibis().literal(repr(float(value))).cast("float64")


def ibis() -> Any:
    """The library that writes SQL for every engine.

    Raises:
        MissingPartError: it is not installed.
    """
    try:
        import ibis as library
    except ImportError as error:
        raise MissingPartError(
            "Ibis is not installed", do="pip install 'apologylab[spark]'"
        ) from error
    return library
