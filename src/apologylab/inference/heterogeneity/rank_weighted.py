"""Is it worth to choose who gets the remedy: the targeting operator curve and its area.

Units are ranked by the guessed effect S, the greatest first. The curve at q is the effect in the
first share q of them, less the effect in all: TOC(q) = E[Gamma | rank <= q] - E[Gamma], with
Gamma doubly robust scores. Its rank-weighted averages are

    AUTOC = integral of TOC(q) dq,        QINI = integral of q TOC(q) dq,

both 0 where S tells nothing of the effect. With U the share of units ranked before a unit, each is
E[w(U) Gamma]: w(u) = -log(u) - 1 for AUTOC, w(u) = 1/2 - u for QINI. Units of one S share the mean
of their weights. The error is that of the influence function

    psi_i = w(U_i) Gamma_i - theta + sum over j ranked after i, of w'(U_j) m(U_j) / n,

centred, where m(u) is the mean score at rank u: the last part is what the ranks' own estimation
adds.

Source: Yadlowsky, Fleming, Shah, Brunskill and Wager 2021 (arXiv 2111.07966; JASA 2025), equations
2.2 to 2.6 and theorem 3. Qini's coefficient: Radcliffe 2007.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from apologylab.inference.heterogeneity.judged import Judged, Number, scores
from apologylab.inference.moments import Floats

Target = Literal["autoc", "qini"]


def rank_weighted(half: Judged, target: Target) -> Number:
    """The area and its standard error; none where every unit has one rank.

    ``half`` has m units; their scores need no model to be right, only the propensities.
    """
    return area(scores(half), half.proxy.effect, target)


def area(gamma: Floats, priority: Floats, target: Target) -> Number:
    """The area of scores (n,) ranked by ``priority`` (n,), the greatest first.

    >>> area(np.array([3.0, 1.0, 2.0, 0.0]), np.array([9.0, 2.0, 5.0, 1.0]), "qini").point
    0.3125
    """
    order = np.argsort(-priority, kind="stable")
    score, ranked = gamma[order], priority[order]
    n = len(score)
    weight = _shared(_weights(n, target), ranked)
    point = float(weight @ score) / n
    psi = weight * score - point + _of_ranks(score, ranked, target)
    if ranked[0] == ranked[-1]:
        return Number(0.0, float("nan"))
    return Number(point, float(psi.std(ddof=1)) / n**0.5)


def _weights(n: int, target: Target) -> Floats:
    """n times what each rank adds to the mean of TOC(j / n), times j / n for QINI, over j."""
    ranks = np.arange(1, n + 1, dtype=np.float64)
    if target == "autoc":
        harmonic = np.cumsum((1 / ranks)[::-1])[::-1]
        return harmonic - 1
    left: Floats = (n - ranks + 1) / n - (n + 1) / (2 * n)
    return left


def _shared(weight: Floats, ranked: Floats) -> Floats:
    """Units that tie share the mean of their weights."""
    _, group, size = np.unique(-ranked, return_inverse=True, return_counts=True)
    shared: Floats = (np.bincount(group, weights=weight) / size)[group]
    return shared


def _of_ranks(score: Floats, ranked: Floats, target: Target) -> Floats:
    """What moving every later unit by one rank does, centred, (n,)."""
    n = len(score)
    u = (np.arange(n) + 0.5) / n
    slope = -1 / u if target == "autoc" else np.full(n, -1.0)
    smooth = _level(score, ranked)
    after = _shared(np.cumsum((slope * smooth)[::-1])[::-1] / n, ranked)
    centred: Floats = after - after.mean()
    return centred


def _level(score: Floats, ranked: Floats) -> Floats:
    """The mean score by rank: of units that tie, else a running mean over a twentieth of them."""
    width = max(len(score) // 20, 1)
    padded = np.concatenate([np.zeros(1), np.cumsum(score)])
    place = np.arange(len(score))
    low = np.maximum(place - width, 0)
    high = np.minimum(place + width + 1, len(score))
    running = (padded[high] - padded[low]) / (high - low)
    _, group, size = np.unique(-ranked, return_inverse=True, return_counts=True)
    tied = np.bincount(group, weights=score) / size
    level: Floats = np.where(size[group] > 1, tied[group], running)
    return level
