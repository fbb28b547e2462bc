"""Hand remedies that are due to their channel, each at most once whatever crashes (R13, R15).

A batch is looked at under the ledger's lock, handed over outside it, and settled under it again. A
crash in between leaves remedies without a delivery: the next run asks the channel which of them it
took, and a channel that is given a key twice sends it once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apologylab.design.experiment import SILENCE
from apologylab.errors import LedgerOtherError, StateError
from apologylab.service.ports import Outgoing
from apologylab.service.recheck import suppressed
from apologylab.service.settling import Outcome, settle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apologylab.record.facts import Remedy
    from apologylab.service.ports import Channel, Ledger, Progress
    from apologylab.service.running import Running

BATCH = 5_000
UNRENDERED = "its text could not be rendered"
TEXT_GONE = "its text was deleted"
"""The customer was forgotten (R21)."""


@dataclass(frozen=True, kw_only=True)
class Dispatched:
    """How many remedies ended in each state of a delivery, and for which reasons."""

    experiment: str
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def settled(self) -> int:
        """Remedies that this run settled."""
        return self.states.total()


def dispatch_once(
    ledger: Ledger,
    channel: Channel,
    running: Running,
    *,
    now: datetime,
    progress: Progress = lambda _: None,
    batch: int = BATCH,
) -> Dispatched:
    """Settle everything of ``running`` that is due by ``now``; one caller at a time.

    Raises:
        StateError: the caller delivers this experiment (``[delivery] by = "caller"``).
        LedgerOtherError: the ledger is simulated and the channel would reach real customers.
    """
    _refuse(ledger, channel, running)
    done = Dispatched(experiment=running.name)
    left = True
    while left and (looked := _look(ledger, running, now, batch)):
        outcomes = _hand_over(ledger, channel, looked)
        with ledger.transaction(recorded_at=now) as work:
            stored = settle(work, running, outcomes, channel=channel.name, now=now)
        done.states.update(each.state for each in stored)
        done.reasons.update(each.because for each in stored if each.because)
        progress(len(looked))
        left = len(looked) == batch
    return done


def _refuse(ledger: Ledger, channel: Channel, running: Running) -> None:
    if running.experiment.delivery.by == "caller":
        raise StateError(
            f"{running.name} is delivered by its caller",
            do="report what was delivered with report_delivery",
        )
    if ledger.identity.simulated and channel.name != "file":
        raise LedgerOtherError(
            f"the ledger is simulated and channel {channel.name} reaches real customers",
            do="use the file channel",
        )


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """One due remedy: its text's body, and why it should not leave, if so."""

    remedy: Remedy
    body: str | None
    suppressed: str | None


def _look(ledger: Ledger, running: Running, now: datetime, batch: int) -> list[_Looked]:
    """What is due, checked again (R13)."""
    with ledger.transaction(recorded_at=now) as work:
        due = work.due(running.name, now=now, limit=batch)
        if not due:
            return []
        stopped = suppressed(work, running, due)
        bodies = work.texts([each.text for each in due if each.text])
    return [
        _Looked(
            remedy=each,
            body=bodies.get(each.text) if each.text else None,
            suppressed=stopped.get(each.key),
        )
        for each in due
    ]


def _hand_over(ledger: Ledger, channel: Channel, looked: Sequence[_Looked]) -> list[Outcome]:
    """Decide each remedy, sending those that leave."""
    ids = {each.remedy.key: f"{ledger.identity.id}/{each.remedy.key}" for each in looked}
    before = channel.accepted(list(ids.values()))
    decided = {
        each.remedy.key: ("sent", "") if ids[each.remedy.key] in before else _decide(each)
        for each in looked
    }
    leaving = [each for each in looked if decided[each.remedy.key] is None]
    answers = channel.send([_outgoing(each, ids[each.remedy.key]) for each in leaving])
    sent = {answer.key: (answer.state, answer.because) for answer in answers}
    return [
        Outcome(each.remedy, *(decided[each.remedy.key] or sent[ids[each.remedy.key]]))
        for each in looked
    ]


def _decide(looked: _Looked) -> tuple[str, str] | None:
    """The state and reason of a remedy that does not leave, or None if it does."""
    remedy, why = looked.remedy, looked.suppressed
    if remedy.arm == SILENCE:
        return ("would_suppress", why) if why else ("would_send", "")
    if why:
        return "suppressed", why
    if looked.body is None:
        return "failed", TEXT_GONE if remedy.text else UNRENDERED
    return None


def _outgoing(looked: _Looked, key: str) -> Outgoing:
    remedy = looked.remedy
    return Outgoing(
        key=key,
        customer=remedy.customer,
        experiment=remedy.experiment,
        arm=remedy.arm,
        text=looked.body,
        locale=remedy.locale,
        compensation=remedy.compensation,
        amount=remedy.amount,
        currency=remedy.currency,
    )
