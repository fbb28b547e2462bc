"""Money of every kind is neither lost nor created between its reservation and its ends.

A machine of random events drives real use cases on a real ledger: draws and retries, channels that
fail, doubt or take, approvals, choices (early, late, repeated, contradicting), uses, revocations,
customers who are forgotten, and time. After each step every budget must hold what the facts say,
added up here from the stored rows alone.
"""

import json
from collections import Counter, defaultdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from apologylab.errors import NotFoundError, StateError
from apologylab.record.facts import Delivery, Liability, Redemption, Remedy
from apologylab.record.later_facts import Choice
from apologylab.service.approving import Decided, awaiting_approval, decide_on
from apologylab.service.choose import choose
from apologylab.service.dispatch import Worker, dispatch_once
from apologylab.service.forget import forget
from apologylab.service.liabilities import settle_liabilities
from apologylab.service.ports import LedgerIdentity
from apologylab.service.revoking import Recall, revoke
from apologylab.service.soundness import conditional, look
from apologylab.storage import sqlite
from apologylab.storage.memory import MemoryLedger
from apologylab.warehouse.soundness.ledger_rules import LedgerRules
from apologylab.wire.declaration import read

IDENTITY = LedgerIdentity(id="l1", environment="test", simulated=True, secret="s")
GIFTS = """
[compensation.local]
kind = "coupon"
by_market = { US = "5.00 USD", DE = "4.50 EUR" }
expires_days = 20
[compensation.back]
kind = "refund"
share = 0.5
of = "fare"
by_market = { US = "9.00 USD", DE = "9.00 EUR" }
[compensation.gift]
kind = "charity"
by_market = { US = "3.00 USD", DE = "3.00 EUR" }
cost_share = 0.5
[compensation.pick]
kind = "choice"
menu = ["local", "back", "gift"]
expires_days = 10
unchosen = "gift"
[compensation.else]
kind = "choice"
menu = ["gift", "back"]
expires_days = 10
[markets]
field = "country"
rates = { EUR = 1.085 }
"""
TOTAL = 110_00
STATES = ("reserved", "committed", "chosen", "redeemed")
CUSTOMERS = st.integers(0, 17)


def declared(loop):
    """The loop's experiment with gifts of all kinds, in two currencies, on a tight budget."""
    found = loop.Declared()
    i = found.text.index("[compensation.usd5]")
    j = found.text.index("[budget]")
    found.text = found.text[:i] + GIFTS.lstrip() + found.text[j:]
    found.change('coupon = ["none", "usd5"]', 'coupon = ["none", "local", "back", "pick", "else"]')
    found.change('total = "5000.00 USD"', 'total = "110.00 USD"\napprove_above = "8.00 USD"')
    found.change('locales = ["en", "lt"]', 'locales = ["en"]')
    found.change('"first_name", "minutes_late"]', '"first_name", "minutes_late", "given"]')
    said = {
        ("coupon", level, "en"): f"For {level} have {{{{ given }}}}."
        for level in ("local", "back", "pick", "else")
    }
    again = {(f, f"{level}.2", x): f"Again: {text}" for (f, level, x), text in said.items()}
    kept = {key: text for key, text in found.messages.items() if key[::2] == ("wording", "en")}
    found.messages = {**kept, **said, **again}
    return found


_PEOPLE = {}


def people(loop, running):
    """Two customers of each arm that gives something, and one whom nothing is given."""
    if not _PEOPLE:
        for arm in running.gives:
            for _ in range(2 if running.gives[arm] else 1):
                _PEOPLE[loop.customer_in(running, arm, without=tuple(_PEOPLE))] = arm
    return list(_PEOPLE)


class Money(RuleBasedStateMachine):
    """See the module; subclasses say on which ledger."""

    loop = None
    outboxes = None

    def __init__(self):
        super().__init__()
        self.folder = TemporaryDirectory()
        self.ledger = self.made()
        self.declared = declared(self.loop)
        self.running = self.loop.begin(self.ledger, self.declared)
        self.now = self.loop.START
        self.n = 0
        self.customers = people(self.loop, self.running)

    def made(self):
        return MemoryLedger(IDENTITY)

    def liabilities(self):
        return list(self.ledger.read(Liability))

    def assignments(self):
        """All that was given to, those with a menu first."""
        found = {each.assignment: each.arm for each in self.liabilities()}
        return sorted(found, key=lambda key: ("pick" not in found[key], key))

    def append(self, fact):
        with self.ledger.transaction(recorded_at=self.now) as work:
            return work.append([fact])

    @initialize(
        fares=st.lists(st.sampled_from([3, 1_000, 1_999, 50_000]), min_size=18, max_size=18),
        sent=st.booleans(),
    )
    def begin(self, fares, sent):
        for number, fare in enumerate(fares):
            self.ask(number, "DE" if number % 3 else "US", fare, again=False)
        self.now += timedelta(hours=1)
        if sent:
            self.dispatch("sent")

    @rule(
        customer=CUSTOMERS,
        country=st.sampled_from(["US", "DE", "FR"]),
        fare=st.sampled_from([3, 1_000, 1_999, 50_000, None, -5]),
        again=st.booleans(),
    )
    def ask(self, customer, country, fare, again):
        self.n += 1
        fields = {"country": country} | ({} if fare is None else {"fare": fare})
        asked = [self.loop.incident(self.n, self.customers[customer], at=self.now, **fields)] * (
            1 + again
        )
        answers = [self.loop.ask(self.ledger, self.running, each, now=self.now) for each in asked]
        ((first,), *_) = answers
        assert all(each == [first] for each in answers)
        if country == "FR" or fare in (None, -5):
            assert first.reason != "RANDOMISED"

    @rule(mood=st.sampled_from(["sent", "failed", "later", "hangs up", "loses", "breaks after"]))
    def dispatch(self, mood):
        worker = Worker(holder=f"w{self.now}", clock=lambda: self.now, chance=lambda: 0.5)
        outbox = self.outboxes.Outbox(mood=[mood] * 3, remembers=mood != "loses")
        dispatch_once(self.ledger, outbox, self.running, worker)

    @rule(data=st.data(), released=st.booleans())
    def decide(self, data, released):
        waits = awaiting_approval(self.ledger, self.running).remedies
        if waits:
            key = data.draw(st.sampled_from([each.key for each in waits]))
            reason = "agreed" if released else "too_much"
            decided = Decided(released=released, keys=(key,), reason=reason, by="ana")
            for _ in range(2):
                decide_on(self.ledger, self.running, decided, now=self.now)

    @precondition(lambda self: self.liabilities())
    @rule(data=st.data(), chosen=st.sampled_from(["local", "back", "gift", "pick"]))
    def choose(self, data, chosen):
        key = data.draw(st.sampled_from(self.assignments()))
        try:
            choose(self.ledger, key, chosen, at=self.now, now=self.now)
        except StateError:
            return
        choose(self.ledger, key, chosen, at=self.now, now=self.now)

    @precondition(lambda self: self.liabilities())
    @rule(data=st.data(), chosen=st.sampled_from(["local", "back", "gift"]), back=st.integers(0, 5))
    def record_choice(self, data, chosen, back):
        key = data.draw(st.sampled_from(self.assignments()))
        customer = next(each.customer for each in self.liabilities() if each.assignment == key)
        self.n += 1
        self.append(
            Choice(
                key=f"choice-{self.n % 7}",
                occurred_at=self.now - timedelta(days=back),
                assignment=key,
                experiment=self.loop.NAME,
                customer=customer,
                chosen=chosen,
            )
        )

    @precondition(lambda self: self.liabilities())
    @rule(data=st.data(), named=st.booleans(), twice=st.booleans())
    def use(self, data, named, twice):
        of = data.draw(st.sampled_from(self.liabilities()))
        for _ in range(1 + twice):
            self.n += 1
            self.append(
                Redemption(
                    key=f"use-{self.n}",
                    occurred_at=self.now,
                    customer=of.customer,
                    compensation="local",
                    amount=of.amount,
                    cost_amount=of.amount,
                    currency=of.currency,
                    assignment=of.assignment if named else None,
                )
            )

    @precondition(lambda self: self.liabilities())
    @rule(data=st.data())
    def take_back(self, data):
        key = data.draw(st.sampled_from(self.assignments()))
        asked = Recall(experiment=self.loop.NAME, because="test", keys=(key,))
        revoke(self.ledger, asked, now=self.now)

    @rule(customer=CUSTOMERS)
    def forget(self, customer):
        if customer % 5 == 0:
            try:
                forget(
                    self.ledger, [self.customers[customer]], because="asked", by="ana", now=self.now
                )
            except NotFoundError:
                return

    @rule(hours=st.sampled_from([1, 2, 24, 24 * 11, 24 * 40]))
    def wait(self, hours):
        self.now += timedelta(hours=hours)

    @rule()
    def settle(self):
        settle_liabilities(self.ledger, [self.running], now=self.now)
        again = settle_liabilities(self.ledger, [self.running], now=self.now)
        assert (again.redeemed, again.expired) == (0, 0)

    @invariant()
    def budgets_hold_what_the_facts_say(self):
        lives = defaultdict(list)
        for each in self.liabilities():
            lives[each.assignment].append(each)
        reserved = freed = 0
        held = Counter()
        for steps in lives.values():
            first, last = steps[0], steps[-1]
            stands = (
                last
                if last.state == "chosen"
                else next((each for each in reversed(steps) if each.state == "chosen"), first)
            )
            reserved += charge(first)
            freed += charge(first) - charge(stands)
            for row in first.charged.split():
                held[row] += charge(stands) * (last.state in STATES)
            freed += charge(stands) * (last.state not in STATES)
            assert first.state == "reserved"
            assert len({each.state for each in steps}) == len(steps)
        name = self.loop.NAME
        assert self.ledger.reserved(name) == held[name] == reserved - freed
        assert held[name] <= TOTAL

    @invariant()
    def what_is_given_for_good_costs_once(self):
        ours = Counter(
            each.key for each in self.ledger.read(Redemption) if not each.key.startswith("use-")
        )
        sent = {each.assignment for each in self.ledger.read(Delivery, state="sent")}
        wanted = Counter()
        for each in self.liabilities():
            terms = json.loads(each.terms).get("given", {}) if each.terms else {}
            if each.state == "chosen" or (each.state == "reserved" and each.assignment in sent):
                wanted.update(f"{each.assignment}/{n}" for n in terms if terms[n]["at_once"])
        assert ours == wanted
        assert max(ours.values(), default=1) == 1

    def teardown(self):
        for each in self.ledger.read(Remedy):
            text = self.ledger.text(each.text) if each.text else None
            if text and each.amount and each.arm.startswith("none+"):
                said = f"{each.amount / 100:.2f} {each.currency}"
                assert said in text, (each, text)
        self.ledger.close()
        self.folder.cleanup()


def charge(liability):
    return json.loads(liability.terms)["charge"] if liability.terms else liability.amount


class OnSqlite(Money):
    """The same on a file, and at the end the doctor looks at all of it."""

    def made(self):
        self.file = Path(self.folder.name) / "l.sqlite"
        return sqlite.create(self.file, IDENTITY)

    def teardown(self):
        odd = conditional(self.ledger, partial(read, where="it"))
        rules = LedgerRules(f"sqlite:///{self.file}", conditional=odd, now=self.now)
        self.ledger.close()
        found = look(self.ledger, rules, [self.running], now=self.now)
        wrong = [str(each) for each in found if each.level == "broken"]
        assert wrong == [], wrong
        super().teardown()


def assert_sound(machine, loop, outboxes, **limits):
    machine.loop, machine.outboxes = loop, outboxes
    case = machine.TestCase
    case.settings = settings(deadline=None, derandomize=True, **limits)
    case().runTest()


def test_money_is_conserved_in_memory(loop, outboxes):
    assert_sound(Money, loop, outboxes, max_examples=12, stateful_step_count=40)


def test_money_is_conserved_on_sqlite(loop, outboxes):
    assert_sound(OnSqlite, loop, outboxes, max_examples=2, stateful_step_count=30)


@pytest.mark.slow
def test_money_is_conserved_over_many_orders_of_events(loop, outboxes, counts):
    assert_sound(Money, loop, outboxes, max_examples=counts(50, 1_000), stateful_step_count=60)
    assert_sound(OnSqlite, loop, outboxes, max_examples=counts(4, 60), stateful_step_count=60)
