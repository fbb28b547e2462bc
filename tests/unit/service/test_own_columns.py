"""What a text says of the incident itself is the incident's own, whatever its fields say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apologylab.design.experiment import SILENCE
from apologylab.errors import DeclarationError
from apologylab.record.facts import Incident, Remedy
from apologylab.service.assign import assign
from apologylab.wire.declaration import check, read

SAYS = 'placeholders = ["first_name", "minutes_late", "order"]'
ASKED = '[survey]\nshare = 1.0\nquestions = ["heard"]\n[[outcomes]]'


@pytest.fixture
def declared(loop):
    found = loop.Declared().change('placeholders = ["first_name", "minutes_late"]', SAYS)
    for locale in ("en", "lt"):
        for level, word in (("sorry", "Sorry"), ("sorry.2", "Sorry again")):
            found.messages["wording", level, locale] = word + " for order {{ order }}."
        found.messages["survey", "heard", locale] = "Order {{ order }}: did you feel heard?"
    return found


def told(loop, ledger, running, **more):
    customer = loop.customer_in(running, "sorry+none@1h")
    fields = {name: value for name, value in more.items() if name != "own"}
    incident = replace(loop.incident(1, customer, **fields), order=more.get("own"))
    (answer,) = assign(ledger, running, [incident], now=loop.START)
    return answer


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"own": "A-7"}, "Sorry for order A-7."),
        ({"own": "A-7", "order": "B-9"}, "Sorry for order A-7."),
        ({"order": "B-9"}, "Sorry for order B-9."),
    ],
)
def test_the_column_is_said_and_no_field_says_otherwise(ledger, loop, declared, more, text):
    answer = told(loop, ledger, loop.begin(ledger, declared), **more)
    assert answer.text == text
    (stored,) = ledger.read(Incident)
    assert (stored.order, stored.fields) == (more.get("own"), {"minutes_late": 12})


def test_an_incident_without_it_is_kept_out_of_every_arm(ledger, loop, declared):
    stored = told(loop, ledger, loop.begin(ledger, declared)).assignment
    assert (stored.reason, stored.because) == (
        "INELIGIBLE",
        "messages.placeholders: order is missing",
    )


def test_a_survey_says_it_too(ledger, loop, declared):
    """Of silence as well: it is asked what was failed, though nothing was said of it."""
    declared.change("[[outcomes]]", ASKED)
    running = loop.begin(ledger, declared)
    incident = replace(loop.incident(1, loop.customer_in(running, SILENCE)), order="A-7")
    assign(ledger, running, [incident], now=loop.START)
    (asked,) = [each for each in ledger.read(Remedy) if each.experiment.endswith("/survey")]
    assert ledger.text(asked.text) == "Order A-7: did you feel heard?"


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('field = "minutes_late"', 'field = "order"', "incident.severity.field"),
        ('kind = "late_ride"\n', 'kind = "late_ride"\nprice = "order"\n', "incident.price"),
        ('value = "5.00 USD"', 'share = 0.5\nof = "order"\nat_most = "5.00 USD"', "usd5.of"),
        ("", "", ""),
    ],
)
def test_a_rule_must_not_read_a_field_of_that_name(loop, declared, old, new, where):
    text = declared.text.replace(old, new, 1)
    found = [each for each in check(text, where="x") if each.value == "order"]
    if not where:
        assert found == []
        return
    (wrong,) = found
    assert (wrong.path, wrong.severity) == ("messages.placeholders[2]", "error")
    assert f"{where} reads a field of that name" in wrong.what
    assert "order_number" in wrong.do
    with pytest.raises(DeclarationError):
        read(text, where="x")
    unsaid = text.replace(SAYS, 'placeholders = ["first_name", "minutes_late"]')
    assert read(unsaid, where="x").messages.placeholders == ("first_name", "minutes_late")
