"""Dead letters: remedies that a channel could not take as often as declared, and what then (R15).

They wait for a person, who puts them back into the queue or gives them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from apologylab.design.follow_ups import queues
from apologylab.errors import NotFoundError
from apologylab.service.again import again
from apologylab.service.audit import note
from apologylab.service.claiming import letters_lock
from apologylab.service.promising import commit
from apologylab.service.settling import Outcome, settle
from apologylab.service.start import lock_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apologylab.service.ports import DeadLetter, Ledger, Transaction
    from apologylab.service.running import Running

BY_HAND: Final = "by hand"
"""The channel of a delivery that a person ended."""
SHOWN: Final = 20
"""How many keys a change of many notes; of the others it notes the number."""


@dataclass(frozen=True, kw_only=True)
class Letters:
    """Dead letters of one experiment, and what was done with them: listed, replayed, given up."""

    experiment: str
    letters: Sequence[DeadLetter]
    did: Literal["listed", "replayed", "given_up"] = "listed"


def dead_letters(ledger: Ledger, experiment: str, *, now: datetime) -> Letters:
    """The dead letters of ``experiment``, longest due first, then those beside it."""
    with ledger.transaction(recorded_at=now) as work:
        return Letters(experiment=experiment, letters=_dead(work, experiment))


def replay(
    ledger: Ledger, experiment: str, keys: Sequence[str], *, now: datetime, by: str
) -> Letters:
    """Put ``keys``, by default all, back into the queue, with all their attempts before them.

    Raises:
        NotFoundError: one of ``keys`` is no dead letter; nothing was done.
    """
    return again(partial(_replay, ledger, experiment, keys, now, by))


def give_up(
    ledger: Ledger,
    experiment: str,
    keys: Sequence[str],
    *,
    now: datetime,
    by: str,
    running: Running | None = None,
) -> Letters:
    """End ``keys``, by default all, as failed, and free their money.

    Those that the channel may have taken all the same end in doubt, and keep it; what they promise
    by the declaration that is ``running`` holds, as the customer may have read it.

    Raises:
        NotFoundError: one of ``keys`` is no dead letter; nothing was done.
    """
    return again(partial(_give_up, ledger, experiment, keys, now, by, running))


def _replay(
    ledger: Ledger, experiment: str, keys: Sequence[str], now: datetime, by: str
) -> Letters:
    with ledger.transaction(recorded_at=now) as work:
        chosen = _chosen(work, experiment, keys)
        if chosen:
            work.revive([each.remedy.key for each in chosen])
            _note(work, experiment, "replay", chosen, now, by)
    return Letters(experiment=experiment, letters=chosen, did="replayed")


def _give_up(
    ledger: Ledger,
    experiment: str,
    keys: Sequence[str],
    now: datetime,
    by: str,
    running: Running | None,
) -> Letters:
    with ledger.transaction(recorded_at=now) as work:
        chosen = _chosen(work, experiment, keys)
        if chosen:
            _note(work, experiment, "give up", chosen, now, by)
            ended = [_given_up(each) for each in chosen]
            settled = settle(work, ended, channel=BY_HAND, now=now)
            if running is not None:
                commit(work, running, settled, now=now)
    return Letters(experiment=experiment, letters=chosen, did="given_up")


def _chosen(work: Transaction, experiment: str, keys: Sequence[str]) -> list[DeadLetter]:
    """Those of the dead letters that ``keys`` name, kept from others until the commit."""
    work.lock([lock_name(experiment)], shared=True)
    work.lock(sorted(letters_lock(each) for each in queues(experiment)))
    found = {each.remedy.key: each for each in _dead(work, experiment)}
    if unknown := [key for key in keys if key not in found]:
        raise NotFoundError(
            f"{', '.join(unknown)}: no such dead letter of {experiment}",
            do="run `apologylab letters` to see them",
        )
    return [found[key] for key in dict.fromkeys(keys)] if keys else list(found.values())


def _dead(work: Transaction, experiment: str) -> list[DeadLetter]:
    return [letter for queue in queues(experiment) for letter in work.dead_letters(queue)]


def _given_up(letter: DeadLetter) -> Outcome:
    state = "in_doubt" if letter.handed else "failed"
    return Outcome(letter.remedy, state, f"given up: {letter.because}")


def _note(
    work: Transaction,
    experiment: str,
    what: str,
    chosen: Sequence[DeadLetter],
    now: datetime,
    by: str,
) -> None:
    keys = [each.remedy.key for each in chosen]
    detail = {"remedies": len(keys), "keys": " ".join(keys[:SHOWN])}
    note(work, experiment=experiment, what=what, by=by, detail=detail, now=now)
