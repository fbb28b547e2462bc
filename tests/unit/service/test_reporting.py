import pytest

from apologylab.errors import InputError, NotFoundError, StateError
from apologylab.record.facts import Assignment, Delivery, FallbackReport, Liability
from apologylab.service.reporting import report_delivery, report_fallback


def _report(ledger, loop, running, incident):
    report_fallback(
        ledger, running, incident, because="too slow", at=loop.START, now=loop.START + loop.HOUR
    )


def test_a_fallback_becomes_the_answer_and_keeps_what_was_proposed(ledger, loop):
    running = loop.begin(ledger)
    customer = loop.customer_in(running, "sorry+none@1h")
    incident = loop.incident(1, customer)
    _report(ledger, loop, running, incident)
    before = ledger.content_hash()
    _report(ledger, loop, running, incident)
    (report,) = ledger.read(FallbackReport)
    (answer,) = loop.ask(ledger, running, incident)
    assert (report.proposed, report.given) == ("sorry+none@1h", "today")
    assert (answer.reason, answer.arm, answer.because) == ("FALLBACK", "today", "too slow")
    assert ledger.content_hash() == before


def test_a_stored_draw_stays_though_a_fallback_was_given(ledger, loop):
    running = loop.begin(ledger)
    (drawn,) = loop.ask(ledger, running, loop.incident(1))
    _report(ledger, loop, running, loop.incident(1))
    assert list(ledger.read(Assignment)) == [drawn]
    assert ledger.count(FallbackReport) == 1


def test_an_incident_that_cannot_be_heard_cannot_be_reported(ledger, loop):
    running = loop.begin(ledger)
    with pytest.raises(InputError, match="cannot be heard"):
        _report(ledger, loop, running, loop.incident(1, "\0"))


def test_a_fallback_under_another_customers_key_is_refused(ledger, loop):
    running = loop.begin(ledger)
    loop.ask(ledger, running, loop.incident(1, "ann"))
    before = ledger.content_hash()
    with pytest.raises(InputError, match="another customer"):
        _report(ledger, loop, running, loop.incident(1, "ben"))
    assert ledger.content_hash() == before


def test_the_caller_reports_its_deliveries(ledger, loop):
    running = loop.begin(ledger, loop.Declared().change("hold_seconds = 60", 'by = "caller"'))
    coupon, silent = (loop.customer_in(running, arm) for arm in ("none+usd5@1h", "silence"))
    loop.ask(ledger, running, loop.incident(1, coupon), loop.incident(2, silent))
    for state in ("sent", "sent"):
        report_delivery(ledger, running, "i1", state=state, now=loop.START)
    report_delivery(ledger, running, "i2", state="would_send", now=loop.START)
    assert [each.state for each in ledger.read(Delivery)] == ["sent", "would_send"]
    assert [each.state for each in ledger.read(Liability)] == ["reserved", "committed"]
    with pytest.raises(InputError, match="cannot be 'sent'"):
        report_delivery(ledger, running, "i2", state="sent", now=loop.START)
    with pytest.raises(NotFoundError, match="has no remedy"):
        report_delivery(ledger, running, "i3", state="sent", now=loop.START)


def test_what_we_deliver_is_not_reported_by_callers(ledger, loop):
    running = loop.begin(ledger)
    with pytest.raises(StateError, match="delivered by apologylab"):
        report_delivery(ledger, running, "i1", state="sent", now=loop.START)
