"""Times to an event of a ledger's units: how long each was followed, and what ended it.

A unit is followed from its anchor until the event, another end, the window's end, or as far as
every feed that is needed was declared complete, whichever comes first (R20); after the last two
nothing is known, and the time is censored. Of facts at one microsecond the event comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apologylab.design.times import END
from apologylab.warehouse.feeds import Horizon, horizon
from apologylab.warehouse.sql import identifier
from apologylab.warehouse.tally import DAY, Tally, where_sql

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from apologylab.design.experiment import Experiment
    from apologylab.design.times import Time

_FIRST = ":first:"
"""Between a time's name and the kind of end: the tally of the first such fact."""


def time_tallies(time: Time) -> tuple[Tally, ...]:
    """When the event and each other end came first, in microseconds from the anchor."""
    facts = [(time.fact or "", time.where), *((end.fact, end.where) for end in time.ends.values())]
    return tuple(
        Tally(
            name=f"{time.name}{_FIRST}{kind}",
            fact=fact,
            kind="first",
            start=0,
            end=_window(time),
            where=where_sql(fact, where),
        )
        for kind, (fact, where) in enumerate(facts, start=1)
    )


def time_horizons(
    experiment: Experiment, through: Mapping[str, datetime], as_of: datetime
) -> dict[str, Horizon]:
    """Time -> how far every feed that it needs is complete."""
    return {
        time.name: horizon([tally.fact for tally in time_tallies(time)], 0, through, as_of)
        for time in experiment.times
    }


def time_columns(time: Time, known: Horizon) -> dict[str, str]:
    """SQL of the time in days and of what ended it; NULL where nothing is known of the unit."""
    if known.last is None:
        return {time.name: "NULL::DOUBLE", f"{time.name}{END}": "NULL::DOUBLE"}
    firsts = [identifier(tally.name) for tally in time_tallies(time)]
    followed = f"least({_window(time)}, {known.last} - anchor)"
    last = f"least({', '.join([*firsts, followed])})"  # least() passes over NULL
    cases = " ".join(f"WHEN {first} <= {last} THEN {k}.0" for k, first in enumerate(firsts, 1))
    seen = f"anchor <= {known.last} AND NOT forgotten"
    return {
        time.name: f"CASE WHEN {seen} THEN {last} / {DAY}.0 END",
        f"{time.name}{END}": f"CASE WHEN {seen} THEN CASE {cases} ELSE 0.0 END END",
    }


def _window(time: Time) -> int:
    return (time.window_days or 0) * DAY
