"""Record what came back after a channel had taken it, found by what the channel called it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.record.facts import Delivery
from apologylab.record.later_facts import Bounce
from apologylab.service.again import again

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from apologylab.service.ports import Ledger

BATCH: Final = 1_000


class Returned(NamedTuple):
    """One message that came back: the reference of what was sent, and why.

    ``hard``: it would come back again. ``at`` is when, if that is known; ``digest`` tells one
    notification from another about the same message.
    """

    reference: str
    hard: bool
    because: str
    at: datetime | None
    digest: str


@dataclass(frozen=True, kw_only=True)
class Bounced:
    """How many messages were read, by what they are.

    Those that came back are ``new``, ``known`` before or, if not of ours, ``strange``; ``others``
    are no notifications.
    """

    new: int = 0
    known: int = 0
    strange: int = 0
    others: int = 0

    @property
    def read(self) -> int:
        """All messages."""
        return self.new + self.known + self.strange + self.others


def record_bounces(ledger: Ledger, found: Iterable[Returned | None], *, now: datetime) -> Bounced:
    """Append a bounce for each of ``found`` that is of a delivery of ours; twice changes nothing.

    A remedy that came back stays sent: the channel had taken it, and money that it gave is owed.
    """
    told = list(found)
    ours = [each for each in told if each is not None]
    sent = _sent(ledger, {each.reference for each in ours})
    facts = [_bounce(sent[each.reference], each, now) for each in ours if each.reference in sent]
    new = sum(again(partial(_append, ledger, batch, now)) for batch in _batches(facts))
    return Bounced(
        new=new,
        known=len(facts) - new,
        strange=len(ours) - len(facts),
        others=len(told) - len(ours),
    )


def _sent(ledger: Ledger, references: set[str]) -> Mapping[str, Delivery]:
    """Reference -> its delivery; deliveries are read once, as they have no index by reference."""
    if not references:
        return {}
    return {
        each.reference: each
        for each in ledger.read(Delivery)
        if each.reference is not None and each.reference in references
    }


def _bounce(sent: Delivery, found: Returned, now: datetime) -> Bounce:
    return Bounce(
        key=f"{sent.key}/{found.digest}",
        occurred_at=max(sent.occurred_at, found.at) if found.at else now,
        assignment=sent.assignment,
        experiment=sent.experiment,
        customer=sent.customer,
        channel=sent.channel,
        hard=found.hard,
        because=found.because,
    )


def _batches(facts: Sequence[Bounce]) -> list[list[Bounce]]:
    return [list(facts[first : first + BATCH]) for first in range(0, len(facts), BATCH)]


def _append(ledger: Ledger, facts: Sequence[Bounce], now: datetime) -> int:
    with ledger.transaction(recorded_at=now) as work:
        return work.append(facts).new
