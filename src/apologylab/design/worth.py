"""Which outcome is sales, in which currency it is, and how long what is given can cost (R16)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from apologylab.design.duration import parse_duration
from apologylab.design.experiment import TIMING
from apologylab.design.measures import parse_measure

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment, Outcome
    from apologylab.design.remedies import Compensation


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


def outlives(experiment: Experiment, given: Compensation, window: timedelta) -> bool:
    """Whether a compensation may still be used when the window after the incident has closed.

    Where later incidents bring another one, one of the last day always may (R7, R16).
    """
    return brings_more(experiment) or lasts(experiment, given) > window


def brings_more(experiment: Experiment) -> bool:
    """Whether a later incident of an enrolled customer brings another remedy."""
    incident, repeats = experiment.incident, experiment.repeats
    recurs = incident is not None and incident.recurs
    return recurs and repeats is not None and repeats.next_incident != "first_only"


def lasts(experiment: Experiment, given: Compensation) -> timedelta:
    """From an incident until its compensation, sent at the longest delay, expires."""
    if given.expires_days is None:
        return timedelta.max
    delays = (parse_duration(level) for level in experiment.factors.get(TIMING, ()))
    return max(delays, default=timedelta(0)) + timedelta(days=given.expires_days)
