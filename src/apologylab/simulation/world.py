"""``World``: every number that a simulated truth is made of, each with its source (R39)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ASSUMPTION = "assumption"
"""The source of a number that nobody has published."""
EFFECT = "effect."
"""Prefix of the rows that hold the effect of a factor level, ``effect.usd5``."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number of a world: a published figure has its source, any other is an assumption."""

    name: str
    value: float
    unit: str
    source: str
    note: str


@dataclass(frozen=True, kw_only=True)
class World:
    """The truth about riders, orders, remedies and what follows from them.

    Shares are in 0..1, amounts in whole units of ``currency``. ``effects`` is the relative change
    of the rate of orders by factor level, averaged over 84 days; a level not named does nothing.
    Units do not interfere: nothing about a unit depends on another unit's arm.
    """

    name: str
    currency: str
    table: tuple[Row, ...]
    effects: Mapping[str, float]
    orders_84d: float
    rate_shape: float
    basket_mean: float
    basket_cv: float
    tenure_days: float
    lapse_share: float
    harm: float
    worst_share: float
    worst_lost: float
    late_mean: float
    second_late_84d: float
    broken_promise: float
    effect_half_life: float
    abroad_share: float
    refunded_share: float
    abuse_share: float
    no_consent_share: float
    unreachable_share: float
    redeem_share: float
    contacts_28d: float
    contact_delay: float
    words_spare_contacts: float
    goodwill_share: float
    goodwill_amount: float


def from_table(name: str, currency: str, table: Sequence[Row]) -> World:
    """Build a world from its table: one row a field, one row an effect.

    Raises:
        InputError: a row is missing, or is of no use.
    """
    scalars = {row.name: row.value for row in table if not row.name.startswith(EFFECT)}
    wanted = {entry.name for entry in fields(World)} - {"name", "currency", "table", "effects"}
    if scalars.keys() != wanted:
        odd = sorted(scalars.keys() ^ wanted)
        raise InputError(f"world {name}: rows {odd}", do="give each field of World one row")
    effects = {
        row.name.removeprefix(EFFECT): row.value for row in table if row.name.startswith(EFFECT)
    }
    return World(name=name, currency=currency, table=tuple(table), effects=effects, **scalars)
