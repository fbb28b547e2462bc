"""Derived columns in SQL, as :mod:`apologylab.inference.derived` defines them."""

from __future__ import annotations

from math import isinf

from apologylab.inference.derived import Capped, Derived, Linear, Product, Within
from apologylab.warehouse.sql import double, identifier


def derived_sql(derived: Derived) -> str:
    """The SQL of a derived column; NULL and NaN stay missing.

    >>> derived_sql(Linear(terms=()))
    '0.0000000000000000e+00'
    """
    match derived:
        case Capped():
            return _capped(_number(derived.of), derived.low, derived.high)
        case Within():
            x = _number(derived.of)
            bounds = [f"{x} >= {double(derived.low)}"] if not isinf(derived.low) else []
            bounds += [f"{x} < {double(derived.high)}"] if not isinf(derived.high) else []
            inside = " AND ".join(bounds) or f"{x} IS NOT NULL"
            return f"CASE WHEN isnan({x}) THEN NULL ELSE CAST({inside} AS DOUBLE) END"
        case Linear():
            terms = [f"{double(weight)} * {_number(name)}" for name, weight in derived.terms]
            return " + ".join([double(derived.constant), *terms])
        case Product():
            factors = [
                f"({_number(name)} - {double(shift)})"
                for name, shift, power in derived.factors
                for _ in range(power)
            ]
            return " * ".join(factors) or "1.0::DOUBLE"


def _capped(x: str, low: float, high: float) -> str:
    """greatest() and least() order NaN above everything, so it is kept out of them."""
    capped = x if isinf(low) else f"greatest({x}, {double(low)})"
    capped = capped if isinf(high) else f"least({capped}, {double(high)})"
    return f"CASE WHEN {x} IS NOT NULL AND NOT isnan({x}) THEN {capped} END"


def _number(name: str) -> str:
    return f"CAST({identifier(name)} AS DOUBLE)"
