"""Which outcome is sales, and in which currency an experiment counts (R16)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from apologylab.design.measures import parse_measure

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment, Outcome


def sales_outcome(experiment: Experiment) -> str | None:
    """The outcome that the margin applies to: the one named, else the only primary one in money."""
    decision = experiment.decision
    if decision is None or decision.margin is None:
        return None
    if decision.sales is not None:
        return decision.sales
    candidates = [each.name for each in experiment.outcomes if each.role == "primary"]
    money = [each.name for each in experiment.outcomes if is_money(each)]
    both = [name for name in candidates if name in money]
    return both[0] if len(both) == 1 else None


def is_money(outcome: Outcome) -> bool:
    """Whether an outcome is in money: a sum of amounts, or a column whose unit is a currency."""
    if outcome.measure is not None:
        return parse_measure(outcome.measure).is_money
    return outcome.unit is not None and bool(re.fullmatch(r"[A-Z]{3}", outcome.unit, re.ASCII))
