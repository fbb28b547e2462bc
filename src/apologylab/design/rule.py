"""The decision rule, as it is written before launch: ``lower(value_vs_reference) > 0`` (R34).

Its subject is the net value per affected customer *as a difference from the reference*, and it
speaks of the lower end of the plan's simultaneous interval. A rule on a level compares an arm with
nothing: where customers spend anything at all it ships every arm. A rule on the point alone ships
half of all arms that change nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from apologylab.design.money import Money
from apologylab.errors import InputError

GRAMMAR = "lower(value_vs_reference) > 0"
_SUBJECT = r"\s*(?P<subject>[a-z_]+|[a-z_]+\(\s*[a-z_]*\s*\))\s*"
_RULE = re.compile(rf"{_SUBJECT}(?P<sign>[<>]=?|=)\s*(?P<threshold>\S.*?)\s*", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,4})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ShipRule:
    """Ship an arm if the lower end of its interval against the reference is above ``threshold``.

    ``threshold`` is in whole units of money per affected customer; ``currency`` is None where the
    rule names none.
    """

    text: str
    threshold: Decimal
    currency: str | None = None


def parse_rule(text: str) -> ShipRule:
    """Read a rule.

    >>> parse_rule("lower(value_vs_reference) > 0.10 USD").threshold
    Decimal('0.10')

    Raises:
        InputError: it is not ``lower(value_vs_reference) > AMOUNT``; a rule on a level or on a
            point is refused with the reason (R34).
    """
    found = _RULE.fullmatch(text)
    if not found:
        raise InputError(f"{text!r} is not a rule", do=f"write it like {GRAMMAR}")
    _admit_subject(text, re.sub(r"\s", "", found["subject"]))
    if found["sign"] != ">":
        raise InputError(f"{text!r} compares with {found['sign']}", do=f"write {GRAMMAR}")
    threshold, currency = _amount(text, found["threshold"])
    return ShipRule(text=text.strip(), threshold=threshold, currency=currency)


def _admit_subject(text: str, subject: str) -> None:
    if subject == "lower(value_vs_reference)":
        return
    if subject in {"value", "lower(value)", "upper(value)"}:
        raise InputError(
            f"{text!r} compares the level of an arm with a number: customers are worth something "
            "in every arm, the silent one too, so a level above 0 says nothing of the remedy (R34)",
            do=f"compare with the reference: {GRAMMAR}",
        )
    if subject in {"value_vs_reference", "upper(value_vs_reference)"}:
        raise InputError(
            f"{text!r} would ship an arm on a lucky draw: of the arms that change nothing, half "
            "have a point above 0 and nearly all an upper end above 0 (R34)",
            do=f"ask that the whole interval clears the bar: {GRAMMAR}",
        )
    raise InputError(f"{text!r} speaks of {subject!r}", do=f"write it like {GRAMMAR}")


def _amount(text: str, threshold: str) -> tuple[Decimal, str | None]:
    if _NUMBER.fullmatch(threshold):
        return Decimal(threshold), None
    try:
        money = Money.parse(threshold, fine=True)
    except InputError as error:
        raise InputError(
            f"{text!r} compares with {threshold!r}", do='write a number or an amount, "0.10 USD"'
        ) from error
    return money.amount, money.currency
