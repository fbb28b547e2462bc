"""``Assigner``: what the hash proposes; the ledger decides (R2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.assignment.judge import compile_judge
from apologylab.assignment.placing import Placing

if TYPE_CHECKING:
    from apologylab.assignment.assignment import Assignment
    from apologylab.assignment.eligibility import Context
    from apologylab.assignment.judge import Judge
    from apologylab.design.experiment import Experiment


class Assigner:
    """Proposes an assignment for each unit; pure, so the same on every retry and every machine."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self._judges: dict[int, Judge] = {}
        self._placings: dict[int, Placing] = {}

    def propose(self, unit: str, context: Context, phase: int = 1) -> Assignment:
        """Answer for ``unit`` in ``phase``, judged on all that needs no ledger.

        ``context`` is the incident's fields, see :mod:`apologylab.assignment.eligibility`. Where
        the ledger's counts draw the arm (blocks, minimisation), a unit that enters has none yet:
        ``arm`` is empty until :meth:`placing` answers.

        Raises:
            UnitIdError: the unit id breaks R8.
            StateError: the experiment is a panel, or has no such phase.
        """
        judge = self._judges.get(phase)
        if judge is None:
            judge = compile_judge(self.experiment, phase=phase, reason="RANDOMISED")
            self._judges[phase] = judge
        return judge(unit, context)

    def placing(self, phase: int) -> Placing:
        """What draws the arms of ``phase`` from the ledger's counts."""
        if phase not in self._placings:
            self._placings[phase] = Placing(self.experiment, phase)
        return self._placings[phase]
