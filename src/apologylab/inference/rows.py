"""Rows of results: an estimate or a refusal of one contrast of one outcome by one estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.contrasts import weighed
from apologylab.inference.power import smallest_detectable
from apologylab.inference.question import FAMILIES
from apologylab.inference.results import Estimate, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.inference.question import ContrastKind, Measured, Question


class Asking(NamedTuple):
    """One contrast of one outcome by one estimator, of a question."""

    question: Question
    outcome: Measured
    kind: ContrastKind
    contrast: Contrast
    estimator: str


def estimate(  # noqa: PLR0913 - a row has as many numbers as it has
    asking: Asking,
    *,
    of: str,
    who: str = "units",
    principle: str = "intention to treat",
    phases: Sequence[int],
    n: Mapping[str, int],
    point: float,
    low: float,
    high: float,
    interval: str,
    reference_mean: float,
    std_error: float | None = None,
    df: float | None = None,
    p_value: float | None = None,
    details: Sequence[tuple[str, str | float]] = (),
) -> Estimate:
    """The row of an estimate.

    Args:
        asking: what was asked.
        of: the functional of the outcome, such as "mean" or "median".
        who: whom the estimand is over.
        principle: what makes it an effect.
        phases: that have units.
        n: arm -> units analysed.
        point: the estimate.
        low: of its interval at level 1 - alpha, pointwise.
        high: of its interval.
        interval: what the interval is from, such as "Student's t".
        reference_mean: the contrast's reference side.
        std_error: None where the interval is not made of one.
        df: None where there is none.
        p_value: None where nothing is tested.
        details: what else this estimator has to say, name and value.
    """
    question, outcome, kind, contrast, estimator = asking
    level = 1 - question.alpha
    cells = contrast.cells
    tested = std_error is not None and kind != "mean"
    seen = smallest_detectable(std_error, alpha=question.alpha) if tested and std_error else None
    return Estimate(
        outcome=outcome.name,
        role=outcome.role,
        unit=outcome.unit,
        treatment=contrast.treatment,
        reference=contrast.reference,
        reference_mean=reference_mean,
        estimand=_estimand(asking, of, f"{who}, {principle}", phases),
        estimator=estimator,
        point=point,
        std_error=std_error,
        df=df,
        ci_low=low,
        ci_high=high,
        level=level,
        interval_kind=f"pointwise {100 * level:g}%, {interval}",
        p_value=p_value,
        p_adjusted=None,
        family=f"{outcome.role} outcomes, {FAMILIES[kind]}",
        look=question.look,
        phase="+".join(str(phase) for phase in phases),
        n_assigned=sum(question.assigned.get(arm, 0) for arm, _ in cells),
        n_treatment=sum(n[arm] for arm, weight in cells if weight > 0),
        n_reference=sum(n[arm] for arm, weight in cells if weight < 0),
        smallest_detectable=seen,
        kind=kind,
        name=contrast.name,
        cells=cells,
        details=tuple(details),
    )


def refusal(asking: Asking, because: str) -> Refusal:
    """The row of a question that cannot be answered."""
    return Refusal(
        outcome=asking.outcome.name,
        treatment=asking.contrast.treatment,
        reference=asking.contrast.reference,
        estimator=asking.estimator,
        because=because,
    )


def _estimand(asking: Asking, of: str, who: str, phases: Sequence[int]) -> str:
    contrast = asking.contrast
    pooled = "" if len(phases) == 1 else ", phases weighted by their units"
    cells = "" if asking.kind == "arm" else f" ({weighed(contrast.cells)})"
    minus = "" if asking.kind == "mean" else f" minus {contrast.reference}"
    return (
        f"{of} {asking.outcome.name} over all enrolled {who}{pooled}: "
        f"{contrast.treatment}{minus}{cells}"
    )
