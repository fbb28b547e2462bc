"""Looks: every computation of an arm contrast on a running experiment is a fact (R31)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.inference.sequential.rows import seen_by
from apologylab.inference.sequential.spending import Spending
from apologylab.inference.sequential.watch import Seen, Watch
from apologylab.record.facts import Look
from apologylab.service.question import phase_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.inference.results import Estimate
    from apologylab.service.ports import ByPhase, Flow, Ledger
    from apologylab.service.timeline import Timeline

EARLY = "early signal, not the decision"


def looks(ledger: Ledger, experiment: Experiment) -> list[Look]:
    """All looks at this version so far, whatever date is analysed: none can be unseen."""
    named = {"experiment": experiment.name, "version": experiment.version}
    return list(ledger.read(Look, mark=None, **named))


def append_look(  # noqa: PLR0913 - a fact has as many fields
    ledger: Ledger,
    experiment: Experiment,
    *,
    contrasts: int,
    as_of: datetime,
    now: datetime,
    planned: bool,
    readings: Mapping[str, Seen] | None = None,
) -> None:
    """Append a look; each computation is one, even of the same date."""
    number = len(looks(ledger, experiment)) + 1
    look = Look(
        key=f"{experiment.name}/{experiment.version}/{number}/{now.isoformat()}",
        occurred_at=now,
        experiment=experiment.name,
        version=experiment.version,
        as_of=as_of,
        contrasts=contrasts,
        planned=planned,
        readings=None if readings is None else {name: list(at) for name, at in readings.items()},
    )
    with ledger.transaction(recorded_at=now) as work:
        work.append([look])


def append_planned(
    ledger: Ledger,
    experiment: Experiment,
    readings: Mapping[str, Seen],
    *,
    contrasts: int,
    as_of: datetime,
    now: datetime,
) -> None:
    """Append a look that the plan pays for, with what it saw; nothing where it saw nothing."""
    if not contrasts:
        return
    append_look(
        ledger,
        experiment,
        contrasts=contrasts,
        as_of=as_of,
        now=now,
        planned=True,
        readings=readings,
    )


def watch(
    experiment: Experiment,
    found: Sequence[Look],
    flow: Flow,
    moments_of: Timeline,
    *,
    as_of: datetime,
) -> Watch | None:
    """The plan of looks with what the ledger knows of them; None where nothing is planned."""
    plan = experiment.plan
    if plan.sequential == "none":
        return None
    return Watch(
        method=plan.sequential,
        spending=Spending(shape=plan.spending, power=plan.spending_power),
        alpha=plan.alpha,
        first_look=plan.first_look,
        final=_final(experiment, flow.assigned, moments_of, as_of),
        planned=_planned(experiment),
        last=moments_of.ended(flow, as_of=as_of),
        earlier=tuple(
            _readings(each)
            for each in sorted(found, key=lambda look: look.as_of)
            if each.readings is not None and each.as_of <= as_of
        ),
    )


def _planned(experiment: Experiment) -> Mapping[str, int]:
    """Arm -> units at the end as declared, by the phase in which it is most often drawn."""
    every = phase_weights(experiment, range(1, 2 + len(experiment.allocation.phases))).values()
    expected = experiment.plan.expected_customers or 0
    return {
        arm: round(expected * max(weights[arm] / sum(weights.values()) for weights in every))
        for arm in next(iter(every))
    }


def _readings(look: Look) -> Mapping[str, Seen]:
    assert look.readings is not None
    return {name: Seen(*map(float, at)) for name, at in look.readings.items()}  # type: ignore[call-overload]


def _final(
    experiment: Experiment, assigned: ByPhase, moments_of: Timeline, as_of: datetime
) -> Mapping[str, int]:
    """Arm -> units at the end: those there are, and those to come by the weights of this phase."""
    weights = phase_weights(experiment, moments_of.phases)[moments_of.phases[-1]]
    there = {arm: sum(arms.get(arm, 0) for arms in assigned.values()) for arm in weights}
    closed = moments_of.closed is not None and moments_of.closed <= as_of
    expected = experiment.plan.expected_customers or 0
    to_come = 0 if closed else max(expected - sum(there.values()), 0)
    total = sum(weights.values())
    return {arm: there[arm] + round(to_come * weights[arm] / total) for arm in weights}


def unplanned(found: Sequence[Look]) -> tuple[str, ...]:
    """The departures from the plan that these looks are, in words."""
    early = [look for look in found if not look.planned]
    if not early:
        return ()
    days = ", ".join(sorted({f"{look.as_of:%Y-%m-%d}" for look in early}))
    times = f"{len(early)} time{'s' * (len(early) > 1)}"
    return (
        (
            f"contrasts were looked at {times} before the declared end (as of {days}): intervals "
            "and p-values do not allow for it, so chance findings are likelier than they say"
        ),
    )


def about_look(experiment: Experiment, at: Watch, found: Sequence[Estimate]) -> tuple[str, ...]:
    """What an analysis under a plan of looks says of this one."""
    shares = [each.share for each in seen_by(found).values()]
    if at.last:
        taken = max((each.look for each in found), default=1) - 1
        before = f"{taken} look{'s' * (taken != 1)} before it"
        return (f"the last look, {before}: intervals and p allow for them ({at})",)
    if not shares:
        return (f"{EARLY}: no contrast has enough units for a look yet ({at})",)
    number = max(each.look for each in found)
    low, high = (f"{100 * share:.0f}" for share in (min(shares), max(shares)))
    span = f"{low}%" if low == high else f"{low}% to {high}%"
    held = "intervals and p hold at all looks together"
    how = f"{at}{_spent(experiment, at, max(shares))}"
    said = f"{EARLY}: look {number}, {span} of the final information; {held} ({how})"
    return (said, *_more_than_meant(experiment, number))


def _spent(experiment: Experiment, at: Watch, share: float) -> str:
    if at.method != "group_sequential":
        return ""
    spent = float(at.spending.spent([share], at.alpha)[0])
    return f", {spent:.2g} of {experiment.plan.alpha:g} spent"


def _more_than_meant(experiment: Experiment, number: int) -> tuple[str, ...]:
    meant = experiment.plan.looks
    if meant is None or number < meant:
        return ()
    return (
        (
            f"the plan means {meant} looks, the last at the end, and this is look {number} before "
            "it: that is paid for, as long as what was seen did not decide when to look"
        ),
    )
