"""Cox's model in each half of the events: whether hazards are proportional."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.survival.cox import cox

if TYPE_CHECKING:
    from apologylab.inference.survival.cox import CoxFit, Rows, Ties


class Halves(NamedTuple):
    """The fits up to and after ``time``, by which half of all events had come."""

    time: float
    early: CoxFit
    late: CoxFit


def halves(rows: Rows, *, ties: Ties = "efron", robust: bool = True) -> Halves:
    """Two fits that tell whether hazards are proportional: each of one half of the events.

    Up to t* units are followed no further; after it those count that are still under way. The two
    scores share no event, so the fits are independent in large samples, and where hazards are
    proportional they estimate one b.

    Raises:
        NotEstimable: a half has no fit.
    """
    event, order = rows.event, np.argsort(rows.time[rows.event], kind="stable")
    seen = np.cumsum(rows.n[event][order])
    if not seen.size:
        raise NotEstimable("no event was seen")
    middle = float(rows.time[event][order][np.searchsorted(seen, seen[-1] / 2)])
    up_to = rows._replace(time=np.minimum(rows.time, middle), event=event & (rows.time <= middle))
    rest = rows.some(rows.time > middle)
    early, late = (cox(each, ties=ties, robust=robust) for each in (up_to, rest))
    return Halves(middle, early, late)
