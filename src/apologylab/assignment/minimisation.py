"""Minimisation with a biased coin: each unit is pulled to the arm that balances its fields best.

The arm that a unit would leave most balanced is the one with the smallest sum, over the unit's
fields, of chi-square distances between the units by arm and the weights: with n_fa units of arm a
that share the unit's value of field f, adding one to arm a raises sum_a n_fa^2 / w_a by
(2 n_fa + 1) / w_a, so it minimises

    (2 sum_f n_fa + F) / w_a,        over F fields.

With equal weights this is Pocock and Simon's rule with the variance as its measure. The coin is
that of Han and others: with probability c the arm is drawn by the weights alone, otherwise it is
the balancing one (among ties, by their weights),

    P(a) = c w_a / W + (1 - c) [a in T] w_a / sum_{b in T} w_b,    W = sum of weights,

which keeps the arms' shares nominal: balanced arms are balanced in proportion to their weights.
c is chosen so that the arm of the least weight, where it alone balances, has probability ``coin``.

Sources: Pocock and Simon 1975 (Biometrics 31); Han, Enas and McEntegart 2009 (Statistics in
Medicine 28) for unequal weights.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, NamedTuple

from apologylab.assignment.answers import arm_weights
from apologylab.assignment.hashing import cut_points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.experiment import Experiment


class Coin(NamedTuple):
    """One toss: the boundaries of the arms over 2^64, and each arm's probability."""

    cuts: tuple[bytes, ...]
    shares: tuple[Fraction, ...]


class Minimiser:
    """The rule of one phase: counts in, coin out.

    Attributes:
        arms: those drawn, in declared order.
    """

    def __init__(self, experiment: Experiment, phase: int) -> None:
        weights = arm_weights(experiment, phase)
        self.arms = tuple(weights)
        self._weights = tuple(weights.values())
        self._blind = blindness(Fraction(str(experiment.allocation.coin)), self._weights)
        self._coins: dict[tuple[int, ...], Coin] = {}

    def coin(self, counts: Sequence[Mapping[str, int]]) -> Coin:
        """The coin for a unit; ``counts`` holds, for each of its fields, arm -> units alike."""
        scores = [
            Fraction(2 * sum(alike.get(arm, 0) for alike in counts) + len(counts), weight)
            for arm, weight in zip(self.arms, self._weights, strict=True)
        ]
        least = min(scores)
        tied = tuple(i for i, score in enumerate(scores) if score == least)
        if tied not in self._coins:
            self._coins[tied] = self._toss(tied)
        return self._coins[tied]

    def _toss(self, tied: tuple[int, ...]) -> Coin:
        total, among = sum(self._weights), sum(self._weights[i] for i in tied)
        pulled = 1 - self._blind
        shares = tuple(
            self._blind * Fraction(weight, total)
            + (pulled * Fraction(weight, among) if i in tied else 0)
            for i, weight in enumerate(self._weights)
        )
        common = lcm(*(share.denominator for share in shares))
        return Coin(cut_points([int(share * common) for share in shares]), shares)


def blindness(coin: Fraction, weights: Sequence[int]) -> Fraction:
    """The probability c of a draw by the weights alone.

    >>> blindness(Fraction("0.8"), (1, 1)), blindness(Fraction("0.8"), (2, 1))
    (Fraction(2, 5), Fraction(3, 10))
    """
    total, least = sum(weights), min(weights)
    return (1 - coin) * Fraction(total, total - least)
