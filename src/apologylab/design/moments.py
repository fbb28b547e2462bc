"""Moments: when each level of timing is due, and the longest that it can take (R12)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from apologylab.design.duration import parse_duration
from apologylab.design.experiment import TIMING
from apologylab.design.sending import Moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.experiment import Experiment

AWAITED: Final = ("resolution", "next_visit")
"""What brings a remedy forward when it comes; the other moments are known at the incident."""


def moment(experiment: Experiment, level: str) -> Moment:
    """The moment of a level of timing: as declared, or a plain delay after the incident."""
    declared = experiment.timing
    return declared[level] if level in declared else Moment(after="incident", delay=level)


def awaits(moment: Moment) -> str | None:
    """The fact that it waits for, if it waits for one."""
    return moment.after if moment.after in AWAITED else None


def fixed_delay(experiment: Experiment, level: str) -> timedelta | None:
    """The delay after the incident, or None where it is not known before."""
    found = moment(experiment, level)
    return parse_duration(found.delay) if found.after == "incident" else None


def longest_delay(experiment: Experiment, level: str) -> timedelta:
    """From the incident until it is due at the latest, quiet hours apart.

    Raises:
        InputError: a span that cannot be read, or that is missing.
    """
    found = moment(experiment, level)
    delay = parse_duration(found.delay)
    if found.after == "incident":
        return delay
    within = parse_duration(found.within or "")
    return within if found.after == "expected" else within + delay


def expected_fields(experiment: Experiment) -> Mapping[str, timedelta]:
    """Field of the incident that says when a failure is expected -> so far ahead at most."""
    found: dict[str, timedelta] = {}
    for level in experiment.factors.get(TIMING, ()):
        declared = moment(experiment, level)
        if declared.after == "expected" and declared.field is not None:
            within = longest_delay(experiment, level)
            found[declared.field] = min(within, found.get(declared.field, within))
    return found
