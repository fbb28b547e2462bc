"""The answers of a phase whose arms the ledger's counts draw: blocks and minimisation (R3)."""

from __future__ import annotations

from bisect import bisect_right
from hashlib import sha256
from typing import TYPE_CHECKING

from apologylab.assignment.answers import arm_answers, arm_weights, shadow_delays
from apologylab.assignment.hashing import ARM, DELAY, experiment_prefix, word
from apologylab.assignment.minimisation import Minimiser
from apologylab.assignment.permuted import compile_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.assignment.assignment import Assignment
    from apologylab.assignment.permuted import Place
    from apologylab.design.experiment import Experiment


class Placing:
    """What a phase answers to a unit that enters, given what the ledger counted before it.

    A unit's words of its digest are those of an independent draw: word ``ARM`` is the coin of
    minimisation, word ``DELAY`` the shadow delay of silence.
    """

    def __init__(self, experiment: Experiment, phase: int) -> None:
        self.arms = tuple(arm_weights(experiment, phase))
        self._answers = {
            arm: arm_answers(experiment, arm, phase=phase, reason="RANDOMISED") for arm in self.arms
        }
        self._minimiser = Minimiser(experiment, phase)
        self._place = compile_blocks(experiment, phase)
        self._delays = shadow_delays(experiment).cuts
        self._start = sha256(experiment_prefix(experiment)).copy

    def in_block(self, unit: str, stratum: str, before: int) -> tuple[Place, Assignment]:
        """The place and the answer of a unit that ``before`` others of its stratum preceded.

        The propensity is the design marginal: the arm's weight over the sum of weights.
        """
        place = self._place(stratum, before)
        because = f"unit {before + 1} of {stratum or 'all'}, in permuted block {place.block}"
        return place, self._answer(place.arm, self._digest(unit))._replace(because=because)

    def by_coin(self, unit: str, counts: Sequence[Mapping[str, int]]) -> Assignment:
        """The answer to a unit; ``counts`` holds, for each of its fields, arm -> units alike.

        The propensity is the probability of this arm given the counts.
        """
        coin, digest = self._minimiser.coin(counts), self._digest(unit)
        drawn = bisect_right(coin.cuts, word(digest, ARM))
        share = float(coin.shares[drawn])
        because = f"minimised: drawn with probability {share:g}, given the units before"
        answer = self._answer(self.arms[drawn], digest)
        return answer._replace(propensity=share, because=because)

    def _answer(self, arm: str, digest: bytes) -> Assignment:
        answers = self._answers[arm]
        if len(answers) == 1:
            return answers[0]
        return answers[bisect_right(self._delays, word(digest, DELAY))]

    def _digest(self, unit: str) -> bytes:
        hashed = self._start()
        hashed.update(unit.encode())
        return hashed.digest()
