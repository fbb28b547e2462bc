"""The trail of changes by hand: who changed an experiment or the ledger, when and what.

Every use case that acts on a person's word calls :func:`note` in its own transaction, so that there
is no change without its note and no note without its change.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from apologylab.errors import InputError
from apologylab.record.chain import Chain, examine, key_of, link
from apologylab.record.facts import Change

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from apologylab.service.ports import Ledger, Transaction

LOCK: Final = "audit"
"""The last name that a transaction locks: :func:`note` takes it, after all others."""
COUNTER: Final = "audit"
"""How many changes were noted: the next one's number, and a witness when the last is removed."""
LONGEST: Final = 200


def note(
    work: Transaction,
    *,
    experiment: str | None,
    what: str,
    by: str,
    detail: Mapping[str, object],
    now: datetime,
) -> Change:
    """Append a change to the chain; call it after every other lock and before budgets.

    Who stops sending must never be held up by a chain that somebody damaged: then the new change
    follows nothing, and :func:`verify` says so.

    Raises:
        InputError: ``by`` does not name anybody.
    """
    if not by.strip() or len(by) > LONGEST:
        raise InputError(f"by is {by[:40]!r}", do="say who does it, in at most 200 characters")
    work.lock([LOCK])
    number = work.counters([COUNTER]).get(COUNTER, 0)
    before = work.find(Change, key=key_of(number)) if number else []
    change = link(
        number=number + 1,
        follows=before[0].sha256 if before else "",
        experiment=experiment,
        what=what,
        by=by,
        detail=detail,
        at=now,
    )
    work.append([change])
    work.advance({COUNTER: 1})
    return change


def trail(ledger: Ledger, experiment: str | None = None) -> list[Change]:
    """The changes of ``experiment``, by default all, oldest first."""
    found = (
        ledger.read(Change) if experiment is None else ledger.read(Change, experiment=experiment)
    )
    return list(found)


def verify(ledger: Ledger, *, now: datetime, head: str | None = None) -> Chain:
    """Whether the chain is whole: altered, removed, inserted and moved changes show.

    ``head`` is the hash of a change, kept where nobody who can write to the ledger could reach.
    """
    with ledger.transaction(recorded_at=now) as work:
        counted = work.counters([COUNTER]).get(COUNTER, 0)
        found = examine(work.find(Change), head=head)
    if counted <= found.changes:
        return found
    gone = f"{counted} changes were noted and {found.changes} are there"
    return replace(found, problems=(*found.problems, gone))
