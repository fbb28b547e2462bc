"""Facts of a ledger, copied into the engine as of a mark, corrections applied.

A process must not hold one SQLite file open through two copies of the SQLite library: closing one
drops the other's locks (https://sqlite.org/howtocorrupt.html, 2.2.1). DuckDB brings its own copy,
so everything is copied at once and the file let go, and the caller has closed the ledger's own
connections before. A ledger in PostgreSQL is copied by the same statements.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb

from apologylab.errors import LedgerError
from apologylab.record.facts import KINDS
from apologylab.warehouse.attach import attach, shown
from apologylab.warehouse.sql import identifier, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.design.experiment import NormaliseRule

LEDGER = "ledger"


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, url: str, name: str = LEDGER) -> Iterator[None]:
    """The ledger at ``url``, open for reading as schema ``name`` inside the block only.

    Raises:
        LedgerError: it cannot be read.
    """
    try:
        attach(connection, url, name)
        yield
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise LedgerError(
            f"{shown(url)} cannot be read: {reason}", do="run `apologylab doctor`"
        ) from error
    finally:
        connection.execute(f"DETACH DATABASE IF EXISTS {name}")


def normalised(column: str, rule: NormaliseRule) -> str:
    """SQL of a customer id, normalised as the units were before the draw (R8)."""
    if rule == "exact":
        return column
    composed = f"nfc_normalize({column})"
    if rule == "nfc":
        return composed
    upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return f"translate({composed}, '{upper}', '{upper.lower()}')"


@dataclass(frozen=True, kw_only=True)
class Stager:
    """Copies facts out of the attached ledger, up to ``mark``, customers normalised by ``rule``.

    ``only`` is SQL that a copied row must meet, corrections applied.
    """

    connection: duckdb.DuckDBPyConnection
    mark: int
    rule: NormaliseRule
    only: str = "TRUE"

    @cached_property
    def corrected(self) -> frozenset[str]:
        """The kinds of which a fact was corrected."""
        rows = self.connection.execute(
            f"SELECT DISTINCT fact FROM {LEDGER}.fact_correction WHERE seq <= {self.mark}"
        ).fetchall()
        return frozenset(kind for (kind,) in rows)

    def stage(self, kind: str, columns: Sequence[str]) -> None:
        """Copy ``columns`` of the facts of ``kind`` into table ``staged_<kind>``.

        The last correction of a fact counts, for the fields it names (R18).
        """
        corrected = kind in self.corrected
        listed = ", ".join(_column(kind, name, self.rule, corrected=corrected) for name in columns)
        corrections = f"LEFT JOIN ({_corrections(kind, self.mark)}) c ON c.corrects = f.key"
        rows = (
            f"SELECT {listed} FROM {LEDGER}.fact_{kind} f {corrections if corrected else ''} "
            f"WHERE f.seq <= {self.mark}"
        )
        chosen = rows if self.only == "TRUE" else f"SELECT * FROM ({rows}) WHERE {self.only}"
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE staged_{kind} AS {chosen}")


def _corrections(kind: str, mark: int) -> str:
    return (
        f"SELECT corrects, arg_max(fields, seq) AS fields FROM {LEDGER}.fact_correction "
        f"WHERE fact = {text_literal(kind)} AND seq <= {mark} GROUP BY corrects"
    )


def _column(kind: str, name: str, rule: NormaliseRule, *, corrected: bool) -> str:
    column = f"f.{identifier(name)}"
    if corrected and name != "key":
        column = f"coalesce({_corrected(kind, name)}, {column})"
    value = normalised(column, rule) if name == "customer" else column
    return f"{value} AS {identifier(name)}"


def _corrected(kind: str, name: str) -> str:
    """SQL of a corrected field: texts and numbers as JSON has them, a time with its zone."""
    text = f"c.fields ->> {text_literal(name)}"
    annotation = str(KINDS[kind].__dataclass_fields__[name].type)
    if annotation.startswith("datetime"):
        return f"epoch_us(CAST({text} AS TIMESTAMPTZ))"
    if annotation.startswith("bool"):
        return f"CAST(CAST({text} AS BOOLEAN) AS BIGINT)"
    if annotation.startswith("int"):
        return f"CAST({text} AS BIGINT)"
    return f"CAST({text} AS DOUBLE)" if annotation.startswith("float") else text
