"""A ledger's facts, copied into a standing file, and whom the new ones are about.

Facts are only ever added, so a copy is kept up to date by those after its last mark. It is read as
the ledger itself is (schema ``ledger``), while the ledger is attached as ``source``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.warehouse.attach import SQLITE
from apologylab.warehouse.persons import stage_merges, stage_persons
from apologylab.warehouse.sql import text_literal
from apologylab.warehouse.staging import LEDGER, normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

    from apologylab.design.experiment import NormaliseRule

SOURCE = "source"
TOUCHED = "touched"
"""The table of customers whose units are tallied anew."""
BESIDE = (
    "assignment",
    "correction",
    "customer_snapshot",
    "fallback_report",
    "fault",
    "feed",
    "forgotten",
    "incident",
    "merged",
    "same_incident",
)
"""Kinds that every panel reads, beside those of its tallies."""


def copy_new(
    connection: duckdb.DuckDBPyConnection,
    url: str,
    kinds: Iterable[str],
    *,
    after: int | None,
    mark: int,
) -> None:
    """Copy the facts after ``after`` up to ``mark``; None begins anew.

    Who was forgotten is copied whole: it counts at every date.
    """
    for kind in sorted({*kinds, *BESIDE}):
        table = f"{LEDGER}.fact_{kind}"
        if after is None or kind == "forgotten":
            made = f"CREATE OR REPLACE TABLE {table} AS FROM {SOURCE}.fact_{kind} LIMIT 0"
            connection.execute(made)
        where = "TRUE" if kind == "forgotten" else f"seq > {after or 0} AND seq <= {mark}"
        connection.execute(f"INSERT INTO {table} FROM {rows_of(url, f'fact_{kind}', where)}")


def rows_of(url: str, table: str, rest: str) -> str:
    """SQL of rows of the ledger, found by its own index; DuckDB reads SQLite's tables whole."""
    if not url.startswith(SQLITE):
        return f"(SELECT * FROM {SOURCE}.{table} WHERE {rest})"
    query = f"SELECT * FROM {table} WHERE {rest}"
    return f"sqlite_query({text_literal(SOURCE)}, {text_literal(query)})"


def stage_touched(
    connection: duckdb.DuckDBPyConnection,
    kinds: Iterable[str],
    rule: NormaliseRule,
    *,
    after: int | None,
    mark: int,
) -> None:
    """Table ``touched``: the customers whom facts after ``after`` are about; None means all.

    With everybody merged with one of them, and table ``merges``.
    """
    stage_merges(connection, rule, mark=mark)
    stage_persons(connection)
    named = " UNION ALL ".join(_named(kinds, after or 0))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {TOUCHED} AS WITH named AS ("
        f"SELECT DISTINCT {normalised('id', rule)} AS id FROM ({named}) WHERE id IS NOT NULL) "
        "FROM named UNION SELECT id FROM persons WHERE person IN "
        "(SELECT person FROM persons SEMI JOIN named USING (id))"
    )


def _named(kinds: Iterable[str], after: int) -> Iterator[str]:
    """SQL of the ids, as they were told, that new facts are about."""
    for kind in sorted({*kinds, "assignment", "customer_snapshot", "forgotten", "same_incident"}):
        yield f"SELECT customer AS id FROM {LEDGER}.fact_{kind} WHERE seq > {after}"
    for side in ("customer", '"into"'):
        yield f"SELECT {side} AS id FROM {LEDGER}.fact_merged WHERE seq > {after}"
    yield (
        f"SELECT a.customer AS id FROM {LEDGER}.fact_assignment a "
        f"JOIN {LEDGER}.fact_incident i ON i.key = a.incident WHERE i.seq > {after}"
    )
    for kind in sorted(kinds):
        yield from _corrected(kind, after)


def _corrected(kind: str, after: int) -> Iterator[str]:
    """SQL of whose a fact was and is that is new or newly corrected: a correction may move it."""
    ours = f"{LEDGER}.fact_correction WHERE fact = {text_literal(kind)}"
    yield (
        f"SELECT customer AS id FROM {LEDGER}.fact_{kind} "
        f"WHERE key IN (SELECT corrects FROM {ours} AND seq > {after})"
    )
    yield (
        f"SELECT fields ->> 'customer' AS id FROM {ours} AND (corrects IN "
        f"(SELECT corrects FROM {ours} AND seq > {after}) OR corrects IN "
        f"(SELECT key FROM {LEDGER}.fact_{kind} WHERE seq > {after}))"
    )
