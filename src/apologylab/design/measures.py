"""What can be measured of facts: each fact's columns that a filter may name, with their types.

``record.facts`` declares the facts; design may not import it, so the table stands here and a test
holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from apologylab.errors import InputError

COLUMNS: Mapping[str, Mapping[str, type]] = MappingProxyType(
    {
        "order": {
            "list_amount": int,
            "paid_amount": int,
            "currency": str,
            "our_coupon": bool,
            "returned_amount": int,
        },
        "contact": {"kind": str, "incident": str, "by": str},
        "redemption": {
            "compensation": str,
            "amount": int,
            "cost_amount": int,
            "currency": str,
            "order": str,
            "assignment": str,
        },
        "goodwill": {
            "kind": str,
            "amount": int,
            "currency": str,
            "incident": str,
            "by": str,
            "reason": str,
        },
        "survey_answer": {"question": str, "score": float, "incident": str},
        "incident": {"kind": str, "order": str, "cause": str},
        "complaint": {
            "kind": str,
            "incident": str,
            "order": str,
            "department": str,
            "asked_for": str,
            "told": int,
            "escalated": bool,
            "lost_minutes": int,
            "lost_amount": int,
            "currency": str,
        },
        "resolution": {"incident": str, "resolved": bool, "took": str},
        "choice": {"assignment": str, "experiment": str, "chosen": str},
        "commitment_ended": {
            "assignment": str,
            "experiment": str,
            "kept": bool,
            "because": str,
            "by": str,
        },
        "agent_answer": {
            "assignment": str,
            "experiment": str,
            "agent": str,
            "did": str,
            "parts": str,
            "amount": int,
            "currency": str,
            "because": str,
        },
        "visit": {"place": str},
    }
)
OWN_INCIDENT = "own_incident"
"""Whether a fact is about the incident that enrolled the unit, and not about another of theirs."""
REOPENS = "reopens"
"""Whether a customer wrote, called or complained after the incident had been resolved."""
DERIVED: Mapping[str, Mapping[str, type]] = MappingProxyType(
    {
        fact: {OWN_INCIDENT: bool} | ({REOPENS: bool} if fact in ("contact", "complaint") else {})
        for fact, columns in COLUMNS.items()
        if "incident" in columns or "assignment" in columns
    }
)
"""What a filter may name beside a fact's own columns: it is worked out from other facts."""
HARMS = frozenset({"contact", "incident", "goodwill", "redemption", "complaint"})
"""Facts of which more is worse."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """``any``, ``count`` or ``sum`` of ``field``."""

    kind: Literal["any", "count", "sum"]
    field: str | None = None

    @property
    def is_money(self) -> bool:
        """Whether it is a sum of amounts."""
        return self.field is not None and self.field.endswith("amount")


def filters(fact: str) -> Mapping[str, type]:
    """What a filter of ``fact`` may name.

    >>> sorted(filters("resolution"))
    ['incident', 'own_incident', 'resolved', 'took']
    """
    return {**COLUMNS[fact], **DERIVED.get(fact, {})}


def parse_measure(text: str) -> Measure:
    """Read a measure.

    >>> parse_measure("sum(list_amount)")
    Measure(kind='sum', field='list_amount')

    Raises:
        InputError: it is none.
    """
    if text == "any":
        return Measure(kind="any")
    if text == "count":
        return Measure(kind="count")
    found = re.fullmatch(r"sum\(([a-z_]+)\)", text, re.ASCII)
    if not found:
        raise InputError(f"{text!r} is not a measure", do="write any, count or sum(field)")
    return Measure(kind="sum", field=found[1])


def summable(fact: str) -> tuple[str, ...]:
    """The columns of ``fact`` that can be summed.

    >>> summable("goodwill")
    ('amount',)
    """
    return tuple(name for name, kind in COLUMNS[fact].items() if kind in {int, float})
