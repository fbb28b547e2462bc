"""Permuted blocks: the next place of a stratum is taken under its lock (R3).

A place is taken only by a unit that is drawn, in the transaction that stores its answer, so no
place is lost to a retry, a closed budget or a crash.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from apologylab.assignment.strata import stratum
from apologylab.service.schemes.scheme import Placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apologylab.assignment.assignment import Assignment
    from apologylab.assignment.eligibility import Context
    from apologylab.record.facts import Incident
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running


class Blocks:
    """See :class:`apologylab.service.schemes.scheme.Scheme`."""

    def __init__(self, work: Transaction, running: Running, phase: int, names: set[str]) -> None:
        self._running, self._phase = running, phase
        self._before = work.counters([self._counter(name) for name in sorted(names)])
        self._taken: Counter[str] = Counter()

    def draw(self, unit: str, context: Context, proposal: Assignment) -> Placed:
        """Take the next place of the unit's stratum."""
        del proposal
        name = stratum(context, self._running.experiment.allocation.strata)
        counter = self._counter(name)
        before = self._before[counter] + self._taken[counter]
        place, answer = self._running.assigner.placing(self._phase).in_block(unit, name, before)
        self._taken[counter] += 1
        return Placed(answer, name, place.block)

    def steps(self) -> Mapping[str, int]:
        """Places taken, by stratum."""
        return dict(self._taken)

    def _counter(self, name: str) -> str:
        experiment = self._running.experiment
        return f"stratum/{experiment.name}/{experiment.version}/{self._phase}/{name}"


def _strata(running: Running, incidents: Iterable[Incident]) -> set[str]:
    names = running.experiment.allocation.strata
    return {stratum(incident.fields, names) for incident in incidents}


def lock_names(running: Running, incidents: Iterable[Incident]) -> set[str]:
    """What is locked before places are taken: a name for each stratum."""
    head = f"stratum/{running.name}/{running.experiment.version}"
    return {f"{head}/{name}" for name in _strata(running, incidents)}


def begin(work: Transaction, running: Running, phase: int, incidents: Iterable[Incident]) -> Blocks:
    """The scheme of one batch, its counters read under their locks."""
    return Blocks(work, running, phase, _strata(running, incidents))
