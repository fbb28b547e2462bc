"""The effect of the delay achieved: a strong and a weak first stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cells import STANDARD, Case, Trial

from apologylab.errors import NotEstimable
from apologylab.inference.estimators.delay import Cells, response

if TYPE_CHECKING:
    from collections.abc import Callable

    from cells import World


def by(strength: float) -> Callable[[np.random.Generator, World], Trial]:
    """Two contents, two assigned delays; what makes a delay longer makes customers worse too.

    ``strength``: by how many standard errors of its mean the assignment moves a cell's delay.
    """

    def trial(rng: np.random.Generator, world: World) -> Trial:
        n = world.treatment
        cause = rng.gamma(2.0, size=(4, n))
        moved = strength * (2 / n) ** 0.5
        d = cause + moved * np.array([0, 1, 0, 1])[:, None] + rng.normal(size=(4, n))
        noise = world.units(rng, 4 * n).untreated.reshape(4, n)
        effect = world.sd / 10
        y = noise - world.sd * 0.3 * cause
        covered, rejected = _read(y + effect * d, d, effect), _read(y, d, None)
        return Trial(covered, rejected)

    return trial


def _read(y: np.ndarray, d: np.ndarray, truth: float | None) -> bool:
    about = y - y.mean(axis=1, keepdims=True), d - d.mean(axis=1, keepdims=True)
    cells = Cells(
        group=np.array([0, 0, 1, 1]),
        n=np.full(4, float(y.shape[1])),
        y=y.mean(axis=1),
        d=d.mean(axis=1),
        yy=(about[0] ** 2).sum(axis=1),
        dd=(about[1] ** 2).sum(axis=1),
        yd=(about[0] * about[1]).sum(axis=1),
    )
    try:
        found = response(cells, alpha=0.05)
    except NotEstimable:
        return truth is not None  # it has no end, so it holds the truth and rejects nothing
    if truth is None:
        return found.p_value <= 0.05
    return found.low <= truth <= found.high


CASES: tuple[Case, ...] = (
    Case("delay", "the effect of the assigned delay", STANDARD, by(20.0)),
    Case("delay, weakly moved", "the effect of the assigned delay", STANDARD, by(2.0)),
)
