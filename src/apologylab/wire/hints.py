"""Type hints as a small algebra of shapes, which the declaration's reader and its schema walk."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from apologylab.design.constraints import Doc, Fine, Items, Range, Text
from apologylab.design.money import Money


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A single value: of one of ``kinds``, or one of ``choices``."""

    kinds: tuple[type, ...] = ()
    choices: tuple[object, ...] = ()
    range: Range | None = None
    text: Text | None = None
    fine: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table whose keys are the fields of ``kind``."""

    kind: type


@dataclass(frozen=True, kw_only=True)
class FreeTable:
    """A table with keys of the author's choosing."""

    key: Leaf
    value: Shape
    fewest: int


@dataclass(frozen=True, kw_only=True)
class ListOf:
    """A list."""

    item: Shape
    fewest: int


@dataclass(frozen=True, kw_only=True)
class WordOrTable:
    """One of some words, or a table."""

    word: Leaf
    table: FreeTable


Shape = Leaf | Table | FreeTable | ListOf | WordOrTable


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key of a table: its shape, whether it must be there, and a sentence about it."""

    name: str
    shape: Shape
    required: bool
    doc: str


@cache
def keys(kind: type) -> tuple[Key, ...]:
    """The keys of a declared table, in order."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        Key(
            name=each.name,
            shape=_shape(hints[each.name]),
            required=each.default is MISSING and each.default_factory is MISSING,
            doc=next((mark.text for mark in _strip(hints[each.name])[1] if type(mark) is Doc), ""),
        )
        for each in fields(kind)
    )


def _strip(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A hint without ``Annotated`` and ``None``, and the constraints that stood around it."""
    marks: tuple[Any, ...] = ()
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            marks += tuple(more)
        elif _is_union(hint) and types.NoneType in get_args(hint):
            rest = tuple(each for each in get_args(hint) if each is not types.NoneType)
            hint = Union[rest]  # noqa: UP007 - built from a tuple
        else:
            return hint, marks


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in {Union, types.UnionType}


def _shape(hint: Any) -> Shape:
    plain, marks = _strip(hint)
    origin, inner = get_origin(plain), get_args(plain)
    fewest = next((mark.fewest for mark in marks if isinstance(mark, Items)), 0)
    if origin is Mapping:
        return FreeTable(key=_leaf(inner[0]), value=_shape(inner[1]), fewest=fewest)
    if origin is tuple:
        return ListOf(item=_shape(inner[0]), fewest=fewest)
    if _is_union(plain) and get_origin(inner[-1]) is Mapping:
        table = FreeTable(
            key=_leaf(get_args(inner[-1])[0]), value=_shape(get_args(inner[-1])[1]), fewest=1
        )
        return WordOrTable(word=_leaf(inner[0]), table=table)
    if isinstance(plain, type) and is_dataclass(plain) and plain is not Money:
        return Table(kind=plain)
    return _leaf(hint)


def _leaf(hint: Any) -> Leaf:
    plain, marks = _strip(hint)
    literal = get_origin(plain) is Literal
    return Leaf(
        kinds=() if literal else get_args(plain) if _is_union(plain) else (plain,),
        choices=get_args(plain) if literal else (),
        range=next((mark for mark in marks if isinstance(mark, Range)), None),
        text=next((mark for mark in marks if isinstance(mark, Text)), None),
        fine=any(isinstance(mark, Fine) for mark in marks),
    )
