"""Differences of shares with intervals that hold at all looks, read off the moments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Found, OfFits
from apologylab.inference.askings import answered, means_for
from apologylab.inference.moments import cell_means, cell_scatters
from apologylab.inference.question import DESCRIPTIVE
from apologylab.inference.rows import estimate
from apologylab.inference.sequential.exact import Share, difference_of_shares, p_of_shares
from apologylab.inference.sequential.rows import AT_ALL_LOOKS

if TYPE_CHECKING:
    from apologylab.inference.answer import Read
    from apologylab.inference.moments import Moments
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking

AT_ONE = ("holds", "at one look: no plan of looks fixes the count that it is tuned to")
_ROUNDING = 1e-9


def _shares(read: Read) -> Found:
    text = read.asked.text
    return Found(*answered(read.question, text, lambda each: [_difference(read, each)]))


def _difference(read: Read, asking: Asking) -> Estimate:
    """One arm against another.

    Raises:
        NotEstimable: other contrasts, several phases, or an outcome that is not 0 and 1.
    """
    outcome, cells = asking.outcome.name, dict(asking.contrast.cells)
    if sorted(cells.values()) != [-1.0, 1.0]:
        raise NotEstimable("shares at any time are compared between two arms, one by one")
    means_for(read.fits[outcome], asking.contrast)
    one, other = sorted(cells, key=lambda arm: -cells[arm])
    treated, untreated = (_share(read, outcome, arm) for arm in (one, other))
    low, high = difference_of_shares(treated, untreated, _alpha(read, asking))
    return estimate(
        asking,
        of="share with",
        phases=sorted({cell.phase for cell in read.moments[outcome].cells}),
        n={one: int(treated.n), other: int(untreated.n)},
        point=treated.k / treated.n - untreated.k / untreated.n,
        low=low,
        high=high,
        interval="beta-binomial confidence sequences of both shares",
        p_value=p_of_shares(treated, untreated),
        reference_mean=untreated.k / untreated.n,
        details=(AT_ALL_LOOKS if read.question.watch else AT_ONE,),
    )


def _alpha(read: Read, asking: Asking) -> float:
    """Under a plan of looks, Bonferroni's over the family that p is adjusted in (R30)."""
    question, role = read.question, asking.outcome.role
    if question.watch is None or question.adjust == "none" or role == DESCRIPTIVE:
        return question.alpha
    outcomes = sum(each.role == role for each in question.outcomes)
    return question.alpha / (outcomes * sum(kind == asking.kind for kind, _ in question.contrasts))


def _share(read: Read, outcome: str, arm: str) -> Share:
    moments = read.moments[outcome]
    mine = [i for i, cell in enumerate(moments.cells) if cell.arm == arm]
    if len(mine) != 1:
        raise NotEstimable("the phases drew with other weights: their units are not one sample")
    n = float(moments.n[mine[0]])
    mean = float(cell_means(moments)[mine[0], 0])
    _refuse_others(moments, mine[0], mean)
    watch = read.question.watch
    tuned = watch.planned.get(arm, 0) if watch else 0
    return Share(round(mean * n), n, tuned or n)


def _refuse_others(moments: Moments, cell: int, mean: float) -> None:
    """Of 0 and 1 alone the sum of squares is the sum."""
    n = float(moments.n[cell])
    squares = float(cell_scatters(moments)[cell, 0, 0]) + n * mean**2
    if abs(squares - n * mean) > _ROUNDING * n or abs(n * mean - round(n * mean)) > _ROUNDING * n:
        raise NotEstimable("the outcome is not 0 or 1 for every unit, so it is no share")


ANSWERS: Mapping[str, Answer] = {
    "share_at_any_time": OfFits(base=lambda _: "difference_in_means", answer=_shares)
}
