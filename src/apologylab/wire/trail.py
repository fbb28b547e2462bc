"""The trail of changes outside: its JSON, and its details and times as people read them."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apologylab.record.chain import Chain
    from apologylab.record.facts import Change


def audit_document(changes: Sequence[Change], chain: Chain | None) -> dict[str, object]:
    """What ``audit --json`` prints."""
    return {
        "format": "apologylab.audit/1",
        "changes": [_change(each) for each in changes],
        "chain": asdict(chain) if chain else None,
    }


def in_words(detail: Mapping[str, object]) -> str:
    """What belongs to a change, on one line.

    >>> in_words({"because": "the season is over", "phase": 2, "texts": None})
    'because the season is over, phase 2'
    """
    told = {name: _shortened(value) for name, value in detail.items() if value is not None}
    return ", ".join(f"{name} {value}" for name, value in told.items())


def _shortened(value: object) -> object:
    """The first digits of a hash are enough to tell it from others."""
    is_hash = isinstance(value, str) and re.fullmatch("[0-9a-f]{40,}", value)
    return f"{str(value)[:12]}..." if is_hash else value


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun.

    >>> counted(1, "remedy", "remedies"), counted(1200, "remedy", "remedies")
    ('1 remedy', '1,200 remedies')
    """
    return f"{number:,} {one if number == 1 else many}"


def local(moment: datetime, zone: str) -> str:
    """A time as people of ``zone`` write it.

    >>> from datetime import UTC, datetime
    >>> local(datetime(2026, 7, 1, 9, tzinfo=UTC), "Europe/Vilnius")
    '2026-07-01 12:00:00'
    """
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def _change(change: Change) -> dict[str, object]:
    return {
        "number": int(change.key),
        "at": change.occurred_at.isoformat(),
        "by": change.by,
        "what": change.what,
        "experiment": change.experiment,
        "detail": dict(change.detail),
        "follows": change.follows,
        "sha256": change.sha256,
    }
