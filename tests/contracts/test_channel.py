"""Every channel of ours keeps to the contract that is published for others, too."""

import csv
import json
from collections import Counter
from contextlib import ExitStack, closing
from datetime import UTC, datetime

import pytest

from apologylab.channels.agent import AgentFolder
from apologylab.channels.contract import ChannelContract
from apologylab.channels.egress import place_of
from apologylab.channels.file import FILE, FileChannel
from apologylab.channels.mail import Letterhead, message_id
from apologylab.channels.relay import Relay
from apologylab.channels.smtp import SmtpChannel
from apologylab.channels.webhook import Signing, WebhookChannel
from apologylab.service.bouncing import Bouncing
from apologylab.service.channel import Sent
from apologylab.wire.events import signing_keys

KEYS = signing_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
SENDER = "care@shop.example"


class AFile:
    """A folder; behind ``Bouncing``, one customer is gone."""

    remembers, gone = True, None

    def __init__(self, folder, *, bouncing=False):
        self._folder, self._bouncing = folder, bouncing

    def open(self):
        inner = FileChannel(self._folder)
        return Bouncing(inner, frozenset({"c-gone"})) if self._bouncing else inner

    def arrived(self, keys):
        file = self._folder / FILE
        lines = file.read_bytes().splitlines() if file.exists() else []
        found = Counter(json.loads(line)["key"] for line in lines)
        return {key: found[key] for key in keys if key in found}


class AnAgentFolder:
    """A folder of tasks, counted in the CSV files that a help desk would import."""

    remembers, gone = True, None

    def __init__(self, folder):
        self._folder = folder

    def open(self):
        return AgentFolder("desk", self._folder)

    def arrived(self, keys):
        found = Counter()
        for file in self._folder.glob("tasks-*.csv"):
            with file.open(encoding="utf-8", newline="") as text:
                found.update(row["key"] for row in csv.DictReader(text))
        return {key: found[key] for key in keys if key in found}


class Memory:
    gone = None

    def __init__(self, outbox):
        self._outbox, self.remembers = outbox, True

    def open(self):
        return self._outbox

    def arrived(self, keys):
        return {key: self._outbox.took[key] for key in keys if key in self._outbox.took}


class OnAServer:
    """A server that lives as long as the test; what was opened to it is closed."""

    remembers, gone = False, "gone@example.com"

    def __init__(self, server):
        self._server, self._doors = server, ExitStack()

    def open(self):
        return self._doors.enter_context(closing(self._door()))

    def close(self):
        self._doors.close()


class AMailServer(OnAServer):
    def _door(self):
        relay = Relay(host="127.0.0.1", port=self._server.port, tls="none", seconds=20)
        return SmtpChannel("email", relay, Letterhead(address=SENDER), clock=now)

    def arrived(self, keys):
        found = self._server.by_id()
        ids = {key: message_id(key, SENDER) for key in keys}
        return {key: found[ids[key]] for key in keys if ids[key] in found}


class AHook(OnAServer):
    def _door(self):
        place = place_of(self._server.url, private=True, seconds=20)
        signing = Signing(keys=KEYS, clock=now)
        return WebhookChannel("sms", place, signing, once=self._server.once)

    def arrived(self, keys):
        assert self._server.bad == []
        found = self._server.by_key
        return {key: found[key] for key in keys if key in found}


def now():
    return datetime.now(UTC)


class TestFile(ChannelContract):
    @pytest.fixture(params=["plain", "bouncing"])
    def place(self, request, tmp_path):
        return AFile(tmp_path / "out", bouncing=request.param == "bouncing")


class TestMemory(ChannelContract):
    @pytest.fixture(params=["once", "not once"])
    def place(self, request, outboxes):
        return Memory(outboxes.Outbox(once=request.param == "once"))


class TestSmtp(ChannelContract):
    @pytest.fixture(params=["one by one", "pipelined"])
    def place(self, request, relays):
        def plan(to, nth):
            return "550 5.1.1 <gone@example.com> nobody" if to == AMailServer.gone else "take"

        pipelining = request.param == "pipelined"
        with (
            relays.Relay(plan, pipelining=pipelining) as server,
            closing(AMailServer(server)) as place,
        ):
            yield place


class TestWebhook(ChannelContract):
    @pytest.fixture(params=["once", "not once"])
    def place(self, request, hooked):
        def plan(document, nth):
            return 410 if document["to"] == AHook.gone else 200

        once = request.param == "once"
        with (
            hooked.Receiver(KEYS, plan, once=once) as server,
            closing(AHook(server)) as place,
        ):
            yield place


class TestAgentFolder(ChannelContract):
    """Tasks for agents, as CSV files."""

    @pytest.fixture
    def place(self, tmp_path):
        return AnAgentFolder(tmp_path / "desk")


class Broken:
    """A channel in memory that breaks one promise: what the contract is there to find."""

    name, harmless = "broken", True

    def __init__(self, took, fault):
        self._took, self._fault = took, fault
        self.once = True

    def accepted(self, keys):
        if self._fault == "claims what it did not take":
            return frozenset(keys)
        return frozenset(keys) & self._took.keys()

    def send(self, batch):
        for each in batch:
            known = self._took[each.key] and self._fault != "takes a key twice"
            self._took[each.key] += not known
        if self._fault == "calls sent what it lost":
            self._took.clear()
        answers = [Sent(key=each.key, state="sent") for each in batch]
        return answers[:-1] if self._fault == "leaves one without an answer" else answers

    def lacks(self, needs):
        return None if self._fault == "says None" else ""

    def reach(self):
        self._took["l/e/1"] += self._fault == "sends when it is asked whether it answers"
        return "here"

    def close(self):
        if self._fault == "forgets when it is closed":
            self._took.clear()


class BrokenPlace:
    remembers, gone = True, None

    def __init__(self, fault):
        self._took, self._fault = Counter(), fault

    def open(self):
        return Broken(self._took, self._fault)

    def arrived(self, keys):
        return {key: self._took[key] for key in keys if self._took[key]}


FAULTS = (
    "claims what it did not take",
    "takes a key twice",
    "calls sent what it lost",
    "leaves one without an answer",
    "says None",
    "sends when it is asked whether it answers",
    "forgets when it is closed",
)


def _failed(fault):
    """The tests of the contract that a channel with this fault fails."""
    failed = []
    for name in (each for each in dir(ChannelContract) if each.startswith("test_")):
        try:
            getattr(ChannelContract(), name)(BrokenPlace(fault))
        except AssertionError:
            failed.append(name)
    return failed


def test_one_that_keeps_its_promises_passes():
    assert _failed("none") == []


@pytest.mark.parametrize("fault", FAULTS)
def test_the_contract_finds_a_broken_promise(fault):
    assert _failed(fault)
