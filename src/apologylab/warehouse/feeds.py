"""How far each feed of facts is complete, and which units that makes mature (R20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apologylab.warehouse.staging import LEDGER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """Units enrolled up to ``last`` (microseconds, UTC) can be measured; None: no unit can.

    ``lacking`` are feeds that were never declared complete, ``through`` how far the others reach.
    """

    last: int | None
    through: Mapping[str, datetime]
    lacking: tuple[str, ...]

    @property
    def mature(self) -> str:
        """SQL over ``anchor``."""
        return "FALSE" if self.last is None else f"anchor <= {self.last}"


def feeds(connection: duckdb.DuckDBPyConnection, *, mark: int) -> dict[str, datetime]:
    """Kind of fact -> the moment through which its feed was declared complete."""
    rows = connection.execute(
        f"SELECT fact, max(through) FROM {LEDGER}.fact_feed WHERE seq <= {mark} GROUP BY fact"
    ).fetchall()
    return {fact: _EPOCH + timedelta(microseconds=through) for fact, through in rows}


def horizon(
    needed: Sequence[str], span: int, through: Mapping[str, datetime], as_of: datetime
) -> Horizon:
    """When all of ``span`` after the anchor must lie before ``as_of`` and every feed's reach."""
    lacking = tuple(kind for kind in needed if kind not in through)
    reached = {kind: through[kind] for kind in needed if kind in through}
    until = min([as_of, *reached.values()])
    last = (until - _EPOCH) // timedelta(microseconds=1) - span
    return Horizon(last=None if lacking else last, through=reached, lacking=lacking)


def reach(horizons: Mapping[str, Horizon]) -> tuple[str, ...]:
    """How far each feed reaches, and what a feed that was never declared complete holds up."""
    through = {kind: at for each in horizons.values() for kind, at in each.through.items()}
    lines = [
        f"the feed {kind!r} is complete through {at:%Y-%m-%d %H:%M} UTC"
        for kind, at in sorted(through.items())
    ]
    for kind in sorted({kind for each in horizons.values() for kind in each.lacking}):
        held = ", ".join(name for name, each in horizons.items() if kind in each.lacking)
        lines.append(
            f"the feed {kind!r} was never declared complete, so no unit is mature for {held}: "
            f"run `apologylab record FILE --as {kind} --complete-through DATE`"
        )
    return tuple(lines)
