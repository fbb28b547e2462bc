"""Rules on remedies, their deliveries, the queue and their texts (R13, R15, R21)."""

from __future__ import annotations

from typing import Final

from apologylab.warehouse.soundness.rule import Rule

_HOUR: Final = 3_600_000_000
_WHY: Final = "see `apologylab status`: is a dispatcher running?"

SENDS: Final = (
    Rule(
        says="every drawn answer has its remedy",
        offenders="SELECT a.key FROM assignment a LEFT JOIN remedy r USING (key) "
        "WHERE a.reason IN ('RANDOMISED', 'OVERRIDE') AND (r.key IS NULL OR r.arm <> a.arm "
        "OR r.customer <> a.customer)",
    ),
    Rule(
        says="every remedy was drawn",
        offenders="SELECT r.key FROM remedy r LEFT JOIN assignment a USING (key) "
        "WHERE r.experiment NOT LIKE '%/%' AND (a.key IS NULL OR a.reason NOT IN ('RANDOMISED', "
        "'OVERRIDE'))",
    ),
    Rule(
        says="what is sent beside a remedy belongs to an answer that was drawn",
        offenders="SELECT r.key FROM remedy r LEFT JOIN assignment a ON a.key = "
        "r.key[strpos(r.key, ':') + 1:] WHERE r.experiment LIKE '%/%' AND "
        "(a.key IS NULL OR a.reason NOT IN ('RANDOMISED', 'OVERRIDE'))",
    ),
    Rule(
        says="a remedy ends sent, failed, suppressed or in doubt; silence would send or suppress",
        offenders="SELECT d.key || ': ' || d.state FROM delivery d JOIN remedy r USING (key) "
        "WHERE d.state NOT IN ('sent', 'failed', 'suppressed', 'in_doubt', 'would_send', "
        "'would_suppress') OR (d.state LIKE 'would_%') <> (r.arm = 'silence' AND r.experiment NOT "
        "LIKE '%/%')",
    ),
    Rule(
        says="what awaits a resolution or a visit leaves only after it came",
        offenders="SELECT d.key || ': ' || d.state FROM delivery d JOIN remedy r USING (key) "
        "ANTI JOIN due_moved m USING (key) WHERE d.state IN ('sent', 'in_doubt', 'would_send') "
        "AND r.awaits IN ('resolution', 'next_visit')",
    ),
    Rule(
        says="a remedy is given up for want of what it awaits only if that did not come",
        offenders="SELECT d.key || ': ' || d.because FROM delivery d JOIN remedy r USING (key) "
        "LEFT JOIN due_moved m USING (key) WHERE d.because IN ('not_resolved', 'no_visit') "
        "AND (r.awaits IS NULL OR m.key IS NOT NULL)",
    ),
    Rule(
        says="what came for a remedy that awaited it is recorded, at that time",
        offenders="SELECT m.key FROM due_moved m WHERE (m.awaited = 'next_visit' "
        "AND m.came_at NOT IN (SELECT occurred_at FROM visit)) OR (m.awaited = 'resolution' "
        "AND NOT EXISTS (SELECT 1 FROM resolution s WHERE s.occurred_at = m.came_at "
        "AND m.assignment = m.experiment || '/' || s.incident AND s.resolved = 1))",
    ),
    Rule(
        says="a remedy is dropped as too late only where it can be",
        offenders="SELECT d.key FROM delivery d JOIN remedy r USING (key) "
        "LEFT JOIN due_moved m USING (key) WHERE d.because = 'too_late' "
        "AND r.leave_by IS NULL AND m.key IS NULL",
    ),
    Rule(
        says="the queue holds what has no delivery, and only that",
        offenders="SELECT coalesce(r.key, q.key) FROM (SELECT key FROM remedy ANTI JOIN delivery "
        "USING (key)) r FULL JOIN pending q ON q.key = r.key WHERE r.key IS NULL OR q.key IS NULL",
    ),
    Rule(
        says="what is due leaves within an hour",
        offenders="SELECT key FROM pending WHERE coalesce(dead, 0) = 0 "
        f"AND coalesce(again_at, due_at) < (SELECT now FROM moment) - {_HOUR}",
        do=_WHY,
        level="look",
    ),
    Rule(
        says="no worker holds a remedy long after its lease",
        offenders="SELECT key || ', held by ' || holder FROM pending WHERE holder IS NOT NULL "
        f"AND coalesce(dead, 0) = 0 AND lease_until < (SELECT now FROM moment) - {_HOUR}",
        do=_WHY,
        level="look",
    ),
    Rule(
        says="no remedy waits for a person",
        offenders="SELECT key || ': ' || coalesce(because, '') FROM pending WHERE dead = 1",
        do="run `apologylab letters NAME`",
        level="look",
    ),
    Rule(
        says="a text that was pinned is there until it is sent, unless it was forgotten",
        offenders="SELECT r.key FROM remedy r ANTI JOIN delivery d USING (key) "
        "WHERE r.text IS NOT NULL AND r.text NOT IN (SELECT id FROM text) "
        "AND r.customer NOT IN (SELECT customer FROM forgotten)",
    ),
    Rule(
        says="a text that was sent is there until it was forgotten or purged",
        offenders="SELECT r.key FROM remedy r JOIN delivery d USING (key) "
        "WHERE r.text IS NOT NULL AND r.text NOT IN (SELECT id FROM text) "
        "AND r.customer NOT IN (SELECT customer FROM forgotten) "
        "AND d.occurred_at >= (SELECT coalesce(max(epoch_us(CAST(detail ->> 'before' AS "
        "TIMESTAMPTZ))), 0) FROM change WHERE what = 'purge')",
    ),
    Rule(
        says="an address that was pinned is there until its remedy ends, unless it was forgotten",
        offenders="SELECT r.key FROM remedy r ANTI JOIN delivery d USING (key) "
        "WHERE r.address IS NOT NULL AND r.address NOT IN (SELECT id FROM text) "
        "AND r.customer NOT IN (SELECT customer FROM forgotten)",
    ),
    Rule(
        says="a text is the one whose hash was pinned",
        offenders="SELECT r.key FROM remedy r JOIN text t ON t.id = r.text "
        "WHERE sha256(t.body) <> r.text_sha256",
    ),
)
