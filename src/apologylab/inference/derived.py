"""Derived columns: what is made of a panel's columns row by row, the same on every engine.

A missing value in any part makes the result missing.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.moments import Floats


@dataclass(frozen=True, kw_only=True)
class Capped:
    """min(max(x, low), high)."""

    of: str
    low: float = float("-inf")
    high: float = float("inf")


@dataclass(frozen=True, kw_only=True)
class Within:
    """1 where low <= x < high, else 0."""

    of: str
    low: float = float("-inf")
    high: float = float("inf")


@dataclass(frozen=True, kw_only=True)
class Linear:
    """constant + the sum of weight * x over ``terms`` of (column, weight)."""

    terms: tuple[tuple[str, float], ...]
    constant: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Product:
    """The product of (x - shift)^power over ``factors`` of (column, shift, power)."""

    factors: tuple[tuple[str, float, int], ...]


Derived = Capped | Within | Linear | Product


def parts(derived: Derived) -> tuple[str, ...]:
    """The columns that it is made of.

    >>> parts(Product(factors=(("x", 0.0, 2), ("y", 1.0, 1))))
    ('x', 'y')
    """
    match derived:
        case Capped() | Within():
            return (derived.of,)
        case Linear():
            return tuple(name for name, _ in derived.terms)
        case Product():
            return tuple(name for name, _, _ in derived.factors)


def refuse_derived(name: str, derived: Derived, columns: Container[str]) -> None:
    """Refuse a derived column that has a taken name or an unknown part.

    Raises:
        InputError: it has.
    """
    if name in columns:
        raise InputError(f"column {name!r} is there already", do="give what is derived a new name")
    if unknown := [part for part in parts(derived) if part not in columns]:
        raise InputError(
            f"{name!r} is made of {unknown[0]!r}, which is no column", do="name one of the panel's"
        )


def computed(derived: Derived, columns: Mapping[str, Floats]) -> Floats:
    """The column itself, (n,), from ``columns`` of (n,).

    >>> computed(Within(of="x", low=1.0), {"x": np.array([0.0, 2.0, np.nan])}).tolist()
    [0.0, 1.0, nan]
    """
    match derived:
        case Capped():
            return np.clip(columns[derived.of], derived.low, derived.high)
        case Within():
            x = columns[derived.of]
            inside = (x >= derived.low) & (x < derived.high)
            return np.where(np.isnan(x), np.nan, inside.astype(np.float64))
        case Linear():
            total = sum(weight * columns[name] for name, weight in derived.terms)
            return np.asarray(derived.constant + total, dtype=np.float64)
        case Product():
            made: Floats = np.ones(())
            for name, shift, power in derived.factors:
                made = made * (columns[name] - shift) ** power
            return np.asarray(made, dtype=np.float64)
