"""The tallies that every panel has, and what they come to by arm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from apologylab.decision.value import currency
from apologylab.service.beside import SUMMED, Beside, Broken, OfArm
from apologylab.service.survey_notes import SURVEYED
from apologylab.warehouse.reopening import REOPENED
from apologylab.warehouse.sql import identifier, text_literal
from apologylab.warehouse.staging import LEDGER
from apologylab.warehouse.tally import DAY, OWN, Tally, where_sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from apologylab.design.experiment import Experiment
    from apologylab.warehouse.feeds import Horizon

AGENT: Final = "agent"
"""The panel's column of who answered for us; the tally lists them."""
REFUND: Final = "refund"
_MONEY: Final = "money"
"""The currency of a declaration that names none."""


def beside_tallies(experiment: Experiment) -> tuple[Tally, ...]:
    """Contacts, goodwill, refunds and agents in the window of the primary outcome."""
    end = days(experiment) * DAY
    spent = currency(experiment)
    ours = "FALSE" if spent == _MONEY else f"currency = {text_literal(spent)}"
    theirs = where_sql("contact", {})
    back = f"{theirs} AND {REOPENED} = 1 AND {OWN} = 1"
    counted = [
        ("contacts", "contact", theirs),
        ("written", "contact", where_sql("contact", {"by": "company"})),
        ("reopened", "contact", back),
        ("gifts", "goodwill", "TRUE"),
        ("foreign", "goodwill", f"NOT ({ours})"),
        ("refunds", "goodwill", f"contains(lower(kind), '{REFUND}')"),
        *((did, "agent_answer", _did(experiment, did)) for did in ("said", "changed", "skipped")),
        *(("given", "liability", where) for where in _refunded(experiment)),
        *_surveyed(experiment),
    ]
    return (
        *(
            Tally(name=f"b:{name}", fact=fact, kind="count", where=where, start=0, end=end)
            for name, fact, where in counted
        ),
        Tally(
            name="b:goodwill", fact="goodwill", of="amount", money=True, where=ours, start=0,
            end=end,
        ),
        Tally(
            name="b:agent", fact="agent_answer", kind="list", of=AGENT, start=0, end=end,
            where=f"{OWN} = 1 AND {_did(experiment)}",
        ),
    )  # fmt: skip


def _surveyed(experiment: Experiment) -> tuple[tuple[str, str, str], ...]:
    """Draws of the survey, and those that invited."""
    if experiment.survey is None:
        return ()
    ours = f"experiment = {text_literal(experiment.name)}"
    invited = f"{ours} AND CAST(invited AS INTEGER) = 1"
    return ("drawn", "survey_draw", ours), ("invited", "survey_draw", invited)


def survey_column(experiment: Experiment) -> Mapping[str, str]:
    """The column of who was invited: 1 or 0, NULL of units that no survey was drawn for."""
    if experiment.survey is None:
        return {}
    invited = 'CAST(coalesce("b:invited", 0) > 0 AS DOUBLE)'
    return {SURVEYED: f'CASE WHEN "b:drawn" > 0 THEN {invited} END'}


def _did(experiment: Experiment, did: str | None = None) -> str:
    ours = f"experiment = {text_literal(experiment.name)}"
    return ours if did is None else f"{ours} AND did = {text_literal(did)}"


def _refunded(experiment: Experiment) -> tuple[str, ...]:
    """SQL of the refunds that the experiment itself gives; empty where it gives none."""
    names = [name for name, each in experiment.compensation.items() if each.kind == REFUND]
    given = " OR ".join(
        f"list_contains(string_split(compensation, '+'), {text_literal(name)})" for name in names
    )
    ours = f"experiment = {text_literal(experiment.name)} AND state = 'committed' AND ({given})"
    return (ours,) if names else ()


def days(experiment: Experiment) -> int:
    """The primary outcome's window."""
    first = next(each for each in experiment.outcomes if each.role == "primary")
    return first.window_days or 0


def agent_column(connection: duckdb.DuckDBPyConnection) -> Mapping[str, str]:
    """The column of agents, numbered, where any answered: errors cluster by them (R27)."""
    some = connection.execute('SELECT 1 FROM tallies WHERE "b:agent" IS NOT NULL LIMIT 1')
    if not some.fetchone():
        return {}
    number = 'dense_rank() OVER (ORDER BY "b:agent"[1])'
    return {AGENT: f'CASE WHEN "b:agent" IS NOT NULL THEN {number} END'}


def blamed(connection: duckdb.DuckDBPyConnection, *, mark: int) -> dict[str, dict[str, int]]:
    """Arm -> whose fault -> units, by the last fact on their incidents; while it is attached."""
    rows = connection.execute(
        "SELECT arm, fault, count(*) FROM units u JOIN (SELECT coalesce(s.incident, f.incident) "
        'AS incident, arg_max(f."by", f.seq) AS fault '
        f"FROM {LEDGER}.fact_fault f LEFT JOIN {LEDGER}.fact_same_incident s "
        f"ON s.key = f.incident AND s.seq <= {mark} WHERE f.seq <= {mark} GROUP BY 1) b "
        "USING (incident) GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2"
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for arm, fault, n in rows:
        found.setdefault(arm, {})[fault] = n
    return found


def found_beside(
    connection: duckdb.DuckDBPyConnection,
    experiment: Experiment,
    horizon: Horizon,
    *,
    fault: Mapping[str, Mapping[str, int]],
    lacking: tuple[str, ...],
) -> Beside:
    """What the tallies come to, over units that are mature for the primary outcome."""
    given = _of("given") if _refunded(experiment) else "0.0"
    named = {
        **{name: f"sum({_of(name)})" for name in ("contacts", "written", "goodwill", "foreign")},
        **{name: f"sum({_of(name)})" for name in ("said", "changed", "skipped")},
        "reopened": _units(_of("reopened")),
        "contacted": _units(_of("contacts")),
        "gifts": _units(_of("gifts")),
        "refunded": _units(f"({_of('refunds')} + {given})"),
        "had_refund": _units(_of("refunds")),
        "had_contact": _units(_of("written")),
        "had_agent": _units(f"({_of('said')} + {_of('changed')})"),
        "had_any": _units(
            f"({_of('gifts')} + {_of('written')} + {_of('said')} + {_of('changed')})"
        ),
    }
    listed = ", ".join(f"coalesce({sql}, 0) AS {name}" for name, sql in named.items())
    query = connection.execute(
        f"SELECT arm, count(*) AS units, {listed} FROM tallies "
        f"WHERE {horizon.mature} AND NOT forgotten GROUP BY arm ORDER BY arm"
    )
    names = [item[0] for item in query.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in query.fetchall()]
    return Beside(
        days=days(experiment),
        currency=currency(experiment),
        arms=tuple(_of_arm(row, fault.get(str(row["arm"]), {})) for row in rows),
        foreign=int(sum(row["foreign"] for row in rows)),
        lacking=lacking,
    )


def _of(name: str) -> str:
    return f"coalesce({identifier(f'b:{name}')}, 0.0)"


def _units(sql: str) -> str:
    return f"count(*) FILTER (WHERE {sql} > 0)"


def _of_arm(row: Mapping[str, Any], fault: Mapping[str, int]) -> OfArm:
    return OfArm(
        arm=row["arm"],
        goodwill=float(row["goodwill"]),
        fault=dict(fault),
        spoken=Broken(
            units=row["had_any"],
            goodwill=row["gifts"],
            refund=row["had_refund"],
            contact=row["had_contact"],
            agent=row["had_agent"],
        ),
        **{name: int(row[name]) for name in SUMMED if name != "goodwill"},
    )
