"""What may be charged to a budget and taken off it, the same in every ledger (R14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.errors import InputError, LedgerError
from apologylab.service.ports import Charge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.ports import Standing


def combined(charges: Sequence[Charge]) -> list[Charge]:
    """One charge a budget, in the order of their names, with the effect of all, one by one.

    Raises:
        InputError: an amount is negative, or one budget has two labels.

    >>> two = [Charge(budget="b", amount=6, at_most=9), Charge(budget="b", amount=1, at_most=9)]
    >>> [(each.amount, each.at_most) for each in combined(two)]
    [(7, 3)]
    """
    found: dict[str, Charge] = {}
    for charge in charges:
        _refuse_negative("charge", charge.amount, charge.uses)
        before = found.get(charge.budget)
        found[charge.budget] = charge if before is None else _both(before, charge)
    return [found[name] for name in sorted(found)]


def _both(first: Charge, then: Charge) -> Charge:
    """``then`` is bounded with ``first`` taken already."""
    labels = {first.unless_sealed, then.unless_sealed} - {None}
    if len(labels) > 1:
        raise InputError(
            f"budget {first.budget!r} is charged under two labels", do="charge them one by one"
        )
    return Charge(
        budget=first.budget,
        amount=first.amount + then.amount,
        uses=first.uses + then.uses,
        at_most=_tighter(first.at_most, then.at_most, first.amount),
        uses_at_most=_tighter(first.uses_at_most, then.uses_at_most, first.uses),
        unless_sealed=next(iter(labels), None),
    )


def _tighter(first: int | None, then: int | None, taken: int) -> int | None:
    bounds = [
        bound for bound in (first, None if then is None else then - taken) if bound is not None
    ]
    return min(bounds, default=None)


def may(charge: Charge, stands: Standing) -> bool:
    """Whether ``charge`` may be added to what ``stands``."""
    return (
        (charge.at_most is None or stands.reserved <= charge.at_most)
        and (charge.uses_at_most is None or stands.uses <= charge.uses_at_most)
        and (charge.unless_sealed is None or stands.sealed != charge.unless_sealed)
    )


def refuse_release(budget: str, amount: int, uses: int, stands: Standing) -> None:
    """Check that ``budget`` holds what is to be released.

    Raises:
        InputError: an amount is negative.
        LedgerError: it holds less.
    """
    _refuse_negative("release", amount, uses)
    if amount > stands.reserved or uses > stands.uses:
        raise LedgerError(
            f"cannot release {amount} in {uses} uses of budget {budget!r}, which holds less",
            do="release what was charged, once",
        )


def _refuse_negative(what: str, amount: int, uses: int) -> None:
    if amount < 0 or uses < 0:
        raise InputError(f"cannot {what} {min(amount, uses)}", do="give an amount of 0 or more")
