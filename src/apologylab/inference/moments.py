"""Moments: counts, sums and cross-products by arm, the centre of the analysis (R25).

A value that adds over disjoint sets of units, so maturity cohorts, partitions and engines merge.
Sums are of ``column - shift`` with one shift a column, so a large mean costs no digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class Cell(NamedTuple):
    """What moments are keyed by."""

    version: int
    phase: int
    arm: str
    stratum: str


class Request(NamedTuple):
    """Moments of one outcome jointly with its covariates, over the units that have the outcome."""

    outcome: str
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """Moments of ``columns`` (the outcome first, then covariates) in each of ``cells``.

    Attributes:
        columns: k names.
        cells: g keys, sorted.
        shift: (k,) subtracted from each column before anything was summed.
        n: (g,) units.
        sums: (g, k) sums of the shifted columns.
        products: (g, k, k) sums of products of the shifted columns.
    """

    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    shift: Floats
    n: Counts
    sums: Floats
    products: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class CellFit:
    """A least-squares fit within one cell, handed back to the engine for its second pass.

    The regressors are z = (1, x - centre); ``beta`` is (k+1,), ``gram_inverse`` is the inverse of
    the sum of z z', (k+1, k+1).
    """

    centre: Floats
    beta: Floats
    gram_inverse: Floats


class MomentsSource(Protocol):
    """An engine that holds a panel: one row a randomised unit."""

    def moments(self, requests: Sequence[Request]) -> list[Moments]:
        """All requests in one scan, in their order."""
        ...

    def hc2_meat(self, request: Request, fits: Mapping[Cell, CellFit]) -> Mapping[Cell, Floats]:
        """Sum over each cell's units of e^2 / (1 - h) z z', h = z' gram_inverse z: (k+1, k+1).

        MacKinnon and White 1985 (HC2); exact, in a second pass.
        """
        ...
