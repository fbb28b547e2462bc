"""Single-step and step-down max-t: the joint distribution of all tests instead of Bonferroni's sum.

With statistics T_i, their correlation R, and O_S(c) = P(max_{j in S} |T_j| >= c) under the null,

    single step   p_i = O_all(|t_i|),              and the interval t_i -+ c_alpha, O_all(c_alpha)
                                                   = alpha: both say the same (R30);
    step down     p_(i) = max over j <= i of O_{S_j}(|t_(j)|),   S_j = {(j), ..., (m)},

the hypotheses in order of their own p-values. It is Romano and Wolf's step-down with the limit
distribution in place of resamples. Each hypothesis is looked up with its own degrees of freedom
(Hasler and Hothorn 2008), with which one test alone is Student's.

Where the correlation between two groups of tests is not known, O is at most the sum over groups:
valid whatever it is, and Holm's procedure where every group has one test.

Sources: Dunnett 1955 (JASA 50); Romano and Wolf 2005 (JASA 100), Algorithm 3.1; Hothorn, Bretz and
Westfall 2008 (Biometrical Journal 50); Hasler and Hothorn 2008 (Biometrical Journal 50).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.many import shared_reference, tail
from apologylab.inference.many.p_values import down
from apologylab.inference.special import ndtri, stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apologylab.inference.moments import Floats

CLOSE = 1e-4
"""Relative error of O at which the search for a critical value ends: as close as a lattice is."""
EXACT = 1e-9
"""The same where O is exact."""
SEARCHED = 3
"""Degrees of freedom at which the level of each test is searched; others lie between them."""


class Group(NamedTuple):
    """Tests whose correlation is known: their places among all, and (k, k) their correlation."""

    members: tuple[int, ...]
    correlation: Floats


class _Ordered(NamedTuple):
    """A group in the order of the tests: their ranks, and O of those from a place in it on."""

    ranks: Sequence[int]
    outside: Callable[[int, float, float], float]
    close: float


def single_step(t: Floats, df: Floats, groups: Sequence[Group]) -> Floats:
    """Adjusted p-values that agree with :func:`critical_values`, (m,).

    Args:
        t: (m,) statistics.
        df: (m,) degrees of freedom of each; infinite for a normal.
        groups: every test in one of them.

    Raises:
        InputError: a test is in no group or in two, or a correlation is none.

    >>> single_step(np.array([2.2, 1.0]), np.full(2, np.inf), alone(2)).round(4).tolist()
    [0.0556, 0.6346]
    """
    parts = _ordered(range(len(t)), groups)
    found = [_any(parts, 0, abs(each), nu) for each, nu in zip(t, df, strict=True)]
    return np.array(found)


def step_down(t: Floats, df: Floats, groups: Sequence[Group]) -> Floats:
    """Step-down adjusted p-values, (m,), in the order of ``t``; see :func:`single_step`.

    >>> step_down(np.array([1.0, 2.2]), np.full(2, np.inf), alone(2)).round(4).tolist()
    [0.3173, 0.0556]
    """
    own = np.array([tail.tail(abs(each), nu) for each, nu in zip(t, df, strict=True)])
    order = np.argsort(own, kind="stable")
    parts = _ordered(order.tolist(), groups)
    stepped = [_any(parts, j, abs(float(t[i])), float(df[i])) for j, i in enumerate(order)]
    return down(np.array(stepped), order)


def critical_values(df: Floats, groups: Sequence[Group], alpha: float) -> Floats:
    """c of each test with O_all(c) = alpha at its own degrees of freedom, (m,).

    >>> critical_values(np.full(2, np.inf), alone(2), 0.05).round(4).tolist()
    [2.2414, 2.2414]
    """
    parts = _ordered(range(len(df)), groups)
    share = 1 / df
    at = np.array(sorted(set(share.tolist())))
    if at[-1] - at[0] < max(part.close for part in parts) / 10:
        at = at[-1:]
    elif len(at) > SEARCHED:
        at = np.linspace(at[0], at[-1], SEARCHED)
    levels = [_own_level(parts, len(df), 1 / each if each else np.inf, alpha) for each in at]
    own = _between(share, at, np.log(levels))
    return np.array([_quantile(nu, level) for nu, level in zip(df, np.exp(own), strict=True)])


def alone(m: int) -> tuple[Group, ...]:
    """Each of m tests in a group of its own: nothing is known of how they go together."""
    return tuple(Group((i,), np.ones((1, 1))) for i in range(m))


def _own_level(parts: Sequence[_Ordered], m: int, df: float, alpha: float) -> float:
    """The level at which each test alone is done: between alpha and alpha / m.

    False position (Illinois) on log O.
    """
    low, high = (_quantile(df, each) for each in (alpha, alpha / m))

    def gap(c: float) -> float:
        return float(np.log(_any(parts, 0, c, df) / alpha))

    close = max(part.close for part in parts)
    above, below = gap(low), gap(high)
    side = 0
    while abs(above) > close and below < -close and high - low > close * low:
        c = high - below * (high - low) / (below - above)
        at = gap(c)
        if abs(at) <= close:
            return tail.tail(c, df)
        if at > 0:
            low, above, below = c, at, below / 2 if side > 0 else below
        else:
            high, below, above = c, at, above / 2 if side < 0 else above
        side = 1 if at > 0 else -1
    return tail.tail(low if abs(above) <= close else high, df)


def _between(x: Floats, at: Floats, values: Floats) -> Floats:
    """Lagrange's polynomial through one to three points, at ``x``.

    >>> _between(np.array([1.5]), np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0])).tolist()
    [2.25]
    """
    found = np.zeros(len(x))
    for i, value in enumerate(values):
        others = np.delete(at, i)
        found += value * np.prod((x[:, None] - others) / (at[i] - others), axis=1)
    return found


def _quantile(df: float, alpha: float) -> float:
    return float(-stdtrit(df, alpha / 2) if np.isfinite(df) else -ndtri(alpha / 2))


def _ordered(order: Sequence[int], groups: Sequence[Group]) -> list[_Ordered]:
    """The groups with their members in the order of all tests."""
    _refuse(groups, len(order))
    rank = {test: i for i, test in enumerate(order)}
    found = []
    for group in groups:
        by_rank = sorted(range(len(group.members)), key=lambda i: rank[group.members[i]])
        correlation = group.correlation[np.ix_(by_rank, by_rank)]
        ranks = [rank[group.members[i]] for i in by_rank]
        found.append(_Ordered(ranks, *_outside(correlation)))
    return found


def _refuse(groups: Sequence[Group], m: int) -> None:
    if sorted(i for group in groups for i in group.members) != list(range(m)):
        raise InputError(
            f"groups {[group.members for group in groups]} are not of {m} tests",
            do="put each test, from 0 on, into one group; alone(m) knows nothing of any",
        )
    for _, r in groups:
        one = np.abs(r - r.T).max() + np.abs(r.diagonal() - 1).max()
        if not (one < 1e-8 and np.abs(r).max() < 1 + 1e-8):
            raise InputError(
                f"{r} is no correlation", do="divide a covariance by both standard errors"
            )


def _outside(correlation: Floats) -> tuple[Callable[[int, float, float], float], float]:
    """O of the tests from a place on, and its error.

    Exact where they share one reference, else by a lattice.
    """
    b = shared_reference.loadings(correlation)
    if b is None:
        return partial(tail.outside_of, tail.spread(correlation)), CLOSE

    def exact(first: int, limit: float, df: float) -> float:
        if len(b) - first == 1:
            return tail.tail(limit, df)
        return shared_reference.outside(b[first:], limit, df)

    return exact, EXACT


def _any(parts: Sequence[_Ordered], first: int, limit: float, df: float) -> float:
    """O over the tests whose rank is ``first`` or more, summed over groups and cut at 1."""
    total = 0.0
    for part in parts:
        done = sum(rank < first for rank in part.ranks)
        if done < len(part.ranks):
            total += part.outside(done, limit, df)
    return min(total, 1.0)
