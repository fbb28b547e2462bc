r"""Superiority and equivalence, declared before the start: what "works" and "no effect" rest on.

With an effect d in the good direction, its standard error s and degrees of freedom, each contrast
of an outcome that the plan names is tested

* for *superiority* by more than a margin m >= 0: p = P(T >= (d - m) / s), one-sided at alpha / 2,
  the level at which a two-sided test would find it;
* for *equivalence* within a margin m > 0: the larger p of the two one-sided tests of |d| >= m, at
  alpha (two one-sided tests, Schuirmann 1987), which is the 1 - 2 alpha interval inside (-m, m).

The tests of one kind, outcome and kind of contrast by the leading estimator are a family; Holm
1979 holds its error rate. It leads by giving means of the outcome itself: the margin is in the
outcome's unit, which a relative lift or a ratio does not have. They are made at the end: a look
before has no such test.

Sources: Schuirmann 1987 (Journal of Pharmacokinetics and Biopharmaceutics 15); ICH E9 (1998), 3.3
and 3.5 for the levels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.inference.many.p_values import holm
from apologylab.inference.results import DeclaredTest
from apologylab.inference.special import stdtr

if TYPE_CHECKING:
    from apologylab.inference.question import Measured, Question
    from apologylab.inference.results import Estimate


def superiority_p(point: float, std_error: float, df: float, margin: float = 0.0) -> float:
    """p of "it is better by no more than ``margin``".

    >>> round(superiority_p(0.5, 0.2, 100.0), 6)
    0.007023
    """
    return float(stdtr(df, (margin - point) / std_error))


def equivalence_p(point: float, std_error: float, df: float, margin: float) -> float:
    """p of "it differs by ``margin`` or more".

    >>> round(equivalence_p(0.1, 0.2, 100.0, 0.5), 6)
    0.024106
    """
    return float(stdtr(df, (abs(point) - margin) / std_error))


def with_declared(found: Sequence[Estimate], question: Question) -> tuple[Estimate, ...]:
    """The same rows, those that the plan declares tests of with their results."""
    if question.look or not (question.superiority or question.equivalence):
        return tuple(found)
    done = list(found)
    for kind, margins in (
        ("superiority", question.superiority),
        ("equivalence", question.equivalence),
    ):
        for outcome in question.outcomes:
            if outcome.name in margins:
                _test(done, outcome, kind, margins[outcome.name], question)
    return tuple(done)


def _test(
    rows: list[Estimate], outcome: Measured, kind: str, margin: float, question: Question
) -> None:
    """Put one kind of test of one outcome to its rows, a family for each kind of contrast."""
    families: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        leads = row.estimator == question.leading
        if row.outcome == outcome.name and leads and row.std_error and row.p_value is not None:
            families[row.kind].append(i)
    level = question.alpha / 2 if kind == "superiority" else question.alpha
    for members in families.values():
        raw = [_p(rows[i], outcome, kind, margin) for i in members]
        for i, p, adjusted in zip(members, raw, holm(raw).tolist(), strict=True):
            made = DeclaredTest(
                kind="superiority" if kind == "superiority" else "equivalence",
                margin=margin,
                p_value=p,
                p_adjusted=adjusted,
                passed=adjusted <= level,
                family=f"{len(members)} test{'s' * (len(members) > 1)} of {kind}, Holm",
            )
            rows[i] = replace(rows[i], declared=(*rows[i].declared, made))


def _p(row: Estimate, outcome: Measured, kind: str, margin: float) -> float:
    point = -row.point if outcome.lower_is_better else row.point
    error, df = row.std_error or 0.0, float("inf") if row.df is None else row.df
    test = superiority_p if kind == "superiority" else equivalence_p
    return test(point, error, df, margin)
