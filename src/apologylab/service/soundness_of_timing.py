"""Whether what left, left outside quiet hours, and what was dropped was too late (R12)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from apologylab.record.facts import Assignment, Delivery, Remedy
from apologylab.record.later_facts import DueMoved
from apologylab.service.may_leave import TOO_LATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apologylab.service.ports import Ledger
    from apologylab.service.running import Running

SLACK: Final = timedelta(minutes=10)
"""So long a channel may take to answer, which is when a delivery is noted."""
LEFT: Final = ("sent", "would_send")


def out_of_time(ledger: Ledger, running: Running) -> Iterator[str]:
    """The remedies of this version that left in quiet hours, or were dropped while in time.

    Those of an earlier version may have had other hours.
    """
    named = {"experiment": running.name, "version": running.experiment.version}
    ours = {each.key for each in ledger.read(Assignment, **named)}  # type: ignore[arg-type]
    moved = {each.key: each for each in ledger.read(DueMoved, experiment=running.name)}
    ends = {each.key: each for each in ledger.read(Delivery, experiment=running.name)}
    for remedy in ledger.read(Remedy, experiment=running.name):
        end = ends.get(remedy.key)
        if end is None or remedy.key not in ours:
            continue
        first = running.timing.first_allowed(end.occurred_at - SLACK, remedy.zone)
        if end.state in LEFT and first > end.occurred_at:
            yield f"{remedy.key}: {end.state} at {end.occurred_at:%Y-%m-%d %H:%M} UTC"
        by = moved[remedy.key].leave_by if remedy.key in moved else remedy.leave_by
        leaves = running.timing.first_allowed(end.occurred_at, remedy.zone)
        if end.because == TOO_LATE and by is not None and leaves < by:
            yield f"{remedy.key}: dropped, but it could have left until {by:%Y-%m-%d %H:%M} UTC"
