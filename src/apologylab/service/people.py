"""Who is whom: all ids of a person, as the ledger's merges say (R8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.record.facts import Merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.ports import Transaction


def people(work: Transaction, customers: Sequence[str]) -> dict[str, frozenset[str]]:
    """Id -> all ids of that person, of ``customers`` and of those they were merged with."""
    found = {each: frozenset([each]) for each in customers}
    asked: Sequence[str] = customers
    while asked:
        pairs = [
            *work.find_among(Merged, "customer", asked),
            *work.find_among(Merged, "into", asked),
        ]
        asked = sorted({id_ for pair in pairs for id_ in _ids(pair)} - found.keys())
        for pair in pairs:
            one, other = (found.get(each, frozenset([each])) for each in _ids(pair))
            found |= dict.fromkeys(one | other, one | other)
    return found


def _ids(pair: Merged) -> tuple[str, str]:
    return pair.customer, pair.into
