"""The units of a ledger and their tallies: what its panel is built from."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from apologylab.decision.value import currency, ledger_value
from apologylab.design import measures
from apologylab.warehouse.beside import beside_tallies, blamed
from apologylab.warehouse.exchange import exchange
from apologylab.warehouse.feeds import feeds
from apologylab.warehouse.lasting import time_tallies
from apologylab.warehouse.ledger_value import value_tallies
from apologylab.warehouse.persons import pool, stage_merges
from apologylab.warehouse.relative_dose import given_tally
from apologylab.warehouse.reopening import REOPENED, mark_reopening, one_name
from apologylab.warehouse.sets import draws
from apologylab.warehouse.slices import fallbacks
from apologylab.warehouse.staging import Stager, attached
from apologylab.warehouse.tally import (
    Tally,
    covariate_tally,
    outcome_tally,
    tallied,
    week_tallies,
)
from apologylab.warehouse.units import minor_units, stage_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import duckdb

    from apologylab.design.experiment import Experiment
    from apologylab.inference.sets import Drawn, SetTotals

COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **{fact: tuple(columns) for fact, columns in measures.COLUMNS.items()},
        "delivery": ("assignment", "experiment", "arm", "state"),
        "survey_draw": ("experiment", "invited"),
        "liability": (
            "assignment",
            "experiment",
            "compensation",
            "state",
            "amount",
            "currency",
            "terms",
        ),
    }
)
"""What is copied of each kind, beside key, customer and time: all that an outcome may name."""
EXCLUDED: Mapping[str, str] = {
    "order": "coalesce(f.key = u.failing_order, FALSE)",
    "redemption": """coalesce(f."order" = u.failing_order, FALSE)""",
    "incident": "f.key = u.incident",
}
"""Facts that are the failure itself, not what came after it (R12)."""


class Tallied(NamedTuple):
    """What is known beside tables ``units``, ``tallies`` and ``staged_delivery``.

    Attributes:
        through: kind of fact -> how far its feed is complete.
        fallen: see :func:`apologylab.warehouse.slices.fallbacks`.
        sets, order: see :func:`apologylab.warehouse.sets.draws`.
        kinds: the kinds of which the ledger has any fact.
        notes: of merged customers.
        blamed: see :func:`apologylab.warehouse.beside.blamed`.
    """

    through: Mapping[str, datetime]
    fallen: Mapping[int, Mapping[str, tuple[int, int]]]
    sets: SetTotals | None
    order: dict[int, Drawn]
    kinds: frozenset[str]
    notes: tuple[str, ...]
    blamed: Mapping[str, Mapping[str, int]] = MappingProxyType({})


def tally_ledger(
    connection: duckdb.DuckDBPyConnection, url: str, experiment: Experiment, *, mark: int
) -> Tallied:
    """Tally every unit of the facts up to ``mark``.

    Raises:
        InputError: amounts are in several currencies.
        LedgerError: the ledger cannot be read.
    """
    tallies = all_tallies(experiment)
    kinds = kinds_of(tallies)
    with attached(connection, url):
        stage_units(connection, experiment, mark=mark)
        stager = Stager(connection=connection, mark=mark, rule=experiment.unit_id)
        stage_facts(stager, kinds)
        through = feeds(connection, mark=mark)
        stage_merges(connection, experiment.unit_id, mark=mark)
        fallen = fallbacks(connection, experiment, mark=mark)
        fault = blamed(connection, mark=mark)
    sets, order = draws(connection, experiment)
    merged = pool(connection, kinds, one_unit=experiment.unit == "customer")
    exchange(connection, experiment, kinds)
    minor = minor_units(connection, currency(experiment), kinds_of(tallies_of(experiment)))
    tally(connection, tallies, minor)
    held = _found(connection, kinds)
    return Tallied(through, fallen, sets, order, held, merged, fault)


def kinds_of(tallies: Iterable[Tally]) -> frozenset[str]:
    """The kinds of facts that a panel of these tallies reads."""
    found = {"delivery"}
    for tally in tallies:
        found |= {tally.fact, "resolution"} if REOPENED in tally.where else {tally.fact}
    return frozenset(found)


def stage_facts(stager: Stager, kinds: Iterable[str]) -> None:
    """Copy the facts of these kinds."""
    held = sorted(kinds)
    for kind in held:
        stager.stage(kind, ("key", "customer", "occurred_at", *COLUMNS[kind]))
    one_name(stager, [kind for kind in held if "incident" in COLUMNS[kind]])
    for kind in sorted({"contact", "complaint"} & set(held)) if "resolution" in held else ():
        mark_reopening(stager.connection, kind)


def tallies_of(experiment: Experiment) -> tuple[Tally, ...]:
    """Outcomes, the covariates of the plan, the parts of v, and times to an event."""
    value = ledger_value(experiment)
    pre = (each for each in experiment.outcomes if f"{each.name}:pre" in experiment.plan.covariates)
    return (
        *map(outcome_tally, experiment.outcomes),
        *map(covariate_tally, pre),
        *(tally for outcome in experiment.outcomes for tally in week_tallies(outcome)),
        *(value_tallies(value, experiment.name) if value else ()),
        *(tally for time in experiment.times for tally in time_tallies(time)),
        *given_tally(experiment),
    )


def all_tallies(experiment: Experiment) -> tuple[Tally, ...]:
    """Those that it declares, and those that every experiment has."""
    return (*tallies_of(experiment), *beside_tallies(experiment))


def tally(connection: duckdb.DuckDBPyConnection, tallies: Sequence[Tally], minor: int) -> None:
    """Table ``tallies``: one row a unit, NULL where it has no fact of a kind."""
    by_fact = groupby(sorted(tallies, key=lambda each: each.fact), key=lambda each: each.fact)
    joined = ""
    for fact, group in by_fact:
        query = tallied(fact, list(group), excluded=EXCLUDED.get(fact, "FALSE"), minor=minor)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE tallied_{fact} AS {query}")
        joined += f" LEFT JOIN tallied_{fact} USING (unit)"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE tallies AS SELECT * FROM units{joined}")


def _found(connection: duckdb.DuckDBPyConnection, kinds: frozenset[str]) -> frozenset[str]:
    """The kinds of which the ledger has any fact."""
    return frozenset(
        kind
        for kind in kinds
        if connection.execute(f"SELECT 1 FROM staged_{kind} LIMIT 1").fetchone()
    )
