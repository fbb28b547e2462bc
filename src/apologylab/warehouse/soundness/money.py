"""Rules on compensations: each goes through its machine, and as its remedy did (R14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apologylab.remedy.compensation import BEGINNING, MOVES
from apologylab.warehouse.soundness.rule import Rule
from apologylab.warehouse.sql import text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apologylab.remedy.compensation import State


def _lives(state: State, before: str = "") -> Iterator[str]:
    """Every way that a compensation can have come so far, its states apart by spaces."""
    path = f"{before} {state}".strip()
    yield path
    for after in MOVES[state]:
        yield from _lives(after, path)


_ALLOWED: Final = ", ".join(text_literal(life) for life in _lives(BEGINNING))

MONEY: Final = (
    Rule(
        says="a compensation moves only as it may, and its amount stays or is lowered by a choice",
        offenders="SELECT assignment || ': ' || states FROM (SELECT assignment, "
        "string_agg(state, ' ' ORDER BY seq) AS states, "
        "list(DISTINCT amount) FILTER (WHERE NOT chosen) AS before, "
        "list(DISTINCT amount) FILTER (WHERE chosen) AS after FROM (SELECT *, coalesce(seq >= "
        "min(seq) FILTER (WHERE state = 'chosen') OVER (PARTITION BY assignment), FALSE) AS chosen "
        f"FROM liability) GROUP BY assignment) WHERE states NOT IN ({_ALLOWED}) "
        "OR len(before) <> 1 OR len(after) > 1 OR after[1] > before[1]",
    ),
    Rule(
        says="every remedy that gives something has its compensation, of the same amount",
        offenders="SELECT coalesce(r.key, l.assignment) FROM (SELECT key, amount FROM remedy "
        "WHERE compensation IS NOT NULL) r FULL JOIN (SELECT assignment, amount FROM liability "
        "WHERE state = 'reserved') l ON l.assignment = r.key "
        "WHERE r.key IS NULL OR l.assignment IS NULL OR r.amount <> l.amount",
    ),
    Rule(
        says="a compensation is committed when its remedy went out, and released when it did not",
        offenders="SELECT d.key || ': ' || d.state || ', and the compensation ' || l.state "
        "FROM delivery d JOIN (SELECT assignment, arg_max(state, seq) AS state FROM liability "
        "GROUP BY assignment) l ON l.assignment = d.key "
        "WHERE (d.state IN ('sent', 'in_doubt')) = (l.state IN ('reserved', 'released'))",
    ),
)
