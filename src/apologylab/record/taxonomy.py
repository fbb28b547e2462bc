"""What went wrong, in words that every incident and complaint of a company shares.

An incident's ``kind`` is the order system's own word (``late_ride``); its *cause* is one of the
taxonomy (``waiting``), by which unlike incidents are reported together. A company adds causes, and
says which of its kinds of incident are of which cause, under ``[taxonomy]`` in ``apologylab.toml``.

The standard fields of an incident stand in its ``fields``; a complaint has columns for most.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from apologylab.design.money import exponent
from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

CAUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rudeness": "somebody was rude, or did not listen",
        "waiting": "it took too long, or had to be asked for again and again",
        "insincerity": "the customer felt misled, pressed or fobbed off",
        "quality": "what was delivered was broken, wrong or poor",
        "billing": "the wrong amount, or charged twice or too late",
        "availability": "it was down, sold out, or could not be had",
        "policy": "a rule stood in the way of what would have been right",
        "access": "the customer could not get in, be heard or understand",
    }
)
"""The causes that every company has: name -> what it means."""
ASKED_FOR: Final = (
    "apology", "explanation", "repair", "replacement", "refund", "compensation", "change",
    "to_be_heard", "nothing",
)  # fmt: skip
"""What customers ask for; ``change``: that it be done otherwise in future."""
OURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "broken_promise": "insincerity",
        "late_ride": "waiting", "late_delivery": "waiting", "long_wait": "waiting",
        "wrong_or_damaged_item": "quality", "outage": "availability", "billing_error": "billing",
        "rude_service": "rudeness",
    }
)  # fmt: skip
"""Kinds that apologylab records or has words for -> their cause, if no other claims them."""
OTHER: Final = "other"
"""The cause of an incident whose kind no cause claims."""
OPENED: Final = "complaint/"
"""How the key of an incident begins that a complaint opened; the complaint's key follows."""
SOURCES: Final = ("operations", "complaint")
EFFORTS: Final = range(1, 8)
"""The customer effort score: from 1, very easy, to 7, very hard."""
CAUSE_KIND: Final = "cause_kind"
STANDARD: Final = (
    CAUSE_KIND, "department", "aware", "lost_amount", "lost_minutes", "effort", "asked_for",
    "escalations", "told", "source",
)  # fmt: skip
"""The standard fields of an incident."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_SUM: Final = re.compile(r"(\d{1,12}(?:\.\d{1,4})?)(?: ([A-Z]{3}))?", re.ASCII)
_LONGEST: Final = 120
"""Characters of a text in ``fields``: what customers wrote has no place in a fact (R21)."""
_MOST: Final = 10**9


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One cause: what it means, which kinds of incident are of it, and what a complaint opens."""

    about: str = ""
    incidents: tuple[str, ...] = ()
    opens: str | None = None


@dataclass(frozen=True, kw_only=True)
class Taxonomy:
    """A company's causes and departments.

    ``match_days``: a complaint and an incident that name one order are one, if no more than so
    many days apart.

    Raises:
        InputError: two causes claim one kind of incident, or a name cannot be one.
    """

    causes: Mapping[str, Cause] = field(default_factory=dict)
    departments: tuple[str, ...] = ()
    asked_for: tuple[str, ...] = ()
    match_days: int = 14

    def __post_init__(self) -> None:
        for name in (*self.causes, *self.asked_for):
            if not _NAME.fullmatch(name) or name == OTHER:
                raise InputError(
                    f"taxonomy: {name!r} cannot be a name", do="write small letters, like waiting"
                )
        claimed: dict[str, str] = {}
        for name, cause in self.causes.items():
            for kind in cause.incidents:
                if claimed.setdefault(kind, name) != name:
                    raise InputError(
                        f"taxonomy: {kind} is of {claimed[kind]} and of {name}", do="keep one"
                    )
        if not 1 <= self.match_days <= 365:
            raise InputError(f"taxonomy: match_days is {self.match_days}", do="write 1 to 365 days")

    @property
    def names(self) -> tuple[str, ...]:
        """All causes, the company's own last."""
        return tuple(dict.fromkeys((*CAUSES, *self.causes)))

    @property
    def window(self) -> timedelta:
        """How far apart what is said of one order may be."""
        return timedelta(days=self.match_days)

    def cause(self, kind: str, stated: object = None) -> str:
        """The cause of an incident of ``kind``; ``stated`` is its own field, if it has one.

        >>> company = Taxonomy(causes={"waiting": Cause(incidents=("late_ride",))})
        >>> company.cause("late_ride"), company.cause("billing"), company.cause("meteor")
        ('waiting', 'billing', 'other')
        >>> company.cause("broken_promise"), Taxonomy().cause("rude_service")
        ('insincerity', 'rudeness')
        """
        if isinstance(stated, str) and stated in self.names:
            return stated
        for name, cause in self.causes.items():
            if kind in cause.incidents or kind == cause.opens:
                return name
        return kind if kind in self.names else OURS.get(kind, OTHER)

    def opens(self, cause: str) -> str:
        """The kind of incident that a complaint of ``cause`` opens where it names none.

        >>> Taxonomy(causes={"waiting": Cause(opens="late_ride")}).opens("waiting")
        'late_ride'
        >>> Taxonomy().opens("billing")
        'billing'
        """
        declared = self.causes.get(cause, Cause())
        return declared.opens or (declared.incidents[0] if len(declared.incidents) == 1 else cause)

    def asked(self) -> tuple[str, ...]:
        """What a customer may have asked for."""
        return tuple(dict.fromkeys((*ASKED_FOR, *self.asked_for)))

    def wrong(self, fields: Mapping[str, object], *, currency: str) -> list[str]:
        """Why standard fields of an incident cannot be what they say; empty if all can.

        >>> Taxonomy().wrong({"cause_kind": "late", "told": 0}, currency="EUR")[1]
        'fields.told is 0: write a whole number from 1'
        """
        rules = self._rules(currency)
        return [
            f"fields.{name} is {_shown(value)}: {why}"
            for name, rule in rules.items()
            if (value := fields.get(name)) is not None and (why := rule(value))
        ]

    def _rules(self, currency: str) -> Mapping[str, Callable[[object], str]]:
        """Standard field -> what is to be written instead of a value that it cannot have."""
        return {
            CAUSE_KIND: _one_of(self.names),
            "department": _one_of(self.departments) if self.departments else _line,
            "aware": lambda value: "" if isinstance(value, bool) else "write true or false",
            "lost_amount": lambda value: _amount(value, currency),
            "lost_minutes": _whole(0),
            "effort": lambda value: (
                "" if type(value) is int and value in EFFORTS else "write 1 (easy) to 7 (hard)"
            ),
            "asked_for": _one_of(self.asked()),
            "escalations": _whole(0),
            "told": _whole(1),
            "source": _one_of(SOURCES),
        }

    def wrong_complaint(self, said: Mapping[str, object]) -> list[str]:
        """Why a complaint's columns cannot be what they say; empty if all can."""
        checks = {
            "kind": _one_of(self.names),
            "department": _one_of(self.departments) if self.departments else _line,
            "asked_for": _one_of(self.asked()),
            "told": _whole(1),
            "lost_minutes": _whole(0),
        }
        found = [
            f"{name} is {_shown(value)}: {why}"
            for name, rule in checks.items()
            if (value := said.get(name)) is not None and (why := rule(value))
        ]
        fields = said.get("fields")
        return found + (_too_long(fields) if isinstance(fields, Mapping) else [])


def _too_long(fields: Mapping[str, object]) -> list[str]:
    return [
        f"fields.{name} has {len(value)} characters: keep what the customer wrote out of facts"
        for name, value in fields.items()
        if isinstance(value, str) and len(value) > _LONGEST
    ]


def _one_of(names: Iterable[str]) -> Callable[[object], str]:
    known = tuple(names)
    return lambda value: "" if value in known else f"write one of {', '.join(known)}"


def _line(value: object) -> str:
    is_line = isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()
    return "" if is_line else f"write a name of at most {_LONGEST} characters"


def _whole(least: int) -> Callable[[object], str]:
    def rule(value: object) -> str:
        is_one = type(value) is int and least <= value < _MOST
        return "" if is_one else f"write a whole number from {least}"

    return rule


def _amount(value: object, currency: str) -> str:
    """An amount in whole units: a number of the project's currency, or a text with its own."""
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return 'write an amount like 12.50 or "12.50 EUR"'
    found = _SUM.fullmatch(f"{value}")
    if found is None:
        return 'write an amount from 0, like 12.50 or "12.50 EUR"'
    decimals = len(found[1].partition(".")[2].rstrip("0"))
    own = found[2] or currency
    try:
        most = exponent(own)
    except InputError as refused:
        return str(refused)
    return "" if decimals <= most else f"{own} has {most} decimals"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}...{text[-1]}"
