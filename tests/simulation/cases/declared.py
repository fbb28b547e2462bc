"""Declared tests where their null is true: at the margin they may reject as often as they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cells import STANDARD, Case, Trial, two_arms

from apologylab.inference.declared import equivalence_p, superiority_p

if TYPE_CHECKING:
    import numpy as np
    from cells import World


def trial(kind: str, rng: np.random.Generator, world: World) -> Trial:
    """Two arms whose means differ by the margin: five standard errors of the difference."""
    arms = two_arms(rng, world, null=True)
    n = len(arms.y0)
    v0, v1 = arms.y0.var(ddof=1) / n, arms.y1.var(ddof=1) / len(arms.y1)
    margin = 5 * world.sd * (2 / n) ** 0.5
    point = float(arms.y1.mean() - arms.y0.mean()) + margin
    df = float((v0 + v1) ** 2 / (v0**2 / (n - 1) + v1**2 / (len(arms.y1) - 1)))
    error = float(v0 + v1) ** 0.5
    if kind == "equivalence":
        return Trial(None, equivalence_p(point, error, df, margin) <= 0.05)
    return Trial(None, superiority_p(point, error, df, margin) <= 0.025)


CASES: tuple[Case, ...] = (
    Case(
        "equivalence, at the margin",
        "more units",
        STANDARD,
        lambda rng, world: trial("equivalence", rng, world),
    ),
    Case(
        "superiority, at the margin (one-sided, 0.025)",
        "more units",
        STANDARD,
        lambda rng, world: trial("superiority", rng, world),
    ),
)
