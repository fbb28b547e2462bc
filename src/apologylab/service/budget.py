"""How many units a budget still admits, and what a batch charges to it (R5, R14)."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from apologylab.errors import LedgerError

if TYPE_CHECKING:
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running


def room(work: Transaction, running: Running, wanted: int) -> int:
    """How many of ``wanted`` units the budget admits: at most floor(left / dearest).

    Nothing is reserved; under the ledger's lock the answer holds until the commit.
    """
    budget, dearest = running.experiment.budget, running.dearest
    if budget is None or dearest == 0:
        return wanted

    def is_too_many(units: int) -> bool:
        return not work.reserve(running.name, 0, budget.total.minor - units * dearest)

    if not is_too_many(wanted):
        return wanted
    return bisect_left(range(1, wanted + 1), True, key=is_too_many)


def charge(work: Transaction, running: Running, amount: int) -> None:
    """Reserve ``amount`` minor units of liabilities."""
    budget = running.experiment.budget
    if budget is None or amount == 0:
        return
    if not work.reserve(running.name, amount, budget.total.minor):
        raise LedgerError(
            f"the budget of {running.name} does not hold {amount} more minor units",
            do="this should not happen: run `apologylab doctor`",
        )


def give_back(work: Transaction, running: Running, amount: int) -> None:
    """Free ``amount`` minor units that will not be given after all."""
    if running.experiment.budget is not None and amount:
        work.release(running.name, amount)
