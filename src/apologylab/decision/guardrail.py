"""Guardrails: by how much an arm is worse than its comparator, against a declared bound (R35)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.decision.verdict import GuardrailReading
from apologylab.inference.special import stdtrit

if TYPE_CHECKING:
    from apologylab.design.experiment import Outcome
    from apologylab.inference.arm_means import Reading


def read_guardrail(  # noqa: PLR0913 - what is read of which arm, in what, and how surely
    outcome: Outcome,
    arm: str,
    comparator: str,
    reading: Reading,
    *,
    unit: str,
    alpha: float,
    reach: float | None = None,
) -> GuardrailReading:
    """Safe, broken or undecided.

    ``ci_low`` and ``ci_high`` are the ends of two one-sided intervals, each at level 1 - alpha, of
    how much worse the arm is (below 0: better). Safe: even the upper end is below the bound.
    Broken: even the lower end is above it. No adjustment is needed: an arm ships only if all its
    guardrails are safe (Berger 1982, intersection-union). ``reach`` is the half-width in standard
    errors, where looks before the end ask for more than Student's t.
    """
    bound = outcome.worse_by_at_most or 0.0
    worse = reading.point if outcome.lower_is_better else -reading.point
    widths = float(stdtrit(reading.df, 1 - alpha)) if reach is None else reach
    low, high = worse - widths * reading.std_error, worse + widths * reading.std_error
    return GuardrailReading(
        outcome=outcome.name,
        arm=arm,
        comparator=comparator,
        bound=bound,
        worse_by=worse,
        ci_low=low,
        ci_high=high,
        unit=unit,
        state="safe" if high < bound else "broken" if low > bound else "undecided",
    )
