"""Amounts in words, so that a slipped decimal point is heard: "five hundred thousand euros"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any, Final

from apologylab.design.findings import at
from apologylab.design.money import Money, exponent

_SMALL: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ("", "thousand", "million", "billion", "trillion")
_NAMES: Mapping[str, tuple[str, str, str, str]] = MappingProxyType(
    {
        "AUD": ("Australian dollar", "Australian dollars", "cent", "cents"),
        "CAD": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
        "CHF": ("Swiss franc", "Swiss francs", "rappen", "rappen"),
        "CZK": ("Czech koruna", "Czech korunas", "haler", "halers"),
        "DKK": ("Danish krone", "Danish kroner", "ore", "ore"),
        "EUR": ("euro", "euros", "cent", "cents"),
        "GBP": ("pound sterling", "pounds sterling", "penny", "pence"),
        "INR": ("Indian rupee", "Indian rupees", "paisa", "paise"),
        "JPY": ("Japanese yen", "Japanese yen", "sen", "sen"),
        "KRW": ("South Korean won", "South Korean won", "jeon", "jeon"),
        "NOK": ("Norwegian krone", "Norwegian kroner", "ore", "ore"),
        "PLN": ("Polish zloty", "Polish zlotys", "grosz", "groszy"),
        "SEK": ("Swedish krona", "Swedish kronor", "ore", "ore"),
        "USD": ("US dollar", "US dollars", "cent", "cents"),
    }
)


def number_in_words(number: int) -> str:
    """A whole number from 0 to below a thousand million million, in English.

    >>> number_in_words(600_000), number_in_words(1_021)
    ('six hundred thousand', 'one thousand and twenty-one')
    """
    if number == 0:
        return _SMALL[0]
    words: list[str] = []
    for place in reversed(range(len(_SCALES))):
        group = number // 1_000**place % 1_000
        if group:
            words.append(_joined(group, bare=place == 0 and bool(words)))
            words.append(_SCALES[place])
    return " ".join(word for word in words if word)


def _joined(group: int, *, bare: bool) -> str:
    """A number below 1,000; ``bare`` when larger groups stand before it."""
    hundreds, rest = divmod(group, 100)
    head = f"{_SMALL[hundreds]} hundred" if hundreds else ""
    if not rest:
        return head
    link = " and " if head else "and " if bare else ""
    return f"{head}{link}{_below_hundred(rest)}"


def _below_hundred(number: int) -> str:
    if number < len(_SMALL):
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else "")


def money_in_words(money: Money) -> str:
    """An amount in words, its minor units too.

    >>> money_in_words(Money.parse("5.00 USD")), money_in_words(Money.parse("1.01 EUR"))
    ('five US dollars', 'one euro and one cent')
    >>> money_in_words(Money.parse("0.002 USD", fine=True))
    'zero point two cents (USD)'
    """
    one, many, _, _ = _NAMES.get(money.currency, (money.currency,) * 4)
    if money.scale > exponent(money.currency):
        return _fine(money)
    whole, part = divmod(money.minor, 10**money.scale)
    said = f"{number_in_words(whole)} {one if whole == 1 else many}"
    if not part:
        return said
    small = f"{number_in_words(part)} {_minor_unit(money, part)}"
    return f"{said} and {small}" if whole else f"{small} ({money.currency})"


def _minor_unit(money: Money, count: int) -> str:
    names = _NAMES.get(money.currency)
    if names is None or money.scale != 2:
        return f"{10**money.scale}ths of {money.currency}"
    one, many = names[2:]
    return one if count == 1 else many


def _fine(money: Money) -> str:
    """An amount finer than the minor unit, digit by digit after the point."""
    text = f"{money.amount.scaleb(exponent(money.currency)).normalize():f}"
    whole, _, part = text.partition(".")
    digits = "".join(f" {_SMALL[int(digit)]}" for digit in part)
    said = number_in_words(int(whole)) + (f" point{digits}" if part else "")
    unit = _NAMES.get(money.currency, ("", "", "", "minor units"))[3]
    return f"{said} {unit} ({money.currency})"


def amounts(value: Any, *path: str | int) -> Iterator[tuple[str, Money]]:
    """Every amount in an experiment, or in a part of it, with its path."""
    if isinstance(value, Money):
        yield at(*path), value
    elif is_dataclass(value):
        for each in fields(value):
            yield from amounts(getattr(value, each.name), *path, each.name)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from amounts(each, *path, key)
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from amounts(each, *path, place)
