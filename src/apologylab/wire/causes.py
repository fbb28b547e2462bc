"""The JSON of ``causes``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.service.causes import Cause, Causes


def causes_document(found: Causes) -> dict[str, object]:
    """What ``causes --json`` prints; amounts are in minor units of their currency."""
    return {
        "format": "apologylab.causes/1",
        "by": found.by,
        "weeks": found.weeks,
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "currency": found.currency,
        "level": found.level,
        "causes": [_cause(each, found.currency) for each in found.causes],
    }


def _cause(each: Cause, currency: str) -> dict[str, object]:
    counted = each.counted
    return {
        **asdict(counted),
        "weeks": list(counted.weeks),
        "repeat_share": counted.again / counted.incidents,
        "resolved_share": counted.resolved / counted.incidents,
        "cost": counted.cost(currency),
        "trend": asdict(each.trend) | {"says": each.trend.says} if each.trend else None,
    }
