"""The one place that chooses implementations. Doors call it inside a function, never on import."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apologylab.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apologylab.catalogue.project import Project
    from apologylab.service.assign_file import UnitFiles
    from apologylab.service.ports import Catalogue, Channel, Clock, Ledger

EXPERIMENTS = "experiments"


def clock() -> Clock:
    """The machine's clock, in UTC (R38)."""
    return lambda: datetime.now(UTC)


def project(start: Path | None = None) -> Project:
    """The project around ``start``, by default the working folder.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    from apologylab.catalogue.project import find_project

    return find_project(start or Path.cwd(), os.environ)


def catalogue(of: Project | None = None) -> Catalogue:
    """The experiments folder of a project; without one, ``experiments`` in the working folder.

    Raises:
        ConfigError: there is a project and it is wrong.
    """
    return catalogue_in(of.experiments if of else _experiments_folder())


def catalogue_in(folder: Path) -> Catalogue:
    """The experiments in ``folder``, project or not."""
    from apologylab.catalogue.folder import FolderCatalogue

    return FolderCatalogue(folder)


def create_ledger(of: Project) -> Ledger:
    """A new, empty ledger where the project says, marked with its environment.

    Raises:
        LedgerError: there is one already.
    """
    from uuid import uuid4

    from apologylab.service.ports import LedgerIdentity
    from apologylab.storage.sqlite import create

    identity = LedgerIdentity(id=uuid4().hex, environment=of.environment, simulated=of.simulated)
    return create(of.ledger_file, identity)


def open_ledger(of: Project | None = None) -> Ledger:
    """The project's ledger.

    Raises:
        ConfigError: there is no project.
        NotFoundError: there is no ledger yet.
        LedgerOldError: its schema is older than this version.
    """
    from apologylab.storage.sqlite import open_

    return open_((of or project()).ledger_file)


def channel(name: str, of: Project) -> Channel:
    """The channel called ``name``; the file channel writes under the project's ``outbox``.

    Raises:
        ConfigError: this version has no such channel.
    """
    if name != "file":
        raise ConfigError(f"there is no channel {name!r}", do='this version has one: "file"')
    from apologylab.channels.file import FileChannel

    return FileChannel(of.root / "outbox")


def unit_files() -> UnitFiles:
    """The engine that draws arms for whole files of units."""
    from apologylab.warehouse.unit_files import DuckdbUnitFiles

    return DuckdbUnitFiles()


def columns_needed(experiment: Experiment) -> str:
    """Which columns a file of finished outcomes must have, in words.

    Raises:
        StateError: the declaration has no [panel].
    """
    from apologylab.warehouse.panel_file import columns_needed

    return columns_needed(experiment)


def finished_panel(file: Path, experiment: Experiment) -> Panel:
    """The panel of a file of finished outcomes.

    Raises:
        StateError: the declaration has no [panel].
        NotFoundError: there is no such file.
        InputError: it is not what the declaration says.
    """
    from apologylab.warehouse.panel_file import panel_file

    return panel_file(file, experiment)


def table_panel(
    table: object,
    *,
    arm: str,
    unit: str | None,
    outcomes: Sequence[str],
    covariates: Sequence[str],
    weights: Mapping[str, int] | None,
) -> Panel:
    """The panel of a DataFrame, an Arrow table or a file, of which nothing is declared.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or lacks a column.
    """
    from apologylab.warehouse.finished import Wanted
    from apologylab.warehouse.panel_file import open_file
    from apologylab.warehouse.panel_frame import panel_frame

    is_file = isinstance(table, str | Path)
    wanted = Wanted(
        what=Path(table).name if is_file else "the table",
        arm=arm,
        unit=unit,
        outcomes={name: name for name in outcomes},
        covariates=tuple(covariates),
        arms=None if weights is None else tuple(name for name, each in weights.items() if each),
    )
    return open_file(Path(table), wanted) if is_file else panel_frame(table, wanted)


def ledger_panel(experiment: Experiment, of: Project, *, as_of: datetime, mark: int) -> Panel:
    """The panel of a project's ledger: its randomised units, and the facts up to ``mark``."""
    from apologylab.warehouse.panel_ledger import panel_ledger

    return panel_ledger(of.ledger_file, experiment, as_of=as_of, mark=mark)


def _experiments_folder() -> Path:
    from apologylab.catalogue.project import find_file, find_project

    here = Path.cwd()
    if find_file(here):
        return find_project(here, os.environ).experiments
    return here / os.environ.get("APOLOGYLAB_EXPERIMENTS", EXPERIMENTS)
