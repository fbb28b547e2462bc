"""When an experiment began, when its enrolment closes, and whether it has ended (R31)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from apologylab.errors import StateError
from apologylab.record.facts import Closed, Halted, PhaseBegan, Started

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Flow, Ledger

ENDED: Final[Mapping[str, str]] = {
    "drain": "drained",
    "kill": "killed, so that nothing more was sent,",
}


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Moments of one version of an experiment; None where the plan or the ledger has none.

    Attributes:
        began: the first phase began.
        phases: the phases that have begun.
        enrolment_ends: as planned.
        declared_end: the last unit that the plan can enrol is mature.
        closed: when enrolment closed for good, whatever was planned.
        endings: in words, how it was ended before its plan; departures from it (R32).
    """

    began: datetime
    phases: tuple[int, ...]
    enrolment_ends: datetime | None
    declared_end: datetime | None
    closed: datetime | None
    endings: tuple[str, ...] = ()

    def ended(self, flow: Flow, *, as_of: datetime) -> bool:
        """Whether contrasts may be looked at, because they will not move any more.

        Either enrolment has closed and every unit is mature for every outcome; or the declared end
        has passed and no outcome is half in. While a feed lags, or units still come after that end,
        numbers change from day to day, and reading them again and again is what the plan rules out.
        An outcome of which nothing can be measured holds nothing up.
        """
        waiting = [units for units in flow.mature.values() if units != flow.assigned]
        if self.declared_end is not None and as_of >= self.declared_end:
            return not any(n for units in waiting for arms in units.values() for n in arms.values())
        return self.closed is not None and as_of >= self.closed and not waiting


def pinned(ledger: Ledger, name: str, *, mark: int | None = None) -> Started:
    """The definition that the latest ``start`` of an experiment pinned (R6).

    Raises:
        StateError: it was never started.
    """
    begun = list(ledger.read(Started, mark=mark, experiment=name))
    if not begun:
        raise StateError(
            f"{name} is not started, so the ledger holds nothing of it",
            do=f"run `apologylab start {name}`; a file of finished outcomes needs --panel FILE",
        )
    return begun[-1]


def timeline(ledger: Ledger, experiment: Experiment, *, mark: int) -> Timeline:
    """The moments of the version that ``experiment`` is, from the facts up to ``mark``.

    Raises:
        StateError: that version was not started by then.
    """
    named = {"experiment": experiment.name, "version": experiment.version}
    begun = list(ledger.read(PhaseBegan, mark=mark, **named))
    if not begun:
        raise StateError(
            f"version {experiment.version} of {experiment.name} was not started by then",
            do="choose a later --as-of",
        )
    phases = tuple(sorted({fact.phase for fact in begun}))
    closings = list(ledger.read(Closed, mark=mark, **named))
    closed = [fact.occurred_at for fact in closings if fact.phase == phases[-1]]
    halts = list(ledger.read(Halted, mark=mark, **named))
    began = min(fact.occurred_at for fact in begun)
    planned = experiment.plan.enrol_days
    ends = None if planned is None else began + timedelta(days=planned)
    return Timeline(
        began=began,
        phases=phases,
        enrolment_ends=ends,
        declared_end=None if ends is None else ends + longest(experiment),
        closed=min(closed, default=None),
        endings=tuple(_early(ends, [*closings, *halts])),
    )


def _early(ends: datetime | None, facts: Sequence[Closed | Halted]) -> Iterator[str]:
    """How an experiment was ended before enrolment was to end, and every drain and kill."""
    for fact in facts:
        did = ENDED[fact.how] if isinstance(fact, Halted) else f"phase {fact.phase} closed"
        if isinstance(fact, Halted) or (ends is not None and fact.occurred_at < ends):
            yield f"{did} on {fact.occurred_at:%Y-%m-%d}: {fact.because}"


def longest(experiment: Experiment) -> timedelta:
    """From a unit's anchor to the moment at which all its outcomes can be measured."""
    days = ((each.window_days or 0) + each.settle_days for each in experiment.outcomes)
    return timedelta(days=max(days, default=0))
