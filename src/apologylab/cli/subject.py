"""What ``analyse``, ``decide`` and ``report`` are about: an experiment and its panel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from apologylab import wiring
from apologylab.design.experiment import Experiment
from apologylab.design.fingerprint import fingerprint
from apologylab.errors import InputError
from apologylab.service.ports import Ledger, Panel
from apologylab.service.table import columns_needed, wanted_of
from apologylab.service.timeline import pinned
from apologylab.wire.assumed import sentences as assumed
from apologylab.wire.declaration import read


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """An experiment, its panel, and the ledger it is read from; None for a file.

    ``edited`` says how the declaration on disk differs from the one pinned, if it does;
    ``assumed``, which numbers of a file's declaration nobody has confirmed.
    """

    experiment: Experiment
    panel: Panel
    ledger: Ledger | None
    as_of: datetime
    edited: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


@contextmanager
def subject(
    name: str, *, panel: Path | None, as_of: str | None, standing: Path | None = None
) -> Iterator[Subject]:
    """Find an experiment and open its panel: of ``panel``, else of the project's ledger.

    The ledger is let go of at the end of the block; ``standing`` keeps its tallies.

    Raises:
        InputError: a file is needed, or the file is not what the declaration says.
        StateError: it was never started.
    """
    experiment = wiring.catalogue().experiment(name)
    now = wiring.clock()()
    if panel is None and experiment.panel is None:
        with closing(wiring.open_ledger(wiring.project())) as ledger:
            at = moment(as_of, now=now) if as_of else now
            yield _of_ledger(ledger, experiment, at, standing)
        return
    if panel is None:
        raise InputError(
            f"{experiment.name} is analysed from a file of finished outcomes",
            do="pass --panel FILE, a CSV or Parquet file with the columns "
            + columns_needed(experiment),
        )
    if as_of is not None:
        raise InputError("--as-of needs a ledger; a file has no dates", do="leave it out")
    if standing is not None:
        raise InputError("--standing needs a ledger; a file is read whole", do="leave it out")
    yield Subject(
        experiment=experiment,
        panel=wiring.table_panel(panel, wanted_of(experiment, panel.name)),
        ledger=None,
        as_of=now,
        assumed=assumed(wiring.catalogue().source(name)),
    )


def _of_ledger(
    ledger: Ledger, declared: Experiment, as_of: datetime, standing: Path | None
) -> Subject:
    """The version that was started last, as it was pinned (R6)."""
    started = pinned(ledger, declared.name)
    experiment = read(started.declaration, where=f"{declared.name}, as started")
    same = fingerprint(declared) == started.fingerprint
    return Subject(
        experiment=experiment,
        panel=wiring.ledger_panel(
            ledger, experiment, wiring.project(), as_of=as_of, standing=standing
        ),
        ledger=ledger,
        as_of=as_of,
        edited=() if same else ("the declaration was edited since the start: not used",),
    )


def moment(text: str, *, now: datetime) -> datetime:
    """A date, meaning its first moment in UTC, or a time with its zone.

    >>> moment("2026-09-30", now=datetime(2027, 1, 1, tzinfo=UTC)).isoformat()
    '2026-09-30T00:00:00+00:00'

    Raises:
        InputError: it is neither, or lies ahead: what will be known then is not known now.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"--as-of {text!r} is not a date", do="write 2026-09-30 or 2026-09-30T18:00:00+00:00"
        ) from error
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if found > now:
        raise InputError(f"--as-of {text} lies ahead", do="leave it out for what is known now")
    return found
