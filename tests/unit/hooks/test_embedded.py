import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from apologylab.errors import LedgerError, LedgerOtherError, NotFoundError
from apologylab.hooks import Given, LedgerClient, connect
from apologylab.record.facts import Assignment, Delivery, FallbackReport, Incident, Remedy
from apologylab.service.ports import LedgerIdentity
from apologylab.service.recheck import suppressed
from apologylab.storage.memory import MemoryLedger
from apologylab.storage.sqlite import create

UNHURRIED_S = 20


class Moody(MemoryLedger):
    """A ledger that can be slow, or fail, when a transaction begins."""

    def __init__(self, identity):
        super().__init__(identity)
        self.delay_s, self.error = 0.0, None

    @contextmanager
    def transaction(self, *, recorded_at):
        if self.error:
            raise self.error
        time.sleep(self.delay_s)
        with super().transaction(recorded_at=recorded_at) as work:
            yield work


@pytest.fixture
def moody():
    return Moody(LedgerIdentity(id="ledger-1", environment="test", simulated=True))


def _client(loop, ledger, running, **settings):
    settings = {"timeout_s": UNHURRIED_S, **settings}
    return LedgerClient(ledger, [running], clock=lambda: loop.START, **settings)


def test_an_answer_says_what_to_give_and_when(ledger, loop):
    running = loop.begin(ledger)
    customer = loop.customer_in(running, "sorry+usd5@1h")
    with _client(loop, ledger, running) as client:
        given = client.assign(loop.incident(1, customer, first_name="Jo"))
        again = client.assign(loop.incident(1, customer, first_name="Jo"))
    assert given == again
    assert given == Given(
        arm="sorry+usd5@1h", reason="RANDOMISED", because="drawn, weight 1 in 4",
        experiment="late_ride", version=1, phase=1, propensity=0.25, delay_s=3600,
        due_at=loop.START + loop.HOUR, locale="en",
        text="Jo, sorry: 12 minutes late.\n\nHere are 5 dollars.",
        compensation="usd5", amount=500, currency="USD", channel="file",
    )  # fmt: skip


def test_threads_get_one_answer_for_one_incident(ledger, loop):
    running = loop.begin(ledger)
    with _client(loop, ledger, running) as client, ThreadPoolExecutor(8) as threads:
        incidents = [loop.incident(i % 20) for i in range(200)]
        given = list(threads.map(client.assign, incidents))
    assert given[:20] * 10 == given
    assert ledger.count(Assignment) == 20


def test_a_failing_ledger_means_fallback_and_a_report_at_the_next_contact(moody, loop):
    running = loop.begin(moody)
    client = _client(loop, moody, running)
    customer = loop.customer_in(running, "silence")
    moody.error = LedgerError("disk full")
    given = client.assign(loop.incident(1, customer))
    assert (given.arm, given.reason) == ("today", "FALLBACK")
    assert given.because == "LedgerError: disk full"
    assert client.waiting == 1
    moody.error = None
    other = client.assign(loop.incident(2))
    (report,) = moody.read(FallbackReport)
    assert other.reason == "RANDOMISED"
    assert (report.incident, report.proposed, report.given) == ("i1", "silence", "today")
    assert client.assign(loop.incident(1, customer)).reason == "FALLBACK"
    assert (client.waiting, client.lost) == (0, 0)


def test_a_slow_ledger_stores_no_draw_that_the_caller_did_not_get(moody, loop):
    running = loop.begin(moody)
    client = _client(loop, moody, running, timeout_s=0.02)
    moody.delay_s = 0.3
    given = client.assign(loop.incident(1))
    assert given.reason == "FALLBACK"
    moody.delay_s = 0.0
    client.flush()
    (answer,) = moody.read(Assignment)
    assert answer.reason == "FALLBACK"
    assert moody.count(FallbackReport) == 1


def test_a_draw_that_meets_a_fallback_is_not_sent(ledger, loop):
    running = loop.begin(ledger)
    (drawn,) = loop.ask(ledger, running, loop.incident(1))
    with _client(loop, ledger, running) as client:
        client._fallback(loop.incident(1), "too slow")
    assert list(ledger.read(Assignment)) == [drawn]
    with ledger.transaction(recorded_at=loop.START) as work:
        day = loop.START + loop.DAY
        claimed = work.claim(loop.NAME, holder="w", now=day, until=day + loop.DAY, limit=9)
        due = [each.remedy for each in claimed]
        assert suppressed(work, running, due) == {drawn.key: "fallback_given"}


def test_the_spool_is_bounded_and_what_it_loses_is_counted(moody, loop):
    running = loop.begin(moody)
    client = _client(loop, moody, running, spool=3)
    moody.error = LedgerError("away")
    for number in range(5):
        client.assign(loop.incident(number))
    assert (client.waiting, client.lost) == (3, 2)
    client.flush()
    assert client.waiting == 3
    moody.error = None
    client.close()
    assert [each.incident for each in moody.read(FallbackReport)] == ["i2", "i3", "i4"]


@pytest.mark.parametrize("wrong", [None, 7, "incident"])
def test_nonsense_gets_a_fallback_and_raises_nothing(ledger, loop, wrong):
    with _client(loop, ledger, loop.begin(ledger)) as client:
        assert client.assign(wrong).reason == "FALLBACK"


def test_an_incident_that_cannot_be_heard_is_ineligible(ledger, loop):
    with _client(loop, ledger, loop.begin(ledger)) as client:
        given = client.assign(loop.incident(1, "\0"))
    assert (given.arm, given.reason) == ("today", "INELIGIBLE")
    assert given.because.startswith("the incident cannot be heard")


def test_a_kind_that_nobody_asks_about_is_ineligible(ledger, loop):
    with _client(loop, ledger, loop.begin(ledger)) as client:
        assert client.assign(loop.incident(1, kind="rain")).reason == "INELIGIBLE"
        assert client.assign(loop.incident(2, kind="injury")).because.startswith("never")
    assert ledger.count(Assignment) == 1


def test_a_closed_client_still_raises_nothing(ledger, loop):
    client = _client(loop, ledger, loop.begin(ledger))
    client.close()
    assert client.assign(loop.incident(1)).reason == "FALLBACK"


def test_the_caller_reports_deliveries_through_the_client(ledger, loop):
    declared = loop.Declared().change("hold_seconds = 60", 'by = "caller"')
    running = loop.begin(ledger, declared)
    customer = loop.customer_in(running, "sorry+none@1h")
    with _client(loop, ledger, running) as client:
        client.assign(loop.incident(1, customer))
        client.report_delivery(loop.NAME, "i1", state="sent")
        client.report_delivery(loop.NAME, "i9", state="sent")
        client.flush()
        assert client.lost == 1
    assert [each.state for each in ledger.read(Delivery)] == ["sent"]


def test_connect_serves_what_was_started(tmp_path, loop):
    file = tmp_path / "l.sqlite"
    ledger = create(file, LedgerIdentity(id="x", environment="test", simulated=False))
    loop.begin(ledger)
    ledger.close()
    with connect(f"sqlite:///{file}", timeout_s=UNHURRIED_S) as client:
        assert client.assign(loop.incident(1)).reason == "RANDOMISED"
    with pytest.raises(NotFoundError):
        connect(f"sqlite:///{file}", experiments=["other"])
    with pytest.raises(NotFoundError, match="no ledger"):
        connect(f"sqlite:///{tmp_path}/none.sqlite")


@pytest.mark.parametrize("simulated", [True, False])
def test_connect_refuses_a_world_for_a_company_and_the_reverse(tmp_path, loop, simulated):
    file = tmp_path / "l.sqlite"
    ledger = create(file, LedgerIdentity(id="x", environment="test", simulated=simulated))
    loop.begin(ledger)
    ledger.close()
    with pytest.raises(LedgerOtherError, match="simulated"):
        connect(f"sqlite:///{file}", simulated=not simulated)
    connect(f"sqlite:///{file}", simulated=simulated).close()


def test_a_closed_client_may_be_closed_again_and_answers_with_the_fallback(ledger, loop):
    with _client(loop, ledger, loop.begin(ledger)) as client:
        client.close()
    client.close()
    given = client.assign(loop.incident(1))
    assert (given.arm, given.reason) == ("today", "FALLBACK")


@pytest.mark.parametrize("first", ["late_ride", "another"])
def test_no_experiment_stores_what_only_another_says(ledger, loop, first):
    """Names and addresses stay out of the fact, whichever experiment is asked first."""
    mails = loop.at_once().change("hold_seconds = 0", 'channel = "email"')
    silent = loop.at_once().change('name = "late_ride"', 'name = "another"')
    silent.change(
        'placeholders = ["first_name", "minutes_late"]', 'placeholders = ["minutes_late"]'
    )
    silent.messages = {
        place: text.replace(loop.HELLO, "") for place, text in silent.messages.items()
    }
    running = {each.name: each for each in (loop.begin(ledger, mails), loop.begin(ledger, silent))}
    both = [running.pop(first), *running.values()]
    told = {"first_name": "Jo", "email": "jo@example.com"}
    with LedgerClient(ledger, both, clock=lambda: loop.START, timeout_s=UNHURRIED_S) as client:
        for number in range(20):
            client.assign(loop.incident(number, **told), experiment=first)
        for number in range(20):
            client.assign(loop.incident(number, **told), experiment=both[1].name)
    assert {each.experiment for each in ledger.read(Assignment)} == {"late_ride", "another"}
    assert [each.fields for each in ledger.read(Incident)] == [{"minutes_late": 12}] * 20
    reached = [each for each in ledger.read(Remedy) if each.address]
    assert {each.experiment for each in reached} == {"late_ride"}
    assert {ledger.text(each.address) for each in reached} == {"jo@example.com"}
