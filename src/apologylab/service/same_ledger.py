"""Refuse to change a ledger that is not the one the project means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.errors import LedgerOtherError

if TYPE_CHECKING:
    from apologylab.service.ports import Ledger


def refuse_other(ledger: Ledger, *, environment: str, simulated: bool) -> None:
    """Compare the ledger's marks with the project's.

    Raises:
        LedgerOtherError: the ledger is of another environment, or only one of them is simulated.
    """
    identity = ledger.identity
    if identity.environment != environment:
        raise LedgerOtherError(
            f"the ledger belongs to {identity.environment!r}, the project to {environment!r}",
            do="check ledger_url and environment in apologylab.toml",
        )
    if identity.simulated != simulated:
        ours, theirs = (
            "simulated" if simulated else "real" for simulated in (simulated, identity.simulated)
        )
        raise LedgerOtherError(
            f"the ledger is {theirs}, the project {ours}",
            do="check ledger_url and simulated in apologylab.toml",
        )
