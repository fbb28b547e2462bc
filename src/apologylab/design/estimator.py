"""How an estimator is asked for: ``name`` or ``name(option=value, ...)``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from apologylab.errors import InputError

_CALL = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(?:\((.*)\))?\s*", re.DOTALL)
_PAIR = re.compile(r"\s*([a-z][a-z0-9_]*)\s*=\s*([^,()=]+?(?:\([^()]*\))?)\s*")
_BETWEEN = re.compile(r",(?![^(]*\))")
"""A comma outside of inner brackets."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of an estimator.

    Attributes:
        about: what it does, for help and errors.
        default: used where it is not given; None makes the option one that must be given.
        number: whether it is a number in [low, high]; else it is one of ``words``, or any name.
        column: whether it names a column of the panel beside outcomes and covariates.
        estimator: whether it is another estimator's text.
    """

    about: str
    default: str | float | None = None
    number: bool = False
    low: float = float("-inf")
    high: float = float("inf")
    words: tuple[str, ...] = ()
    column: bool = False
    estimator: bool = False


@dataclass(frozen=True, kw_only=True)
class Estimator:
    """A name, one line on what it answers, its options, and where it may be used.

    Attributes:
        name: one word.
        about: what it answers, for help and the reference page.
        options: name -> option.
        schemes: how units may have been drawn for its errors to hold (R3, R27).
        covariates: whether it needs covariates of the plan.
        reads: what else of a declaration it needs: times, subgroups or weeks.
        decides: whether it gives arm means of the outcome itself, which a decision may read.
        propensities: whether it weighs units by the propensities that were planned.
    """

    name: str
    about: str
    options: Mapping[str, Option] = field(default_factory=dict)
    schemes: tuple[str, ...] = ("independent", "minimisation")
    covariates: bool = False
    reads: str = ""
    decides: bool = False
    propensities: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An estimator as it was asked for: ``text`` in its shortest spelling, all options filled."""

    text: str
    name: str
    options: Mapping[str, str | float]

    def number(self, option: str) -> float:
        """The value of an option that is a number."""
        value = self.options[option]
        assert isinstance(value, float)
        return value

    def word(self, option: str) -> str:
        """The value of an option that is a word or a name."""
        return str(self.options[option])


def parse_estimator(text: str, known: Mapping[str, Estimator]) -> Asked:
    """Read ``name`` or ``name(option=value, ...)``.

    Raises:
        InputError: there is no such estimator or option, or a value it cannot have.

    >>> lin = Estimator(name="lin", about="", options={"errors": Option(about="", default="HC2")})
    >>> parse_estimator("lin(errors=HC3)", {"lin": lin}).word("errors")
    'HC3'
    """
    call = _CALL.fullmatch(text)
    if call is None:
        raise InputError(
            f"{text!r} is not an estimator", do="write name or name(option=value, option=value)"
        )
    name, inside = call[1], call[2] or ""
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        raise InputError(
            f"there is no estimator {name!r}{f'; near {near[0]!r}' if near else ''}",
            do=f"name one of: {', '.join(known)}",
        )
    given = _given(text, inside)
    options = known[name].options
    if unknown := [key for key in given if key not in options]:
        raise InputError(
            f"{text!r}: {name} has no option {unknown[0]!r}",
            do=f"its options are {', '.join(options)}" if options else "it has none",
        )
    values = {key: _value(text, key, option, given.get(key)) for key, option in options.items()}
    for key in (key for key, option in options.items() if option.estimator):
        values[key] = parse_estimator(str(values[key]), known).text
    said = [
        f"{key}={_plain(values[key])}" for key in options if values[key] != options[key].default
    ]
    return Asked(text=f"{name}({', '.join(said)})" if said else name, name=name, options=values)


def _given(text: str, inside: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in _BETWEEN.split(inside) if inside.strip() else ():
        pair = _PAIR.fullmatch(part)
        if pair is None or pair[1] in given:
            raise InputError(
                f"{text!r}: {part.strip()!r} is not one option", do="write option=value, each once"
            )
        given[pair[1]] = pair[2]
    return given


def _value(text: str, key: str, option: Option, given: str | None) -> str | float:
    value = option.default if given is None else given
    if value is None:
        such = "|".join(option.words) or key.upper()
        raise InputError(
            f"{text!r} lacks {key}",
            do=f"write {text.partition('(')[0]}({key}={such}): {option.about}",
        )
    if not option.number:
        if option.words and value not in option.words:
            raise InputError(
                f"{text!r}: {key} is {value!r}", do=f"it is one of {', '.join(option.words)}"
            )
        return str(value)
    try:
        number = float(value)
    except ValueError:
        raise InputError(f"{text!r}: {key} is {value!r}, no number", do=option.about) from None
    if not option.low <= number <= option.high:
        raise InputError(
            f"{text!r}: {key} is {number:g}", do=f"between {option.low:g} and {option.high:g}"
        )
    return number


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
