"""The second pass of a regression: HC2's middle matrix, cell by cell, in DuckDB.

MacKinnon and White 1985: the squared residual of a unit is divided by 1 - h, its leverage taken
off, which makes the variance exact under equal variances and is the Neyman variance on arm dummies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

import duckdb
import numpy as np

from apologylab.inference.moments import LEVERAGE_LEFT, Cell, CellFit, Floats, Request
from apologylab.warehouse.keys import KEYS, keys_of, selected
from apologylab.warehouse.sql import double, identifier, text_literal


def hc2_meat(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: frozenset[str],
    request: Request,
    fits: Mapping[Cell, CellFit],
) -> Mapping[Cell, Floats]:
    """Sum over each cell's units of e^2 / (1 - h) z z': (k+1, k+1), for the cells of ``fits``."""
    size = len(request.covariates) + 1
    pairs = list(combinations_with_replacement(range(size), 2))
    sums = ", ".join(f"sum(w * {_z(i)} * {_z(j)})" for i, j in pairs)
    weighted = _weighted(_residuals(relation, columns, request, fits), size)
    found = connection.execute(f"SELECT cell, {sums} FROM ({weighted}) GROUP BY cell").fetchall()
    cells = list(fits)
    return {cells[row[0]]: _symmetric(size, pairs, row[1:]) for row in found}


def _z(i: int) -> str:
    return f"z{i}" if i else "1"


def _weighted(residuals: str, size: int) -> str:
    """SQL of the units with w = e^2 / (1 - h), nan where a unit decides its own fit."""
    pairs = combinations_with_replacement(range(size), 2)
    leverage = " + ".join(
        f"{'' if i == j else '2 * '}g{i}_{j} * {_z(i)} * {_z(j)}" for i, j in pairs
    )
    left = f"(1 - ({leverage}))"
    w = f"CASE WHEN {left} < {LEVERAGE_LEFT} THEN 'nan'::DOUBLE ELSE e * e / {left} END"
    return f"SELECT *, {w} AS w FROM ({residuals})"


def _residuals(
    relation: str, columns: frozenset[str], request: Request, fits: Mapping[Cell, CellFit]
) -> str:
    """SQL of the units that have the outcome, with z1.., e, and g0_0.. of their cell."""
    z = "".join(f", x{i} - m{i} AS z{i}" for i in range(1, len(request.covariates) + 1))
    # The order of the subtraction keeps the digits of a large outcome: (y - b0) first.
    slopes = "".join(f" - b{i} * (x{i} - m{i})" for i in range(1, len(request.covariates) + 1))
    return (
        f"SELECT *{z}, (y - b0){slopes} AS e "
        f"FROM ({_units(relation, columns, request)}) JOIN ({_parameters(fits)}) "
        f"USING ({', '.join(_joined(columns))})"
    )


def _joined(columns: frozenset[str]) -> tuple[str, ...]:
    """The keys that tell cells apart."""
    return keys_of(columns) or ("version",)


def _units(relation: str, columns: frozenset[str], request: Request) -> str:
    outcome = f"CAST({identifier(request.outcome)} AS DOUBLE)"
    x = "".join(
        f", coalesce(CAST({identifier(name)} AS DOUBLE), 'nan'::DOUBLE) AS x{i}"
        for i, name in enumerate(request.covariates, start=1)
    )
    return (
        f"SELECT {selected(columns)}, {outcome} AS y{x} FROM {relation} "
        f"WHERE {outcome} IS NOT NULL AND NOT isnan({outcome})"
    )


def _parameters(fits: Mapping[Cell, CellFit]) -> str:
    """SQL of one row a cell: its number, keys, centre m1.., slopes b0.., inverse g0_0..."""
    size = max((len(fit.beta) for fit in fits.values()), default=1)
    names = [
        "cell",
        *KEYS,
        *(f"m{i}" for i in range(1, size)),
        *(f"b{i}" for i in range(size)),
        *(f"g{i}_{j}" for i in range(size) for j in range(size)),
    ]
    rows = ", ".join(f"({i}, {_row(cell, fits[cell])})" for i, cell in enumerate(fits))
    return f"SELECT * FROM (VALUES {rows}) AS t({', '.join(names)})"


def _row(cell: Cell, fit: CellFit) -> str:
    keys = (str(cell.version), str(cell.phase), text_literal(cell.arm), text_literal(cell.stratum))
    numbers = (
        double(value) for part in (fit.centre, fit.beta, fit.gram_inverse) for value in part.flat
    )
    return ", ".join([*keys, *numbers])


def _symmetric(size: int, pairs: Sequence[tuple[int, int]], values: Sequence[float]) -> Floats:
    meat = np.empty((size, size))
    for (i, j), value in zip(pairs, values, strict=True):
        meat[i, j] = meat[j, i] = value
    return meat
