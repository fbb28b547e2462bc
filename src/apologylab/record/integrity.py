"""What a file says, understood as facts: a value at a time, a column at a time, never by guessing.

Each field is read by the rule of its type and name; a value that breaks it becomes a
:class:`~apologylab.record.values.Problem` that says which, what and what to do, and its row is
left out. Equal texts of a column are read once, which makes currencies and kinds nearly free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Final

from apologylab.record.columns import Column, columns
from apologylab.record.facts import KINDS, Fact
from apologylab.record.values import (
    Problem,
    Reading,
    amount_parser,
    as_object,
    as_scalar,
    parser,
)

RECORDABLE: Final = tuple(
    kind
    for kind in KINDS
    if kind
    not in {
        "assignment", "remedy", "liability", "feed", "started", "phase_began", "closed", "look",
        "fallback_report", "forgotten",
    }
)  # fmt: skip
"""The kinds that a file may bring; the others are written by the use case that makes them."""
FIELDS_PREFIX: Final = "fields."
"""A column ``fields.minutes_late`` becomes the entry ``minutes_late`` of ``fields``."""


@dataclass(frozen=True, kw_only=True)
class Understood:
    """Rows in the order of the fact's fields, their places, and the places that have problems."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)


def understand(
    kind: type[Fact],
    given: Mapping[str, Sequence[object]],
    places: Sequence[int],
    reading: Reading,
) -> Understood:
    """Read columns of raw values as rows of ``kind``; ``places`` are their lines in the file.

    >>> read = understand(
    ...     KINDS["fault"],
    ...     {"key": ["a", ""], "occurred_at": ["2026-01-01T10:00Z"] * 2,
    ...      "incident": ["i1", "i2"], "by": ["company", "me"]},
    ...     [2, 3],
    ...     Reading(),
    ... )
    >>> len(read.rows), read.problems[3]
    (1, 'key is empty; by is "me": write one of company, customer, third_party, unknown')
    """
    read: dict[str, Sequence[Any]] = {}
    for column in _money_last(columns(kind)):
        read[column.name] = _read_column(kind, column, given, read, len(places), reading)
    values = [read[column.name] for column in columns(kind)]
    reasons = _reasons(values)
    rows = list(zip(*values, strict=True))
    if not reasons:
        return Understood(rows=rows, places=list(places))
    good = [at for at in range(len(places)) if at not in reasons]
    return Understood(
        rows=[rows[at] for at in good],
        places=[places[at] for at in good],
        problems={places[at]: "; ".join(why) for at, why in reasons.items()},
    )


def _money_last(all_columns: tuple[Column, ...]) -> list[Column]:
    """An amount is read in its row's currency, so the currency is read before."""
    return sorted(all_columns, key=lambda column: _is_money(column.name))


def _is_money(name: str) -> bool:
    return name == "amount" or name.endswith("_amount")


def _read_column(
    kind: type[Fact],
    column: Column,
    given: Mapping[str, Sequence[object]],
    read: Mapping[str, Sequence[Any]],
    count: int,
    reading: Reading,
) -> Sequence[Any]:
    raw = given.get(column.name)
    if column.type == "json":
        return _read_fields(given, raw, count)
    if raw is None and column.name == "currency":
        raw = [reading.currency] * count
    if raw is None:
        return [column.default] * count
    if _is_money(column.name):
        return _read_amounts(column, raw, read["currency"], reading)
    return _read_each(raw, parser(kind, column, reading))


def _read_each(raw: Sequence[object], parse: Callable[[Any], object]) -> Sequence[Any]:
    """Parse every value, equal texts once."""
    if set(map(type, raw)) <= {str, NoneType}:
        table = {value: parse(value) for value in set(raw)}
        return [table[value] for value in raw]
    return [parse(value) for value in raw]


def _read_amounts(
    column: Column, raw: Sequence[object], currencies: Sequence[Any], reading: Reading
) -> Sequence[Any]:
    """Amounts, each in its row's currency; a bad currency is its own problem, not the amount's."""
    parsers: dict[Any, Callable[[Any], object]] = {
        currency: amount_parser(column, currency, reading)
        for currency in {c for c in currencies if type(c) is str}
    }
    if len(parsers) == 1 and len(set(currencies)) == 1:
        return _read_each(raw, parsers[currencies[0]])
    unread = Problem(f"{column.name} has no currency to be read in")
    return [
        parsers[currency](value) if currency in parsers else unread
        for value, currency in zip(raw, currencies, strict=True)
    ]


def _read_fields(
    given: Mapping[str, Sequence[object]], raw: Sequence[object] | None, count: int
) -> Sequence[Any]:
    """A mapping a row: from a column of JSON objects, and from the columns ``fields.NAME``."""
    whole = [as_object(value) for value in raw] if raw is not None else [{} for _ in range(count)]
    for name, values in given.items():
        if name.startswith(FIELDS_PREFIX):
            entry = name.removeprefix(FIELDS_PREFIX)
            for mapping, value in zip(whole, values, strict=True):
                if isinstance(mapping, dict) and value not in (None, ""):
                    mapping[entry] = as_scalar(value)
    return whole


def _reasons(values: Sequence[Sequence[Any]]) -> dict[int, list[str]]:
    """Place in the batch -> why that row is refused, in the order of the columns."""
    reasons: dict[int, list[str]] = {}
    for column in values:
        if Problem in set(map(type, column)):
            for at, value in enumerate(column):
                if type(value) is Problem:
                    reasons.setdefault(at, []).append(value.reason)
    return dict(sorted(reasons.items()))
