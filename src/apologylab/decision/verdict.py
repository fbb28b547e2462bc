"""The verdict on a declared rule (R34-R36): values, reasons, and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VerdictWord = Literal[
    "ship", "do not ship", "keep running", "ended without an answer", "not estimable"
]


@dataclass(frozen=True, kw_only=True)
class ArmValue:
    """Net value per affected customer of one arm, as a difference from the reference (R34)."""

    arm: str
    point: float
    std_error: float
    ci_low: float
    ci_high: float
    level: float
    interval_kind: str
    n: int
    break_even_margin: float | None = None
    break_even_compensation: float | None = None


@dataclass(frozen=True, kw_only=True)
class GuardrailReading:
    """Where a guardrail stands in one arm: safe, broken or undecided (R35); in ``unit``."""

    outcome: str
    arm: str
    comparator: str
    bound: float
    worse_by: float
    ci_low: float
    ci_high: float
    state: Literal["safe", "broken", "undecided"]
    unit: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What to do, why, and the numbers behind it."""

    experiment: str
    version: int
    as_of: str
    simulated: bool
    verdict: VerdictWord
    recommended_arm: str | None
    reference: str
    unit: str
    rule: str
    sentence: str
    reasons: tuple[str, ...]
    values: tuple[ArmValue, ...]
    guardrails: tuple[GuardrailReading, ...] = ()
