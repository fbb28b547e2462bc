"""What arguments of :func:`apologylab.analyse` say together, each of the right shape by itself."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from apologylab.design.estimators import ESTIMATORS, parse_estimator
from apologylab.errors import InputError
from apologylab.notebook.arguments import SHAPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.notebook.arguments import Arguments

UNSTRATIFIED = ("by_cause", "repeats")
"""Estimators that compare arms within phases only."""
NEEDS: Mapping[str, str] = {
    "subgroups": "subgroups",
    "by_week": "weeks",
    **dict.fromkeys(
        ("kaplan_meier", "aalen_johansen", "rmst", "log_rank", "cox", "cox_adjusted"), "times"
    ),
}
"""Estimator -> the argument without which it has nothing to answer."""


def refuse(given: Arguments) -> None:
    """Refuse arguments that contradict one another, before a row is read.

    Raises:
        InputError: they do.
    """
    _refuse_twice(given)
    _refuse_both(given)
    _refuse_estimators(given)
    _refuse_weeks(given)
    if given.weights is not None:
        _refuse_weights(given.weights)


def _refuse_twice(given: Arguments) -> None:
    """One column cannot be the arm and what the arms were drawn in."""
    for name in ("cluster", "strata"):
        if getattr(given, name) == given.arm:
            raise InputError(
                f"{name}={given.arm!r} is the column of the arm",
                do=f"name another column, or leave out {name}",
            )


def _refuse_both(given: Arguments) -> None:
    if given.cluster is not None and given.strata is not None:
        raise InputError(
            "both cluster and strata are given: errors between clusters are not post-stratified",
            do="give the cluster alone, or name the strata's columns among the covariates",
        )


def _refuse_estimators(given: Arguments) -> None:
    """Those that lack what they answer for, or that put strata together."""
    for each in [parse_estimator(text, ESTIMATORS) for text in given.estimators]:
        needs = NEEDS.get(each.name)
        if needs is not None and not getattr(given, needs):
            raise InputError(
                f"{each.text} needs {needs}, and none are given",
                do=f"write {needs}={SHAPES[needs].example}",
            )
        if given.strata is not None and each.name in UNSTRATIFIED:
            raise InputError(
                f"{each.text} puts all strata of column {given.strata!r} together",
                do="ask for difference_in_means, lin or another that is post-stratified",
            )


def _refuse_weeks(given: Arguments) -> None:
    if strangers := [name for name in given.weeks if name not in given.outcomes]:
        raise InputError(
            f"weeks are given of {strangers[0]!r}, which is no outcome asked for",
            do=f"name it in outcomes too; they are {', '.join(map(repr, given.outcomes))}",
        )


def _refuse_weights(weights: Mapping[str, float]) -> None:
    if not all(0 <= each < inf for each in weights.values()) or not any(weights.values()):
        raise InputError(
            f"weights are {dict(weights)}", do="give each arm its planned weight, such as 1 or 9"
        )
