"""The flow of units from incident to draw (R20)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from apologylab.record.facts import Assignment

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Ledger


def funnel(ledger: Ledger, experiment: Experiment, *, mark: int) -> tuple[tuple[str, int], ...]:
    """(what, how many) in order: incidents answered, why some were not drawn, units randomised."""
    named = {"experiment": experiment.name, "version": experiment.version}
    answers = Counter(
        (each.reason, each.first) for each in ledger.read(Assignment, mark=mark, **named)
    )
    reasons: Counter[str] = Counter()
    for (reason, _), n in answers.items():
        reasons[reason] += n
    drawn = reasons.pop("RANDOMISED", 0)
    units = answers["RANDOMISED", True]
    kept_out = [(f"incidents {reason.lower()}", n) for reason, n in sorted(reasons.items())]
    return (
        ("incidents answered", answers.total()),
        *kept_out,
        ("incidents eligible and drawn", drawn),
        (f"{experiment.unit}s randomised", units),
    )
