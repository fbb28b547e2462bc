"""What effects are over where outcomes are lost: the units whose outcome is known, and no others.

Blocks are weighted by the units that have the outcome. So where some lack it the estimand is an
effect on those that have it, which the arm may have chosen (R28); the check of attrition and the
bounds say what that can hide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.inference.grouping import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from apologylab.inference.results import Estimate

    ByPhase = Mapping[int, Mapping[str, int]]
    """Phase -> arm -> units."""

OF_ALL = frozenset({"missing", "missing_bounds", "lee_bounds"})
"""Estimators that answer of all units, or of a part that they name themselves."""
MARK = " over all enrolled "


def lost_of(due: ByPhase, known: ByPhase) -> int:
    """Units whose outcome could have been measured by now and is missing.

    >>> lost_of({1: {"a": 10, "b": 10}}, {1: {"a": 9, "b": 10}})
    1
    """
    return sum(
        n - known.get(phase, {}).get(arm, 0)
        for phase, arms in due.items()
        for arm, n in arms.items()
    )


def over_the_known(found: Iterable[Estimate], lost: Mapping[str, int]) -> tuple[Estimate, ...]:
    """Estimates that say that they are over units whose outcome is known, where some is lost.

    Args:
        found: estimates.
        lost: outcome -> units that lack it.
    """
    return tuple(
        replace(each, estimand=_narrowed(each, lost[each.outcome]))
        if lost.get(each.outcome) and words_of(each) not in OF_ALL
        else each
        for each in found
    )


def _narrowed(estimate: Estimate, lost: int) -> str:
    before, marked, after = estimate.estimand.partition(MARK)
    if not marked:
        return estimate.estimand
    who, comma, rest = after.partition(",")
    return f"{before}{MARK}{who} whose {estimate.outcome} is known ({lost:,} lack it){comma}{rest}"


def unmeasured(outcome: str, due: ByPhase, known: ByPhase) -> Iterator[str]:
    """What is said of each phase whose units are due and of which none has the outcome."""
    for phase, arms in due.items():
        n = sum(arms.values())
        if n and not sum(known.get(phase, {}).values()):
            yield (
                f"no unit of phase {phase} has {outcome}, though {n:,} are due: its effects are of "
                "the other phases' units"
            )
