"""Looks: every computation of an arm contrast on a running experiment is a fact (R31)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.record.facts import Look

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Ledger


def looks(ledger: Ledger, experiment: Experiment) -> list[Look]:
    """All looks at this version so far, whatever date is analysed: none can be unseen."""
    named = {"experiment": experiment.name, "version": experiment.version}
    return list(ledger.read(Look, mark=None, **named))


def append_look(
    ledger: Ledger,
    experiment: Experiment,
    *,
    contrasts: int,
    as_of: datetime,
    now: datetime,
    planned: bool,
) -> None:
    """Append a look; each computation is one, even of the same date."""
    number = len(looks(ledger, experiment)) + 1
    look = Look(
        key=f"{experiment.name}/{experiment.version}/{number}/{now.isoformat()}",
        occurred_at=now,
        experiment=experiment.name,
        version=experiment.version,
        as_of=as_of,
        contrasts=contrasts,
        planned=planned,
    )
    with ledger.transaction(recorded_at=now) as work:
        work.append([look])


def unplanned(found: Sequence[Look]) -> tuple[str, ...]:
    """The departures from the plan that these looks are, in words."""
    early = [look for look in found if not look.planned]
    if not early:
        return ()
    days = ", ".join(sorted({f"{look.as_of:%Y-%m-%d}" for look in early}))
    times = f"{len(early)} time{'s' * (len(early) > 1)}"
    return (
        (
            f"contrasts were looked at {times} before the declared end (as of {days}): intervals "
            "and p-values do not allow for it, so chance findings are likelier than they say"
        ),
    )
