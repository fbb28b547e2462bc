"""Rules about what is given and said: compensation and messages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from apologylab.design.experiment import NONE, TIMING, Compensation
from apologylab.design.findings.finding import Finding, Rule, at, each, readable
from apologylab.design.worth import lasts, sales_outcome

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


def compensation_used(experiment: Experiment) -> Iterator[Finding]:
    """What is declared to be given is a level of one factor."""
    if experiment.panel is not None:
        return
    levels = [level for factor in experiment.factors for level in experiment.factors[factor]]
    for level in experiment.compensation:
        if level == NONE or levels.count(level) != 1:
            often = "two factors give it" if levels.count(level) else "no factor has this level"
            yield Finding(
                path=at("compensation", level),
                what="none is the empty level" if level == NONE else often,
                do=f'name it in one factor, like coupon = ["none", "{level}"]',
                related=("factors",),
            )


@each(lambda experiment: experiment.compensation, "compensation")
def outlives_window(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """A coupon that can be used after the window closes is counted as declared (R16)."""
    decision = experiment.decision
    if decision is None or decision.open_liability is not None:
        return
    for place, outcome in readable(experiment.outcomes, "outcomes"):
        if outcome.name != sales_outcome(experiment) or outcome.window_days is None:
            continue
        if lasts(experiment, given) > timedelta(days=outcome.window_days):
            yield Finding(
                path=f"{path}.expires_days",
                value=given.expires_days,
                what=f"it can be used after the window of {outcome.name} has closed "
                f"({outcome.window_days} days)",
                do='let it expire earlier, or add decision.open_liability = "face" (or '
                '"expected", "zero"): how what is still open is counted (R16)',
                related=(f"{place}.window_days", "decision", "factors.timing", "outcomes"),
            )


def message_order(experiment: Experiment) -> Iterator[Finding]:
    """A declared order names each factor that has fragments, and no other."""
    order = experiment.messages.order
    if not order:
        return
    for path, factor in readable(order, "messages", "order"):
        if factor not in experiment.factors or factor == TIMING:
            yield Finding(
                path=path,
                value=factor,
                what="is not a factor that has fragments",
                do=f"name: {', '.join(name for name in experiment.factors if name != TIMING)}",
                related=("factors",),
            )
    for factor in experiment.factors:
        if factor != TIMING and factor not in order:
            yield Finding(
                path="messages.order",
                value=factor,
                what=f"leaves out the factor {factor}: its fragments would never be said",
                do=f'add "{factor}" where its fragment belongs, or delete the key',
                related=("factors",),
            )


RULES: tuple[Rule, ...] = (
    compensation_used,
    outlives_window,
    message_order,
)
