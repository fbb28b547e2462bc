"""A life is told from its facts, and an agent's sentence says what is theirs and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from apologylab.errors import NotFoundError
from apologylab.record.facts import (
    Assignment,
    Contact,
    Correction,
    CustomerSnapshot,
    Delivery,
    Fault,
    Forgotten,
    Goodwill,
    Incident,
    Liability,
    Merged,
    Order,
    Redemption,
    Remedy,
    Resolution,
    SurveyAnswer,
)  # fmt: skip
from apologylab.service.explain import explain

NOW = datetime(2026, 3, 2, 10, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
DRAWN = (
    "sorry+usd5@1h, drawn by chance with probability 0.25 in late_ride version 1, phase 1; "
    "due 2026-03-02 11:05"
)
MAY_SAY = (
    "About the late ride of 2026-03-02 10:05: We sent you a message with a compensation of "
    "5.00 USD on 2026-03-02 11:05. It can be used. What we offer after such a failure "
    "differs, and chance decided; it says nothing about you."
)


def incident(key="i1", customer="c1", at=NOW, **more):
    return Incident(key=key, occurred_at=at, customer=customer, kind="late_ride", **more)


def drawn(arm="sorry+usd5@1h", incident="i1", customer="c1", reason="RANDOMISED", because=""):
    return Assignment(
        key=f"late_ride/{incident}", occurred_at=NOW, experiment="late_ride", version=1, phase=1,
        unit=customer, customer=customer, incident=incident, arm=arm, reason=reason,
        propensity=0.25, entry=1.0, holdout=0.0, because=because, delay_s=3600,
        due_at=NOW + HOUR, first=True,
    )  # fmt: skip


def remedy(arm="sorry+usd5@1h", text="t1", amount=500, customer="c1"):
    return Remedy(
        key="late_ride/i1", occurred_at=NOW, assignment="late_ride/i1", experiment="late_ride",
        customer=customer, arm=arm, locale="en" if text else None, text=text,
        text_sha256="0" * 64 if text else None, compensation="usd5" if amount else None,
        amount=amount, currency="USD" if amount else None, due_at=NOW + HOUR,
    )  # fmt: skip


def delivered(state="sent", because="", arm="sorry+usd5@1h"):
    return Delivery(
        key="late_ride/i1", occurred_at=NOW + HOUR, assignment="late_ride/i1",
        experiment="late_ride", customer="c1", arm=arm, channel="email", state=state,
        because=because,
    )  # fmt: skip


def owed(*states, days=None):
    """The steps of a compensation that can be used for ``days`` once it is committed."""
    return [
        Liability(
            key=f"late_ride/i1/{state}", occurred_at=NOW + HOUR, assignment="late_ride/i1",
            experiment="late_ride", customer="c1", arm="sorry+usd5@1h", compensation="usd5",
            state=state, amount=500, currency="USD", expires_days=days,
        )
        for state in ("reserved", "committed", *states)
    ]  # fmt: skip


def used(at=NOW + 2 * HOUR, key="r1"):
    return Redemption(
        key=key, occurred_at=at, customer="c1", compensation="usd5", amount=500, cost_amount=300,
        currency="USD",
    )  # fmt: skip


def life(ledger, *facts, customer="c1", text="Ana, sorry.", now=NOW + HOUR):
    with ledger.transaction(recorded_at=NOW) as work:
        work.append(facts)
        if text:
            work.put_text("t1", text)
    return explain(ledger, [customer], zone=UTC, now=now)


def test_a_life_is_in_order_and_says_what_was_said_and_given(ledger):
    told = life(
        ledger, delivered(), *owed(), incident(order="o-1"), drawn(), remedy(),
        Order(key="o-2", occurred_at=NOW + 24 * HOUR, customer="c1", list_amount=2100,
              paid_amount=1600, currency="USD", our_coupon=True, returned_amount=100),
    )  # fmt: skip
    assert [(each.kind, each.words) for each in told.events] == [
        ("incident", "late ride (order o-1)"),
        ("assignment", DRAWN),
        ("remedy", "says (en); gives usd5, 5.00 USD"),
        ("delivery", "sent through email"),
        ("liability", "usd5, 5.00 USD: reserved"),
        ("liability", "usd5, 5.00 USD: committed"),
        ("order", "21.00 USD at list price, 16.00 USD paid, with our coupon, 1.00 USD returned"),
    ]  # fmt: skip
    letters = [each.letter.text for each in told.events if each.letter]
    assert letters == ["Ana, sorry."]
    assert told.may_say == (MAY_SAY,)


def answer(reason, arm, facts):
    return [incident(), drawn(arm, reason=reason), *facts]


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ([incident()], "Our usual help applies to it."),
        (answer("INELIGIBLE", "today", []), "Our usual help applies to it."),
        (answer("CLOSED", "today", []), "Our usual help applies to it."),
        (answer("FALLBACK", "today", []), "Our usual help applies to it."),
        (answer("HOLDOUT", "silence", []), "chance put you among those to whom we send none."),
        (answer("RANDOMISED", "sorry+usd5@1h", [remedy()]), "it has not left yet."),
        (answer("RANDOMISED", "sorry+usd5@1h", [remedy(), delivered("failed", "bounced")]),
         "and it could not be delivered."),
        (answer("RANDOMISED", "sorry+usd5@1h", [remedy(), delivered("in_doubt")]),
         "and cannot tell whether it arrived."),
        (answer("RANDOMISED", "sorry+usd5@1h", [remedy(), delivered("suppressed", "opted_out")]),
         "and did not, because you had asked us not to."),
        (answer("RANDOMISED", "sorry+usd5@1h", [remedy(), delivered("suppressed", "killed")]),
         "We had meant to send you a message with a compensation of 5.00 USD and did not."),
        (answer("RANDOMISED", "silence", [remedy("silence", None, 0)]),
         "No apology was sent automatically."),
        (answer("RANDOMISED", "sorry+none@1h", [remedy(amount=0), delivered()]),
         "We sent you an apology on 2026-03-02 11:05."),
        (answer("RANDOMISED", "none+usd5@1h",
                [remedy(), delivered(), *owed("redeemed")]), "It has been used."),
        (answer("RANDOMISED", "none+usd5@1h", [remedy(), delivered(), *owed(), used()]),
         "It has been used."),
        (answer("RANDOMISED", "none+usd5@1h", [remedy(), delivered(), *owed("revoked")]),
         "It was taken back."),
        (answer("RANDOMISED", "none+usd5@1h", [remedy(), delivered(), *owed(days=14)]),
         "It can be used until 2026-03-16 11:05."),
        (answer("RANDOMISED", "none+usd5@1h", [remedy(), delivered(), *owed("expired", days=14)]),
         "It could be used until 2026-03-16 11:05."),
        ([*answer("RANDOMISED", "silence", [remedy("silence", None, 0)]),
          Goodwill(key="g", occurred_at=NOW, customer="c1", kind="voucher", amount=300,
                   currency="USD", incident="i1")],
         "On 2026-03-02 10:05 we gave you a voucher of 3.00 USD."),
    ],
)  # fmt: skip
def test_what_an_agent_may_say(ledger, facts, says):
    (told,) = life(ledger, *facts).may_say
    assert says in told
    chance = [each for each in facts if isinstance(each, Assignment)][-1:]
    by_chance = bool(chance) and chance[0].reason in ("RANDOMISED", "HOLDOUT")
    assert ("chance" in told) == by_chance
    assert not [word for word in ("usd5", "late_ride", "0.25", "@", "arm") if word in told]


def test_a_compensation_is_over_before_anybody_settled_it(ledger):
    facts = [incident(), drawn(), remedy(), delivered(), *owed(days=14)]
    (told,) = life(ledger, *facts, now=NOW + timedelta(days=15)).may_say
    assert "It could be used until 2026-03-16 11:05." in told


def test_chance_is_not_named_where_a_person_decided(ledger):
    (told,) = life(ledger, incident(), drawn(reason="OVERRIDE"), remedy(), delivered()).may_say
    assert "chance" not in told


def test_of_two_experiments_the_one_that_turned_away_is_not_told(ledger):
    other = drawn("today", reason="INELIGIBLE")
    other = Assignment(**{**vars(other), "key": "other/i1", "experiment": "other"})
    told = life(ledger, incident(), other, drawn(), remedy(), delivered())
    assert len(told.may_say) == 1
    assert "We sent you" in told.may_say[0]
    assert [each.kind for each in told.events].count("assignment") == 2


def test_every_kind_of_fact_about_a_customer_can_be_told(ledger):
    about = {"occurred_at": NOW, "customer": "c1"}
    told = life(
        ledger,
        incident(cause="outage-3", fields={"minutes_late": 20}),
        Contact(key="a", kind="complaint", incident="i1", **about),
        Resolution(key="b", incident="i1", resolved=True, took="refund", **about),
        Fault(key="c", occurred_at=NOW, incident="i1", by="third_party"),
        SurveyAnswer(key="d", question="how_satisfied", score=4.0, incident="i1", **about),
        CustomerSnapshot(key="e", since=NOW, consent="service", fields={"tier": "gold"}, **about),
        Redemption(key="f", compensation="usd5", amount=500, cost_amount=300, currency="USD",
                   **about),
        Correction(key="g", occurred_at=NOW, fact="contact", corrects="a", because="keyed twice",
                   fields={"kind": "praise"}),
        Correction(key="h", occurred_at=NOW, fact="order", corrects="a", because="another's",
                   fields={}),
        Forgotten(key="i", because="asked", **about),
    )  # fmt: skip
    assert {each.kind: each.words for each in told.events} == {
        "incident": "late ride (cause outage-3, minutes_late 20)",
        "contact": "complaint",
        "resolution": "resolved by refund",
        "fault": "of third party",
        "survey_answer": "how satisfied: 4",
        "customer_snapshot": "customer since 2026-03-02 10:05, consent service, tier gold",
        "redemption": "usd5 used, 5.00 USD",
        "correction": "contact a was wrong, keyed twice: kind praise",
        "forgotten": "c1: texts deleted, asked",
    }
    assert told.forgotten == NOW
    about_it = {each.kind for each in told.events if each.incident == "i1"}
    assert about_it == {"incident", "contact", "resolution", "fault", "survey_answer"}


def test_what_was_drawn_and_given_names_its_incident(ledger):
    told = life(ledger, incident(), incident("i2"), drawn(), remedy())
    found = {each.kind: each.incident for each in told.events if each.kind != "incident"}
    assert found == dict.fromkeys(("assignment", "remedy"), "i1")


def test_merged_ids_are_one_life_and_others_stay_out(ledger):
    told = life(
        ledger, incident(), incident("i2", "c2"), incident("i3", "c3"), incident("i4", "c4"),
        Merged(key="m1", occurred_at=NOW, customer="c2", into="c1", because="same phone"),
        Merged(key="m2", occurred_at=NOW, customer="c3", into="c2"),
    )  # fmt: skip
    assert told.ids == ("c1", "c2", "c3")
    assert [each.key for each in told.events if each.kind == "incident"] == ["i1", "i2", "i3"]


def test_a_deleted_text_is_said_to_be_deleted(ledger):
    told = life(ledger, incident(), drawn(), remedy(), text=None)
    assert "its text was deleted" in {each.kind: each.words for each in told.events}["remedy"]


def test_nobody_is_not_found(ledger):
    with pytest.raises(NotFoundError, match="no fact is about customer c9"):
        explain(ledger, ["c9"], zone=UTC, now=NOW)
