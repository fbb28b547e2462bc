"""Each remedy leaves through its arm's channel, and goes to an address that no fact holds."""

from collections import Counter
from dataclasses import replace

import pytest

from apologylab.design.routes import wrong_address
from apologylab.errors import DeclarationError, LedgerOtherError
from apologylab.record.facts import Assignment, Delivery, Incident, Remedy
from apologylab.service.dispatch import Worker
from apologylab.service.dispatch import dispatch_once as dispatch
from apologylab.service.forget import forget
from apologylab.service.purge import purge

MAIL = "jo.{}@example.com"
UNITS = 60


@pytest.fixture
def declared(loop):
    """A factor of two channels beside the wording and the coupon."""
    declared = loop.Declared().change(
        'timing = ["1h"]', 'timing = ["1h"]\nchannel = ["email", "sms"]'
    )
    return declared.change("hold_seconds = 60", 'hold_seconds = 60\nchannel = "email"')


def ask(ledger, loop, running, numbers, **more):
    told = [
        loop.incident(n, **({"email": MAIL.format(n), "phone": f"+3706{n:07}"} | more))
        for n in numbers
    ]
    return loop.ask(ledger, running, *told)


def send(ledger, running, channel, *, now, only=None, **more):
    worker = Worker(holder="w", clock=lambda: now, chance=lambda: 0.5, **more)
    return dispatch(ledger, channel, running, worker, only=only)


def test_each_leaves_through_the_channel_of_its_arm_to_its_own_address(
    ledger, loop, declared, outboxes
):
    running = loop.begin(ledger, declared)
    answers = ask(ledger, loop, running, range(UNITS))
    boxes = {name: outboxes.Outbox(name=name, once=name == "sms") for name in ("email", "sms")}
    for name, box in boxes.items():
        send(ledger, running, box, now=loop.START + loop.HOUR, only=name)
    drawn = {each.key: each for each in answers}
    for name, box in boxes.items():
        assert box.sent
        for key, each in box.sent.items():
            answer = drawn[key.removeprefix("ledger-1/")]
            assert name in answer.arm
            number = int(answer.incident[1:])
            assert each.to == {"email": MAIL.format(number), "sms": f"+3706{number:07}"}[name]
    ends = {each.key: each for each in ledger.read(Delivery)}
    assert len(ends) == UNITS
    assert {ends[key].channel for key in drawn if "sms" in drawn[key].arm} == {"sms"}
    # What names no channel, silence, leaves with the declaration's own.
    silent = [key for key in drawn if drawn[key].arm == "silence"]
    assert silent
    assert {(ends[key].channel, ends[key].state) for key in silent} == {("email", "would_send")}


def test_batches_are_as_large_as_each_channel_bears(ledger, loop, declared, outboxes):
    running = loop.begin(ledger, declared)
    ask(ledger, loop, running, range(300))
    careful, sure = outboxes.Outbox(name="email", once=False), outboxes.Outbox(name="sms")
    for box in (careful, sure):
        send(ledger, running, box, now=loop.START + loop.HOUR, only=box.name, batch=200)
    assert max(map(len, careful.calls)) <= 50 < max(map(len, sure.calls))


def test_one_channel_that_is_away_holds_up_no_other(ledger, loop, declared, outboxes):
    running = loop.begin(ledger, declared)
    ask(ledger, loop, running, range(UNITS))
    away = outboxes.Outbox(name="email", mood=["breaks before"] * 50, once=True)
    send(ledger, running, away, now=loop.START + loop.HOUR, only="email")
    done = send(
        ledger, running, outboxes.Outbox(name="sms"), now=loop.START + loop.HOUR, only="sms"
    )
    assert done.states["sent"] > 0
    assert done.postponed == Counter()
    states = {each.state for each in ledger.read(Delivery) if each.channel == "email"}
    assert states == {"would_send"}


@pytest.mark.parametrize("without", ["email", "phone"])
@pytest.mark.parametrize("value", [None, "", "nobody", "jo@", "a@b.c, d@e.f", "jo@x.com\nBcc: all"])
def test_an_address_that_cannot_be_one_keeps_out_alike_in_every_arm(
    ledger, loop, declared, without, value
):
    running = loop.begin(ledger, declared)
    answers = ask(ledger, loop, running, range(40), **{without: value})
    assert {each.reason for each in answers} == {"INELIGIBLE"}
    (because,) = {each.because for each in answers}
    assert because.startswith(f"delivery.address: {without} is ")
    assert value is None or value == "" or value not in because
    # The same customers with an address are drawn into all arms, silence too.
    other = loop.begin(type(ledger)(ledger.identity), declared)
    arms = {other.assigner.propose(f"c{n}", {"kind": "late_ride", "minutes_late": 12}).arm
            for n in range(40)}  # fmt: skip
    assert "silence" in arms
    assert len(arms) > 3


def test_no_fact_and_no_reason_holds_an_address(ledger, loop, declared, outboxes):
    running = loop.begin(ledger, declared)
    ask(ledger, loop, running, range(UNITS))
    for name in ("email", "sms"):
        send(ledger, running, outboxes.Outbox(name=name), now=loop.START + loop.HOUR, only=name)
    for kind in (Incident, Assignment, Remedy, Delivery):
        for fact in ledger.read(kind):
            assert "example.com" not in repr(fact)
            assert "+3706" not in repr(fact)
    silent = {each.key for each in ledger.read(Assignment) if each.arm == "silence"}
    placed = {each.key for each in ledger.read(Remedy) if each.address is None}
    assert placed == silent


def test_forget_and_purge_reach_addresses(ledger, loop, declared, outboxes):
    running = loop.begin(ledger, declared)
    ask(ledger, loop, running, range(UNITS))
    places = {each.customer: each.address for each in ledger.read(Remedy) if each.address}
    customer = min(places)
    assert ledger.text(places[customer])
    forget(ledger, [customer], because="asked", by="ana", now=loop.START)
    assert ledger.text(places[customer]) is None
    for name in ("email", "sms"):
        send(ledger, running, outboxes.Outbox(name=name), now=loop.START + loop.HOUR, only=name)
    purge(ledger, keep_days=1, dry_run=False, by="ana", now=loop.START + 9 * loop.DAY)
    assert [at for at in places.values() if ledger.text(at) is not None] == []


def test_a_remedy_whose_address_was_deleted_fails_and_frees_its_money(
    ledger, loop, declared, outboxes
):
    running = loop.begin(ledger, declared)
    ask(ledger, loop, running, range(UNITS))
    with ledger.transaction(recorded_at=loop.START) as work:
        work.forget_texts([each.address for each in ledger.read(Remedy) if each.address])
    boxes = [outboxes.Outbox(name=name) for name in ("email", "sms")]
    for box in boxes:
        send(ledger, running, box, now=loop.START + loop.HOUR, only=box.name)
    assert [box.took for box in boxes] == [Counter(), Counter()]
    failed = [each for each in ledger.read(Delivery) if each.state == "failed"]
    assert {each.because for each in failed} == {"its address was deleted"}
    assert ledger.reserved(loop.NAME) == 0


def test_what_the_channel_calls_it_is_kept_and_how_long_it_asks_to_wait(ledger, loop, outboxes):
    running = loop.begin(ledger)
    loop.ask(ledger, running, *(loop.incident(n) for n in range(9)))
    later, at = outboxes.Outbox(), loop.START + loop.HOUR

    class Asking(outboxes.Outbox):
        def send(self, batch):
            return [replace(each, reference=f"<{each.key}>", wait_s=7_200)
                    for each in super().send(batch)]  # fmt: skip

    box = Asking(mood=["later"])
    send(ledger, running, box, now=at)
    assert send(ledger, running, box, now=at + loop.HOUR).states == {}
    done = send(ledger, running, box, now=at + 3 * loop.HOUR)
    assert done.states["sent"] == len(box.sent) > 0
    found = {each.reference for each in ledger.read(Delivery) if each.state == "sent"}
    assert found == {f"<{key}>" for key in box.sent}
    assert later.sent == {}


def test_a_simulated_ledger_lets_no_channel_out(ledger, loop, declared, outboxes):
    running = loop.begin(ledger, declared)
    box = outboxes.Outbox(name="email", harmless=False)
    with pytest.raises(LedgerOtherError, match="simulated"):
        send(ledger, running, box, now=loop.START, only="email")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('by = "caller"\naddress = "email"', "delivery.address has no effect"),
        ('by = "caller"\npromotional = true', "delivery.promotional has no effect"),
        ('addresses = { fax = "fax" }', "no remedy leaves through this channel"),
        ('channel = "email"\naddress = "minutes_late"', "incident.severity reads it"),
        ('[sender.ana]\nkind = "person"\nname = "Ana"\naddress = "ana"', "is no e-mail address"),
    ],
)
def test_what_could_not_be_carried_out_is_refused(ledger, loop, line, said):
    declared = loop.Declared().change("hold_seconds = 60", line)
    with pytest.raises(DeclarationError) as refused:
        loop.begin(ledger, declared)
    told = [f"{each.path} {each.what}" for each in refused.value.findings]
    assert any(said in each for each in told), told


@pytest.mark.parametrize(
    ("value", "form", "right"),
    [
        ("jo@example.com", "email", True),
        ("žydrė@pašto.lt", "email", True),
        ("o'neil+x@sub.example.co.uk", "email", True),
        ("jo@localhost", "email", False),
        ("jo@@example.com", "email", False),
        (".jo@example.com", "email", False),
        ("jo..x@example.com", "email", False),
        ("jo@example..com", "email", False),
        ("jo@exa mple.com", "email", False),
        ("<jo@example.com>", "email", False),
        ("Jo <jo@example.com>", "email", False),
        ("jo@example.com>", "email", False),
        ("jo\u2028@example.com", "email", False),
        ("j" * 65 + "@example.com", "email", False),
        ("jo@" + "x" * 260 + ".com", "email", False),
        (42, "email", False),
        (["jo@example.com"], "email", False),
        ("+37060012345", "phone", True),
        ("0037060012345", "phone", False),
        ("+0", "phone", False),
        ("+370 600 12345", "phone", False),
        ("+1234567890123456", "phone", False),
        ("device:a/b-c==", "any", True),
        ("two words", "any", False),
        ("x" * 1025, "any", False),
        ("a\x00b", "any", False),
    ],
)
def test_what_an_address_is(value, form, right):
    why = wrong_address(value, form)
    assert (why is None) == right
    assert why is None or str(value) not in why
