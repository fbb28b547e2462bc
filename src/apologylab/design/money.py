"""Amounts of money: integer minor units inside, ``"5.00 USD"`` outside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from apologylab.errors import InputError

# Currencies whose minor unit is not a hundredth (ISO 4217, list one). All others have two digits.
_EXPONENTS = {
    "BHD": 3, "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0,
    "KMF": 0, "KRW": 0, "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0,
    "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}  # fmt: skip
_WRITTEN = re.compile(r"(-?)(\d{1,15})(?:\.(\d{1,4}))? ([A-Z]{3})", re.ASCII)


def exponent(currency: str) -> int:
    """Digits after the point in ``currency``.

    >>> exponent("USD"), exponent("JPY"), exponent("KWD")
    (2, 0, 3)
    """
    return _EXPONENTS.get(currency, 2)


def other_exponents(digits: int) -> tuple[str, ...]:
    """Currencies that have ``digits`` after the point, where that is not two.

    >>> "JPY" in other_exponents(0), "KWD" in other_exponents(3)
    (True, True)
    """
    return tuple(currency for currency, found in _EXPONENTS.items() if found == digits)


@dataclass(frozen=True, order=False)
class Money:
    """``minor`` units of ``currency``: ``Money(500, "USD")`` is five dollars.

    A price per message may be finer than the currency's minor unit (``"0.002 USD"``); such a value
    carries its ``scale``, the number of decimal digits that ``minor`` counts.

    >>> Money.parse("5.00 USD")
    Money(minor=500, currency='USD', scale=2)
    >>> str(Money.parse("1000 JPY"))
    '1000 JPY'
    """

    minor: int
    currency: str
    scale: int = -1

    def __post_init__(self) -> None:
        if self.scale < 0:
            object.__setattr__(self, "scale", exponent(self.currency))

    @classmethod
    def parse(cls, text: str, *, fine: bool = False) -> Money:
        """Read ``"5.00 USD"``; ``fine`` admits more digits than the currency has.

        Raises:
            InputError: the text is not an amount, or has digits the currency lacks.
        """
        found = _WRITTEN.fullmatch(text)
        if not found:
            raise InputError(f"{text!r} is not an amount", do='write it like "5.00 USD"')
        sign, whole, part, currency = found.groups(default="")
        digits = exponent(currency)
        if len(part) > digits and not fine:
            raise InputError(
                f"{text!r} has {len(part)} decimals", do=f"{currency} has {digits}: write so many"
            )
        scale = max(digits, len(part))
        return cls(int(f"{sign}{whole}{part.ljust(scale, '0')}"), currency, scale)

    @property
    def amount(self) -> Decimal:
        """The amount in whole units of the currency."""
        return Decimal(self.minor).scaleb(-self.scale)

    def __float__(self) -> float:
        return float(self.amount)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"
