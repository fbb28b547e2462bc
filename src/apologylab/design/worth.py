"""Which outcome is sales, in which currency it is, and how long what is given can cost (R16)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from apologylab.design.experiment import TIMING
from apologylab.design.faces import AT_ONCE
from apologylab.design.measures import parse_measure
from apologylab.design.moments import longest_delay

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

    Where later incidents bring another one, one of the last day always may (R7, R16). What is given
    for good when it leaves is not left to be used.
    """
    if given.kind in AT_ONCE:
        return False
    return brings_more(experiment) or lasts(experiment, given) > window


def brings_more(experiment: Experiment) -> bool:
    """Whether a later incident of an enrolled customer brings another remedy."""
    incident, repeats = experiment.incident, experiment.repeats
    recurs = incident is not None and incident.recurs
    return recurs and repeats is not None and repeats.next_incident != "first_only"


def lasts(experiment: Experiment, given: Compensation) -> timedelta:
    """From an incident until its compensation, sent at the longest delay, expires.

    What is on a menu may be chosen on the last day to choose. What is given for good when it leaves
    lasts no longer than that.
    """
    every = experiment.compensation
    waits = [
        choice.expires_days
        for choice in every.values()
        if any(name in every and every[name] == given for name in choice.menu)
    ]
    lives = [0 if given.kind in AT_ONCE else given.expires_days, *waits]
    if None in lives:
        return timedelta.max
    delays = (longest_delay(experiment, level) for level in experiment.factors.get(TIMING, ()))
    own, *choosing = (life or 0 for life in lives)
    return max(delays, default=timedelta(0)) + timedelta(days=own + max(choosing, default=0))
