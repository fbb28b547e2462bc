"""The moments of an experiment's remedies: when each is due, what it awaits, when it is too late.

Compiled from the declaration; the fields of the incident and the time are values (ADR 0051).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from apologylab.design.duration import parse_duration
from apologylab.design.experiment import TIMING
from apologylab.design.hours import hours
from apologylab.design.moments import awaits, expected_fields, moment
from apologylab.remedy.schedule import Due, Quiet, due, first_allowed, moved
from apologylab.remedy.zones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.experiment import Experiment
    from apologylab.design.sending import Moment

ZONE_MISSING: Final = "zone_missing"
ZONE_UNKNOWN: Final = "zone_unknown"


class Scheduled(NamedTuple):
    """When a remedy is due, by how much that is moved and by what, and when it is too late.

    Of one that ``awaits`` something, ``at`` is when it is given up. ``zone`` is that of its quiet
    hours, None where none are declared.
    """

    at: datetime
    shift_s: int = 0
    shifted_by: str | None = None
    awaits: str | None = None
    zone: str | None = None
    leave_by: datetime | None = None


@dataclass(frozen=True)
class Timing:
    """What an experiment declares of moments, of quiet hours and of when it is too late."""

    experiment: Experiment

    def schedule(
        self,
        level: str | None,
        delay_s: int | None,
        *,
        occurred_at: datetime,
        fields: Mapping[str, object],
        now: datetime,
    ) -> Scheduled:
        """When the remedy of an incident is due, given the level of timing and the delay drawn.

        Without a level the experiment varies no timing, or an older version stored none.
        """
        name, doubt = self.zone_of(fields)
        of = self._moments.get(level) if level is not None else None
        if of is not None and awaits(of) is not None:
            end = occurred_at.astimezone(UTC) + parse_duration(of.within or "")
            return Scheduled(end, 0, doubt, awaits(of), name)
        if of is not None and of.after == "expected":
            found = self._before(of, occurred_at, fields, name, now)
        else:
            found = self.after(occurred_at, delay_s or 0, name, now)
        why = " ".join(each for each in (found.shifted_by, doubt) if each)
        return found._replace(shifted_by=why or None)

    def after(
        self, anchor: datetime, delay_s: int, zone_name: str | None, now: datetime
    ) -> Scheduled:
        """When what is intended ``delay_s`` after ``anchor`` is due, for a customer in a zone."""
        hold, quiet = self.experiment.delivery.hold_seconds, self._quiet(zone_name)
        return self._scheduled(
            due(anchor, delay_s, hold_seconds=hold, now=now, quiet=quiet), zone_name
        )

    def first_allowed(self, at: datetime, zone_name: str | None) -> datetime:
        """The first moment from ``at`` on at which something may leave to a customer in a zone."""
        return first_allowed(at, self._quiet(zone_name))

    def zone_of(self, fields: Mapping[str, object]) -> tuple[str | None, str | None]:
        """The zone of quiet hours, and why it is the declared one if the incident names none."""
        quiet = self.experiment.delivery.quiet
        if quiet is None:
            return None, None
        named = fields.get(quiet.zone_field)
        if named is None or named == "":
            return quiet.zone, ZONE_MISSING
        known = isinstance(named, str) and zone(named) is not None
        return (str(named), None) if known else (quiet.zone, ZONE_UNKNOWN)

    def untimely(
        self, fields: Mapping[str, object], occurred_at: datetime, now: datetime
    ) -> str | None:
        """Why the incident cannot be answered before what it predicts; the same for every arm.

        A predicted failure needs a time that is still to come, however it turns out (R12).
        """
        for name, within in self._expected.items():
            told = _time(fields.get(name))
            if isinstance(told, str):
                return f"timing.field: {name} {told}"
            if told <= now:
                return f"timing.field: {name} has passed"
            if told > occurred_at + within:
                return f"timing.within: {name} is later than that"
        return None

    @cached_property
    def waits(self) -> bool:
        """Whether some level awaits a fact."""
        return any(awaits(each) is not None for each in self._moments.values())

    @property
    def is_bounded(self) -> bool:
        """Whether there are hours or a window that we keep, for we send."""
        delivery = self.experiment.delivery
        bounds = delivery.quiet is not None or delivery.drop_after is not None
        return delivery.by != "caller" and bounds

    @cached_property
    def fields(self) -> frozenset[str]:
        """The incident's fields that it reads."""
        quiet = self.experiment.delivery.quiet
        return frozenset(self._expected) | ({quiet.zone_field} if quiet is not None else set())

    @cached_property
    def _moments(self) -> Mapping[str, Moment]:
        levels = self.experiment.factors.get(TIMING, ())
        return {level: moment(self.experiment, level) for level in levels}

    @cached_property
    def _expected(self) -> Mapping[str, timedelta]:
        return expected_fields(self.experiment)

    def _quiet(self, zone_name: str | None) -> Quiet | None:
        """The hours of a zone; of one that is none any more, the declared one's."""
        quiet = self.experiment.delivery.quiet
        if quiet is None:
            return None
        known = zone(zone_name) if zone_name is not None else None
        return Quiet(hours(quiet), known or zone(quiet.zone) or UTC)

    def _before(
        self,
        of: Moment,
        occurred_at: datetime,
        fields: Mapping[str, object],
        zone_name: str | None,
        now: datetime,
    ) -> Scheduled:
        """Before a predicted failure; what would leave when it is expected leaves no more."""
        expected = _time(fields.get(of.field or ""))
        if isinstance(expected, str):
            return self.after(occurred_at, 0, zone_name, now)
        held = occurred_at + timedelta(seconds=self.experiment.delivery.hold_seconds)
        intended = max(expected - parse_duration(of.delay), held.astimezone(UTC))
        found = self._scheduled(moved(intended, now=now, quiet=self._quiet(zone_name)), zone_name)
        return found._replace(leave_by=min(found.leave_by or expected, expected))

    def _scheduled(self, found: Due, zone_name: str | None) -> Scheduled:
        span = self.experiment.delivery.drop_after
        leave_by = found.planned + parse_duration(span) if span is not None else None
        return Scheduled(found.at, found.shift_s, found.shifted_by, None, zone_name, leave_by)


def _time(told: object) -> datetime | str:
    """A time in UTC, or what is wrong with it.

    >>> _time("2026-05-01T18:30+02:00").isoformat(), _time(None), _time("2026-05-01T18:30")
    ('2026-05-01T16:30:00+00:00', 'is missing', 'has no time zone')
    """
    if told is None or told == "":
        return "is missing"
    try:
        read = datetime.fromisoformat(str(told))
        return "has no time zone" if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return "is no time like 2026-05-01T18:30Z"
