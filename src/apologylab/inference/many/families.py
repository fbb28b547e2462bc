"""The rows of a question, corrected family by family: p-values, and intervals beside them (R30).

A *family* is one role (primary, secondary, guardrail), one kind of contrast (arms, main effects,
named contrasts) and one estimator. Which interval stands beside the adjusted p:

* ``bonferroni``, ``dunnett``: simultaneous, and 0 is outside exactly where p < alpha;
* ``max_t``, ``romano_wolf``, ``westfall_young``, ``list_shaikh_xu``: the single-step interval of
  the same joint distribution, so labelled; a step-down p may be below alpha where it holds 0;
* ``benjamini_hochberg``, ``benjamini_yekutieli``: for what is selected, an interval at level
  1 - R alpha / m (R of m selected), so that the expected share of intervals that miss is alpha
  (false coverage rate; Benjamini and Yekutieli 2005, JASA 100); for the rest pointwise;
* ``holm``, ``hochberg``, ``hommel``, ``none``: pointwise.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.many import max_t
from apologylab.inference.many.joint import Side, correlation
from apologylab.inference.many.max_t import Group
from apologylab.inference.many.p_values import harmonic
from apologylab.inference.many.words import FROM_P, JOINT, RATE, RESAMPLED, SAYS
from apologylab.inference.question import DESCRIPTIVE
from apologylab.inference.special import ndtri, stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.many.joint import Residuals
    from apologylab.inference.many.redrawn import Drawn
    from apologylab.inference.many.step_down import Compared
    from apologylab.inference.moments import Floats
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate

    MeansOf = Callable[[str, str], ArmMeans | None]
    """(outcome, estimator) -> the arm means that its rows were read off, if any."""
    ResidualsOf = Callable[[str], Residuals | None]
    """Estimator -> how the residuals of its outcomes go together, if that is known."""

CLOSE = 1e-6


def adjusted(
    found: Sequence[Estimate],
    question: Question,
    means: MeansOf,
    known: ResidualsOf,
    drawn: Drawn,
) -> tuple[Estimate, ...]:
    """The same rows, each p adjusted within its family, whose size and correction it prints.

    Args:
        found: rows; those whose p is adjusted already are left.
        question: with the plan's word and alpha.
        means: what rows were read off.
        known: how outcomes go together, for the words that read it.
        drawn: resampled statistics, for the words that draw them.
    """
    families: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, each in enumerate(found):
        if each.p_value is not None and each.p_adjusted is None:
            families[each.family, each.estimator].append(i)
    done = list(found)
    for members in families.values():
        rows = [found[i] for i in members]
        word = question.adjust if rows[0].role != DESCRIPTIVE else "none"
        if word in JOINT:
            corrected = jointly(rows, word, question.alpha, groups(rows, means, known))
        elif word in RESAMPLED:
            corrected = by_draws(rows, word, question.alpha, drawn)
        else:
            corrected = by_p(rows, word, question.alpha)
        for i, row in zip(members, corrected, strict=True):
            done[i] = row
    return tuple(done)


def by_p(rows: Sequence[Estimate], word: str, alpha: float) -> list[Estimate]:
    """A procedure that needs the p-values alone, with its interval; see the table above."""
    labelled = _labelled(rows, SAYS[word])
    if word not in FROM_P:
        return labelled
    p = FROM_P[word]([row.p_value for row in rows if row.p_value is not None])
    corrected = _with_p(labelled, p)
    if word == "bonferroni":
        return [_at_level(row, alpha / len(rows), len(rows)) for row in corrected]
    return selected(corrected, word, alpha) if word in RATE else corrected


def by_draws(rows: Sequence[Estimate], word: str, alpha: float, drawn: Drawn) -> list[Estimate]:
    """p by resamples, and the single-step interval of the same; Holm's p where there are none."""
    keys = [(row.outcome, row.estimator, row.kind, row.name) for row in rows]
    if not all(key in drawn for key in keys):
        return by_p(_labelled(rows, "no resamples of this estimator"), "holm", alpha)
    from apologylab.inference.many.step_down import (
        list_shaikh_xu,
        romano_wolf,
        single_step_quantile,
    )

    t, _ = _statistics(rows)
    stars = np.column_stack([drawn[key] for key in keys])
    if word == "list_shaikh_xu":
        compared = [_compared(row) for row in rows]
        p = list_shaikh_xu(np.abs(t), stars, compared).transitive
    else:
        p = romano_wolf(np.abs(t), stars)
    # Both are of one hypothesis: that few draws, or other tails, say less is no correction.
    p = np.maximum(p, [row.p_value or 0.0 for row in rows])
    corrected = _with_p(_labelled(rows, f"{SAYS[word]}, {len(stars):,} draws"), p)
    reach = single_step_quantile(stars, alpha)
    how = "permutation" if word == "westfall_young" else "bootstrap"
    over = f"simultaneous over {len(rows)}, single-step max-t by {how}"
    return [_widened(row, reach, over) if np.isfinite(reach) else row for row in corrected]


def _compared(row: Estimate) -> Compared:
    """Two arms of an outcome; another contrast is its own and implies nothing of others."""
    from apologylab.inference.many.step_down import Compared

    if row.kind == "arm":
        return Compared((row.outcome,), (row.treatment, row.reference))
    return Compared((row.outcome, row.kind, row.name), (row.treatment, row.reference))


def _labelled(rows: Sequence[Estimate], says: str) -> list[Estimate]:
    """The family with its size and its correction."""
    size = f"{len(rows)} test{'s' * (len(rows) > 1)}"
    return [
        replace(row, family=f"{row.family}: {size}, {says}" if ": " not in row.family
                else f"{row.family}, {says}")
        for row in rows
    ]  # fmt: skip


def jointly(
    rows: Sequence[Estimate], word: str, alpha: float, together: Sequence[Group]
) -> list[Estimate]:
    """p by max-t, single-step or step-down, and the single-step interval beside it."""
    apart = f" ({len(together)} groups by Bonferroni)" if len(together) > 1 else ""
    t, df = _statistics(rows)
    step = max_t.single_step if word == "dunnett" else max_t.step_down
    corrected = _with_p(_labelled(rows, SAYS[word] + apart), step(t, df, together))
    c = max_t.critical_values(df, together, alpha)
    over = f"simultaneous over {len(rows)}, single-step max-t{apart}"
    return [
        _widened(row, float(each), over if len(rows) > 1 else "") if _is_symmetric(row) else row
        for row, each in zip(corrected, c, strict=True)
    ]


def groups(rows: Sequence[Estimate], means: MeansOf, known: ResidualsOf) -> tuple[Group, ...]:
    """The tests whose correlation is known, together; see :mod:`.joint`."""
    places: dict[str, list[int]] = defaultdict(list)
    sides: dict[int, Side] = {}
    for i, row in enumerate(rows):
        read_off = means(row.outcome, row.estimator)
        if read_off is None or row.std_error is None or not _all_there(row, read_off):
            places[f"{row.outcome} {i}"].append(i)
            continue
        weights = dict(row.cells)
        sides[i] = Side(read_off, np.array([weights.get(arm, 0.0) for arm in read_off.arms]))
        places[row.outcome].append(i)
    whole = _correlation(sides, known(rows[0].estimator))
    merged: list[list[int]] = []
    for members in places.values():
        into = next((each for each in merged if _go_together(whole, each, members)), None)
        if into is None:
            merged.append(list(members))
        else:
            into += members
    return tuple(Group(tuple(each), _of(whole, each)) for each in merged)


def _all_there(row: Estimate, means: ArmMeans) -> bool:
    return all(arm in means.arms for arm, _ in row.cells)


def _correlation(sides: dict[int, Side], known: Residuals | None) -> dict[tuple[int, int], float]:
    listed = list(sides)
    found = correlation([sides[i] for i in listed], known) if listed else np.empty((0, 0))
    return {(i, j): float(found[a, b]) for a, i in enumerate(listed) for b, j in enumerate(listed)}


def _go_together(
    whole: dict[tuple[int, int], float], some: Sequence[int], others: Sequence[int]
) -> bool:
    return all(np.isfinite(whole.get((i, j), np.nan)) for i in some for j in others)


def _of(whole: dict[tuple[int, int], float], members: Sequence[int]) -> Floats:
    return np.array([[whole.get((i, j), 1.0) for j in members] for i in members])


def selected(rows: Sequence[Estimate], word: str, alpha: float) -> list[Estimate]:
    """The intervals of what the false discovery rate selects, widened by how much is selected."""
    chosen = sum(row.p_adjusted is not None and row.p_adjusted <= alpha for row in rows)
    m = len(rows) * (harmonic(len(rows)) if word == "benjamini_yekutieli" else 1.0)
    over = f"false coverage rate {100 * alpha:g}%, {chosen} of {len(rows)} selected"
    return [
        _widened(row, _quantile(row.df, alpha * chosen / m), over)
        if row.p_adjusted is not None and row.p_adjusted <= alpha and _is_symmetric(row)
        else row
        for row in rows
    ]


def _at_level(row: Estimate, alpha: float, size: int) -> Estimate:
    """Bonferroni's interval."""
    if size == 1 or not _is_symmetric(row):
        return row
    return _widened(row, _quantile(row.df, alpha), f"simultaneous over {size}, Bonferroni")


def _widened(row: Estimate, reach: float, over: str) -> Estimate:
    """The row with point -+ reach * SE; ``over`` says whom the level is of."""
    if row.std_error is None or not over:
        return row
    source = row.interval_kind.split(", ", 1)[-1]
    return replace(
        row,
        ci_low=row.point - reach * row.std_error,
        ci_high=row.point + reach * row.std_error,
        interval_kind=f"{100 * row.level:g}% {over}, {source}",
    )


def _with_p(rows: Sequence[Estimate], p: Floats) -> list[Estimate]:
    return [replace(row, p_adjusted=each) for row, each in zip(rows, p.tolist(), strict=True)]


def _statistics(rows: Sequence[Estimate]) -> tuple[Floats, Floats]:
    """t and df of each row; the normal value of its p where it has no symmetric interval."""
    t, df = np.empty(len(rows)), np.empty(len(rows))
    for i, row in enumerate(rows):
        assert row.p_value is not None
        if row.std_error is not None and _is_symmetric(row):
            t[i] = row.point / row.std_error
            df[i] = np.inf if row.df is None else row.df
        else:
            t[i], df[i] = -float(ndtri(row.p_value / 2)), np.inf
    return t, df


def _is_symmetric(row: Estimate) -> bool:
    """Whether the interval is point -+ quantile * SE, of Student's t or the normal."""
    if row.std_error is None:
        return False
    reach = _quantile(row.df, 1 - row.level) * row.std_error
    ends = (row.point - reach - row.ci_low, row.point + reach - row.ci_high)
    return max(map(abs, ends)) <= CLOSE * reach


def _quantile(df: float | None, alpha: float) -> float:
    if df is None or not np.isfinite(df):
        return -float(ndtri(alpha / 2))
    return -float(stdtrit(df, alpha / 2))
