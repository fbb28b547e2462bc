"""Facts as files for other tools: which kinds, which columns, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from apologylab.errors import InputError
from apologylab.record.facts import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apologylab.service.ports import Ledger, Progress

PERSONAL: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"incident": ("fields",), "customer_snapshot": ("fields",), "correction": ("fields",)}
)
"""Columns in which a company may have put names or addresses: left out unless asked for (R21)."""
TEXTS: Final = "text"
"""The rendered messages, beside the kinds of facts: exported only if asked for."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One folder of Parquet files: what its rows are, how many, in how many files and bytes."""

    kind: str
    folder: str
    rows: int
    files: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which rows of a database: those of ``table`` (``name`` or ``schema.name``), or of ``query``.

    ``time`` is the column whose month says in which partition a row stands, if any.
    """

    table: str | None = None
    query: str | None = None
    time: str | None = None


@dataclass(frozen=True, kw_only=True)
class Upto:
    """Which facts: those up to ``mark``, which ``as_of`` resolved to (R18)."""

    as_of: datetime
    mark: int


class Exporter(Protocol):
    """Writes facts of one ledger as Parquet files under a folder."""

    def write(
        self, wanted: Mapping[str, Sequence[str]], upto: Upto, *, progress: Progress
    ) -> tuple[Exported, ...]:
        """Put all facts of each kind in place of what an earlier export left.

        ``wanted`` has for each kind, or for the texts, the columns to leave out; ``progress`` is
        told of each kind that is done.

        Raises:
            StateError: a place holds something that no export wrote.
        """
        ...


def export(
    ledger: Ledger,
    exporter: Exporter,
    kinds: Sequence[str],
    *,
    as_of: datetime,
    personal: bool = False,
    progress: Progress = lambda _: None,
) -> tuple[Exported, ...]:
    """Write the facts of ``kinds``, all of them if none is named, as of a date.

    ``personal`` adds the columns :data:`PERSONAL` and the rendered texts.

    Raises:
        InputError: there is no such kind.
        StateError: see :meth:`Exporter.write`.
    """
    wanted = {
        kind: () if personal else PERSONAL.get(kind, ())
        for kind in _wanted(kinds, personal=personal)
    }
    upto = Upto(as_of=as_of, mark=ledger.mark(as_of))
    ledger.close()  # the exporter reads the same file: see ADR 8
    return exporter.write(wanted, upto, progress=progress)


def _wanted(kinds: Sequence[str], *, personal: bool) -> tuple[str, ...]:
    known = (*KINDS, TEXTS) if personal else tuple(KINDS)
    for kind in kinds:
        if kind == TEXTS and not personal:
            raise InputError("the texts of messages are personal", do="add --personal")
        if kind not in known:
            raise InputError(f"there is no kind {kind!r}", do=f"give one of {', '.join(known)}")
    return tuple(dict.fromkeys(kinds)) or known
