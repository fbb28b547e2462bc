"""Clusters: all customers of a set get the arm that was drawn for it first (R6, R27).

The ledger counts, for each cluster, the phase in which it was drawn. Its arm is a function of its
id and that phase, so a later phase with other weights gives a late customer of an old cluster what
the others of it got, with the propensity that it had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.service.schemes.scheme import Placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apologylab.assignment.assignment import Assignment
    from apologylab.assignment.eligibility import Context
    from apologylab.record.facts import Incident
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running


class Clusters:
    """See :class:`apologylab.service.schemes.scheme.Scheme`."""

    def __init__(self, work: Transaction, running: Running, phase: int, units: set[str]) -> None:
        self._running, self._phase = running, phase
        drawn = work.counters([self._counter(unit) for unit in sorted(units)])
        self._drawn_in = {name: found for name, found in drawn.items() if found}
        self._new: dict[str, int] = {}

    def draw(self, unit: str, context: Context, proposal: Assignment) -> Placed:
        """The cluster's arm, as of the phase in which its first customer was drawn."""
        counter = self._counter(unit)
        phase = self._drawn_in.get(counter)
        if phase is None:
            self._drawn_in[counter] = self._new[counter] = self._phase
        elif phase != self._phase:
            proposal = self._running.assigner.propose(unit, context, phase)
        return Placed(proposal)

    def steps(self) -> Mapping[str, int]:
        """The phase of each cluster that was drawn for the first time."""
        return self._new

    def _counter(self, unit: str) -> str:
        experiment = self._running.experiment
        return f"cluster/{experiment.name}/{experiment.version}/{unit}"


def _units(running: Running, incidents: Iterable[Incident]) -> set[str]:
    return {unit for each in incidents if (unit := running.unit(each)) is not None}


def lock_names(running: Running, incidents: Iterable[Incident]) -> set[str]:
    """What is locked before a cluster's phase is read."""
    return {f"cluster/{running.name}/{unit}" for unit in _units(running, incidents)}


def begin(
    work: Transaction, running: Running, phase: int, incidents: Iterable[Incident]
) -> Clusters:
    """The scheme of one batch, its counters read under their locks."""
    return Clusters(work, running, phase, _units(running, incidents))
