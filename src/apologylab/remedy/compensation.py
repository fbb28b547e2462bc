"""The life of a compensation, as a pure machine of states (R14).

::

    reserved ──▶ committed ─────┬──▶ redeemed
        │            │          ├──▶ expired
        ▼            ▼          │
    released      chosen ───────┴──▶ revoked

*Reserved* at assignment, *committed* once the channel has taken it, *released* if it never left. Of
a menu the dearest is reserved; *chosen* it is what the customer chose, and the rest is given back.
Kinds that are given for good when they leave are *redeemed* at once. The four ends are final. Money
is held, and counts against the budget, until it is released, expires or is revoked; what was
redeemed stays spent.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from apologylab.design.faces import most, own_currency, varies
from apologylab.errors import StateError
from apologylab.remedy.amounts import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apologylab.design.arms import Arm
    from apologylab.design.experiment import Experiment
    from apologylab.remedy.terms import Terms

State = Literal["reserved", "committed", "chosen", "redeemed", "released", "expired", "revoked"]
BEGINNING: Final[State] = "reserved"
MOVES: Final[Mapping[State, tuple[State, ...]]] = MappingProxyType(
    {
        "reserved": ("committed", "released"),
        "committed": ("chosen", "redeemed", "expired", "revoked"),
        "chosen": ("redeemed", "expired", "revoked"),
        "redeemed": (),
        "released": (),
        "expired": (),
        "revoked": (),
    }
)
"""From each state, where it may go."""
HELD: Final[frozenset[State]] = frozenset({"reserved", "committed", "chosen", "redeemed"})
"""The states that count against the budget."""
OPEN: Final[frozenset[State]] = frozenset({"committed", "chosen"})
"""The states in which a customer has it and may use it."""

JOINED: Final = "+"
"""Between the names of what one arm gives."""


class Step(NamedTuple):
    """One compensation entered ``state`` with ``amount`` minor units."""

    compensation: str
    state: State
    amount: int


class Holding(NamedTuple):
    """Where one compensation stands."""

    state: State
    amount: int


def move(before: Holding | None, step: Step) -> Holding:
    """Where a compensation stands after ``step``.

    >>> move(Holding("reserved", 500), Step("c1", "committed", 500))
    Holding(state='committed', amount=500)

    Raises:
        StateError: the move is not one of ``MOVES``, or the amount changes on the way; what is
            chosen may only be less than what was reserved.
    """
    allowed = (BEGINNING,) if before is None else MOVES[before.state]
    if step.state not in allowed:
        stands = "is unknown" if before is None else f"is {before.state}"
        raise StateError(
            f"compensation {step.compensation} {stands} and cannot become {step.state}",
            do=f"it can become {' or '.join(allowed)}" if allowed else "that is its end",
        )
    if step.amount < 0 or (before is not None and not _keeps(before.amount, step)):
        raise StateError(
            f"compensation {step.compensation} changes to {step.amount} minor units",
            do="an amount is fixed when it is reserved, is not negative, and a choice only lowers "
            "it",
        )
    return Holding(step.state, step.amount)


def _keeps(amount: int, step: Step) -> bool:
    return step.amount <= amount if step.state == "chosen" else step.amount == amount


def follow(steps: Iterable[Step]) -> dict[str, Holding]:
    """Where every compensation stands after ``steps``, taken in order.

    Raises:
        StateError: a step is not allowed where it comes.
    """
    holdings: dict[str, Holding] = {}
    for step in steps:
        holdings[step.compensation] = move(holdings.get(step.compensation), step)
    return holdings


class Given(NamedTuple):
    """What an arm gives: the names of its compensations, their sum, and its currency.

    ``expires_days``: until the last of them expires; None if one never does. ``charge``: the sum in
    the budget's currency. ``terms``: what a liability must remember of it; None of what is plain.
    """

    name: str
    amount: int
    currency: str
    expires_days: int | None
    charge: int
    terms: Terms | None = None


def given_names(experiment: Experiment, arm: Arm) -> tuple[str, ...]:
    """The names of the compensations that ``arm`` gives."""
    return tuple(level for level in arm.levels.values() if level in experiment.compensation)


def given(experiment: Experiment, arm: Arm) -> Given | None:
    """The most that ``arm`` gives, in the budget's currency; None if it gives nothing (R5)."""
    names = given_names(experiment, arm)
    if not names:
        return None
    amounts = [most(experiment, name) for name in names]
    total = sum(each.minor for each in amounts)
    return Given(
        name=JOINED.join(names),
        amount=total,
        currency=amounts[0].currency,
        expires_days=_life(experiment, names),
        charge=total,
    )


def given_to(experiment: Experiment, arm: Arm, fields: Mapping[str, object]) -> Given | None:
    """What ``arm`` gives to an incident with ``fields``; None if it gives nothing.

    Raises:
        InputError: the fields do not say what it is worth (:func:`amounts.unfit` says so before).
    """
    names = given_names(experiment, arm)
    if not names:
        return None
    found, currency = terms(experiment, names, fields)
    plain = currency == own_currency(experiment) and not found.menu
    plain = plain and not any(each.at_once or each.basket for each in found.given.values())
    plain = plain and (len(names) == 1 or not varies(experiment, names))
    return Given(
        name=JOINED.join(names),
        amount=found.amount,
        currency=currency,
        expires_days=_life(experiment, names),
        charge=found.charge,
        terms=None if plain else found,
    )


def _life(experiment: Experiment, names: Iterable[str]) -> int | None:
    lives = [experiment.compensation[name].expires_days for name in names]
    known = [each for each in lives if each is not None]
    return max(known) if len(known) == len(lives) else None
