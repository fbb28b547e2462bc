"""One half of the units, with proxies that the other half gave; and what many halves say together.

For each of many random halves the numbers below are valid given the half that learned, with
normal intervals. Over halves the medians are reported: of estimates, and of the ends of intervals
at level 1 - alpha / 2, which together have level 1 - alpha; the p-value is twice the median p.

Source: Chernozhukov, Demirer, Duflo and Fernandez-Val 2018 (NBER 24678; Econometrica 2025),
section 4: variational inference over splits, theorem 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.heterogeneity.learners import Flags, Half, Learner, Proxy
from apologylab.inference.moments import Floats
from apologylab.inference.special import ndtr, ndtri


class Judged(NamedTuple):
    """m units that were not learned from: outcome, who was treated, propensities, proxies; (m,)."""

    y: Floats
    treated: Flags
    propensity: Floats
    proxy: Proxy


class Number(NamedTuple):
    """One estimate of one half, with its standard error."""

    point: float
    std_error: float


class Median(NamedTuple):
    """What many halves say together."""

    point: float
    low: float
    high: float
    p_value: float


def halves(
    whole: Half, learner: Learner, *, splits: int, rng: np.random.Generator
) -> Iterator[Judged]:
    """``splits`` random halves, each judged by the other; both halves of a split take turns.

    Args:
        whole: all units of two arms.
        learner: what makes the proxies.
        splits: how many halves are judged; an even number.
        rng: cuts the units and seeds the learner.
    """
    n = len(whole.y)
    for _ in range(splits // 2):
        first = np.zeros(n, dtype=np.bool_)
        for mine in (whole.treated, ~whole.treated):
            units = rng.permutation(np.flatnonzero(mine))
            first[units[: len(units) // 2]] = True
        for learned in (first, ~first):
            X, y, treated, e = whole
            half = Half(X[learned], y[learned], treated[learned], e[learned])
            rest = ~learned
            proxy = learner(half, whole.X[rest], int(rng.integers(2**31)))
            yield Judged(whole.y[rest], whole.treated[rest], whole.propensity[rest], proxy)


def median(numbers: Sequence[Number], alpha: float) -> Median:
    """The medians over halves, at level 1 - ``alpha``.

    Raises:
        NotEstimable: in half of the halves or more there is no estimate.

    >>> found = median([Number(1.0, 0.5)] * 3, alpha=0.05)
    >>> round(found.low, 3), round(found.p_value, 4)
    (-0.121, 0.091)
    """
    known = [each for each in numbers if np.isfinite(each.std_error) and each.std_error > 0]
    if 2 * len(known) <= len(numbers):
        raise NotEstimable(
            f"in {len(numbers) - len(known)} of {len(numbers)} halves the guessed effect is the "
            "same for every unit, or nothing varies",
            do="give covariates that may tell who gains",
        )
    point, error = np.array(known).T
    reach = float(ndtri(1 - alpha / 4)) * error
    p = 2 * ndtr(-np.abs(point) / error)
    return Median(
        point=float(np.median(point)),
        low=float(np.median(point - reach)),
        high=float(np.median(point + reach)),
        p_value=min(1.0, 2 * float(np.median(p))),
    )


def scores(half: Judged) -> Floats:
    """Each unit's doubly robust score Gamma, (m,); its mean over any set of units is their effect.

        Gamma = tau(x) + (W - e) / (e (1 - e)) (y - mu_W(x)),

    with e known by design, so that it is unbiased whatever tau and mu are (Robins, Rotnitzky and
    Zhao 1994).
    """
    W, e = half.treated.astype(np.float64), half.propensity
    expected = half.proxy.untreated + W * half.proxy.effect
    score: Floats = half.proxy.effect + (W - e) / (e * (1 - e)) * (half.y - expected)
    return score
