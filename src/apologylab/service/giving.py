"""What an experiment can give, as its caps read it (R5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from apologylab.assignment.answers import arm_weights
from apologylab.design.arms import arms
from apologylab.design.money import Money
from apologylab.remedy.amounts import unfit
from apologylab.remedy.codes import COUPON_CODE
from apologylab.remedy.compensation import Given, given, given_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apologylab.design.arms import Arm
    from apologylab.design.experiment import Experiment


GIVEN: Final = "given"
"""The placeholder that is filled in with what the arm gives."""


@dataclass(frozen=True)
class Giving:
    """What each arm of an experiment gives, and how dear one unit can be."""

    experiment: Experiment

    @cached_property
    def by_arm(self) -> Mapping[str, Given | None]:
        """Arm -> the most that it gives, in the budget's currency."""
        return {arm.name: given(self.experiment, arm) for arm in arms(self.experiment)}

    @cached_property
    def varies(self) -> bool:
        """Whether what is given depends on the incident."""
        given = self.experiment.compensation.values()
        return any(each.share is not None or each.by_market for each in given)

    def to(self, arm: str, fields: Mapping[str, object]) -> Given | None:
        """What ``arm`` gives to an incident with ``fields``.

        Raises:
            InputError: the fields do not say it.
        """
        if self.by_arm[arm] is None:
            return None
        if not self.varies and arm in self._fixed:
            return self._fixed[arm]
        found = given_to(self.experiment, self._arms[arm], fields)
        self._fixed[arm] = found
        return found

    def unfit(self, fields: Mapping[str, object]) -> str | None:
        """Why an incident with ``fields`` is drawn in no arm, or None (R4)."""
        return unfit(self.experiment, fields) if self.varies else None

    def said(
        self, arm: str, fields: Mapping[str, object], code: Callable[[], str]
    ) -> Mapping[str, object]:
        """``fields`` and, where a text asks for it, what ``arm`` gives, like ``4.50 USD``.

        A text may also ask for the ``code`` of what is given.
        """
        if not self._asked:
            return fields
        found = self.to(arm, fields)
        if found is None:
            return fields
        return {**fields, GIVEN: str(Money(found.amount, found.currency)), COUPON_CODE: code()}

    def sayable(self, fields: Mapping[str, object]) -> Mapping[str, object]:
        """``fields`` with all that is filled in later, so that no incident lacks it."""
        return {**fields, **dict.fromkeys(self._asked, GIVEN)} if self._asked else fields

    @cached_property
    def _asked(self) -> frozenset[str]:
        return frozenset({GIVEN, COUPON_CODE}) & set(self.experiment.messages.placeholders)

    @cached_property
    def _arms(self) -> Mapping[str, Arm]:
        return {arm.name: arm for arm in arms(self.experiment)}

    @cached_property
    def _fixed(self) -> dict[str, Given | None]:
        """What arms give to any incident, where all incidents get the same."""
        return {}

    @cached_property
    def reachable(self) -> frozenset[str]:
        """The arms that any phase or override can give."""
        phases = range(1, len(self.experiment.allocation.phases) + 2)
        named = {arm for phase in phases for arm in arm_weights(self.experiment, phase)}
        return frozenset(named | set(self.experiment.overrides.values()))

    @cached_property
    def dearest(self) -> int:
        """Minor units, in the budget's currency, of the dearest arm that can be given."""
        found = (each for arm in self.reachable if (each := self.by_arm[arm]))
        return max((each.amount for each in found), default=0)
