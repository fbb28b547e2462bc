"""The declared rule applied: from values and guardrails to one of five verdicts (R34, R35).

Each arm that could be shipped is in one of three states:

* it *ships* if the lower end of its interval is above the threshold and every guardrail is safe;
* it is *ruled out* if the upper end of its interval is below the threshold, or a guardrail is
  broken;
* it is *open* otherwise, and where its value or a guardrail could not be estimated.

The verdict, the first that holds:

=====================  ====================================================================
not estimable          a check of the experiment failed, or no arm's value could be estimated
keep running           the experiment has not ended, and the plan has no looks before its end (R31)
ship                   an arm ships; the one whose lower end is highest is recommended
do not ship            every arm is ruled out
keep running           an arm is open, and more units come: this was a look of the plan
ended without answer   an arm is open, and no more units come
=====================  ====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.decision.verdict import ArmValue, GuardrailReading, VerdictWord
    from apologylab.design.rule import ShipRule

State = Literal["ships", "ruled out", "open"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the rule is applied to.

    Attributes:
        values: of the arms whose value could be estimated.
        guardrails: those that could be read.
        unread: arm -> why its value or one of its guardrails could not be estimated.
        failed: what the failed checks say.
        ended: whether contrasts may be read.
        early: this is a look of the plan before the end; every interval holds at all looks.
        besides: sentences that decide nothing and belong beside the verdict.
    """

    values: Sequence[ArmValue]
    guardrails: Sequence[GuardrailReading] = ()
    unread: Mapping[str, str]
    failed: Sequence[str] = ()
    ended: bool = True
    early: bool = False
    besides: Sequence[str] = ()


def arm_state(rule: ShipRule, value: ArmValue, evidence: Evidence) -> State:
    """Where one arm stands."""
    readings = [each for each in evidence.guardrails if each.arm == value.arm]
    threshold = float(rule.threshold)
    if value.ci_high < threshold or any(each.state == "broken" for each in readings):
        return "ruled out"
    safe = all(each.state == "safe" for each in readings) and value.arm not in evidence.unread
    return "ships" if value.ci_low > threshold and safe else "open"


def verdict_word(rule: ShipRule, evidence: Evidence) -> VerdictWord:
    """The verdict, by the table in the module's docstring."""
    if evidence.failed:
        return "not estimable"
    if not evidence.ended:
        return "keep running"
    if not evidence.values:
        return "keep running" if evidence.early else "not estimable"
    states = [arm_state(rule, value, evidence) for value in evidence.values]
    if "ships" in states:
        return "ship"
    valued = {value.arm for value in evidence.values}
    all_read = all(arm in valued for arm in evidence.unread)
    if all_read and all(state == "ruled out" for state in states):
        return "do not ship"
    return "keep running" if evidence.early else "ended without an answer"


def recommended(rule: ShipRule, evidence: Evidence) -> ArmValue | None:
    """Of the arms that ship, the one whose lower end is highest."""
    shipping = [value for value in evidence.values if arm_state(rule, value, evidence) == "ships"]
    return max(shipping, key=lambda value: value.ci_low, default=None)
