"""Customers who turned out to be one: their units and outcomes are one customer's (R8).

A person's first assignment defines the arm, and what all ids did is theirs. Who was given two arms
stays, in the first, and is counted by arm, so that everybody sees how much of it there was. First
is who was drawn first: an older incident that is told later, perhaps because of what the first arm
gave, replaces nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.warehouse.staging import LEDGER, normalised

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from apologylab.design.experiment import NormaliseRule


def stage_merges(connection: duckdb.DuckDBPyConnection, rule: NormaliseRule, *, mark: int) -> None:
    """Table ``merges``: pairs of ids of one customer, up to ``mark``, in both directions."""
    one, other = normalised("customer", rule), normalised('"into"', rule)
    told = f"FROM {LEDGER}.fact_merged WHERE seq <= {mark} AND {one} <> {other}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE merges AS SELECT {one} AS a, {other} AS b {told} "
        f"UNION SELECT {other}, {one} {told}"
    )


def pool(
    connection: duckdb.DuckDBPyConnection, kinds: Iterable[str], *, one_unit: bool
) -> tuple[str, ...]:
    """Let facts and units of merged ids have one id, the least; gives notes.

    ``one_unit``: the customer is what is randomised, so a person enters once.
    """
    if not connection.execute("SELECT 1 FROM merges LIMIT 1").fetchone():
        return ()
    stage_persons(connection)
    for table in ("units", *(f"staged_{kind}" for kind in sorted(kinds))):
        connection.execute(
            f"UPDATE {table} SET customer = person FROM persons WHERE customer = persons.id"
        )
    connection.execute(
        "UPDATE units SET forgotten = TRUE WHERE customer IN "
        "(SELECT customer FROM units WHERE forgotten)"
    )
    return _enter_once(connection) if one_unit else ()


def stage_persons(connection: duckdb.DuckDBPyConnection) -> None:
    """Table ``persons``: every merged id, and the least id of the same customer."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE persons AS WITH RECURSIVE met(id, other) AS ("
        "SELECT a, b FROM merges UNION SELECT met.id, b FROM met JOIN merges ON a = met.other) "
        "SELECT id, least(id, min(other)) AS person FROM met GROUP BY id"
    )


def _enter_once(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Keep each person's first unit; says how many had another, and how many another arm."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE later AS SELECT unit, arm, first_arm FROM (SELECT unit, arm, "
        "first_value(arm) OVER met AS first_arm, row_number() OVER met AS nth FROM units "
        "WINDOW met AS (PARTITION BY customer ORDER BY unit)) WHERE nth > 1"
    )
    connection.execute("DELETE FROM units WHERE unit IN (SELECT unit FROM later)")
    merged = connection.execute("SELECT count(*) FROM later").fetchone() or (0,)
    if not merged[0]:
        return ()
    arms = connection.execute(
        "SELECT first_arm, count(*) FROM later WHERE arm <> first_arm GROUP BY first_arm ORDER BY 1"
    ).fetchall()
    two = ", ".join(f"{n} in {arm}" for arm, n in arms)
    given = f"; given another arm later, and kept: {two}" if two else ""
    return (f"{merged[0]} units are merged with an earlier one of the same customer{given}",)
