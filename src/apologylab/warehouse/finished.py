"""A table of finished outcomes, one row a unit, checked and made a panel.

The table may come from a CSV or Parquet file or from a DataFrame; here it is a relation. Rows are
never de-duplicated: without a unit id, two equal rows are two customers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import duckdb

from apologylab.errors import InputError
from apologylab.inference.lost import lost
from apologylab.inference.slice_checks import Sliced
from apologylab.service.ports import ByPhase, Flow
from apologylab.service.table import Wanted
from apologylab.warehouse.absent_levels import absent_levels, level_columns
from apologylab.warehouse.keys import KEYS, STRATUM
from apologylab.warehouse.lacking import MISSING, Lack, indicators, lack_of, notes_of
from apologylab.warehouse.moments import DuckSource
from apologylab.warehouse.numeric import number_of, refuse_texts, refuse_types
from apologylab.warehouse.sets import DRAWN_SET, set_totals
from apologylab.warehouse.sql import double, identifier, text_literal

if TYPE_CHECKING:
    from apologylab.warehouse.ibis_source import IbisSource

_SHOWN = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class FinishedPanel:
    """A checked table; see :class:`apologylab.service.ports.Panel`."""

    source: DuckSource | IbisSource
    covariates: tuple[str, ...]
    arms: tuple[str, ...]
    wanted: Wanted
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        """See :attr:`apologylab.service.ports.Panel.columns`."""
        return self.source.columns

    def flow(self) -> Flow:
        """See :meth:`apologylab.service.ports.Panel.flow`."""
        if not self.source.rows:
            self.source.moments([])
        assigned: dict[str, int] = {}
        for cell, rows in self.source.rows.items():
            assigned[cell.arm] = assigned.get(cell.arm, 0) + rows
        self._refuse_arms(assigned)
        units: ByPhase = {1: {arm: assigned[arm] for arm in self.arms}}
        value = () if self.wanted.value is None else (self.wanted.value,)
        mature = dict.fromkeys((*self.wanted.outcomes, *value, *self.wanted.times), units)
        source, sets = self.source, None
        if self.wanted.cluster is not None and isinstance(source, DuckSource):
            sets = set_totals(source.connection, source.relation, source.columns, None)
        return Flow(
            assigned=units, mature=mature, notes=self.notes, sets=sets, sliced=self._sliced()
        )

    def _sliced(self) -> Sliced | None:
        """The rows by stratum, where there are strata."""
        if self.wanted.strata is None:
            return None
        by: dict[str, dict[int, dict[str, int]]] = {}
        for cell, rows in sorted(self.source.rows.items()):
            by.setdefault(cell.stratum, {1: {}})[1][cell.arm] = rows
        return Sliced(slices={STRATUM: by}, stages=(), fallbacks={})

    def _refuse_arms(self, assigned: Mapping[str, int]) -> None:
        what, column = self.wanted.what, self.wanted.arm
        if not assigned:
            raise InputError(f"{what} has no rows", do="give a table with one row a unit")
        if "" in assigned:
            raise InputError(
                f"{what}: {assigned['']} rows have no arm in column {column!r}",
                do="fill it in; leaving out units after the draw would bias every effect",
            )
        strangers = [
            f"{arm!r} ({assigned[arm]} rows{_nearest(arm, self.arms)})"
            for arm in sorted(assigned.keys() - set(self.arms))
        ]
        if strangers:
            raise InputError(
                f"{what}: column {column!r} holds arms that are not declared: "
                f"{', '.join(strangers[:_SHOWN])}",
                do=f"correct the labels, or declare the arms; declared are {', '.join(self.arms)}",
            )
        if absent := [arm for arm in self.arms if arm not in assigned]:
            raise InputError(
                f"{what}: no row of column {column!r} is in {', '.join(map(repr, absent))}",
                do="give the whole experiment, or declare weight 0 for an arm never drawn",
            )


def finished_panel(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    wanted: Wanted,
    *,
    parse_once: bool = False,
) -> FinishedPanel:
    """The panel of ``relation`` (a name or a table function), after the checks of its columns.

    ``parse_once`` copies what is read of it into memory first, for a source that is dear to scan;
    so does a table of clusters, which are numbered.

    Raises:
        InputError: a column is missing, reserved or not numeric, or a unit id is in two rows.
    """
    types = _types(connection, relation)
    refuse_columns(wanted, types)
    if parse_once or wanted.cluster is not None:
        kept = ", ".join([*map(identifier, wanted.columns), *_numbered(wanted)])
        connection.execute(f"CREATE TEMP TABLE parsed AS SELECT {kept} FROM {relation}")
        relation = "parsed"
    refuse_types(wanted, types)
    refuse_texts(connection, relation, wanted, types)
    _refuse_repeats(connection, relation, wanted)
    _refuse_empty(connection, relation, wanted)
    view = "CREATE OR REPLACE TEMP VIEW panel AS "
    connection.execute(view + _select(relation, wanted, types, {}))
    absent = absent_levels(wanted, _held(connection, relation, wanted))
    panel = _panel(connection, wanted, {}, absent)
    lacking = _lacking(connection, relation, panel, types)
    if not lacking:
        return panel
    connection.execute(view + _select(relation, wanted, types, lacking))
    return _panel(connection, wanted, lacking, absent)


def _held(
    connection: duckdb.DuckDBPyConnection, relation: str, wanted: Wanted
) -> dict[str, list[str]]:
    """The values, as texts, of each column whose levels are subgroups."""
    found = {}
    for column in level_columns(wanted):
        text = f"CAST({identifier(column)} AS VARCHAR)"
        query = f"SELECT DISTINCT {text} FROM {relation} WHERE {identifier(column)} IS NOT NULL"
        found[column] = [value for (value,) in connection.execute(query).fetchall()]
    return found


def _panel(
    connection: duckdb.DuckDBPyConnection,
    wanted: Wanted,
    lacking: Mapping[str, Lack],
    notes: Sequence[str],
) -> FinishedPanel:
    """The panel of view ``panel``, with what is to be said of its covariates after ``notes``."""
    covariates = (*wanted.covariates, *indicators(lacking))
    names = {
        "arm", *wanted.outcomes, *map(lost, wanted.outcomes), *covariates,
        *([] if wanted.cluster is None else [DRAWN_SET]),
        *([] if wanted.strata is None else [STRATUM]),
        *wanted.further, *wanted.levels,
        *([wanted.value, lost(wanted.value)] if wanted.value else []),
    }  # fmt: skip
    return FinishedPanel(
        source=DuckSource(connection=connection, relation="panel", columns=frozenset(names)),
        covariates=covariates,
        arms=wanted.arms if wanted.arms is not None else _arms(connection),
        wanted=wanted,
        notes=(*notes, *notes_of(lacking)),
    )


def refuse_twice(names: Sequence[object], wanted: Wanted) -> None:
    """Of two columns that share a name DuckDB would read the first.

    Raises:
        InputError: a column that is wanted stands twice among the table's ``names``.
    """
    if twice := [name for name in wanted.columns if names.count(name) > 1]:
        raise InputError(
            f"{wanted.what} has column {twice[0]!r} twice", do="drop or rename one of them"
        )


def _types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {name: kind for name, kind, *_ in rows}


def _nearest(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; near {close[0]!r}" if close else ""


def refuse_columns(wanted: Wanted, types: Mapping[str, str]) -> None:
    """Refuse names that the panel itself has, and columns that the table has not.

    Raises:
        InputError: there are such.
    """
    _refuse_reserved(wanted)
    _refuse_missing(wanted, types)


def _refuse_reserved(wanted: Wanted) -> None:
    """Names that the panel's own columns have; SQL does not tell capitals apart."""
    given = (*wanted.outcomes, *wanted.covariates, *wanted.further)
    if found := [name for name in given if name.lower() in KEYS]:
        raise InputError(
            f"{wanted.what}: {', '.join(map(repr, found))} cannot name an outcome or covariate: "
            f"{', '.join(KEYS)} are columns of the panel itself",
            do="rename the column",
        )


def _refuse_missing(wanted: Wanted, types: Mapping[str, str]) -> None:
    missing = [
        f"{name!r}{_nearest(name, list(types))}" for name in wanted.columns if name not in types
    ]
    if missing:
        raise InputError(
            f"{wanted.what} lacks column{'s' * (len(missing) > 1)} {', '.join(missing)}",
            do=f"its columns are {', '.join(types)}; name each as it stands",
        )


def _refuse_repeats(connection: duckdb.DuckDBPyConnection, relation: str, wanted: Wanted) -> None:
    if wanted.unit is None:
        return
    unit = identifier(wanted.unit)
    repeated = connection.execute(
        f"SELECT CAST({unit} AS VARCHAR), count(*) FROM {relation} GROUP BY {unit} "
        f"HAVING count(*) > 1 OR {unit} IS NULL ORDER BY 1 LIMIT {_SHOWN}"
    ).fetchall()
    if repeated:
        listed = ", ".join(f"{'empty' if id_ is None else id_} ({n} rows)" for id_, n in repeated)
        raise InputError(
            f"{wanted.what}: column {wanted.unit!r} should name each unit once, but {listed}",
            do="give one row a unit, with its outcomes summed; rows are never merged here",
        )


def _numbered(wanted: Wanted) -> tuple[str, ...]:
    """SQL of the clusters' numbers, where there are clusters; dear, so made once."""
    if wanted.cluster is None:
        return ()
    return (f"dense_rank() OVER (ORDER BY {identifier(wanted.cluster)}) AS {DRAWN_SET}",)


def _refuse_empty(connection: duckdb.DuckDBPyConnection, relation: str, wanted: Wanted) -> None:
    """Rows without what they were drawn by."""
    for what, column, do in (
        ("cluster", wanted.cluster, "fill it in: a unit that was drawn alone is a cluster alone"),
        ("stratum", wanted.strata, "fill it in, as it was when the arms were drawn"),
    ):
        if column is None:
            continue
        query = f"SELECT count(*) FILTER (WHERE {identifier(column)} IS NULL) FROM {relation}"
        ((n,),) = connection.execute(query).fetchall()
        if n:
            raise InputError(f"{wanted.what}: {n} rows have no {what} in column {column!r}", do=do)


def _lacking(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    panel: FinishedPanel,
    types: Mapping[str, str],
) -> dict[str, Lack]:
    """Covariates that some units lack.

    A panel that fits into memory is gathered for that, and its analysis need not scan it again.
    """
    wanted = panel.wanted
    if not wanted.covariates:
        return {}
    outcomes = [*wanted.outcomes, *filter(None, [wanted.value])]
    assert isinstance(panel.source, DuckSource)
    suspects = panel.source.lacked(outcomes, wanted.covariates)
    names = wanted.covariates if suspects is None else suspects
    lacks = {name: _is_lacking(number_of(name, types[name])) for name in names}
    # Most tables lack none, which a WHERE sees in a third of the time that the counts take.
    some = f"SELECT 1 FROM {relation} WHERE {' OR '.join(lacks.values())} LIMIT 1"
    if not lacks or not connection.execute(some).fetchall():
        return {}
    counts = [f"count(*) FILTER (WHERE {each})" for each in lacks.values()]
    sums = [
        f"sum({number_of(name, types[name])}) FILTER (WHERE NOT {lacks[name]})" for name in lacks
    ]
    by = ", ".join(map(identifier, filter(None, [wanted.arm, wanted.strata])))
    rows = connection.execute(
        f"SELECT count(*), {', '.join([*counts, *sums])} FROM {relation} GROUP BY {by}"
    ).fetchall()
    each = enumerate(lacks)
    found = {n: lack_of((r[0], r[1 + i], r[1 + len(lacks) + i]) for r in rows) for i, n in each}
    return {name: each for name, each in found.items() if each.units}


def _is_lacking(number: str) -> str:
    return f"({number} IS NULL OR isnan({number}))"


def _select(
    relation: str, wanted: Wanted, types: Mapping[str, str], lacking: Mapping[str, Lack]
) -> str:
    parts = [f"coalesce(CAST({identifier(wanted.arm)} AS VARCHAR), '') AS arm"]
    if wanted.cluster is not None:
        parts.append(DRAWN_SET)
    if wanted.strata is not None:
        parts.append(f"CAST({identifier(wanted.strata)} AS VARCHAR) AS {STRATUM}")
    for name in wanted.covariates:
        parts += _covariate(name, number_of(name, types[name]), lacking.get(name))
    outcomes = {name: number_of(column, types[column]) for name, column in wanted.outcomes.items()}
    parts += [
        f"{number} AS {identifier(name)}"
        for name, number in outcomes.items()
        if name not in wanted.covariates
    ]
    parts += [
        f"{number_of(column, types[column])} AS {identifier(name)}"
        for name, column in wanted.further.items()
    ]
    parts += [
        f"CAST(coalesce(CAST({identifier(column)} AS VARCHAR) = {text_literal(level)}, FALSE) "
        f"AS DOUBLE) AS {identifier(name)}"
        for name, (column, level) in wanted.levels.items()
    ]
    parts += [
        f"CAST({_is_lacking(number)} AS DOUBLE) AS {identifier(lost(name))}"
        for name, number in outcomes.items()
    ]
    if wanted.value:
        value = _value(wanted, outcomes)
        parts.append(f"{value} AS {identifier(wanted.value)}")
        lacks = f"CAST({_is_lacking(value)} AS DOUBLE)"
        parts.append(f"{lacks} AS {identifier(lost(wanted.value))}")
    return f"SELECT {', '.join(parts)} FROM {relation}"


def _covariate(name: str, number: str, lack: Lack | None) -> tuple[str, ...]:
    """A covariate; where units lack it, what it is taken to be, and a column that says so."""
    if lack is None:
        return (f"{number} AS {identifier(name)}",)
    known = f"CASE WHEN NOT isnan({number}) THEN {number} END"
    filled = f"coalesce({known}, {double(lack.instead)}) AS {identifier(name)}"
    marked = f"CAST({known} IS NULL AS DOUBLE) AS {identifier(name + MISSING)}"
    return (filled, marked) if lack.marked else (filled,)


def _value(wanted: Wanted, outcomes: Mapping[str, str]) -> str:
    """SQL of v: NULL where an outcome that it is made of is missing."""
    earned = " + ".join(f"{double(w)} * ({outcomes[name]})" for name, w in wanted.worth.items())
    column = f"CAST({identifier(wanted.arm)} AS VARCHAR)"
    cases = " ".join(
        f"WHEN {text_literal(arm)} THEN {double(cost)}" for arm, cost in wanted.arm_cost.items()
    )
    spent = f"CASE {column} {cases} ELSE 0.0 END" if cases else "0.0"
    return f"{earned or '0.0'} - {spent}"


def _arms(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    rows = connection.execute("SELECT DISTINCT arm FROM panel ORDER BY arm").fetchall()
    return tuple(arm for (arm,) in rows if arm)
