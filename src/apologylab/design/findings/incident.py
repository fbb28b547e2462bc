"""Rules about who is hit, who enters, and what those get who are not drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.findings.finding import Finding, Rule, at

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


def severity_bounds(experiment: Experiment) -> Iterator[Finding]:
    """A severity has a bound, and the lower one is below the upper."""
    if experiment.incident is None or experiment.incident.severity is None:
        return
    severity = experiment.incident.severity
    if severity.at_least is None and severity.at_most is None:
        yield Finding(
            path="incident.severity.at_least",
            what="a severity without a bound admits every incident",
            do="add at_least or at_most, or delete incident.severity",
            related=("incident.severity.at_most",),
        )
    elif None not in (severity.at_least, severity.at_most) and (
        severity.at_least > severity.at_most  # type: ignore[operator]  # neither is None
    ):
        yield Finding(
            path="incident.severity.at_least",
            value=severity.at_least,
            what=f"is above at_most ({severity.at_most:g}): no incident lies between",
            do="write the lower bound here",
            related=("incident.severity.at_most",),
        )


def never_randomised(experiment: Experiment) -> Iterator[Finding]:
    """An experiment's own incident is not under ``[never]`` (R17)."""
    if experiment.incident is None or experiment.never is None:
        return
    if experiment.incident.kind in experiment.never.incidents:
        yield Finding(
            path="incident.kind",
            value=experiment.incident.kind,
            what="stands under [never]: this incident is never randomised (R17)",
            do="name another incident, or take it out of never.incidents",
            related=("never.incidents",),
        )


def repeats_declared(experiment: Experiment) -> Iterator[Finding]:
    """What a second incident gets is declared where there can be one (R7)."""
    incident = experiment.incident
    if incident is not None and incident.recurs and experiment.repeats is None:
        yield Finding(
            path="repeats",
            what="is missing: the incident can hit a customer again inside a window (R7)",
            do='add [repeats] with next_incident = "first_only" or "sticky", or incident.recurs = '
            "false if it cannot",
        )


def rerandomise_is_later(experiment: Experiment) -> Iterator[Finding]:
    """Drawing anew at each incident needs history-conditional propensities (R7)."""
    if experiment.repeats is not None and experiment.repeats.next_incident == "rerandomise":
        yield Finding(
            path="repeats.next_incident",
            value="rerandomise",
            what="is not carried out yet: it needs propensities that depend on a customer's "
            "history, and errors clustered by customer (R7, R28)",
            do='write "first_only" or "sticky"',
        )


def incident_units_overlap(experiment: Experiment) -> Iterator[Finding]:
    """Drawing incidents whose windows overlap is refused unless re-randomised (R7)."""
    if experiment.unit == "incident":
        yield Finding(
            path="unit",
            value="incident",
            what="one customer's incidents would share a window; drawing each is not carried out "
            "yet (R7)",
            do='write unit = "customer"; [repeats] says what a later incident gets',
        )


def otherwise_declared(experiment: Experiment) -> Iterator[Finding]:
    """What a customer who is not drawn gets is declared (R17)."""
    if experiment.panel is None and experiment.otherwise is None:
        yield Finding(
            path="otherwise",
            what="is missing: nobody knows what a customer gets who is not drawn (R17)",
            do='add [otherwise] with INELIGIBLE, CLOSED, FALLBACK and HOLDOUT, each "today" or '
            '"silence"',
        )


def today_names_factors(experiment: Experiment) -> Iterator[Finding]:
    """What we do now is told factor by factor."""
    for factor in experiment.today:
        if factor not in experiment.factors:
            yield Finding(
                path=at("today", factor),
                value=factor,
                what="is not a factor",
                do=f"name one of: {', '.join(experiment.factors)}",
                related=("factors",),
            )


def layer_slice(experiment: Experiment) -> Iterator[Finding]:
    """A layer's slice has customers in it."""
    layer = experiment.layer
    if layer is not None and layer.start >= layer.end:
        yield Finding(
            path="layer.end",
            value=layer.end,
            what=f"is not above layer.start ({layer.start:g}): nobody lies between",
            do="write an end above the start, at most 1",
            related=("layer.start",),
        )


def nobody_enters(experiment: Experiment) -> Iterator[Finding]:
    """Some eligible customers enter."""
    if experiment.panel is None and experiment.allocation.entry == 0:
        yield Finding(
            path="allocation.entry",
            value=0,
            what="lets nobody enter",
            do="write a share above 0, at most 1",
        )


def holdout_says(experiment: Experiment) -> Iterator[Finding]:
    """A holdout of nobody is a mistake."""
    if experiment.holdout is not None and experiment.holdout.share == 0:
        yield Finding(
            path="holdout.share",
            value=0,
            what="holds nobody out",
            do="write a share above 0, at most 0.5, or delete [holdout]",
        )


RULES: tuple[Rule, ...] = (
    severity_bounds,
    never_randomised,
    repeats_declared,
    rerandomise_is_later,
    incident_units_overlap,
    otherwise_declared,
    today_names_factors,
    layer_slice,
    nobody_enters,
    holdout_says,
)
