"""Commitments as a JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apologylab.service.commitments import Commitments, Promised


def commitments_document(found: Commitments) -> dict[str, Any]:
    """``apologylab commitments --json``."""
    return {
        "format": "apologylab.commitments/1",
        "counts": dict(found.counts),
        "ended_now": found.did,
        "commitments": [_promised(each) for each in found.listed],
    }


def _promised(each: Promised) -> dict[str, Any]:
    made, over = each.commitment, each.ended
    return {
        "key": made.key,
        "state": each.state,
        "experiment": made.experiment,
        "customer": made.customer,
        "level": made.level,
        "what": made.what,
        "keeper": made.keeper,
        "promised_at": made.occurred_at.isoformat(),
        "until": made.until.isoformat(),
        "ended_at": over.occurred_at.isoformat() if over else None,
        "because": over.because if over else None,
        "by": over.by if over else None,
    }
