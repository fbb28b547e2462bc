"""The randomised units of an experiment, and what is known of their deliveries."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from apologylab.design.arms import arms
from apologylab.design.experiment import TIMING
from apologylab.design.faces import price_of
from apologylab.design.money import exponent
from apologylab.errors import InputError
from apologylab.warehouse.sets import DRAWN_SET, drawn_set
from apologylab.warehouse.sql import text_literal
from apologylab.warehouse.staging import LEDGER, normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from apologylab.design.experiment import Experiment, NormaliseRule

MONEY = ("order", "redemption", "goodwill", "liability", "complaint", "agent_answer")
"""Kinds of facts that hold amounts; the last two may hold none, and then no currency."""


def stage_units(
    connection: duckdb.DuckDBPyConnection,
    experiment: Experiment,
    *,
    mark: int,
    of: str | None = None,
) -> None:
    """Table ``units``: one row a unit, at its first randomised incident (R7, R23).

    ``anchor`` is the incident's own moment (R12), ``failing_order`` the order that it befell,
    ``cause`` what caused it, ``since`` when the customer became one, ``forgotten`` whether they
    were or have ``withdrawn`` consent, ``since_then`` whether only after the mark (R21).
    ``stratum`` is empty where the allocation has none, ``drawn_set`` NULL where units are drawn
    one by one (R3); ``delay_s`` is the delay drawn, in silence too.

    ``of`` names a table of the customers whose units are wanted, None wants all; units are then
    numbered by their place in the ledger, the same whoever else is wanted.
    """
    rule = experiment.unit_id
    customer = normalised("a.customer", rule)
    number = "a.seq" if of else "row_number() OVER (ORDER BY a.seq)"
    told = experiment.plan.subgroups or price_of(experiment) is not None
    fields = "i.fields AS incident_fields, " if told else ""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE units AS SELECT {fields}{number} AS unit, "
        f"a.version, a.phase, a.arm, coalesce(a.stratum, '') AS stratum, "
        f"{drawn_set(experiment) or 'NULL'} AS {DRAWN_SET}, "
        f"{customer} AS customer, a.key AS assignment, a.incident, a.delay_s, "
        'coalesce(i.occurred_at, a.occurred_at) AS anchor, i."order" AS failing_order, '
        "i.cause, s.since, f.customer IS NOT NULL OR coalesce(w.told > a.occurred_at, FALSE) "
        "AS forgotten, f.customer IS NULL AS withdrawn, "
        f"coalesce(f.seq > {mark}, FALSE) AS since_then "
        f"FROM {LEDGER}.fact_assignment a "
        f"LEFT JOIN {LEDGER}.fact_incident i ON i.key = a.incident AND i.seq <= {mark} "
        f"LEFT JOIN ({_since(mark, rule)}) s ON s.customer = {customer} "
        f"LEFT JOIN ({_forgotten(rule)}) f ON f.customer = {customer} "
        f"LEFT JOIN ({_withdrawn(experiment, mark)}) w ON w.customer = {customer} "
        f"WHERE a.seq <= {mark} AND a.experiment = {text_literal(experiment.name)} "
        f"AND a.version = {experiment.version} AND a.reason = 'RANDOMISED' AND a.\"first\" = 1"
        f"{f' AND {customer} IN (FROM {of})' if of else ''}"
    )


def _since(mark: int, rule: NormaliseRule) -> str:
    return (
        f"SELECT {normalised('customer', rule)} AS customer, arg_max(since, seq) AS since "
        f"FROM {LEDGER}.fact_customer_snapshot "
        f"WHERE seq <= {mark} AND since IS NOT NULL GROUP BY 1"
    )


def _forgotten(rule: NormaliseRule) -> str:
    """Whoever was forgotten stays so, at any date that is asked for."""
    customer = normalised("customer", rule)
    return f"SELECT {customer} AS customer, min(seq) AS seq FROM {LEDGER}.fact_forgotten GROUP BY 1"


def _withdrawn(experiment: Experiment, mark: int) -> str:
    """When customers were last heard to give no consent, where the experiment needs one."""
    needed = "TRUE" if experiment.eligibility.consent != "none" else "FALSE"
    customer = normalised("customer", experiment.unit_id)
    return (
        f"SELECT {customer} AS customer, arg_max(occurred_at, seq) AS told "
        f"FROM {LEDGER}.fact_customer_snapshot WHERE seq <= {mark} AND consent IS NOT NULL "
        f"AND {needed} GROUP BY 1 HAVING arg_max(consent, seq) = 'none'"
    )


def forgotten(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Whose outcomes are missing by arm: of those forgotten, and of those who withdrew (R21)."""
    rows = connection.execute(
        "SELECT arm, withdrawn, count(*), count(*) FILTER (WHERE since_then) FROM units "
        "WHERE forgotten GROUP BY arm, withdrawn ORDER BY arm"
    ).fetchall()
    if not rows:
        return ()
    notes = [
        f"{what}: {by_arm}; their outcomes are missing and not imputed"
        for is_withdrawn, what in ((False, "forgotten customers"), (True, "consent withdrawn"))
        if (by_arm := ", ".join(f"{n} in {arm}" for arm, w, n, _ in rows if w is is_withdrawn))
    ]
    notes.append("missing_bounds says between what bounds the effect on all of them lies")
    if since := sum(row[3] for row in rows):
        notes.append(
            f"{since} of them were forgotten after this date: what was computed as of it before "
            "can no longer be reproduced exactly"
        )
    return tuple(notes)


def deliveries(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Arm -> units whose remedy went out, or would have in silence (R13)."""
    rows = connection.execute(
        "SELECT u.arm, count(DISTINCT u.unit) FROM units u JOIN staged_delivery d "
        "ON d.assignment = u.assignment WHERE d.state IN ('sent', 'would_send') GROUP BY u.arm"
    ).fetchall()
    return dict(rows)


def delays(connection: duckdb.DuckDBPyConnection, experiment: Experiment) -> tuple[str, ...]:
    """For each level of timing, the delay achieved from incident to delivery (R12)."""
    timed = [arm for arm in arms(experiment) if TIMING in arm.levels]
    declared = {arm.name: arm.levels[TIMING] for arm in timed}
    meant = {arm.levels[TIMING]: arm.delay for arm in timed}
    if not declared:
        return ()
    cases = " ".join(
        f"WHEN {text_literal(arm)} THEN {text_literal(level)}" for arm, level in declared.items()
    )
    rows = connection.execute(
        "SELECT level, median(delay), quantile_cont(delay, 0.9) FROM ("
        f"SELECT CASE u.arm {cases} END AS level, (d.occurred_at - u.anchor) / 6e7 AS delay "
        "FROM units u JOIN staged_delivery d ON d.assignment = u.assignment "
        "WHERE d.state = 'sent') WHERE level IS NOT NULL GROUP BY level ORDER BY median(delay)"
    ).fetchall()
    return tuple(
        f"timing {level}: the delay achieved is {median:.0f} minutes (median), "
        f"{late:.0f} (90th percentile)"
        + (f", meant {at / timedelta(minutes=1):.0f}" if (at := meant[level]) is not None else "")
        for level, median, late in rows
    )


def minor_units(connection: duckdb.DuckDBPyConnection, currency: str, kinds: Iterable[str]) -> int:
    """How many minor units make one of the currency in which all amounts are.

    Raises:
        InputError: amounts of the units are in another currency, or in several.
    """
    tables = currencies(kinds)
    query = f"SELECT DISTINCT currency FROM ({tables}) ORDER BY 1"
    found = [name for (name,) in connection.execute(query).fetchall()] if tables else []
    return minor_of(currency, found)


def currencies(kinds: Iterable[str], *, of: str = "currency") -> str:
    """SQL of ``of`` the amounts of the units, each once; empty where no kind has any."""
    return " UNION ".join(
        f"SELECT DISTINCT {of} FROM staged_{kind} SEMI JOIN units USING (customer) "
        "WHERE currency IS NOT NULL"
        for kind in sorted(kinds)
        if kind in MONEY
    )


def minor_of(currency: str, found: Sequence[str]) -> int:
    """How many minor units make one of ``currency``, amounts having been ``found`` in these.

    Raises:
        InputError: amounts are in another currency, or in several.
    """
    declared = currency if currency != "money" else next(iter(found), currency)
    if strangers := [name for name in found if name != declared]:
        raise InputError(
            f"amounts are in {', '.join(strangers)}, the declaration's in {declared}",
            do="record amounts in one currency, or give what others are worth in markets.rates",
        )
    return int(10 ** exponent(declared))
