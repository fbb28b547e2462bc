"""Rules on who was drawn into which arm (R2-R7)."""

from __future__ import annotations

from typing import Final

from apologylab.warehouse.soundness.rule import Rule

_WEIGHTS: Final = "CAST(CAST(p.weights AS JSON) AS MAP(VARCHAR, DOUBLE))"
_SHARE: Final = f"({_WEIGHTS}[a.arm] / list_sum(map_values({_WEIGHTS})))"
_NEW: Final = "a.reason = 'RANDOMISED' AND a.because NOT LIKE 'sticky%'"
_FILLED: Final = (
    "SELECT *, block < max(block) OVER (PARTITION BY experiment, version, phase, stratum) "
    "AS is_full FROM (SELECT experiment, version, phase, stratum, block, "
    "string_agg(arm || ':' || n, ' ' ORDER BY arm) AS arms FROM (SELECT experiment, version, "
    f"phase, stratum, block, arm, count(*) AS n FROM assignment a WHERE {_NEW} "
    "AND block IS NOT NULL GROUP BY ALL) GROUP BY ALL)"
)

DRAWS: Final = (
    Rule(
        says="every answer is about a recorded incident of the same customer",
        offenders="SELECT a.key FROM assignment a LEFT JOIN incident i ON i.key = a.incident "
        "WHERE i.key IS NULL OR lower(nfc_normalize(i.customer)) <> "
        "lower(nfc_normalize(a.customer))",
    ),
    Rule(
        says="a customer enters the analysis once: a unit has one first answer for each",
        offenders="SELECT experiment || ' version ' || version || ' unit ' || unit "
        "FROM assignment WHERE reason = 'RANDOMISED' GROUP BY experiment, version, unit, customer "
        'HAVING sum("first") <> 1',
    ),
    Rule(
        says="a randomised answer holds its probability, above 0 and at most 1",
        offenders="SELECT key FROM assignment WHERE reason = 'RANDOMISED' "
        "AND (propensity IS NULL OR propensity <= 0 OR propensity > 1)",
    ),
    Rule(
        says="that probability is what the phase's weights say, where each is drawn by itself",
        offenders="SELECT a.key || ': ' || a.propensity || ', the weights say ' || "
        f"coalesce(round({_SHARE}, 6), 0) FROM assignment a LEFT JOIN phase_began p "
        "USING (experiment, version, phase) "
        f"WHERE {_NEW} AND (a.experiment, a.version) NOT IN (SELECT * FROM conditional) "
        f"AND (p.weights IS NULL OR abs(coalesce({_SHARE}, 0) - a.propensity) > 1e-9)",
    ),
    Rule(
        says="a sticky repeat has the arm of the unit's first answer",
        offenders="SELECT a.key FROM assignment a JOIN assignment b USING (experiment, version, "
        "unit) WHERE a.because LIKE 'sticky%' AND a.reason = 'RANDOMISED' AND b.\"first\" = 1 "
        "AND a.arm <> b.arm",
    ),
    Rule(
        says="full blocks of a phase hold the same arms as often",
        offenders=f"WITH filled AS ({_FILLED}) SELECT a.experiment || ' version ' || a.version || "
        "' phase ' || a.phase || ' stratum ' || a.stratum || ' block ' || a.block || ': ' || "
        "a.arms FROM filled a JOIN (SELECT experiment, version, phase, mode(arms) AS usual "
        "FROM filled WHERE is_full GROUP BY ALL) USING (experiment, version, phase) "
        "WHERE a.is_full AND a.arms <> usual",
    ),
    Rule(
        says="nobody new was drawn after enrolment was closed",
        offenders="SELECT a.key FROM assignment a JOIN closed c USING (experiment, version, phase) "
        "WHERE a.reason = 'RANDOMISED' AND a.\"first\" = 1 AND a.seq > c.seq "
        "AND a.seq > (SELECT min(seq) FROM commits WHERE commits.seq >= c.seq) "
        "AND (c.because NOT LIKE 'budget.%' OR a.recorded_at > c.recorded_at + 60000000)",
    ),
    Rule(
        says="nobody at all was drawn after the experiment was drained or killed",
        offenders="SELECT a.key FROM assignment a JOIN halted h USING (experiment, version) "
        "WHERE a.reason IN ('RANDOMISED', 'OVERRIDE') AND a.seq > h.seq",
    ),
)
