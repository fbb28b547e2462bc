"""Rules on keys, commit order and marks (R18)."""

from __future__ import annotations

from typing import Final

from apologylab.warehouse.soundness.rule import Rule

ORDER: Final = (
    Rule(
        says="every fact has its key, under its own place in the order",
        offenders="SELECT f.kind || ' ' || f.key FROM facts f LEFT JOIN keys k "
        "ON k.kind = f.kind AND k.key = f.key AND k.seq = f.seq WHERE k.key IS NULL",
    ),
    Rule(
        says="every key has its fact: none was removed",
        offenders="SELECT k.kind || ' ' || k.key FROM keys k LEFT JOIN facts f "
        "ON k.kind = f.kind AND k.key = f.key AND k.seq = f.seq WHERE f.key IS NULL",
    ),
    Rule(
        says="no two facts share a place in the order",
        offenders="SELECT 'place ' || seq || ': ' || string_agg(kind || ' ' || key, ', ') "
        "FROM facts GROUP BY seq HAVING count(*) > 1",
    ),
    Rule(
        says="every fact was committed",
        offenders="SELECT kind || ' ' || key FROM facts "
        "WHERE seq > (SELECT coalesce(max(seq), 0) FROM commits)",
    ),
    Rule(
        says="a later date never resolves to an earlier mark",
        offenders="SELECT 'as of ' || as_of || ' (microseconds)' FROM (SELECT as_of, seq, "
        "max(seq) OVER (ORDER BY as_of ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before "
        "FROM marks) WHERE before > seq",
    ),
    Rule(
        says="no feed was declared complete through a time that had not come",
        offenders="SELECT key FROM feed WHERE through > recorded_at",
        do="record the feed again up to a day that is over; until then do not trust maturity",
    ),
)
