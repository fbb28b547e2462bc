"""The panel of a ledger: the randomised units, left-joined to facts (R19)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.decision.value import VALUE, LedgerValue, ledger_value
from apologylab.design.subgroups import subgroup_columns
from apologylab.design.weeks import week_columns
from apologylab.inference.lost import lost
from apologylab.inference.sets import DRAWN_AT
from apologylab.inference.slice_checks import Sliced
from apologylab.service.early_mix import WEEKEND
from apologylab.service.ports import Flow
from apologylab.warehouse.beside import agent_column, found_beside, survey_column
from apologylab.warehouse.engine import connect
from apologylab.warehouse.feeds import Horizon, horizon, reach
from apologylab.warehouse.history import shorter
from apologylab.warehouse.lasting import time_columns, time_horizons
from apologylab.warehouse.ledger_tallies import Tallied, tally_ledger
from apologylab.warehouse.ledger_value import value_columns
from apologylab.warehouse.moments import DuckSource
from apologylab.warehouse.relative_dose import given_columns
from apologylab.warehouse.sets import DRAWN_SET, drawn_set
from apologylab.warehouse.slices import slices, stages
from apologylab.warehouse.sql import identifier, text_literal
from apologylab.warehouse.standing_ledger import Keeping, tally_standing
from apologylab.warehouse.tally import DAY
from apologylab.warehouse.units import delays, deliveries, forgotten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import duckdb

    from apologylab.design.experiment import Experiment, Outcome
    from apologylab.service.ports import ByPhase

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


def panel_ledger(
    url: str,
    experiment: Experiment,
    *,
    as_of: datetime,
    mark: int,
    standing: Keeping | None = None,
) -> LedgerPanel:
    """Build the panel of the facts up to ``mark``; units are mature as of ``as_of`` (R20).

    It is open only inside this call; see :mod:`apologylab.warehouse.staging`. With ``standing``
    only units that changed since the file was last used are tallied (R25).

    Raises:
        InputError: amounts are in several currencies, or the standing file is none.
        LedgerError: the ledger cannot be read.
    """
    connection = connect()
    connection.execute("SET preserve_insertion_order = false")  # copies run on all cores
    value = ledger_value(experiment)
    found = _tallied(connection, url, experiment, mark=mark, standing=standing)
    through = found.through
    horizons = _horizons(experiment, value, through, as_of, kinds=found.kinds)
    covariates, notes = shorter(connection, experiment)
    followed = time_horizons(experiment, through, as_of)
    times = {
        name: sql
        for time in experiment.times
        for name, sql in time_columns(time, followed[time.name]).items()
    }
    names = _build(connection, experiment, value, horizons, covariates, times)
    said = (*reach(horizons | followed), *notes, *delays(connection, experiment))
    flow = _flow(connection, experiment, found, horizons, said)
    source = DuckSource(connection=connection, relation="panel", columns=frozenset(names))
    return LedgerPanel(source=source, covariates=covariates, counted=flow)


def _flow(
    connection: duckdb.DuckDBPyConnection,
    experiment: Experiment,
    found: Tallied,
    horizons: Mapping[str, Horizon],
    said: Sequence[str],
) -> Flow:
    """The counts of the units, and what is said of them beside ``said``."""
    first = next(each.name for each in experiment.outcomes if each.role == "primary")
    lacking = tuple(kind for kind in ("contact", "goodwill") if kind not in found.through)
    return Flow(
        assigned=_count(connection, "TRUE"),
        mature={name: _count(connection, each.mature) for name, each in horizons.items()},
        delivered=deliveries(connection),
        notes=(*said, *found.notes, *forgotten(connection)),
        sets=found.sets,
        order=found.order,
        sliced=Sliced(slices(connection), stages(connection), found.fallen),
        beside=found_beside(
            connection, experiment, horizons[first], fault=found.blamed, lacking=lacking
        ),
    )


def _tallied(
    connection: duckdb.DuckDBPyConnection,
    url: str,
    experiment: Experiment,
    *,
    mark: int,
    standing: Keeping | None,
) -> Tallied:
    """The units' tallies, out of the standing file where it can serve, else all anew."""
    if standing is None:
        return tally_ledger(connection, url, experiment, mark=mark)
    found, why = tally_standing(connection, url, experiment, mark=mark, keeping=standing)
    if found is None:
        found = tally_ledger(connection, url, experiment, mark=mark)
    return found._replace(notes=(*found.notes, why))


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
    columns |= given_columns(experiment)
    if experiment.allocation.scheme == "minimisation":
        columns[DRAWN_AT] = "unit"
    columns |= {"delivered": DELIVERED, WEEKEND: SATURDAY_OR_SUNDAY}
    if connection.execute("SELECT 1 FROM units WHERE cause IS NOT NULL LIMIT 1").fetchone():
        columns["cause"] = CAUSE
    columns |= agent_column(connection)
    columns |= survey_column(experiment)
    for outcome in experiment.outcomes:
        columns |= _outcome_columns(outcome, horizons[outcome.name])
    for name in covariates:
        columns[name] = f"coalesce({identifier(name)}, 0.0)"
    if value:
        parts = value_columns(value, horizons[VALUE].mature)
        columns |= {name: _when(horizons[VALUE], sql) for name, sql in parts.items()}
        columns |= {lost(name): _lost(horizons[VALUE], sql) for name, sql in parts.items()}
    columns |= times
    columns |= _subgroups(experiment)
    listed = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in columns.items())
    connection.execute(f"CREATE TEMP TABLE panel AS SELECT {listed} FROM tallies")
    return list(columns)


def _outcome_columns(outcome: Outcome, horizon: Horizon) -> dict[str, str]:
    """An outcome, its weeks, and where it was lost; a question that was not answered is no 0."""
    unanswered = outcome.fact == "survey_answer" and (outcome.measure or "").startswith("sum")
    known = identifier(outcome.name)
    measured = known if unanswered else f"coalesce({known}, 0.0)"
    weeks = {
        week: _when(horizon, f"coalesce({identifier(week)}, 0.0)") for week in week_columns(outcome)
    }
    return {
        outcome.name: _when(horizon, measured),
        **weeks,
        lost(outcome.name): _lost(horizon, measured),
    }


def _subgroups(experiment: Experiment) -> dict[str, str]:
    """Column of a level of a subgroup -> SQL of 1 where the incident's field has it, else 0."""
    found = {}
    for name, (field, level) in subgroup_columns(experiment.plan.subgroups).items():
        held = f"incident_fields ->> {text_literal(field)} = {text_literal(level)}"
        found[name] = f"CAST(coalesce({held}, FALSE) AS DOUBLE)"
    return found


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
