"""Draw arms for a file of units: the bulk path of ``draw``, pure and unrecorded (R1, R2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from apologylab.assignment.draw import refuse_ledger, refuse_scheme
from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Progress

UNIT = "unit"


@dataclass(frozen=True, kw_only=True)
class FileTask:
    """Which file to draw for, and where to: ``unit`` is the column of ids, where it is known.

    ``propose`` writes what the hash proposes also where only the ledger can decide (R2).
    """

    units: str
    out: str
    unit: str | None = None
    phase: int = 1
    propose: bool = False


@dataclass(frozen=True, kw_only=True)
class FileAssigned:
    """What became of a file: units by (reason, arm), and the rows whose id was refused (R8)."""

    counts: Mapping[tuple[str, str], int]
    rejected: int
    rejects: str | None
    not_judged: tuple[str, ...]
    """Fields that eligibility asks for and that the file lacks."""

    @property
    def assigned(self) -> int:
        """Units that got an answer."""
        return sum(self.counts.values())


class UnitFiles(Protocol):
    """Files of units, and an engine that draws for them."""

    def columns(self, path: str) -> Sequence[str]:
        """Columns of a CSV or Parquet file.

        Raises:
            NotFoundError: there is no such file.
            InputError: it is neither, or cannot be read.
        """
        ...

    def assign(
        self, experiment: Experiment, task: FileTask, *, unit: str, progress: Progress
    ) -> FileAssigned:
        """Answer for each valid row of ``units`` in ``out``, which appears whole or not at all.

        Rows with an invalid id go to a file beside ``out``. ``progress`` counts to 100.
        """
        ...


def assign_file(
    experiment: Experiment, files: UnitFiles, task: FileTask, *, progress: Progress
) -> FileAssigned:
    """Draw for every unit in a file and write the answers to another.

    Where ``task.unit`` is None, ids stand in the column ``unit`` or in the file's only column.

    Raises:
        StateError: the experiment cannot be drawn without its ledger and ``task.propose`` is not
            set, or it is a panel, or its arms are drawn by the ledger's counts or by cluster.
        InputError: a file or a column is wrong.
        NotFoundError: there is no such file or folder.
    """
    if not task.propose:
        refuse_ledger(experiment)
    refuse_scheme(experiment)
    if task.units == task.out:
        raise InputError(f"{task.out} holds the units", do="write to another file")
    column = _unit_column(files.columns(task.units), task.unit, task.units)
    return files.assign(experiment, task, unit=column, progress=progress)


def _unit_column(columns: Sequence[str], wanted: str | None, path: str) -> str:
    if wanted is None and len(columns) == 1:
        return columns[0]
    name = wanted or UNIT
    if name not in columns:
        raise InputError(
            f"{path} has no column {name!r}", do=f"name one with --unit: {', '.join(columns)}"
        )
    return name
