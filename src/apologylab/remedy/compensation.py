"""The life of a compensation, as a pure machine of states (R14).

::

    reserved ──▶ committed ──▶ redeemed
        │            ├───────▶ expired
        ▼            └───────▶ revoked
    released

*Reserved* at assignment, *committed* once the channel has taken it, *released* if it never left.
The four ends are final. Money is held, and counts against the budget, until it is released, expires
or is revoked; what was redeemed stays spent.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from apologylab.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apologylab.design.arms import Arm
    from apologylab.design.experiment import Experiment

State = Literal["reserved", "committed", "redeemed", "released", "expired", "revoked"]
BEGINNING: Final[State] = "reserved"
MOVES: Final[Mapping[State, tuple[State, ...]]] = MappingProxyType(
    {
        "reserved": ("committed", "released"),
        "committed": ("redeemed", "expired", "revoked"),
        "redeemed": (),
        "released": (),
        "expired": (),
        "revoked": (),
    }
)
"""From each state, where it may go."""
HELD: Final[frozenset[State]] = frozenset({"reserved", "committed", "redeemed"})
"""The states that count against the budget."""

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
        StateError: the move is not one of ``MOVES``, or the amount changes on the way.
    """
    allowed = (BEGINNING,) if before is None else MOVES[before.state]
    if step.state not in allowed:
        stands = "is unknown" if before is None else f"is {before.state}"
        raise StateError(
            f"compensation {step.compensation} {stands} and cannot become {step.state}",
            do=f"it can become {' or '.join(allowed)}" if allowed else "that is its end",
        )
    if step.amount < 0 or (before is not None and step.amount != before.amount):
        raise StateError(
            f"compensation {step.compensation} changes to {step.amount} minor units",
            do="an amount is fixed when it is reserved, and is not negative",
        )
    return Holding(step.state, step.amount)


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

    ``expires_days``: until the last of them expires; None if one never does.
    """

    name: str
    amount: int
    currency: str
    expires_days: int | None


def given(experiment: Experiment, arm: Arm) -> Given | None:
    """What ``arm`` gives, or None if it gives nothing."""
    names = [level for level in arm.levels.values() if level in experiment.compensation]
    if not names:
        return None
    every = [experiment.compensation[name] for name in names]
    lives = [each.expires_days for each in every if each.expires_days is not None]
    return Given(
        name=JOINED.join(names),
        amount=sum(each.value.minor for each in every),
        currency=every[0].value.currency,
        expires_days=max(lives) if len(lives) == len(every) else None,
    )
