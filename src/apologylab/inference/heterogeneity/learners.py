"""Learners: from one half of the units, a guess of each unit's effect and of its outcome untreated.

A guess need not be right for what is read off it to be: the other half judges it, by the draw
alone. ``linear`` is least squares within each arm and needs numpy only; the rest need ``[ml]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apologylab.errors import NotEstimable
from apologylab.inference.moments import Floats

Flags = NDArray[np.bool_]


class Proxy(NamedTuple):
    """Of n units: ``effect`` (n,) guessed, and ``untreated`` (n,) the outcome guessed without."""

    effect: Floats
    untreated: Floats


class Half(NamedTuple):
    """Units to learn from: covariates (n, k), outcome (n,), who was treated, and with what chance.

    ``propensity`` (n,) is known by design (R3).
    """

    X: Floats
    y: Floats
    treated: Flags
    propensity: Floats


Learner = Callable[[Half, Floats, int], Proxy]
"""From a half, the covariates of other units (m, k) and a seed, their proxies."""


def linear(half: Half, others: Floats, seed: int) -> Proxy:  # noqa: ARG001 - nothing is random in it
    """Least squares within each arm, of least norm where covariates are collinear.

    >>> X = np.array([[0.0], [1.0], [0.0], [1.0]])
    >>> treated = np.array([False, False, True, True])
    >>> half = Half(X, np.array([1.0, 2.0, 1.0, 4.0]), treated, np.full(4, 0.5))
    >>> linear(half, np.array([[2.0]]), 1).effect.round(6).tolist()
    [4.0]
    """
    at, spread = half.X.mean(axis=0), half.X.std(axis=0)
    spread[spread == 0] = 1

    def design(X: Floats) -> Floats:
        return np.column_stack([np.ones(len(X)), (X - at) / spread])

    fitted = [
        design(others) @ np.linalg.lstsq(design(half.X[mine]), half.y[mine], rcond=None)[0]
        for mine in (half.treated, ~half.treated)
    ]
    return Proxy(fitted[0] - fitted[1], fitted[1])


def boosting(half: Half, others: Floats, seed: int) -> Proxy:
    """Gradient-boosted trees within each arm (scikit-learn)."""
    _refuse_without("sklearn", "boosting")
    from sklearn.ensemble import HistGradientBoostingRegressor

    return _by_arm(
        half,
        others,
        lambda: HistGradientBoostingRegressor(max_iter=100, learning_rate=0.05, random_state=seed),
    )


def forest(half: Half, others: Floats, seed: int) -> Proxy:
    """Random forests within each arm (scikit-learn)."""
    _refuse_without("sklearn", "forest")
    from sklearn.ensemble import RandomForestRegressor

    return _by_arm(
        half,
        others,
        lambda: RandomForestRegressor(n_estimators=200, min_samples_leaf=10, random_state=seed),
    )


def causal_forest(half: Half, others: Floats, seed: int) -> Proxy:
    """A causal forest of residuals (Athey, Tibshirani and Wager 2019), by econml.

    The treatment's residual is exact, the propensity being known; the outcome's is from a forest.
    """
    _refuse_without("econml", "causal_forest")
    from econml.grf import CausalForest
    from sklearn.ensemble import RandomForestRegressor

    smooth = RandomForestRegressor(n_estimators=200, min_samples_leaf=10, random_state=seed)
    smooth.set_params(oob_score=True).fit(half.X, half.y)
    grown = CausalForest(n_estimators=400, inference=False, random_state=seed)
    grown.fit(half.X, half.treated - half.propensity, half.y - smooth.oob_prediction_)
    effect = np.asarray(grown.predict(others), dtype=np.float64).ravel()
    share = float(half.propensity.mean())
    return Proxy(effect, np.asarray(smooth.predict(others)) - share * effect)


LEARNERS: Mapping[str, Learner] = {
    "linear": linear,
    "boosting": boosting,
    "forest": forest,
    "causal_forest": causal_forest,
}


def _by_arm(half: Half, others: Floats, make: Callable[[], Any]) -> Proxy:
    from threadpoolctl import threadpool_limits

    # Threads that wait for each other cost more than they bring where others use the machine.
    with threadpool_limits(limits=1):
        treated, untreated = (
            np.asarray(make().fit(half.X[mine], half.y[mine]).predict(others), dtype=np.float64)
            for mine in (half.treated, ~half.treated)
        )
    return Proxy(treated - untreated, untreated)


def _refuse_without(module: str, learner: str) -> None:
    if find_spec(module) is None:
        raise NotEstimable(
            f"learner {learner} needs {module}, which is not installed",
            do="pip install 'apologylab[ml]', or ask for learner=linear",
        )
