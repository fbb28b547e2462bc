"""Estimates as they are shown: one group for each outcome, functional, and kind of contrast."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from apologylab.design.estimators import ESTIMATORS
from apologylab.inference.sentence import number, per_customer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apologylab.inference.results import Estimate

KINDS = {"arm": "arms", "factor": "main effects", "contrast": "named contrasts", "mean": "means"}
MEAN = "mean"
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
    return [Group(_caption(listed[0]), listed) for listed in found.values()]


def _caption(first: Estimate) -> str:
    of = functional(first)
    what = first.outcome if of == MEAN else f"{of} {first.outcome}"
    return f"{what}, {first.role}, {per_customer(first.unit)}: {_against(first, of)}"


def _against(first: Estimate, of: str) -> str:
    if first.kind != "arm":
        return KINDS[first.kind]
    if not math.isfinite(first.reference_mean):
        return f"against {first.reference}"
    value = number(first.reference_mean)
    return f"against {first.reference} ({MEAN if of == MEAN else 'there'} {value})"


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
