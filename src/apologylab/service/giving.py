"""What an experiment can give, as its caps read it (R5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from apologylab.assignment.answers import arm_weights
from apologylab.design.arms import arms
from apologylab.remedy.compensation import Given, given

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.experiment import Experiment


@dataclass(frozen=True)
class Giving:
    """What each arm of an experiment gives, and how dear one unit can be."""

    experiment: Experiment

    @cached_property
    def by_arm(self) -> Mapping[str, Given | None]:
        """Arm -> what it gives."""
        return {arm.name: given(self.experiment, arm) for arm in arms(self.experiment)}

    @cached_property
    def reachable(self) -> frozenset[str]:
        """The arms that any phase or override can give."""
        phases = range(1, len(self.experiment.allocation.phases) + 2)
        named = {arm for phase in phases for arm in arm_weights(self.experiment, phase)}
        return frozenset(named | set(self.experiment.overrides.values()))

    @cached_property
    def dearest(self) -> int:
        """Minor units of the dearest arm that can be given."""
        found = (each for arm in self.reachable if (each := self.by_arm[arm]))
        return max((each.amount for each in found), default=0)
