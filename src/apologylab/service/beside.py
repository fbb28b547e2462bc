"""What every experiment measures without being asked: contacts, goodwill, refunds, agents, fault.

These are outside the family of tests: they describe, and are shown by arm only once the experiment
has ended, and before that pooled over all arms (R31).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Final

from apologylab.design.experiment import SILENCE
from apologylab.service.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Ledger, Panel


@dataclass(frozen=True, kw_only=True)
class Broken:
    """How many units got what, of those that were to be left in silence.

    ``units`` got any of it; the others say of what kind, and may be of one unit.
    """

    units: int = 0
    goodwill: int = 0
    refund: int = 0
    contact: int = 0
    agent: int = 0


@dataclass(frozen=True, kw_only=True)
class OfArm:
    """What the mature units of one arm came to, in the window.

    ``contacts`` and ``written`` are theirs and ours, counted; ``contacted``, ``gifts``,
    ``refunded`` and ``reopened`` are units with any. ``goodwill`` is in whole units of the
    currency. ``said``, ``changed`` and ``skipped`` are agents' answers; ``fault`` is of the units'
    incidents, as it is known now. ``spoken`` are units that got any of what silence is without.
    """

    arm: str
    units: int
    contacts: int
    contacted: int
    written: int
    goodwill: float
    gifts: int
    refunded: int
    reopened: int
    said: int
    changed: int
    skipped: int
    fault: Mapping[str, int] = field(default_factory=dict)
    spoken: Broken = field(default_factory=Broken)


SUMMED: Final = tuple(
    each.name for each in fields(OfArm) if each.name not in ("arm", "fault", "spoken")
)
"""The fields of an arm that add up over arms."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Every arm in the window of the primary outcome, the first ``days`` days.

    ``foreign`` gifts of units are in other currencies than ``currency`` and not in the goodwill;
    ``lacking`` are feeds that were never declared complete.
    """

    days: int
    currency: str
    arms: tuple[OfArm, ...]
    foreign: int = 0
    lacking: tuple[str, ...] = ()

    @property
    def silence(self) -> OfArm | None:
        """The arm that was to be left in silence, if there is one with units."""
        return next((each for each in self.arms if each.arm == SILENCE and each.units), None)


def beside(
    experiment: Experiment, panel: Panel, ledger: Ledger, *, as_of: datetime
) -> Beside | None:
    """By arm, once the experiment has ended; None before.

    Raises:
        StateError: it was not started by ``as_of``.
    """
    flow = panel.flow()
    moments_of = timeline(ledger, experiment, mark=ledger.mark(as_of))
    return flow.beside if moments_of.ended(flow, as_of=as_of) else None


def pooled(found: Beside) -> Beside:
    """All arms together, which contrasts nothing: one of no name."""
    fault: Counter[str] = Counter()
    for each in found.arms:
        fault.update(each.fault)
    summed = {name: sum(getattr(each, name) for each in found.arms) for name in SUMMED}
    return replace(found, arms=(OfArm(arm="", fault=dict(fault), **summed),))
