"""Store what became of remedies: their deliveries, and what that does to the money (R14, R15)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.errors import StateError
from apologylab.record.facts import Delivery, Liability
from apologylab.service.budget import give_back
from apologylab.service.held import owed
from apologylab.service.using_up import used_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apologylab.record.facts import Fact, Remedy
    from apologylab.remedy.compensation import State
    from apologylab.service.ports import Transaction

MONEY: Final[Mapping[str, State]] = {
    "sent": "committed",
    "in_doubt": "committed",
    "failed": "released",
    "suppressed": "released",
}
"""How a delivery's state moves the compensation; what is in doubt may have been given."""


class Outcome(NamedTuple):
    """What became of one remedy: a delivery's state, the reason, and what the channel calls it."""

    remedy: Remedy
    state: str
    because: str
    reference: str | None = None


def settle(
    work: Transaction, outcomes: Sequence[Outcome], *, channel: str, now: datetime
) -> list[Outcome]:
    """Store those ``outcomes`` that nobody stored before, and give them back.

    The caller keeps others from settling the same remedies meanwhile: by a claim, or by a lock.
    """
    keys = [each.remedy.key for each in outcomes]
    stored = {each.key for each in work.find_among(Delivery, "key", keys)}
    new = [each for each in outcomes if each.remedy.key not in stored]
    deliveries = [_delivery(each, channel, now) for each in new]
    moves = _money_moves(work, [each for each in new if each.remedy.compensation], now)
    work.append([*deliveries, *moves])
    released = (each for each in moves if isinstance(each, Liability) and each.state == "released")
    give_back(work, list(released))
    return new


def _delivery(outcome: Outcome, channel: str, now: datetime) -> Delivery:
    remedy = outcome.remedy
    return Delivery(
        key=remedy.key,
        occurred_at=now,
        assignment=remedy.assignment,
        experiment=remedy.experiment,
        customer=remedy.customer,
        arm=remedy.arm,
        channel=channel,
        state=outcome.state,
        because=outcome.because,
        reference=outcome.reference,
    )


def _money_moves(work: Transaction, outcomes: Sequence[Outcome], now: datetime) -> list[Fact]:
    """Steps of their compensations; what is given for good when it leaves is used up with it."""
    found = work.find_among(Liability, "assignment", [each.remedy.key for each in outcomes])
    stands = owed(found)
    moves: list[Fact] = []
    for remedy, state, *_ in outcomes:
        if remedy.key not in stands:
            raise StateError(
                f"compensation {remedy.key} was never reserved",
                do="run `apologylab doctor --ledger`",
            )
        before = stands[remedy.key]
        moves.append(before.step(MONEY[state], now))
        if state == "sent":
            moves += used_up(replace(before, state="committed"), now)
    return moves
