"""What the simulated company runs: two experiments that share customers, in several variants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from apologylab.catalogue.locales import languages
from apologylab.record.facts import PhaseBegan, Started
from apologylab.service.ports import LedgerIdentity
from apologylab.service.running import load
from apologylab.service.start import start
from apologylab.storage.memory import MemoryLedger
from apologylab.wire.declaration import read
from simulator.outside import START

IDENTITY = LedgerIdentity(id="simulated", environment="test", simulated=True)
NAMES = ("late", "cold")
DECLARATION = """
name = "{name}"
version = {version}
question = "What wins customers back?"
owner = "faults"
unit = "{unit}"
[incident]
kind = "{name}"
[eligibility]
{eligibility}
[repeats]
{repeats}
[factors]
wording = ["none", "sorry"]
coupon = ["none", "usd5"]
timing = [{timing}]{moments}
[allocation]
{allocation}
[compensation.usd5]
kind = "coupon"
value = "5.00 USD"
expires_days = 14
[budget]
{budget}
[otherwise]
INELIGIBLE = "today"
CLOSED = "today"
FALLBACK = "today"
[delivery]
by = "{by}"
hold_seconds = 60
attempts = {attempts}
backoff_seconds = 30
[messages]
order = ["wording", "coupon"]
locales = ["en"]
placeholders = ["first_name"]
[[outcomes]]
name = "spend"
fact = "order"
measure = "sum(list_amount)"
window_days = 28
role = "primary"
[decision]
ship_if = "lower(value_vs_reference) > 0"
margin = 0.2
message_cost = "0.01 USD"
open_liability = "face"
"""
FRAGMENTS = {
    ("wording", "sorry", "en"): "{% if first_name %}{{ first_name }}, {% endif %}sorry.",
    ("coupon", "usd5", "en"): "Here are 5 dollars.",
}
PLAIN = {
    "unit": "customer",
    "eligibility": 'consent = "service"\nexclude = ["already_refunded"]',
    "repeats": 'next_incident = "sticky"\ntext = "same"',
    "timing": '"0s", "1h"',
    "moments": "",
    "allocation": "",
    "budget": 'total = "30.00 USD"',
    "by": "apologylab",
    "attempts": 2,
}
PHASES = "[[allocation.phases]]\nentry = 0.7"
VARIANTS = {
    "sticky": {"attempts": 1},
    "small budget": {"budget": 'total = "10.00 USD"', "attempts": 1},
    "first only": {"repeats": 'next_incident = "first_only"'},
    "few apologies": {
        "repeats": PLAIN["repeats"] + "\nmax_apologies = { count = 2, days = 30 }",
    },
    "cooldown": {"eligibility": "cooldown_days = 30", "repeats": 'next_incident = "first_only"'},
    "per customer": {
        "budget": 'total = "40.00 USD"\nper_customer = { amount = "10.00 USD", days = 30 }'
    },
    "phases": {"allocation": "entry = 0.5\n" + PHASES, "budget": 'total = "30.00 USD"'},
    "caller": {"by": "caller"},
    "caps": {
        "budget": 'total = "500.00 USD"\nuses = 7\nper_arm = { "sorry+usd5@0s" = { uses = 2 } }\n'
        'per_period = { amount = "15.00 USD", days = 1 }'
    },
    "plenty": {"budget": 'total = "5000.00 USD"'},
    "ramp": {"allocation": "units_per_day = 2"},
    "blocks": {"allocation": 'scheme = "blocks"\nstrata = ["city"]\nblock_size = 7'},
    "coin": {"allocation": 'scheme = "minimisation"\nstrata = ["city"]\ncoin = 0.8'},
    "clusters": {"unit": "cluster", "allocation": 'cluster = "city"'},
}

WAITING = {
    "visits": {
        "timing": '"0s", "visit"',
        "moments": '\n[timing.visit]\nafter = "next_visit"\nwithin = "4h"',
    }
}
"""Variants that are only run when they are asked for: seeds choose among the others."""


class Catalogue:
    """The declarations of one variant, read once a process."""

    def __init__(self, variant, version=1):
        self._variant, self._version = variant, version

    def names(self):
        return NAMES

    def source(self, name):
        chosen = {**PLAIN, **(VARIANTS | WAITING)[self._variant]}
        return DECLARATION.format(name=name, version=self._version, **chosen)

    def experiment(self, name):
        return _read(self._variant, self._version, name)

    def read(self, source):
        return read(source, where="as started")

    def fragments(self, experiment):
        del experiment
        return FRAGMENTS

    def languages(self, locales):
        return languages(locales)


@cache
def _read(variant, version, name):
    return read(Catalogue(variant, version).source(name), where=name)


@dataclass(frozen=True)
class Company:
    """One variant: its catalogues by version, and all that they declare ready to run."""

    variant: str
    catalogues: dict
    versions: dict
    started: tuple
    "The facts that starting the first versions leaves."

    @property
    def running(self):
        """The first version of each experiment."""
        return {name: self.versions[name, 1] for name in NAMES}


@cache
def company(variant):
    catalogues = {version: Catalogue(variant, version) for version in (1, 2)}
    versions, started = {}, ()
    scratch = MemoryLedger(IDENTITY)
    for version, catalogue in catalogues.items():
        for name in NAMES:
            start(scratch, catalogue, name, now=START)
            versions[name, version] = load(scratch, catalogue.experiment(name))
        started = started or tuple(
            fact for kind in (Started, PhaseBegan) for fact in scratch.read(kind)
        )
    return Company(variant, catalogues, versions, started)
