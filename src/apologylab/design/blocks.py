"""Permuted blocks: how many places each arm has in one (R3)."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 1_000
"""Places in a block, at most."""


def reduced(weights: Mapping[str, int]) -> dict[str, int]:
    """Positive weights without their common divisor: the smallest block that is proportional.

    >>> reduced({"silence": 4, "basic": 2, "status": 0})
    {'silence': 2, 'basic': 1}
    """
    positive = {arm: weight for arm, weight in weights.items() if weight > 0}
    divisor = gcd(*positive.values())
    return {arm: weight // divisor for arm, weight in positive.items()}


def block_size(weights: Mapping[str, int], declared: int | None) -> int:
    """Places in a block: as declared, or the smallest in which every arm has two.

    Longer blocks are harder to guess, shorter ones follow the season more closely.

    >>> block_size({"silence": 1, "basic": 1}, None), block_size({"silence": 3, "basic": 2}, None)
    (4, 5)
    """
    if declared is not None:
        return declared
    smallest = reduced(weights)
    return sum(smallest.values()) * (1 if min(smallest.values()) > 1 else 2)


def places(weights: Mapping[str, int], declared: int | None) -> dict[str, int]:
    """Arm -> its places in one block.

    >>> places({"silence": 2, "basic": 1}, 6)
    {'silence': 4, 'basic': 2}
    """
    smallest = reduced(weights)
    times = block_size(weights, declared) // sum(smallest.values())
    return {arm: weight * times for arm, weight in smallest.items()}
