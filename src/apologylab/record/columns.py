"""The columns that the facts' own fields imply: the one source of names, types and defaults.

>>> from apologylab.record.facts import Order
>>> [column.name for column in columns(Order)][:4]
['key', 'occurred_at', 'customer', 'list_amount']
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, fields
from datetime import datetime
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from apologylab.record.facts import KINDS, Fact

if TYPE_CHECKING:
    from collections.abc import Mapping

ColumnType = Literal["text", "integer", "real", "boolean", "time", "json"]
_TYPES: Mapping[object, ColumnType] = {
    str: "text",
    int: "integer",
    float: "real",
    bool: "boolean",
    datetime: "time",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its type, whether it may be empty, and what a file may leave out."""

    name: str
    type: ColumnType
    nullable: bool = False
    required: bool = True
    default: object = None


def kind_of(fact: type[Fact]) -> str:
    """The name of a kind on the command line, in JSON and in the ledger.

    >>> kind_of(KINDS["order"])
    'order'
    """
    return _KIND_OF[fact]


def columns(fact: type[Fact]) -> tuple[Column, ...]:
    """The columns of one kind, in the order of its fields."""
    return _COLUMNS[fact]


def _columns(fact: type[Fact]) -> tuple[Column, ...]:
    hints = get_type_hints(fact)
    return tuple(_column(field, hints[field.name]) for field in fields(fact))


def _column(field: Field[Any], hint: object) -> Column:
    options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    (kind,) = (option for option in options if option is not NoneType)
    plain = field.default is not MISSING
    made = field.default_factory is not MISSING
    return Column(
        name=field.name,
        type="json" if get_origin(kind) is not None else _TYPES[kind],
        nullable=NoneType in options,
        required=not (plain or made or NoneType in options),
        default=field.default if plain else {} if made else None,
    )


_COLUMNS = {fact: _columns(fact) for fact in KINDS.values()}
_KIND_OF = {fact: kind for kind, fact in KINDS.items()}
