"""Version 2 starts while remedies of version 1 wait: these keep the word that drew them (R6)."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest

from apologylab import wiring
from apologylab.channels.contract import outgoing
from apologylab.channels.issuing import Issued, Issuing
from apologylab.cli.app import main
from apologylab.cli.dispatcher import Dispatcher
from apologylab.errors import ConfigError, StateError
from apologylab.record.facts import Assignment, Delivery, Remedy
from apologylab.record.later_facts import Commitment
from apologylab.service.assign import assign
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.running import Running, pinned
from apologylab.service.start import start
from apologylab.storage.memory import MemoryTransaction
from apologylab.storage.sqlite import open_
from apologylab.wire.declaration import read

PROMISE = """
[wording.sorry]
parts = ["regret", "promise"]
promise = { what = "times you can count on", keeper = "dispatch", within = "30d" }
[compensation.usd5]
issuer = "shop"
minimum_basket = "15.00 USD\""""
TOML = """
[channels.email]
kind = "file"
folder = "email"
[channels.sms]
kind = "file"
folder = "sms"
"""


@pytest.fixture
def one(loop):
    """Two channels, a promise, and a gift that is issued."""
    made = loop.Declared().change("\n[compensation.usd5]", PROMISE)
    tags = "[regret]\n{}\n\n[promise]\nWe are working on times you can count on."
    made.messages |= {
        key: tags.format(text) for key, text in made.messages.items() if key[0] == "wording"
    }
    made.change('timing = ["1h"]', 'timing = ["0s"]\nchannel = ["email", "sms"]')
    return made.change("hold_seconds = 60", 'hold_seconds = 0\nchannel = "sms"')


@pytest.fixture
def two(loop, one):
    """Neither the promise nor the gift, and one channel."""
    made = loop.Declared(one.text).change('name = "late_ride"', 'name = "late_ride"\nversion = 2')
    made.change(PROMISE[: PROMISE.index("[comp")], "\n").change('issuer = "shop"\n', "")
    made.change("sorry", "regret").change("usd5", "usd9").change('["email", "sms"]', '["sms"]')
    named = {"sorry": "regret", "sorry.2": "regret.2", "usd5": "usd9", "usd5.2": "usd9.2"}
    made.messages = {(f, named[each], at): text for (f, each, at), text in made.messages.items()}
    return made


def begun(ledger, declared, at):
    start(ledger, declared, "late_ride", now=at)
    (found,) = pinned(ledger, lambda text: read(text, where="late_ride"))
    return found


def ask(ledger, loop, running, number, at):
    where = {"email": "jo@example.com", "phone": "+37061234567"}
    told = [loop.incident(n, at=at, **where) for n in range(number)]
    return [each.assignment for each in assign(ledger, running, told, now=at)]


@pytest.fixture
def bumped(ledger, loop, one, two):
    """Version 2, while sixty answers of version 1 wait."""
    ask(ledger, loop, begun(ledger, one, loop.START), 60, loop.START)
    return begun(ledger, two, loop.START + loop.HOUR)


def worker(at):
    return Worker(holder="w", clock=lambda: at, chance=lambda: 0.5)


def test_what_version_1_promised_is_a_commitment_and_its_gifts_keep_their_codes(
    ledger, loop, bumped, outboxes
):
    box = outboxes.Outbox(name="sms")
    dispatch_once(ledger, box, bumped, worker(loop.START + loop.DAY))
    promised = [each for each in box.sent.values() if "sorry" in each.arm]
    made = {each.key: each for each in ledger.read(Commitment)}
    assert promised
    assert made.keys() == {f"{each.key.removeprefix('ledger-1/')}/sorry" for each in promised}
    assert {each.what for each in made.values()} == {"times you can count on"}
    given = [each for each in box.sent.values() if each.compensation]
    assert given
    assert {(each.compensation, each.expires_days) for each in given} == {("usd5", 14)}
    assert all(each.code for each in given)


def test_both_versions_wait_in_one_queue_and_each_has_its_own(ledger, loop, bumped, outboxes):
    at = loop.START + loop.DAY
    told = [
        loop.incident(n, at=at, email="jo@example.com", phone="+37061234567")
        for n in range(100, 160)
    ]
    assign(ledger, bumped, told, now=at)
    box = outboxes.Outbox(name="sms")
    dispatch_once(ledger, box, bumped, worker(at))
    codes = Counter((each.compensation, each.code is None) for each in box.sent.values())
    assert codes.keys() >= {("usd5", False), ("usd9", True)}
    assert codes.keys() <= {("usd5", False), ("usd9", True), (None, True)}
    level = {each.key: each.level for each in ledger.read(Commitment)}
    assert set(level.values()) == {"sorry"}


def test_who_issued_a_gift_that_is_dropped_is_asked_yet(tmp_path, monkeypatch, bumped):
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    file = tmp_path / "apologylab.toml"
    through, versions = wiring.channel("file", wiring.project()), tuple(bumped.earlier.values())
    new, old = bumped.experiment, versions[0]
    assert wiring.issuing(through, new, wiring.project()) is through
    with pytest.raises(ConfigError, match="no issuer 'shop'"):
        wiring.issuing(through, old, wiring.project())
    # An issuer that is gone: the gift waits, and says for what.
    waits = wiring.issuing(through, new, wiring.project(), versions)
    assert isinstance(waits, Issuing)
    gift = replace(outgoing("a"), compensation="usd5", code="ABCDE-12345", issuer="shop")
    (answer,) = waits.send([gift])
    assert (answer.state, "add [issuers.shop] again" in answer.because) == ("later", True)
    file.write_text(
        file.read_text() + '\n[issuers.shop]\nkind = "http"\nurl = "https://shop.example/codes"\n'
    )
    monkeypatch.setenv("APOLOGYLAB_ISSUER_SHOP_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    asked = wiring.issuing(through, new, wiring.project(), versions)
    assert asked.issuers.keys() == {"shop"}


class Mint:
    """An issuer that remembers what it was asked for."""

    def __init__(self):
        self.asked = []

    def issue(self, issue):
        self.asked.append(issue)
        return Issued(state="issued")


def test_a_gift_keeps_the_issuer_of_the_version_that_drew_it(loop, one, outboxes):
    """Version 2 gives the same, by another issuer, from another least order; and 3 by nobody."""
    ledger = wiring.throwaway_ledger(simulated=False)
    ask(ledger, loop, begun(ledger, one, loop.START), 60, loop.START)
    text = one.text.replace('name = "late_ride"', 'name = "late_ride"\nversion = 2', 1)
    two = loop.Declared(text.replace('"shop"', '"store"').replace("15.00 USD", "9.00 USD"))
    two.messages = one.messages
    at = loop.START + loop.DAY
    told = [
        loop.incident(n, at=at, email="jo@example.com", phone="+37061234567")
        for n in range(100, 160)
    ]
    assign(ledger, begun(ledger, two, at), told, now=at)
    three = loop.Declared(text.replace("version = 2", "version = 3").replace('issuer = "shop"', ""))
    three.messages = one.messages
    last = begun(ledger, three, at)
    shop, store, box = Mint(), Mint(), outboxes.Outbox(name="sms")
    through = Issuing(box, {"shop": shop, "store": store}, lambda: at)
    dispatch_once(ledger, through, last, worker(at + loop.HOUR))
    version = {each.key: each.version for each in ledger.read(Assignment)}
    for mint, number, least in ((shop, 1, 1_500), (store, 2, 900)):
        assert len(mint.asked) > 10
        assert {version[each.key.partition("/")[2]] for each in mint.asked} == {number}
        assert {(each.compensation, each.minimum) for each in mint.asked} == {("usd5", least)}
    coded = [each for each in box.sent.values() if each.code]
    assert len(coded) == len(shop.asked) + len(store.asked)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--simulated"]) == 0
    return tmp_path


@pytest.mark.parametrize("is_there", [True, False])
def test_the_dispatcher_uses_a_channel_that_version_2_drops(
    project, capsys, loop, one, two, is_there
):
    file = project / "apologylab.toml"
    before = file.read_text()
    file.write_text(before + TOML)
    now = wiring.clock()() - loop.HOUR
    with closing(open_(project / "apologylab.sqlite")) as ledger:
        ask(ledger, loop, begun(ledger, one, now), 60, now)
        begun(ledger, two, now)
        drawn = {each.key: each.channel for each in ledger.read(Remedy)}
    if not is_there:
        file.write_text(before + TOML[TOML.index("[channels.sms]") :])
    with Dispatcher(wiring.project(), None, holder=None, lease_seconds=60) as dispatcher:
        dispatcher.turn()
        dispatcher.turn()
    with closing(open_(project / "apologylab.sqlite")) as ledger:
        ends = {each.key: (each.channel, each.state) for each in ledger.read(Delivery)}
    expected = {
        key: (name or "sms", "sent" if name else "would_send")
        for key, name in drawn.items()
        if is_there or name != "email"
    }
    assert set(drawn.values()) == {"email", "sms", None}
    assert ends == expected
    assert capsys.readouterr().err.count("sends through email waits") == (not is_there)


@pytest.fixture
def moved(loop, one):
    """Two versions without a channel factor: the second one sends elsewhere."""
    was = loop.Declared(one.text).change('channel = ["email", "sms"]\n', "")
    was.change('issuer = "shop"\n', "")
    now = loop.Declared(was.text).change('name = "late_ride"', 'name = "late_ride"\nversion = 2')
    now.change('channel = "sms"', 'channel = "email"')
    was.messages, now.messages = one.messages, one.messages
    return was, now


@pytest.mark.parametrize("pins", [True, False])
def test_what_waits_leaves_through_the_channel_of_the_version_that_drew_it(
    monkeypatch, project, capsys, loop, moved, pins
):
    """Also of a ledger from before channels were pinned, whose remedies name none."""
    file = project / "apologylab.toml"
    file.write_text(file.read_text() + TOML)
    now = wiring.clock()() - loop.HOUR
    with closing(open_(project / "apologylab.sqlite")) as ledger, monkeypatch.context() as before:
        if not pins:
            before.setattr(Running, "leaves_through", lambda running, arm: None)
        ask(ledger, loop, begun(ledger, moved[0], now), 60, now)
        begun(ledger, moved[1], now)
        drawn = {each.key: each for each in ledger.read(Remedy)}
    with Dispatcher(wiring.project(), None, holder=None, lease_seconds=60) as dispatcher:
        dispatcher.turn()
    with closing(open_(project / "apologylab.sqlite")) as ledger:
        ends = {each.key: (each.channel, each.state) for each in ledger.read(Delivery)}
    left = {key: end[0] for key, end in ends.items() if drawn[key].arm != "silence"}
    assert ends.keys() == drawn.keys()
    assert len(left) > 30
    assert set(left.values()) == ({"sms"} if pins else {"email"})
    assert all((drawn[key].address is not None) == pins for key in left)
    assert {end[1] for end in ends.values()} == {"sent", "would_send"}


@pytest.mark.parametrize("by", ["caller", "apologylab"])
def test_who_delivers_does_not_change_while_remedies_wait(ledger, loop, outboxes, by):
    """Or the caller and our dispatcher would both deliver what the first version drew."""
    lines = {"caller": 'by = "caller"', "apologylab": "hold_seconds = 0"}
    other = next(each for each in lines if each != by)
    was = loop.Declared().change('timing = ["1h"]', 'timing = ["0s"]')
    was.change("hold_seconds = 60", lines[by])
    now = loop.Declared(was.text).change('name = "late_ride"', 'name = "late_ride"\nversion = 2')
    now.change(lines[by], lines[other])
    running = begun(ledger, was, loop.START)
    ask(ledger, loop, running, 20, loop.START)
    with pytest.raises(StateError, match="20 remedies of late_ride wait that version 1 drew"):
        begun(ledger, now, loop.START + loop.HOUR)
    if by == "apologylab":
        dispatch_once(ledger, outboxes.Outbox(), running, worker(loop.START + loop.DAY))
        assert begun(ledger, now, loop.START + loop.DAY).experiment.version == 2


def test_one_version_costs_no_read(monkeypatch, ledger, loop, one, two, outboxes):
    """Of the ledger's calls: a later version asks twice a batch who drew it, the first never."""
    running = begun(ledger, one, loop.START)
    ask(ledger, loop, running, 60, loop.START)
    asked, found = [], MemoryTransaction.find_among

    def counted(work, kind, column, values):
        asked.append(kind)
        return found(work, kind, column, values)

    monkeypatch.setattr(MemoryTransaction, "find_among", counted)
    at = loop.START + loop.DAY
    dispatch_once(ledger, outboxes.Outbox(name="sms"), running, worker(at), only="sms")
    alone = Counter(asked)
    bumped = begun(ledger, two, at)
    asked.clear()
    dispatch_once(ledger, outboxes.Outbox(name="email"), bumped, worker(at), only="email")
    assert alone.total() > 0
    assert alone[Assignment] == 0
    assert Counter(asked) == alone + Counter({Assignment: 2})
