"""One value of a file, read by the rule of its column: what it means, or why it cannot be it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from apologylab.assignment.units import normalise
from apologylab.design.constraints import NAME
from apologylab.design.money import exponent
from apologylab.errors import InputError
from apologylab.record.columns import Column
from apologylab.record.facts import KINDS

if TYPE_CHECKING:
    from datetime import tzinfo

    from apologylab.design.experiment import NormaliseRule

IDS: Final = frozenset(
    {"key", "customer", "unit", "order", "incident", "assignment", "corrects", "into"}
)
_ONE_OF: Final[Mapping[tuple[str, str], frozenset[str]]] = MappingProxyType(
    {
        ("fault", "by"): frozenset({"company", "third_party", "customer", "unknown"}),
        ("contact", "by"): frozenset({"customer", "company"}),
        ("agent_answer", "did"): frozenset({"said", "changed", "skipped"}),
        ("delivery", "state"): frozenset({"sent", "failed", "suppressed", "in_doubt"}),
        ("correction", "fact"): frozenset(KINDS),
    }
)
_CODES: Final = frozenset({("goodwill", "reason")})
"""Codes of a company's own: words to count by, never prose about somebody."""
_CODE: Final = re.compile(NAME, re.ASCII)
_BOOLEANS: Final = {
    "true": True, "yes": True, "t": True, "y": True, "1": True,
    "false": False, "no": False, "f": False, "n": False, "0": False,
}  # fmt: skip
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DATE_ONLY: Final = re.compile(r"\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d(-?\d)?", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_INTEGER: Final = re.compile(r"-?\d{1,18}", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_LONGEST_TEXT: Final = 4_000
_LONGEST_CODE: Final = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a value cannot be what its column says."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a file leaves unsaid, and the person who hands it in declares.

    ``zone`` is that of times without an offset; ``currency`` that of rows without one; amounts are
    in whole units ("12.34") unless ``minor_units``. ``known_as`` makes pseudonyms of customers' ids
    (R8).
    """

    zone: tzinfo | None = None
    currency: str | None = None
    minor_units: bool = False
    unit_id: NormaliseRule = "nfc"
    known_as: Callable[[str], str] | None = None


def local_time(moment: datetime, zone: tzinfo | None) -> datetime:
    """``moment`` in UTC, its wall clock read in ``zone`` where it has no offset.

    >>> from zoneinfo import ZoneInfo
    >>> str(local_time(datetime(2026, 7, 1, 12), ZoneInfo("Europe/Vilnius")))
    '2026-07-01 09:00:00+00:00'

    Raises:
        InputError: there is no zone, or the clock showed that time never or twice.
    """
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if zone is None:
        raise InputError("has no offset", do="add one (Z, +02:00) or give --time-zone")
    if zone is UTC:
        return moment.replace(tzinfo=UTC)
    aware = moment.replace(tzinfo=zone)
    first, second = aware.utcoffset(), aware.replace(fold=1).utcoffset()
    if first is None or second is None or first == second:
        return aware.astimezone(UTC)
    if first < second:
        raise InputError(f"never was in {zone}: clocks were put forward over it", do="correct it")
    raise InputError(f"was twice in {zone}: clocks were put back", do="write its offset, as +02:00")


def is_money(name: str) -> bool:
    """Whether a column of this name holds amounts of money."""
    return name == "amount" or name.endswith("_amount")


def parser(
    kind: str, column: Column, currency: str, reading: Reading
) -> Callable[[object], object]:
    """The rule that reads one column; ``currency`` matters to amounts only."""
    if column.name in IDS:
        return _guarded(column, partial(_identifier, rule=reading.unit_id))
    if column.name == "currency":
        return _guarded(column, _currency)
    if (kind, column.name) in _CODES:
        return _guarded(column, _code)
    if is_money(column.name):
        return _guarded(column, partial(_amount, currency=currency, reading=reading))
    rules: dict[str, Callable[[Any], object]] = {
        "text": partial(_text, one_of=_ONE_OF.get((kind, column.name))),
        "integer": _integer,
        "real": _real,
        "boolean": _boolean,
        "time": partial(_time, zone=reading.zone),
    }
    return _guarded(column, rules[column.type])


def _guarded(column: Column, rule: Callable[[Any], object]) -> Callable[[object], object]:
    """``rule``, with emptiness settled before and its refusals as problems."""
    missing = Problem(f"{column.name} is empty") if column.required else column.default

    def parse(value: object) -> object:
        if value is None or value == "":
            return missing
        try:
            return rule(value)
        except InputError as refused:
            return Problem(f"{column.name} {refused}")

    return parse


def _identifier(value: Any, rule: NormaliseRule) -> str:
    """An id by R8; a whole number is taken as its digits."""
    text = str(value) if type(value) is int else value
    try:
        return normalise(text, rule)
    except InputError as refused:
        raise InputError(f"is no id: {refused}") from None


def _text(value: object, one_of: frozenset[str] | None) -> str:
    if not isinstance(value, str):
        raise InputError(f"is {_shown(value)}", do="write a text")
    if one_of and value not in one_of:
        raise InputError(f"is {_shown(value)}", do=f"write one of {', '.join(sorted(one_of))}")
    if len(value) > _LONGEST_TEXT:
        raise InputError(f"has {len(value)} characters", do=f"write at most {_LONGEST_TEXT}")
    if bad := _CONTROL.search(value):
        raise InputError(
            f"holds U+{ord(bad[0]):04X} at character {bad.start() + 1}", do="clean the text"
        )
    return value


def _code(value: object) -> str:
    if not (isinstance(value, str) and len(value) <= _LONGEST_CODE and _CODE.fullmatch(value)):
        raise InputError(f"is {_shown(value)}", do="write a code, like late_again")
    return value


def _currency(value: object) -> str:
    if not (isinstance(value, str) and _CURRENCY.fullmatch(value)):
        raise InputError(f"is {_shown(value)}", do="write its ISO 4217 code, like EUR")
    return value


def _amount(value: object, currency: str, reading: Reading) -> int:
    """Minor units of ``currency``, from "12.34" or, with ``minor_units``, from "1234"."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise InputError(f"is {_shown(value)}", do='write an amount like "12.34"')
    text = value.strip() if isinstance(value, str) else f"{Decimal(str(value)):f}"
    if not _DECIMAL.fullmatch(text):
        raise InputError(
            f"is {_shown(value)}", do="write digits and a point, like 12.34, and nothing else"
        )
    whole, _, part = text.partition(".")
    digits = 0 if reading.minor_units else exponent(currency)
    if len(part.rstrip("0")) > digits:
        what = "minor units are whole" if reading.minor_units else f"{currency} has {digits}"
        raise InputError(f"is {_shown(value)}, with too many decimals", do=what)
    if text.startswith("-"):
        raise InputError(f"is {_shown(value)}, below 0", do="record what was returned or corrected")
    return int(whole + part[:digits].ljust(digits, "0"))


def _integer(value: object) -> int:
    if type(value) is int and abs(value) < 10**18:
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise InputError(f"is {_shown(value)}", do="write a whole number")


def _real(value: object) -> float:
    if not isinstance(value, bool) and isinstance(value, str | int | float | Decimal):
        try:
            number = float(Decimal(value))
        except (InvalidOperation, ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise InputError(f"is {_shown(value)}", do="write a number with a point, or leave it empty")


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    found = _BOOLEANS.get(str(value).lower()) if isinstance(value, str | int) else None
    if found is None:
        raise InputError(f"is {_shown(value)}", do="write true or false")
    return found


def _time(value: object, zone: tzinfo | None) -> datetime:
    """An aware time in UTC; a date alone is refused: it could lie on either side of a window."""
    if isinstance(value, str):
        if _DATE_ONLY.fullmatch(value):
            raise InputError(f"is {_shown(value)}, without a time of day", do="add it, as T14:30")
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise InputError(
                f"is {_shown(value)}", do="write it like 2026-05-01T14:30:00+02:00"
            ) from None
    if not isinstance(value, datetime):
        raise InputError(f"is {_shown(value)}", do="write a time like 2026-05-01T14:30:00+02:00")
    try:
        return local_time(value, zone)
    except OverflowError:
        raise InputError(f"is {value.isoformat()}, out of range", do="correct it") from None
    except InputError as refused:
        raise InputError(f"{value.isoformat()} {refused}") from None


def _shown(value: object) -> str:
    text = json.dumps(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:56]}...{text[-1]}"


def as_object(value: object) -> dict[str, object] | Problem:
    """A mapping, from a JSON object or its text; empty from nothing."""
    if value in (None, ""):
        return {}
    try:
        found = json.loads(value, parse_constant=_no_constant) if isinstance(value, str) else value
    except ValueError:
        found = None
    if isinstance(found, dict) and all(isinstance(name, str) for name in found):
        return found
    return Problem(f"fields is {_shown(value)}: write a JSON object, or columns fields.NAME")


def storable(found: dict[str, object]) -> dict[str, object] | Problem:
    """``found``, or a problem if it holds what no store can: a NUL, infinity, a time and the like.

    >>> storable({"rate": float("1e400")})
    Problem(reason='fields holds a value that cannot be stored: give texts and finite numbers')
    """
    try:
        text = json.dumps(found, ensure_ascii=False, allow_nan=False)
        is_strange = "\\u0000" in text or not text.encode()
    except (TypeError, ValueError, RecursionError):
        is_strange = True
    if is_strange:
        return Problem("fields holds a value that cannot be stored: give texts and finite numbers")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(name)


def as_scalar(value: object) -> object:
    """The text of a CSV cell as JSON would have it: a number, true, false, or the text."""
    if not isinstance(value, str):
        return value
    if value in ("true", "false"):
        return value == "true"
    if _DECIMAL.fullmatch(value) and not re.match(r"-?0\d", value):
        return float(value) if "." in value else int(value)
    return value
