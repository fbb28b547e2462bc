"""Other functionals of the arms' outcomes: ratios, winsorised means, two parts, known weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Fit, OfMeans, Scan
from apologylab.inference.blocks import unable
from apologylab.inference.derived import Capped, Derived, Within
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.estimators.ipw import ipw
from apologylab.inference.estimators.ratio import ratio, unrateable
from apologylab.inference.estimators.two_part import parts
from apologylab.inference.estimators.winsorised import threshold
from apologylab.inference.moments import Request, pool_strata

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.design.estimators import Asked
    from apologylab.inference.answer import Details
    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.moments import Moments
    from apologylab.inference.question import Question
    from apologylab.inference.source import Source

ABOVE_0 = 5e-324
"""The least number above 0."""


def _made(outcome: str, asked: Asked) -> str:
    """The name of the column that an estimator makes of an outcome."""
    return f"{outcome}, {asked.text}"


def _of_column(scan: Scan, outcome: str, column: str) -> Fit:
    """The difference in means of a column that was made of an outcome."""
    question, moments = scan.question, scan.moments[Request(column)]
    refused = {
        arm: why
        for each in (moments, scan.of(outcome))  # a cap must not hide an infinity
        for arm, why in unable(each, question.arms, question.weights).items()
    }
    kept = [arm for arm in question.arms if arm not in refused]
    means = difference_in_means(moments, kept) if kept else None
    return Fit(means and replace(means, outcome=outcome), refused)


def _made_requests(question: Question, asked: Asked) -> Sequence[Request]:
    return [Request(_made(outcome.name, asked)) for outcome in question.outcomes]


def _capped(source: Source, question: Question, asked: Asked) -> Mapping[str, Derived]:  # noqa: ARG001
    high = asked.number("at")
    return {_made(each.name, asked): Capped(of=each.name, high=high) for each in question.outcomes}


def _winsorised(source: Source, question: Question, asked: Asked) -> Mapping[str, Derived]:
    names = [outcome.name for outcome in question.outcomes]
    made: dict[str, Derived] = {}
    for name, counts in zip(names, source.value_counts(names), strict=True):
        arms = [cell for cell in counts.cells if cell.arm in question.arms]
        value, n = counts.of(arms)
        high = threshold(value, n, asked.number("at")) if len(value) else np.inf
        made[_made(name, asked)] = Capped(of=name, high=high)
    return made


def _cut(scan: Scan) -> Mapping[str, Fit]:
    fits = {}
    for outcome in scan.question.outcomes:
        column = _made(outcome.name, scan.asked)
        cut = scan.columns[column]
        assert isinstance(cut, Capped)
        fit = _of_column(scan, outcome.name, column)
        fits[outcome.name] = fit._replace(details=_said(("threshold", cut.high)))
    return fits


def _said(*lines: tuple[str, float]) -> Callable[[Contrast], Details]:
    """The same details for every contrast."""
    return lambda _: lines


def _shares(source: Source, question: Question, asked: Asked) -> Mapping[str, Derived]:  # noqa: ARG001
    above: dict[str, Derived] = {
        _made(each.name, asked): Within(of=each.name, low=ABOVE_0) for each in question.outcomes
    }
    below = {
        f"{_made(each.name, asked)}, below 0": Capped(of=each.name, high=0.0)
        for each in question.outcomes
    }
    return above | below


def _shares_requests(question: Question, asked: Asked) -> Sequence[Request]:
    names = [outcome.name for outcome in question.outcomes]
    made = [_made(name, asked) for name in names]
    return [Request(name) for each in made for name in (each, f"{each}, below 0")] + [
        Request(name) for name in names
    ]


def _two_part(scan: Scan) -> Mapping[str, Fit]:
    fits = {}
    for outcome in scan.question.outcomes:
        column = _made(outcome.name, scan.asked)
        below = scan.moments[Request(f"{column}, below 0")]
        if (below.sums[:, 0] / below.n + below.shift[0] < 0).any():
            why = f"{outcome.name} is below 0 for some units: it has no two parts"
            fits[outcome.name] = Fit(None, dict.fromkeys(scan.question.arms, why))
            continue
        whole = _of_column(scan, outcome.name, outcome.name)
        share = _of_column(scan, outcome.name, column)
        if whole.means and share.means:
            whole = whole._replace(details=_in_parts(whole.means, share.means))
        fits[outcome.name] = whole
    return fits


def _in_parts(means: ArmMeans, shares: ArmMeans) -> Callable[[Contrast], Details]:
    def details(contrast: Contrast) -> Details:
        if contrast.order != 1:
            return ()
        c = means.weights(contrast)
        sides = np.stack([np.maximum(c, 0), np.maximum(-c, 0)])
        found = parts(sides @ means.means, sides @ shares.means)
        names = contrast.treatment, contrast.reference
        each = zip(names, found.shares.tolist(), found.means_above.tolist(), strict=True)
        said = [
            line
            for name, share, above in each
            for line in (
                (f"share above 0, {name}", share),
                (f"mean of those above 0, {name} (NOT CAUSAL)", above),
            )
        ]
        said += [
            ("difference through shares (NOT CAUSAL)", found.through_shares),
            ("difference through amounts (NOT CAUSAL)", found.through_amounts),
        ]
        return [(name, value) for name, value in said if np.isfinite(value)]

    return details


def _ratio_columns(asked: Asked) -> tuple[str, ...]:
    """The columns beside the outcome: denominator, and covariate with its own denominator."""
    before, over = asked.word("before"), asked.word("before_over")
    if bool(before) != bool(over):
        raise NotEstimable(f"{asked.text}: a ratio before the draw needs before and before_over")
    return (asked.word("over"), *((before, over) if before else ()))


def _ratio_requests(question: Question, asked: Asked) -> Sequence[Request]:
    columns = _ratio_columns(asked)
    return [Request(outcome.name, columns) for outcome in question.outcomes]


def _ratio(scan: Scan) -> Mapping[str, Fit]:
    question, columns, fits = scan.question, _ratio_columns(scan.asked), {}
    for outcome in question.outcomes:
        moments = scan.moments[Request(outcome.name, columns)]
        refused = _lacking(moments, question.arms) or unable(
            moments, question.arms, question.weights
        )
        kept = [arm for arm in question.arms if arm not in refused]
        refused |= unrateable(moments, kept) if kept else {}
        kept = [arm for arm in kept if arm not in refused]
        fits[outcome.name] = Fit(ratio(moments, kept) if kept else None, refused)
    return fits


def _lacking(moments: Moments, arms: Sequence[str]) -> dict[str, str]:
    """Every arm, where a unit that has the outcome lacks another column of the ratio."""
    squares = moments.products.diagonal(axis1=1, axis2=2)
    for i, name in enumerate(moments.columns[1:], start=1):
        if not np.isfinite(squares[:, i]).all():
            return dict.fromkeys(arms, f"{name} is missing or not finite for some units")
    return {}


def _ipw(scan: Scan) -> Mapping[str, Fit]:
    question, fits = scan.question, {}
    for outcome in question.outcomes:
        moments = pool_strata(scan.of(outcome.name))
        refused = unable(moments, question.arms, question.weights)
        kept = [arm for arm in question.arms if arm not in refused]
        means = ipw(moments, kept, question.weights) if kept else None
        fits[outcome.name] = Fit(means, refused)
    return fits


ANSWERS: Mapping[str, Answer] = {
    "winsorised": OfMeans(
        fit=_cut,
        requests=_made_requests,
        columns=_winsorised,
        estimand=lambda asked: f"mean winsorised at the pooled {asked.number('at'):g} quantile of",
    ),
    "capped": OfMeans(
        fit=_cut,
        requests=_made_requests,
        columns=_capped,
        estimand=lambda asked: f"mean of at most {asked.number('at'):g} of",
    ),
    "two_part": OfMeans(
        fit=_two_part,
        requests=_shares_requests,
        columns=_shares,
        estimand=lambda _: "mean (share above 0 times the mean of those above 0) of",
    ),
    "ratio": OfMeans(
        fit=_ratio,
        requests=_ratio_requests,
        error=lambda _: ", delta method",
        estimand=lambda asked: f"ratio to mean {asked.word('over')} of mean",
        unit=lambda asked, unit: f"{unit} per unit of {asked.word('over')}",
    ),
    "ipw": OfMeans(fit=_ipw, error=lambda _: ", weighted by the inverse of known propensities"),
}
