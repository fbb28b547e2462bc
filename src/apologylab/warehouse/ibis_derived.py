"""Derived columns as Ibis expressions, as :mod:`apologylab.inference.derived` defines them."""

from __future__ import annotations

from math import inf
from typing import Any

from apologylab.inference.derived import Capped, Derived, Linear, Product, Within
from apologylab.warehouse.engines import exactly


def derived_column(lib: Any, derived: Derived, table: Any) -> Any:
    """The column; NULL where a part is."""
    match derived:
        case Capped():
            return _capped(lib, table[derived.of], derived.low, derived.high)
        case Within():
            return _within(lib, table[derived.of], derived.low, derived.high)
        case Linear():
            total = exactly(derived.constant)
            for name, weight in derived.terms:
                total = total + table[name] * exactly(weight)
            return total
        case Product():
            made = exactly(1.0)
            for name, shift, power in derived.factors:
                for _ in range(power):
                    made = made * (table[name] - exactly(shift))
            return made


def _capped(lib: Any, x: Any, low: float, high: float) -> Any:
    capped = x if low == -inf else lib.ifelse(x < exactly(low), exactly(low), x)
    return capped if high == inf else lib.ifelse(capped > exactly(high), exactly(high), capped)


def _within(lib: Any, x: Any, low: float, high: float) -> Any:
    inside = x.notnull()
    inside = inside if low == -inf else inside & (x >= exactly(low))
    inside = inside if high == inf else inside & (x < exactly(high))
    known = lib.ifelse(inside, exactly(1.0), exactly(0.0))
    return lib.ifelse(x.isnull(), lib.null("float64"), known)
