"""Claim remedies that are due and decide which of them leave, in one transaction (R13, R15).

What does not leave is settled there and then. What leaves is noted as handed over: once that is
stored, nobody may say any more that it was suppressed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from apologylab.design.experiment import SILENCE
from apologylab.design.follow_ups import purpose_of
from apologylab.service.approving import LOOK_AGAIN, NOT_APPROVED, undecided
from apologylab.service.ending import KILLED
from apologylab.service.ending import killed as killed_by_hand
from apologylab.service.may_leave import Timely, timely
from apologylab.service.recheck import idle, suppressed
from apologylab.service.running import KILL, enrolment
from apologylab.service.settling import Outcome, settle
from apologylab.service.start import lock_name
from apologylab.service.text_ids import text_ids
from apologylab.service.versions import declared_before

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.experiment import Experiment
    from apologylab.record.facts import Remedy
    from apologylab.service.dispatch import Worker
    from apologylab.service.ports import Claimed, Ledger, Transaction
    from apologylab.service.running import Running

UNRENDERED: Final = "its text could not be rendered"
TEXT_GONE: Final = "its text was deleted"
"""The customer was forgotten (R21)."""
ADDRESS_GONE: Final = "its address was deleted"
FOREVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """A remedy for the channel, with its text and the customer's address, if it has one.

    ``doubtful`` ones were handed over before, and nobody knows what came of it. A ``killed`` one
    is among them to be asked about only, and is not sent. ``drawn_by`` is the declaration of the
    version that drew it, where that is an earlier one.
    """

    remedy: Remedy
    body: str | None
    attempts: int
    doubtful: bool
    killed: bool = False
    to: str | None = None
    drawn_by: Experiment | None = None


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one claim took: how many, those settled at once, and those for the channel.

    ``put_off`` of them went back into the queue until they may leave, ``unapproved`` of these until
    a person releases them.

    ``killed``: nothing may be sent, and of ``leaving`` only the doubtful are there, to be asked of.
    """

    claimed: int = 0
    settled: Sequence[Outcome] = ()
    leaving: Sequence[Leaving] = ()
    killed: bool = False
    put_off: int = 0
    unapproved: int = 0


def claim(
    ledger: Ledger,
    running: Running,
    worker: Worker,
    *,
    channel: str,
    limit: int,
    only: str | None = None,
) -> Taken:
    """Take at most ``limit`` remedies for ``worker``, settling those that do not leave.

    Those that may not leave yet go back into the queue, such as in quiet hours (R12).
    With ``only``, those that leave through the channel of this name.

    A kill keeps the experiment's name to itself while it is stored: it comes before the look for
    it here, or after this transaction, whose remedies are in the channel within a second.
    """
    now = worker.clock()
    with ledger.transaction(recorded_at=now) as work:
        work.lock([lock_name(running.name)], shared=True)
        killed = _is_killed(work, running)
        claimed = _claimed(work, running, worker, now, limit, only=only, killed=killed)
        if not claimed:
            return Taken()
        timed = Timely({}, {}) if killed else timely(work, running, claimed, now)
        ready = [each for each in claimed if each.remedy.key not in timed.later]
        stays = {**_staying(work, running, ready, killed=killed), **timed.gone}
        waits, refused = _undecided(work, running, ready, stays)
        stays |= dict.fromkeys(refused, NOT_APPROVED)
        later = {**timed.later, **dict.fromkeys(waits, now + LOOK_AGAIN)}
        work.put_off(later, holder=worker.holder)
        ready = [each for each in ready if each.remedy.key not in waits]
        bodies = work.texts(text_ids(each.remedy for each in ready))
        leaving, ended = _parted(ready, stays, bodies, _held_back(work, running, ready))
        leaving = _with_versions(work, running, leaving)
        fresh = [each.remedy.key for each in leaving if not each.doubtful]
        work.hand_over(fresh, holder=worker.holder)
        settled = settle(work, ended, channel=channel, now=now)
    return Taken(
        claimed=len(claimed),
        settled=settled,
        leaving=leaving,
        killed=killed,
        put_off=len(later),
        unapproved=len(waits),
    )


def _is_killed(work: Transaction, running: Running) -> bool:
    """Whether all that waits is held back; after a later version, each remedy is asked for."""
    stands = enrolment(work, running.name, running.experiment.version)
    return stands.halted == KILL and stands.latest == running.experiment.version


def _claimed(  # noqa: PLR0913 - what, by whom, until when and how much
    work: Transaction,
    running: Running,
    worker: Worker,
    now: datetime,
    limit: int,
    *,
    only: str | None,
    killed: bool,
) -> list[Claimed]:
    """What is due; all that waits if the experiment was killed."""
    if killed:
        _end_waiting_for_a_person(work, running.queue)
    return work.claim(
        running.queue,
        holder=worker.holder,
        now=now,
        until=now + worker.lease,
        limit=limit,
        due_by=FOREVER if killed else now,
        channel=only,
        unnamed=running.experiment.delivery.channel,
    )


def letters_lock(name: str) -> str:
    """What a transaction locks that moves dead letters of the experiment ``name``."""
    return f"letters/{name}"


def _end_waiting_for_a_person(work: Transaction, name: str) -> None:
    """Dead letters of a killed experiment end like all else that waits."""
    work.lock([letters_lock(name)])
    if letters := work.dead_letters(name):
        work.revive([each.remedy.key for each in letters])


def _staying(
    work: Transaction, running: Running, claimed: Sequence[Claimed], *, killed: bool
) -> Mapping[str, str]:
    """Key -> why the remedy should not leave; nothing is decided of what may have left already."""
    fresh = [each.remedy for each in claimed if not each.handed]
    if killed:
        return {each.key: KILLED for each in fresh}
    if running.purpose != "remedy":
        return idle(work, running, fresh)
    return suppressed(work, running, fresh)


def _undecided(
    work: Transaction, running: Running, claimed: Sequence[Claimed], stays: Mapping[str, str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Keys that wait for a person, and keys that one refused; none of what stays anyhow."""
    if running.purpose != "remedy":
        return frozenset(), frozenset()
    fresh = [each.remedy for each in claimed if not each.handed and each.remedy.key not in stays]
    return undecided(work, running, fresh)


def _held_back(
    work: Transaction, running: Running, claimed: Sequence[Claimed]
) -> Mapping[str, str]:
    """Those that may have left already, of versions that were killed; a later one may run."""
    return killed_by_hand(work, running.name, [each.remedy for each in claimed if each.handed])


def _parted(
    claimed: Sequence[Claimed],
    stays: Mapping[str, str],
    bodies: Mapping[str, str],
    held_back: Mapping[str, str],
) -> tuple[list[Leaving], list[Outcome]]:
    """Those for the channel, and the others as they end."""
    leaving: list[Leaving] = []
    ended: list[Outcome] = []
    for each in claimed:
        remedy = each.remedy
        body = bodies.get(remedy.text) if remedy.text else None
        to = bodies.get(remedy.address) if remedy.address else None
        end = None if each.handed else _end(remedy, body, to, stays.get(remedy.key))
        if end is not None:
            ended.append(end)
            continue
        leaving.append(
            Leaving(
                remedy=remedy,
                body=body,
                attempts=each.attempts,
                doubtful=each.handed,
                killed=remedy.key in held_back,
                to=to,
            )
        )
    return leaving, ended


def _with_versions(
    work: Transaction, running: Running, leaving: Sequence[Leaving]
) -> list[Leaving]:
    before = declared_before(work, running, [each.remedy for each in leaving])
    return [replace(each, drawn_by=before.get(each.remedy.key)) for each in leaving]


def _end(remedy: Remedy, body: str | None, to: str | None, why: str | None) -> Outcome | None:
    """How a remedy ends that does not leave, or None if it does."""
    if remedy.arm == SILENCE and purpose_of(remedy.experiment) == "remedy":
        return Outcome(remedy, "would_suppress" if why else "would_send", why or "")
    if why:
        return Outcome(remedy, "suppressed", why)
    if body is None and not gives_silently(remedy):
        return Outcome(remedy, "failed", TEXT_GONE if remedy.text else UNRENDERED)
    if remedy.address and to is None:
        return Outcome(remedy, "failed", ADDRESS_GONE)
    return None


def gives_silently(remedy: Remedy) -> bool:
    """Whether a remedy gives something and says nothing: it was pinned without a locale."""
    return remedy.text is None and remedy.locale is None and remedy.compensation is not None
