"""What compensations are held and where, from their facts alone (R14).

Reserved money on a budget is the sum of what is held of the liabilities that were charged to it,
always: the dispatcher, the doctor and tests ask the functions here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from apologylab.remedy.compensation import HELD, JOINED, OPEN, Holding, Step, move
from apologylab.remedy.terms import Terms, read_terms, written_terms
from apologylab.service.ports import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from apologylab.record.facts import Liability
    from apologylab.remedy.compensation import State
    from apologylab.remedy.terms import Term


@dataclass(frozen=True)
class Owed:
    """One compensation: how it was reserved, where it stands, and since when it can be used.

    Once a customer has chosen, ``reserved`` is what was chosen, and ``committed_at`` when.
    """

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
    def is_open(self) -> bool:
        """Whether the customer has it, and it is neither used nor over."""
        return self.state in OPEN

    @cached_property
    def terms(self) -> Terms | None:
        """On which terms it was given; None of a plain coupon."""
        return read_terms(self.reserved.terms)

    @property
    def menu(self) -> Mapping[str, Term]:
        """What may still be chosen; empty where there is no choice, or it was made."""
        return self.terms.menu if self.terms is not None else {}

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

    def chosen(self, name: str, at: datetime, *, because: str | None = None) -> Liability:
        """The fact that ``name`` of its menu was chosen.

        Raises:
            StateError: it cannot be chosen from, from where it stands.
        """
        first, term = self.reserved, self.menu[name]
        move(Holding(self.state, first.amount), Step(first.assignment, "chosen", term.amount))
        return replace(
            first,
            key=f"{first.assignment}/chosen",
            occurred_at=at,
            state="chosen",
            compensation=name,
            amount=term.amount,
            expires_days=term.expires_days,
            because=because,
            terms=written_terms(Terms(given={name: term})),
        )


def owed(liabilities: Iterable[Liability]) -> dict[str, Owed]:
    """Assignment -> its compensation, from facts in commit order.

    Raises:
        StateError: a step is not allowed where it comes.
    """
    found: dict[str, Owed] = {}
    for each in liabilities:
        found[each.assignment] = follow(found.get(each.assignment), each)
    return found


def follow(before: Owed | None, each: Liability) -> Owed:
    """Where a compensation stands after the step ``each``.

    Raises:
        StateError: the step is not allowed there.
    """
    step = Step(each.assignment, _state(each.state), each.amount)
    stands = move(Holding(before.state, before.reserved.amount) if before else None, step)
    return Owed(
        reserved=each if before is None or each.state == "chosen" else before.reserved,
        state=stands.state,
        committed_at=_committed(before, each),
    )


def _state(text: str) -> State:
    """A stored state; the machine wrote it."""
    return text  # type: ignore[return-value]


def _committed(before: Owed | None, each: Liability) -> datetime | None:
    if each.state in OPEN:
        return each.occurred_at
    return before.committed_at if before else None


def charged(liability: Liability) -> list[str]:
    """The budgets that hold a liability; one of an older ledger, the experiment's, with no use."""
    if liability.charged is None:
        return [liability.experiment]
    return liability.charged.split()


def charge_of(liability: Liability) -> int:
    """What it holds of its budgets, in minor units of their currency."""
    terms = read_terms(liability.terms)
    return liability.amount if terms is None else terms.charge


def held(liabilities: Iterable[Liability]) -> Mapping[str, Standing]:
    """Budget -> what of ``liabilities``, facts in commit order, it must have reserved."""
    amounts: Counter[str] = Counter()
    uses: Counter[str] = Counter()
    for each in owed(liabilities).values():
        first = each.reserved
        for budget in charged(first) if each.is_held else ():
            amounts[budget] += charge_of(first)
            uses[budget] += first.charged is not None
    return {row: Standing(reserved=amounts[row], uses=uses[row]) for row in sorted(amounts)}
