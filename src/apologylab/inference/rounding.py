"""How many digits a number deserves: what its error supports, and money no more than its currency.

Two digits of the standard error are kept, and a point and the ends of its interval have the same.
"""

from __future__ import annotations

import math
import re

from apologylab.design.money import exponent

_CURRENCY = re.compile(r"([A-Z]{3})(?![A-Za-z])")
MOST = 6


def decimals(std_error: float) -> int:
    """Digits after the point that show two digits of ``std_error``.

    >>> decimals(0.0757), decimals(12.0)
    (3, 0)
    """
    if not 0 < std_error < math.inf:
        return 2
    return max(0, min(MOST, 1 - math.floor(math.log10(std_error))))


def digits(spread: float, unit: str) -> int:
    """Digits after the point of a number in ``unit`` whose standard error is ``spread``.

    Money has at most those of its currency, unless the error is less than its smallest unit.

    >>> digits(0.0757, "USD"), digits(0.0757, "JPY"), digits(31.0, "USD"), digits(0.0008, "USD")
    (2, 3, 0, 5)
    >>> digits(0.0757, "orders")
    3
    """
    found, most = decimals(spread), money_digits(unit)
    return found if most is None or spread < 10**-most else min(found, most)


def money_digits(unit: str) -> int | None:
    """Digits after the point of an amount, if ``unit`` begins with a currency.

    >>> money_digits("KWD per affected customer"), money_digits("share of customers")
    (3, None)
    """
    found = _CURRENCY.match(unit)
    return exponent(found[1]) if found else None


def rounded(value: float, digits: int, *, signed: bool = False) -> str:
    """``value`` with ``digits`` after the point; what rounds to nothing has no sign.

    >>> rounded(0.7698, 2, signed=True), rounded(-0.001, 2), rounded(-1234.5, 0)
    ('+0.77', '0.00', '-1,234')
    """
    text = f"{value:,.{digits}f}"
    if not float(text.replace(",", "")):
        return text.removeprefix("-")
    return f"+{text}" if signed and value > 0 else text
