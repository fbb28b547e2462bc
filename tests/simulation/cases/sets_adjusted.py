"""Covariates under blocks of four and under clusters of five, arms of one size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cells import STANDARD, Case, Trial

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing

if TYPE_CHECKING:
    from collections.abc import Callable

    from cells import World
    from numpy.typing import NDArray

    from apologylab.inference.results import Estimate

CELLS = (Cell(1, 1, "basic", ""), Cell(1, 1, "silence", ""))
BLOCK, CLUSTER = 4, 5


def in_blocks(rng: np.random.Generator, n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each unit's block and whether it is treated, two of four in each."""
    drawn = rng.permuted(np.tile([0, 0, 1, 1], (n // BLOCK, 1)), axis=1)
    return np.repeat(np.arange(n // BLOCK), BLOCK), drawn.ravel()


def in_clusters(rng: np.random.Generator, n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each unit's cluster and whether it is treated, half of the clusters."""
    number = np.repeat(np.arange(n // CLUSTER), CLUSTER)
    return number, rng.permuted(np.arange(n // CLUSTER) % 2)[number]


def trial(
    estimator: str,
    scheme: str,
    draw: Callable[[np.random.Generator, int], tuple[NDArray[np.intp], NDArray[np.intp]]],
) -> Callable[[np.random.Generator, World], Trial]:
    """Interval in the world with its effect, test in the world without."""
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("silence", "basic"), "silence"),
        weights={1: {"silence": 1, "basic": 1}},
        assigned={},
        covariates=("x",),
        estimators=(estimator,),
        drawing=Drawing(scheme=scheme),  # type: ignore[arg-type]
    )

    def one(rng: np.random.Generator, world: World, *, null: bool) -> Estimate:
        number, treated = draw(rng, world.reference + world.treatment)
        units = world.units(rng, len(number))
        gained = units.untreated if null else units.treated
        source = ArraySource(
            columns={"y": np.where(treated, gained, units.untreated), "x": units.covariate},
            cells=CELLS,
            code=1 - treated,
            drawn_set=number,
        )
        found, refused = estimates(fit(source, question), question)
        assert not refused, refused
        return found[0]

    def both(rng: np.random.Generator, world: World) -> Trial:
        found, same = one(rng, world, null=False), one(rng, world, null=True)
        assert same.p_value is not None
        return Trial(found.ci_low <= world.effect <= found.ci_high, same.p_value <= 0.05)

    return both


CASES: tuple[Case, ...] = (
    Case("blocked_cuped", "blocked", STANDARD, trial("blocked_cuped", "blocks", in_blocks)),
    Case(
        "clustered_cuped", "clustered", STANDARD, trial("clustered_cuped", "clusters", in_clusters)
    ),
)
