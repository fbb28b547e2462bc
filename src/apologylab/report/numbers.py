"""Numbers as people read them: two digits of the standard error, a true minus, a unit."""

from __future__ import annotations

import math

from apologylab.inference.sentence import is_share

MINUS = "−"


def decimals(std_error: float) -> int:
    """Digits after the point that show two digits of ``std_error``.

    >>> decimals(0.0757), decimals(12.0)
    (3, 0)
    """
    return max(0, min(6, 1 - math.floor(math.log10(std_error))))


def signed(value: float, digits: int) -> str:
    """A difference, with its sign.

    >>> signed(-0.05545, 3)
    '−0.055'
    """
    text = f"{abs(value):,.{digits}f}"
    sign = "" if not float(text.replace(",", "")) else "+" if value > 0 else MINUS
    return sign + text


def effect(value: float, std_error: float, unit: str) -> str:
    """An effect without its unit, in percentage points if it is a share.

    >>> effect(0.0766, 0.0034, "share")
    '+7.66'
    """
    times = 100 if is_share(unit) else 1
    return signed(value * times, decimals(std_error * times))


def level(value: float, std_error: float, unit: str) -> str:
    """A mean or a size, with its unit.

    >>> level(0.10617, 0.0021, "share")
    '10.62%'
    """
    if is_share(unit):
        return f"{value * 100:,.{decimals(std_error * 100)}f}%"
    return f"{value:,.{decimals(std_error)}f} {unit}"


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
