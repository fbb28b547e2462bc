"""Quantiles, randomisation, compliers, clusters and bounds, through the same code as ``analyse``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from cells import ALL, BUYERS, MORE_BUYERS, STANDARD, Case, Trial
from scipy.special import ndtri

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cells import World

    from apologylab.inference.results import Estimate

CELLS = (Cell(1, 1, "basic", ""), Cell(1, 1, "silence", ""))
"""Two arms in one block; code 0 is the treatment."""


class Panel(NamedTuple):
    """Units of two arms: which are treated, their columns with outcome y, and their clusters."""

    treated: np.ndarray
    columns: Mapping[str, np.ndarray]
    clusters: np.ndarray | None = None


def one(panel: Panel, estimator: str) -> list[Estimate]:
    """What the estimator says; nothing where it refuses."""
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=against(("silence", "basic"), "silence"),
        weights={1: {"silence": 1, "basic": 1}},
        assigned={},
        estimators=(estimator,),
        drawing=Drawing(scheme="independent" if panel.clusters is None else "clusters"),
    )
    source = ArraySource(
        columns=panel.columns,
        cells=CELLS,
        code=np.where(panel.treated, 0, 1),
        drawn_set=panel.clusters,
    )
    return list(estimates(fit(source, question), question)[0])


def trial_of(
    estimator: str, draw: Callable[..., tuple[Panel, float]]
) -> Callable[[np.random.Generator, World], Trial]:
    """The interval in a world with an effect, and the test in one without.

    A refusal because nothing can be excluded counts as an interval of all numbers.
    """

    def trial(rng: np.random.Generator, world: World) -> Trial:
        panel, truth = draw(rng, world, null=False)
        found = one(panel, estimator)
        covered = all(each.ci_low <= truth <= each.ci_high for each in found)
        null = one(draw(rng, world, null=True)[0], estimator)
        ps = [each.p_value for each in null]
        tested = not null or ps[0] is not None
        return Trial(covered, any(p is not None and p <= 0.05 for p in ps) if tested else None)

    return trial


def plain(rng: np.random.Generator, world: World, *, null: bool) -> tuple[Panel, float]:
    """The world's units, drawn one by one."""
    treated = np.arange(world.reference + world.treatment) >= world.reference
    units = world.units(rng, len(treated))
    y = np.where(treated & (not null), units.treated, units.untreated)
    return Panel(treated, {"y": y}), 0.0 if null else world.effect


def at_quantile(
    rng: np.random.Generator, world: World, *, null: bool, p: float
) -> tuple[Panel, float]:
    """The same units; the truth is the difference of the population's p-quantiles."""
    panel, effect = plain(rng, world, null=null)
    if null or world.mean > 1:
        return panel, effect
    s = float(np.sqrt(np.log((1 + world.sd**2) * BUYERS)))
    high, low = (
        np.exp(s * float(ndtri(1 - (1 - p) / share)) - s**2 / 2) / BUYERS
        for share in (MORE_BUYERS, BUYERS)
    )
    return panel, float(high - low)


def exposed(
    rng: np.random.Generator, world: World, *, null: bool, share: float
) -> tuple[Panel, float]:
    """``share`` of the units take what their arm offers; nobody gets it in silence."""
    treated = np.arange(world.reference + world.treatment) >= world.reference
    units = world.units(rng, len(treated))
    seen = treated & (rng.uniform(size=len(treated)) < share)
    y = np.where(seen & (not null), units.treated, units.untreated)
    return Panel(treated, {"y": y, "seen": seen.astype(float)}), world.effect


def in_clusters(
    rng: np.random.Generator, world: World, *, null: bool, drawn: bool
) -> tuple[Panel, float]:
    """Some 12 customers a cluster, sizes of CV 0.7, a tenth of the variance between clusters.

    ``drawn``: clusters are drawn; else customers are, and the effect differs between clusters.
    """
    n = world.reference + world.treatment
    sizes = np.maximum(rng.gamma(2.0, 6.0, size=2 * max(n // 24, 5)).astype(int), 2)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    arm = rng.permutation(np.arange(len(sizes)) % 2 == 0)
    treated = arm[cluster] if drawn else rng.uniform(size=len(cluster)) < 0.5
    units = world.units(rng, len(cluster))
    level, moved = rng.normal(size=(2, len(sizes))) * world.sd * 0.1**0.5
    y = np.where(treated & (not null), units.treated, units.untreated) + level[cluster]
    if drawn:
        return Panel(treated, {"y": y}, cluster), world.effect
    y = y + treated * moved[cluster]
    return Panel(treated, {"y": y, "cause": cluster.astype(float)}), world.effect


def seen_in_part(rng: np.random.Generator, world: World, *, null: bool) -> tuple[Panel, float]:
    """85 in 100 are seen with the remedy; without it, only the 70 of them with the highest outcome.

    So the truth is at the upper bound, where the interval has least room. There is no test. The
    outcome is lognormal with the world's coefficient of variation, the effect 0.1 for everybody.
    """
    treated = np.arange(world.reference + world.treatment) >= world.reference
    s = float(np.sqrt(np.log(1 + (world.sd / world.mean) ** 2)))
    z = rng.normal(size=len(treated))
    y = np.exp(s * z) + 0.1 * (treated & (not null))
    seen = (rng.uniform(size=len(z)) < 0.85) & (treated | (z > ndtri(0.15 / 0.85)))
    y[~seen] = np.nan
    return Panel(treated, {"y": y, "y:lost": (~seen).astype(float)}), 0.0 if null else 0.1


def lost_at_worst(rng: np.random.Generator, world: World, *, null: bool) -> tuple[Panel, float]:
    """Whether they buy, lost for one in ten: none of these buys with the remedy, all without."""
    treated = np.arange(world.reference + world.treatment) >= world.reference
    chance = np.where(treated & (not null), MORE_BUYERS, BUYERS)
    y = (rng.uniform(size=len(treated)) < chance).astype(float)
    y[rng.uniform(size=len(treated)) < 0.1] = np.nan
    truth = 0.9 * ((BUYERS if null else MORE_BUYERS) - BUYERS) - 0.1
    return Panel(treated, {"y": y, "y:lost": np.isnan(y).astype(float)}), truth


CASES: tuple[Case, ...] = (
    Case(
        "quantile",
        "a winsorised mean",
        ("small",),
        trial_of("quantile", partial(at_quantile, p=0.5)),
    ),
    Case(
        "quantile(at=0.9)",
        "a lower quantile",
        ALL,
        trial_of("quantile(at=0.9)", partial(at_quantile, p=0.9)),
    ),
    Case(
        "randomisation(draws=199)",
        "winsorised: no draws help a mean that a few units decide",
        STANDARD,
        trial_of("randomisation(draws=199)", plain),
    ),
    Case(
        "complier(exposure=seen)",
        "more units: the effect of assignment has the same error",
        ALL,
        trial_of("complier(exposure=seen)", partial(exposed, share=0.6)),
    ),
    Case(
        "clustered",
        "more clusters",
        STANDARD,
        trial_of("clustered", partial(in_clusters, drawn=True)),
    ),
    Case(
        "clustered(errors=CR1)",
        "clustered(errors=CR2)",
        STANDARD,
        trial_of("clustered(errors=CR1)", partial(in_clusters, drawn=True)),
    ),
    Case(
        "by_cause",
        "more causes",
        STANDARD,
        trial_of("by_cause", partial(in_clusters, drawn=False)),
    ),
    Case("lee_bounds", "missing_bounds", STANDARD, trial_of("lee_bounds", seen_in_part)),
    Case(
        "missing_bounds(high=1)",
        "a range that outcomes cannot leave",
        STANDARD,
        trial_of("missing_bounds(high=1)", lost_at_worst),
    ),
)
