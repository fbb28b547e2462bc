"""Blocks and clusters of a panel held by DuckDB: which units were drawn together (R27)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.moments import Cell
from apologylab.inference.sets import Drawn, SetTotals, refuse_parts
from apologylab.warehouse.keys import KEYS, selected
from apologylab.warehouse.sql import double, identifier

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import duckdb

    from apologylab.design.experiment import Experiment

DRAWN_SET = "drawn_set"
"""The panel's column with the number of a unit's block or cluster."""


def drawn_set(experiment: Experiment) -> str | None:
    """SQL of the number of a unit's block or cluster; None where units are drawn one by one."""
    if experiment.unit == "cluster":
        return "dense_rank() OVER (ORDER BY a.phase, a.unit)"
    if experiment.allocation.scheme == "blocks":
        return "dense_rank() OVER (ORDER BY a.phase, a.stratum, a.block)"
    return None


def draws(
    connection: duckdb.DuckDBPyConnection, experiment: Experiment
) -> tuple[SetTotals | None, dict[int, Drawn]]:
    """All units as they were drawn, before ids are merged: by set, and in order by phase."""
    by_set = drawn_set(experiment) is not None
    return (
        set_totals(connection, "units", {*KEYS, DRAWN_SET}, None) if by_set else None,
        _order(connection) if experiment.allocation.scheme == "minimisation" else {},
    )


def _order(connection: duckdb.DuckDBPyConnection) -> dict[int, Drawn]:
    """The units of each phase with their strata, in the order in which they were drawn."""
    found: dict[int, list[tuple[str, str, int]]] = {}
    for phase, *unit in connection.execute(
        "SELECT phase, stratum, arm, unit FROM units ORDER BY unit"
    ).fetchall():
        found.setdefault(phase, []).append((unit[0], unit[1], unit[2]))
    return {
        phase: Drawn(strata=strata, arms=arms, units=units)
        for phase, each in found.items()
        for strata, arms, units in [tuple(zip(*each, strict=True))]
    }


def set_totals(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: AbstractSet[str],
    outcome: str | None,
    by: str = DRAWN_SET,
) -> SetTotals:
    """Counts and sums of ``outcome`` by set and cell; None counts all units.

    A unit that lacks ``by`` is a set of its own, with a negative number.

    Raises:
        InputError: a number of ``by`` is not whole.
    """
    y = "0.0" if outcome is None else f"CAST({identifier(outcome)} AS DOUBLE)"
    number, parted = f"TRY_CAST({identifier(by)} AS BIGINT)", "FALSE"
    if by != DRAWN_SET:
        parted = f"coalesce({identifier(by)} <> {number}, FALSE)"
        number = f"coalesce({number}, -row_number() OVER ())"
    units = (
        f"SELECT * FROM (SELECT {selected(columns)}, {number} AS set_number, {y} AS y, "
        f"{parted} AS parted FROM {relation}) WHERE y IS NOT NULL AND NOT isnan(y)"
    )
    keys = ", ".join(KEYS)
    ((mean, some),) = connection.execute(
        f"SELECT avg(y), bool_or(parted) FROM ({units})"
    ).fetchall()
    refuse_parts(by, parted=bool(some))
    shift = float(mean or 0.0)
    cells = f"SELECT DISTINCT {keys} FROM ({units}) ORDER BY {keys}"
    listed = tuple(Cell(*key) for key in connection.execute(cells).fetchall())
    taken = connection.execute(
        f"SELECT cell, set_number, count(*) AS n, sum(y - {double(shift)}) AS total "
        f"FROM ({units}) JOIN (SELECT *, row_number() OVER (ORDER BY {keys}) - 1 AS cell "
        f"FROM ({cells})) USING ({keys}) GROUP BY cell, set_number"
    ).fetchnumpy()
    return SetTotals(
        outcome=outcome or "",
        shift=shift,
        cells=listed,
        cell=np.asarray(taken["cell"], dtype=np.intp),
        code=np.asarray(taken["set_number"], dtype=np.int64),
        n=np.asarray(taken["n"], dtype=np.int64),
        total=np.asarray(taken["total"], dtype=np.float64),
    )
