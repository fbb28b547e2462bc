"""One small experiment for tests of the loop: declared, with messages, and incidents for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from apologylab.catalogue.locales import languages
from apologylab.record.facts import Incident
from apologylab.service.assign import assign
from apologylab.service.running import load
from apologylab.service.start import start
from apologylab.wire.declaration import read

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NAME = "late_ride"
DECLARATION = """
name = "late_ride"
question = "What wins riders back?"
owner = "riders"
[incident]
kind = "late_ride"
severity = { field = "minutes_late", at_least = 10 }
[repeats]
next_incident = "sticky"
text = "vary"
max_apologies = { count = 3, days = 30 }
[factors]
wording = ["none", "sorry"]
coupon = ["none", "usd5"]
timing = ["1h"]
[compensation.usd5]
kind = "coupon"
value = "5.00 USD"
expires_days = 14
[budget]
total = "5000.00 USD"
[otherwise]
INELIGIBLE = "today"
CLOSED = "today"
FALLBACK = "today"
[never]
incidents = ["injury"]
[delivery]
hold_seconds = 60
[messages]
order = ["wording", "coupon"]
locales = ["en", "lt"]
placeholders = ["first_name", "minutes_late"]
[[outcomes]]
name = "spend"
fact = "order"
measure = "sum(list_amount)"
window_days = 28
role = "primary"
[decision]
ship_if = "lower(value_vs_reference) > 0"
margin = 0.2
open_liability = "face"
message_cost = "0.01 USD"
"""
HELLO = "{% if first_name %}{{ first_name }}, {% endif %}"
FRAGMENTS = {
    ("wording", "sorry", "en"): HELLO + "sorry: {{ minutes_late }} minutes late.",
    ("wording", "sorry.2", "en"): HELLO + "sorry again: {{ minutes_late }} minutes late.",
    ("wording", "sorry", "lt"): HELLO + "atsiprašome: vėlavome {{ minutes_late }} min.",
    ("wording", "sorry.2", "lt"): HELLO + "vėl atsiprašome: vėlavome {{ minutes_late }} min.",
    ("coupon", "usd5", "en"): "Here are 5 dollars.",
    ("coupon", "usd5.2", "en"): "Here are 5 dollars more.",
    ("coupon", "usd5", "lt"): "Štai 5 doleriai.",
    ("coupon", "usd5.2", "lt"): "Štai dar 5 doleriai.",
}


@dataclass
class Declared:
    """A catalogue of one experiment whose text and messages a test may change."""

    text: str = DECLARATION
    messages: dict = field(default_factory=lambda: dict(FRAGMENTS))
    name: str = NAME

    def change(self, old, new):
        """Edit the declaration; the old text must be there."""
        assert old in self.text
        self.text = self.text.replace(old, new)
        return self

    def names(self):
        return (self.name,)

    def source(self, name):
        assert name == self.name
        return self.text

    def experiment(self, name):
        return read(self.source(name), where=name)

    def read(self, source):
        return read(source, where=NAME)

    def fragments(self, experiment):
        del experiment
        return self.messages

    def languages(self, locales):
        return languages(locales)


def at_once():
    """The experiment with remedies that are due when they are drawn."""
    declared = Declared().change('timing = ["1h"]', 'timing = ["0s"]')
    return declared.change("hold_seconds = 60", "hold_seconds = 0")


def write(project, declared):
    """Write the declaration and its messages where a project keeps its experiments."""
    folder = project / "experiments" / NAME
    for (factor, level, locale), text in declared.messages.items():
        file = folder / "messages" / factor / f"{level}.{locale}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "experiment.toml").write_text(declared.text)


def begin(ledger, declared=None, *, now=START):
    """Start the experiment on ``ledger`` and load it."""
    declared = declared or Declared()
    start(ledger, declared, NAME, now=now)
    return load(ledger, declared.experiment(NAME))


def incident(number=0, customer=None, *, key=None, at=START, kind="late_ride", **fields):
    """Incident number ``number``, of a customer of its own unless said otherwise."""
    return Incident(
        key=key or f"i{number}",
        occurred_at=at,
        customer=customer or f"c{number}",
        kind=kind,
        fields={"minutes_late": 12, **fields},
    )


def ask(ledger, running, *incidents, now=START):
    """The stored answers to ``incidents``, asked in one batch."""
    return [each.assignment for each in assign(ledger, running, incidents, now=now)]


def customer_in(running, arm, *, without=()):
    """A customer whom the hash puts into ``arm``."""
    for number in range(10_000):
        customer = f"d{number}"
        proposal = running.assigner.propose(customer, {"kind": "late_ride", "minutes_late": 12})
        if proposal.arm == arm and customer not in without:
            return customer
    raise AssertionError(arm)
