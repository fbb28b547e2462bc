"""A question to the ledger that can be put before its answer is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from apologylab.record.facts import Fact


class Asked(NamedTuple):
    """One call of :meth:`apologylab.service.ports.Transaction.find_among`."""

    kind: type[Fact]
    column: str
    values: tuple[str, ...]
