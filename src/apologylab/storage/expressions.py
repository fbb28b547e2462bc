"""Expressions that SQLite and PostgreSQL spell differently."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.sql.compiler import SQLCompiler


def among(values: Sequence[Any]) -> dict[str, str]:
    """The parameter of a statement with :func:`is_among`: one JSON array, however many there are.

    >>> among(["a", "b"])
    {'values': '["a", "b"]'}
    """
    return {"values": json.dumps(list(values))}


def is_among(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether the text ``column`` is one of the parameter ``values``, see :func:`among`."""
    among: sa.ColumnElement[bool] = _Among(column, sa.bindparam("values", type_=sa.Text()))
    return among


def by_bytes(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """``column`` in the order of its UTF-8 bytes, which is Python's, whatever the database's."""
    return _ByBytes(column)


class _Among(FunctionElement[Any]):
    # Of no type: a boolean would become `... = 1` on SQLite, which no index serves.
    type = sa.types.NullType()
    inherit_cache = True


class _ByBytes(FunctionElement[str]):
    type = sa.Text()
    inherit_cache = True


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, values = (compiler.process(each, **how) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, values = (compiler.process(each, **how) for each in element.clauses)
    return f"{column} = ANY (ARRAY(SELECT json_array_elements_text(CAST({values} AS json))))"


@compiles(_ByBytes, "sqlite")
def _by_bytes_sqlite(element: _ByBytes, compiler: SQLCompiler, **how: Any) -> str:
    return compiler.process(element.clauses, **how)


@compiles(_ByBytes, "postgresql")
def _by_bytes_postgresql(element: _ByBytes, compiler: SQLCompiler, **how: Any) -> str:
    return f'{compiler.process(element.clauses, **how)} COLLATE "C"'
