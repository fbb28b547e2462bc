"""Permuted blocks: the arm of place k in block b of a stratum, a pure function (R1, R3).

A block holds every arm as often as its weight says. Its places are put in order by a word of a
hash each, so all orders are equally likely, but for two equal words among 2^64. Who has
the declaration can compute a block ahead, as with any draw by a hash: secrecy is not what makes it
fair, but that nobody who arrives chooses their place.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from apologylab.assignment.answers import arm_weights
from apologylab.assignment.hashing import block_prefix, netstring, word
from apologylab.design.blocks import places

if TYPE_CHECKING:
    from collections.abc import Callable

    from apologylab.design.experiment import Experiment


class Place(NamedTuple):
    """A place in a permuted block, and the arm that stands there."""

    block: int
    arm: str


def compile_blocks(experiment: Experiment, phase: int) -> Callable[[str, int], Place]:
    """The function ``place(stratum, before) -> Place`` of one phase.

    ``before`` counts the units that took a place in the stratum before this one.
    """
    weights = arm_weights(experiment, phase)
    contents = tuple(
        arm
        for arm, times in places(weights, experiment.allocation.block_size).items()
        for _ in range(times)
    )
    prefix = block_prefix(experiment, phase)

    @lru_cache(maxsize=1_000)
    def permuted(stratum: str, block: int) -> tuple[str, ...]:
        start = sha256(prefix + netstring(stratum) + netstring(str(block)))
        words = []
        for number in range(len(contents)):
            digest = start.copy()
            digest.update(netstring(str(number)))
            words.append((word(digest.digest(), 0), number))
        return tuple(contents[number] for _, number in sorted(words))

    def place(stratum: str, before: int) -> Place:
        block, at = divmod(before, len(contents))
        return Place(block, permuted(stratum, block)[at])

    return place
