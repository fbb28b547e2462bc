"""The one place that chooses implementations. Doors call it inside a function, never on import."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from apologylab.wiring.clocks import clock
from apologylab.wiring.outlets import (
    channel,
    issuing,
    misfits,
    refuse_misfits,
    refuse_unready_channels,
    returned_mail,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from apologylab.catalogue.folder import FolderCatalogue
    from apologylab.catalogue.project import Project
    from apologylab.design.experiment import Experiment
    from apologylab.service.assign_file import UnitFiles
    from apologylab.service.causes import By, Counted
    from apologylab.service.export import Asked, Exported, Exporter
    from apologylab.service.ports import Ledger, Panel, Progress
    from apologylab.service.scaffold_panel import Column
    from apologylab.service.soundness import Rules
    from apologylab.service.status import Census
    from apologylab.service.table import Wanted

__all__ = [
    "catalogue", "catalogue_in", "census", "channel", "clock", "columns", "create_ledger",
    "currency", "declaration_reader", "export_rows", "exporter", "has_ledger",
    "incidents_counted", "issuing", "known_as", "ledger_at", "ledger_panel", "ledger_rules",
    "migrate_ledger", "open_ledger", "project", "pseudonym_key", "refuse_misfits",
    "refuse_unready_channels", "returned_mail", "table_panel", "throwaway_ledger", "unit_files",
]  # fmt: skip
EXPERIMENTS = "experiments"


def project(start: Path | None = None) -> Project:
    """The project around ``start``, by default the working folder.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    from apologylab.catalogue.project import find_project

    return find_project(start or Path.cwd(), os.environ)


def catalogue(of: Project | None = None) -> FolderCatalogue:
    """The experiments folder of a project; without one, ``experiments`` in the working folder.

    Raises:
        ConfigError: there is a project and it is wrong.
    """
    from functools import partial

    from apologylab.catalogue.folder import FolderCatalogue

    of = of or _project_here()
    if of is None:
        return catalogue_in(Path.cwd() / os.environ.get("APOLOGYLAB_EXPERIMENTS", EXPERIMENTS))
    return FolderCatalogue(of.experiments, partial(misfits, of=of))


def catalogue_in(folder: Path) -> FolderCatalogue:
    """The experiments in ``folder``, project or not."""
    from apologylab.catalogue.folder import FolderCatalogue

    return FolderCatalogue(folder)


def declaration_reader() -> Callable[[str], Experiment]:
    """Reads a declaration that ``start`` pinned in a ledger."""
    from functools import partial

    from apologylab.wire.declaration import read

    return partial(read, where="the declaration as it was started")


def columns(file: Path) -> tuple[Column, ...]:
    """The columns of a CSV or Parquet file.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read.
    """
    from apologylab.warehouse.columns import columns as read_columns

    return read_columns(file)


def currency() -> str:
    """The project's currency; US dollars where there is no project."""
    from apologylab.catalogue.project import find_file

    return project().currency if find_file(Path.cwd()) else "USD"


def create_ledger(of: Project) -> Ledger:
    """A new, empty ledger where the project says, marked with its environment.

    Raises:
        StateError: there is one already.
        LedgerGoneError: its server cannot be reached.
    """
    from secrets import token_hex
    from uuid import uuid4

    from apologylab.catalogue.project import ledger_file
    from apologylab.service.ports import LedgerIdentity

    identity = LedgerIdentity(
        id=uuid4().hex,
        environment=of.environment,
        simulated=of.simulated,
        secret=token_hex(32),
    )
    file = ledger_file(of.ledger_url)
    if file is None:
        from apologylab.storage import postgres

        return postgres.create(of.ledger_url, identity)
    from apologylab.storage import sqlite

    return sqlite.create(file, identity)


def throwaway_ledger(*, simulated: bool = True) -> Ledger:
    """A ledger in memory, for what shall leave no trace; no other has its id."""
    from uuid import uuid4

    from apologylab.service.ports import LedgerIdentity
    from apologylab.storage.memory import MemoryLedger

    return MemoryLedger(
        LedgerIdentity(id=uuid4().hex, environment="throwaway", simulated=simulated)
    )


def has_ledger(of: Project) -> bool:
    """Whether there is something where the project's ledger shall be."""
    from apologylab.catalogue.project import ledger_file
    from apologylab.errors import NotFoundError

    file = ledger_file(of.ledger_url)
    if file is not None:
        return file.exists()
    try:
        open_ledger(of).close()
    except NotFoundError:
        return False
    return True


def ledger_at(url: str) -> Ledger:
    """The ledger at ``url``, written as in ``apologylab.toml``; for hooks, which have no project.

    Raises:
        ConfigError: this version cannot keep a ledger there.
        NotFoundError: there is no ledger yet.
        LedgerOldError: its schema is older than this version.
        LedgerGoneError: its server cannot be reached.
        MissingPartError: what reads such a ledger is not installed.
    """
    from apologylab.catalogue.project import ledger_file

    file = ledger_file(url)
    if file is None:
        from apologylab.storage import postgres

        return postgres.open_(url)
    from apologylab.storage import sqlite

    return sqlite.open_(file)


def open_ledger(of: Project | None = None) -> Ledger:
    """The project's ledger.

    Raises:
        ConfigError: there is no project.
        NotFoundError: there is no ledger yet.
        LedgerOldError: its schema is older than this version.
        LedgerGoneError: its server cannot be reached.
    """
    return ledger_at((of or project()).ledger_url)


def known_as(ledger: Ledger, *, now: datetime) -> Callable[[str], str] | None:
    """What makes pseudonyms of customers' ids, by the environment's key; None without one (R8).

    Raises:
        ConfigError: it is not the key that this ledger began with, or there is none and must be.
        StateError: the ledger holds ids in clear.
    """
    from apologylab.service.pseudonyms import known_as as of_ledger

    return of_ledger(ledger, pseudonym_key(), now=now)


def pseudonym_key() -> str | None:
    """The key of pseudonyms that the environment holds."""
    from apologylab.catalogue.project import from_environment

    return from_environment(os.environ).get("pseudonym_key")


def migrate_ledger(of: Project, *, dry_run: bool) -> list[str]:
    """Bring the project's ledger to this version's schema; the steps taken, or to take.

    Raises:
        NotFoundError: there is no ledger yet.
        LedgerOldError: a newer version wrote it.
        LedgerBusyError: others held its tables all the time.
    """
    from apologylab.catalogue.project import ledger_file

    file = ledger_file(of.ledger_url)
    if file is None:
        from apologylab.storage import postgres

        return postgres.migrate(of.ledger_url, dry_run=dry_run)
    from apologylab.storage import sqlite

    return sqlite.migrate(file, dry_run=dry_run)


def unit_files() -> UnitFiles:
    """The engine that draws arms for whole files of units."""
    from apologylab.warehouse.unit_files import DuckdbUnitFiles

    return DuckdbUnitFiles()


def table_panel(table: object, wanted: Wanted) -> Panel:
    """The panel of a file (a path), a DataFrame, an Arrow table, or a table on an engine.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or its columns are not those wanted.
    """
    from apologylab.warehouse.any_table import any_table

    return any_table(table, wanted)


def census(ledger: Ledger, experiment: Experiment, of: Project, *, as_of: datetime) -> Census:
    """Counts of a project's ledger as of a date; its connections are closed meanwhile."""
    from apologylab.warehouse.census import census

    mark = ledger.mark(as_of)
    ledger.close()
    return census(of.ledger_url, experiment, mark=mark)


def incidents_counted(
    ledger: Ledger, of: Project, *, by: By, until: datetime, weeks: int, as_of: datetime
) -> tuple[Counted, ...]:
    """A project's incidents by cause, department or kind; its connections are closed meanwhile."""
    from apologylab.warehouse.causes import counted

    mark = ledger.mark(as_of)
    ledger.close()
    return counted(
        of.ledger_url,
        by=by,
        taxonomy=of.taxonomy,
        until=until,
        weeks=weeks,
        mark=mark,
        currency=of.currency,
    )


def ledger_panel(
    ledger: Ledger,
    experiment: Experiment,
    of: Project,
    *,
    as_of: datetime,
    standing: Path | None = None,
) -> Panel:
    """The panel of a project's ledger: its randomised units and their facts, as of a date.

    The ledger's own connections are closed meanwhile; it opens them again when it is next asked.
    ``standing`` is a file that keeps the units' tallies until the next analysis (R25).

    Raises:
        InputError: amounts are in several currencies, or ``standing`` is another file.
    """
    from apologylab.warehouse.panel_ledger import panel_ledger
    from apologylab.warehouse.standing_ledger import Keeping

    mark, kept = ledger.mark(as_of), None
    if standing is not None:
        kept = Keeping(file=standing, ledger_id=ledger.identity.id)
    ledger.close()
    return panel_ledger(of.ledger_url, experiment, as_of=as_of, mark=mark, standing=kept)


def ledger_rules(
    ledger: Ledger, of: Project, conditional: Iterable[tuple[str, int]], *, now: datetime
) -> Rules:
    """The rules that a project's ledger could break; its connections are closed meanwhile."""
    from apologylab.warehouse.soundness.ledger_rules import LedgerRules

    ledger.close()
    return LedgerRules(of.ledger_url, conditional=conditional, now=now)


def exporter(ledger: Ledger, of: Project, folder: Path) -> Exporter:
    """Writes a project's facts as Parquet files under ``folder``."""
    from apologylab.warehouse.ledger_export import LedgerExporter

    return LedgerExporter(url=of.ledger_url, identity=ledger.identity, folder=folder)


def export_rows(url: str, asked: Asked, place: Path, *, progress: Progress) -> Exported:
    """Write rows of the database at ``url`` as Parquet files in ``place``.

    Raises:
        InputError, NotFoundError, MissingPartError, StateError: see the warehouse.
    """
    from apologylab.warehouse.any_database import export_rows as written

    return written(url, asked, place, progress=progress)


def _project_here() -> Project | None:
    """The project whose file stands in the working folder or above it."""
    from apologylab.catalogue.project import find_file

    return project() if find_file(Path.cwd()) else None
