"""Looks before the end: an interval covers if it does at all looks, a test rejects if at any."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from cells import ALL, BUYERS, MORE_BUYERS, Case, Trial, two_arms

from apologylab.errors import NotEstimable
from apologylab.inference.sequential.exact import Share, difference_of_shares
from apologylab.inference.sequential.multinomial import log_bayes_factor
from apologylab.inference.sequential.spending import Spending
from apologylab.inference.sequential.watch import At, Seen, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from cells import Arms, World

    from apologylab.inference.sequential.spending import Shape

FOUR = (0.25, 0.5, 0.75, 1.0)
DAILY = tuple((np.arange(1, 29) / 28).tolist())
LATER = "a larger plan.first_look; its default is 1,000 units in each arm"


class Reading(NamedTuple):
    """Difference in means at one look, with Welch's degrees of freedom."""

    share: float
    n: float
    point: float
    error: float
    df: float


def readings(arms: Arms, shares: tuple[float, ...]) -> list[Reading]:
    """The difference over the first units of each arm, look by look."""
    found = []
    for share in shares:
        parts = [y[: max(2, round(share * len(y)))] for y in (arms.y0, arms.y1)]
        v0, v1 = (part.var(ddof=1) / len(part) for part in parts)
        df = (v0 + v1) ** 2 / (v0**2 / (len(parts[0]) - 1) + v1**2 / (len(parts[1]) - 1) or 1e-300)
        units = float(len(parts[0]) + len(parts[1]))
        found.append(Reading(share, units, parts[1].mean() - parts[0].mean(), (v0 + v1) ** 0.5, df))
    return [each for each in found if each.error > 0]


def reaches(plan: Watch, seen: list[Reading], final: float) -> list[float]:
    """Half-width of each look's interval; infinite where it has nothing to spend."""
    widths = []
    for k, each in enumerate(seen):
        history = tuple(Seen(1 / one.error**2, one.share) for one in seen[: k + 1])
        try:
            width = At(plan, "y", history, each.df, each.n, final).reach(0.05)
        except NotEstimable:
            width = np.inf
        widths.append(width * each.error)
    return widths


def at_all_looks(plan: Watch, shares: tuple[float, ...]) -> Callable[..., Trial]:
    """A trial of a plan of looks."""

    def once(arms: Arms, truth: float) -> bool:
        seen = readings(arms, shares)
        final = float(len(arms.y0) + len(arms.y1))
        off = (abs(each.point - truth) for each in seen)
        return all(gap <= width for gap, width in zip(off, reaches(plan, seen, final), strict=True))

    def trial(rng: np.random.Generator, world: World) -> Trial:
        return Trial(
            covered=once(two_arms(rng, world), world.effect),
            rejected=not once(two_arms(rng, world, null=True), 0.0),
        )

    return trial


def _group(shape: Shape) -> Watch:
    return Watch(
        method="group_sequential",
        spending=Spending(shape=shape),
        alpha=0.05,
        first_look=2,
        final={},
        planned={},
    )


ANY_TIME = Watch(method="confidence_sequence", alpha=0.05, first_look=2, final={}, planned={})


def ratio_trial(rng: np.random.Generator, world: World) -> Trial:
    """Units one by one into arms as planned; a false alarm after any of them."""
    shares = np.array([world.reference, world.treatment], dtype=np.float64)
    shares /= shares.sum()
    second = rng.uniform(size=world.reference + world.treatment) < shares[1]
    n1 = np.cumsum(second)
    counts = np.column_stack([np.arange(1, len(n1) + 1) - n1, n1])
    return Trial(None, bool(log_bayes_factor(counts, shares).max() >= np.log(1 / 0.05)))


def share_trial(rng: np.random.Generator, world: World) -> Trial:
    """Who spent anything at all, at 10 looks."""

    def once(arms: Arms, truth: float) -> bool:
        bought = (arms.y1 > 0, arms.y0 > 0)
        for share in np.linspace(0.1, 1, 10):
            treated, untreated = (
                Share(
                    float(each[: round(share * len(each))].sum()), round(share * len(each)), tuned
                )
                for each, tuned in zip(bought, map(len, bought), strict=True)
            )
            low, high = difference_of_shares(treated, untreated, 0.05)
            if not low <= truth <= high:
                return False
        return True

    return Trial(
        covered=once(two_arms(rng, world), MORE_BUYERS - BUYERS),
        rejected=not once(two_arms(rng, world, null=True), 0.0),
    )


CASES = (
    *(
        Case(
            name=f"group_sequential, {shape}, 4 looks",
            instead=LATER,
            worlds=ALL,
            trial=at_all_looks(_group(shape), FOUR),
        )
        for shape in ("obrien_fleming", "pocock", "kim_demets")
    ),
    Case(
        name="confidence_sequence, 28 looks",
        instead=LATER,
        worlds=ALL,
        trial=at_all_looks(ANY_TIME, DAILY),
    ),
    Case(
        name="share_at_any_time",
        instead=LATER,
        worlds=("skewed", "skewed_small", "large"),
        trial=share_trial,
    ),
    Case(
        name="sample ratio at any time",
        instead="the chi-square, read once",
        worlds=("small", "skewed", "rare"),
        trial=ratio_trial,
    ),
)
