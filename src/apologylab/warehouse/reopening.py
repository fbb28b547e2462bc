"""What facts say of one incident: under one name, and whether a contact reopened it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.design.measures import REOPENS
from apologylab.warehouse.sql import identifier
from apologylab.warehouse.staging import LEDGER
from apologylab.warehouse.tally import BY

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from apologylab.warehouse.staging import Stager

REOPENED: Final = identifier(REOPENS)


def one_name(stager: Stager, kinds: Iterable[str]) -> None:
    """Let facts about an incident that a complaint had opened name it by that one's key."""
    same = f"(SELECT key, incident AS stands FROM {LEDGER}.fact_same_incident WHERE seq <= {{}})"
    same = same.format(stager.mark)
    if not stager.connection.execute(f"SELECT 1 FROM {same} LIMIT 1").fetchone():
        return
    for kind in kinds:
        stager.connection.execute(
            f"UPDATE staged_{kind} SET incident = s.stands FROM {same} s "
            f"WHERE staged_{kind}.incident = s.key"
        )


def mark_reopening(connection: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Add to table ``staged_<kind>`` whether the customer came back after the resolution.

    The last resolution before it counts: one that said it was not resolved has left it open. What
    the company wrote reopens nothing.
    """
    theirs = f"{BY} = 'customer'" if kind == "contact" else "TRUE"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE staged_{kind} AS SELECT f.*, "
        f"CAST(coalesce({theirs} AND r.resolved = 1, FALSE) AS BIGINT) AS {REOPENED} "
        f"FROM staged_{kind} f ASOF LEFT JOIN staged_resolution r "
        "ON f.incident = r.incident AND f.occurred_at > r.occurred_at"
    )
