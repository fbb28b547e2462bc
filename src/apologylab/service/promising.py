"""Promises that were made: a commitment each, kept or broken, and what a broken one is (R18).

A promise is made when its message went out, or may have: the customer who may have read it may
hold us to it. One that is not kept by its date is broken, which is a fact, an outcome, and an
incident of its own kind: a second failure after the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.design.duration import parse_duration
from apologylab.design.follow_ups import promises
from apologylab.record.facts import Incident
from apologylab.record.later_facts import Commitment, CommitmentEnded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from apologylab.record.facts import Fact
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running
    from apologylab.service.settling import Outcome

BROKEN_PROMISE: Final = "broken_promise"
"""The kind of incident that a broken commitment is."""
PAST: Final = "its date has passed"
MADE: Final = ("sent", "in_doubt")
"""States of a delivery after which a customer may hold us to what it said."""


def commit(
    work: Transaction, running: Running, outcomes: Sequence[Outcome], *, now: datetime
) -> list[Commitment]:
    """Store what the remedies promised that have just gone out."""
    promised = promises(running.experiment)
    made = [
        _commitment(running, outcome, level, now)
        for outcome in outcomes
        if outcome.state in MADE and outcome.remedy.experiment == running.name
        for level, _ in promised.get(outcome.remedy.arm, ())
    ]
    if made:
        work.append(made)
    return made


def _commitment(running: Running, outcome: Outcome, level: str, now: datetime) -> Commitment:
    remedy, promise = outcome.remedy, running.experiment.wording[level].promise
    assert promise is not None
    return Commitment(
        key=f"{remedy.assignment}/{level}",
        occurred_at=now,
        assignment=remedy.assignment,
        experiment=remedy.experiment,
        customer=remedy.customer,
        level=level,
        what=promise.what,
        keeper=promise.keeper,
        until=now + parse_duration(promise.within),
        incident=remedy.assignment.removeprefix(f"{running.name}/"),
    )


def ended(
    made: Commitment, *, kept: bool, because: str, by: str | None, now: datetime
) -> CommitmentEnded:
    """The fact that a commitment was kept or broken, under its key: the first one stands."""
    return CommitmentEnded(
        key=made.key,
        occurred_at=now,
        assignment=made.assignment,
        experiment=made.experiment,
        customer=made.customer,
        kept=kept,
        because=because,
        by=by,
    )


def broken(made: Commitment, *, because: str, by: str | None, now: datetime) -> list[Fact]:
    """A broken commitment: how it ended, and the incident that it is."""
    return [ended(made, kept=False, because=because, by=by, now=now), second_failure(made, now)]


def second_failure(made: Commitment, at: datetime) -> Incident:
    """The incident that a commitment is which was broken ``at`` then."""
    return Incident(
        key=f"{BROKEN_PROMISE}:{made.key}",
        occurred_at=at,
        customer=made.customer,
        kind=BROKEN_PROMISE,
        cause=f"{BROKEN_PROMISE}:{made.experiment}/{made.level}",
        fields={"experiment": made.experiment, "level": made.level, "keeper": made.keeper},
    )


def due_by(made: Iterable[Commitment], now: datetime) -> list[Commitment]:
    """Those whose date has passed by ``now``."""
    return [each for each in made if each.until <= now]
