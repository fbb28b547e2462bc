"""Senders, channels and gifts without a word, from the draw to the channel and back."""

import json
from collections import Counter

import pytest

from apologylab.channels.file import FILE, FileChannel
from apologylab.design.arms import arms
from apologylab.record.facts import Delivery, Liability, Remedy
from apologylab.service.claiming import UNRENDERED
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.explain import explain

SENDER = '[sender.ann]\nkind = "person"\nname = "Ann Low"\naddress = "ann@shop.example"\n'
SILENT = "none+usd5+ann@0s"


@pytest.fixture
def declared(loop):
    """Ann or nobody signs; the coupon appears without a word."""
    made = loop.at_once().change(
        'coupon = ["none", "usd5"]\n', 'coupon = ["none", "usd5"]\nsender = ["none", "ann"]\n'
    )
    made.change("[compensation.usd5]", "[compensation.usd5]\ntold = false")
    made.change('order = ["wording", "coupon"]', 'order = ["wording"]')
    made.text += SENDER
    tagged = "[subject]\nYour ride\n[regret]\nWe are sorry."
    made.messages = {
        ("wording", name, locale): tagged.replace("We", f"{name} {locale}: we")
        for name in ("sorry", "sorry.2")
        for locale in ("en", "lt")
    } | {("sender", "ann", locale): "Ann Low, rides" for locale in ("en", "lt")}
    return made


def settle(ledger, channel, running, now, **more):
    worker = Worker(holder="w", clock=lambda: now, chance=lambda: 0.5)
    return dispatch_once(ledger, channel, running, worker, **more)


def answered(ledger, loop, running):
    """One customer an arm: arm -> the answer."""
    names = [arm.name for arm in arms(running.experiment)]
    incidents = [
        loop.incident(number, loop.customer_in(running, name)) for number, name in enumerate(names)
    ]
    return dict(zip(names, loop.ask(ledger, running, *incidents), strict=True))


def test_a_gift_without_a_word_is_given_and_settled(ledger, loop, declared, tmp_path):
    running = loop.begin(ledger, declared)
    given = answered(ledger, loop, running)
    remedies = {each.arm: each for each in ledger.read(Remedy)}
    silent = remedies[SILENT]
    assert (silent.text, silent.locale, silent.sender) == (None, None, None)
    assert (silent.compensation, silent.amount) == ("usd5", 500)
    done = settle(ledger, FileChannel(tmp_path), running, loop.START)
    assert done.states == {"sent": 6, "would_send": 1}
    lines = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines()]
    line = next(each for each in lines if each["arm"] == SILENT)
    assert (line["text"], line["compensation"], line["amount"]) == (None, "usd5", "5.00 USD")
    owed = {each.state for each in ledger.read(Liability) if each.assignment == given[SILENT].key}
    assert owed == {"reserved", "committed"}
    life = explain(ledger, [given[SILENT].customer], zone=loop.START.tzinfo, now=loop.START)
    assert "gives usd5, 5.00 USD" in [each.words for each in life.events]


def test_a_gift_in_doubt_is_given_again_where_that_is_safe(ledger, loop, declared, outboxes):
    running = loop.begin(ledger, declared)
    customer = loop.customer_in(running, SILENT)
    loop.ask(ledger, running, loop.incident(1, customer))
    outbox = outboxes.Outbox(mood=["loses"], remembers=False)
    settle(ledger, outbox, running, loop.START)
    assert not list(ledger.read(Delivery))
    settle(ledger, outbox, running, loop.START + loop.HOUR)
    assert [each.state for each in ledger.read(Delivery)] == ["sent"]
    assert Counter(outbox.took.values()) == {1: 1}


def test_a_text_that_cannot_be_written_is_no_silent_gift(ledger, loop, declared, outboxes):
    """A name that is compared with a number: the arm gives something too, and gives nothing."""
    for key in [key for key in declared.messages if key[0] == "wording"]:
        declared.messages[key] = f"{key[1]}: we are sorry{{% if first_name > 3 %}}!{{% endif %}}"
    running = loop.begin(ledger, declared)
    arm = "sorry+usd5+none@0s"
    one = loop.customer_in(running, arm)
    other = loop.customer_in(running, arm, without=[one])
    for number, (customer, name) in enumerate({one: 7, other: "Jo"}.items()):
        loop.ask(ledger, running, loop.incident(number, customer, first_name=name))
    assert {each.locale for each in ledger.read(Remedy)} == {"en"}
    settle(ledger, outboxes.Outbox(), running, loop.START)
    ends = {each.customer: (each.state, each.because) for each in ledger.read(Delivery)}
    assert ends == {one: ("sent", ""), other: ("failed", UNRENDERED)}
    released = {each.customer for each in ledger.read(Liability) if each.state == "released"}
    assert released == {other}


def test_who_speaks_is_pinned_and_reaches_the_channel(ledger, loop, declared, outboxes):
    running = loop.begin(ledger, declared)
    given = answered(ledger, loop, running)
    arm = "sorry+none+ann@0s"
    remedy = next(each for each in ledger.read(Remedy) if each.arm == arm)
    assert remedy.sender == "Ann Low <ann@shop.example>"
    outbox = outboxes.Outbox()
    settle(ledger, outbox, running, loop.START)
    sent = outbox.sent[f"ledger-1/{given[arm].key}"]
    assert (sent.sender, sent.sender_address) == ("Ann Low", "ann@shop.example")
    assert (sent.subject, sent.text) == ("Your ride", "sorry en: we are sorry.\n\nAnn Low, rides")
    assert sent.parts == (("regret", "sorry en: we are sorry."), ("closing", "Ann Low, rides"))
    unsigned = outbox.sent[f"ledger-1/{given['sorry+none+none@0s'].key}"]
    assert (unsigned.sender, unsigned.text) == (None, "sorry en: we are sorry.")
    life = explain(ledger, [remedy.customer], zone=loop.START.tzinfo, now=loop.START)
    (told,) = (each for each in life.events if each.kind == "remedy")
    assert "as Ann Low <ann@shop.example> under “Your ride”" in told.words
    assert told.letter.text == "sorry en: we are sorry.\n\nAnn Low, rides"


def test_who_reads_what_we_do_not_write_is_not_drawn(ledger, loop, declared):
    declared.change(
        'locales = ["en", "lt"]', 'locales = ["en", "lt"]\nfallback = { fr = [], de = ["lt"] }'
    )
    running = loop.begin(ledger, declared)
    incidents = [
        loop.incident(number, f"{locale}{number}", locale=locale)
        for number in range(40)
        for locale in ("fr", "de", "ja")
    ]
    for number, each in enumerate(incidents):
        object.__setattr__(each, "key", f"k{number}")
    answers = loop.ask(ledger, running, *incidents)
    french = [each for each in answers if each.customer.startswith("fr")]
    assert {(each.reason, each.because) for each in french} == {
        ("INELIGIBLE", "messages.fallback: nothing is said in fr")
    }
    assert {each.reason for each in answers if not each.customer.startswith("fr")} == {"RANDOMISED"}
    spoken = {
        remedy.locale
        for remedy in ledger.read(Remedy)
        if remedy.text and remedy.customer.startswith("de")
    }
    assert spoken == {"lt"}
