"""Rows of facts that a company's feeds will bring, recorded as simulated time passes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.record.facts import Fact
    from apologylab.service.ports import Ledger, Progress

CHUNK = 50_000
"""Rows a transaction."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHEN = 1
"""Where ``occurred_at`` stands in a row, as integer microseconds."""


@dataclass(kw_only=True)
class Backlog:
    """Rows by kind of fact, each list in order of time; ``done`` counts those recorded."""

    rows: Mapping[type[Fact], Sequence[tuple[Any, ...]]]
    done: Counter[type[Fact]] = field(default_factory=Counter)

    def bring(self, ledger: Ledger, until: datetime, progress: Progress) -> None:
        """Record what occurred before ``until``, at that moment."""
        limit = (until - _EPOCH) // timedelta(microseconds=1)
        for kind, rows in self.rows.items():
            last = bisect_left(rows, limit, key=lambda row: row[_WHEN])
            for first in range(self.done[kind], last, CHUNK):
                part = rows[first : min(first + CHUNK, last)]
                ledger.append_rows(kind, part, recorded_at=until)
                progress(len(part))
            self.done[kind] = max(last, self.done[kind])

    @property
    def size(self) -> int:
        """All rows, recorded or not."""
        return sum(map(len, self.rows.values()))
