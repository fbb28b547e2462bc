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
from apologylab.service.versions import declared_before

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from apologylab.design.remedies import Promise
    from apologylab.record.facts import Fact, Remedy
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
    gone = [
        each.remedy
        for each in outcomes
        if each.state in MADE and each.remedy.experiment == running.name
    ]
    before = declared_before(work, running, gone)
    promised = {each.version: promises(each) for each in (running.experiment, *before.values())}
    made = [
        _commitment(remedy, level, promise, now)
        for remedy in gone
        for level, promise in promised[before.get(remedy.key, running.experiment).version].get(
            remedy.arm, ()
        )
    ]
    if made:
        work.append(made)
    return made


def _commitment(remedy: Remedy, level: str, promise: Promise, now: datetime) -> Commitment:
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
        incident=remedy.assignment.removeprefix(f"{remedy.experiment}/"),
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
