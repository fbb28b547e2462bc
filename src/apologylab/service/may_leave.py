"""Whether a claimed remedy may leave now: after what it awaits, in time, outside quiet hours (R12).

Asked alike for every arm, before all else that may stop it (R13).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.record.facts import Assignment
from apologylab.record.later_facts import DueMoved
from apologylab.service.again import again

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from apologylab.record.facts import Remedy
    from apologylab.service.ports import Arrived, Claimed, Ledger, Transaction
    from apologylab.service.running import Running

NEVER_CAME: Final[Mapping[str, str]] = {"resolution": "not_resolved", "next_visit": "no_visit"}
"""What is awaited -> why a remedy does not leave if it has not come."""
TOO_LATE: Final = "too_late"
AT_ONCE: Final = 2_000
"""Remedies that one transaction brings forward."""


class Timely(NamedTuple):
    """Key -> when it may leave, of those that may not now; key -> why it never will."""

    later: Mapping[str, datetime]
    gone: Mapping[str, str]


def timely(
    work: Transaction, running: Running, claimed: Sequence[Claimed], now: datetime
) -> Timely:
    """Which of ``claimed`` wait, and which do not leave at all.

    Of those that may have left already nothing is decided but when they are looked at again.
    """
    fresh = [each.remedy for each in claimed if not each.handed]
    moved = _moved(work, running, fresh, now)
    later: dict[str, datetime] = {}
    gone: dict[str, str] = {}
    for each in claimed:
        remedy = each.remedy
        leaves = running.timing.first_allowed(now, remedy.zone)
        why = None if each.handed else _never(remedy, moved.get(remedy.key), leaves)
        at = max(leaves, moved[remedy.key].due_at) if remedy.key in moved else leaves
        if why is not None:
            gone[remedy.key] = why
        elif at > now:
            later[remedy.key] = at
    return Timely(later, gone)


def bring_forward(ledger: Ledger, running: Running, now: datetime) -> int:
    """Make due what awaited a fact that has come, however it came into the ledger; how many.

    It looks from those that wait, so that neither a crash after a fact was recorded nor facts that
    come in another order leave one behind. Remedies of an earlier version may wait, too.
    """
    may_wait = running.timing.waits or running.experiment.version > 1
    if not may_wait or running.purpose != "remedy":
        return 0
    moved = 0
    while found := again(partial(_bring_forward, ledger, running, now)):
        moved += found
    return moved


def _bring_forward(ledger: Ledger, running: Running, now: datetime) -> int:
    with ledger.transaction(recorded_at=now) as work:
        arrived = work.arrived(running.name, limit=AT_ONCE)
        return len(_move(work, running, arrived, now))


def _moved(
    work: Transaction, running: Running, remedies: Sequence[Remedy], now: datetime
) -> dict[str, DueMoved]:
    """Of those that await something, the facts that it came, those just found too."""
    keys = [each.key for each in remedies if each.awaits in NEVER_CAME]
    if not keys:
        return {}
    moved = {each.key: each for each in work.find_among(DueMoved, "key", keys)}
    left = [key for key in keys if key not in moved]
    if left:
        arrived = work.arrived(running.name, limit=len(left), among=left)
        moved |= _move(work, running, arrived, now)
    return moved


def _move(
    work: Transaction, running: Running, arrived: Sequence[Arrived], now: datetime
) -> dict[str, DueMoved]:
    """Store that it came, and when each remedy is due then."""
    moved = {each.key: each for each in _facts(work, running, arrived, now)}
    if moved:
        work.append([*moved.values()])
        work.bring_forward({key: each.due_at for key, each in moved.items()})
    return moved


def _facts(
    work: Transaction, running: Running, arrived: Sequence[Arrived], now: datetime
) -> Iterator[DueMoved]:
    keys = [each.remedy.assignment for each in arrived]
    drawn = {each.key: each for each in work.find_among(Assignment, "key", keys)} if keys else {}
    for remedy, came_at in ((each.remedy, each.came_at) for each in arrived):
        delay_s = drawn[remedy.assignment].delay_s or 0
        due = running.timing.after(came_at, delay_s, remedy.zone, now)
        yield DueMoved(
            key=remedy.key,
            occurred_at=now,
            assignment=remedy.assignment,
            experiment=remedy.experiment,
            customer=remedy.customer,
            awaited=str(remedy.awaits),
            came_at=came_at,
            due_at=due.at,
            shift_s=due.shift_s,
            shifted_by=due.shifted_by,
            leave_by=due.leave_by,
        )


def _never(remedy: Remedy, moved: DueMoved | None, leaves: datetime) -> str | None:
    """Why it does not leave although it is due, or None if it may."""
    if moved is None and (why := NEVER_CAME.get(remedy.awaits or "")) is not None:
        return why
    leave_by = moved.leave_by if moved is not None else remedy.leave_by
    return TOO_LATE if leave_by is not None and leaves >= leave_by else None
