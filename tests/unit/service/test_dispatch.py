from collections import Counter

import pytest

from apologylab.errors import LedgerOtherError, StateError
from apologylab.record.facts import (
    Contact,
    CustomerSnapshot,
    Delivery,
    FallbackReport,
    Forgotten,
    Goodwill,
    Liability,
    Merged,
    Resolution,
)
from apologylab.service.dispatch import Worker
from apologylab.service.dispatch import dispatch_once as dispatch


def dispatch_once(ledger, channel, running, *, now, batch=5_000, **more):
    """As one worker whose clock stands at ``now``."""
    worker = Worker(holder="w", clock=lambda: now, chance=lambda: 0.5, batch=batch)
    return dispatch(ledger, channel, running, worker, **more)


def _in_each_arm(ledger, loop, running):
    """One customer an arm, assigned: arm -> the answer."""
    arms = list(running.gives)
    customers = {arm: loop.customer_in(running, arm) for arm in arms}
    incidents = [loop.incident(i, customers[arm]) for i, arm in enumerate(arms)]
    return dict(zip(arms, loop.ask(ledger, running, *incidents), strict=True))


def test_what_is_due_is_settled_once_in_every_arm(ledger, loop, outboxes):
    running = loop.begin(ledger)
    given = _in_each_arm(ledger, loop, running)
    outbox = outboxes.Outbox()
    early = dispatch_once(ledger, outbox, running, now=loop.START + loop.HOUR / 2)
    done = dispatch_once(ledger, outbox, running, now=loop.START + loop.HOUR)
    again = dispatch_once(ledger, outbox, running, now=loop.START + 9 * loop.HOUR)
    assert (early.settled, done.settled, again.settled) == (0, 4, 0)
    assert done.states == {"sent": 3, "would_send": 1}
    assert {each.key for each in ledger.read(Delivery)} == {each.key for each in given.values()}
    both = outbox.sent[f"ledger-1/{given['sorry+usd5@1h'].key}"]
    assert both.text == "sorry: 12 minutes late.\n\nHere are 5 dollars."
    assert (both.compensation, both.amount, both.currency) == ("usd5", 500, "USD")
    states = Counter(each.state for each in ledger.read(Liability))
    assert states == {"reserved": 2, "committed": 2}
    assert ledger.reserved(loop.NAME) == 1000


def _facts_after(loop, answer):
    """Everything that may have happened meanwhile: what to tell the ledger -> the reason."""
    at, customer, incident = loop.START + loop.HOUR / 2, answer.customer, answer.incident
    name = {"key": answer.key, "occurred_at": at}
    return {
        "refunded": Goodwill(**name, customer=customer, kind="credit", amount=1, currency="USD",
                             incident=incident),
        "refunded ": Resolution(**name, customer=customer, incident=incident, resolved=True,
                                took="full refund"),
        "contacted": Contact(**name, customer=customer, kind="call", incident=incident),
        "opted_out": CustomerSnapshot(**name, customer=customer, consent="none"),
        "forgotten": Forgotten(**name, customer=customer, because="asked"),
        "fallback_given": FallbackReport(**name, experiment=loop.NAME, unit=customer,
                                         customer=customer, incident=incident, proposed="",
                                         given="today"),
    }  # fmt: skip


REASONS = ["refunded", "refunded ", "contacted", "opted_out", "forgotten", "fallback_given"]


@pytest.mark.parametrize("reason", REASONS)
def test_the_look_at_due_time_is_the_same_for_every_arm(ledger, loop, reason, outboxes):
    consent = '[eligibility]\nconsent = "service"\n[repeats]'
    running = loop.begin(ledger, loop.Declared().change("[repeats]", consent))
    arms = list(running.gives)
    customers = []
    for number in range(200):
        answer = loop.ask(ledger, running, loop.incident(number, consent="service"))[0]
        if answer.arm in arms:
            arms.remove(answer.arm)
            customers.append(answer)
        if not arms:
            break
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([_facts_after(loop, each)[reason] for each in customers])
    outbox = outboxes.Outbox()
    dispatch_once(ledger, outbox, running, now=loop.START + loop.HOUR)
    settled = {each.key: each for each in ledger.read(Delivery)}
    for answer in customers:
        expected = "would_suppress" if answer.arm == "silence" else "suppressed"
        assert (settled[answer.key].state, settled[answer.key].because) == (
            expected, reason.strip(),
        )  # fmt: skip
        assert f"ledger-1/{answer.key}" not in outbox.sent


@pytest.mark.parametrize("chain", [[("new", "old")], [("old", "b"), ("new", "b")],
                                   [("b", "c"), ("old", "b"), ("c", "new")]])  # fmt: skip
@pytest.mark.parametrize("why", ["forgotten", "opted_out"])
def test_what_is_known_of_another_id_of_a_person_counts(ledger, loop, outboxes, chain, why):
    consent = '[eligibility]\nconsent = "service"\n[repeats]'
    running = loop.begin(ledger, loop.Declared().change("[repeats]", consent))
    asked = loop.ask(ledger, running, *(loop.incident(i, consent="service") for i in range(9)))
    old = next(each.customer for each in asked if each.arm != "silence")
    named = {"old": old, "new": "n", "b": "b", "c": "c"}
    same = [
        Merged(key=f"m{n}", occurred_at=loop.START, customer=named[one], into=named[into])
        for n, (one, into) in enumerate(chain)
    ]
    name = {"key": "f", "occurred_at": loop.START, "customer": "n"}
    told = Forgotten(**name, because="asked")
    if why == "opted_out":
        told = CustomerSnapshot(**name, consent="none")
    before = CustomerSnapshot(key="s", occurred_at=loop.START - loop.DAY, customer=old,
                              consent="service")  # fmt: skip
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([before, *same, told])
    done = dispatch_once(ledger, outboxes.Outbox(), running, now=loop.START + loop.HOUR)
    assert (done.states["suppressed"], done.settled, done.reasons) == (1, 9, {why: 1})


def test_what_did_not_leave_is_given_back_to_the_budget(ledger, loop, outboxes):
    running = loop.begin(ledger)
    given = _in_each_arm(ledger, loop, running)
    fails = frozenset({given["sorry+usd5@1h"].customer})
    done = dispatch_once(ledger, outboxes.Outbox(fails=fails), running, now=loop.START + loop.HOUR)
    assert done.reasons == {"bounced": 1}
    assert ledger.reserved(loop.NAME) == 500
    states = {each.key: each.state for each in ledger.read(Liability)}
    assert states[f"{given['sorry+usd5@1h'].key}/released"] == "released"
    assert states[f"{given['none+usd5@1h'].key}/committed"] == "committed"


def test_small_batches_settle_the_same(ledger, loop, outboxes):
    running = loop.begin(ledger)
    loop.ask(ledger, running, *(loop.incident(i) for i in range(50)))
    seen = []
    done = dispatch_once(
        ledger,
        outboxes.Outbox(),
        running,
        now=loop.START + loop.HOUR,
        progress=seen.append,
        batch=7,
    )
    assert done.settled == 50
    assert seen == [7] * 7 + [1]


def test_a_forgotten_text_is_not_sent_as_nothing(ledger, loop, outboxes):
    running = loop.begin(ledger)
    _in_each_arm(ledger, loop, running)
    ledger.texts.clear()
    done = dispatch_once(ledger, outboxes.Outbox(), running, now=loop.START + loop.HOUR)
    assert done.states == {"failed": 3, "would_send": 1}
    assert done.reasons == {"its text was deleted": 3}
    assert ledger.reserved(loop.NAME) == 0


def test_the_callers_experiment_is_never_sent_by_us(ledger, loop, outboxes):
    declared = loop.Declared().change("hold_seconds = 60", 'by = "caller"')
    running = loop.begin(ledger, declared)
    with pytest.raises(StateError, match="delivered by its caller"):
        dispatch_once(ledger, outboxes.Outbox(), running, now=loop.START)


def test_a_simulated_ledger_reaches_nobody(ledger, loop, outboxes):
    running = loop.begin(ledger)
    with pytest.raises(LedgerOtherError, match="simulated"):
        dispatch_once(ledger, outboxes.Outbox(name="smtp", harmless=False), running, now=loop.START)
