"""Reading one value of a declaration, or saying why it cannot be read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from apologylab.design.constraints import Range, Text
from apologylab.design.money import Money
from apologylab.errors import InputError
from apologylab.wire.hints import Leaf

_WORDS: Mapping[type, str] = MappingProxyType(
    {
        str: 'a text in quotes, like "late_ride"',
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        date: "a date, like 2026-01-31 without quotes",
        Money: 'an amount, like "5.00 USD"',
    }
)


CONTROLS = r"\u0000-\u001f\u007f-\u009f"
"""Control characters, inside the brackets of a pattern."""


class Unfit(Exception):  # noqa: N818 - control flow between this module and the reader
    """A value that does not fit: what is wrong, and what to do."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what)
        self.what = what
        self.do = do


def read_leaf(leaf: Leaf, value: object) -> object:
    """The value as ``leaf`` wants it.

    Raises:
        Unfit: it has another type, or lies outside what is admitted.
    """
    if leaf.choices:
        return _choice(leaf.choices, value)
    for kind in leaf.kinds:
        if _is(kind, value):
            return _READERS[kind](leaf, value)
    wanted = " or ".join(_WORDS[kind] for kind in leaf.kinds)
    raise Unfit(f"is {_kind_of(value)}", f"write {wanted}")


def _is(kind: type, value: object) -> bool:
    if kind is float:
        return type(value) in {int, float}
    if kind is Money:
        return type(value) is str
    return type(value) is kind


def _kind_of(value: object) -> str:
    names = {
        str: "a text", int: "a whole number", float: "a number", bool: "true or false",
        dict: "a table", list: "a list", date: "a date", datetime: "a date with a time",
    }  # fmt: skip
    return names.get(type(value), "a time")


def _choice(choices: tuple[object, ...], value: object) -> object:
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    listed = ", ".join(str(choice) for choice in choices)
    raise Unfit("is not one of the words known here", f"write one of: {listed}")


def _number(leaf: Leaf, value: Any) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise Unfit("is not a finite number", "write a finite number")
    _within(leaf.range, float(value))
    return float(value) if float in leaf.kinds else value


def _within(bounds: Range | None, value: float) -> None:
    if bounds is None or bounds.admits(value):
        return
    low = f"{'more than' if bounds.open_low else 'at least'} {bounds.low:g}"
    word = "less than" if bounds.open_high else "at most"
    high = "" if bounds.high is None else f" and {word} {bounds.high:.12g}"
    raise Unfit("is out of range", f"write {low}{high}")


def _text(leaf: Leaf, value: Any) -> object:
    text = leaf.text or Text()
    if not value:
        raise Unfit("is empty", "write something, or delete the key")
    if len(value) > text.longest:
        raise Unfit(f"has {len(value)} characters", f"use at most {text.longest}")
    if text.pattern is not None and not re.fullmatch(text.pattern, value, re.ASCII):
        example = f", like {text.example}" if text.example else ""
        raise Unfit("is not spelt as it must be here", f"write it as {text.pattern}{example}")
    if re.search(f"[{CONTROLS}]", value):
        raise Unfit("holds a control character", "use printable characters only")
    return value


def _money(leaf: Leaf, value: Any) -> object:
    try:
        money = Money.parse(value, fine=leaf.fine)
    except InputError as error:
        raise Unfit(error.what.removeprefix(f"{value!r} "), error.do) from None
    _within(leaf.range, float(money))
    return money


def _as_it_is(_leaf: Leaf, value: object) -> object:
    return value


_READERS: Mapping[type, Callable[[Leaf, Any], object]] = MappingProxyType(
    {str: _text, int: _number, float: _number, bool: _as_it_is, date: _as_it_is, Money: _money}
)
