"""Answer the incidents that came in as a file, as the hook answers them one by one (R2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from apologylab.record.facts import Assignment, Incident, Started
from apologylab.record.later_facts import SameIncident
from apologylab.service.assign import assign
from apologylab.service.judging import DRAWN
from apologylab.service.matching import completed
from apologylab.service.withholding import with_withheld

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apologylab.service.assign import Answer
    from apologylab.service.ports import Ledger, Progress
    from apologylab.service.running import Running

BATCH = 500
PASSED_ON = "INELIGIBLE"
"""An incident that one experiment turns away may be answered by another."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Recorded incidents without an answer, oldest first.

    ``before_start`` counts those that happened before the experiment began: they stay without one,
    so that recording last year's incidents apologises to nobody.
    """

    incidents: Sequence[Incident]
    before_start: int


@dataclass(frozen=True, kw_only=True)
class Answered:
    """How many incidents got which (reason, arm).

    ``kept_out`` counts those that were not drawn by the rule that kept them out; ``unheard`` those
    that cannot be stored, by why.
    """

    experiment: str
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept_out: Counter[str] = field(default_factory=Counter)
    unheard: Counter[str] = field(default_factory=Counter)


def waiting(ledger: Ledger, running: Running) -> Waiting:
    """What ``running`` has to answer: incidents of its kinds that no experiment has settled yet."""
    (begun,) = ledger.read(Started, experiment=running.name, version=running.experiment.version)
    settled = {
        each.incident
        for each in ledger.read(Assignment)
        if each.experiment == running.name or each.reason != PASSED_ON
    }
    left = [
        each
        for each in completed(ledger.read(Incident), list(ledger.read(SameIncident)))
        if each.kind in running.kinds and each.key not in settled
    ]
    since = [each for each in left if each.occurred_at >= begun.occurred_at]
    return Waiting(
        incidents=sorted(since, key=attrgetter("occurred_at", "key")),
        before_start=len(left) - len(since),
    )


def assign_recorded(
    ledger: Ledger,
    running: Running,
    incidents: Sequence[Incident],
    *,
    now: datetime,
    progress: Progress = lambda _: None,
) -> Answered:
    """Answer ``incidents`` in batches, each of one transaction; a rerun does what is left.

    Raises:
        StateError: the experiment is not started.
        LedgerError: the ledger could not do it; the batches before were stored.
    """
    answered = Answered(experiment=running.name)
    for first in range(0, len(incidents), BATCH):
        batch = incidents[first : first + BATCH]
        with ledger.transaction(recorded_at=now) as work:
            whole = with_withheld(work, ledger.identity, running, batch)
        for answer in assign(ledger, running, whole, now=now):
            _count(answered, answer)
        progress(len(batch))
    return answered


def _count(answered: Answered, answer: Answer) -> None:
    stored = answer.assignment
    if stored is None:
        answered.unheard[answer.because] += 1
        return
    answered.answers[stored.reason, stored.arm] += 1
    if stored.reason not in DRAWN:
        rule, _, _ = stored.because.partition(":")
        answered.kept_out[rule] += 1
