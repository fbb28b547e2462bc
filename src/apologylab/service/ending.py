"""End an experiment by hand: stop enrolling, drain, or kill; only forward (R5).

===== ======================= ==================== =========================
      new units               enrolled units       what is owed already
===== ======================= ==================== =========================
stop  CLOSED                  keep their repeats   leaves
drain CLOSED                  CLOSED               leaves
kill  CLOSED                  CLOSED               never leaves: suppressed
===== ======================= ==================== =========================
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from apologylab.design.follow_ups import answer_of
from apologylab.errors import InputError, StateError
from apologylab.record.facts import Assignment, Halted, Started
from apologylab.service.again import again
from apologylab.service.audit import note
from apologylab.service.running import DRAIN, KILL, closing, enrolment
from apologylab.service.start import PROGRAM, lock_name, report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apologylab.record.facts import Remedy
    from apologylab.service.ports import Ledger, Transaction
    from apologylab.service.running import Enrolment
    from apologylab.service.start import Begun

How = Literal["stop", "drain", "kill"]
ENDS: Final[tuple[How, ...]] = ("stop", DRAIN, KILL)
"""From the mildest to the strongest."""
KILLED: Final = "killed"
"""Why a remedy of a killed experiment does not leave."""
_DID: Final[Mapping[How, str]] = {"stop": "stopped", DRAIN: "drained", KILL: "killed"}


def end(
    ledger: Ledger, name: str, *, because: str, now: datetime, how: How = "stop", by: str = PROGRAM
) -> Begun:
    """End the running version of ``name``; nothing happens if it is ended so far or further.

    It asks the ledger only, so that a declaration that was edited or lost keeps nothing running.

    Raises:
        StateError: it is not started.
        InputError: ``because`` is empty.
    """
    if not because.strip():
        raise InputError("it is not said why it is ended", do="results will show the reason")
    return again(partial(_end, ledger, name, because.strip(), now, how, by))


def _end(ledger: Ledger, name: str, because: str, now: datetime, how: How, by: str) -> Begun:
    with ledger.transaction(recorded_at=now) as work:
        work.lock([lock_name(name)])
        begun = work.find(Started, experiment=name)
        if not begun:
            raise StateError(f"{name} is not started", do="name an experiment that runs")
        pinned = begun[-1]
        before = enrolment(work, name, pinned.version)
        if ENDS.index(how) < _ended(before):
            return report(work, pinned, "nothing")
        if before.closed is None:
            work.append([closing(name, pinned.version, before.phase, because, now)])
        if how != "stop":
            work.append([_halted(pinned, how, because, now)])
        detail = {"version": pinned.version, "phase": before.phase, "because": because}
        note(work, experiment=name, what=how, by=by, detail=detail, now=now)
        return report(work, pinned, _DID[how])


def _ended(stands: Enrolment) -> int:
    """How many of ``ENDS`` are behind it."""
    if stands.halted is not None:
        return ENDS.index(KILL if stands.halted == KILL else DRAIN) + 1
    return 0 if stands.closed is None else 1


def _halted(pinned: Started, how: How, because: str, now: datetime) -> Halted:
    return Halted(
        key=f"{pinned.experiment}/{pinned.version}/{how}",
        occurred_at=now,
        experiment=pinned.experiment,
        version=pinned.version,
        how=how,
        because=because,
    )


def killed(work: Transaction, name: str, remedies: Sequence[Remedy]) -> dict[str, str]:
    """Key -> ``KILLED`` of those remedies of experiment ``name`` that a kill holds back.

    It holds back its own version and those before it. Look right before every call of a channel.
    """
    versions = [each.version for each in work.find(Halted, experiment=name, how=KILL)]
    if not versions or not remedies:
        return {}
    of = {each.key: answer_of(each.assignment, each.experiment) for each in remedies}
    drawn = work.find_among(Assignment, "key", sorted(set(of.values())))
    stopped = {each.key for each in drawn if each.version <= max(versions)}
    return {key: KILLED for key, answer in of.items() if answer in stopped}
