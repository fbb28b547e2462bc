"""Rules about when remedies are due: levels of timing, quiet hours, the sanity window (R12)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from apologylab.design.duration import parse_duration
from apologylab.design.experiment import TIMING, Outcome
from apologylab.design.findings.finding import Finding, Rule, Unreadable, at, each, readable
from apologylab.design.hours import hours, longest_closed, shortest_open
from apologylab.design.moments import AWAITED, longest_delay
from apologylab.design.sending import Moment, QuietHours
from apologylab.errors import InputError

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

LEAST_OPEN: Final = timedelta(hours=1)
"""Less would leave no time on a day on which clocks are put forward."""
DAY: Final = timedelta(days=1)


def timing_levels(experiment: Experiment) -> Iterator[Finding]:
    """A level of timing is a delay, or a moment that is declared."""
    for path, level in readable(experiment.factors.get(TIMING, ()), "factors", TIMING):
        if level in experiment.timing:
            if _span(level) is not None:
                yield Finding(
                    path=at("timing", level),
                    value=level,
                    what="is a delay already: the table would say another",
                    do="give the level a name that is no delay, or delete the table",
                    related=(path,),
                )
        elif _span(level) is None:
            yield Finding(
                path=path,
                value=level,
                what="is not a delay, and no moment of this name is declared",
                do=f'write it like 15min, 1h or 2d, or add [timing.{level}] with after = "..."',
                related=("timing",),
            )


def moments_used(experiment: Experiment) -> Iterator[Finding]:
    """What is declared as a moment is a level of timing."""
    levels = experiment.factors.get(TIMING, ())
    for level in experiment.timing:
        if level not in levels:
            yield Finding(
                path=at("timing", level),
                value=level,
                what="is not a level of the factor timing",
                do=f'name it there, like timing = ["1h", "{level}"], or delete the table',
                related=("factors",),
            )


@each(lambda experiment: experiment.timing, "timing")
def moment_keys(experiment: Experiment, path: str, moment: Moment) -> Iterator[Finding]:
    """A moment has the keys that it needs, and no key that does nothing."""
    del experiment
    wants = {"within": moment.after != "incident", "field": moment.after == "expected"}
    for key, is_wanted in wants.items():
        value = getattr(moment, key)
        if is_wanted and value is None:
            yield Finding(
                path=f"{path}.{key}",
                what=f"is missing: after = {moment.after} needs it",
                do=_EXAMPLES[key],
                related=(f"{path}.after", path),
            )
        if not is_wanted and value is not None:
            yield Finding(
                path=f"{path}.{key}",
                value=value,
                what=f"does nothing where after = {moment.after}",
                do="delete it",
                related=(f"{path}.after",),
            )


_EXAMPLES: Final = {
    "within": 'add within = "7d": so long it is waited for, or so far ahead it may be expected',
    "field": 'add field = "expected_at": the incident\'s field with the time',
}


@each(lambda experiment: experiment.timing, "timing")
def within_outlasts_delay(experiment: Experiment, path: str, moment: Moment) -> Iterator[Finding]:
    """What is announced so long before it is expected may be expected so far ahead."""
    del experiment
    if moment.after != "expected" or moment.within is None:
        return
    if parse_duration(moment.within) <= parse_duration(moment.delay):
        yield Finding(
            path=f"{path}.within",
            value=moment.within,
            what=f"leaves no incident to announce {moment.delay} before: all would be late",
            do="write a longer one, or a shorter delay",
            related=(f"{path}.delay", f"{path}.after"),
        )


@each(lambda experiment: experiment.outcomes, "outcomes")
def window_outlasts_delays(
    experiment: Experiment, path: str, outcome: Outcome
) -> Iterator[Finding]:
    """A window ends after the last remedy has gone out, quiet hours and all."""
    if outcome.window_days is None or TIMING not in experiment.factors:
        return
    window, wait = timedelta(days=outcome.window_days), _longest_wait(experiment)
    for place, level in readable(experiment.factors[TIMING], "factors", TIMING):
        latest = _latest(experiment, level)
        if latest is not None and latest + wait >= window:
            shifted = f", {_days(wait)} of it in quiet hours" if latest < window else ""
            yield Finding(
                path=f"{path}.window_days",
                value=outcome.window_days,
                what=f"the window is over before the remedy of timing {level} goes out: that may "
                f"take {_days(latest + wait)}{shifted}",
                do="widen the window, or shorten the delay",
                related=(place, "timing", "delivery.quiet"),
            )


def quiet_hours(experiment: Experiment) -> Iterator[Finding]:
    """Quiet hours begin and end, and leave time to send."""
    quiet = experiment.delivery.quiet
    if quiet is None:
        return
    place = "delivery.quiet"
    if (quiet.begin is None) != (quiet.end is None):
        lacking = "begin" if quiet.begin is None else "end"
        yield Finding(
            path=f"{place}.{lacking}",
            what="is missing: quiet hours have both",
            do='write both, like begin = "21:00" and end = "08:00"',
            related=(place,),
        )
        return
    if quiet.begin is not None and quiet.begin == quiet.end:
        yield Finding(
            path=f"{place}.end",
            value=quiet.end,
            what="is when they begin: no hour would be quiet, or all",
            do="write another, or delete both",
            related=(f"{place}.begin",),
        )
        return
    yield from _time_to_send(quiet, place)


def _time_to_send(quiet: QuietHours, place: str) -> Iterator[Finding]:
    within = hours(quiet)
    if not longest_closed(within):
        yield Finding(
            path=place,
            what="keeps nothing back: it has neither hours nor days without sending",
            do='add begin = "21:00" and end = "08:00", or working_days, or delete the table',
        )
    elif shortest_open(within) < LEAST_OPEN:
        yield Finding(
            path=f"{place}.begin",
            value=quiet.begin,
            what="leaves less than an hour a day in which something may be sent",
            do="shorten the quiet hours",
            related=(f"{place}.end", f"{place}.working_days"),
        )


def dropped_in_time(experiment: Experiment) -> Iterator[Finding]:
    """A remedy is not dropped while it is tried again as declared."""
    delivery = experiment.delivery
    if delivery.drop_after is None:
        return
    span = parse_duration(delivery.drop_after)
    if not span:
        yield Finding(
            path="delivery.drop_after",
            value=delivery.drop_after,
            what="drops everything: nothing leaves in the moment in which it is due",
            do='write a span, like "12h"',
        )
        return
    tries = timedelta(seconds=_backoff_s(delivery.attempts, delivery.backoff_seconds))
    if span < tries:
        yield Finding(
            path="delivery.drop_after",
            value=delivery.drop_after,
            what=f"is shorter than {delivery.attempts} attempts may take, {_days(tries)}: the last "
            "of them are never made",
            do="write a longer one, or fewer attempts",
            severity="warning",
            related=("delivery.attempts", "delivery.backoff_seconds"),
        )


def caller_keeps_no_time(experiment: Experiment) -> Iterator[Finding]:
    """Who delivers by themselves gets a due time, and nobody waits or drops for them (R15)."""
    if experiment.delivery.by != "caller":
        return
    if experiment.delivery.drop_after is not None:
        yield Finding(
            path="delivery.drop_after",
            value=experiment.delivery.drop_after,
            what="does nothing: the caller sends, so apologylab drops nothing",
            do='delete it, or write by = "apologylab"',
            related=("delivery.by",),
        )
    for path, moment in readable(experiment.timing, "timing"):
        if moment.after in AWAITED:
            yield Finding(
                path=f"{path}.after",
                value=moment.after,
                what="cannot be waited for: the caller sends and is told a due time at once",
                do='write a delay, or by = "apologylab"',
                related=("delivery.by",),
            )


def _span(level: str) -> timedelta | None:
    try:
        return parse_duration(level)
    except InputError:
        return None


def _latest(experiment: Experiment, level: str) -> timedelta | None:
    """The longest that a level can take; None of one that has its own finding."""
    try:
        return longest_delay(experiment, level)
    except (InputError, Unreadable):
        return None


def _longest_wait(experiment: Experiment) -> timedelta:
    """How long quiet hours may keep a remedy back; no time where they have their own finding."""
    quiet: Any = experiment.delivery.quiet
    if quiet is None or (quiet.begin is None) != (quiet.end is None):
        return timedelta(0)
    return longest_closed(hours(quiet))


def _backoff_s(attempts: int, base: int) -> int:
    """The longest that all waits between attempts take: doubled, each at most a day."""
    return sum(int(min(base * 2.0**k, 86_400)) for k in range(attempts - 1))


def _days(span: timedelta) -> str:
    """A span in the largest units that are needed.

    >>> _days(timedelta(hours=11)), _days(timedelta(days=2, hours=1)), _days(timedelta(seconds=90))
    ('11h', '2d 1h', '1min 30s')
    """
    left = int(span.total_seconds())
    parts = []
    for name, seconds in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        parts += [f"{count}{name}"] if count else []
    return " ".join(parts) or "0s"


RULES: tuple[Rule, ...] = (
    timing_levels,
    moments_used,
    moment_keys,
    within_outlasts_delay,
    window_outlasts_delays,
    quiet_hours,
    dropped_in_time,
    caller_keeps_no_time,
)
