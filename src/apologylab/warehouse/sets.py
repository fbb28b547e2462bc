"""Blocks and clusters of a panel held by DuckDB: which units were drawn together (R27)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.moments import Cell
from apologylab.inference.sets import Drawn, SetTotals
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
    found: dict[int, tuple[list[str], list[str]]] = {}
    for phase, stratum, arm in connection.execute(
        "SELECT phase, stratum, arm FROM units ORDER BY unit"
    ).fetchall():
        strata, arms = found.setdefault(phase, ([], []))
        strata.append(stratum)
        arms.append(arm)
    return {phase: Drawn(strata=strata, arms=arms) for phase, (strata, arms) in found.items()}


def set_totals(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: AbstractSet[str],
    outcome: str | None,
) -> SetTotals:
    """Counts and sums of ``outcome`` by set and cell; None counts all units."""
    y = "0.0" if outcome is None else f"CAST({identifier(outcome)} AS DOUBLE)"
    measured = f"SELECT *, {y} AS measured FROM {relation}"
    known = "measured IS NOT NULL AND NOT isnan(measured)"
    (found,) = connection.execute(
        f"SELECT avg(measured) FROM ({measured}) WHERE {known}"
    ).fetchall()
    shift = float(found[0] or 0.0)
    taken = connection.execute(
        f"SELECT {selected(columns)}, {DRAWN_SET}, count(*) AS n, "
        f"sum(measured - {double(shift)}) AS total FROM ({measured}) WHERE {known} "
        f"GROUP BY {', '.join(key for key in KEYS if key in columns)}, {DRAWN_SET}"
    ).fetchnumpy()
    keys = list(zip(*(taken[key].tolist() for key in KEYS), strict=True))
    cells = tuple(Cell(*key) for key in sorted(set(keys)))
    at = {cell: number for number, cell in enumerate(cells)}
    return SetTotals(
        outcome=outcome or "",
        shift=shift,
        cells=cells,
        cell=np.array([at[Cell(*key)] for key in keys], dtype=np.intp),
        code=np.asarray(taken[DRAWN_SET], dtype=np.int64),
        n=np.asarray(taken["n"], dtype=np.int64),
        total=np.asarray(taken["total"], dtype=np.float64),
    )
