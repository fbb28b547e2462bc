"""``Assignment``: the answer to one incident, with its propensity and its reason (R1, R3)."""

from __future__ import annotations

from typing import Literal, NamedTuple

Reason = Literal[
    "RANDOMISED",
    "POLICY",
    "OVERRIDE",
    "PREVIEW",
    "HOLDOUT",
    "INELIGIBLE",
    "CLOSED",
    "FALLBACK",
]


class Assignment(NamedTuple):
    """What a unit gets, and why.

    ``propensity`` is P(arm | enrolled, phase) where the arm was drawn, otherwise None; ``entry``
    and ``holdout`` are the shares declared for those draws. ``timing`` is the level of timing of a
    drawn arm (silence has a shadow one, R10), and ``delay_s`` its intended delay in seconds: after
    the incident, or after what it awaits; both otherwise None. ``because`` names the rule that
    decided. A unit that is not drawn has the arm that ``[otherwise]`` declares.
    """

    arm: str
    propensity: float | None
    reason: Reason
    experiment: str
    version: int
    phase: int
    delay_s: int | None
    entry: float
    holdout: float
    because: str
    timing: str | None = None
