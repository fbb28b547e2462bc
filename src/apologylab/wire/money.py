"""The JSON of ``revoke`` and ``liabilities``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.service.liabilities import Settled
    from apologylab.service.revoking import Revoked


def revoked_document(revoked: Revoked) -> dict[str, object]:
    """What ``revoke --json`` prints."""
    return {"format": "apologylab.revoked/1", **asdict(revoked)}


def settled_document(settled: Settled) -> dict[str, object]:
    """What ``liabilities --json`` prints."""
    told = asdict(settled)
    told["refused"] = [{"key": key, "because": because} for key, because in settled.refused]
    told["stands"] = [{**asdict(each), "breakage": each.breakage} for each in settled.stands]
    return {"format": "apologylab.liabilities/1", **told}
