"""What the simulated company runs: two experiments that share customers, in several variants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

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
timing = [{timing}]
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
attempts = 2
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
    "allocation": "",
    "budget": 'total = "30.00 USD"',
    "by": "apologylab",
}
PHASES = "[[allocation.phases]]\nentry = 0.7"
VARIANTS = {
    "sticky": {},
    "small budget": {"budget": 'total = "10.00 USD"'},
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
    "ramp": {"allocation": "units_per_day = 2"},
    "blocks": {"allocation": 'scheme = "blocks"\nstrata = ["city"]\nblock_size = 7'},
    "coin": {"allocation": 'scheme = "minimisation"\nstrata = ["city"]\ncoin = 0.8'},
    "clusters": {"unit": "cluster", "allocation": 'cluster = "city"'},
}


class Catalogue:
    """The declarations of one variant, read once a process."""

    def __init__(self, variant):
        self._variant = variant

    def names(self):
        return NAMES

    def source(self, name):
        return DECLARATION.format(name=name, **{**PLAIN, **VARIANTS[self._variant]})

    def experiment(self, name):
        return _read(self._variant, name)

    def fragments(self, experiment):
        del experiment
        return FRAGMENTS


@cache
def _read(variant, name):
    return read(Catalogue(variant).source(name), where=name)


@dataclass(frozen=True)
class Company:
    """One variant: its catalogue, and both experiments ready to run."""

    variant: str
    catalogue: Catalogue
    running: dict
    started: tuple
    "The facts that starting them leaves."


@cache
def company(variant):
    catalogue, scratch = Catalogue(variant), MemoryLedger(IDENTITY)
    for name in NAMES:
        start(scratch, catalogue, name, now=START)
    running = {name: load(scratch, catalogue.experiment(name)) for name in NAMES}
    facts = tuple(fact for kind in (Started, PhaseBegan) for fact in scratch.read(kind))
    return Company(variant, catalogue, running, facts)
