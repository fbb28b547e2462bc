"""Contrasts asked of an analysis: every effect of a factorial, read off the fits it already has.

All are contrasts of one covariance: main effects, simple effects, interactions of any order and
means of levels. Nothing is fitted again, so what is asked later agrees with what was printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf
from typing import TYPE_CHECKING

from apologylab.design.contrasts import level_means, read_contrast
from apologylab.design.layout import level_text
from apologylab.errors import InputError, StateError
from apologylab.inference.plan import Fits, estimates

if TYPE_CHECKING:
    from apologylab.design.contrasts import Contrast
    from apologylab.design.layout import Layout
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate, Refusal

At = Mapping[str, str | float | Sequence[str | float]]
"""Factor -> level, or levels; a level that is a size may be written as the number."""
Margins = Mapping[str, Mapping[str, float]]
"""Factor -> level -> weight."""
BESIDES = "asked besides the plan: "


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """The fits of an analysis with the question that they answer and the factors of its arms."""

    question: Question
    fits: Fits
    layout: Layout

    def contrasts(
        self,
        what: Sequence[str | At],
        *,
        at: At | None,
        weights: Margins | None,
    ) -> tuple[Contrast, ...]:
        """The contrasts that :meth:`apologylab.inference.results.Analysis.contrast` asks for.

        Raises:
            InputError: they cannot be read, or nothing matches.
        """
        on = self._weighed(weights)
        under = f" at {_conditions(at)}" if at else ""
        return tuple(read_contrast(text, text, on) for text in _texts(on, what, under))

    def means(self, factor: str, *, at: At | None, weights: Margins | None) -> tuple[Contrast, ...]:
        """The mean under each level of a factor.

        Raises:
            InputError: there is no such factor, or no combination that all its levels have.
        """
        on = self._weighed(weights)
        _refuse_unknown(on, factor)
        return level_means(on, factor, _conditions(at) if at else "")

    def read(
        self, contrasts: Sequence[Contrast], *, outcome: str | None, estimator: str | None
    ) -> tuple[tuple[Estimate, ...], tuple[Refusal, ...]]:
        """Each contrast of each outcome by each estimator of arm means; one family of its own.

        Raises:
            InputError: there is no such outcome or estimator.
            StateError: this is a look of the plan, and the ledger counts its contrasts alone (R31).
        """
        asked = self.question
        if asked.watch is not None and not asked.watch.last:
            raise StateError(
                "a look before the end shows the contrasts of the plan and no others: the ledger "
                "would not count them",
                do="declare them under [plan.contrasts] of a new version, or wait for the end",
            )
        outcomes = [each for each in asked.outcomes if outcome in {None, each.name}]
        texts = [each for each in asked.estimators if estimator in {None, each}]
        if not outcomes or not texts:
            raise InputError(
                f"the analysis has no {outcome if not outcomes else estimator!r}",
                do=f"outcomes: {', '.join(each.name for each in asked.outcomes)}; estimators: "
                f"{', '.join(asked.estimators)}",
            )
        only = replace(
            asked,
            outcomes=tuple(outcomes),
            estimators=tuple(texts),
            arm_contrasts=(),
            factor_contrasts=(),
            named_contrasts=tuple(contrasts),
        )
        return estimates(replace(self.fits, found={}), only)

    def unplanned(self, contrasts: Sequence[Contrast]) -> tuple[str, ...]:
        """What of these the plan does not have, by the arms that they weigh (R32)."""
        planned = {_weights(contrast) for _, contrast in self.question.contrasts}
        besides = [each.name for each in contrasts if each.order and _weights(each) not in planned]
        return (BESIDES + "; ".join(besides),) if besides else ()

    def _weighed(self, weights: Margins | None) -> Layout:
        for factor, given in (weights or {}).items():
            _refuse_unknown(self.layout, factor)
            positive = all(0 < weight < inf for weight in given.values())
            if not positive or set(given) != set(self.layout.factors[factor]):
                raise InputError(
                    f"weights of {factor} are {dict(given)}",
                    do=f"give a weight above 0 to each of {', '.join(self.layout.factors[factor])}",
                )
        return replace(self.layout, margins={**self.layout.margins, **(weights or {})})


def _weights(contrast: Contrast) -> frozenset[tuple[str, float]]:
    return frozenset((arm, round(weight, 9)) for arm, weight in contrast.cells)


def _texts(on: Layout, what: Sequence[str | At], under: str) -> list[str]:
    """What was asked for in the grammar: one text a combination of levels."""
    first = what[0] if what else ""
    if len(what) == 1 and isinstance(first, str) and first not in on.factors:
        if "=" not in first and " vs " not in first:
            _refuse_unknown(on, first)
        return [first + under]
    differences = [_differences(on, each) for each in what]
    return [f"{' x '.join(each)}{under}" for each in product(*differences)]


def _differences(on: Layout, what: str | At) -> list[str]:
    """A factor's levels against its baseline; or levels of several factors moved together."""
    if isinstance(what, str):
        _refuse_unknown(on, what)
        base = on.baseline(what)
        return [f"{what}={x} vs {what}={base}" for x in on.factors[what] if x != base]
    for factor in what:
        _refuse_unknown(on, factor)
    baselines = " & ".join(f"{factor}={on.baseline(factor)}" for factor in what)
    return [f"{_conditions(what)} vs {baselines}"]


def _conditions(at: At) -> str:
    return " & ".join(f"{factor}={_levels(level)}" for factor, level in at.items())


def _levels(level: str | float | Sequence[str | float]) -> str:
    if isinstance(level, Sequence) and not isinstance(level, str):
        return "|".join(map(level_text, level))
    return level_text(level)


def _refuse_unknown(on: Layout, factor: str) -> None:
    if factor not in on.factors:
        raise InputError(
            f"there is no factor {factor!r}",
            do=f"the factors are {', '.join(on.factors) or 'none: give the arms levels'}",
        )
