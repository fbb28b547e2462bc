"""Analyse a table of finished outcomes without ledger or declaration."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from apologylab import wiring
from apologylab.design.contrasts import against, effects_on
from apologylab.design.estimators import ESTIMATORS, columns_of, parse_estimator
from apologylab.design.layout import Layout, table_layout
from apologylab.design.subgroups import subgroup_columns
from apologylab.design.times import END
from apologylab.errors import InputError
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing, Scheme
from apologylab.inference.slice_checks import ratio_within
from apologylab.inference.survival.counts import Timed
from apologylab.inference.times import Lasting
from apologylab.service.conclude import About, conclude
from apologylab.service.question import estimators as by_default
from apologylab.service.question import spelled
from apologylab.service.table import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.plan import Adjust
    from apologylab.inference.results import Analysis
    from apologylab.service.ports import Panel

UNSTRATIFIED = ("by_cause", "repeats")
"""Estimators that compare arms within phases only."""


def analyse(  # noqa: PLR0913 - a question in one call: each argument is a part of it
    table: object,
    *,
    arm: str,
    reference: str,
    outcomes: Sequence[str],
    covariates: Sequence[str] = (),
    unit: str | None = None,
    cluster: str | None = None,
    strata: str | None = None,
    weights: Mapping[str, int] | None = None,
    alpha: float = 0.05,
    adjust: Adjust = "holm",
    estimators: Sequence[str] = (),
    levels: Mapping[str, Mapping[str, str | float]] | None = None,
    times: Mapping[str, str] | None = None,
    weeks: Mapping[str, Sequence[str]] | None = None,
    subgroups: Mapping[str, Sequence[str]] | None = None,
) -> Analysis:
    """Compare every arm of a table with the reference: the same code as ``apologylab analyse``.

    Every outcome counts as primary, so p-values are adjusted over all of them together.

    Args:
        table: a pandas or polars DataFrame or an Arrow table with one row a unit, or the path of a
            CSV or Parquet file; or, analysed where it lies (extra ``[spark]``), a Spark DataFrame
            or ``"postgresql://host/database#table"``.
        arm: column of the arm.
        reference: the arm that every effect is a difference from.
        outcomes: numeric columns; empty values are missing and counted.
        covariates: numeric columns measured before the draw. With them each effect is given twice,
            adjusted (Lin 2013) and plain.
        unit: column of the unit id, if there is one; an id in two rows is refused.
        cluster: column of what was drawn together (a city, a household), where rows were not drawn
            one by one: errors are then between clusters.
        strata: column of what was known before the draw and drawn by itself (a country, a size),
            with both arms in each: effects are then post-stratified, within strata and weighted by
            their rows.
        weights: arm -> planned weight, for the sample-ratio check and the propensities. Without it
            there is no check, and arms are taken to have one weight where propensities are needed.
        alpha: 1 less the level of the intervals.
        adjust: how p-values are adjusted.
        estimators: such as ``["lin(errors=HC3)", "difference_in_means"]``, the one that leads
            first; docs/reference/estimators.md has them all.
        levels: arm -> factor -> level, where arms combine factors; levels that are numbers, such
            as the coupon's value, are sizes too. Main effects follow, and :meth:`contrast` of the
            result. An arm without levels, such as silence, lies outside the factorial.
        times: column of a time -> column of what ended it: 0 nothing yet, 1 the event, 2 and more
            other ends. For kaplan_meier, aalen_johansen, rmst, log_rank, cox and cox_adjusted.
        weeks: outcome -> its columns of each week since the incident, for by_week.
        subgroups: column known before the draw -> its levels, for subgroups.

    Raises:
        InputError: a column is missing or not numeric, or there is no such arm or estimator.

    >>> import pyarrow
    >>> rows = {"arm": ["note", "none"] * 3, "spend": [9, 1, 12, 4, 15, 1]}
    >>> found = analyse(pyarrow.table(rows), arm="arm", reference="none", outcomes=["spend"])
    >>> found.estimates[0].point
    10.0
    """
    _refuse_names(outcomes, covariates, estimators)
    _refuse_both(cluster, strata)
    _refuse_unstratified(estimators, strata)
    _refuse_weights(weights or {reference: 1})
    over = _OverTime(times or {}, weeks or {}, subgroups or {})
    wanted = Wanted(
        what=table if isinstance(table, str) else "the table",
        arm=arm,
        unit=unit,
        cluster=cluster,
        strata=strata,
        outcomes={name: name for name in outcomes},
        covariates=tuple(covariates),
        further=columns_of(estimators, (*outcomes, *covariates)) | over.columns(),
        levels=subgroup_columns(over.subgroups),
        arms=None if weights is None else tuple(name for name, each in weights.items() if each),
    )
    panel = wiring.table_panel(table, wanted)
    arms = wanted.arms or _arms(panel)
    _refuse_lone(reference, arms)
    if weights is None:
        _refuse_unweighed(estimators, panel)
    on = _layout(arms, levels or {})
    scheme: Scheme = "independent" if cluster is None else "clusters"
    asked = Question(
        outcomes=tuple(
            Measured(name=each, role="primary", unit=each, weeks=over.weeks_of(each))
            for each in outcomes
        ),
        arm_contrasts=against(arms, reference),
        weights={1: weights or dict.fromkeys(arms, 1)},
        assigned={},
        covariates=panel.covariates,
        estimators=spelled(estimators) or by_default(panel.covariates, scheme),
        drawing=Drawing(scheme=scheme),
        alpha=alpha,
        adjust=adjust,
        factor_contrasts=effects_on(on),
        layout=on,
        times=over.lasting(),
        subgroups={name: tuple(each) for name, each in over.subgroups.items()},
    )
    head = About(experiment="table", as_of=wiring.clock()())
    return conclude(panel, asked, head, weighed=weights is not None)


class _OverTime(NamedTuple):
    """Times, weeks and subgroups as they were given, in the panel's columns."""

    times: Mapping[str, str]
    weeks: Mapping[str, Sequence[str]]
    subgroups: Mapping[str, Sequence[str]]

    def columns(self) -> dict[str, str]:
        """The panel's columns -> the table's."""
        found = {time: time for time in self.times}
        found |= {f"{time}{END}": end for time, end in self.times.items()}
        for outcome, columns in self.weeks.items():
            found |= dict(zip(self.weeks_of(outcome), columns, strict=True))
        return found

    def weeks_of(self, outcome: str) -> tuple[str, ...]:
        return tuple(f"{outcome}:week{i + 1}" for i in range(len(self.weeks.get(outcome, ()))))

    def lasting(self) -> tuple[Lasting, ...]:
        return tuple(
            Lasting(name=time, role="primary", unit=time, timed=Timed(time, f"{time}{END}"))
            for time in self.times
        )


def _refuse_names(*lists: Sequence[str]) -> None:
    for given in lists:
        if isinstance(given, str) or not all(isinstance(name, str) for name in given):
            raise InputError(f"{given!r} is not a list of names in text", do='write ["spend"]')


def _refuse_weights(weights: Mapping[str, int]) -> None:
    if not all(0 <= each < inf for each in weights.values()) or not any(weights.values()):
        raise InputError(
            f"weights are {dict(weights)}", do="give each arm its planned weight, such as 1 or 9"
        )


def _refuse_unweighed(estimators: Sequence[str], panel: Panel) -> None:
    """Refuse what weighs by propensities where these cannot be of arms with one weight."""
    asked = [parse_estimator(text, ESTIMATORS) for text in estimators]
    needs = [each.text for each in asked if ESTIMATORS[each.name].propensities]
    if not needs:
        return
    flow = panel.flow()
    slices = flow.sliced.slices["stratum"] if flow.sliced else {"the table": flow.assigned}
    equal = {1: dict.fromkeys(flow.assigned[1], 1)}
    check = ratio_within("sample ratio", slices, equal)
    if check.passed is False:
        raise InputError(
            f"{needs[0]} needs the planned weights, and those of the arms do not look equal "
            f"(p {check.p_value:.2g})",
            do='give them, such as weights={"silence": 9, "sorry": 1}',
        )


def _refuse_both(cluster: str | None, strata: str | None) -> None:
    if cluster is not None and strata is not None:
        raise InputError(
            "both cluster and strata are given: errors between clusters are not post-stratified",
            do="give the cluster alone, or name the strata's columns among the covariates",
        )


def _refuse_unstratified(estimators: Sequence[str], strata: str | None) -> None:
    asked = [parse_estimator(text, ESTIMATORS) for text in estimators]
    if strata is not None and (pooled := [e.text for e in asked if e.name in UNSTRATIFIED]):
        raise InputError(
            f"{pooled[0]} puts all strata of column {strata!r} together",
            do="ask for difference_in_means, lin or another that is post-stratified",
        )


def _layout(arms: Sequence[str], levels: Mapping[str, Mapping[str, str | float]]) -> Layout:
    if unknown := [arm for arm in levels if arm not in arms]:
        raise InputError(
            f"levels are given of {unknown[0]!r}, which is no arm",
            do=f"the arms, as text, are {', '.join(map(repr, arms))}",
        )
    return table_layout({arm: levels.get(arm, {}) for arm in arms})


def _arms(panel: Panel) -> tuple[str, ...]:
    return tuple(panel.flow().assigned[1])


def _refuse_lone(reference: str, arms: tuple[str, ...]) -> None:
    known = ", ".join(map(repr, arms))
    if reference not in arms:
        raise InputError(
            f"no row is in the reference arm {reference!r}", do=f"the arms, as text, are {known}"
        )
    if len(arms) < 2:
        raise InputError(f"the only arm is {known}", do="give the rows of every arm that was drawn")
