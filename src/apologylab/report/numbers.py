"""Numbers as people read them: what their error supports, a true minus, a unit."""

from __future__ import annotations

from apologylab.inference.rounding import digits, money_digits, rounded
from apologylab.inference.sentence import is_share

MINUS = "−"


def signed(value: float, shown: int) -> str:
    """A difference, with its sign and ``shown`` digits after the point.

    >>> signed(-0.05545, 3)
    '−0.055'
    """
    return rounded(value, shown, signed=True).replace("-", MINUS)


def effect(value: float, std_error: float, unit: str) -> str:
    """An effect without its unit, in percentage points if it is a share.

    >>> effect(0.0766, 0.0034, "share")
    '+7.66'
    """
    times = 100 if is_share(unit) else 1
    return signed(value * times, digits(std_error * times, unit))


def level(value: float, std_error: float, unit: str) -> str:
    """A mean or a size, with its unit.

    >>> level(0.10617, 0.0021, "share")
    '10.62%'
    """
    if is_share(unit):
        return f"{value * 100:,.{digits(std_error * 100, unit)}f}%"
    return f"{rounded(value, digits(std_error, unit))} {unit}"


def unit_of_effect(unit: str) -> str:
    """What an effect is counted in.

    >>> unit_of_effect("share")
    'percentage points'
    """
    return "percentage points" if is_share(unit) else unit


def tick(value: float) -> str:
    """A number on an axis.

    >>> tick(-0.5)
    '−0.5'
    """
    return f"{value:g}".replace("-", MINUS)


def plain(value: float | None) -> str:
    """A number with three significant digits; a dash where there is none.

    >>> plain(0.0031), plain(None)
    ('0.0031', '–')
    """
    return "–" if value is None else f"{value:.3g}".replace("-", MINUS)


def money(value: float | None, unit: str) -> str:
    """An amount that nobody has an error of, to the digits of its currency.

    >>> money(0.51514, "USD per affected customer"), money(12.3, "JPY"), money(None, "USD")
    ('0.52', '12', '–')
    """
    most = money_digits(unit)
    return plain(value) if value is None or most is None else rounded(value, most)


def margin(value: float | None) -> str:
    """A margin at which an arm breaks even; sales bring at most their price.

    >>> margin(0.31), margin(1.79), margin(0.0)
    ('0.31', 'above 1', 'any: it costs nothing')
    """
    if value == 0:
        return "any: it costs nothing"
    return "above 1" if value is not None and value > 1 else plain(value)


def p_text(p: float | None) -> str:
    """A p-value; a tiny one is not written as 0.

    >>> p_text(1e-9), p_text(0.0423), p_text(None)
    ('< 0.0001', '0.042', '–')
    """
    if p is None:
        return "–"
    return (
        "< 0.0001"
        if p < 1e-4
        else f"{p:.4f}"
        if p < 0.01
        else f"{p:.3f}"
        if p < 0.1
        else (f"{p:.2f}")
    )


def count(value: int | None) -> str:
    """A number of units.

    >>> count(200000)
    '200,000'
    """
    return "–" if value is None else f"{value:,}"
