"""Facts to stored rows and back, a column at a time, refusing what a database would bend.

SQLite turns NaN into NULL, loses the sign of -0.0 and cannot hold an integer of 65 bits; a text
with a lone surrogate or a NUL fails in one database and passes in another. All are settled here,
so that every store answers alike.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import chain
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from apologylab.errors import InputError, LedgerError
from apologylab.record.columns import Column, ColumnType, kind_of
from apologylab.record.facts import KINDS, Fact
from apologylab.service.ports import Appended
from apologylab.wire.schema import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    _Encode = Callable[[str, Sequence[Any]], Sequence[Any]]

F = TypeVar("F", bound=Fact)
Row = tuple[Any, ...]
"""One stored row: the fact's fields in their order, encoded; no ``seq``, no ``recorded_at``."""
_Plan = tuple[tuple[int, ...], tuple[tuple[int, str, "_Encode"], ...]]
_FEW: Final = 4
"""Rows that are encoded one by one."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The calendar's ends in UTC: a time beyond could be stored and never be read again."""
_LIMIT: Final = 2**63
_IN_TURN: Final = 2_000
_EXPECTED: Final[Mapping[ColumnType, tuple[type, ...]]] = {
    "text": (str,),
    "integer": (int,),
    "real": (float, int),
    "boolean": (bool,),
    "time": (datetime, int),
}


def micros(moment: datetime) -> int:
    """Microseconds since 1970 in UTC.

    >>> micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    if moment.tzinfo is None:
        raise InputError(f"the time {moment.isoformat()} has no zone", do="give an aware time")
    return (moment - _EPOCH) // _MICROSECOND


def moment(stored: int) -> datetime:
    """The aware time, in UTC, of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=stored)


def unpack(facts: Sequence[F]) -> list[Row]:
    """The field values of facts of one kind, in declared order.

    Raises:
        InputError: they are of several kinds.
    """
    values = _values(kind_of(type(facts[0])))
    return [values(fact) for fact in facts]


def encode(kind: type[Fact], rows: Sequence[Row]) -> list[Row]:
    """Rows of Python values as the ledger stores them.

    A time is an aware datetime, or integer microseconds since 1970 in UTC where a producer of
    millions of rows has those at hand.

    Raises:
        InputError: a value has the wrong type or cannot be stored; says which field and value.
    """
    if len(rows) <= _FEW and None not in (made := [_encode_row(kind, row) for row in rows]):
        return cast("list[Row]", made)
    _refuse_lengths(kind, rows)
    columns = table(kind).fields
    encoded = (
        _encode_column(f"{table(kind).kind}.{column.name}", column, values)
        for column, values in zip(columns, zip(*rows, strict=True), strict=True)
    )
    return list(zip(*encoded, strict=True))


def encode_keys(kind: type[Fact], rows: Sequence[Row]) -> Sequence[str]:
    """The keys of rows of Python values, as :func:`encode` would give them."""
    _refuse_lengths(kind, rows)
    key = table(kind).fields[0]
    return _encode_column(f"{table(kind).kind}.{key.name}", key, [row[0] for row in rows])


def encode_in_turn(kind: type[Fact], rows: Sequence[Row]) -> Iterator[Row]:
    """As :func:`encode`, some rows at a time, while another takes those before."""
    for first in range(0, len(rows), _IN_TURN):
        yield from encode(kind, rows[first : first + _IN_TURN])


def _refuse_lengths(kind: type[Fact], rows: Sequence[Row]) -> None:
    columns = table(kind).fields
    if set(map(len, rows)) != {len(columns)}:
        raise InputError(
            f"a row of kind {table(kind).kind} has the wrong number of values",
            do=f"give {len(columns)}: {', '.join(column.name for column in columns)}",
        )


def encode_groups(facts: Sequence[Fact]) -> dict[type[Fact], list[Row]]:
    """Facts kind by kind, each kind encoded as one batch."""
    groups: dict[type[Fact], list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[type(fact)].append(fact)
    return {kind: encode(kind, unpack(group)) for kind, group in groups.items()}


def together(done: Sequence[Appended]) -> Appended:
    """What several appends did."""
    return Appended(
        new=sum(one.new for one in done),
        same=sum(one.same for one in done),
        contradicting=tuple(chain.from_iterable(one.contradicting for one in done)),
    )


def sorted_out(
    rows: Sequence[Row], stands: dict[str, Row]
) -> tuple[Sequence[Row], int, tuple[str, ...]]:
    """Rows that are new, how many stand already, and the keys of those that contradict."""
    new, same, contradicting = [], 0, []
    for row in rows:
        before = stands.setdefault(row[0], row)
        if before is row:
            new.append(row)
        elif before == row:
            same += 1
        else:
            contradicting.append(row[0])
    return new, same, tuple(contradicting)


def refuse_bent_text(name: str, text: str) -> None:
    """Check that every database can store ``text`` as it is.

    Raises:
        InputError: it holds a NUL or a lone surrogate.
    """
    _text(name, [text])


def text_taken(text_id: str) -> LedgerError:
    """What says that a text's id stands for another text."""
    return LedgerError(f"text {text_id!r} is stored with another body", do="draw a new random id")


def encode_value(kind: type[Fact], name: str, value: object) -> Any:
    """One value to compare the column ``name`` with; ``seq`` and ``recorded_at`` included."""
    return encode_values(kind, name, [value])[0]


def encode_values(kind: type[Fact], name: str, values: Sequence[object]) -> Sequence[Any]:
    """Values to compare the column ``name`` with.

    Raises:
        InputError: there is no such column, or a value has the wrong type.
    """
    shape = table(kind)
    column = _comparable(shape.kind).get(name)
    if column is None:
        known = ", ".join(column.name for column in shape.columns)
        raise InputError(f"{shape.kind} has no field {name!r}", do=f"use one of {known}")
    return _encode_column(f"{shape.kind}.{name}", column, values)


def decode(kind: type[F], rows: Sequence[Sequence[Any]]) -> list[F]:
    """Facts from stored rows (fields only, in declared order)."""
    if not rows:
        return []
    names, readers = _readers(kind_of(kind))
    columns = [
        values if reader is None else [None if value is None else reader(value) for value in values]
        for reader, values in zip(readers, zip(*rows, strict=True), strict=True)
    ]
    return [kind(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]


def line(row: Sequence[Any]) -> bytes:
    """One row as one unambiguous line of ASCII, the same on every machine; for hashing."""
    return json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


@cache
def _comparable(kind: str) -> Mapping[str, Column]:
    """The columns by name, each ready to be compared with None, too."""
    columns = table(KINDS[kind]).columns
    return {column.name: replace(column, nullable=True) for column in columns}


@cache
def _readers(kind: str) -> tuple[tuple[str, ...], tuple[Callable[[Any], Any] | None, ...]]:
    """The names of the fields, and what turns each from how it is stored, where it must be."""
    columns = table(KINDS[kind]).fields
    read: dict[ColumnType, Callable[[Any], Any]] = {
        "time": moment,
        "json": json.loads,
        "boolean": bool,
    }
    return tuple(c.name for c in columns), tuple(read.get(c.type) for c in columns)


@cache
def _values(kind: str) -> Callable[[Fact], Row]:
    """What reads the fields of a fact."""
    return attrgetter(*(column.name for column in table(KINDS[kind]).fields))


def _encode_row(kind: type[Fact], row: Row) -> Row | None:
    """One row, value by value; None if it needs the closer look of whole columns.

    It takes a quarter of the time that columns take where there are few rows.
    """
    plan = _plan(kind_of(kind), tuple(map(type, row)))
    if plan is None:
        return None
    texts, changes = plan
    text = "".join([row[place] for place in texts])
    if not text.isascii() or "\0" in text:
        return None
    made = list(row)
    try:
        for place, name, change in changes:
            (made[place],) = change(name, (row[place],))
    except InputError:
        return None
    return tuple(made)


@lru_cache(maxsize=1_000)
def _plan(kind: str, types: tuple[type, ...]) -> _Plan | None:
    """Which places of a row of ``types`` hold text, and how others change; None if none may be."""
    columns = table(KINDS[kind]).fields
    if len(columns) != len(types):
        return None
    texts: list[int] = []
    changes: list[tuple[int, str, _Encode]] = []
    for place, (column, found) in enumerate(zip(columns, types, strict=True)):
        name = f"{kind}.{column.name}"
        if found is NoneType and column.nullable:
            continue
        if column.type == "json":
            changes.append((place, name, _jsons))
        elif found not in _EXPECTED[column.type]:
            return None
        elif column.type == "text":
            texts.append(place)
        else:
            changes.append((place, name, _ENCODE[column.type]))
    return tuple(texts), tuple(changes)


def _encode_column(name: str, column: Column, values: Sequence[Any]) -> Sequence[Any]:
    """One column, checked as a whole and then encoded."""
    kinds = set(map(type, values))
    if NoneType in kinds and not column.nullable:
        raise InputError(f"{name} is missing", do="give every row a value")
    kinds.discard(NoneType)
    if column.type == "json":
        return _jsons(name, values)
    if not kinds <= set(_EXPECTED[column.type]):
        wrong = next(v for v in values if v is not None and type(v) not in _EXPECTED[column.type])
        raise InputError(
            f"{name} is {wrong!r}, a {type(wrong).__name__}",
            do=f"give {_EXPECTED[column.type][0].__name__}",
        )
    return _ENCODE[column.type](name, values)


def _text(name: str, values: Sequence[Any]) -> Sequence[Any]:
    try:
        found = "\0" in "".join(filter(None, values)).encode().decode()
    except UnicodeEncodeError:
        found = True
    if found:
        raise InputError(f"{name} holds a NUL or a lone surrogate", do="clean the text")
    return values


def _integer(name: str, values: Sequence[Any]) -> Sequence[Any]:
    given = [value for value in values if value is not None]
    if given and not -_LIMIT <= min(given) <= max(given) < _LIMIT:
        raise InputError(f"{name} holds an integer beyond 64 bits", do="check its unit")
    return values


def _real(name: str, values: Sequence[Any]) -> Sequence[Any]:
    if not all(math.isfinite(value) for value in values if value is not None):
        raise InputError(f"{name} holds nan or an infinity", do="leave unknown numbers out")
    return [None if value is None else float(value) + 0.0 for value in values]


def _boolean(name: str, values: Sequence[Any]) -> Sequence[Any]:
    del name
    return [None if value is None else int(value) for value in values]


def _time(name: str, values: Sequence[Any]) -> Sequence[Any]:
    try:
        stored = [
            value if value is None or type(value) is int else (value - _EPOCH) // _MICROSECOND
            for value in values
        ]
    except TypeError:
        raise InputError(f"{name} holds a time without a zone", do="give aware times") from None
    given = [value for value in stored if value is not None]
    if given and not _FIRST <= min(given) <= max(given) <= _LAST:
        raise InputError(f"{name} holds a time beyond the calendar", do="correct it")
    return stored


def _jsons(name: str, values: Sequence[Any]) -> Sequence[Any]:
    return [None if value is None else _json(name, value) for value in values]


def _json(name: str, value: object) -> str:
    try:
        text = json.dumps(dict(value), sort_keys=True, allow_nan=False, separators=(",", ":"))  # type: ignore[call-overload]
    except (TypeError, ValueError) as wrong:
        raise InputError(
            f"{name} is {value!r}: {wrong}", do="give a mapping of JSON values"
        ) from None
    return str(text)


_ENCODE: Mapping[ColumnType, _Encode] = {
    "text": _text,
    "integer": _integer,
    "real": _real,
    "boolean": _boolean,
    "time": _time,
}
