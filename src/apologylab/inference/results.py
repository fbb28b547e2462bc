"""What an analysis returns: one type for every estimator, checked when it is built (R24, R33)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from apologylab.errors import NotEstimable, StateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.inference.forest import Picture
    from apologylab.inference.joined import Joined
    from apologylab.inference.readings import At, Margins, Readings

INFORMATION, SHARE = "information", "share of the final information"
"""Details of every row of a look: 1 / SE^2, and how much of that at the end it is."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A test of the experiment, not of the remedy. ``passed`` is None where it says nothing."""

    name: str
    statistic: float
    p_value: float | None
    passed: bool | None
    says: str


@dataclass(frozen=True, kw_only=True)
class DeclaredTest:
    """A test that the plan declared: of superiority by, or equivalence within, ``margin``."""

    kind: Literal["superiority", "equivalence"]
    margin: float
    p_value: float
    p_adjusted: float
    passed: bool
    family: str


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
    kind: Literal["arm", "factor", "contrast", "mean"] = "arm"
    name: str = ""
    cells: tuple[tuple[str, float], ...] = ()
    details: tuple[tuple[str, str | float], ...] = ()
    declared: tuple[DeclaredTest, ...] = ()

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
    looking: tuple[str, ...] = ()
    """Under a plan of looks: which look this is, and whom it reads."""
    means: tuple[tuple[str, str, int, float, float], ...] = field(default=())
    """(outcome, arm, n, mean, standard deviation) of the analysed units."""
    words: tuple[str, ...] = ()
    """What is said of several outcomes together: one visit bought, or customers won back (R37)."""
    readings: Readings | None = field(default=None, repr=False, compare=False)
    """The fits, for :meth:`contrast` and :meth:`marginal_means`; None where they are withheld."""

    def contrast(
        self,
        *what: str | At,
        at: At | None = None,
        weights: Margins | None = None,
        outcome: str | None = None,
        estimator: str | None = None,
    ) -> Analysis:
        """Effects of the factors that the arms combine, read off the same fits.

        ``contrast("coupon")`` is the effect of each level against its baseline, averaged over the
        other factors; ``at={"timing": "1h"}`` takes it under one level of another.
        ``contrast("coupon", "timing")`` is their interaction, of as many factors as are named.
        ``contrast({"coupon": "usd5", "timing": "1h"})`` moves both together from their baselines.
        A text in the grammar of the plan's contrasts works as well.

        Args:
            what: factors, levels to be moved together, or one text.
            at: factor -> level, or levels.
            weights: factor -> level -> weight in averages, instead of the plan's margins.
            outcome: only this one.
            estimator: only this one.

        Returns:
            An analysis of these contrasts alone, a family of its own; those that the plan does not
            have are named among the departures.

        Raises:
            InputError: it cannot be read, nothing matches, or in this fraction of the factorial it
                cannot be told from other effects.
            StateError: contrasts are withheld, or this is a look of the plan before the end.
        """
        fitted = self._fitted()
        contrasts = fitted.contrasts(what, at=at, weights=weights)
        departures = (*self.deviations_from_plan, *fitted.unplanned(contrasts))
        return replace(
            self._only(contrasts, outcome, estimator),
            deviations_from_plan=tuple(dict.fromkeys(departures)),
        )

    def marginal_means(
        self,
        factor: str,
        *,
        at: At | None = None,
        weights: Margins | None = None,
        outcome: str | None = None,
        estimator: str | None = None,
    ) -> Analysis:
        """The mean under each level of a factor, over the same combinations of the others.

        Arguments are those of :meth:`contrast`.

        Raises:
            InputError: there is no such factor, or no combination that all its levels have.
            StateError: contrasts are withheld.
        """
        contrasts = self._fitted().means(factor, at=at, weights=weights)
        return self._only(contrasts, outcome, estimator)

    def _fitted(self) -> Readings:
        if self.readings is None:
            raise StateError(
                "this analysis shows no contrasts, so there is none to ask for",
                do="wait for the end of the experiment, or see its notes",
            )
        return self.readings

    def _only(
        self, contrasts: Sequence[Contrast], outcome: str | None, estimator: str | None
    ) -> Analysis:
        found, refusals = self._fitted().read(contrasts, outcome=outcome, estimator=estimator)
        failed = tuple(check for check in self.checks if check.passed is False)
        return replace(
            self, estimates=found, refusals=refusals, flow=(), checks=failed, means=(), notes=()
        )

    def rows(self) -> list[dict[str, object]]:
        """One flat row an estimate, for any data frame: ``polars.DataFrame(analysis.rows())``."""
        from apologylab.inference.document import as_rows

        return as_rows(self)

    def to_frame(self) -> Any:
        """The rows as a pandas data frame.

        Raises:
            InputError: pandas is not installed.
        """
        from apologylab.inference.document import as_frame

        return as_frame(self.rows())

    def to_json(self) -> str:
        """Everything, as one JSON document: the same as ``apologylab analyse --json``."""
        from apologylab.inference.document import as_document, as_json

        return as_json([as_document(self)])

    def plot(self) -> Picture:
        """Every interval as a picture that a notebook shows; ``str`` of it is an SVG."""
        from apologylab.inference.forest import forest
        from apologylab.inference.table import title

        return forest(title(self), self.estimates)

    def join(self, *others: Analysis) -> Joined:
        """This and others side by side, to print, plot, or put in one frame.

        Raises:
            InputError: none is given, one twice, or their levels differ.
        """
        from apologylab.inference.joined import Joined

        return Joined(analyses=(self, *others))

    def __str__(self) -> str:
        from apologylab.inference.table import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from apologylab.inference.table import as_html

        return as_html(self)
