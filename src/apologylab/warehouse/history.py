"""Customers whose history is shorter than a covariate's window (R22)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.warehouse.lacking import FEWEST, MISSING
from apologylab.warehouse.sql import identifier
from apologylab.warehouse.tally import DAY

if TYPE_CHECKING:
    import duckdb

    from apologylab.design.experiment import Experiment


def shorter(
    connection: duckdb.DuckDBPyConnection, experiment: Experiment
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Add an indicator to table ``tallies`` for each covariate that some units lack in part.

    A unit lacks it if its customer is one for less than the covariate's window; the covariate is
    then 0 beside an indicator of 1. Gives the covariates to use, and notes.
    """
    names: list[str] = []
    notes: list[str] = []
    for outcome in experiment.outcomes:
        name = f"{outcome.name}:pre"
        if name not in experiment.plan.covariates:
            continue
        names.append(name)
        lacks = f"coalesce(since > anchor - {(outcome.pre_days or 0) * DAY}, FALSE)"
        lacking, fewest, unknown = _count(connection, lacks)
        if unknown:
            notes.append(f"{name}: {unknown} units have no known first day, so a full history")
        if lacking and fewest >= FEWEST:
            names.append(name + MISSING)
            _mark(connection, name, lacks)
            notes.append(f"{name}: {lacking:,} units have a shorter history: 0 beside an indicator")
        elif lacking:
            notes.append(f"{name}: {lacking:,} units have a shorter history: taken as it is")
    return tuple(names), tuple(notes)


def _count(connection: duckdb.DuckDBPyConnection, lacks: str) -> tuple[int, int, int]:
    """Units that lack it, the fewest on either side in an arm, units of unknown tenure."""
    row = connection.execute(
        "SELECT coalesce(sum(lacking), 0), coalesce(min(least(lacking, n - lacking)), 0), "
        "coalesce(sum(unknown), 0) FROM (SELECT count(*) AS n, count(*) FILTER "
        f"(WHERE {lacks}) AS lacking, count(*) FILTER (WHERE since IS NULL) AS unknown "
        "FROM tallies GROUP BY phase, arm)"
    ).fetchone()
    lacking, fewest, unknown = row or (0, 0, 0)
    return int(lacking), int(fewest), int(unknown)


def _mark(connection: duckdb.DuckDBPyConnection, name: str, lacks: str) -> None:
    indicator = identifier(name + MISSING)
    connection.execute(f"ALTER TABLE tallies ADD COLUMN {indicator} DOUBLE")
    connection.execute(f"UPDATE tallies SET {indicator} = CAST({lacks} AS DOUBLE)")
    connection.execute(f"UPDATE tallies SET {identifier(name)} = 0.0 WHERE {lacks}")
