"""Difference in means, and CUPED."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

from apologylab.inference.answer import Answer, Fit, OfMeans, Scan
from apologylab.inference.blocks import blocks, unable
from apologylab.inference.estimators.cuped import cuped
from apologylab.inference.estimators.cuped_pooled import cuped_pooled
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.estimators.lin import unadjustable
from apologylab.inference.moments import Errors, Moments, pool_strata

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apologylab.design.estimators import Asked
    from apologylab.inference.arm_means import ArmMeans


def _errors(asked: Asked) -> Errors:
    return cast("Errors", asked.word("errors"))


def _plain(scan: Scan) -> Mapping[str, Fit]:
    question, fits = scan.question, {}
    for outcome in question.outcomes:
        each = scan.of(outcome.name)
        if scan.asked.word("strata") == "pooled":
            each = pool_strata(each)
        refused = unable(each, question.arms, question.weights)
        kept = _kept(question.arms, refused)
        means = difference_in_means(each, kept, _errors(scan.asked)) if kept else None
        fits[outcome.name] = Fit(means, refused, _of_blocks(each))
    return fits


def _of_blocks(moments: Moments) -> str:
    """The path of means over blocks."""
    number = len(blocks(moments.cells))
    return f", post-stratified over {number} blocks" if number > 1 else ""


def _adjusted(
    formula: Callable[[Moments, Sequence[str]], ArmMeans], scan: Scan
) -> Mapping[str, Fit]:
    """Adjusted means that need no second pass."""
    question, fits = scan.question, {}
    for outcome in question.outcomes:
        each = scan.of(outcome.name)
        refused = _unadjustable(each, scan)
        kept = _kept(question.arms, refused)
        fits[outcome.name] = Fit(formula(each, kept) if kept else None, refused, _of_blocks(each))
    return fits


def _unadjustable(moments: Moments, scan: Scan) -> dict[str, str]:
    arms = scan.question.arms
    return unadjustable(moments, arms) | unable(moments, arms, scan.question.weights)


def _kept(arms: Sequence[str], refused: Mapping[str, str]) -> list[str]:
    return [arm for arm in arms if arm not in refused]


ANSWERS: Mapping[str, Answer] = {
    "difference_in_means": OfMeans(
        fit=_plain,
        error=lambda asked: "" if _errors(asked) == "HC2" else f", {_errors(asked)} errors",
        cleaned_of=lambda _: (),
    ),
    "cuped": OfMeans(fit=partial(_adjusted, cuped)),
    "cuped_pooled": OfMeans(
        fit=partial(_adjusted, cuped_pooled), error=lambda _: ", one theta for all arms"
    ),
}
