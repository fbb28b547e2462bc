"""Counts of a ledger's answers and the last facts of its feeds, for ``status``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apologylab.design.follow_ups import queues
from apologylab.service.status import Answered, Census, Promised
from apologylab.warehouse.achieved import achieved
from apologylab.warehouse.engine import connect
from apologylab.warehouse.feeds import feeds
from apologylab.warehouse.sql import text_literal
from apologylab.warehouse.staging import LEDGER, attached
from apologylab.wire.schema import PENDING

if TYPE_CHECKING:
    import duckdb

    from apologylab.design.experiment import Experiment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def census(url: str, experiment: Experiment, *, mark: int) -> Census:
    """Count the answers of this version up to ``mark``; it is open only inside this call.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    connection = connect()
    ours = (
        f"seq <= {mark} AND experiment = {text_literal(experiment.name)} "
        f"AND version = {experiment.version}"
    )
    with attached(connection, url):
        first, half, last = _anchors(connection, ours)
        return Census(
            answered=_answered(connection, ours),
            waiting=_waiting(connection, experiment, mark),
            undelivered=_undelivered(connection, experiment, mark),
            dead_letters=_dead_letters(connection, experiment),
            promised=_promised(connection, experiment, mark),
            first=first,
            half=half,
            last=last,
            last_incident=_last(connection, "incident", mark),
            last_order=_last(connection, "order", mark),
            feeds=feeds(connection, mark=mark),
            achieved=achieved(connection, experiment, mark=mark),
        )


def _answered(connection: duckdb.DuckDBPyConnection, ours: str) -> tuple[Answered, ...]:
    rows = connection.execute(
        f"SELECT phase, reason, arm, count(*) FROM {LEDGER}.fact_assignment WHERE {ours} "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return tuple(Answered(phase=p, reason=reason, arm=arm, n=n) for p, reason, arm, n in rows)


def _waiting(connection: duckdb.DuckDBPyConnection, experiment: Experiment, mark: int) -> int:
    """Incidents of its kind, since it began, without an answer."""
    if experiment.incident is None:
        return 0
    named = f"experiment = {text_literal(experiment.name)} AND seq <= {mark}"
    return _count(
        connection,
        f"{LEDGER}.fact_incident i WHERE i.seq <= {mark} "
        f"AND i.kind = {text_literal(experiment.incident.kind)} "
        f"AND i.occurred_at >= (SELECT min(occurred_at) FROM {LEDGER}.fact_started WHERE {named}) "
        f"AND i.key NOT IN (SELECT incident FROM {LEDGER}.fact_assignment WHERE {named})",
    )


def _undelivered(connection: duckdb.DuckDBPyConnection, experiment: Experiment, mark: int) -> int:
    """Remedies of all versions that were not settled by then."""
    named = f"experiment = {text_literal(experiment.name)} AND seq <= {mark}"
    settled = _count(connection, f"{LEDGER}.fact_delivery WHERE {named}")
    return _count(connection, f"{LEDGER}.fact_remedy WHERE {named}") - settled


def _dead_letters(connection: duckdb.DuckDBPyConnection, experiment: Experiment) -> int:
    names = ", ".join(map(text_literal, queues(experiment.name)))
    return _count(connection, f"{LEDGER}.{PENDING} WHERE experiment IN ({names}) AND dead = 1")


def _count(connection: duckdb.DuckDBPyConnection, which: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {which}").fetchone()
    return int(row[0]) if row else 0


def _promised(
    connection: duckdb.DuckDBPyConnection, experiment: Experiment, mark: int
) -> tuple[Promised, ...]:
    """What was given, by arm and by the state that it is in, in the budget's currency."""
    charge = "coalesce(CAST(terms ->> '$.charge' AS BIGINT), amount)"
    rows = connection.execute(
        "SELECT arm, state, count(*), CAST(sum(amount) AS BIGINT) FROM ("
        "SELECT arg_max(arm, seq) AS arm, arg_max(state, seq) AS state, "
        f"arg_max({charge}, seq) AS amount "
        f"FROM {LEDGER}.fact_liability WHERE seq <= {mark} "
        f"AND experiment = {text_literal(experiment.name)} GROUP BY assignment"
        ") GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return tuple(Promised(arm=arm, state=state, n=n, amount=sum_) for arm, state, n, sum_ in rows)


def _anchors(connection: duckdb.DuckDBPyConnection, ours: str) -> list[datetime | None]:
    """Of the first, the middle and the last randomised unit."""
    row = connection.execute(
        "SELECT min(occurred_at), quantile_disc(occurred_at, 0.5), max(occurred_at) "
        f"FROM {LEDGER}.fact_assignment WHERE {ours} AND reason = 'RANDOMISED' AND \"first\" = 1"
    ).fetchone()
    return [_moment(micros) for micros in row or (None, None, None)]


def _last(connection: duckdb.DuckDBPyConnection, kind: str, mark: int) -> datetime | None:
    row = connection.execute(
        f"SELECT max(occurred_at) FROM {LEDGER}.fact_{kind} WHERE seq <= {mark}"
    ).fetchone()
    return _moment(row[0] if row else None)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)
