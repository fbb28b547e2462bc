"""Rules about what is given: compensation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from apologylab.design.experiment import NONE
from apologylab.design.faces import AT_ONCE, menus
from apologylab.design.findings.finding import Finding, Rule, at, each, readable
from apologylab.design.remedies import Compensation
from apologylab.design.worth import brings_more, lasts, sales_outcome

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

COUNT_IT = (
    'add decision.open_liability = "face" (or "expected", "zero"): how what is still open is '
    "counted (R16)"
)


def compensation_used(experiment: Experiment) -> Iterator[Finding]:
    """What is declared to be given is a level of one factor."""
    if experiment.panel is not None:
        return
    levels = [level for factor in experiment.factors for level in experiment.factors[factor]]
    for level in experiment.compensation:
        if level not in levels and menus(experiment, level):
            continue
        if level == NONE or levels.count(level) != 1:
            often = "two factors give it" if levels.count(level) else "no factor has this level"
            yield Finding(
                path=at("compensation", level),
                what="none is the empty level" if level == NONE else often,
                do=f'name it in one factor, like coupon = ["none", "{level}"]',
                related=("factors", "compensation"),
            )


@each(lambda experiment: experiment.compensation, "compensation")
def outlives_window(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """A coupon that can be used after the window closes is counted as declared (R16)."""
    for place, window in _uncounted(experiment):
        if given.kind not in AT_ONCE and lasts(experiment, given) > timedelta(days=window):
            yield Finding(
                path=f"{path}.expires_days",
                value=given.expires_days,
                what=f"it can be used after the window of {window} days has closed",
                do=f"let it expire earlier, or {COUNT_IT}",
                related=(f"{place}.window_days", "decision", "factors.timing", "outcomes"),
            )


def repeats_outlive_window(experiment: Experiment) -> Iterator[Finding]:
    """A second coupon, of a later incident, can always be used after the window (R7, R16)."""
    left = any(each.kind not in AT_ONCE for each in experiment.compensation.values())
    if not left or not brings_more(experiment):
        return
    for place, window in _uncounted(experiment):
        yield Finding(
            path="decision.open_liability",
            what=f"is missing: what a later incident brings can be used after the window of "
            f"{window} days has closed",
            do=COUNT_IT,
            related=(f"{place}.window_days", "decision", "repeats", "incident", "outcomes"),
        )


def _uncounted(experiment: Experiment) -> Iterator[tuple[str, int]]:
    """The sales outcome's place and window, where nothing says how what is open is counted."""
    decision = experiment.decision
    if decision is None or decision.open_liability is not None:
        return
    for place, outcome in readable(experiment.outcomes, "outcomes"):
        if outcome.name == sales_outcome(experiment) and outcome.window_days is not None:
            yield place, outcome.window_days


RULES: tuple[Rule, ...] = (
    compensation_used,
    outlives_window,
    repeats_outlive_window,
)
