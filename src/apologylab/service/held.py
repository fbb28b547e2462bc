"""What compensations are held and where, from their facts alone (R14).

Reserved money on a budget is the sum of what is held of the liabilities that were charged to it,
always: the dispatcher, the doctor and tests ask the functions here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from apologylab.remedy.compensation import HELD, JOINED, Holding, Step, move
from apologylab.service.ports import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from apologylab.record.facts import Liability
    from apologylab.remedy.compensation import State


@dataclass(frozen=True)
class Owed:
    """One compensation: how it was reserved, where it stands, and since when it can be used."""

    reserved: Liability
    state: State
    committed_at: datetime | None

    @property
    def is_held(self) -> bool:
        """Whether it counts against its budgets."""
        return self.state in HELD

    @property
    def ends(self) -> datetime | None:
        """When it expires; None if it never does, or was not committed."""
        days = self.reserved.expires_days
        if days is None or self.committed_at is None:
            return None
        return self.committed_at + timedelta(days=days)

    @property
    def names(self) -> tuple[str, ...]:
        """The compensations that it is made of."""
        return tuple(self.reserved.compensation.split(JOINED))

    def step(self, state: State, at: datetime) -> Liability:
        """The fact that it becomes ``state``.

        Raises:
            StateError: it cannot, from where it stands.
        """
        first = self.reserved
        move(Holding(self.state, first.amount), Step(first.assignment, state, first.amount))
        return replace(first, key=f"{first.assignment}/{state}", occurred_at=at, state=state)


def owed(liabilities: Iterable[Liability]) -> dict[str, Owed]:
    """Assignment -> its compensation, from facts in commit order.

    Raises:
        StateError: a step is not allowed where it comes.
    """
    found: dict[str, Owed] = {}
    for each in liabilities:
        before = found.get(each.assignment)
        step = Step(each.assignment, _state(each.state), each.amount)
        stands = move(Holding(before.state, before.reserved.amount) if before else None, step)
        found[each.assignment] = Owed(
            reserved=before.reserved if before else each,
            state=stands.state,
            committed_at=_committed(before, each),
        )
    return found


def _state(text: str) -> State:
    """A stored state; the machine wrote it."""
    return text  # type: ignore[return-value]


def _committed(before: Owed | None, each: Liability) -> datetime | None:
    if each.state == "committed":
        return each.occurred_at
    return before.committed_at if before else None


def charged(liability: Liability) -> list[str]:
    """The budgets that hold a liability; one of an older ledger, the experiment's, with no use."""
    if liability.charged is None:
        return [liability.experiment]
    return liability.charged.split()


def held(liabilities: Iterable[Liability]) -> Mapping[str, Standing]:
    """Budget -> what of ``liabilities``, facts in commit order, it must have reserved."""
    amounts: Counter[str] = Counter()
    uses: Counter[str] = Counter()
    for each in owed(liabilities).values():
        first = each.reserved
        for budget in charged(first) if each.is_held else ():
            amounts[budget] += first.amount
            uses[budget] += first.charged is not None
    return {row: Standing(reserved=amounts[row], uses=uses[row]) for row in sorted(amounts)}
