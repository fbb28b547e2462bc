"""Checks and warnings of an analysis: which are made, and of what."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from apologylab.inference.checks import attrition, balance, sample_ratio
from apologylab.inference.redraw import minimised_ratio
from apologylab.inference.scheme_checks import (
    blocks_ratio,
    cluster_attrition,
    clusters_ratio,
    clusters_size,
)
from apologylab.inference.sequential.multinomial import sample_ratio_at_any_time
from apologylab.inference.skewness import HISTORY, column_of, too_skewed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.inference.moments import Moments
    from apologylab.inference.plan import Fits
    from apologylab.inference.question import Question
    from apologylab.inference.results import Check
    from apologylab.service.ports import ByPhase, Flow, Panel


def warnings(panel: Panel, asked: Question, fits: Fits) -> tuple[str, ...]:
    """What is wrong with no unit, and yet with the intervals."""
    columns = {name: column_of(each, name) for name, each in fits.moments.items() if each.cells}
    if fits.covariates is not None:
        columns |= {
            name: column_of(fits.covariates, name)
            for name in fits.covariates.columns
            if name.removesuffix(HISTORY) in fits.moments
        }
    return too_skewed(panel.source, columns, [contrast for _, contrast in asked.contrasts])


def checks(asked: Question, flow: Flow, fits: Fits, *, weighed: bool = True) -> tuple[Check, ...]:
    """Sample ratio at assignment and of the rows analysed, clusters' sizes, attrition, balance."""
    found: list[Check] = []
    analysed = {name: by_phase(each) for name, each in fits.moments.items()}
    if weighed:
        found += [at_assignment(asked, flow), *_of_rows(asked, fits, analysed)]
    if weighed and asked.look:
        found += at_any_time(asked, flow)
    if flow.sets is not None and asked.drawing.scheme == "clusters":
        found.append(clusters_size("customers per cluster", flow.sets))
    missing = cluster_attrition if asked.drawing.scheme == "clusters" else attrition
    found += [
        missing(each.name, flow.mature[each.name], analysed[each.name])
        for each in asked.outcomes
        if each.name in flow.mature
    ]
    if fits.covariates is not None:
        found.append(balance(fits.covariates))
    return tuple(found)


def at_assignment(asked: Question, flow: Flow) -> Check:
    """The sample-ratio check of all units, mature or not, as the scheme drew them (R3)."""
    name, drawing = "sample ratio, assigned", asked.drawing
    if drawing.scheme == "minimisation":
        return minimised_ratio(name, flow.order, asked.weights, drawing.coin)
    if flow.sets is not None and drawing.scheme == "clusters":
        return clusters_ratio(name, flow.sets, asked.weights)
    if flow.sets is not None and drawing.scheme == "blocks":
        return blocks_ratio(name, flow.sets, drawing.places, whole=True)
    return sample_ratio(name, flow.assigned, asked.weights)


def at_any_time(asked: Question, flow: Flow) -> tuple[Check, ...]:
    """The sample-ratio check for those who look often; units must be drawn one by one."""
    if asked.drawing.scheme != "independent":
        return ()
    return (sample_ratio_at_any_time(flow.assigned, asked.weights),)


def _of_rows(asked: Question, fits: Fits, analysed: Mapping[str, ByPhase]) -> list[Check]:
    """The sample-ratio check of the rows analysed.

    Minimisation has none: which of its units lack an outcome is for the check of attrition.
    """
    primary, drawing = asked.outcomes[0].name, asked.drawing
    name = f"sample ratio, analysed: {primary}"
    if drawing.scheme == "clusters":
        return [clusters_ratio(name, fits.sets[primary], asked.weights)]
    if drawing.scheme == "blocks":
        return [blocks_ratio(name, fits.sets[primary], drawing.places, whole=False)]
    if drawing.scheme == "minimisation":
        return []
    return [sample_ratio(name, analysed[primary], asked.weights)]


def by_phase(moments: Moments) -> ByPhase:
    """Phase -> arm -> units that have the outcome."""
    units: dict[int, Counter[str]] = {}
    for cell, n in zip(moments.cells, moments.n.tolist(), strict=True):
        units.setdefault(cell.phase, Counter())[cell.arm] += n
    return units


def over_phases(units: ByPhase) -> Mapping[str, int]:
    """Arm -> units, whatever the phase."""
    total: Counter[str] = Counter()
    for arms in units.values():
        total.update(arms)
    return total
