"""The declaration's JSON Schema (draft 2020-12), generated from the classes that read it.

It says what a single key may hold. What only several keys together show (an unknown factor, a
window shorter than a delay) is ``check``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import date
from inspect import getdoc
from typing import Any

from apologylab.design.constraints import Text
from apologylab.design.experiment import Experiment
from apologylab.design.money import Money, other_exponents
from apologylab.wire.hints import FreeTable, Key, Leaf, ListOf, Shape, Table, WordOrTable, keys
from apologylab.wire.leaf import CONTROLS

Schema = dict[str, Any]
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def json_schema() -> Schema:
    """The schema of a declaration.

    >>> json_schema()["properties"]["version"]["maximum"]
    9999
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "apologylab experiment",
        **_table(Experiment),
        "$defs": {kind.__name__: _table(kind) for kind in sorted(_below(Experiment), key=str)},
    }


def _below(kind: type) -> set[type]:
    """Every table class that ``kind`` reaches."""
    inner = {found for key in keys(kind) for found in _kinds(key.shape)}
    return inner.union(*(_below(each) for each in inner))


def _kinds(shape: Shape) -> Iterator[type]:
    match shape:
        case Table():
            yield shape.kind
        case ListOf():
            yield from _kinds(shape.item)
        case FreeTable():
            yield from _kinds(shape.value)


def _table(kind: type) -> Schema:
    every = keys(kind)
    return {
        "type": "object",
        "description": (getdoc(kind) or "").split("\n")[0],
        "properties": {key.name: _key(key, kind) for key in every},
        "required": [key.name for key in every if key.required],
        "additionalProperties": False,
    }


def _key(key: Key, kind: type) -> Schema:
    default = next(each.default for each in fields(kind) if each.name == key.name)
    said = default is not MISSING and isinstance(default, str | int | float)
    return {
        **({"description": key.doc} if key.doc else {}),
        **_schema(key.shape),
        **({"default": default} if said else {}),
    }


def _schema(shape: Shape) -> Schema:
    match shape:
        case Leaf():
            return _leaf(shape)
        case Table():
            return {"$ref": f"#/$defs/{shape.kind.__name__}"}
        case ListOf():
            unique = {"uniqueItems": True} if isinstance(shape.item, Leaf) else {}
            items = {"type": "array", "items": _schema(shape.item)}
            return items | unique | ({"minItems": shape.fewest} if shape.fewest else {})
        case FreeTable():
            return _free_table(shape)
        case WordOrTable():
            return {"anyOf": [_leaf(shape.word), _free_table(shape.table)]}


def _free_table(shape: FreeTable) -> Schema:
    table = {
        "type": "object",
        "propertyNames": _leaf(shape.key),
        "additionalProperties": _schema(shape.value),
    }
    return table | ({"minProperties": shape.fewest} if shape.fewest else {})


def _leaf(leaf: Leaf) -> Schema:
    if leaf.choices:
        return {"enum": list(leaf.choices)}
    if leaf.kinds == (Money,):
        return _money(leaf)
    if leaf.kinds == (date,):
        return {"type": "string", "format": "date"}
    names = [_TYPES[kind] for kind in leaf.kinds]
    text = _text(leaf.text or Text()) if str in leaf.kinds else {}
    return {"type": names[0] if len(names) == 1 else names} | text | _bounds(leaf)


def _text(text: Text) -> Schema:
    pattern = f"^(?:{text.pattern})$" if text.pattern else f"^[^{CONTROLS}]*$"
    found: Schema = {"minLength": 1, "maxLength": text.longest, "pattern": pattern}
    return found | ({"examples": [text.example]} if text.example else {})


def _bounds(leaf: Leaf) -> Schema:
    if leaf.range is None:
        return {}
    low = "exclusiveMinimum" if leaf.range.open_low else "minimum"
    high = "exclusiveMaximum" if leaf.range.open_high else "maximum"
    found = {low: leaf.range.low, high: leaf.range.high}
    return {name: bound for name, bound in found.items() if bound is not None}


def _money(leaf: Leaf) -> Schema:
    above_zero = "(?=.*[1-9])" if leaf.range is not None and leaf.range.open_low else ""
    amount = "[0-9]{1,15}(\\.[0-9]{1,4})? [A-Z]{3}" if leaf.fine else _amount()
    return {"type": "string", "pattern": f"^{above_zero}(?:{amount})$", "examples": ["5.00 USD"]}


def _amount() -> str:
    """An amount with no more decimals than its currency has."""
    without, three = ("|".join(other_exponents(digits)) for digits in (0, 3))
    return (
        rf"[0-9]{{1,15}}(?: (?:{without})|(?:\.[0-9]{{1,3}})? (?:{three})"
        rf"|(?:\.[0-9]{{1,2}})? (?!{without}|{three})[A-Z]{{3}})"
    )
