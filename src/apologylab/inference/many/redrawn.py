"""The resampled statistics that a question's correction needs, asked of its panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.many.buckets import BUCKETS, in_buckets
from apologylab.inference.many.draws import resampled
from apologylab.inference.many.resampling import (
    MOST_PERMUTED,
    bootstrapped,
    permuted,
    within_blocks,
)
from apologylab.inference.moments import Request, select

if TYPE_CHECKING:
    from collections.abc import Callable

    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.arrays import ArraySource
    from apologylab.inference.moments import Floats
    from apologylab.inference.question import Question
    from apologylab.inference.source import Source

    MeansOf = Callable[[str, str], ArmMeans | None]
    Covariates = Mapping[str, tuple[str, ...]]
    """Estimator -> the covariates that its means are adjusted for."""

DRAWS = 3_000

Drawn = Mapping[tuple[str, str, str, str], "Floats"]
"""(outcome, estimator, kind, contrast) -> T* of each draw, (B,); the same draws for all."""


def redrawn(source: Source, question: Question, means: MeansOf, covariates: Covariates) -> Drawn:
    """T* of every contrast of every outcome by the estimators in ``covariates``.

    Raises:
        NotEstimable: too many units to permute, or some lack an outcome.
    """
    if question.adjust == "westfall_young":
        return _permuted(source, question, means, covariates)
    return _bootstrapped(source, question, means, covariates)


def _bootstrapped(
    source: Source, question: Question, means: MeansOf, covariates: Covariates
) -> Drawn:
    split = source.bucketed(BUCKETS)
    jobs = [(each.name, text) for each in question.outcomes for text in covariates]
    requests = [Request(outcome, covariates[text]) for outcome, text in jobs]
    found: dict[tuple[str, str, str, str], Floats] = {}
    for (outcome, text), moments in zip(jobs, split.moments(requests), strict=True):
        read_off = means(outcome, text)
        if read_off is None:
            continue
        kept = select(moments, [cell.arm in question.arms for cell in moments.cells])
        data = in_buckets(kept, BUCKETS)
        filled = (data.n.sum(axis=0) > 0).astype(np.int64)
        draws = resampled(np.random.default_rng(question.seed), filled, DRAWS)
        names, weights = _contrasts(question, read_off)
        t = bootstrapped(data, read_off.arms, weights, draws)
        found |= {(outcome, text, *name): t[:, i] for i, name in enumerate(names)}
    return found


def _permuted(source: Source, question: Question, means: MeansOf, covariates: Covariates) -> Drawn:
    units = source.collect([each.name for each in question.outcomes])
    units = _in_arms(units, question)
    if len(units.code) > MOST_PERMUTED:
        raise NotEstimable(
            f"{len(units.code):,} units are too many to permute",
            do='write adjust = "max_t", which is the same in large samples',
        )
    found: dict[tuple[str, str, str, str], Floats] = {}
    for outcome in question.outcomes:
        for text in (each for each, x in covariates.items() if not x):
            read_off = means(outcome.name, text)
            if read_off is None:
                continue
            names, weights = _contrasts(question, read_off)
            orders = within_blocks(units, np.random.default_rng(question.seed), DRAWS)
            t = permuted(units, outcome.name, read_off.arms, weights, orders)
            found |= {(outcome.name, text, *name): t[:, i] for i, name in enumerate(names)}
    return found


def _in_arms(units: ArraySource, question: Question) -> ArraySource:
    """The units of arms that some phase names."""
    named = np.array([cell.arm in question.arms for cell in units.cells], dtype=bool)
    kept = named[units.code]
    place = np.cumsum(named) - 1
    return replace(
        units,
        columns={name: column[kept] for name, column in units.columns.items()},
        cells=tuple(cell for cell, keep in zip(units.cells, named, strict=True) if keep),
        code=place[units.code[kept]].astype(np.intp),
        drawn_set=None,
    )


def _contrasts(question: Question, means: ArmMeans) -> tuple[list[tuple[str, str]], Floats]:
    """The contrasts whose arms are all there: kinds and names, and weights (c, a) over the arms."""
    there = [
        (kind, contrast)
        for kind, contrast in question.contrasts
        if kind != "mean" and all(arm in means.arms for arm, _ in contrast.cells)
    ]
    weights = np.zeros((len(there), len(means.arms)))
    for row, (_, contrast) in zip(weights, there, strict=True):
        row[:] = means.weights(contrast)
    return [(str(kind), contrast.name) for kind, contrast in there], weights
