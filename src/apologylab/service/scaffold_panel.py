"""Guesses about a file of finished outcomes: its arm, its reference, its outcomes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from apologylab.errors import InputError

_ARM = re.compile(r"arm|group|variant|segment|treat|promo|bucket|cell|test", re.IGNORECASE)
_REFERENCE = re.compile(r"(no|none|control|holdout|silence|baseline|0|false)\b", re.IGNORECASE)
_UNIT = re.compile(r"(^|_)id$|uuid|customer|user|rider|client|passenger|kund", re.IGNORECASE)
_MONEY = re.compile(r"spen[dt]|revenue|sales|amount|gmv", re.IGNORECASE)
_OUTCOME = re.compile(
    rf"{_MONEY.pattern}|purchase|bought|order|visit|conver|click|return|retain", re.IGNORECASE
)
_ARMS = range(2, 21)
_NEARLY = 0.5
"""Different values a row from which a column named like an id is one with repeats."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a file; ``values`` counts its values where they are few."""

    name: str
    is_number: bool
    rows: int
    distinct: int
    values: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Named:
    """What the person says of the columns; None or empty is guessed."""

    arm: str | None = None
    reference: str | None = None
    unit: str | None = None
    outcomes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What each column of a file seems to be; ``money`` is the outcome that is an amount."""

    arm: str
    reference: str
    weights: Mapping[str, int]
    unit: str | None
    outcomes: tuple[str, ...]
    money: str | None
    said: tuple[str, ...]


def guess(columns: Sequence[Column], named: Named) -> Guess:
    """What was named is taken; the rest is guessed, and each guess is said.

    Raises:
        InputError: a named column is not there or cannot be what it is named, or nothing can be
            guessed.
    """
    known = {each.name: each for each in columns}
    _refuse_misnamed(known, named)
    drawn = known[named.arm] if named.arm else _arm(columns)
    against = _reference(drawn, named.reference)
    measured = tuple(named.outcomes) or _outcomes(columns, drawn.name)
    unit = next((each.name for each in columns if _is_unit(each)), None)
    money = next((name for name in measured if _MONEY.search(name)), None)
    money_first = sorted(measured, key=lambda name: name != money)
    found = Guess(
        arm=drawn.name,
        reference=against,
        weights=_weights(drawn, against),
        unit=named.unit or unit,
        outcomes=measured if named.outcomes else tuple(money_first),
        money=money,
        said=(),
    )
    return replace(found, said=tuple(_said(found, named, columns)))


def _refuse_misnamed(known: Mapping[str, Column], named: Named) -> None:
    """Columns that are not there, outcomes of text, ids that several rows have."""
    for name in filter(None, (named.arm, named.unit, *named.outcomes)):
        if name not in known:
            raise InputError(f"the file has no column {name!r}", do=f"it has {', '.join(known)}")
    numbers = ", ".join(each.name for each in known.values() if each.is_number)
    for name in named.outcomes:
        if not known[name].is_number:
            raise InputError(
                f"column {name!r} cannot be an outcome: not all that stands in it are numbers",
                do=f"name columns of numbers, or of true and false: {numbers or 'there is none'}",
            )
    if named.unit and known[named.unit].distinct < known[named.unit].rows:
        raise InputError(
            f"column {named.unit!r} cannot be the unit's id: {_repeated(known[named.unit])}",
            do="make one row of each unit first, or leave --unit out: rows are units then",
        )


def _said(found: Guess, named: Named, columns: Sequence[Column]) -> Iterator[str]:
    """One sentence a guess."""
    if not named.arm:
        yield f"arm: column {found.arm!r}, because of its name and values"
    if not named.reference:
        yield f"reference: {found.reference!r}, because of its name"
    if not named.outcomes:
        yield f"outcomes: {', '.join(found.outcomes)}, because of their names"
    yield f"unit: {found.unit!r}" if found.unit else f"unit: no column; {_rows_as_units(columns)}"
    planned = ", ".join(f"{name} {weight}" for name, weight in found.weights.items())
    yield f"planned weights: {planned}, from counts"
    yield "covariates: none; add those that were measured before the draw to panel.covariates"


def _arm(columns: Sequence[Column]) -> Column:
    named = [each for each in columns if len(each.values) in _ARMS and _ARM.search(each.name)]
    telling = [each for each in named if any(map(_REFERENCE.match, each.values))]
    for found in (telling, named):
        if len(found) == 1:
            return found[0]
    few = [each.name for each in columns if len(each.values) in _ARMS]
    raise InputError(
        f"cannot tell which column is the arm; {len(few)} have 2 to 20 values",
        do=f"name it with --arm: {', '.join(few) or 'no column fits'}",
    )


def _reference(arm: Column, named: str | None) -> str:
    if len(arm.values) not in _ARMS:
        raise InputError(
            f"column {arm.name!r} has {arm.distinct} values", do="an arm column has 2 to 20"
        )
    if named is not None and named not in arm.values:
        raise InputError(f"{named!r} is not an arm", do=f"the arms are {', '.join(arm.values)}")
    likely = [value for value in arm.values if _REFERENCE.match(value)]
    if named is None and len(likely) != 1:
        raise InputError(
            f"cannot tell which arm of {arm.name!r} is the reference",
            do=f"name it with --reference: {', '.join(arm.values)}",
        )
    return named or likely[0]


def _outcomes(columns: Sequence[Column], arm: str) -> tuple[str, ...]:
    found = [
        each.name
        for each in columns
        if each.is_number and each.name != arm and _OUTCOME.search(each.name)
    ]
    if not found:
        numbers = ", ".join(each.name for each in columns if each.is_number and each.name != arm)
        raise InputError(
            "cannot tell which columns are outcomes", do=f"name them with --outcome: {numbers}"
        )
    return tuple(found)


def _is_unit(column: Column) -> bool:
    return column.distinct == column.rows > 1 and _UNIT.search(column.name) is not None


def _rows_as_units(columns: Sequence[Column]) -> str:
    """Why rows are counted; a column that was nearly the unit's id is named."""
    near = [
        each
        for each in columns
        if _UNIT.search(each.name) and _NEARLY * each.rows <= each.distinct < each.rows
    ]
    if near:
        return f"rows are counted, though {near[0].name!r} looks like an id: {_repeated(near[0])}"
    return "rows are counted as units; --unit names the column of their ids"


def _repeated(column: Column) -> str:
    return f"it has {column.distinct:,} different values in {column.rows:,} rows, so some repeat"


def _weights(arm: Column, reference: str) -> dict[str, int]:
    """Counts as small whole weights: equal where they are within a tenth, else rounded."""
    fewest = min(arm.values.values())
    names = (reference, *(name for name in arm.values if name != reference))
    equal = max(arm.values.values()) <= 1.1 * fewest
    return {name: 1 if equal else round(arm.values[name] / fewest) for name in names}
