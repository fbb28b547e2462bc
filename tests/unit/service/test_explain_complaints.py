"""A life with complaints: what was complained of, what opened an incident, and what reopened it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from apologylab.record.facts import KINDS, Contact, Fault, Goodwill, Incident, Resolution
from apologylab.record.later_facts import (
    AgentAnswer,
    Approval,
    Bounce,
    Choice,
    Commitment,
    CommitmentEnded,
    Complaint,
    SameIncident,
    SurveyDraw,
    Visit,
)
from apologylab.service.explain import explain
from apologylab.service.telling_later import tell
from apologylab.service.traces import traces

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
C1 = {"customer": "c1"}
UNIT = {"assignment": "late/i1", "experiment": "late", "customer": "c1", "occurred_at": NOW}


def life(ledger, *facts):
    with ledger.transaction(recorded_at=NOW) as work:
        work.append(list(facts))
    return explain(ledger, ["c1"], zone=UTC, now=NOW).events


def test_every_kind_about_a_customer_has_words(ledger):
    untold = {
        name
        for name, kind in KINDS.items()
        if kind in traces(ledger, ["c1"]).facts
        and name != "remedy"
        and tell.dispatch(kind) is tell.dispatch(object)
    }
    assert untold == set()


def test_what_comes_after_is_told_in_words(ledger):
    told = life(
        ledger,
        Complaint(key="k", occurred_at=NOW, kind="waiting", incident="i1", department="courier",
                  asked_for="to_be_heard", told=3, escalated=True, lost_minutes=40,
                  lost_amount=1250, currency="EUR", **C1),
        SameIncident(key="ops", occurred_at=NOW, incident="complaint/k", kind="late_ride", **C1),
        Visit(key="v", occurred_at=NOW, place="app", **C1),
        Approval(key="p", released=False, reason="too_much", by="Ann", **UNIT),
        Choice(key="c", chosen="usd5", **UNIT),
        Commitment(key="m", level="call", what="we call back", keeper="desk", until=NOW, **UNIT),
        CommitmentEnded(key="m", kept=False, because="nobody called", **UNIT),
        SurveyDraw(key="s", invited=True, share=0.2, **UNIT),
        AgentAnswer(key="a", agent="agent-7", did="changed", amount=300, currency="EUR",
                    because="in a hurry", **UNIT),
        Bounce(key="b", channel="email", hard=True, because="no such mailbox", **UNIT),
        Goodwill(key="g", occurred_at=NOW, kind="credit", amount=500, currency="EUR", by="Bo",
                 reason="asked_twice", **C1),
    )  # fmt: skip
    assert {each.kind: each.words for each in told} == {
        "complaint": "waiting: about courier, asked for to be heard, told 3 times, asked for "
        "somebody higher, lost 40 minutes, lost 12.50 EUR",
        "same_incident": "operations recorded the same as ops, late ride",
        "visit": "came by at app",
        "approval": "refused by Ann: too much",
        "choice": "chose usd5",
        "commitment": "promised by 2026-03-02 10:00: we call back; desk keeps it",
        "commitment_ended": "broken: nobody called",
        "survey_draw": "drawn with probability 0.2",
        "agent_answer": "agent-7 changed it, gave 3.00 EUR: in a hurry",
        "bounce": "came back from email for good: no such mailbox",
        "goodwill": "credit, 5.00 EUR, outside the experiment, by Bo: asked twice",
    }
    about = {each.kind for each in told if each.incident == "i1"}
    assert about == {
        "complaint", "approval", "choice", "commitment", "commitment_ended", "survey_draw",
        "agent_answer", "bounce",
    }  # fmt: skip


def contact(key, hours, incident="i1", by=None):
    return Contact(
        key=key, occurred_at=NOW + hours * HOUR, kind="call", incident=incident, by=by, **C1
    )


def resolution(key, hours, incident="i1", resolved=True):
    return Resolution(
        key=key, occurred_at=NOW + hours * HOUR, incident=incident, resolved=resolved, **C1
    )


def test_a_reply_after_the_resolution_reopens_it(ledger):
    told = life(
        ledger,
        Incident(key="complaint/k", occurred_at=NOW, kind="waiting", **C1),
        SameIncident(key="ops", occurred_at=NOW, incident="complaint/k", kind="late", **C1),
        Fault(key="f", occurred_at=NOW, incident="ops", by="company"),
        contact("before", 1, "complaint/k"), resolution("r", 2, "ops"),
        contact("ours", 3, "ops", by="company"), contact("theirs", 4, "complaint/k"),
        Complaint(key="k2", occurred_at=NOW + 5 * HOUR, kind="waiting", incident="ops", **C1),
        contact("other", 6, "i1"), resolution("open", 7, "ops", resolved=False),
        contact("still open", 8, "ops"),
    )  # fmt: skip
    words = {each.key: each.words for each in told}
    reopened = {key for key, said in words.items() if said.endswith("is open again")}
    assert reopened == {"theirs", "k2"}
    assert words["theirs"] == "call; it was resolved, and is open again"
    assert words["ours"] == "call, by us"
    assert words["f"] == "of company"
