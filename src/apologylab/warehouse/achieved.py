"""When remedies left, beside when the design meant them to: by level of timing and arm (R12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.design.arms import arms
from apologylab.design.experiment import TIMING
from apologylab.service.achieved import Achieved
from apologylab.service.may_leave import NEVER_CAME, TOO_LATE
from apologylab.warehouse.sql import text_literal
from apologylab.warehouse.staging import LEDGER

if TYPE_CHECKING:
    import duckdb

    from apologylab.design.experiment import Experiment


def achieved(
    connection: duckdb.DuckDBPyConnection, experiment: Experiment, *, mark: int
) -> tuple[Achieved, ...]:
    """Of the ledger that is attached: every level and arm of this version, in order."""
    never = ", ".join(text_literal(why) for why in NEVER_CAME.values())
    left = "d.state IN ('sent', 'would_send')"
    shift = "coalesce(m.shift_s, r.shift_s)"
    quiet = "coalesce(m.shifted_by, r.shifted_by) LIKE '%quiet_hours%'"
    delay = "(d.occurred_at - a.occurred_at) / 6e7"
    rows = connection.execute(
        f"SELECT {_level(experiment)} AS level, a.arm, "
        f"count(*) FILTER ({left}), "
        f"median({delay}) FILTER ({left}), quantile_cont({delay}, 0.9) FILTER ({left}), "
        f"median(a.delay_s / 60) FILTER ({left} AND r.awaits IS NULL), "
        f"count(*) FILTER ({quiet}), median({shift} / 60) FILTER ({quiet}), "
        f"count(*) FILTER (d.because = {text_literal(TOO_LATE)}), "
        f"count(*) FILTER (d.because IN ({never})) "
        f"FROM {LEDGER}.fact_assignment a "
        f"JOIN {LEDGER}.fact_remedy r ON r.assignment = a.key AND r.seq <= {mark} "
        f"LEFT JOIN {LEDGER}.fact_delivery d ON d.assignment = a.key AND d.seq <= {mark} "
        f"LEFT JOIN {LEDGER}.fact_due_moved m ON m.assignment = a.key AND m.seq <= {mark} "
        f"WHERE a.seq <= {mark} AND a.experiment = {text_literal(experiment.name)} "
        f"AND a.version = {experiment.version} AND a.reason = 'RANDOMISED' GROUP BY 1, 2"
    ).fetchall()
    found = [Achieved(*row) for row in rows]
    order = [*experiment.factors.get(TIMING, ()), None]
    names = [arm.name for arm in arms(experiment)]
    return tuple(sorted(found, key=lambda row: (order.index(row.level), names.index(row.arm))))


def _level(experiment: Experiment) -> str:
    """SQL of the level drawn; of an answer that did not store it, its arm's."""
    declared = {arm.name: arm.levels.get(TIMING) for arm in arms(experiment)}
    cases = " ".join(
        f"WHEN {text_literal(arm)} THEN {text_literal(level)}"
        for arm, level in declared.items()
        if level is not None
    )
    return f"coalesce(a.timing, CASE a.arm {cases} END)" if cases else "a.timing"
