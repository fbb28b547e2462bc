"""The one place that chooses implementations. Doors call it inside a function, never on import."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apologylab.errors import ConfigError

if TYPE_CHECKING:
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
    from apologylab.catalogue.folder import FolderCatalogue

    return FolderCatalogue(of.experiments if of else _experiments_folder())


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


def _experiments_folder() -> Path:
    from apologylab.catalogue.project import find_file, find_project

    here = Path.cwd()
    if find_file(here):
        return find_project(here, os.environ).experiments
    return here / os.environ.get("APOLOGYLAB_EXPERIMENTS", EXPERIMENTS)
