"""Effects over repeated incidents: two a customer, the second drawn as the first turned out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cells import STANDARD, Case, Trial

from apologylab.inference.estimators.repeats import Incidents, drawn_anew, supported
from apologylab.inference.special import stdtr, stdtrit

if TYPE_CHECKING:
    from cells import Floats, World


def trial(rng: np.random.Generator, world: World) -> Trial:
    """Half of the customers fare the same after both incidents, so their rows go together."""
    n = world.reference + world.treatment
    units = world.units(rng, 2 * n)
    same = np.where(rng.random(n) < 0.5, np.arange(n), n + np.arange(n))
    which = np.append(np.arange(n), same)
    first = rng.random(n) < 0.5
    share = np.append(np.full(n, 0.5), np.where(first, 0.3, 0.7))
    treated = np.append(first, rng.random(n) < share[n:])
    y = np.where(treated, units.treated[which], units.untreated[which])
    covered, _ = _read(y, treated, share, first, world.effect)
    _, rejected = _read(units.untreated[which], treated, share, first, world.effect)
    return Trial(covered, rejected)


def _read(
    y: Floats, treated: np.ndarray, share: Floats, first: np.ndarray, truth: float
) -> tuple[bool, bool]:
    n = len(first)
    incidents = Incidents(
        y=y,
        arm=treated.astype(np.intp),
        number=np.repeat([1, 2], n),
        customer=np.tile(np.arange(n), 2),
        propensity=np.where(treated, share, 1 - share),
        history=np.append(np.zeros(n, dtype=np.intp), first),
    )
    found = drawn_anew(incidents, supported(incidents, (1, 0)), (1, 0))
    reach = stdtrit(found.df, 0.975) * found.std_error
    p = 2 * stdtr(found.df, -abs(found.point) / found.std_error)
    return bool(abs(found.point - truth) <= reach), bool(p <= 0.05)


CASES: tuple[Case, ...] = (Case("repeats(regime=rerandomise)", "more customers", STANDARD, trial),)
