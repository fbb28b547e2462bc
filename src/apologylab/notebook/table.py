"""Analyse a table of finished outcomes without ledger or declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apologylab import wiring
from apologylab.design.contrasts import against, effects_on
from apologylab.design.estimators import ESTIMATORS, columns_of, parse_estimator
from apologylab.design.layout import Layout, table_layout
from apologylab.design.subgroups import subgroup_columns
from apologylab.design.times import END
from apologylab.errors import InputError
from apologylab.inference.moments import Request, cell_means
from apologylab.inference.question import Measured, Question
from apologylab.inference.scheme_checks import Drawing, Scheme
from apologylab.inference.slice_checks import ratio_within
from apologylab.inference.survival.counts import Timed
from apologylab.inference.times import Lasting
from apologylab.notebook.arguments import Arguments, read
from apologylab.notebook.together import refuse
from apologylab.service.conclude import About, conclude
from apologylab.service.question import estimators as by_default
from apologylab.service.question import spelled
from apologylab.service.table import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.plan import Adjust
    from apologylab.inference.results import Analysis
    from apologylab.service.ports import Panel


def analyse(  # noqa: PLR0913 - a question in one call: each argument is a part of it
    table: object,
    *,
    arm: str,
    reference: str,
    outcomes: Sequence[str],
    covariates: Sequence[str] | None = (),
    unit: str | None = None,
    cluster: str | None = None,
    strata: str | None = None,
    weights: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    adjust: Adjust = "holm",
    estimators: Sequence[str] | None = (),
    levels: Mapping[str, Mapping[str, str | float]] | None = None,
    times: Mapping[str, str] | None = None,
    weeks: Mapping[str, Sequence[str]] | None = None,
    subgroups: Mapping[str, Sequence[str | float]] | None = None,
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
            adjusted (Lin 2013) and plain; of clusters, plain and adjusted (CUPED), plain leads.
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
        InputError: an argument is not of its shape (:mod:`apologylab.notebook.arguments`), a
            column is missing or not numeric, or there is no such arm or estimator.

    >>> import pyarrow
    >>> rows = {"arm": ["note", "none"] * 3, "spend": [9, 1, 12, 4, 15, 1]}
    >>> found = analyse(pyarrow.table(rows), arm="arm", reference="none", outcomes=["spend"])
    >>> found.estimates[0].point
    10.0
    """
    given = read(
        arm=arm,
        reference=reference,
        outcomes=outcomes,
        covariates=covariates,
        unit=unit,
        cluster=cluster,
        strata=strata,
        weights=weights,
        alpha=alpha,
        adjust=adjust,
        estimators=estimators,
        levels=levels,
        times=times,
        weeks=weeks,
        subgroups=subgroups,
    )
    return _analyse(table, given)


def _analyse(table: object, given: Arguments) -> Analysis:
    """The analysis that is asked for in arguments of the right shapes."""
    refuse(given)
    over = _OverTime(given.times, given.weeks, given.subgroups)
    panel = wiring.table_panel(table, _wanted(table, given, over))
    arms = _arms(given, tuple(panel.flow().assigned[1]))
    if given.weights is None:
        _refuse_unweighed(given.estimators, panel)
    head = About(experiment="table", as_of=wiring.clock()())
    asked = _question(given, over.of_rows(panel), panel.covariates, arms)
    return conclude(panel, asked, head, weighed=given.weights is not None)


def _wanted(table: object, given: Arguments, over: _OverTime) -> Wanted:
    known = (*given.outcomes, *given.covariates)
    return Wanted(
        what=_called(table),
        arm=given.arm,
        unit=given.unit,
        cluster=given.cluster,
        strata=given.strata,
        outcomes={name: name for name in given.outcomes},
        covariates=given.covariates,
        further=columns_of(given.estimators, known) | over.columns(),
        levels=subgroup_columns(over.subgroups),
    )


def _question(
    given: Arguments, over: _OverTime, covariates: Sequence[str], arms: Sequence[str]
) -> Question:
    on = _layout(arms, given.levels)
    scheme: Scheme = "independent" if given.cluster is None else "clusters"
    return Question(
        outcomes=tuple(
            Measured(name=each, role="primary", unit=each, weeks=over.weeks_of(each))
            for each in given.outcomes
        ),
        arm_contrasts=against(arms, given.reference),
        weights={1: given.weights or dict.fromkeys(arms, 1)},  # type: ignore[dict-item]  # only their ratio is read
        assigned={},
        covariates=tuple(covariates),
        estimators=spelled(given.estimators) or _by_default(covariates, scheme),
        drawing=Drawing(scheme=scheme),
        alpha=given.alpha,
        adjust=given.adjust,
        factor_contrasts=effects_on(on),
        layout=on,
        times=over.lasting(),
        subgroups=over.subgroups,
    )


def _by_default(covariates: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """As of a declaration; of clusters with covariates, adjusted for them too."""
    adjusted = ("clustered_cuped",) if covariates and scheme == "clusters" else ()
    return (*by_default(covariates, scheme), *adjusted)


class _OverTime(NamedTuple):
    """Times, weeks and subgroups as they were given, in the panel's columns."""

    times: Mapping[str, str]
    weeks: Mapping[str, Sequence[str]]
    subgroups: Mapping[str, tuple[str, ...]]

    def columns(self) -> dict[str, str]:
        """The panel's columns -> the table's."""
        found = {time: time for time in self.times}
        found |= {f"{time}{END}": end for time, end in self.times.items()}
        for outcome, columns in self.weeks.items():
            found |= dict(zip(self.weeks_of(outcome), columns, strict=True))
        return found

    def weeks_of(self, outcome: str) -> tuple[str, ...]:
        return tuple(f"{outcome}:week{i + 1}" for i in range(len(self.weeks.get(outcome, ()))))

    def of_rows(self, panel: Panel) -> _OverTime:
        """Without the levels of subgroups that no row has, which the panel's notes name.

        Raises:
            InputError: a column has none of its levels.
        """
        if not self.subgroups:
            return self
        columns = list(subgroup_columns(self.subgroups))
        found = panel.source.moments([Request(column) for column in columns])
        some = {
            column: each.n @ cell_means(each)[:, 0] > 0.5
            for column, each in zip(columns, found, strict=True)
        }
        kept = {
            name: tuple(level for level in levels if some[f"{name}={level}"])
            for name, levels in self.subgroups.items()
        }
        if lone := [name for name, levels in kept.items() if not levels]:
            told = [each for each in panel.flow().notes if f" in column {lone[0]!r}" in each]
            raise InputError(
                "; ".join(told) or f"subgroups name no level of column {lone[0]!r}",
                do="write each level as the table has it",
            )
        return self._replace(subgroups=kept)

    def lasting(self) -> tuple[Lasting, ...]:
        return tuple(
            Lasting(name=time, role="primary", unit=time, timed=Timed(time, f"{time}{END}"))
            for time in self.times
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


def _layout(arms: Sequence[str], levels: Mapping[str, Mapping[str, str | float]]) -> Layout:
    if unknown := [arm for arm in levels if arm not in arms]:
        raise InputError(
            f"levels are given of {unknown[0]!r}, which is no arm",
            do=f"the arms, as text, are {', '.join(map(repr, arms))}",
        )
    return table_layout({arm: levels.get(arm, {}) for arm in arms})


def _arms(given: Arguments, held: tuple[str, ...]) -> tuple[str, ...]:
    """The arms of the table, ``held``, in the order of the weights if these are given."""
    known = ", ".join(map(repr, held))
    if given.reference not in held:
        raise InputError(
            f"no row is in the reference arm {given.reference!r}",
            do=f"the arms, as text, are {known}",
        )
    if len(held) < 2:
        raise InputError(f"the only arm is {known}", do="give the rows of every arm that was drawn")
    if given.weights is None:
        return held
    drawn = tuple(name for name, weight in given.weights.items() if weight)
    if lacking := [name for name in held if name not in drawn]:
        raise InputError(
            f"weights give none to {', '.join(map(repr, lacking))}, arms of column {given.arm!r}",
            do=f"give each arm its planned weight: {known}",
        )
    if absent := [name for name in drawn if name not in held]:
        raise InputError(
            f"weights name {', '.join(map(repr, absent))}, and no row of column {given.arm!r} is "
            "there",
            do=f"give weight 0 to an arm that was never drawn; the arms, as text, are {known}",
        )
    return drawn


def _called(table: object) -> str:
    """What messages call a table; of a URL only its table, for it may hold a password.

    >>> _called("visits.csv"), _called("postgresql://lab:hunter2@db/shop#visits")
    ('visits.csv', 'the table visits')
    """
    if not isinstance(table, str):
        return "the table"
    return f"the table {table.rpartition('#')[2]}" if "://" in table and "#" in table else table
