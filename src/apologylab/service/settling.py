"""Store what became of remedies: their deliveries, and what that does to the money (R14, R15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.record.facts import Delivery, Liability
from apologylab.remedy.compensation import Step, follow, move
from apologylab.service.budget import give_back

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apologylab.record.facts import Fact, Remedy
    from apologylab.remedy.compensation import Holding, State
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
    facts: list[Fact] = [*deliveries, *moves]
    work.append(facts)
    give_back(work, [each for each in moves if each.state == "released"])
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


def _money_moves(work: Transaction, outcomes: Sequence[Outcome], now: datetime) -> list[Liability]:
    steps = work.find_among(Liability, "assignment", [each.remedy.key for each in outcomes])
    holdings = follow(Step(each.assignment, _state(each.state), each.amount) for each in steps)
    charged = {each.assignment: each.charged for each in steps}
    return [
        _liability(each.remedy, move(holdings.get(key), _step(each)), charged.get(key), now)
        for each in outcomes
        for key in [each.remedy.key]
    ]


def _step(outcome: Outcome) -> Step:
    return Step(outcome.remedy.key, MONEY[outcome.state], outcome.remedy.amount)


def _state(text: str) -> State:
    """A stored state; the machine wrote it."""
    return text  # type: ignore[return-value]


def _liability(remedy: Remedy, holding: Holding, charged: str | None, now: datetime) -> Liability:
    return Liability(
        key=f"{remedy.assignment}/{holding.state}",
        occurred_at=now,
        assignment=remedy.assignment,
        experiment=remedy.experiment,
        customer=remedy.customer,
        arm=remedy.arm,
        compensation=remedy.compensation or "",
        state=holding.state,
        amount=holding.amount,
        currency=remedy.currency or "",
        charged=charged,
    )
