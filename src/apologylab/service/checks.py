"""Checks and warnings of an analysis: which are made, and of what."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from apologylab.inference.attrition_checks import cluster_attrition, maturity
from apologylab.inference.checks import attrition, balance, sample_ratio
from apologylab.inference.lost import lost
from apologylab.inference.outliers import MOST_UNITS, outlier_influence
from apologylab.inference.scheme_checks import (
    blocks_ratio,
    clusters_ratio,
    clusters_size,
)
from apologylab.inference.skewness import HISTORY, column_of, too_skewed
from apologylab.inference.slice_checks import (
    clusters_balance,
    fallback_rate,
    interference,
    ratio_within,
    stage_check,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.inference.moments import Moments
    from apologylab.inference.plan import Fits
    from apologylab.inference.question import Question
    from apologylab.inference.replay import Replays
    from apologylab.inference.results import Check
    from apologylab.service.ports import ByPhase, Flow, Panel


CAUSE = "cause"
"""The panel's column with the number of what caused a unit's incident."""


def warnings(panel: Panel, asked: Question, fits: Fits) -> tuple[str, ...]:
    """What is wrong with no unit, and yet with the intervals."""
    columns = {name: column_of(each, name) for name, each in fits.moments.items() if each.cells}
    if fits.covariates is not None and fits.covariates.cells:
        columns |= {
            name: column_of(fits.covariates, name)
            for name in fits.covariates.columns
            if name.removesuffix(HISTORY) in fits.moments
        }
    return too_skewed(panel.source, columns, [contrast for _, contrast in asked.contrasts])


def checks(asked: Question, flow: Flow, fits: Fits, *, weighed: bool = True) -> tuple[Check, ...]:
    """Sample ratio overall, in slices and of the rows analysed; delivery, attrition, balance."""
    found: list[Check] = []
    analysed = has_outcome(fits)
    if weighed:
        found += [at_assignment(asked, flow), *_of_rows(asked, fits, analysed)]
        found += in_slices(asked, flow)
    if weighed and asked.look:
        found += at_any_time(asked, flow)
    if flow.sets is not None and asked.drawing.scheme == "clusters":
        found.append(clusters_size("customers per cluster", flow.sets))
    if asked.drawing.scheme != "clusters":
        found += _who_is_measured(asked, flow, analysed)
    found += _on_the_way(flow)
    if fits.covariates is not None and asked.drawing.scheme != "clusters":
        found.append(balance(fits.covariates))
    return tuple(found)


def _who_is_measured(asked: Question, flow: Flow, analysed: Mapping[str, ByPhase]) -> list[Check]:
    """Whether as many units have matured in every arm, and as many of these have their outcome."""
    read = [each.name for each in asked.times if each.name in analysed]
    names = [name for name in (*(o.name for o in asked.outcomes), *read) if name in flow.mature]
    ripe = [maturity(name, flow.assigned, flow.mature[name]) for name in names]
    gone = [attrition(name, flow.mature[name], analysed[name]) for name in names]
    return [*filter(None, ripe), *gone]


def _on_the_way(flow: Flow) -> list[Check]:
    """Stages of delivery, and fallbacks where some were reported (R11, R13)."""
    if flow.sliced is None:
        return []
    found = [stage_check(stage) for stage in flow.sliced.stages]
    fallbacks = flow.sliced.fallbacks
    if any(fallen for arms in fallbacks.values() for _, fallen in arms.values()):
        found.append(fallback_rate(fallbacks))
    return found


def in_slices(asked: Question, flow: Flow) -> list[Check]:
    """The sample ratio by day and by stratum; blocks and minimisation can only come out closer.

    Clusters have none: their customers come together.
    """
    if asked.drawing.scheme == "clusters" or flow.sliced is None:
        return []
    return [
        ratio_within(f"sample ratio, by {name}", slices, asked.weights)
        for name, slices in flow.sliced.slices.items()
    ]


def of_source(panel: Panel, asked: Question, fits: Fits) -> list[Check]:
    """Those that ask the engine once more: outliers, balance of clusters, interference.

    Only where they say something: interference needs many causes, outliers not too many units.
    """
    found: list[Check] = []
    primary = asked.outcomes[0].name
    whole = fits.moments[primary]
    if whole.cells and whole.n.sum() <= MOST_UNITS:
        mean = column_of(whole, primary).mean
        found.append(outlier_influence(panel.source, primary, mean))
    if asked.covariates and asked.drawing.scheme == "clusters":
        found.append(clusters_balance(panel.source.set_totals(asked.covariates)))
    if asked.drawing.scheme == "clusters":
        names = [each.name for each in asked.outcomes if lost(each.name) in panel.columns]
        totals = panel.source.set_totals([lost(name) for name in names])
        found += [
            cluster_attrition(name, each, asked.weights)
            for name, each in zip(names, totals, strict=True)
        ]
    if CAUSE in panel.columns and asked.drawing.scheme != "clusters":
        (by_cause,) = panel.source.set_totals([asked.outcomes[0].name], by=CAUSE)
        found.append(interference(by_cause, asked.arm_contrasts[0].reference, of=CAUSE))
    return [check for check in found if not check.says.startswith("says nothing")]


def at_assignment(asked: Question, flow: Flow) -> Check:
    """The sample-ratio check of all units, mature or not, as the scheme drew them (R3)."""
    name, drawing = "sample ratio, assigned", asked.drawing
    if drawing.scheme == "minimisation":
        from apologylab.inference.redraw import minimised_ratio

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
    from apologylab.inference.sequential.multinomial import sample_ratio_at_any_time

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


def replayed(panel: Panel, asked: Question, replays: Replays | None) -> list[Check]:
    """The A/A replay, if it was asked for.

    Raises:
        NotEstimable: the engine gives no rows away.
    """
    if replays is None:
        return []
    from apologylab.inference.replay import replay

    columns = (asked.outcomes[0].name, *asked.covariates)
    return [replay(panel.source.collect(columns), asked, replays)]


def has_outcome(fits: Fits) -> dict[str, ByPhase]:
    """Outcome, or time to an event that was read, -> phase -> arm -> units that have it."""
    found = {name: by_phase(each) for name, each in fits.moments.items()}
    return found | {name: n for each in fits.found.values() for name, n in each.followed}


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
