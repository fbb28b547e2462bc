"""From a question to estimates: one scan of the panel, one second pass an outcome.

:func:`fit` asks the source; :func:`estimates` reads the fits. The two are apart because a decision
needs the fits themselves: one covariance of all arm means for simultaneous intervals (R34).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from apologylab.design.contrasts import Contrast

EstimatorName = Literal["difference_in_means", "lin"]
Adjustment = Literal["holm", "none"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One outcome as it is reported: its column, its role in the plan, its unit of measure."""

    name: str
    role: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a panel.

    Attributes:
        outcomes: what is compared; ``name`` is the panel's column.
        contrasts: by kind ``arm``, ``factor`` or ``contrast``, each a family of its own.
        weights: phase -> arm -> planned integer weight, of the phases that enrolled. An arm with
            weight 0 in one of them is refused.
        assigned: arm -> units randomised to it, whether or not they are mature.
        covariates: columns measured before the draw, for Lin's adjustment.
        estimators: the plan's first. ``lin`` needs covariates.
        look: the number of this look (R31); 0 where the experiment has ended.
    """

    outcomes: tuple[Measured, ...]
    arm_contrasts: tuple[Contrast, ...]
    factor_contrasts: tuple[Contrast, ...] = ()
    named_contrasts: tuple[Contrast, ...] = ()
    weights: Mapping[int, Mapping[str, int]]
    assigned: Mapping[str, int]
    covariates: tuple[str, ...] = ()
    estimators: tuple[EstimatorName, ...] = ("difference_in_means",)
    alpha: float = 0.05
    adjust: Adjustment = "holm"
    look: int = 0
