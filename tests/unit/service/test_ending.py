"""Three ends: stop, drain, kill; only forward, noted once, and never in the way of a new version."""

import pytest

from apologylab.errors import InputError, StateError
from apologylab.record.facts import Change, Closed, Delivery, Halted, Liability, Remedy
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.ending import KILLED, end, killed
from apologylab.service.held import held
from apologylab.service.running import load
from apologylab.service.start import start

PHASES = "[[allocation.phases]]\nentry = 1.0\n[compensation.usd5]"


@pytest.fixture
def declared(loop):
    return loop.Declared().change("[compensation.usd5]", PHASES)


@pytest.fixture
def running(ledger, loop, declared):
    return loop.begin(ledger, declared)


def repeats(ledger, loop, running):
    """The answers to a second incident of customer c1, and to one of a new customer."""
    number = ledger.count(Remedy) + 100
    again = loop.incident(key=f"again{number}", customer="c1", at=loop.START)
    return [each.reason for each in loop.ask(ledger, running, again, loop.incident(number))]


def send(ledger, loop, running, outboxes, *, at):
    box = outboxes.Outbox()
    worker = Worker(holder="w", clock=lambda: at, chance=lambda: 0.5)
    return dispatch_once(ledger, box, running, worker).states, box


WHAT_ENDS = {
    "stop": ("stopped", ["RANDOMISED", "CLOSED"], {"sent", "would_send"}),
    "drain": ("drained", ["CLOSED", "CLOSED"], {"sent", "would_send"}),
    "kill": ("killed", ["CLOSED", "CLOSED"], {"suppressed", "would_suppress"}),
}


@pytest.mark.parametrize("how", WHAT_ENDS)
def test_what_each_end_ends(ledger, loop, running, outboxes, how):
    did, answers, states = WHAT_ENDS[how]
    loop.ask(ledger, running, *(loop.incident(n) for n in range(20)))
    begun = end(ledger, loop.NAME, because="enough", now=loop.START, how=how, by="ana")
    halted = None if how == "stop" else how
    assert (begun.did, begun.closed, begun.halted) == (did, "enough", halted)
    assert repeats(ledger, loop, running) == answers
    sent, box = send(ledger, loop, running, outboxes, at=loop.START + loop.DAY)
    assert set(sent) == states
    if how == "kill":
        assert {each.because for each in ledger.read(Delivery)} == {KILLED}
        assert not box.took
        assert ledger.budgets(loop.NAME) == {}
    assert {row: each.reserved for row, each in ledger.budgets(loop.NAME).items()} == {
        row: each.reserved for row, each in held(ledger.read(Liability)).items()
    }


def test_an_end_goes_forward_only_and_is_noted_when_it_changes_something(ledger, loop, running):
    steps = ("stop", "stop", "drain", "stop", "kill", "drain", "kill")
    did = [
        end(ledger, loop.NAME, because=f"why {n}", now=loop.START, how=how, by="ana")
        for n, how in enumerate(steps)
    ]
    nothing = "nothing"
    assert [each.did for each in did] == [
        "stopped", nothing, "drained", nothing, "killed", nothing, nothing,
    ]  # fmt: skip
    assert [each.closed for each in did] == [
        "why 0", "why 0", "why 2", "why 2", "why 4", "why 4", "why 4",
    ]  # fmt: skip
    assert [(each.what, each.by) for each in ledger.read(Change)] == [
        ("start", "apologylab"), ("stop", "ana"), ("drain", "ana"), ("kill", "ana"),
    ]  # fmt: skip
    assert (ledger.count(Closed), ledger.count(Halted)) == (1, 2)
    assert running.name == loop.NAME


@pytest.mark.parametrize(("how", "opens"), [("stop", True), ("drain", False), ("kill", False)])
def test_a_phase_opens_after_a_stop_only_and_a_version_after_any(
    ledger, loop, declared, running, how, opens
):
    loop.ask(ledger, running, loop.incident(1))
    end(ledger, loop.NAME, because="enough", now=loop.START, how=how)
    if opens:
        assert start(ledger, declared, loop.NAME, now=loop.START, phase=2, by="bo").did == "phase"
        assert repeats(ledger, loop, running) == ["RANDOMISED", "RANDOMISED"]
        assert [each.what for each in ledger.read(Change)] == ["start", "stop", "phase"]
    else:
        with pytest.raises(StateError, match="raise `version` to 2"):
            start(ledger, declared, loop.NAME, now=loop.START, phase=2)
    declared.change('owner = "riders"', 'owner = "riders"\nversion = 2')
    assert start(ledger, declared, loop.NAME, now=loop.START).did == "started"
    second = load(ledger, declared.experiment(loop.NAME))
    (drawn,) = loop.ask(ledger, second, loop.incident(77))
    assert (drawn.version, drawn.reason) == (2, "RANDOMISED")


def test_a_kill_holds_back_its_own_version_and_those_before(ledger, loop, declared, running):
    loop.ask(ledger, running, loop.incident(1))
    for version in (2, 3):
        before = f"version = {version - 1}" if version > 2 else 'owner = "riders"'
        after = f"version = {version}" if version > 2 else 'owner = "riders"\nversion = 2'
        declared.change(before, after)
        start(ledger, declared, loop.NAME, now=loop.START)
        loop.ask(ledger, load(ledger, declared.experiment(loop.NAME)), loop.incident(version))
        if version == 2:
            end(ledger, loop.NAME, because="wrong coupon", now=loop.START, how="kill")
    with ledger.transaction(recorded_at=loop.START) as work:
        remedies = work.find(Remedy)
        assert killed(work, loop.NAME, remedies) == {
            f"{loop.NAME}/i1": KILLED, f"{loop.NAME}/i2": KILLED,
        }  # fmt: skip
        assert killed(work, "other", remedies) == {}


def test_an_end_needs_a_reason_and_an_experiment(ledger, loop, running):
    with pytest.raises(InputError, match="why it is ended"):
        end(ledger, running.name, because=" ", now=loop.START, how="kill")
    with pytest.raises(StateError, match="is not started"):
        end(ledger, "other", because="enough", now=loop.START, how="kill")
    assert ledger.count(Closed) == 0
