"""What an analysis returns: one type for every estimator, checked when it is built (R24, R33)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from apologylab.errors import NotEstimable


@dataclass(frozen=True, kw_only=True)
class Check:
    """A test of the experiment, not of the remedy. ``passed`` is None where it says nothing."""

    name: str
    statistic: float
    p_value: float | None
    passed: bool | None
    says: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One number with its error and both its names.

    ``treatment`` and ``reference`` are arms, or the two sides of a contrast in words; ``cells``
    are its weights by arm (they sum to zero). Intervals are at level ``1 - alpha``. What an
    estimator does not have (a standard error of a quantile, a test of bounds) is None; ``details``
    are what it alone has to say, name and value.
    """

    outcome: str
    role: str
    unit: str
    treatment: str
    reference: str
    reference_mean: float
    estimand: str
    estimator: str
    point: float
    std_error: float | None
    df: float | None
    ci_low: float
    ci_high: float
    level: float
    interval_kind: str
    p_value: float | None
    p_adjusted: float | None
    family: str
    look: int
    phase: str
    n_assigned: int
    n_treatment: int
    n_reference: int
    smallest_detectable: float | None
    kind: Literal["arm", "factor", "contrast"] = "arm"
    name: str = ""
    cells: tuple[tuple[str, float], ...] = ()
    details: tuple[tuple[str, str | float], ...] = ()

    def __post_init__(self) -> None:
        if self.std_error is not None and not 0 < self.std_error < math.inf:
            raise NotEstimable(
                f"{self.outcome}, {self.treatment} against {self.reference}: standard error "
                f"{self.std_error}",
                do="an outcome without variance has no interval; drop it or measure it finer",
            )

    @property
    def spread(self) -> float:
        """The standard error, or where there is none a quarter of the interval: to round by."""
        return self.std_error if self.std_error is not None else (self.ci_high - self.ci_low) / 4


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A question that the data cannot answer, and why."""

    outcome: str
    treatment: str
    reference: str
    estimator: str
    because: str


@dataclass(frozen=True, kw_only=True)
class ArmFlow:
    """Units of one arm on their way: assigned, delivered, mature, analysed (R20)."""

    arm: str
    assigned: int
    delivered: int | None
    mature: int
    analysed: int


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Everything that ``analyse`` found."""

    experiment: str
    version: int
    fingerprint: str
    as_of: str
    simulated: bool
    alpha: float
    adjust: str
    checks: tuple[Check, ...]
    estimates: tuple[Estimate, ...]
    refusals: tuple[Refusal, ...] = ()
    flow: tuple[ArmFlow, ...] = ()
    deviations_from_plan: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    means: tuple[tuple[str, str, int, float, float], ...] = field(default=())
    """(outcome, arm, n, mean, standard deviation) of the analysed units."""

    def rows(self) -> list[dict[str, object]]:
        """One flat row an estimate, for any data frame: ``pandas.DataFrame(analysis.rows())``."""
        from apologylab.inference.table import as_rows

        return as_rows(self)

    def __str__(self) -> str:
        from apologylab.inference.table import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from apologylab.inference.table import as_html

        return as_html(self)
