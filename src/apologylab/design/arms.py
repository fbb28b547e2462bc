"""Arms: the cells of the factorial, named by their levels, and silence outside it (R10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Final, Literal, get_args

from apologylab.design.experiment import NONE, SILENCE, TIMING
from apologylab.design.moments import fixed_delay
from apologylab.design.remedies import CHANNEL, SENDER

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

FactorKind = Literal["message", "compensation", "sender", "channel", "timing"]
"""What a factor varies, in the order in which arm names read them."""
CARRIERS: Final = (SENDER, CHANNEL, TIMING)
"""Factors that say and give nothing by themselves: who speaks, through what, and when."""
REST = "*"
"""In a table of weights: every arm not named."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One combination of levels; ``levels`` is empty for silence and for a panel's arms.

    ``delay`` is None where there is no timing, or what it waits for comes when it comes.
    """

    name: str
    levels: Mapping[str, str]
    delay: timedelta | None


def factor_kind(experiment: Experiment, factor: str) -> FactorKind:
    """What a factor varies."""
    if factor in CARRIERS:
        return factor  # type: ignore[return-value]  # their names are their kinds
    given = any(level in experiment.compensation for level in experiment.factors[factor])
    return "compensation" if given else "message"


def arm_name(levels: Mapping[str, str]) -> str:
    """Name of a cell.

    >>> arm_name({"wording": "basic", "coupon": "usd5", "timing": "1h"})
    'basic+usd5@1h'
    """
    said = "+".join(level for factor, level in levels.items() if factor != TIMING)
    return f"{said}@{levels[TIMING]}" if TIMING in levels else said


def arms(experiment: Experiment) -> tuple[Arm, ...]:
    """All arms in order, silence first.

    A panel's arms are those its weights name. A cell with neither message nor compensation is
    silence, once, outside the factorial (R10); without such a cell there is no silence.
    """
    if experiment.panel is not None:
        names = experiment.allocation.weights
        listed = () if isinstance(names, str) else tuple(names)
        return tuple(Arm(name=name, levels={}, delay=None) for name in listed)
    drawn = (
        Arm(name=arm_name(cell), levels=cell, delay=_delay(experiment, cell))
        for cell in cells(experiment)
    )
    silence = (Arm(name=SILENCE, levels={}, delay=None),) if has_silence(experiment) else ()
    return (*silence, *drawn)


def has_silence(experiment: Experiment) -> bool:
    """Whether some cell says and gives nothing."""
    return all(NONE in levels for f, levels in experiment.factors.items() if f not in CARRIERS)


def cells(experiment: Experiment) -> tuple[Mapping[str, str], ...]:
    """The cells of the factorial in which something is said or given: factor -> level."""
    order = factor_order(experiment)
    levels = product(*(experiment.factors[factor] for factor in order))
    every = (dict(zip(order, each, strict=True)) for each in levels)
    return tuple(cell for cell in every if _acts(cell))


def _acts(cell: Mapping[str, str]) -> bool:
    """A sender or a channel without anything to say is silence too (R10)."""
    return any(level != NONE for factor, level in cell.items() if factor not in CARRIERS)


def factor_order(experiment: Experiment) -> tuple[str, ...]:
    """Factors as arm names read them: said, given, by whom, through what, when; by alphabet.

    The order of keys in a TOML table carries no meaning, so it must not name or order arms.
    """
    place = get_args(FactorKind)
    return tuple(
        sorted(experiment.factors, key=lambda f: (place.index(factor_kind(experiment, f)), f))
    )


def _delay(experiment: Experiment, cell: Mapping[str, str]) -> timedelta | None:
    return fixed_delay(experiment, cell[TIMING]) if TIMING in cell else None


def weights(
    declared: Literal["equal"] | Mapping[str, int], names: tuple[str, ...]
) -> Mapping[str, int]:
    """Integer weight of every arm in ``names``, in their order.

    >>> weights({"silence": 2, "*": 1}, ("silence", "basic", "status"))
    {'silence': 2, 'basic': 1, 'status': 1}
    """
    if isinstance(declared, str):
        return dict.fromkeys(names, 1)
    return {name: declared.get(name, declared.get(REST, 0)) for name in names}
