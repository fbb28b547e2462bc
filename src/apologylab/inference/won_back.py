"""One visit bought, or a customer won back (R37).

Two outcomes of the plan decide: the first return, and the return at full price after the coupon has
expired. A return *moves* where its p, all tests counted, is below alpha and it goes up. That a
return does not move is known only from a declared test of equivalence (R36); without one we cannot
tell one visit from a customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate


def return_words(found: Sequence[Estimate], question: Question) -> tuple[str, ...]:
    """A sentence on each arm that moves a return; none before the end."""
    if question.returns is None or question.look:
        return ()
    return tuple(_sentences(found, question))


def _sentences(found: Sequence[Estimate], question: Question) -> Iterator[str]:
    assert question.returns is not None
    rows = {
        (each.outcome, each.treatment): each
        for each in found
        if each.kind == "arm" and each.estimator == question.leading
    }
    for contrast in question.arm_contrasts:
        first = rows.get((question.returns.first, contrast.treatment))
        later = rows.get((question.returns.full_price, contrast.treatment))
        if first is not None and later is not None:
            yield from _said(first, later, question.alpha)


def _said(first: Estimate, later: Estimate, alpha: float) -> Iterator[str]:
    arm = f"`{first.treatment}`"
    if moves(later, alpha):
        yield f"{arm} won customers back: more return at full price after the coupon has expired"
    elif moves(first, alpha) and still(later):
        yield (
            f"{arm} bought one visit: more return once, and the return at full price changed by "
            "less than the declared margin"
        )
    elif moves(first, alpha):
        yield (
            f"{arm} made more customers return once; whether that was one visit or a customer won "
            "we cannot tell from the return at full price"
        )


def moves(row: Estimate, alpha: float) -> bool:
    """Whether a return goes up and chance alone would rarely give that."""
    p = row.p_value if row.p_adjusted is None else row.p_adjusted
    return p is not None and p < alpha and row.point > 0


def still(row: Estimate) -> bool:
    """Whether a declared test showed that it changed by less than its margin."""
    return any(each.kind == "equivalence" and each.passed for each in row.declared)
