"""The panel of a ledger: the randomised units, left-joined to facts (R19)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from apologylab.decision.value import VALUE, LedgerValue, currency, ledger_value
from apologylab.design.subgroups import subgroup_columns
from apologylab.design.weeks import week_columns
from apologylab.inference.lost import lost
from apologylab.inference.sets import DRAWN_AT
from apologylab.inference.slice_checks import Sliced
from apologylab.service.early_mix import WEEKEND
from apologylab.service.ports import Flow
from apologylab.warehouse.engine import connect
from apologylab.warehouse.feeds import Horizon, feeds, horizon, reach
from apologylab.warehouse.history import shorter
from apologylab.warehouse.lasting import time_columns, time_horizons, time_tallies
from apologylab.warehouse.ledger_value import value_columns, value_tallies
from apologylab.warehouse.moments import DuckSource
from apologylab.warehouse.persons import pool, stage_merges
from apologylab.warehouse.sets import DRAWN_SET, drawn_set, draws
from apologylab.warehouse.slices import fallbacks, slices, stages
from apologylab.warehouse.sql import identifier, text_literal
from apologylab.warehouse.staging import Stager, attached
from apologylab.warehouse.tally import (
    DAY,
    Tally,
    covariate_tally,
    outcome_tally,
    tallied,
    week_tallies,
)
from apologylab.warehouse.units import delays, deliveries, forgotten, minor_units, stage_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import duckdb

    from apologylab.design.experiment import Experiment, Outcome
    from apologylab.service.ports import ByPhase

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "order": ("list_amount", "paid_amount", "currency", "our_coupon", "returned_amount"),
    "contact": ("kind", "incident"),
    "redemption": ("compensation", "amount", "cost_amount", "currency", "order", "assignment"),
    "goodwill": ("kind", "amount", "currency", "incident", "by"),
    "survey_answer": ("question", "score", "incident"),
    "incident": ("kind", "order", "cause"),
    "delivery": ("assignment", "experiment", "state"),
    "liability": ("assignment", "experiment", "compensation", "state", "amount", "currency"),
}
"""What is copied of each kind, beside key, customer and time."""
EXCLUDED: Mapping[str, str] = {
    "order": "coalesce(f.key = u.failing_order, FALSE)",
    "redemption": """coalesce(f."order" = u.failing_order, FALSE)""",
    "incident": "f.key = u.incident",
}
"""Facts that are the failure itself, not what came after it (R12)."""

CAUSE = "CASE WHEN cause IS NOT NULL THEN dense_rank() OVER (ORDER BY cause) END"
"""The number of what caused the unit's incident; NULL where that is not known (R27)."""
DELIVERED = (
    "CAST(assignment IN (SELECT assignment FROM staged_delivery WHERE state = 'sent') AS DOUBLE)"
)
"""Whether the unit's remedy went out; never in silence, where nothing is sent."""
DELAY_HOURS = (
    "((SELECT min(d.occurred_at) FROM staged_delivery d WHERE d.assignment = tallies.assignment "
    "AND d.state = 'sent') - anchor) / 3.6e9"
)
"""Hours from the incident until its remedy went out; NULL where none did (R12)."""


SATURDAY_OR_SUNDAY = f"CAST((anchor // {DAY} + 3) % 7 >= 5 AS DOUBLE)"
"""1970-01-01 was a Thursday, three days after a Monday."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LedgerPanel:
    """See :class:`apologylab.service.ports.Panel`."""

    source: DuckSource
    covariates: tuple[str, ...]
    counted: Flow

    @property
    def columns(self) -> frozenset[str]:
        """See :attr:`apologylab.service.ports.Panel.columns`."""
        return self.source.columns

    def flow(self) -> Flow:
        """See :meth:`apologylab.service.ports.Panel.flow`."""
        return self.counted


def panel_ledger(url: str, experiment: Experiment, *, as_of: datetime, mark: int) -> LedgerPanel:
    """Build the panel of the facts up to ``mark``; units are mature as of ``as_of`` (R20).

    It is open only inside this call; see :mod:`apologylab.warehouse.staging`.

    Raises:
        InputError: amounts are in several currencies.
        LedgerError: the ledger cannot be read.
    """
    connection = connect()
    connection.execute("SET preserve_insertion_order = false")  # copies run on all cores
    value = ledger_value(experiment)
    tallies = _tallies(experiment, value)
    kinds = {*(tally.fact for tally in tallies), "delivery"}
    with attached(connection, url):
        stage_units(connection, experiment, mark=mark)
        stager = Stager(connection=connection, mark=mark, rule=experiment.unit_id)
        for kind in sorted(kinds):
            stager.stage(kind, ("key", "customer", "occurred_at", *COLUMNS[kind]))
        through = feeds(connection, mark=mark)
        stage_merges(connection, experiment.unit_id, mark=mark)
        fallen = fallbacks(connection, experiment, mark=mark)
    sets, order = draws(connection, experiment)
    merged = pool(connection, kinds, one_unit=experiment.unit == "customer")
    minor = minor_units(connection, currency(experiment), kinds)
    _tally(connection, tallies, minor)
    horizons = _horizons(experiment, value, through, as_of, kinds=_found(connection, kinds))
    covariates, notes = shorter(connection, experiment)
    followed = time_horizons(experiment, through, as_of)
    times = {
        name: sql
        for time in experiment.times
        for name, sql in time_columns(time, followed[time.name]).items()
    }
    names = _build(connection, experiment, value, horizons, covariates, times)
    flow = Flow(
        assigned=_count(connection, "TRUE"),
        mature={name: _count(connection, each.mature) for name, each in horizons.items()},
        delivered=deliveries(connection),
        notes=(
            *reach(horizons | followed),
            *notes,
            *delays(connection, experiment),
            *merged,
            *forgotten(connection),
        ),
        sets=sets,
        order=order,
        sliced=Sliced(slices(connection), stages(connection), fallen),
    )
    source = DuckSource(connection=connection, relation="panel", columns=frozenset(names))
    return LedgerPanel(source=source, covariates=covariates, counted=flow)


def _tallies(experiment: Experiment, value: LedgerValue | None) -> tuple[Tally, ...]:
    """Outcomes, the covariates of the plan, the parts of v, and times to an event."""
    pre = (each for each in experiment.outcomes if f"{each.name}:pre" in experiment.plan.covariates)
    return (
        *map(outcome_tally, experiment.outcomes),
        *map(covariate_tally, pre),
        *(tally for outcome in experiment.outcomes for tally in week_tallies(outcome)),
        *(value_tallies(value, experiment.name) if value else ()),
        *(tally for time in experiment.times for tally in time_tallies(time)),
    )


def _tally(connection: duckdb.DuckDBPyConnection, tallies: Sequence[Tally], minor: int) -> None:
    """Table ``tallies``: one row a unit, NULL where it has no fact of a kind."""
    by_fact = groupby(sorted(tallies, key=lambda each: each.fact), key=lambda each: each.fact)
    joined = ""
    for fact, group in by_fact:
        query = tallied(fact, list(group), excluded=EXCLUDED.get(fact, "FALSE"), minor=minor)
        connection.execute(f"CREATE TEMP TABLE tallied_{fact} AS {query}")
        joined += f" LEFT JOIN tallied_{fact} USING (unit)"
    connection.execute(f"CREATE TEMP TABLE tallies AS SELECT * FROM units{joined}")


def _found(connection: duckdb.DuckDBPyConnection, kinds: set[str]) -> frozenset[str]:
    """The kinds of which the ledger has any fact."""
    return frozenset(
        kind
        for kind in kinds
        if connection.execute(f"SELECT 1 FROM staged_{kind} LIMIT 1").fetchone()
    )


def _horizons(
    experiment: Experiment,
    value: LedgerValue | None,
    through: Mapping[str, datetime],
    as_of: datetime,
    *,
    kinds: frozenset[str],
) -> dict[str, Horizon]:
    """Outcome, and v -> until when units must have been enrolled to be mature."""
    found = {
        each.name: horizon([each.fact or ""], _span(each), through, as_of)
        for each in experiment.outcomes
    }
    if value:
        needed = ["order"]
        needed += ["redemption"] if value.compensation else []
        needed += ["contact"] if value.handling_cost else []
        needed += ["goodwill"] if "goodwill" in kinds or "goodwill" in through else []
        found[VALUE] = horizon(needed, _span(value.sales), through, as_of)
    return found


def _span(outcome: Outcome) -> int:
    return ((outcome.window_days or 0) + outcome.settle_days) * DAY


def _build(
    connection: duckdb.DuckDBPyConnection,
    experiment: Experiment,
    value: LedgerValue | None,
    horizons: Mapping[str, Horizon],
    covariates: Sequence[str],
    times: Mapping[str, str],
) -> list[str]:
    """View ``panel`` over the tallies; gives its columns."""
    columns = {key: key for key in ("version", "phase", "arm", *_drawn_by(experiment))}
    columns |= {"delay_hours": DELAY_HOURS}
    if experiment.allocation.scheme == "minimisation":
        columns[DRAWN_AT] = "unit"
    columns |= {"delivered": DELIVERED, WEEKEND: SATURDAY_OR_SUNDAY}
    if connection.execute("SELECT 1 FROM units WHERE cause IS NOT NULL LIMIT 1").fetchone():
        columns["cause"] = CAUSE
    for outcome in experiment.outcomes:
        unanswered = outcome.fact == "survey_answer" and (outcome.measure or "").startswith("sum")
        known = identifier(outcome.name)
        measured = known if unanswered else f"coalesce({known}, 0.0)"
        columns[outcome.name] = _when(horizons[outcome.name], measured)
        for week in week_columns(outcome):
            in_week = f"coalesce({identifier(week)}, 0.0)"
            columns[week] = _when(horizons[outcome.name], in_week)
        columns[lost(outcome.name)] = _lost(horizons[outcome.name], measured)
    for name in covariates:
        columns[name] = f"coalesce({identifier(name)}, 0.0)"
    if value:
        parts = value_columns(value, horizons[VALUE].mature)
        columns |= {name: _when(horizons[VALUE], sql) for name, sql in parts.items()}
        columns |= {lost(name): _lost(horizons[VALUE], sql) for name, sql in parts.items()}
    columns |= times
    for name, (field, level) in subgroup_columns(experiment.plan.subgroups).items():
        held = f"incident_fields ->> {text_literal(field)} = {text_literal(level)}"
        columns[name] = f"CAST(coalesce({held}, FALSE) AS DOUBLE)"
    listed = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in columns.items())
    connection.execute(f"CREATE TEMP TABLE panel AS SELECT {listed} FROM tallies")
    return list(columns)


def _drawn_by(experiment: Experiment) -> tuple[str, ...]:
    """What the scheme adds to the keys: blocks fill strata, and blocks and clusters are sets."""
    strata = ("stratum",) if experiment.allocation.scheme == "blocks" else ()
    return (*strata, *((DRAWN_SET,) if drawn_set(experiment) is not None else ()))


def _when(horizon: Horizon, measured: str) -> str:
    """SQL of a value that is missing before it is mature, and of a customer who was forgotten."""
    return f"CASE WHEN {horizon.mature} AND NOT forgotten THEN {measured} END"


def _lost(horizon: Horizon, measured: str) -> str:
    """SQL of 1 where a value is mature and yet missing, 0 where it is known, else NULL."""
    gone = f"(forgotten OR {measured} IS NULL)"
    return f"CASE WHEN {horizon.mature} THEN CAST({gone} AS DOUBLE) END"


def _count(connection: duckdb.DuckDBPyConnection, condition: str) -> ByPhase:
    """Phase -> arm -> units that meet a condition; arms in which none does are there with 0."""
    found: dict[int, dict[str, int]] = {}
    for phase, arm, n in connection.execute(
        f"SELECT phase, arm, count(*) FILTER (WHERE {condition}) FROM tallies "
        "GROUP BY phase, arm ORDER BY phase, arm"
    ).fetchall():
        found.setdefault(phase, {})[arm] = n
    return found
