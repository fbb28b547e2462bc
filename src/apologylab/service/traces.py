"""Everything that a ledger holds on one person, under all ids that are theirs (R8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from apologylab.assignment.units import normalise
from apologylab.record.columns import columns, kind_of
from apologylab.record.facts import (
    KINDS,
    Assignment,
    Correction,
    Delivery,
    Fact,
    Fault,
    Incident,
    Liability,
    Merged,
    Remedy,
)
from apologylab.record.later_facts import SameIncident

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apologylab.design.experiment import NormaliseRule
    from apologylab.service.ports import Ledger

F = TypeVar("F", bound=Fact)
_BY_CUSTOMER: Final[tuple[type[Fact], ...]] = tuple(
    kind
    for kind in KINDS.values()
    if "customer" in {column.name for column in columns(kind)} and kind not in (Delivery, Liability)
)
"""The others are found by the keys of the customer's remedies and assignments, at once. Remedies
are not: what is sent beside one, such as a survey, stands under a key of its own."""


@dataclass(frozen=True, kw_only=True)
class Traces:
    """The facts of one person by kind, each kind in commit order; ``ids`` are all theirs."""

    ids: tuple[str, ...]
    facts: dict[type[Fact], list[Fact]] = field(default_factory=dict)

    def of(self, kind: type[F]) -> list[F]:
        """Those of one kind."""
        return self.facts.get(kind, [])  # type: ignore[return-value]

    @property
    def counts(self) -> dict[str, int]:
        """Kind -> how many."""
        return {kind_of(kind): len(found) for kind, found in self.facts.items() if found}


def spellings(customer: str, rules: Iterable[NormaliseRule]) -> list[str]:
    """The id as a file brings it, and as each experiment's rule stores it (R8).

    >>> spellings("C-17", ["nfc", "nfc_ascii_lower"])
    ['C-17', 'c-17']

    Raises:
        UnitIdError: it cannot be an id.
    """
    plain = normalise(customer, "nfc")
    return list(dict.fromkeys([plain, *(normalise(plain, rule) for rule in rules)]))


def all_ids(ledger: Ledger, ids: Sequence[str]) -> tuple[str, ...]:
    """``ids`` and every id that was merged with one of them, however many times over (R8)."""
    pairs = [(each.customer, each.into) for each in ledger.read(Merged)]
    known = dict.fromkeys(ids)
    size = 0
    while size < len(known):
        size = len(known)
        known |= dict.fromkeys(
            each for pair in pairs if not known.keys().isdisjoint(pair) for each in pair
        )
    return tuple(known)


def traces(ledger: Ledger, ids: Sequence[str]) -> Traces:
    """All facts on the person whom ``ids`` name; nobody who writes waits meanwhile.

    Tables without an index on the customer are read whole: a second for some millions of rows.
    """
    everyone = all_ids(ledger, ids)
    facts: dict[type[Fact], list[Fact]] = {
        kind: _each(ledger, kind, "customer", everyone) for kind in _BY_CUSTOMER
    }
    answered = [each.key for each in facts[Assignment]]
    facts[Delivery] = _each(ledger, Delivery, "key", [each.key for each in facts[Remedy]])
    facts[Liability] = _each(ledger, Liability, "assignment", answered)
    named = [each.key for kind in (Incident, SameIncident) for each in facts[kind]]
    facts[Fault] = _each(ledger, Fault, "incident", named)
    keys = {(kind_of(kind), each.key) for kind, found in facts.items() for each in found}
    facts[Correction] = [
        each for each in ledger.read(Correction) if (each.fact, each.corrects) in keys
    ]
    return Traces(ids=everyone, facts=facts)


def _each(ledger: Ledger, kind: type[Fact], column: str, values: Sequence[str]) -> list[Fact]:
    return [fact for value in values for fact in ledger.read(kind, **{column: value})]  # type: ignore[arg-type]
