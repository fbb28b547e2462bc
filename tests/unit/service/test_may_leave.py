"""Remedies that await something, that may not leave yet, and for which it is too late."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from apologylab.errors import DeclarationError
from apologylab.record.facts import (
    Assignment,
    Attempt,
    Contact,
    Delivery,
    Liability,
    Merged,
    Remedy,
    Resolution,
)
from apologylab.record.later_facts import DueMoved, Visit
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ending import end
from apologylab.service.may_leave import bring_forward

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUIET = """[delivery.quiet]
begin = "21:00"
end = "08:00"
zone_field = "zone"
zone = "Europe/Vilnius"
[messages]"""
MOMENTS = {
    "visit": 'after = "next_visit"\ndelay = "10min"\nwithin = "7d"\n',
    "solved": 'after = "resolution"\ndelay = "1h"\nwithin = "3d"\n',
    "before": 'after = "expected"\nfield = "expected_at"\ndelay = "30min"\nwithin = "2d"\n',
}


def declared(loop, *, levels='"1h"', quiet=False, delivery=""):
    made = loop.Declared().change('timing = ["1h"]', f"timing = [{levels}]")
    for name, moment in MOMENTS.items():
        if f'"{name}"' in levels:
            made.change("[compensation.usd5]", f"[timing.{name}]\n{moment}[compensation.usd5]")
    if quiet:
        made.change("[messages]", QUIET)
    return made.change("hold_seconds = 60", f"hold_seconds = 60\n{delivery}")


def dispatch(ledger, outbox, running, now, **more):
    worker = Worker(holder=f"w{now:%j%H%M%S}", clock=lambda: now, chance=lambda: 0.5, batch=5_000)
    return dispatch_once(ledger, outbox, running, worker, **more)


def record(ledger, *facts, at):
    with ledger.transaction(recorded_at=at) as work:
        assert not work.append(facts).contradicting


def everybody(ledger, loop, running, n=40, at=None, now=None, **fields):
    """``n`` customers hit at once: (arm, level of timing) -> their answers."""
    at = at or loop.START
    hit = [loop.incident(i, at=at, **fields) for i in range(n)]
    found = {}
    for each in loop.ask(ledger, running, *hit, now=now or at):
        found.setdefault((each.arm, each.timing), []).append(each)
    return found


def states(ledger):
    """Key -> (state, because)."""
    return {each.key: (each.state, each.because) for each in ledger.read(Delivery)}


def is_silent(answer):
    return answer.arm == "silence"


def visits(answers, at):
    return [Visit(key=f"v-{a.customer}-{at:%d%H%M}", occurred_at=at, customer=a.customer) for a in answers]  # fmt: skip


def flat(found, *levels):
    return [each for (_, level), answers in found.items() for each in answers if level in levels]


# What is awaited


def test_it_leaves_after_the_next_visit_in_every_arm_alike(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, levels='"1h", "visit"'))
    found = everybody(ledger, loop, running)
    waiting, outbox = flat(found, "visit"), outboxes.Outbox()
    assert {each.arm.split("@")[0] for each in waiting} == {
        "silence", "sorry+none", "none+usd5", "sorry+usd5",
    }  # fmt: skip
    for each in waiting:
        assert (each.due_at - loop.START, each.delay_s) == (7 * DAY, 600)
    done = dispatch(ledger, outbox, running, loop.START + 2 * HOUR)
    assert done.settled == len(flat(found, "1h"))
    came = waiting[::2]
    record(ledger, *visits(came, loop.START + 5 * HOUR), at=loop.START + 5 * HOUR)
    early = dispatch(ledger, outbox, running, loop.START + 5 * HOUR + timedelta(minutes=9))
    assert early.settled == 0
    now = loop.START + 5 * HOUR + timedelta(minutes=10)
    done = dispatch(ledger, outbox, running, now)
    assert done.settled == len(came)
    assert set(done.states) == {"sent", "would_send"}
    moved = {each.key: each for each in ledger.read(DueMoved)}
    assert moved.keys() == {each.key for each in came}
    for each in moved.values():
        assert (each.awaited, each.shift_s, each.shifted_by) == ("next_visit", 0, None)
        assert (each.came_at, each.due_at) == (loop.START + 5 * HOUR, now)
    rest = dispatch(ledger, outbox, running, loop.START + 7 * DAY)
    assert rest.reasons == {"no_visit": len(waiting) - len(came)}
    assert set(rest.states) <= {"suppressed", "would_suppress"}
    assert ledger.reserved(loop.NAME) == 500 * sum(
        each.state == "committed" for each in ledger.read(Liability)
    )


def test_a_resolution_must_have_resolved_it(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, levels='"solved"'))
    waiting = flat(everybody(ledger, loop, running), "solved")
    solved, tried, late, none = (waiting[i::4] for i in range(4))
    at = loop.START + 2 * HOUR

    def told(answers, when, *, resolved):
        return [
            Resolution(key=f"s-{a.incident}", occurred_at=when, incident=a.incident,
                       customer=a.customer, resolved=resolved, took="a call")
            for a in answers
        ]  # fmt: skip

    record(ledger, *told(solved, at, resolved=True), *told(tried, at, resolved=False), at=at)
    record(ledger, *told(late, loop.START + 3 * DAY, resolved=True), at=at)
    outbox = outboxes.Outbox()
    assert dispatch(ledger, outbox, running, at + HOUR - timedelta(seconds=1)).settled == 0
    assert dispatch(ledger, outbox, running, at + HOUR).settled == len(solved)
    given_up = dispatch(ledger, outbox, running, loop.START + 3 * DAY)
    assert given_up.reasons == {"not_resolved": len(tried) + len(late) + len(none)}


def test_a_fact_that_was_there_before_the_remedy_counts(ledger, loop, outboxes):
    """A file brings the visit first, and the incident an hour later."""
    running = loop.begin(ledger, declared(loop, levels='"visit"'))
    seen = loop.START + HOUR
    record(ledger, *(Visit(key=f"v{i}", occurred_at=seen, customer=f"c{i}") for i in range(9)), at=seen)  # fmt: skip
    now = loop.START + 2 * HOUR
    everybody(ledger, loop, running, 9, now=now)
    assert dispatch(ledger, outboxes.Outbox(), running, now).settled == 9
    late = {(each.shift_s, each.shifted_by) for each in ledger.read(DueMoved)}
    assert late == {(3000, "late")}


def test_what_no_worker_brought_forward_is_found_when_it_would_be_given_up(
    ledger, loop, outboxes, monkeypatch
):
    """As after a crash between the fact and its look for it; the look in the claim is enough."""
    running = loop.begin(ledger, declared(loop, levels='"visit", "solved"'))
    waiting = everybody(ledger, loop, running)
    at = loop.START + HOUR
    record(ledger, *visits(flat(waiting, "visit"), at), at=at)
    monkeypatch.setattr("apologylab.service.dispatch.bring_forward", lambda *_: 0)
    outbox = outboxes.Outbox()
    assert dispatch(ledger, outbox, running, loop.START + 2 * DAY).settled == 0
    done = dispatch(ledger, outbox, running, loop.START + 7 * DAY)
    assert set(done.states) <= {"sent", "would_send", "suppressed", "would_suppress"}
    assert done.reasons == {"not_resolved": len(flat(waiting, "solved"))}
    assert done.states["sent"] + done.states["would_send"] == len(flat(waiting, "visit"))


def test_a_visit_just_before_the_end_leaves_after_it(ledger, loop, outboxes, monkeypatch):
    running = loop.begin(ledger, declared(loop, levels='"visit"'))
    waiting = flat(everybody(ledger, loop, running, 9), "visit")
    end_ = loop.START + 7 * DAY
    record(ledger, *visits(waiting, end_ - timedelta(minutes=1)), at=end_)
    monkeypatch.setattr("apologylab.service.dispatch.bring_forward", lambda *_: 0)
    outbox = outboxes.Outbox()
    put_off = dispatch(ledger, outbox, running, end_)
    assert (put_off.settled, put_off.postponed.total()) == (0, 9)
    assert dispatch(ledger, outbox, running, end_ + timedelta(minutes=9)).settled == 9


def test_a_visit_of_a_merged_customer_counts(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, levels='"visit"'))
    waiting = flat(everybody(ledger, loop, running, 4), "visit")
    first, second = waiting[:2]
    at = loop.START + HOUR
    merged = {"occurred_at": at, "because": "one person"}
    record(ledger, Merged(key="m1", customer=first.customer, into="a", **merged),
           Merged(key="m2", customer="b", into=second.customer, **merged),
           Visit(key="va", occurred_at=at, customer="a"),
           Visit(key="vb", occurred_at=at, customer="b"), at=at)  # fmt: skip
    assert bring_forward(ledger, running, at) == 2
    assert {each.key for each in ledger.read(DueMoved)} == {first.key, second.key}


def test_the_look_at_the_due_time_comes_after_the_visit(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, levels='"visit"'))
    waiting = flat(everybody(ledger, loop, running, 12), "visit")
    at = loop.START + HOUR
    wrote = [Contact(key=f"k{a.customer}", occurred_at=at, customer=a.customer, kind="call",
                     incident=a.incident) for a in waiting]  # fmt: skip
    record(ledger, *visits(waiting, at), *wrote, at=at)
    done = dispatch(ledger, outboxes.Outbox(), running, at + HOUR)
    assert done.reasons == {"contacted": 12}


def test_a_killed_experiment_waits_for_nobody(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, levels='"visit"', quiet=True))
    everybody(ledger, loop, running, 8)
    end(ledger, loop.NAME, because="wrong words", now=loop.START + HOUR, how="kill")
    done = dispatch(ledger, outboxes.Outbox(), running, loop.START + HOUR)
    assert done.reasons == {"killed": 8}
    assert ledger.reserved(loop.NAME) == 0


def test_a_sticky_repeat_awaits_what_the_first_one_did(ledger, loop):
    running = loop.begin(ledger, declared(loop, levels='"1h", "visit", "solved"'))
    first = everybody(ledger, loop, running, 200)
    again = [loop.incident(1000 + i, f"c{i}", at=loop.START + 8 * DAY) for i in range(200)]
    second = loop.ask(ledger, running, *again, now=loop.START + 8 * DAY)
    drawn = {each.customer: (each.arm, each.timing, each.delay_s) for each in flat(first, "1h", "visit", "solved")}  # fmt: skip
    assert {each.customer: (each.arm, each.timing, each.delay_s) for each in second} == drawn
    assert {timing for arm, timing, _ in drawn.values() if arm == "silence"} == {"1h", "visit", "solved"}  # fmt: skip
    remedies = {each.key: each for each in ledger.read(Remedy)}
    for each in second:
        wanted = {"visit": "next_visit", "solved": "resolution"}.get(each.timing)
        assert remedies[each.key].awaits == wanted


# Before it is noticed


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "timing.field: expected_at is missing"),
        ("", "timing.field: expected_at is missing"),
        ("soon", "timing.field: expected_at is no time like 2026-05-01T18:30Z"),
        (20260301, "timing.field: expected_at has no time zone"),
        ("2026-03-01T09:00", "timing.field: expected_at has no time zone"),
        ("2026-02-28T23:59:59Z", "timing.field: expected_at has passed"),
        ("2026-03-01T00:00:00Z", "timing.field: expected_at has passed"),
        ("2026-03-03T00:00:01Z", "timing.within: expected_at is later than that"),
        ("9999-12-31T23:59-14:00", "timing.field: expected_at is no time like 2026-05-01T18:30Z"),
    ],
)
def test_without_a_time_to_come_nobody_is_drawn_whatever_the_arm(ledger, loop, value, why):
    running = loop.begin(ledger, declared(loop, levels='"before"'))
    fields = {} if value is None else {"expected_at": value}
    found = everybody(ledger, loop, running, 20, **fields)
    assert {(each.reason, each.because) for answers in found.values() for each in answers} == {
        ("INELIGIBLE", why)
    }


def test_a_predicted_failure_is_announced_before_it(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, levels='"before"'))
    found = everybody(ledger, loop, running, 20, expected_at="2026-03-01T08:00:00+02:00")
    expected = loop.START + 6 * HOUR
    answers = flat(found, "before")
    assert len(answers) == 20
    assert {each.due_at for each in answers} == {expected - HOUR / 2}
    assert {each.leave_by for each in ledger.read(Remedy)} == {expected}
    outbox = outboxes.Outbox()
    assert dispatch(ledger, outbox, running, expected - HOUR).settled == 0
    assert set(dispatch(ledger, outbox, running, expected - HOUR / 2).states) == {"sent", "would_send"}  # fmt: skip


def test_units_stay_whether_or_not_the_predicted_failure_occurs(ledger, loop, outboxes):
    """Nobody leaves the experiment because nothing happened (R12)."""
    running = loop.begin(ledger, declared(loop, levels='"before"'))
    everybody(ledger, loop, running, 20, expected_at="2026-03-01T06:00:00Z")
    drawn = [each for each in ledger.read(Assignment) if each.reason == "RANDOMISED"]
    assert {each.occurred_at for each in drawn} == {loop.START}, "windows begin at the prediction"
    dispatch(ledger, outboxes.Outbox(), running, loop.START + 30 * DAY)
    assert [each for each in ledger.read(Assignment) if each.reason == "RANDOMISED"] == drawn


def test_when_it_was_expected_it_is_too_late_to_announce_it(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, levels='"before"'))
    everybody(ledger, loop, running, 20, expected_at="2026-03-01T06:00:00Z")
    done = dispatch(ledger, outboxes.Outbox(), running, loop.START + 6 * HOUR)
    assert done.reasons == {"too_late": 20}
    assert {state for state, _ in states(ledger).values()} == {"suppressed", "would_suppress"}
    assert ledger.reserved(loop.NAME) == 0


# Quiet hours

EVENING = datetime(2026, 3, 1, 18, tzinfo=UTC)
"""20:00 in Vilnius, 10:00 in Los Angeles, 03:00 of the next day in Tokyo."""


def test_due_times_are_moved_by_the_clock_of_the_customer(ledger, loop):
    running = loop.begin(ledger, declared(loop, quiet=True))
    zones = {
        "Europe/Vilnius": ("2026-03-02T06:00Z", 11 * 3600, "quiet_hours"),
        "America/Los_Angeles": ("2026-03-01T19:00Z", 0, None),
        "Asia/Tokyo": ("2026-03-01T23:00Z", 4 * 3600, "quiet_hours"),
        "Asia/Kathmandu": ("2026-03-02T02:15Z", 7 * 3600 + 900, "quiet_hours"),
    }
    for number, (name, expected) in enumerate(zones.items()):
        hit = [loop.incident(key=f"{name}-{i}", customer=f"{number}-{i}", at=EVENING, zone=name) for i in range(12)]  # fmt: skip
        answers = loop.ask(ledger, running, *hit, now=EVENING)
        assert {each.arm for each in answers} >= {"silence", "sorry+none@1h"}
        keys = {each.key for each in answers}
        remedies = [each for each in ledger.read(Remedy) if each.key in keys]
        assert {(each.due_at, each.shift_s, each.shifted_by, each.zone) for each in remedies} == {
            (datetime.fromisoformat(expected[0]), *expected[1:], name)
        }
        assert {each.due_at for each in answers} == {datetime.fromisoformat(expected[0])}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "zone_missing"),
        ({"zone": ""}, "zone_missing"),
        ({"zone": "Mars/Olympus"}, "zone_unknown"),
        ({"zone": "../../etc/passwd"}, "zone_unknown"),
        ({"zone": 3}, "zone_unknown"),
        ({"zone": "europe/vilnius"}, "zone_unknown"),
    ],
)
def test_whoever_names_no_zone_has_the_declared_one_and_that_is_noted(ledger, loop, fields, why):
    running = loop.begin(ledger, declared(loop, quiet=True))
    everybody(ledger, loop, running, 3, at=EVENING, **fields)
    everybody_at_noon = [loop.incident(f"n{i}", at=EVENING - 8 * HOUR, **fields) for i in range(3)]
    loop.ask(ledger, running, *everybody_at_noon, now=EVENING - 8 * HOUR)
    assert {(each.zone, each.shift_s, each.shifted_by) for each in ledger.read(Remedy)} == {
        ("Europe/Vilnius", 11 * 3600, f"quiet_hours {why}"),
        ("Europe/Vilnius", 0, why),
    }


def test_a_worker_that_comes_late_sends_nothing_in_quiet_hours(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, quiet=True))
    noon = EVENING - 8 * HOUR
    everybody(ledger, loop, running, 20, at=noon, zone="Europe/Vilnius")
    outbox = outboxes.Outbox()
    late = dispatch(ledger, outbox, running, noon + 10 * HOUR)
    assert (late.settled, dict(late.postponed)) == (0, {"quiet_hours": 20})
    assert states(ledger) == {}, "in silence nothing is decided either"
    assert outbox.calls == []
    before = dispatch(ledger, outbox, running, noon + 20 * HOUR - timedelta(seconds=1))
    assert (before.settled, before.postponed.total()) == (0, 0), "it was not asked again meanwhile"
    morning = dispatch(ledger, outbox, running, noon + 20 * HOUR)
    assert morning.settled == 20
    assert list(ledger.read(Attempt)) == [], "to wait is no failed attempt"


def test_a_retry_waits_for_the_morning_too(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, quiet=True, delivery="backoff_seconds = 7200"))
    noon = EVENING - 8 * HOUR
    everybody(ledger, loop, running, 20, at=noon + 7 * HOUR, zone="Europe/Vilnius")
    outbox = outboxes.Outbox(mood=["later"])
    first = dispatch(ledger, outbox, running, noon + 8 * HOUR)
    assert first.postponed.keys() == {"it later"}
    assert dispatch(ledger, outbox, running, noon + 9 * HOUR).postponed.keys() == {"quiet_hours"}
    assert dispatch(ledger, outbox, running, noon + 20 * HOUR).states.keys() == {"sent"}
    assert {each.number for each in ledger.read(Attempt)} == {1}


def test_what_is_in_doubt_is_not_sent_again_at_night(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, quiet=True, delivery="backoff_seconds = 7200"))
    everybody(ledger, loop, running, 20, at=EVENING - HOUR, zone="Europe/Vilnius")
    outbox = outboxes.Outbox(mood=["loses"], remembers=True)
    dispatch(ledger, outbox, running, EVENING)
    assert dispatch(ledger, outbox, running, EVENING + 2 * HOUR).postponed.keys() == {"quiet_hours"}
    assert len(outbox.calls) == 1
    done = dispatch(ledger, outbox, running, EVENING + 12 * HOUR)
    assert (done.states.keys(), max(outbox.took.values())) == ({"sent"}, 1)


def test_a_kill_at_night_ends_all_at_once(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, quiet=True))
    everybody(ledger, loop, running, 20, at=EVENING)
    end(ledger, loop.NAME, because="wrong words", now=EVENING + 4 * HOUR, how="kill")
    outbox = outboxes.Outbox()
    assert dispatch(ledger, outbox, running, EVENING + 4 * HOUR).reasons == {"killed": 20}
    assert outbox.calls == []


# Too late


def test_what_would_leave_too_long_after_it_was_due_is_dropped(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, delivery='drop_after = "6h"'))
    everybody(ledger, loop, running, 20)
    reserved = ledger.reserved(loop.NAME)
    assert reserved > 0
    outbox = outboxes.Outbox()
    now = loop.START + 7 * HOUR
    done = dispatch(ledger, outbox, running, now)
    assert done.reasons == {"too_late": 20}
    assert {each.state for each in ledger.read(Delivery) if each.arm == "silence"} == {"would_suppress"}  # fmt: skip
    assert (outbox.calls, ledger.reserved(loop.NAME)) == ([], 0)
    money = Counter(each.state for each in ledger.read(Liability))
    assert money["released"] == money["reserved"] > 0


def test_a_moment_before_it_still_leaves(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, delivery='drop_after = "6h"'))
    everybody(ledger, loop, running, 20)
    done = dispatch(ledger, outboxes.Outbox(), running, loop.START + 7 * HOUR - timedelta(seconds=1))  # fmt: skip
    assert done.states.keys() == {"sent", "would_send"}


def test_planned_quiet_hours_do_not_make_it_late(ledger, loop, outboxes):
    """The window is counted from the morning; a worker that comes at noon is within it."""
    running = loop.begin(ledger, declared(loop, quiet=True, delivery='drop_after = "6h"'))
    everybody(ledger, loop, running, 20, at=EVENING, zone="Europe/Vilnius")
    done = dispatch(ledger, outboxes.Outbox(), running, EVENING + 17 * HOUR)
    assert done.states.keys() == {"sent", "would_send"}


def test_what_could_leave_in_the_morning_only_is_dropped_at_night(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, quiet=True, delivery='drop_after = "6h"'))
    noon = EVENING - 8 * HOUR
    everybody(ledger, loop, running, 20, at=noon, zone="Europe/Vilnius")
    done = dispatch(ledger, outboxes.Outbox(), running, noon + 11 * HOUR)
    assert (done.reasons, done.postponed.total()) == ({"too_late": 20}, 0)


def test_an_incident_that_was_heard_of_much_too_late_is_not_apologised_for(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, delivery='drop_after = "6h"'))
    found = everybody(ledger, loop, running, 20, now=loop.START + 9 * HOUR)
    assert {each.reason for answers in found.values() for each in answers} == {"RANDOMISED"}
    done = dispatch(ledger, outboxes.Outbox(), running, loop.START + 9 * HOUR)
    assert done.reasons == {"too_late": 20}


def test_the_window_of_what_awaits_something_begins_when_it_comes(ledger, loop, outboxes):
    made = declared(loop, levels='"visit"', delivery='drop_after = "6h"')
    running = loop.begin(ledger, made)
    waiting = flat(everybody(ledger, loop, running, 20), "visit")
    at = loop.START + 3 * DAY
    soon, late = waiting[:10], waiting[10:]
    record(ledger, *visits(soon, at), *visits(late, at - 7 * HOUR), at=at)
    done = dispatch(ledger, outboxes.Outbox(), running, at + HOUR)
    assert done.reasons == {"too_late": 10}
    assert done.settled == 20
    gone = {key for key, (_, because) in states(ledger).items() if because == "too_late"}
    assert gone == {each.key for each in late}


# Clocks that jump


def test_a_clock_set_back_an_hour_sends_nothing_twice_and_loses_nothing(ledger, loop, outboxes):
    running = loop.begin(ledger, declared(loop, levels='"1h", "visit"', quiet=True))
    waiting = everybody(ledger, loop, running, 40, at=EVENING, zone="America/Los_Angeles")
    record(ledger, *visits(flat(waiting, "visit"), EVENING + HOUR), at=EVENING + HOUR)
    outbox = outboxes.Outbox()
    for hours in (1.2, 0.2, 0.9, 2, 1):
        dispatch(ledger, outbox, running, EVENING + hours * HOUR)
    assert len(states(ledger)) == 40
    assert {state for state, _ in states(ledger).values()} == {"sent", "would_send"}
    assert max(outbox.took.values()) == 1


def test_a_clock_a_day_ahead_may_drop_but_keeps_the_books(ledger, loop, outboxes):
    made = declared(loop, levels='"1h", "visit"', quiet=True, delivery='drop_after = "6h"')
    running = loop.begin(ledger, made)
    everybody(ledger, loop, running, 40, at=EVENING, zone="America/Los_Angeles")
    outbox = outboxes.Outbox()
    dispatch(ledger, outbox, running, EVENING + DAY)
    dropped = Counter(because for _, because in states(ledger).values())
    assert dropped == {"too_late": len(states(ledger))}
    dispatch(ledger, outbox, running, EVENING + HOUR)
    assert outbox.calls == [], "what was dropped stays so when the clock is right again"
    dispatch(ledger, outbox, running, EVENING + 8 * DAY)
    assert len(states(ledger)) == 40
    assert ledger.reserved(loop.NAME) == 0


# In words


def test_a_life_tells_what_is_waited_for_and_what_moved_it(ledger, loop, outboxes):
    from apologylab.service.explain import explain

    running = loop.begin(ledger, declared(loop, levels='"1h", "visit"', quiet=True))
    found = everybody(ledger, loop, running, 20, at=EVENING, zone="Mars/Olympus")
    moved, waits = flat(found, "1h")[0], flat(found, "visit")[0]
    record(ledger, *visits([waits], EVENING + 14 * HOUR), at=EVENING + 14 * HOUR)
    dispatch(ledger, outboxes.Outbox(), running, EVENING + 15 * HOUR)

    def told(answer):
        life = explain(ledger, [answer.customer], zone=UTC, now=EVENING + DAY)
        return {each.kind: each.words for each in life.events}

    assert told(moved)["remedy"].endswith(
        "; due 11 h later than meant: quiet hours, in a zone that we do not know"
    )
    assert told(waits)["remedy"].endswith("; waits for the visit until 2026-03-08 18:00")
    assert told(waits)["due_moved"] == (
        "what it awaited, next visit, came 2026-03-02 08:00: due 2026-03-02 09:00"
    )


def test_a_worker_spends_a_twentieth_of_its_time_on_looks(ledger, loop, outboxes, monkeypatch):
    running = loop.begin(ledger, declared(loop, levels='"visit"'))
    seconds, looks = [0.0], []

    def slow(*_):
        looks.append(seconds[0])
        seconds[0] += 2.0
        return 0

    monkeypatch.setattr("apologylab.service.dispatch.bring_forward", slow)
    now = loop.START
    worker = Worker(holder="w", clock=lambda: now, chance=lambda: 0.5, seconds=lambda: seconds[0])
    for _ in range(90):
        dispatch_once(ledger, outboxes.Outbox(), running, worker)
        seconds[0] += 1.0
    assert looks == [0.0, 40.0, 80.0]


def test_what_an_earlier_version_awaits_is_not_forgotten(ledger, loop, outboxes):
    """The next version waits for nobody, and dispatches what the first one drew."""
    made = declared(loop, levels='"visit"')
    waiting = flat(everybody(ledger, loop, loop.begin(ledger, made), 12), "visit")
    second = declared(loop).change('owner = "riders"', 'owner = "riders"\nversion = 2')
    running = loop.begin(ledger, second, now=loop.START + HOUR)
    at = loop.START + 2 * HOUR
    record(ledger, *visits(waiting, at), at=at)
    assert dispatch(ledger, outboxes.Outbox(), running, at + HOUR).settled == 12
    assert {each.delay_s for each in waiting} == {600}
    assert {each.shift_s for each in ledger.read(DueMoved)} == {3000}, "ten minutes after the visit"


def test_a_default_zone_that_is_none_cannot_start(ledger, loop):
    made = declared(loop, quiet=True).change('zone = "Europe/Vilnius"', 'zone = "Europe/Wilno"')
    with pytest.raises(DeclarationError, match="is no IANA time zone"):
        loop.begin(ledger, made)
