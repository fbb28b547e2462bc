"""Facts of a ledger as typed Parquet files, up to a mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.record.facts import KINDS
from apologylab.service.export import TEXTS, Exported, Upto
from apologylab.warehouse.engine import connect
from apologylab.warehouse.parquet_folder import refuse_other, write_folder
from apologylab.warehouse.sql import identifier
from apologylab.warehouse.staging import LEDGER, attached
from apologylab.wire import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

    from apologylab.record.columns import Column
    from apologylab.service.ports import LedgerIdentity, Progress


@dataclass(frozen=True, kw_only=True)
class LedgerExporter:
    """See :class:`apologylab.service.export.Exporter`; the ledger at ``url``, into ``folder``."""

    url: str
    identity: LedgerIdentity
    folder: Path

    def write(
        self, wanted: Mapping[str, Sequence[str]], upto: Upto, *, progress: Progress
    ) -> tuple[Exported, ...]:
        """See :meth:`apologylab.service.export.Exporter.write`.

        Raises:
            StateError: a place holds something that no export wrote.
            LedgerError: the ledger cannot be read.
        """
        for kind in wanted:
            refuse_other(self.folder / kind)
        connection, written = connect(), []
        with attached(connection, self.url):
            for kind, left_out in wanted.items():
                written.append(self._write(connection, kind, upto, left_out))
                progress(1)
        return tuple(written)

    def _write(
        self,
        connection: duckdb.DuckDBPyConnection,
        kind: str,
        upto: Upto,
        left_out: Sequence[str],
    ) -> Exported:
        about = {
            "kind": kind,
            "ledger": self.identity.id,
            "environment": self.identity.environment,
            "simulated": self.identity.simulated,
            "as_of": upto.as_of.isoformat(),
            "mark": upto.mark,
            "left_out": list(left_out),
        }
        query, time = (_texts(), None) if kind == TEXTS else (_facts(kind, upto, left_out), _TIME)
        return write_folder(connection, query, self.folder / kind, time=time, about=about)


_TIME = "CAST(timezone('UTC', occurred_at) AS TIMESTAMP)"


def _facts(kind: str, upto: Upto, leave_out: Sequence[str]) -> str:
    """Times as UTC timestamps, truth as booleans, money in minor units, mappings as JSON text."""
    shape = schema.table(KINDS[kind])
    columns = ", ".join(_typed(each) for each in shape.columns if each.name not in leave_out)
    return f"SELECT {columns} FROM {LEDGER}.{shape.name} WHERE seq <= {upto.mark}"


def _typed(column: Column) -> str:
    name = identifier(column.name)
    if column.type == "time":
        return f"make_timestamptz({name}) AS {name}"
    if column.type == "boolean":
        return f"CAST({name} AS BOOLEAN) AS {name}"
    if column.type == "integer":
        return f"CAST({name} AS BIGINT) AS {name}"
    return name


def _texts() -> str:
    return f"SELECT id, body FROM {LEDGER}.{identifier(schema.TEXTS)}"
