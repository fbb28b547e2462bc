"""Nothing is sent in quiet hours, in any zone, on any day of 2024 to 2030 (R12)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from apologylab.design.hours import hours
from apologylab.design.sending import QuietHours
from apologylab.errors import DeclarationError
from apologylab.record.facts import Delivery, Liability, Remedy, Resolution
from apologylab.record.later_facts import Visit
from apologylab.remedy.schedule import Quiet, first_allowed
from apologylab.remedy.zones import names, zone
from apologylab.service.assign import assign
from apologylab.service.dispatch import Worker, dispatch_once

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = (datetime(2031, 1, 1, tzinfo=UTC) - FIRST).days
ZONES = sorted(names())
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
ORDINARY = ("mon", "tue", "wed", "thu", "fri")
HOURS = (
    QuietHours(begin="21:00", end="08:00"),
    QuietHours(begin="18:00", end="09:00", working_days=ORDINARY),
    QuietHours(begin="01:30", end="02:30"),
    QuietHours(begin="00:00", end="03:15", working_days=("sat", "sun")),
    QuietHours(begin="22:45", end="00:15"),
    QuietHours(working_days=("mon", "wed", "sun")),
)


def is_quiet(quiet: QuietHours, name: str, moment: datetime) -> bool:
    """What the declaration says of what the customer's clock shows; texts compare as times do."""
    local = moment.astimezone(zone(name))
    if f"{local:%a}".lower() not in quiet.working_days:
        return True
    begin, end, shown = quiet.begin or "", quiet.end or "", f"{local:%H:%M}"
    if begin <= end:
        return begin <= shown < end
    return shown >= begin or shown < end


def hold(quiet, name, moment):
    """What a due time must satisfy; the sooner it may be, the more it is asked."""
    found = first_allowed(moment, Quiet(hours(quiet), zone(name)))
    assert found >= moment
    assert not is_quiet(quiet, name, found), (quiet, name, moment)
    assert not is_quiet(quiet, name, found + 59 * SECOND), "a send takes a while"
    if found == moment:
        return
    assert found - moment < 8 * DAY
    for before in (SECOND, timedelta(seconds=random.Random(str(moment)).randrange(1, 40_000))):
        sooner = found - before
        if sooner >= moment:
            may = is_quiet(quiet, name, sooner) or is_quiet(quiet, name, sooner + 60 * SECOND)
            assert may, f"it could have left at {sooner}"


def hit(chance, day):
    """A moment of a day of UTC, and often one near a full or half hour."""
    at = FIRST + day * DAY + timedelta(seconds=chance.randrange(86_400))
    if chance.random() < 0.5:
        at = at.replace(
            minute=chance.choice([0, 15, 29, 30, 45, 59]), second=chance.choice([0, 59])
        )
    return at


def test_no_zone_sends_in_quiet_hours_on_sampled_days():
    chance = random.Random(5)
    for name in ZONES:
        for _ in range(12):
            hold(chance.choice(HOURS), name, hit(chance, chance.randrange(DAYS)))


@pytest.mark.slow
def test_no_zone_sends_in_quiet_hours_on_any_day(counts):
    """Every zone on every day; reduced: every zone on every 21st."""
    chance = random.Random(6)
    for number, name in enumerate(ZONES):
        for day in range(number % counts(21, 1), DAYS, counts(21, 1)):
            hold(HOURS[(number + day) % len(HOURS)], name, hit(chance, day))


def changes(name):
    """The moments in those years at which a zone's clocks are put forward or back."""
    clock, found = zone(name), []
    at = FIRST
    while at < FIRST + DAYS * DAY:
        if at.astimezone(clock).utcoffset() != (at + 6 * HOUR).astimezone(clock).utcoffset():
            low, high = 0, 6 * 3600
            while high - low > 1:
                middle = (low + high) // 2
                moved = at + middle * SECOND
                same = moved.astimezone(clock).utcoffset() == at.astimezone(clock).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(at + high * SECOND)
        at += 6 * HOUR
    return found


CHANGING = ["Europe/Vilnius", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
            "Africa/Cairo", "Pacific/Chatham", "Antarctica/Troll", "America/Santiago",
            "Asia/Beirut", "America/Nuuk", "Asia/Jerusalem", "America/St_Johns"]  # fmt: skip


@pytest.mark.parametrize("name", CHANGING)
def test_around_every_change_of_the_clocks(name):
    found = changes(name)
    assert len(found) >= 6
    for change in found:
        for quiet in HOURS:
            for seconds in (-86_399, -40_000, -7_200, -3_601, -61, -60, -1, 0, 1, 1_800, 5_400):
                hold(quiet, name, change + timedelta(seconds=seconds))


# Through the dispatcher


MOMENTS = """timing = ["0s", "4h", "visit", "solved", "before"]
[timing.visit]
after = "next_visit"
delay = "5min"
within = "5d"
[timing.solved]
after = "resolution"
within = "4d"
[timing.before]
after = "expected"
field = "expected_at"
delay = "2h"
within = "6d"
"""


def declare(loop, quiet):
    table = "".join(
        f'{key} = "{value}"\n'
        for key, value in (("begin", quiet.begin), ("end", quiet.end))
        if value
    )
    days = ", ".join(f'"{day}"' for day in quiet.working_days)
    made = loop.Declared().change('timing = ["1h"]', MOMENTS)
    made.change("hold_seconds = 60", 'hold_seconds = 60\ndrop_after = "3d"\nbackoff_seconds = 3600')
    return made.change(
        "[messages]",
        f'[delivery.quiet]\n{table}working_days = [{days}]\nzone_field = "zone"\n[messages]',
    )


class Watched:
    """A channel that notes when it was given what, and takes it, or cannot just now."""

    name, once, harmless = "file", True, True

    def __init__(self, clock, chance):
        self.clock, self.chance, self.given, self.took = clock, chance, [], set()

    def accepted(self, keys):
        return frozenset(self.took).intersection(keys)

    def lacks(self, needs):
        return ""

    def send(self, batch):
        from apologylab.service.channel import Sent

        answers = []
        for each in batch:
            self.given.append((each.customer, self.clock()))
            state = self.chance.choice(["sent", "sent", "sent", "later", "unknown"])
            if state == "sent" or (state == "unknown" and self.chance.random() < 0.5):
                self.took.add(each.key)
            answers.append(
                Sent(key=each.key, state=state, because="" if state == "sent" else state)
            )
        return answers


def happenings(chance, number, at, home):
    """An incident of a customer in zone ``home``, and what may come after it."""
    from apologylab.record.facts import Incident

    fields = {"minutes_late": 20, "zone": home,
              "expected_at": (at + timedelta(hours=chance.uniform(1, 120))).isoformat()}  # fmt: skip
    incident = Incident(key=f"i{number}", occurred_at=at, customer=f"c{number}", kind="late_ride", fields=fields)  # fmt: skip
    later = [at + timedelta(hours=chance.uniform(0.1, 130)) for _ in range(2)]
    facts = []
    if chance.random() < 0.7:
        facts.append(Visit(key=f"v{number}", occurred_at=later[0], customer=f"c{number}"))
    if chance.random() < 0.7:
        facts.append(Resolution(key=f"r{number}", occurred_at=later[1], incident=f"i{number}",
                                customer=f"c{number}", resolved=chance.random() < 0.8))  # fmt: skip
    return incident, facts


def live(ledger, loop, *, quiet, seed, customers):
    """Two weeks of a company whose dispatcher comes when it comes, and whose clock jumps."""
    chance = random.Random(seed)
    begin = FIRST + timedelta(days=chance.randrange(DAYS - 30))
    running = loop.begin(ledger, declare(loop, quiet), now=begin)
    now = [begin]
    channel = Watched(lambda: now[0], chance)
    homes = {f"c{i}": chance.choice(ZONES) for i in range(customers)}
    lives = [
        happenings(chance, i, begin + timedelta(hours=chance.uniform(0, 90)), homes[f"c{i}"])
        for i in range(customers)
    ]
    incidents = sorted((each for each, _ in lives), key=lambda each: each.occurred_at)
    facts = sorted((f for _, some in lives for f in some), key=lambda fact: fact.occurred_at)
    end, turn = begin + 20 * DAY, 0
    while now[0] < end:
        turn += 1
        now[0] += timedelta(minutes=chance.choice([5, 30, 90, 400, 900]))
        told = [each for each in incidents if each.occurred_at <= now[0]]
        incidents = incidents[len(told) :]
        assign(ledger, running, told, now=now[0])
        came = [each for each in facts if each.occurred_at <= now[0]]
        facts = facts[len(came) :]
        with ledger.transaction(recorded_at=now[0]) as work:
            work.append(came)
        jump = chance.choice([0, 0, 0, -60, 1440]) if turn % 5 == 0 else 0
        now[0] += timedelta(minutes=jump)
        worker = Worker(holder=f"w{turn}", clock=lambda: now[0], chance=chance.random, batch=50)
        dispatch_once(ledger, channel, running, worker)
        now[0] -= timedelta(minutes=jump)
    return channel, homes


def check(ledger, channel, homes, quiet, customers):
    for customer, at in channel.given:
        assert not is_quiet(quiet, homes[customer], at), (customer, homes[customer], at)
    ends = {each.key: each for each in ledger.read(Delivery)}
    drawn = ledger.count(Remedy)
    assert len(ends) == drawn > 0.7 * customers, "each of them ended"
    assert channel.given, "something was sent"
    assert {"would_send", "sent"} <= {each.state for each in ends.values()}
    money: dict[str, str] = {}
    for each in ledger.read(Liability):
        money[each.assignment] = each.state
    for key, state in money.items():
        assert state == ("committed" if ends[key].state in ("sent", "in_doubt") else "released")


@pytest.mark.parametrize("quiet", HOURS[:3])
def test_the_dispatcher_sends_nothing_in_quiet_hours(ledger, loop, quiet):
    channel, homes = live(ledger, loop, quiet=quiet, seed=7, customers=60)
    check(ledger, channel, homes, quiet, 60)


@pytest.mark.slow
def test_no_dispatcher_sends_in_quiet_hours_whatever_happens(loop, counts):
    from apologylab.service.ports import LedgerIdentity
    from apologylab.storage.memory import MemoryLedger

    for seed in range(counts(8, 60)):
        quiet = HOURS[seed % len(HOURS)]
        ledger = MemoryLedger(LedgerIdentity(id=f"l{seed}", environment="test", simulated=True))
        channel, homes = live(ledger, loop, quiet=quiet, seed=seed, customers=150)
        check(ledger, channel, homes, quiet, 150)


def test_hours_that_leave_no_time_are_refused(loop):
    with pytest.raises(DeclarationError, match="less than an hour"):
        declare(loop, QuietHours(begin="08:30", end="08:00")).experiment("late_ride")
