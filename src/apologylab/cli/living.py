"""What ``simulate`` and ``demo`` share: a world's life in a project, its stages shown on stderr."""

from __future__ import annotations

import gc
import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from apologylab import wiring
from apologylab.cli.console import progress
from apologylab.cli.dossier import truth_file
from apologylab.hooks import LedgerClient
from apologylab.service.simulate import Doors, Lived, simulate
from apologylab.simulation.worlds import world
from apologylab.wire.truth import truth_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apologylab.catalogue.project import Project
    from apologylab.service.ports import Clock, Ledger, Progress
    from apologylab.service.running import Running

PATIENCE_S = 30.0
"""A simulated order system waits so long: nothing may end as a fallback by chance."""


def live(
    project: Project, ledger: Ledger, name: str, *, of: str, customers: int, seed: int
) -> Lived:
    """Let world ``of`` live through an experiment, and write its truth beside the ledger."""
    doors = Doors(
        ledger=ledger,
        catalogue=wiring.catalogue(project),
        channel=wiring.channel("file", project),
        watch=stage,
        connect=lambda running, clock: _connect(project, running, clock),
        one_by_one=min(200, customers // 20),
    )
    with _no_collections():
        lived = simulate(doors, name, world(of), customers=customers, seed=seed)
    means = lived.potential.means
    named = lived.experiment.name
    document = truth_document(named, of, seed, means)
    truth_file(project.root, named).write_text(json.dumps(document, indent=2), encoding="utf-8")
    return lived


@contextmanager
def stage(what: str, total: int) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere one line when the stage is done. On stderr."""
    began = time.perf_counter()
    with progress(what, total) as done:
        yield done
    if not sys.stderr.isatty():
        sys.stderr.write(f"{what:<24}{total:>12,}{time.perf_counter() - began:>8.1f} s\n")


def _connect(project: Project, running: Running, clock: Clock) -> LedgerClient:
    ledger = wiring.open_ledger(project)
    return LedgerClient(ledger, [running], clock=clock, timeout_s=PATIENCE_S)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Millions of rows and no cycles among them: collecting costs a quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
