"""Tallies: one number a unit, of the facts of one kind in a window about its anchor.

Every outcome, every covariate before the anchor and every part of v is a tally, so all tallies of a
kind are made in one pass over its facts. Windows are half open, in microseconds from the anchor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from apologylab.design.measures import OWN_INCIDENT, parse_measure
from apologylab.design.weeks import week_columns, week_windows
from apologylab.warehouse.sql import identifier, text_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.experiment import Outcome, Scalar

DAY = 86_400_000_000
"""Microseconds."""
BY = "coalesce(\"by\", 'customer')"
"""Who got in touch; where a contact does not say, the customer did."""
OWN = identifier(OWN_INCIDENT)
ABOUT: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            ("contact", "goodwill", "survey_answer", "complaint", "resolution"),
            "f.incident = u.incident",
        ),
        **dict.fromkeys(
            ("redemption", "choice", "commitment_ended", "agent_answer"),
            "f.assignment = u.assignment",
        ),
    }
)
"""Kind of fact -> SQL of whether it is about the incident that enrolled the unit."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What is counted or summed.

    Attributes:
        name: the column it becomes.
        fact: the kind of fact.
        kind: ``any`` fact (1 or 0), their ``count``, the ``sum`` of ``of``, the ``list`` of ``of``
            in order of time, or when the ``first`` fact came.
        of: SQL over the fact's columns.
        start, end: the window, [start, end).
        where: SQL that a fact must meet.
        money: whether ``of`` is in minor units of ``currency``.
    """

    name: str
    fact: str
    kind: Literal["any", "count", "sum", "list", "first"] = "sum"
    of: str = "1"
    start: int
    end: int
    where: str = "TRUE"
    money: bool = False

    def sql(self, *, minor: int) -> str:
        """The aggregate over facts at ``t``; ``minor`` minor units make one of the currency."""
        inside = f"t >= {self.start} AND t < {self.end} AND {self.where}"
        if self.kind == "any":
            return f"CAST(count(*) FILTER (WHERE {inside}) > 0 AS DOUBLE)"
        if self.kind == "count":
            return f"CAST(count(*) FILTER (WHERE {inside}) AS DOUBLE)"
        if self.kind == "list":
            return f"list({self.of} ORDER BY t, key) FILTER (WHERE {inside})"
        if self.kind == "first":
            return f"min(t) FILTER (WHERE {inside})"
        per = f" / {minor}" if self.money else ""
        return f"CAST(sum({self.of}) FILTER (WHERE {inside}) AS DOUBLE){per}"


def outcome_tally(outcome: Outcome) -> Tally:
    """The outcome's own window, after the anchor."""
    start, end = outcome.from_days * DAY, (outcome.window_days or 0) * DAY
    return _tally(outcome, outcome.name, start, end)


def week_tallies(outcome: Outcome) -> tuple[Tally, ...]:
    """The outcome's measure in each week of its window, if it is measured by week."""
    windows = zip(week_columns(outcome), week_windows(outcome), strict=False)
    return tuple(_tally(outcome, name, start * DAY, end * DAY) for name, (start, end) in windows)


def covariate_tally(outcome: Outcome) -> Tally:
    """The same measure before the anchor: a covariate (R22)."""
    return _tally(outcome, f"{outcome.name}:pre", -(outcome.pre_days or 0) * DAY, 0)


def _tally(outcome: Outcome, name: str, start: int, end: int) -> Tally:
    measure = parse_measure(outcome.measure or "any")
    return Tally(
        name=name,
        fact=outcome.fact or "",
        kind=measure.kind,
        of=_summed(measure.field) if measure.field else "1",
        start=start,
        end=end,
        where=where_sql(outcome.fact or "", outcome.where),
        money=measure.is_money,
    )


def _summed(field: str) -> str:
    """Sales at list price are after returns (R16)."""
    return "(list_amount - returned_amount)" if field == "list_amount" else identifier(field)


def where_sql(fact: str, conditions: Mapping[str, Scalar]) -> str:
    r"""SQL of a declared filter of facts; contacts are the customer's unless it says otherwise.

    >>> where_sql("contact", {"kind": "call"})
    '"kind" = \'call\' AND coalesce("by", \'customer\') = \'customer\''
    """
    asked = dict(conditions)
    if fact == "contact":
        asked.setdefault("by", "customer")
    met = [f"{_named(fact, field)} = {_literal(value)}" for field, value in asked.items()]
    return " AND ".join(met) or "TRUE"


def _named(fact: str, field: str) -> str:
    return BY if (fact, field) == ("contact", "by") else identifier(field)


def _literal(value: Scalar) -> str:
    return text_literal(value) if isinstance(value, str) else str(int(value))


def tallied(fact: str, tallies: Sequence[Tally], *, excluded: str, minor: int) -> str:
    """SQL of one row a unit that has facts of this kind near it: ``unit`` and the tallies.

    ``units`` and ``staged_<fact>`` are the tables it reads; ``excluded`` says in SQL which facts
    are the failure itself.
    """
    first, last = min(each.start for each in tallies), max(each.end for each in tallies)
    columns = ", ".join(f"{each.sql(minor=minor)} AS {identifier(each.name)}" for each in tallies)
    return (
        f"SELECT unit, {columns} FROM ("
        f"SELECT u.unit, f.occurred_at - u.anchor AS t, f.*{_own(fact, tallies)} "
        f"FROM staged_{fact} f "
        f"JOIN units u USING (customer) WHERE t >= {first} AND t < {last} AND NOT ({excluded})"
        ") GROUP BY unit"
    )


def _own(fact: str, tallies: Sequence[Tally]) -> str:
    """The column that says whether a fact is about the unit's own incident, where one is asked."""
    if fact not in ABOUT or not any(OWN in each.where for each in tallies):
        return ""
    return f", CAST(coalesce({ABOUT[fact]}, FALSE) AS BIGINT) AS {OWN}"
