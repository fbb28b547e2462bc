"""Kinds of errors, CUPED, cut means, ratios, known propensities and relative lift."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from cases.means import CELLS, asked, by_analyse
from cells import ALL, STANDARD, Case, Trial

from apologylab.inference.arrays import ArraySource
from apologylab.inference.plan import estimates, fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from cells import Floats, World

    from apologylab.inference.results import Estimate


class Drawn(NamedTuple):
    """An experiment with both outcomes of every unit; ``first`` units are treated."""

    untreated: Floats
    treated: Floats
    covariate: Floats
    visits: Floats
    first: int

    @property
    def source(self) -> ArraySource:
        """What is seen: columns y, x and v."""
        seen = np.append(self.treated[: self.first], self.untreated[self.first :])
        return ArraySource(
            columns={"y": seen, "x": self.covariate, "v": self.visits},
            cells=CELLS,
            code=(np.arange(len(seen)) >= self.first).astype(np.intp),
        )


VISITS = 2.0
"""Mean number of visits of a unit, which the remedy does not change."""


def draw(rng: np.random.Generator, world: World, *, null: bool) -> Drawn:
    """Units, of whom as many as the world says are treated; ``null``: the remedy does nothing."""
    units = world.units(rng, world.reference + world.treatment)
    treated = units.untreated if null else units.treated
    visits = 1.0 + rng.poisson(VISITS - 1, len(treated))
    return Drawn(units.untreated, treated, units.covariate, visits, world.treatment)


def against_truth(
    estimator: str, truth: Callable[[Drawn, World, Estimate], float]
) -> Callable[[np.random.Generator, World], Trial]:
    """A trial of an estimator whose estimand is another than the mean.

    An interval that is refused holds everything, and its test rejects nothing.
    """
    question = replace(asked(estimator), covariates=("x",))

    def one(drawn: Drawn) -> Estimate | None:
        found, _ = estimates(fit(drawn.source, question), question)
        return found[0] if found else None

    def trial(rng: np.random.Generator, world: World) -> Trial:
        drawn = draw(rng, world, null=False)
        found, same = one(drawn), one(draw(rng, world, null=True))
        held = not found or found.ci_low <= truth(drawn, world, found) <= found.ci_high
        rejected = same is not None and same.p_value is not None and same.p_value <= 0.05
        return Trial(held, rejected)

    return trial


def cut(drawn: Drawn, world: World, found: Estimate) -> float:
    """The effect on the units drawn of the outcome cut at the estimate's threshold."""
    threshold = float(dict(found.details)["threshold"])
    gained = np.minimum(drawn.treated, threshold) - np.minimum(drawn.untreated, threshold)
    return float(gained.mean())


def per_visit(drawn: Drawn, world: World, found: Estimate) -> float:
    """The effect on the ratio to mean visits."""
    return world.effect / VISITS


def lift(drawn: Drawn, world: World, found: Estimate) -> float:
    """The effect as a share of the mean."""
    return world.effect / world.mean


LOST = (0.15, 0.25)
"""Share of units whose outcome is lost without the remedy and with it."""


def losing(rng: np.random.Generator, world: World) -> Trial:
    """Outcomes lost by chance, more of them with the remedy."""
    question = asked("missing")

    def one(shares: tuple[float, float]) -> Estimate:
        drawn = draw(rng, world, null=True)
        share = np.where(drawn.source.code == 0, shares[1], shares[0])
        gone = (rng.uniform(size=len(share)) < share).astype(float)
        columns = {**drawn.source.columns, "y:lost": gone}
        found, _ = estimates(fit(replace(drawn.source, columns=columns), question), question)
        return found[0]

    found, same = one(LOST), one((LOST[0], LOST[0]))
    assert same.p_value is not None
    return Trial(found.ci_low <= LOST[1] - LOST[0] <= found.ci_high, same.p_value <= 0.05)


PLAIN = "difference_in_means"
CUT = "winsorised"
HC = (*STANDARD, "skewed_small")
CASES: tuple[Case, ...] = (
    *(
        Case(
            f"lin(errors={errors})",
            "lin, or lin(errors=HC3)",
            HC,
            by_analyse(f"lin(errors={errors})", over_units=True),
        )
        for errors in ("HC0", "HC1", "HC3")
    ),
    Case(
        "difference_in_means(errors=HC3)",
        CUT,
        HC,
        by_analyse("difference_in_means(errors=HC3)", over_units=False),
    ),
    Case("lin(over=population)", PLAIN, ALL, by_analyse("lin(over=population)", over_units=False)),
    Case("cuped", PLAIN, ALL, by_analyse("cuped", over_units=False)),
    Case("cuped_pooled", PLAIN, ALL, by_analyse("cuped_pooled", over_units=False)),
    Case("ipw", CUT, STANDARD, by_analyse("ipw", over_units=False)),
    Case("two_part", CUT, STANDARD, by_analyse("two_part", over_units=False)),
    Case("missing", "more units", ALL, losing),
    Case("winsorised", "winsorised(at=0.95)", ALL, against_truth("winsorised", cut)),
    Case("capped(at=12)", "a lower threshold", ALL, against_truth("capped(at=12)", cut)),
    Case("ratio(over=v)", CUT, ALL, against_truth("ratio(over=v)", per_visit)),
    *(
        Case(
            f"relative_lift(interval={kind})",
            "relative_lift of winsorised",
            STANDARD,
            against_truth(f"relative_lift(interval={kind})", lift),
        )
        for kind in ("fieller", "delta", "log")
    ),
)
