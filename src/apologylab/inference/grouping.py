"""Estimates as they are shown: one group for each outcome, functional, and kind of contrast."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.estimators import ESTIMATORS
from apologylab.inference.sentence import number, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apologylab.inference.results import Estimate

KINDS = {"arm": "arms", "factor": "main effects", "contrast": "named contrasts", "mean": "means"}
MEAN = "mean"
_SHORT = {
    "difference_in_means": "plain", "lin": "Lin", "blocked": "blocks", "clustered": "clusters",
}  # fmt: skip
_AFTER = re.compile(r"[(,]")
"""Where an estimator's name ends: options follow, or the side of a bound."""


class Group(NamedTuple):
    """Estimates that stand under one head, because they are of one thing in one unit."""

    caption: str
    estimates: Sequence[Estimate]


def functional(estimate: Estimate) -> str:
    """Of what of the outcome it is an effect: the mean, if the estimand does not begin with it."""
    found, marked, _ = estimate.estimand.partition(f" {estimate.outcome} over all ")
    return found if marked else MEAN


def groups(estimates: Iterable[Estimate]) -> list[Group]:
    """The groups in the order in which each first appears."""
    found: dict[tuple[str, ...], list[Estimate]] = {}
    for each in estimates:
        key = (each.outcome, functional(each), each.unit, each.kind)
        found.setdefault(key, []).append(each)
    return [Group(_caption(listed), listed) for listed in found.values()]


def _caption(listed: Sequence[Estimate]) -> str:
    first = listed[0]
    of = functional(first)
    what = first.outcome if of == MEAN else f"{of} {first.outcome}"
    return f"{what}, {first.role}, {unit_of(first)}: {_against(listed, of)}"


def _against(listed: Sequence[Estimate], of: str) -> str:
    first = listed[0]
    if first.kind != "arm":
        return KINDS[first.kind]
    level = _level(listed)
    word = MEAN if of == MEAN else "there"
    return f"against {first.reference} ({word} {level})" if level else f"against {first.reference}"


def _level(listed: Sequence[Estimate]) -> str:
    """What the outcome is in the reference, by each estimator where they differ.

    Nothing where an estimator's rows are beside different ones, as differences of effects are.
    """
    found: dict[str, set[str]] = {}
    for each in listed:
        if math.isfinite(each.reference_mean):
            found.setdefault(short(each.estimator), set()).add(number(each.reference_mean))
    if any(len(values) > 1 for values in found.values()):
        return ""
    levels = {by: next(iter(values)) for by, values in found.items()}
    if len(set(levels.values())) == 1:
        return next(iter(levels.values()))
    return ", ".join(f"{value} {by}" for by, value in levels.items())


def short(estimator: str) -> str:
    """What an estimator is called in a table."""
    return _SHORT.get(estimator, estimator)


def words_of(estimate: Estimate) -> str:
    """The name of its estimator, without options."""
    return _AFTER.split(estimate.estimator, maxsplit=1)[0]


def decides(estimate: Estimate) -> bool:
    """Whether its estimator gives means of the outcome itself, which a decision may read."""
    words = ESTIMATORS.get(words_of(estimate))
    return words is None or words.decides


def label(estimate: Estimate) -> str:
    """What its row is called: the arm, or the contrast's name."""
    return estimate.treatment if estimate.kind == "arm" else estimate.name
