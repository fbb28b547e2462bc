"""What each argument of :func:`apologylab.analyse` must be, and how it is read.

A table of shapes, gone through before any row is read. A list may be any iterable with an order; a
number where an arm or a level is named is read as its text, as the columns of a table are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from apologylab.design.plan import Adjust
from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_SHOWN = 80
"""Characters of a value that a message shows."""


class _Misfit(Exception):  # noqa: N818 - no error: it never leaves this file
    """A value is not of the shape; ``meant`` is how it was probably meant, if that is clear."""

    def __init__(self, meant: str = "") -> None:
        super().__init__(meant)
        self.meant = meant


class Shape(NamedTuple):
    """What an argument is, in words; an example; how it is read; what None stands for, if it may.

    ``absent`` is ``...`` for an argument that must be given.
    """

    words: str
    example: str
    read: Callable[[Any], Any]
    absent: Any = ...


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What is asked of a table, every part of its shape."""

    arm: str
    reference: str
    outcomes: tuple[str, ...]
    covariates: tuple[str, ...]
    unit: str | None
    cluster: str | None
    strata: str | None
    weights: dict[str, float] | None
    alpha: float
    adjust: Adjust
    estimators: tuple[str, ...]
    levels: dict[str, dict[str, str | float]]
    times: dict[str, str]
    weeks: dict[str, tuple[str, ...]]
    subgroups: dict[str, tuple[str, ...]]


def read(**given: object) -> Arguments:
    """Every argument as its shape says: lists as tuples, labels as texts.

    Raises:
        InputError: one is not of its shape.

    >>> read(outcomes="spend")
    Traceback (most recent call last):
    apologylab.errors.InputError: outcomes='spend' is not a list of names: write outcomes=["spend"]
    """
    return Arguments(**{name: _read(name, value, SHAPES[name]) for name, value in given.items()})


def _read(name: str, value: object, shape: Shape) -> Any:
    if value is None and shape.absent is not ...:
        return shape.absent
    try:
        return shape.read(value)
    except _Misfit as misfit:
        raise InputError(
            f"{name}={_shown(value)} is not {shape.words}",
            do=f"write {name}={misfit.meant or shape.example}",
        ) from None


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise _Misfit
    return str(value)


def _label(value: object) -> str:
    """An arm or a level; the text of a number, as DuckDB writes it."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return str(value).lower()
    if not isinstance(value, Real):
        raise _Misfit
    return str(value)


def _number(value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _Misfit
    return value


def _level(value: object) -> Any:
    """A level of a factor: a text, or a number that is its size too."""
    if isinstance(value, str):
        return str(value)
    number = _number(value)
    if not abs(number) < float("inf"):
        raise _Misfit
    return number


def _word(value: object) -> str:
    if value not in get_args(Adjust):
        raise _Misfit
    return str(value)


def _list(of: Callable[[Any], Any]) -> Callable[[object], tuple[Any, ...]]:
    def each(value: object) -> tuple[Any, ...]:
        if isinstance(value, str):
            raise _Misfit(f'["{value}"]')
        if isinstance(value, bytes | Mapping | set | frozenset) or not isinstance(value, Iterable):
            raise _Misfit
        return tuple(of(one) for one in value)

    return each


def _dict(
    key: Callable[[Any], str], of: Callable[[Any], Any]
) -> Callable[[object], dict[str, Any]]:
    def each(value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _Misfit
        return {key(name): _inside(name, one, of) for name, one in value.items()}

    return each


def _inside(name: object, value: object, of: Callable[[Any], Any]) -> Any:
    """A value of a dict, so that what was meant is shown with its key."""
    try:
        return of(value)
    except _Misfit as misfit:
        raise _Misfit(f'{{"{name}": {misfit.meant}}}' if misfit.meant else "") from None


_COLUMN = "the name of a column"
SHAPES: Mapping[str, Shape] = {
    "arm": Shape(_COLUMN, '"arm"', _name),
    "reference": Shape("the name of an arm", '"silence"', _label),
    "outcomes": Shape("a list of names", '["spend"]', _list(_name)),
    "covariates": Shape("a list of names", '["spend_before"]', _list(_name), ()),
    "unit": Shape(_COLUMN, '"customer"', _name, None),
    "cluster": Shape(_COLUMN, '"city"', _name, None),
    "strata": Shape(_COLUMN, '"country"', _name, None),
    "weights": Shape(
        "a dict of arms and their planned weights",
        '{"silence": 9, "sorry": 1}',
        _dict(_label, _number),
        None,
    ),
    "alpha": Shape("a number", "0.05", _number),
    "adjust": Shape(f"one of {', '.join(get_args(Adjust))}", '"holm"', _word),
    "estimators": Shape("a list of names", '["lin(errors=HC3)"]', _list(_name), ()),
    "levels": Shape(
        "a dict of arms and their level of each factor",
        '{"silence": {"coupon": 0}, "sorry": {"coupon": 5}}',
        _dict(_label, _dict(_name, _level)),
        {},
    ),
    "times": Shape(
        "a dict of columns: of a time, and of what ended it",
        '{"days": "ended"}',
        _dict(_name, _name),
        {},
    ),
    "weeks": Shape(
        "a dict of outcomes and the list of their weeks' columns",
        '{"spend": ["week_1", "week_2"]}',
        _dict(_name, _list(_name)),
        {},
    ),
    "subgroups": Shape(
        "a dict of columns and the list of their levels",
        '{"country": ["Austria", "Spain"]}',
        _dict(_name, _list(_label)),
        {},
    ),
}
"""Argument -> its shape."""
