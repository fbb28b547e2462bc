"""Schemes whose draws depend on what the ledger counted before: one file each (R3).

:func:`names` says what to lock, :func:`begin` reads the counts under those locks.
"""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

from apologylab.errors import LedgerBusyError
from apologylab.record.facts import Incident
from apologylab.service.schemes import blocks, clusters, minimisation

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running
    from apologylab.service.schemes.scheme import Scheme

__all__ = ["begin", "counts", "names"]


def _chosen(running: Running) -> ModuleType | None:
    """The scheme that the experiment declares; None where each unit is drawn by itself."""
    if running.experiment.unit == "cluster":
        return clusters
    declared = running.experiment.allocation.scheme
    return {"blocks": blocks, "minimisation": minimisation}.get(declared)


def counts(running: Running) -> bool:
    """Whether an arm depends on what was drawn before."""
    return _chosen(running) is not None


def names(work: Transaction, running: Running, incidents: Sequence[Incident]) -> list[str]:
    """What to lock beside the customers, in the same call; nothing for independent draws.

    An incident that was recorded before counts as it stands, not as it is told now, so both its
    strata are locked.
    """
    chosen = _chosen(running)
    if chosen is None:
        return []
    keys = sorted({each.key for each in incidents})
    standing = {each.key: each for each in work.find_among(Incident, "key", keys)}
    stood = [_merged(each, standing[each.key]) for each in incidents if each.key in standing]
    return sorted(chosen.lock_names(running, [*incidents, *stood]))


def _merged(told: Incident, standing: Incident) -> Incident:
    return replace(standing, fields={**told.fields, **standing.fields})


def begin(
    work: Transaction,
    running: Running,
    phase: int,
    incidents: Sequence[Incident],
    *,
    locked: Collection[str],
) -> Scheme | None:
    """The scheme for one judging of a batch; None where each unit is drawn by itself.

    Raises:
        LedgerBusyError: an incident was recorded with other fields since ``locked`` was chosen.
    """
    chosen = _chosen(running)
    if chosen is None:
        return None
    if not chosen.lock_names(running, incidents) <= set(locked):
        raise LedgerBusyError(
            "an incident was recorded by somebody else at the same moment", do="do it again"
        )
    scheme: Scheme = chosen.begin(work, running, phase, incidents)
    return scheme
