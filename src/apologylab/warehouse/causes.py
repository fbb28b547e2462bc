"""Incidents of a ledger counted by cause, department or kind, with what came of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from apologylab.design.money import other_exponents
from apologylab.record.taxonomy import CAUSE_KIND, OTHER, OURS
from apologylab.service.causes import UNKNOWN, Counted
from apologylab.warehouse.engine import connect
from apologylab.warehouse.persons import stage_merges, stage_persons
from apologylab.warehouse.reopening import REOPENED, mark_reopening, one_name
from apologylab.warehouse.sql import text_literal
from apologylab.warehouse.staging import LEDGER, Stager, attached
from apologylab.warehouse.tally import BY as TOLD_BY
from apologylab.warehouse.tally import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from apologylab.record.taxonomy import Taxonomy
    from apologylab.service.causes import By

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK: Final = 7 * DAY
_READ: Final[Mapping[str, tuple[str, ...]]] = {
    "incident": ("customer", "occurred_at", "kind", "fields"),
    "same_incident": ("occurred_at", "incident", "kind", "fields"),
    "complaint": (
        "customer", "occurred_at", "incident", "department", "asked_for", "told", "escalated",
        "lost_minutes", "lost_amount", "currency",
    ),
    "contact": ("occurred_at", "incident", "by"),
    "resolution": ("occurred_at", "incident", "resolved"),
    "goodwill": ("occurred_at", "incident", "amount", "currency"),
    "assignment": ("incident",),
    "delivery": ("occurred_at", "assignment", "state"),
    "agent_answer": ("occurred_at", "assignment", "did"),
}  # fmt: skip
_CALLED: Final = ("complaint", "contact", "resolution", "goodwill")
"""Kinds that name an incident, perhaps by operations' name of what a complaint had opened."""
_WHOLE, _FINE = (", ".join(map(text_literal, other_exponents(digits))) for digits in (0, 3))
_MINOR: Final = f"CASE WHEN {{}} IN ({_WHOLE}) THEN 1 WHEN {{}} IN ({_FINE}) THEN 1000 ELSE 100 END"


_TOLD: Final = (
    "SELECT incident, arg_max(kind, occurred_at) AS kind, arg_max(fields, occurred_at) AS fields "
    "FROM staged_same_incident GROUP BY incident"
)
"""What operations told of what complaints had opened."""
_COMPLAINED: Final = (
    "SELECT incident, count(*) AS n, arg_min(department, occurred_at) AS department, "
    "arg_max(asked_for, occurred_at) AS asked_for, max(told) AS told, "
    "bool_or(escalated = 1) AS escalated, max(lost_minutes) AS lost_minutes, "
    "max(lost_amount) AS lost_amount, arg_max(currency, lost_amount) AS currency "
    "FROM staged_complaint GROUP BY incident"
)
"""What the complaints about an incident say together."""
_SAID: Final = (
    "SELECT incident, occurred_at AS said FROM staged_contact "
    f"WHERE {TOLD_BY} = 'company' "
    "UNION ALL SELECT a.incident, d.occurred_at FROM staged_delivery d "
    "JOIN staged_assignment a ON a.key = d.assignment WHERE d.state = 'sent' "
    "UNION ALL SELECT a.incident, g.occurred_at FROM staged_agent_answer g "
    "JOIN staged_assignment a ON a.key = g.assignment WHERE g.did IN ('said', 'changed')"
)
"""What we wrote or said: contacts by the company, remedies that were sent, agents' words."""
_SOLVED: Final = (
    "SELECT incident, min(occurred_at) FILTER (WHERE resolved = 1) AS resolved, "
    "arg_max(resolved, occurred_at) = 1 AS is_resolved FROM staged_resolution GROUP BY incident"
)
_BACK: Final = (
    f"SELECT incident FROM staged_contact WHERE {REOPENED} = 1 "
    f"UNION SELECT incident FROM staged_complaint WHERE {REOPENED} = 1"
)


def counted(  # noqa: PLR0913 - which ledger, which incidents, how they are grouped
    url: str,
    *,
    by: By,
    taxonomy: Taxonomy,
    until: datetime,
    weeks: int,
    mark: int,
    currency: str,
) -> tuple[Counted, ...]:
    """Count the incidents of ``weeks`` weeks before ``until``, of the facts up to ``mark``.

    Amounts without a currency are in ``currency``. It is open only inside this call.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    connection = connect()
    last = (until - _EPOCH) // timedelta(microseconds=1)
    with attached(connection, url):
        stager = Stager(connection=connection, mark=mark, rule="nfc")
        for kind, columns in _READ.items():
            stager.stage(kind, ("key", *columns))
        one_name(stager, _CALLED)
        _last_said(connection, mark=mark)
        stage_merges(connection, "nfc", mark=mark)
    _pool(connection)
    for kind in ("contact", "complaint"):
        mark_reopening(connection, kind)
    _hit(connection, taxonomy, by=by, first=last - weeks * _WEEK, last=last, currency=currency)
    _answered(connection)
    rows = connection.execute(_grouped(weeks, first=last - weeks * _WEEK)).fetchall()
    named = [item[0] for item in connection.description or ()]
    groups = (dict(zip(named, row, strict=True)) for row in rows)
    maps = _maps(connection)
    return tuple(_counted(each, maps.get(each["name"], {}), weeks) for each in groups)


def _last_said(connection: duckdb.DuckDBPyConnection, *, mark: int) -> None:
    """Tables ``blamed`` and ``held``: whose fault, and where a compensation stands, said last."""
    ours = f"seq <= {mark}"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE blamed AS "
        "SELECT coalesce(s.incident, f.incident) AS incident, "
        f'arg_max(f."by", f.seq) AS fault FROM {LEDGER}.fact_fault f '
        f"LEFT JOIN {LEDGER}.fact_same_incident s ON s.key = f.incident AND s.{ours} "
        f"WHERE f.{ours} GROUP BY 1"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE held AS SELECT any_value(a.incident) AS incident, "
        "arg_max(l.state, l.seq) AS state, arg_max(l.amount, l.seq) AS amount, "
        f"arg_max(l.currency, l.seq) AS currency FROM {LEDGER}.fact_liability l "
        f"JOIN {LEDGER}.fact_assignment a ON a.key = l.assignment WHERE l.{ours} "
        "GROUP BY l.assignment"
    )


def _pool(connection: duckdb.DuckDBPyConnection) -> None:
    """A person has one id here (R8)."""
    stage_persons(connection)
    connection.execute(
        "UPDATE staged_incident SET customer = person FROM persons WHERE customer = persons.id"
    )


def _hit(
    connection: duckdb.DuckDBPyConnection,
    taxonomy: Taxonomy,
    *,
    by: By,
    first: int,
    last: int,
    currency: str,
) -> None:
    """Table ``hit``: the incidents of the period with their standard fields and their group.

    What operations told under a name of theirs completes what a complaint had opened.
    """
    kind = "coalesce(s.kind, i.kind)"
    groups = {
        "kind": kind,
        "cause": _cause(taxonomy, kind),
        "department": f"coalesce({_field('department')}, c.department, {text_literal(UNKNOWN)})",
    }
    lost, own = _field("lost_amount"), text_literal(currency)
    code = f"coalesce(nullif(regexp_extract({lost}, '[A-Z]{{3}}$'), ''), {own})"
    amount = f"TRY_CAST(regexp_extract({lost}, '^[0-9.]+') AS DOUBLE)"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE hit AS SELECT i.key, i.customer, i.occurred_at AS happened, "
        f"{groups[by]} AS name, {_field('aware')} = 'true' OR c.n > 0 AS aware, "
        "coalesce(c.n, 0) AS complaints, "
        f"coalesce(c.escalated, TRY_CAST({_field('escalations')} AS BIGINT) > 0, FALSE) "
        f"AS escalated, coalesce(c.told, TRY_CAST({_field('told')} AS BIGINT)) AS told, "
        f"TRY_CAST({_field('effort')} AS BIGINT) AS effort, "
        f"coalesce(TRY_CAST({_field('lost_minutes')} AS BIGINT), c.lost_minutes) AS lost_minutes, "
        f"coalesce({_field('asked_for')}, c.asked_for) AS asked_for, "
        f"CASE WHEN {lost} IS NULL THEN c.lost_amount ELSE "
        f"CAST(round({amount} * {_MINOR.format(code, code)}) AS BIGINT) END AS lost, "
        f"CASE WHEN {lost} IS NULL THEN coalesce(c.currency, {own}) ELSE {code} END "
        "AS lost_currency, f.fault "
        f"FROM staged_incident i LEFT JOIN ({_TOLD}) s ON s.incident = i.key "
        f"LEFT JOIN ({_COMPLAINED}) c ON c.incident = i.key "
        "LEFT JOIN blamed f ON f.incident = i.key "
        f"WHERE i.occurred_at >= {first} AND i.occurred_at < {last}"
    )


def _field(name: str) -> str:
    """SQL of a standard field, of the incident's own or of what operations told of it."""
    key = text_literal(name)
    return f"coalesce(i.fields ->> {key}, s.fields ->> {key})"


def _cause(taxonomy: Taxonomy, kind: str) -> str:
    """SQL of the cause: stated, or that of the kind."""
    names = ", ".join(map(text_literal, taxonomy.names))
    stated = _field(CAUSE_KIND)
    cases = [f"WHEN {stated} IN ({names}) THEN {stated}"]
    for name, cause in taxonomy.causes.items():
        kinds = [*cause.incidents, *([cause.opens] if cause.opens else [])]
        if kinds:
            listed = ", ".join(map(text_literal, kinds))
            cases.append(f"WHEN {kind} IN ({listed}) THEN {text_literal(name)}")
    cases.append(f"WHEN {kind} IN ({names}) THEN {kind}")
    cases += [
        f"WHEN {kind} = {text_literal(ours)} THEN {text_literal(cause)}"
        for ours, cause in OURS.items()
    ]
    return f"CASE {' '.join(cases)} ELSE {text_literal(OTHER)} END"


def _answered(connection: duckdb.DuckDBPyConnection) -> None:
    """Table ``came``: when each incident was first answered and resolved, if so, and reopened."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE came AS SELECT h.key, answer.answered, "
        "CASE WHEN is_resolved THEN solved.resolved END AS resolved, "
        "back.incident IS NOT NULL AS reopened FROM hit h "
        f"LEFT JOIN (SELECT incident, min(said) AS answered FROM ({_SAID}) GROUP BY incident) "
        "answer ON answer.incident = h.key "
        f"LEFT JOIN ({_SOLVED}) solved ON solved.incident = h.key "
        f"LEFT JOIN ({_BACK}) back ON back.incident = h.key"
    )


def _grouped(weeks: int, *, first: int) -> str:
    """SQL of one row a group, in the order of names."""
    week = f"(happened - {first}) // {_WEEK}"
    counts = ", ".join(f"count(*) FILTER (WHERE {week} = {n}) AS week_{n}" for n in range(weeks))
    return (
        "SELECT name, count(*) AS incidents, count(DISTINCT customer) AS customers, "
        "count(*) FILTER (WHERE coalesce(aware, FALSE)) AS aware, "
        "CAST(sum(complaints) AS BIGINT) AS complaints, "
        "count(*) FILTER (WHERE escalated) AS escalated, avg(told) AS told, "
        "avg(effort) AS effort, CAST(coalesce(sum(lost_minutes), 0) AS BIGINT) AS lost_minutes, "
        "count(came.answered) AS answered, "
        "median((came.answered - happened) / 3.6e9) AS hours_to_answer, "
        "count(came.resolved) AS resolved, "
        "median((came.resolved - happened) / 3.6e9) AS hours_to_resolution, "
        f"count(*) FILTER (WHERE came.reopened) AS reopened, {counts} "
        "FROM hit JOIN came USING (key) GROUP BY name ORDER BY name"
    )


_MAPS: Final[Mapping[str, str]] = {
    "lost": "SELECT name, lost_currency, sum(lost) FROM hit WHERE lost > 0",
    "asked_for": "SELECT name, asked_for, count(*) FROM hit WHERE asked_for IS NOT NULL",
    "fault": "SELECT name, fault, count(*) FROM hit WHERE fault IS NOT NULL",
    "goodwill": (
        "SELECT name, currency, sum(amount) FROM staged_goodwill g JOIN hit ON hit.key = g.incident"
    ),
    "given": (
        "SELECT name, currency, sum(amount) FROM held JOIN hit ON hit.key = held.incident "
        "WHERE state IN ('committed', 'redeemed')"
    ),
}
"""What is counted by group and by something else: SQL of group, the other, how much."""


def _maps(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, dict[str, int]]]:
    """Group -> what is counted -> the other -> how much, the most first."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for what, query in _MAPS.items():
        rows = connection.execute(f"{query} GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2").fetchall()
        for name, other, n in rows:
            found.setdefault(name, {}).setdefault(what, {})[other] = int(n)
    return found


def _counted(row: dict[str, Any], maps: Mapping[str, Mapping[str, int]], weeks: int) -> Counted:
    by_week = tuple(row.pop(f"week_{n}") for n in range(weeks))
    listed: dict[str, Any] = {what: maps.get(what, {}) for what in _MAPS}
    return Counted(**row, again=row["incidents"] - row["customers"], weeks=by_week, **listed)
