"""Minimisation: units by arm and field value are counted under one lock a version (R3)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from apologylab.assignment.strata import levels
from apologylab.service.schemes.scheme import Placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apologylab.assignment.assignment import Assignment
    from apologylab.assignment.eligibility import Context
    from apologylab.record.facts import Incident
    from apologylab.service.ports import Transaction
    from apologylab.service.running import Running


class Minimisation:
    """See :class:`apologylab.service.schemes.scheme.Scheme`."""

    def __init__(
        self, work: Transaction, running: Running, phase: int, incidents: Iterable[Incident]
    ) -> None:
        self._running, self._phase = running, phase
        self._placing = running.assigner.placing(phase)
        fields = running.experiment.allocation.strata
        found = sorted({level for each in incidents for level in levels(each.fields, fields)})
        wanted = [self._counter(level, arm) for level in found for arm in self._placing.arms]
        self._before = work.counters(wanted)
        self._added: Counter[str] = Counter()

    def draw(self, unit: str, context: Context, proposal: Assignment) -> Placed:
        """Toss the coin that the units before this one have bent."""
        del proposal
        names = self._running.experiment.allocation.strata
        alike = levels(context, names)
        answer = self._placing.by_coin(unit, [self._counts(level) for level in alike])
        self._added.update(self._counter(level, answer.arm) for level in alike)
        return Placed(answer, ",".join(alike))

    def steps(self) -> Mapping[str, int]:
        """Units drawn, by value of each field and arm."""
        return dict(self._added)

    def _counts(self, level: str) -> dict[str, int]:
        names = {arm: self._counter(level, arm) for arm in self._placing.arms}
        return {arm: self._before[name] + self._added[name] for arm, name in names.items()}

    def _counter(self, level: str, arm: str) -> str:
        experiment = self._running.experiment
        head = f"minimisation/{experiment.name}/{experiment.version}/{self._phase}"
        return f"{head}/{arm}/{level}"


def lock_names(running: Running, incidents: Iterable[Incident]) -> set[str]:
    """What is locked before coins are tossed: every unit bends the next one's."""
    del incidents
    return {f"minimisation/{running.name}/{running.experiment.version}"}


def begin(
    work: Transaction, running: Running, phase: int, incidents: Iterable[Incident]
) -> Minimisation:
    """The scheme of one batch, its counters read under their lock."""
    return Minimisation(work, running, phase, incidents)
