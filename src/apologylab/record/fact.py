"""What all facts share (R18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

Fields = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What all facts share."""

    key: str
    occurred_at: datetime
