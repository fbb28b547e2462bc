"""The second interval, clustered by cause: what holds for further outages as well (R27)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from apologylab.inference.answer import Answer, Details, Fit, OfMeans, Scan
from apologylab.inference.estimators.clustered import clustered
from apologylab.inference.sets import phases, too_few

if TYPE_CHECKING:
    from apologylab.design.contrasts import Contrast
    from apologylab.inference.sets import SetTotals

LISTED = 5
"""Causes whose own effect is told, the largest."""
MOST = 500_000
"""Sets up to which errors between them are kept in memory; units without a cause are one each."""


def _by_cause(scan: Scan) -> Mapping[str, Fit]:
    question, column = scan.question, scan.asked.word("column")
    names = [outcome.name for outcome in question.outcomes]
    totals = scan.source.set_totals(names, by=column)
    return {name: _fit(scan, each, column) for name, each in zip(names, totals, strict=True)}


def _fit(scan: Scan, totals: SetTotals, column: str) -> Fit:
    question, named = scan.question, np.unique(totals.code[totals.code >= 0])
    why = ""
    if len(named) < 2:
        why = f"the units have {len(named)} known values of {column}: two are needed"
    elif len(totals.n) > MOST:
        why = f"{len(named):,} values of {column} and the units without one are too many sets"
    if why:
        return Fit(None, dict.fromkeys(question.arms, why))
    refused = {
        arm: why.replace("cluster", column)
        for arm, why in too_few(totals, question.arms, question.weights, of_one_arm=True).items()
    }
    kept = [arm for arm in question.arms if arm not in refused]
    means = clustered(totals, kept) if kept else None
    return Fit(means, refused, details=partial(_details, totals, column))


def _details(totals: SetTotals, column: str, contrast: Contrast) -> Details:
    """How many causes there are, the largest one's share, and the effect in each of the largest."""
    given = dict(contrast.cells)
    arm = np.array([each.arm in given for each in totals.cells])[totals.cell]
    named = arm & (totals.code >= 0)
    codes, at = np.unique(totals.code[named], return_inverse=True)
    units = np.bincount(at, totals.n[named], len(codes))
    largest = codes[np.argsort(-units, kind="stable")][:LISTED]
    alone = int(totals.n[arm].sum() - units.sum())
    told: list[tuple[str, str | float]] = [
        (f"values of {column}", float(len(codes))),
        ("share of the largest", float(units.max() / totals.n[arm].sum())),
    ]
    told += [(f"units without {column}, each by itself", float(alone))] if alone else []
    for nth, code in enumerate(largest.tolist(), start=1):
        told.append((f"effect in the {nth}. largest", _effect(totals, code, given)))
    return told


def _effect(totals: SetTotals, code: int, weights: Mapping[str, float]) -> str:
    """The contrast within one cause, phases weighted by their units (R26), and of how many."""
    mine, arms = totals.code == code, tuple(weights)
    kept = {name: getattr(totals, name)[mine] for name in ("cell", "code", "n", "total")}
    found = [each for each in phases(replace(totals, **kept), arms) if each.n.any()]
    n = np.array([each.n for each in found])
    for arm, units in zip(arms, n.T, strict=True):
        if not units.all():
            return f"no unit in {arm}" + (", phase by phase" if units.any() else "")
    c, share = np.array(list(weights.values())), n.sum(axis=1) / n.sum()
    effect = float(share @ np.array([each.means for each in found]) @ c)
    return f"{effect:+.4g} ({n.sum():,} units)"


ANSWERS: Mapping[str, Answer] = {
    "by_cause": OfMeans(
        fit=_by_cause,
        error=lambda asked: f", error between values of {asked.word('column')} (CR2)",
        who="units and further causes like theirs",
    )
}
