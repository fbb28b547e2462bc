r"""Effects by incident number, where a customer can be hit again (R7, R28).

m incidents i of G customers g, each with its number k among the customer's own, arm and outcome.
Pooling them as they are compares customers, not arms: under a cap on coupons whoever comes often
has none left, so "no coupon" collects those who come often. What is valid depends on the regime.

*First only.* The first incident of each customer, k = 1, is drawn once; later ones are left out.
Arms whose weights changed from phase to phase are weighted by 1 / p_i as below, p_i the planned.

*Sticky.* A later incident gets the arm of the first. A customer counts once, with the outcome after
incident k, and 0 where there was none: whether there is one may itself be an effect, so nobody is
left out. These effects add up to that of the regime on everything after.

*Drawn anew.* Arm a of incident i is drawn with a known probability p_i that depends on the history
h before it. Among incidents of number k whose history lets every compared arm be drawn,

    m_a = sum_{i in a} y_i / p_i  /  sum_{i in a} 1 / p_i,

and the effect of all numbers is the same without k. Errors are between customers,

    V = G / (G - 1) sum_g (sum_{i in g} psi_i)^2,   psi_i = +-(y_i - m_a) / p_i / sum_a 1/p_j.

The estimand is over the customers and histories that reach incident k under this very regime.

Sources: Hajek 1971; Robins, Hernan and Brumback 2000 (history-conditional weights); Liang and Zeger
1986 (errors between customers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError, NotEstimable
from apologylab.inference.special import chdtrc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.moments import Floats

    Codes = NDArray[np.intp]
    Kept = NDArray[np.bool_]

FEWEST = 10
"""Customers that an arm needs at an incident number."""


class Incidents(NamedTuple):
    """One row an incident, (m,) each: outcome, arm, its number, customer, propensity, history."""

    y: Floats
    arm: Codes
    number: Codes
    customer: Codes
    propensity: Floats
    history: Codes


class Effect(NamedTuple):
    """Difference of two arms with its error between customers, and customers by arm."""

    point: float
    std_error: float
    df: float
    reference_mean: float
    n_treatment: int
    n_reference: int


def supported(incidents: Incidents, arms: tuple[int, int]) -> Kept:
    """Incidents whose number and history let both arms be drawn, (m,)."""
    kept = np.ones(len(incidents.y), dtype=bool)
    cell = incidents.number * (int(incidents.history.max(initial=0)) + 1) + incidents.history
    for arm in arms:
        kept &= np.isin(cell, np.unique(cell[incidents.arm == arm]))
    return kept


def drawn_anew(incidents: Incidents, kept: Kept, arms: tuple[int, int]) -> Effect:
    """Effect of arm ``arms[0]`` against ``arms[1]`` among the incidents ``kept``, (m,).

    Raises:
        NotEstimable: an arm has too few customers, or nothing varies.
    """
    influence = np.zeros(len(incidents.y))
    means, customers = [], []
    for arm, sign in zip(arms, (1.0, -1.0), strict=True):
        mine = kept & (incidents.arm == arm)
        customers.append(len(np.unique(incidents.customer[mine])))
        weight = 1 / incidents.propensity[mine]
        total = float(weight.sum()) or 1.0
        means.append(float(weight @ incidents.y[mine]) / total)
        influence[mine] = sign * weight * (incidents.y[mine] - means[-1]) / total
    if min(customers) < FEWEST:
        raise NotEstimable(f"an arm has {min(customers)} customers there: {FEWEST} are needed")
    which = np.unique(incidents.customer[kept], return_inverse=True)[1]
    by_customer = np.bincount(which, influence[kept])
    g = len(by_customer)
    error = float(g / (g - 1) * (by_customer @ by_customer)) ** 0.5
    if not error > 0:
        raise NotEstimable("an outcome that does not vary has no interval")
    return Effect(means[0] - means[1], error, g - 1.0, means[1], customers[0], customers[1])


def sticky(incidents: Incidents) -> Incidents:
    """Each customer at each number once: the outcome after it, 0 where there was no incident.

    Raises:
        InputError: a customer has two arms, or no first incident.
    """
    customers, which = np.unique(incidents.customer, return_inverse=True)
    first = np.full(len(customers), -1, dtype=np.intp)
    chance = np.ones(len(customers))
    start = incidents.number == 1
    first[which[start]] = incidents.arm[start]
    chance[which[start]] = incidents.propensity[start]
    if (first < 0).any() or start.sum() != len(customers):
        raise InputError(
            "a customer has no first incident, or two", do="number each customer's incidents from 1"
        )
    if (first[which] != incidents.arm).any():
        raise InputError(
            "a customer's incidents have different arms, so the arm was not kept",
            do="ask for regime=rerandomise with the propensities that were used",
        )
    last = int(incidents.number.max())
    y = np.zeros((last, len(customers)))
    np.add.at(y, (incidents.number - 1, which), incidents.y)
    return Incidents(
        y=y.ravel(),
        arm=np.tile(first, last),
        number=np.repeat(np.arange(1, last + 1), len(customers)),
        customer=np.tile(np.arange(len(customers)), last),
        propensity=np.tile(chance, last),
        history=np.zeros(y.size, dtype=np.intp),
    )


def together(incidents: Incidents) -> Incidents:
    """All numbers of a customer added up, from what :func:`sticky` gives: one row a customer."""
    size = int((incidents.number == 1).sum())
    return incidents._replace(
        y=incidents.y.reshape(-1, size).sum(axis=0),
        **{name: getattr(incidents, name)[:size] for name in incidents._fields if name != "y"},
    )


def propensities_match(incidents: Incidents) -> float:
    """p of the arms' counts given number and history, if each was drawn as its propensity says.

    Pearson's chi-squared over the cells (number, history, arm).

    Raises:
        InputError: a propensity is no probability, or differs within a cell.
    """
    if not ((incidents.propensity > 0) & (incidents.propensity <= 1)).all():
        raise InputError("a propensity is not above 0 and at most 1", do="give P(arm | history)")
    keys = np.column_stack((incidents.number, incidents.history))
    place = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    arms = int(incidents.arm.max()) + 1
    cells, at, n = np.unique(place * arms + incidents.arm, return_inverse=True, return_counts=True)
    p = np.bincount(at, incidents.propensity) / n
    if np.abs(incidents.propensity - p[at]).max() > 1e-9:
        raise InputError(
            "one history has two propensities of one arm",
            do="let the history be all that the propensities depend on",
        )
    expected = np.bincount(place)[cells // arms] * p
    statistic = float((np.square(n - expected) / expected).sum())
    df = len(cells) - len(np.unique(place))
    return float(chdtrc(df, statistic)) if df > 0 else 1.0
