"""Slices of the units for the checks: by day and stratum, by stage of delivery, by fallback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.inference.slice_checks import Stage
from apologylab.warehouse.sql import text_literal
from apologylab.warehouse.staging import LEDGER

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import ByPhase

SLICES: Mapping[str, str] = {
    "day": "CAST(CAST(make_timestamp(anchor) AS DATE) AS VARCHAR)",
    "stratum": "stratum",
}
"""Name -> SQL of the slice that a unit lies in; ``anchor`` is in microseconds, UTC."""
STAGES: Mapping[str, tuple[str, str]] = {
    "delivery, re-check": (
        "TRUE",
        "bool_or(state NOT IN ('suppressed', 'would_suppress'))",
    ),
    "delivery, sending": (
        "bool_or(state IN ('sent', 'failed', 'in_doubt'))",
        "bool_or(state = 'sent')",
    ),
}
"""Stage -> SQL over a unit's deliveries: whether it came to the stage, and whether it passed."""


def slices(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Mapping[str, ByPhase]]:
    """Slicing -> slice, in order -> phase -> arm -> units; nothing of a slicing into one."""
    found: dict[str, dict[str, dict[int, dict[str, int]]]] = {}
    for name, sql in SLICES.items():
        rows = connection.execute(
            f"SELECT {sql}, phase, arm, count(*) FROM units GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        of: dict[str, dict[int, dict[str, int]]] = {}
        for label, phase, arm, n in rows:
            of.setdefault(label, {}).setdefault(phase, {})[arm] = n
        if len(of) > 1:
            found[name] = of
    return found


def stages(connection: duckdb.DuckDBPyConnection) -> tuple[Stage, ...]:
    """The stages of delivery to which some unit came, grouped by phase and delay."""
    return tuple(
        Stage(name, groups)
        for name, (came, passed) in STAGES.items()
        if (groups := _groups(connection, came, passed))
    )


def _groups(
    connection: duckdb.DuckDBPyConnection, came: str, passed: str
) -> dict[str, dict[str, tuple[int, int]]]:
    groups: dict[str, dict[str, tuple[int, int]]] = {}
    for phase, delay, arm, n, through in connection.execute(
        "SELECT phase, delay_s, arm, count(*) FILTER (WHERE came), "
        "count(*) FILTER (WHERE came AND passed) FROM ("
        f"SELECT u.phase, u.delay_s, u.arm, {came} AS came, {passed} AS passed "
        "FROM units u JOIN staged_delivery d ON d.assignment = u.assignment "
        "GROUP BY u.unit, u.phase, u.delay_s, u.arm) GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        if n:
            groups.setdefault(f"phase {phase}, {delay} s", {})[arm] = (n, through)
    return groups


def fallbacks(
    connection: duckdb.DuckDBPyConnection, experiment: Experiment, *, mark: int
) -> dict[int, dict[str, tuple[int, int]]]:
    """Phase -> arm -> units drawn or proposed for it, and of these those given the fallback (R11).

    Only while the ledger is attached. A report for an incident that was drawn all the same counts
    once; one without a proposal (an incident that was never in question) not at all.
    """
    began = "(SELECT phase, min(anchor) AS began FROM units GROUP BY phase)"
    reports = (
        f"SELECT unit, any_value(proposed) AS arm, min(incident) AS incident, "
        f"min(occurred_at) AS at FROM {LEDGER}.fact_fallback_report "
        f"WHERE seq <= {mark} AND experiment = {text_literal(experiment.name)} "
        "AND proposed <> '' GROUP BY unit"
    )
    rows = connection.execute(
        f"SELECT coalesce(u.phase, (SELECT coalesce(max(phase), 1) FROM {began} b "
        "WHERE b.began <= r.at)) AS in_phase, coalesce(u.arm, r.arm) AS arm, count(*), "
        f"count(r.unit) FROM units u FULL JOIN ({reports}) r ON r.incident = u.incident "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    found: dict[int, dict[str, tuple[int, int]]] = {}
    for phase, arm, n, fallen in rows:
        found.setdefault(phase, {})[arm] = (n, fallen)
    return found
