"""Many facts of one kind into PostgreSQL by COPY: their keys in order, then their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apologylab.record.columns import kind_of
from apologylab.storage.arrivals import names
from apologylab.wire.schema import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from apologylab.record.facts import Fact
    from apologylab.storage.rows import Row


def copy_keys(
    driver: psycopg.Connection[Any], kind: type[Fact], keys: Sequence[str], *, first: int
) -> None:
    """Take ``keys``, numbered from ``first`` on, within the transaction of ``driver``.

    Raises:
        psycopg.errors.UniqueViolation: one was taken meanwhile; the transaction is undone.
    """
    name = kind_of(kind)
    ordered = sorted((key, seq) for seq, key in enumerate(keys, first))
    _send(driver, "fact_key (kind, key, seq)", ((name, key, seq) for key, seq in ordered))


def copy_rows(
    driver: psycopg.Connection[Any], kind: type[Fact], rows: Iterable[Row], *, first: int, at: int
) -> None:
    """Store ``rows``, numbered from ``first`` on; they may come while the server stores others."""
    columns = f"{table(kind).name} (seq, {names(kind_of(kind))}, recorded_at)"
    _send(driver, columns, ((seq, *row, at) for seq, row in enumerate(rows, first)))


def _send(driver: psycopg.Connection[Any], into: str, rows: Iterable[Row]) -> None:
    with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as sink:
        for row in rows:
            sink.write_row(row)
