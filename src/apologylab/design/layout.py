"""Layout: the arms of a factorial as combinations of levels, and how levels weigh in an average.

What contrasts are read on. A declaration has one; so has a table whose arms were given levels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction
from functools import cached_property, partial
from math import prod
from typing import TYPE_CHECKING

from apologylab.design.arms import Arm, arms, factor_order, weights
from apologylab.design.costs import Costs, factor_costs
from apologylab.design.experiment import NONE, TIMING
from apologylab.design.moments import fixed_delay
from apologylab.errors import InputError

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

_HOUR = timedelta(hours=1)
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Arms that every phase draws, and the factors that they combine.

    Attributes:
        factors: factor -> levels.
        arms: in order; ``levels`` is empty for an arm outside the factorial, such as silence.
        margins: factor -> level -> weight in averages over the factor; equal where absent.
        read_costs: gives ``costs``.
        negligible: interactions of so many factors and more are declared to be nothing.
        values: factor -> level -> its size: money given, or hours of delay.
    """

    factors: Mapping[str, tuple[str, ...]]
    arms: tuple[Arm, ...]
    margins: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    negligible: int | None = None
    read_costs: Callable[[], Costs] = field(default=dict, compare=False)

    @cached_property
    def costs(self) -> Costs:
        """Factor -> level -> the channels through which it costs us, of factors with any.

        Read where it is asked for: a wording that cannot be read stops no other contrast.
        """
        return self.read_costs()

    def baseline(self, factor: str) -> str:
        """The level that others are compared with: ``none`` where there is one, else the first."""
        levels = self.factors[factor]
        return NONE if NONE in levels else levels[0]

    def weight(self, levels: Sequence[tuple[str, str]]) -> Fraction:
        """The weight of a combination of levels, the product of theirs."""
        return prod(
            (Fraction(self.margins.get(f, {}).get(level, 1)) for f, level in levels),
            start=Fraction(1),
        )


def layout(experiment: Experiment) -> Layout:
    """The layout of a declaration: its arms with a weight above 0 in every declared phase."""
    phases = weights_by_phase(experiment)
    drawn = tuple(arm for arm in arms(experiment) if all(phase[arm.name] > 0 for phase in phases))
    if experiment.panel is not None:
        given = {arm.name: experiment.panel.levels.get(arm.name, {}) for arm in drawn}
        plan = experiment.plan
        return replace(table_layout(given), margins=plan.margins, negligible=plan.negligible)
    return Layout(
        factors={factor: experiment.factors[factor] for factor in factor_order(experiment)},
        arms=drawn,
        margins=experiment.plan.margins,
        values=_values(experiment),
        read_costs=partial(factor_costs, experiment),
        negligible=experiment.plan.negligible,
    )


def weights_by_phase(experiment: Experiment) -> list[Mapping[str, int]]:
    """Arm -> planned weight, of each declared phase."""
    names = tuple(arm.name for arm in arms(experiment))
    allocation = experiment.allocation
    declared = [allocation.weights, *(phase.weights for phase in allocation.phases)]
    return [weights(one, names) for one in declared]


def _values(experiment: Experiment) -> dict[str, dict[str, float]]:
    """Of each factor whose levels are all delays, or all sums of money and nothing."""
    found: dict[str, dict[str, float]] = {}
    for factor, levels in experiment.factors.items():
        if factor == TIMING:
            delays = {level: fixed_delay(experiment, level) for level in levels}
            hours = {level: delay / _HOUR for level, delay in delays.items() if delay is not None}
            found |= {factor: hours} if len(hours) == len(levels) else {}
        elif all(level == NONE or level in experiment.compensation for level in levels):
            sizes = {level: _size(experiment, level) for level in levels}
            shares = {level: _share(experiment, level) for level in levels}
            for each in (sizes, shares):
                if None not in each.values():
                    found[factor] = {level: size or 0.0 for level, size in each.items()}
    return found


def _size(experiment: Experiment, level: str) -> float | None:
    """Money given; None where it depends on the incident."""
    if level == NONE:
        return 0.0
    given = experiment.compensation[level]
    return float(given.value) if given.value is not None else None


def _share(experiment: Experiment, level: str) -> float | None:
    """The share of the price that is given; None where what is given is no such share."""
    price = experiment.incident.price if experiment.incident is not None else None
    if level == NONE:
        return 0.0
    given = experiment.compensation[level]
    return given.share if price is not None and given.of == price else None


def table_layout(levels: Mapping[str, Mapping[str, str | float]]) -> Layout:
    """The layout of a table: arm -> factor -> level; levels that are numbers are sizes too.

    >>> table_layout({"a": {"coupon": 0}, "b": {"coupon": 5}}).values
    {'coupon': {'0': 0.0, '5': 5.0}}

    Raises:
        InputError: two arms with levels do not have the same factors.
    """
    given = [each for each in levels.values() if each]
    named = list(given[0]) if given else []
    if odd := [arm for arm, each in levels.items() if each and set(each) != set(named)]:
        has = ", ".join(levels[odd[0]])
        raise InputError(
            f"arm {odd[0]!r} has levels of {has}, others of {', '.join(named)}",
            do="give each arm a level of every factor, or none at all to leave it outside",
        )
    by_factor = {factor: _listed([each[factor] for each in given]) for factor in named}
    return Layout(
        factors={factor: tuple(map(level_text, each)) for factor, each in by_factor.items()},
        arms=tuple(
            Arm(name=arm, levels={f: level_text(each[f]) for f in named if each}, delay=None)
            for arm, each in levels.items()
        ),
        values={
            factor: {level_text(level): float(level) for level in each}
            for factor, each in by_factor.items()
            if all(_is_size(level) for level in each)
        },
    )


def level_text(level: str | float) -> str:
    """A level as it is named: ``5.0`` is ``5``."""
    return level if isinstance(level, str) else f"{level:g}"


def _listed(levels: Sequence[str | float]) -> list[str | float]:
    """Each level once, sizes from the least."""
    once = list(dict.fromkeys(levels))
    return sorted(once, key=float) if all(_is_size(level) for level in once) else once


def _is_size(level: str | float) -> bool:
    """Whether a level is a number, or a text that is one."""
    return not isinstance(level, str) or _NUMBER.fullmatch(level) is not None
