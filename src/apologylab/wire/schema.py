"""Names and types of the ledger's tables, derived from the facts: the one place for both.

Table ``fact_<kind>`` holds ``seq`` (commit order), the fact's fields in their declared order, and
``recorded_at`` last. Times are integer microseconds since 1970 in UTC, booleans 0 or 1, mappings
JSON text with sorted keys.

>>> from apologylab.record.facts import Order
>>> [column.name for column in table(Order).columns][:4]
['seq', 'key', 'occurred_at', 'customer']
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from apologylab.record.columns import Column, columns
from apologylab.record.facts import KINDS, Fact

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = "fact_key"
"""(kind, key) -> seq: where the uniqueness of keys lives (R18)."""
COMMITS = "commit_time"
"""The last seq of each commit and the time it was given."""
MARKS = "commit_mark"
"""A date that was asked for -> the seq it resolved to, written once (R18)."""
TEXTS = "text"
BUDGETS = "budget"
COUNTERS = "counter"
LEDGER = "ledger"
PENDING = "remedy_pending"
"""Remedies that no delivery has settled: an index for the dispatcher, not a fact."""
INDEXED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "assignment": ("customer",),
        "attempt": ("assignment",),
        "liability": ("assignment",),
        "contact": ("incident",),
        "goodwill": ("incident",),
        "resolution": ("incident",),
        "fault": ("incident",),
        "fallback_report": ("incident",),
        "customer_snapshot": ("customer",),
        "forgotten": ("customer",),
        "merged": ("customer", "into"),
        "complaint": ("incident", "customer"),
        "same_incident": ("incident",),
        "visit": ("customer",),
        "approval": ("assignment",),
        "choice": ("assignment",),
        "commitment": ("assignment",),
    }
)
"""Columns with an index: those that ``assign`` and ``dispatch`` look up; keys need none here.

Orders, redemptions and incidents have none: only the panel reads them otherwise than by key, as a
whole, and they are the bulk, where an index costs a third of the writing.
"""


@dataclass(frozen=True, kw_only=True)
class Table:
    """The table of one kind of fact; ``fields`` are the fact's own columns."""

    kind: str
    name: str
    fields: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns as stored."""
        return (
            Column(name="seq", type="integer"),
            *self.fields,
            Column(name="recorded_at", type="time"),
        )


def table(fact: type[Fact]) -> Table:
    """The table that holds facts of this kind."""
    return _TABLES[fact]


def tables() -> tuple[Table, ...]:
    """The tables of all kinds, in the order of :data:`apologylab.record.facts.KINDS`."""
    return tuple(_TABLES.values())


def _table(kind: str, fact: type[Fact]) -> Table:
    return Table(kind=kind, name=f"fact_{kind}", fields=columns(fact))


_TABLES = {fact: _table(kind, fact) for kind, fact in KINDS.items()}
