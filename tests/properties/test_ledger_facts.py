"""Facts never change, and what was read as of a mark is read again (R18).

One random history drives both implementations at once: whatever one answers, so does the other.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from apologylab.record.facts import Incident, Order, SurveyAnswer
from apologylab.service.ports import Charge, LedgerIdentity
from apologylab.storage import sqlite
from apologylab.storage.memory import MemoryLedger

START = datetime(2026, 1, 1, tzinfo=UTC)
IDENTITY = LedgerIdentity(id="ledger-1", environment="test", simulated=True)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5
)
KEYS = st.sampled_from(["a", "b", "c", "ž", "Z", "🙈", "'", "a ", "ａ"])
TIMES = st.integers(-120, 120).map(lambda minutes: START + timedelta(minutes=minutes))
ORDERS = st.builds(
    Order,
    key=KEYS,
    occurred_at=TIMES,
    customer=KEYS,
    list_amount=st.integers(-(2**63), 2**63 - 1),
    paid_amount=st.integers(0, 2),
    currency=st.just("EUR"),
    our_coupon=st.booleans(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
INCIDENTS = st.builds(
    Incident,
    key=KEYS,
    occurred_at=TIMES,
    customer=TEXTS,
    kind=TEXTS,
    cause=st.none() | TEXTS,
    fields=st.dictionaries(TEXTS, JSON, max_size=2),
)
ANSWERS = st.builds(
    SurveyAnswer,
    key=KEYS,
    occurred_at=TIMES,
    customer=KEYS,
    question=TEXTS,
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
KINDS = (Order, Incident, SurveyAnswer)


class Histories(RuleBasedStateMachine):
    """Appends, failures, marks and reservations in any order, the clock going either way."""

    def __init__(self, database=None):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "ledger.sqlite"
        self.ledgers = (MemoryLedger(IDENTITY), database or sqlite.create(path, IDENTITY))
        self.first = {}
        self.as_of = {}

    def teardown(self):
        self.ledgers[1].close()
        self.folder.cleanup()

    def both(self, ask):
        memory, database = (ask(ledger) for ledger in self.ledgers)
        assert memory == database
        return memory

    def marks(self, at):
        """Of each ledger; their numbers differ, what they stand for does not."""
        return tuple(ledger.mark(at) for ledger in self.ledgers)

    def read(self, kind, marks):
        memory, database = (
            list(ledger.read(kind, mark=mark))
            for ledger, mark in zip(self.ledgers, marks, strict=True)
        )
        assert memory == database
        return memory

    @rule(facts=st.lists(ORDERS | INCIDENTS | ANSWERS, max_size=6), at=TIMES)
    def append(self, facts, at):
        def put(ledger):
            with ledger.transaction(recorded_at=at) as transaction:
                return transaction.append(facts)

        done = self.both(put)
        assert done.new + done.same + len(done.contradicting) == len(facts)
        for fact in facts:
            self.first.setdefault((type(fact), fact.key), fact)

    @rule(facts=st.lists(ORDERS, min_size=1, max_size=3), at=TIMES)
    def fail(self, facts, at):
        for ledger in self.ledgers:
            try:
                with ledger.transaction(recorded_at=at) as transaction:
                    transaction.append(facts)
                    transaction.charge([Charge(budget="b", amount=1)])
                    raise ZeroDivisionError  # noqa: TRY301 - a use case that fails half-way
            except ZeroDivisionError:
                continue

    @rule(at=TIMES)
    def mark(self, at):
        marks = self.marks(at)
        read = {kind: self.read(kind, marks) for kind in KINDS}
        assert self.as_of.setdefault(at, (marks, read)) == (marks, read)

    @rule(amount=st.integers(0, 5), cap=st.integers(0, 12))
    def reserve(self, amount, cap):
        def ask(ledger):
            with ledger.transaction(recorded_at=START) as transaction:
                room = Charge(budget="b", amount=amount, at_most=cap - amount)
                return transaction.charge([room])

        if self.both(ask):
            assert self.both(lambda ledger: ledger.reserved("b")) <= cap

    @invariant()
    def facts_never_change(self):
        for kind in KINDS:
            stands = {fact.key: fact for fact in self.ledgers[1].read(kind)}
            assert stands == {key: fact for (of, key), fact in self.first.items() if of is kind}

    @invariant()
    def both_hold_the_same(self):
        self.both(lambda ledger: ledger.content_hash())

    @invariant()
    def what_was_read_is_read_again(self):
        for at, (marks, read) in self.as_of.items():
            assert self.marks(at) == marks
            for kind, facts in read.items():
                assert self.read(kind, marks) == facts
        for settled in zip(*(self.as_of[at][0] for at in sorted(self.as_of)), strict=True):
            assert list(settled) == sorted(settled)


Histories.TestCase.settings = settings(max_examples=25, stateful_step_count=12)
TestHistories = Histories.TestCase


def test_histories_on_postgres(postgres_server, postgres_url):
    """The same against a server, whose database each history finds empty."""
    from apologylab.storage.postgres import open_

    begun = []

    def begin():
        postgres_server.empty(postgres_url)
        begun.append(Histories(open_(postgres_url)))
        return begun[-1]

    run_state_machine_as_test(
        begin, settings=settings(max_examples=12, stateful_step_count=10, deadline=None)
    )
    assert len(begun) >= 10
    assert max(len(each.first) for each in begun) > 3, "the histories hold next to nothing"
