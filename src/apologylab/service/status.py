"""Status: where a started experiment stands, without any contrast of arms (R31)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.moments import Request, cell_means
from apologylab.service.analyse import at_assignment
from apologylab.service.looks import looks, unplanned
from apologylab.service.question import question, unit_of
from apologylab.service.timeline import longest, timeline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.inference.results import Check
    from apologylab.service.ports import Ledger, Panel
    from apologylab.service.timeline import Timeline


@dataclass(frozen=True, kw_only=True)
class Answered:
    """How many incidents got an arm for a reason, in a phase."""

    phase: int
    reason: str
    arm: str
    n: int


@dataclass(frozen=True, kw_only=True)
class Census:
    """Counts of a ledger's answers, and how far its feeds reach.

    ``first``, ``half`` and ``last`` are the anchors of the randomised units.
    """

    answered: tuple[Answered, ...]
    first: datetime | None
    half: datetime | None
    last: datetime | None
    last_incident: datetime | None
    last_order: datetime | None
    feeds: Mapping[str, datetime]


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """An outcome over the mature units of all arms together."""

    outcome: str
    unit: str
    mean: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Status:
    """One screen of a started experiment.

    ``first_mature``, ``half_mature`` and ``all_mature`` are the moments at which the first, half
    and all of the units so far are mature for every outcome, if the feeds keep up. ``expected`` is
    how many units the plan expects by now. Amounts are in minor units.
    """

    experiment: str
    version: int
    as_of: datetime
    simulated: bool
    timeline: Timeline
    ended: bool
    enrolled: int
    expected: int | None
    planned: int | None
    first_mature: datetime | None
    half_mature: datetime | None
    all_mature: datetime | None
    answered: tuple[Answered, ...]
    reserved: int
    budget: int | None
    currency: str | None
    last_incident: datetime | None
    last_order: datetime | None
    feeds: Mapping[str, datetime]
    check: Check
    pooled: tuple[Pooled, ...]
    deviations_from_plan: tuple[str, ...]


def status(
    experiment: Experiment, panel: Panel, census: Census, ledger: Ledger, *, as_of: datetime
) -> Status:
    """Where the experiment stands as of a date.

    Raises:
        StateError: it was not started by then.
    """
    moments_of = timeline(ledger, experiment, mark=ledger.mark(as_of))
    asked = question(experiment, covariates=panel.covariates, phases=moments_of.phases)
    flow = panel.flow()
    span = longest(experiment)
    total = experiment.budget.total if experiment.budget else None
    return Status(
        experiment=experiment.name,
        version=experiment.version,
        as_of=as_of,
        simulated=ledger.identity.simulated,
        timeline=moments_of,
        ended=moments_of.ended(flow, as_of=as_of),
        enrolled=sum(sum(arms.values()) for arms in flow.assigned.values()),
        expected=_expected(experiment, moments_of, as_of),
        planned=experiment.plan.expected_customers,
        first_mature=census.first and census.first + span,
        half_mature=census.half and census.half + span,
        all_mature=census.last and census.last + span,
        answered=census.answered,
        reserved=ledger.reserved(experiment.name),
        budget=total.minor if total else None,
        currency=total.currency if total else None,
        last_incident=census.last_incident,
        last_order=census.last_order,
        feeds=census.feeds,
        check=at_assignment(asked, flow),
        pooled=_pooled(experiment, panel),
        deviations_from_plan=unplanned(looks(ledger, experiment)),
    )


def by_reason(found: Status) -> Mapping[str, int]:
    """Reason -> incidents."""
    total: Counter[str] = Counter()
    for each in found.answered:
        total[each.reason] += each.n
    return total


def by_arm(found: Status) -> Mapping[str, int]:
    """Arm -> incidents randomised to it, repeats included."""
    total: Counter[str] = Counter()
    for each in found.answered:
        if each.reason == "RANDOMISED":
            total[each.arm] += each.n
    return total


def _expected(experiment: Experiment, moments_of: Timeline, as_of: datetime) -> int | None:
    """Units that a steady pace would have enrolled by now."""
    planned, ends = experiment.plan.expected_customers, moments_of.enrolment_ends
    if planned is None or ends is None:
        return None
    share = (as_of - moments_of.began) / (ends - moments_of.began)
    return round(planned * min(max(share, 0.0), 1.0))


def _pooled(experiment: Experiment, panel: Panel) -> tuple[Pooled, ...]:
    requests = [Request(each.name) for each in experiment.outcomes]
    found = panel.source.moments(requests)
    return tuple(
        Pooled(
            outcome=outcome.name,
            unit=unit_of(experiment, outcome),
            mean=float(np.average(cell_means(moments)[:, 0], weights=moments.n)),
            n=int(moments.n.sum()),
        )
        for outcome, moments in zip(experiment.outcomes, found, strict=True)
        if moments.n.sum()
    )
