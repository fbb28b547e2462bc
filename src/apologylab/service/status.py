"""Status: where a started experiment stands, without any contrast of arms (R31)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from apologylab.assignment.answers import arm_weights
from apologylab.design.faces import own_currency
from apologylab.inference.moments import Request, cell_means
from apologylab.record.facts import Closed, Halted
from apologylab.service.beside import pooled
from apologylab.service.caps import money_caps, units_cap
from apologylab.service.checks import at_any_time, at_assignment
from apologylab.service.giving import Giving
from apologylab.service.looks import looks, unplanned
from apologylab.service.ports import Standing
from apologylab.service.question import question, unit_of
from apologylab.service.running import DRAIN, KILL
from apologylab.service.timeline import longest, timeline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.inference.results import Check
    from apologylab.service.achieved import Achieved
    from apologylab.service.beside import Beside
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
class Promised:
    """How many compensations of an arm are in a state, and what they come to in minor units."""

    arm: str
    state: str
    n: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class CapNow:
    """What a cap has used of what it allows, in minor units and uses; None where it allows any."""

    cap: str
    reserved: int
    amount: int | None
    uses_taken: int
    uses: int | None


@dataclass(frozen=True, kw_only=True)
class Census:
    """Counts of a ledger's answers, and how far its feeds reach.

    ``waiting`` incidents have no answer yet, ``undelivered`` remedies no delivery;
    ``dead_letters`` of those wait for a person now, whatever the as-of date. ``achieved`` tells
    when remedies left. ``promised`` is by
    arm, of all versions. ``first``, ``half`` and ``last`` are the anchors of the randomised
    units.
    """

    answered: tuple[Answered, ...]
    waiting: int
    undelivered: int
    dead_letters: int
    promised: tuple[Promised, ...]
    first: datetime | None
    half: datetime | None
    last: datetime | None
    last_incident: datetime | None
    last_order: datetime | None
    feeds: Mapping[str, datetime]
    achieved: tuple[Achieved, ...] = ()


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
    how many units the plan expects by now. ``looks_taken`` are those at contrasts so far, of
    ``looks_meant`` in the plan. ``halted`` is drain or kill, if it was ended so far. The
    caps are as they stand now, whatever the as-of date. Amounts are in minor units.
    """

    experiment: str
    version: int
    as_of: datetime
    simulated: bool
    timeline: Timeline
    ended: bool
    halted: str | None
    closed_because: str | None
    enrolled: int
    expected: int | None
    planned: int | None
    first_mature: datetime | None
    half_mature: datetime | None
    all_mature: datetime | None
    answered: tuple[Answered, ...]
    waiting: int
    undelivered: int
    dead_letters: int
    promised: tuple[Promised, ...]
    caps: tuple[CapNow, ...]
    reserved: int
    budget: int | None
    currency: str | None
    last_incident: datetime | None
    last_order: datetime | None
    feeds: Mapping[str, datetime]
    check: Check
    check_at_any_time: Check | None
    arms: tuple[str, ...]
    pooled: tuple[Pooled, ...]
    deviations_from_plan: tuple[str, ...]
    looks_taken: int
    looks_meant: int | None
    achieved: tuple[Achieved, ...] = ()
    beside: Beside | None = None
    """What every experiment measures, over all arms together."""


def status(
    experiment: Experiment, panel: Panel, census: Census, ledger: Ledger, *, as_of: datetime
) -> Status:
    """Where the experiment stands as of a date.

    Raises:
        StateError: it was not started by then.
    """
    mark = ledger.mark(as_of)
    moments_of = timeline(ledger, experiment, mark=mark)
    halted, because = _ending(ledger, experiment, moments_of.phases[-1], mark)
    asked = question(experiment, covariates=panel.covariates, phases=moments_of.phases)
    flow = panel.flow()
    span = longest(experiment)
    total = experiment.budget.total if experiment.budget else None
    taken = looks(ledger, experiment)
    # One call, and long as the screen is: a line a field.
    return Status(
        experiment=experiment.name,
        version=experiment.version,
        as_of=as_of,
        simulated=ledger.identity.simulated,
        timeline=moments_of,
        ended=moments_of.ended(flow, as_of=as_of),
        halted=halted,
        closed_because=because,
        enrolled=sum(sum(arms.values()) for arms in flow.assigned.values()),
        expected=_expected(experiment, moments_of, as_of),
        planned=experiment.plan.expected_customers,
        first_mature=census.first and census.first + span,
        half_mature=census.half and census.half + span,
        all_mature=census.last and census.last + span,
        answered=census.answered,
        waiting=census.waiting,
        undelivered=census.undelivered,
        dead_letters=census.dead_letters,
        promised=census.promised,
        caps=_caps(ledger, experiment, moments_of.phases[-1], as_of),
        reserved=ledger.reserved(experiment.name),
        budget=total.minor if total else None,
        currency=own_currency(experiment),
        last_incident=census.last_incident,
        last_order=census.last_order,
        feeds=census.feeds,
        check=at_assignment(asked, flow),
        check_at_any_time=next(iter(at_any_time(asked, flow)), None),
        arms=tuple(arm_weights(experiment, moments_of.phases[-1])),
        pooled=_pooled(experiment, panel),
        deviations_from_plan=(*unplanned(taken), *moments_of.endings),
        looks_taken=len({each.as_of for each in taken}),
        looks_meant=experiment.plan.looks,
        achieved=census.achieved,
        beside=pooled(flow.beside) if flow.beside else None,
    )


def by_reason(found: Status) -> Mapping[str, int]:
    """Reason -> incidents."""
    total: Counter[str] = Counter()
    for each in found.answered:
        total[each.reason] += each.n
    return total


def by_arm(found: Status) -> Mapping[str, int]:
    """Arm that is drawn -> incidents randomised to it, repeats included; 0 where none was."""
    total: Counter[str] = Counter(dict.fromkeys(found.arms, 0))
    for each in found.answered:
        if each.reason == "RANDOMISED":
            total[each.arm] += each.n
    return total


def _ending(
    ledger: Ledger, experiment: Experiment, phase: int, mark: int
) -> tuple[str | None, str | None]:
    """How it was ended beyond closing, if it was, and why it enrols no more."""
    named = {"experiment": experiment.name, "version": experiment.version}
    ends = {each.how: each.because for each in ledger.read(Halted, mark=mark, **named)}
    how = next((each for each in (KILL, DRAIN) if each in ends), None)
    if how is not None:
        return how, ends[how]
    closed = ledger.read(Closed, mark=mark, phase=phase, **named)
    return None, next((each.because for each in closed), None)


def _caps(
    ledger: Ledger, experiment: Experiment, phase: int, as_of: datetime
) -> tuple[CapNow, ...]:
    """Every cap of the day that holds ``as_of``, with what stands on it."""
    ramp = units_cap(experiment, phase, as_of)
    caps = [*money_caps(Giving(experiment), as_of), *([ramp] if ramp else [])]
    stands = ledger.budgets(experiment.name) if caps else {}
    return tuple(
        CapNow(
            cap=cap.name,
            reserved=stands.get(cap.row, Standing()).reserved,
            amount=cap.amount,
            uses_taken=stands.get(cap.row, Standing()).uses,
            uses=cap.uses,
        )
        for cap in caps
    )


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
