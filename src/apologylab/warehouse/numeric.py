"""Columns of a table that must be numbers: what is none is counted and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.errors import InputError
from apologylab.warehouse.sql import identifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from apologylab.service.table import Wanted

_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def _numbers(wanted: Wanted) -> tuple[str, ...]:
    """The columns that must hold numbers."""
    return tuple(
        dict.fromkeys((*wanted.outcomes.values(), *wanted.covariates, *wanted.further.values()))
    )


def refuse_types(wanted: Wanted, types: Mapping[str, str]) -> None:
    """Types that are neither numbers nor texts nor true and false.

    Raises:
        InputError: a column has one.
    """
    for name in _numbers(wanted):
        kind = types[name]
        if kind not in {"VARCHAR", "BOOLEAN"} and not kind.lstrip("U").startswith(_NUMERIC):
            raise InputError(
                f"{wanted.what}: column {name!r} is {kind}, not a number",
                do="an outcome or covariate is a number, or true and false",
            )


def refuse_texts(
    connection: duckdb.DuckDBPyConnection, relation: str, wanted: Wanted, types: Mapping[str, str]
) -> None:
    """Texts that should be numbers, each counted with an example.

    Raises:
        InputError: there are such.
    """
    texts = [name for name in _numbers(wanted) if types[name] == "VARCHAR"]
    if not texts:
        return
    bad = ", ".join(f"count(*) FILTER (WHERE {_unreadable(name)})" for name in texts)
    example = ", ".join(
        f"any_value({identifier(name)}) FILTER (WHERE {_unreadable(name)})" for name in texts
    )
    row = connection.execute(f"SELECT {bad}, {example} FROM {relation}").fetchone() or ()
    found = [
        f"{name!r} has {n} (such as {example!r})"
        for name, n, example in zip(texts, row[: len(texts)], row[len(texts) :], strict=True)
        if n
    ]
    if found:
        raise InputError(
            f"{wanted.what}: values that are not numbers: column {', '.join(found)}",
            do=_instead([name for name, n in zip(texts, row, strict=False) if n], wanted),
        )


def _instead(texts: Sequence[str], wanted: Wanted) -> str:
    """What to do about columns with texts; a covariate of texts is mostly a category."""
    written = "empty; write numbers with a point and nothing else"
    if set(texts) - set(wanted.covariates):
        return f"leave a missing outcome {written}"
    return (
        f"leave a missing covariate {written}; of a column of categories, such as a country, make "
        "one column of 0 and 1 for each but one"
    )


def _unreadable(name: str) -> str:
    return f"{identifier(name)} IS NOT NULL AND {number_of(name, 'VARCHAR')} IS NULL"


def number_of(name: str, kind: str) -> str:
    """SQL of a column as a double; true and false are 1 and 0."""
    column = identifier(name)
    if kind != "VARCHAR":
        return f"CAST({column} AS DOUBLE)"
    as_bool = f"CAST(TRY_CAST({column} AS BOOLEAN) AS DOUBLE)"
    return f"coalesce(TRY_CAST({column} AS DOUBLE), {as_bool})"
