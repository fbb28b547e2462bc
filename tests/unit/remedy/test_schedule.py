"""Due times by the customer's clock: clocks put forward and back, zones that others forget."""

from datetime import UTC, datetime, timedelta

import pytest

from apologylab.design.hours import hours, is_open, longest_closed, next_open, shortest_open
from apologylab.design.sending import QuietHours
from apologylab.remedy.schedule import LEAD, Due, Quiet, due, first_allowed
from apologylab.remedy.zones import names, zone

WEEK = ("mon", "tue", "wed", "thu", "fri")
NIGHT = QuietHours(begin="21:00", end="08:00")
OFFICE = QuietHours(begin="18:00", end="09:00", working_days=WEEK)
SMALL_HOURS = QuietHours(begin="00:30", end="02:30")


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def wall(text):
    return datetime.fromisoformat(text)


def allowed(quiet, name, moment):
    """In local time with its offset."""
    of = Quiet(hours(quiet), zone(name))
    return first_allowed(at(moment), of).astimezone(of.zone).isoformat()


@pytest.mark.parametrize(
    ("quiet", "name", "moment", "expected"),
    [
        # nothing to wait for, and the edges
        (NIGHT, "Europe/Vilnius", "2026-05-01T20:58:59+03:00", "2026-05-01T20:58:59+03:00"),
        (NIGHT, "Europe/Vilnius", "2026-05-01T20:59:00+03:00", "2026-05-02T08:00:00+03:00"),
        (NIGHT, "Europe/Vilnius", "2026-05-01T21:00:00+03:00", "2026-05-02T08:00:00+03:00"),
        (NIGHT, "Europe/Vilnius", "2026-05-02T07:59:59+03:00", "2026-05-02T08:00:00+03:00"),
        (NIGHT, "Europe/Vilnius", "2026-05-02T08:00:00+03:00", "2026-05-02T08:00:00+03:00"),
        # around noon, and a weekend before which the day ends at midnight
        (QuietHours(begin="12:00", end="13:00"), "UTC", "2026-05-01T12:30+00:00", "2026-05-01T13:00:00+00:00"),
        (OFFICE, "Europe/Vilnius", "2026-05-01T18:30+03:00", "2026-05-04T09:00:00+03:00"),
        (QuietHours(working_days=WEEK), "UTC", "2026-05-01T23:59:30+00:00", "2026-05-04T00:00:00+00:00"),
        # the night in which clocks are put forward has ten hours, the other one twelve
        (NIGHT, "Europe/Vilnius", "2026-03-28T22:00+02:00", "2026-03-29T08:00:00+03:00"),
        (NIGHT, "Europe/Vilnius", "2026-10-24T22:00+03:00", "2026-10-25T08:00:00+02:00"),
        # 02:30 does not come: quiet hours end when the clock jumps over it, to 03:00
        (SMALL_HOURS, "America/New_York", "2026-03-08T01:00-05:00", "2026-03-08T03:00:00-04:00"),
        # 02:30 by the New York clock comes once; 01:00 twice, and both are quiet
        (SMALL_HOURS, "America/New_York", "2026-11-01T01:15-04:00", "2026-11-01T02:30:00-05:00"),
        (QuietHours(begin="00:30", end="01:30"), "America/New_York", "2026-11-01T00:45-04:00", "2026-11-01T01:30:00-04:00"),
        (QuietHours(begin="00:30", end="01:30"), "America/New_York", "2026-11-01T01:59:30-04:00", "2026-11-01T01:30:00-05:00"),
        # half an hour forward on Lord Howe: 02:00 becomes 02:30
        (QuietHours(begin="00:30", end="02:15"), "Australia/Lord_Howe", "2026-10-04T01:00+10:30", "2026-10-04T02:30:00+11:00"),
        (NIGHT, "Australia/Lord_Howe", "2026-04-04T23:00+11:00", "2026-04-05T08:00:00+10:30"),
        # three quarters of an hour
        (NIGHT, "Asia/Kathmandu", "2026-05-01T22:00+05:45", "2026-05-02T08:00:00+05:45"),
        (NIGHT, "Pacific/Chatham", "2026-04-04T23:00+13:45", "2026-04-05T08:00:00+12:45"),
        (NIGHT, "Asia/Kolkata", "2026-05-01T22:00+05:30", "2026-05-02T08:00:00+05:30"),
        # Samoa had no 30 December 2011: a Friday that nobody worked on
        (OFFICE, "Pacific/Apia", "2011-12-29T19:00-10:00", "2012-01-02T09:00:00+14:00"),
        (NIGHT, "Pacific/Apia", "2011-12-29T22:00-10:00", "2011-12-31T08:00:00+14:00"),
        # Egypt puts clocks forward at midnight, Morocco back for Ramadan
        (NIGHT, "Africa/Cairo", "2026-04-23T22:00+02:00", "2026-04-24T08:00:00+03:00"),
        (QuietHours(begin="23:00", end="00:30"), "Africa/Cairo", "2026-04-23T23:30+02:00", "2026-04-24T01:00:00+03:00"),
        (NIGHT, "Africa/Casablanca", "2026-02-14T22:00+01:00", "2026-02-15T08:00:00+00:00"),
        (NIGHT, "Africa/Casablanca", "2026-03-21T22:00+00:00", "2026-03-22T08:00:00+01:00"),
        # the farthest west and east
        (NIGHT, "Etc/GMT+12", "2026-05-01T23:00-12:00", "2026-05-02T08:00:00-12:00"),
        (NIGHT, "Pacific/Kiritimati", "2026-05-01T23:00+14:00", "2026-05-02T08:00:00+14:00"),
    ],
)  # fmt: skip
def test_the_first_moment_that_is_allowed(quiet, name, moment, expected):
    assert allowed(quiet, name, moment) == expected


def by_the_minute(quiet, name, moment):
    """The same by looking at every second minute mark: slow, and with nothing to get wrong."""
    of, clock = hours(quiet), zone(name)

    def is_quiet(instant):
        wall = instant.astimezone(clock)
        if wall.weekday() not in of.days:
            return True
        begin, end, now = of.begin, of.end, wall.time()
        if begin <= end:
            return begin <= now < end
        return now >= begin or now < end

    def is_wrong(instant):
        return is_quiet(instant) or is_quiet(instant + LEAD)

    if not is_wrong(moment):
        return moment
    minute = moment.replace(second=0, microsecond=0)
    while is_wrong(minute) or minute < moment:
        minute += timedelta(minutes=1)
    return minute


@pytest.mark.parametrize(
    "quiet",
    [NIGHT, OFFICE, SMALL_HOURS, QuietHours(begin="00:15", end="23:10", working_days=("sun",))],
)
@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("Europe/Vilnius", "2026-03-28"),
        ("America/New_York", "2026-11-01"),
        ("Australia/Lord_Howe", "2026-10-03"),
        ("Australia/Lord_Howe", "2026-04-04"),
        ("America/St_Johns", "2026-03-08"),
        ("Antarctica/Troll", "2026-03-28"),
        ("Africa/Cairo", "2026-04-23"),
        ("Africa/Casablanca", "2026-02-14"),
        ("America/Santiago", "2026-09-05"),
        ("Asia/Beirut", "2026-03-28"),
        ("Pacific/Apia", "2011-12-29"),
    ],
)
def test_it_is_what_looking_at_every_minute_finds(quiet, name, day):
    start = at(f"{day}T00:00+00:00")
    for step in range(0, 40 * 60, 173):
        moment = start + timedelta(minutes=step, seconds=step % 61)
        expected = by_the_minute(quiet, name, moment)
        assert first_allowed(moment, Quiet(hours(quiet), zone(name))) == expected, moment


def test_what_moves_a_due_time_is_noted():
    noon = at("2026-05-01T12:00+03:00")
    quiet = Quiet(hours(NIGHT), zone("Europe/Vilnius"))
    asked = {"hold_seconds": 60, "quiet": quiet}
    hour = timedelta(hours=1)
    assert due(noon, 3600, now=noon, **asked) == Due(noon + hour, 0, None, noon + hour)
    held = due(noon, 0, now=noon, **asked)
    assert (held.at - noon, held.shift_s) == (timedelta(minutes=1), 0), "a hold is no shift"
    late = due(noon, 3600, now=noon + 3 * hour, **asked)
    assert late == Due(noon + 3 * hour, 7200, "late", noon + hour)
    eight = at("2026-05-02T08:00+03:00")
    night = due(noon, 10 * 3600, now=noon, **asked)
    assert night == Due(eight, 10 * 3600, "quiet_hours", eight)
    both = due(noon, 3600, now=noon + 11 * hour, **asked)
    assert both == Due(eight, 19 * 3600, "late quiet_hours", noon + hour)
    held_into_it = due(at("2026-05-01T20:58:30+03:00"), 0, now=noon, **asked)
    assert (held_into_it.at, held_into_it.shifted_by) == (eight, "quiet_hours")


def test_a_delay_is_counted_in_real_hours_whatever_zone_the_time_came_in():
    """An aware time of a zone would add hours of its wall clock."""
    before = datetime(2026, 3, 28, 12, tzinfo=zone("Europe/Vilnius"))
    found = due(before, 24 * 3600, hold_seconds=0, now=before)
    assert found.at - before.astimezone(UTC) == timedelta(hours=24)
    assert found.at.utcoffset() == timedelta(0)
    night = Quiet(hours(NIGHT), zone("Europe/Vilnius"))
    assert first_allowed(before.replace(hour=22), night) == at("2026-03-29T08:00+03:00")


def test_hours_of_a_week():
    office = hours(OFFICE)
    assert longest_closed(office) == timedelta(days=2, hours=15)
    assert shortest_open(office) == timedelta(hours=9)
    assert longest_closed(hours(NIGHT)) == timedelta(hours=11)
    everything = hours(QuietHours())
    assert longest_closed(everything) == timedelta(0)
    assert is_open(everything, wall("2026-05-01"))
    sunday = hours(QuietHours(begin="12:00", end="10:00", working_days=("sun",)))
    assert next_open(sunday, wall("2026-05-03T12:00")) == wall("2026-05-10T10:00")
    assert longest_closed(sunday) == timedelta(days=6, hours=22)
    assert shortest_open(sunday) == timedelta(hours=2)


def test_a_zone_is_known_by_its_exact_name_only():
    assert zone("Europe/Vilnius").utcoffset(wall("2026-07-01")) == timedelta(hours=3)
    strange = ["europe/vilnius", "Mars/Olympus", "America", "", ".", "../x", "/etc/passwd", "a\0b"]
    strange += ["localtime", "Factory", "posixrules", "+03:00", "EST ", "\ud800", "x" * 3000]
    assert [name for name in strange if zone(name) is not None] == []
    assert len(names()) > 590
