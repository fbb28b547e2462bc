"""What a file says, understood as facts: a value at a time, a column at a time, never by guessing.

Each field is read by the rule of its type and name; a value that breaks it becomes a
:class:`~apologylab.record.values.Problem` that says which, what and what to do, and its row is
left out. Equal texts of a column are read once, which makes currencies and kinds nearly free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from apologylab.record.clean import read_clean
from apologylab.record.columns import Column, columns, kind_of
from apologylab.record.facts import KINDS, Fact
from apologylab.record.values import (
    Problem,
    Reading,
    as_object,
    as_scalar,
    is_money,
    parser,
    storable,
)

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

    Parser = _lru_cache_wrapper[object]
Columns = Mapping[str, Sequence[Any]]
_REMEMBERED: Final = 20_000
RECORDABLE: Final = tuple(
    kind
    for kind in KINDS
    if kind
    not in {
        "assignment", "remedy", "liability", "feed", "started", "phase_began", "closed", "look",
        "fallback_report", "forgotten", "attempt", "halted", "change", "approval", "commitment",
        "survey_draw", "signed_off",
        "same_incident", "due_moved",
    }
)  # fmt: skip
"""The kinds that a file may bring; the others are written by the use case that makes them."""
CUSTOMERS: Final = frozenset({"customer", "into"})
"""Columns that hold customers' ids."""
FIELDS_PREFIX: Final = "fields."
"""A column ``fields.minutes_late`` becomes the entry ``minutes_late`` of ``fields``."""


@dataclass(frozen=True, kw_only=True)
class Understood:
    """Rows in the order of the fact's fields, their places, and the places that have problems."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    places: Sequence[int] = ()
    problems: dict[int, str] = field(default_factory=dict)


class Reader:
    """Reads batches of one kind; what it learnt of a column's values it keeps for the next batch.

    >>> read = Reader(KINDS["fault"], Reading())
    >>> found = read(
    ...     {"key": ["a", ""], "occurred_at": ["2026-01-01T10:00Z"] * 2,
    ...      "incident": ["i1", "i2"], "by": ["company", "me"]},
    ...     places=[2, 3],
    ... )
    >>> len(found.rows), found.problems[3]
    (1, 'key is empty; by is "me": write one of company, customer, third_party, unknown')
    """

    def __init__(self, kind: type[Fact], reading: Reading) -> None:
        self._kind = kind_of(kind)
        self._columns = columns(kind)
        self._reading = reading
        self._parsers: dict[tuple[str, str], Parser] = {}

    def __call__(self, given: Columns, *, places: Sequence[int]) -> Understood:
        """Read columns of raw values as rows; ``places`` are their lines in the file."""
        read: dict[str, Sequence[Any]] = {}
        for column in _money_last(self._columns):
            read[column.name] = self._column(column, given, read, len(places))
        values = [read[column.name] for column in self._columns]
        reasons = _reasons(values)
        rows = list(zip(*values, strict=True))
        if not reasons:
            return Understood(rows=rows, places=places)
        good = [at for at in range(len(places)) if at not in reasons]
        return Understood(
            rows=[rows[at] for at in good],
            places=[places[at] for at in good],
            problems={places[at]: "; ".join(why) for at, why in reasons.items()},
        )

    def _column(self, column: Column, given: Columns, read: Columns, count: int) -> Sequence[Any]:
        raw = given.get(column.name)
        if column.type == "json":
            return _read_fields(given, raw, count)
        if raw is None and column.name == "currency":
            raw = [self._reading.currency] * count
        if raw is None:
            return [column.default] * count
        if is_money(column.name):
            return self._amounts(column, raw, read["currency"])
        clean = read_clean(column, raw, self._reading)
        values = clean if clean is not None else _each(raw, self._parser(column, ""))
        return self._hashed(values) if column.name in CUSTOMERS else values

    def _hashed(self, ids: Sequence[Any]) -> Sequence[Any]:
        """Customers' ids as pseudonyms, where there is a key."""
        known_as = self._reading.known_as
        if known_as is None:
            return ids
        return [known_as(each) if isinstance(each, str) else each for each in ids]

    def _amounts(
        self, column: Column, raw: Sequence[object], currencies: Sequence[Any]
    ) -> Sequence[Any]:
        """Amounts in their rows' currencies; a bad currency is its own problem."""
        found = set(currencies)
        if len(found) == 1 and isinstance(currencies[0], str):
            return _each(raw, self._parser(column, currencies[0]))
        unread = Problem(f"{column.name} has no currency to be read in")
        may_lack = None if column.nullable else unread
        return [
            self._parser(column, currency).__wrapped__(value)
            if isinstance(currency, str)
            else (may_lack if value in (None, "") else unread)
            for value, currency in zip(raw, currencies, strict=True)
        ]

    def _parser(self, column: Column, currency: str) -> Parser:
        key = column.name, currency
        if key not in self._parsers:
            rule = parser(self._kind, column, currency, self._reading)
            self._parsers[key] = lru_cache(maxsize=_REMEMBERED, typed=True)(rule)
        return self._parsers[key]


def _each(raw: Sequence[object], parse: Parser) -> Sequence[Any]:
    """Parse every value, those seen before at once."""
    try:
        return list(map(parse, raw))
    except TypeError:  # a list or an object, which JSON may hold, cannot be remembered
        return list(map(parse.__wrapped__, raw))


def _money_last(all_columns: tuple[Column, ...]) -> list[Column]:
    """An amount is read in its row's currency, so the currency is read before."""
    return sorted(all_columns, key=lambda column: is_money(column.name))


def _read_fields(given: Columns, raw: Sequence[object] | None, count: int) -> Sequence[Any]:
    """A mapping a row: from a column of JSON objects, and from the columns ``fields.NAME``."""
    whole = [as_object(value) for value in raw] if raw is not None else [{} for _ in range(count)]
    for name, values in given.items():
        if name.startswith(FIELDS_PREFIX):
            entry = name.removeprefix(FIELDS_PREFIX)
            for mapping, value in zip(whole, values, strict=True):
                if isinstance(mapping, dict) and value not in (None, ""):
                    mapping[entry] = as_scalar(value)
    return [storable(each) if isinstance(each, dict) and each else each for each in whole]


def _reasons(values: Sequence[Sequence[Any]]) -> dict[int, list[str]]:
    """Place in the batch -> why that row is refused, in the order of the columns."""
    reasons: dict[int, list[str]] = {}
    for column in values:
        if Problem in set(map(type, column)):
            for at, value in enumerate(column):
                if type(value) is Problem:
                    reasons.setdefault(at, []).append(value.reason)
    return dict(sorted(reasons.items()))
