"""The JSON of ``approve``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.service.approving import Waiting


def approvals_document(found: Waiting) -> dict[str, object]:
    """What ``approve --json`` prints; amounts are in minor units of their currency."""
    return {
        "format": "apologylab.approvals/1",
        "experiment": found.experiment,
        "did": found.did,
        "remedies": [
            {
                "key": each.key,
                "customer": each.customer,
                "arm": each.arm,
                "compensation": each.compensation,
                "amount": each.amount,
                "currency": each.currency,
                "due_at": each.due_at.isoformat(),
            }
            for each in found.remedies
        ],
    }
