from datetime import UTC, datetime, timedelta, timezone

import pytest

from apologylab.errors import LedgerError, StateError
from apologylab.record.facts import (
    Assignment,
    Closed,
    CustomerSnapshot,
    Fault,
    Goodwill,
    Incident,
    Liability,
    Remedy,
)
from apologylab.service.assign import assign
from apologylab.service.ending import end
from apologylab.service.running import load
from apologylab.service.start import start


def test_every_incident_gets_one_stored_answer_and_drawn_ones_a_remedy(ledger, loop):
    running = loop.begin(ledger)
    given = loop.ask(ledger, running, *(loop.incident(i) for i in range(400)))
    drawn = {each.arm for each in given}
    assert drawn == {"silence", "none+usd5@1h", "sorry+none@1h", "sorry+usd5@1h"}
    assert {each.reason for each in given} == {"RANDOMISED"}
    assert all(each.propensity == 0.25 and each.first for each in given)
    assert list(ledger.read(Assignment)) == given
    assert [each.key for each in ledger.read(Remedy)] == [each.key for each in given]
    assert ledger.count(Incident) == 400


def test_a_retry_gets_the_stored_answer_and_the_same_text(ledger, loop):
    running = loop.begin(ledger)
    incidents = [loop.incident(i, first_name=f"Ann {i}") for i in range(50)]
    first = assign(ledger, running, incidents, now=loop.START)
    before = ledger.content_hash()
    again = assign(ledger, running, incidents[::-1], now=loop.START + loop.DAY)
    assert again[::-1] == first
    assert ledger.content_hash() == before


def test_an_incident_twice_in_one_batch_is_answered_once(ledger, loop):
    running = loop.begin(ledger)
    one, two = loop.ask(ledger, running, loop.incident(1), loop.incident(1))
    assert one == two
    assert ledger.count(Assignment) == 1


def test_batches_of_any_size_answer_alike(loop, ledger):
    from apologylab.storage.memory import MemoryLedger

    incidents = [
        loop.incident(i, f"c{i % 17}", at=loop.START + i * timedelta(minutes=7)) for i in range(60)
    ]
    hashes = set()
    for size in (1, 7, 60):
        other = MemoryLedger(ledger.identity)
        running = loop.begin(other)
        for begin in range(0, 60, size):
            loop.ask(other, running, *incidents[begin : begin + size])
        hashes.add(other.content_hash())
    assert len(hashes) == 1


def test_a_contradicting_incident_is_answered_as_it_stands(ledger, loop):
    running = loop.begin(ledger)
    standing = loop.incident(1, minutes_late=5)
    ledger.append_rows(
        Incident,
        [("i1", loop.START, "c1", "late_ride", None, None, standing.fields)],
        recorded_at=loop.START,
    )
    (answer,) = loop.ask(ledger, running, loop.incident(1, minutes_late=50))
    assert answer.reason == "INELIGIBLE"
    assert "minutes_late" in answer.because


@pytest.mark.parametrize("together", [True, False])
def test_nobody_is_told_what_another_customer_gets(ledger, loop, together):
    running = loop.begin(ledger)
    ann = loop.customer_in(running, "sorry+usd5@1h")
    told = [loop.incident(1, ann, first_name="Ann"), loop.incident(1, "ben", first_name="Ben")]
    batches = [told] if together else [[each] for each in told]
    first, second = (
        each for batch in batches for each in assign(ledger, running, batch, now=loop.START)
    )
    assert first.text.startswith("Ann, sorry")
    assert (second.assignment, second.remedy, second.text) == (None, None, None)
    assert "another customer" in second.because
    assert [each.customer for each in ledger.read(Assignment)] == [ann]


def test_an_incident_recorded_by_another_rule_of_ids_is_the_same_customers(ledger, loop):
    lower = "[incident]\n", 'unit_id = "nfc_ascii_lower"\n[incident]\n'
    running = loop.begin(ledger, loop.Declared().change(*lower))
    row = ("i1", loop.START, "Ann", "late_ride", None, None, {"minutes_late": 12})
    ledger.append_rows(Incident, [row], recorded_at=loop.START)
    (answer,) = loop.ask(ledger, running, loop.incident(1, "ANN"))
    assert (answer.customer, answer.unit, answer.reason) == ("ann", "ann", "RANDOMISED")


def test_sticky_repeats_keep_arm_and_propensity_and_say_something_else(ledger, loop):
    running = loop.begin(ledger)
    customer = loop.customer_in(running, "sorry+usd5@1h")
    days = [loop.START, loop.START + 5 * loop.DAY]
    first, second = (
        assign(ledger, running, [loop.incident(i, customer, at=day, first_name="Jo")], now=day)[0]
        for i, day in enumerate(days)
    )
    assert first.assignment.first
    assert not second.assignment.first
    assert second.assignment.arm == first.assignment.arm
    assert second.assignment.propensity == first.assignment.propensity
    assert first.text == "Jo, sorry: 12 minutes late.\n\nHere are 5 dollars."
    assert second.text == "Jo, sorry again: 12 minutes late.\n\nHere are 5 dollars more."


def test_a_third_apology_has_no_other_text_in_any_arm(ledger, loop):
    running = loop.begin(ledger)
    for arm in ("silence", "sorry+none@1h"):
        customer = loop.customer_in(running, arm)
        answers = [
            loop.ask(ledger, running, loop.incident(key=f"{customer}/{i}", customer=customer))[0]
            for i in range(3)
        ]
        assert [each.reason for each in answers] == ["RANDOMISED", "RANDOMISED", "INELIGIBLE"]
        assert answers[2].because == "repeats.text: there is no text for apology 3"


def test_max_apologies_counts_silence_too_and_ends_with_its_days(ledger, loop):
    declared = loop.Declared().change("count = 3", "count = 1")
    running = loop.begin(ledger, declared)
    customer = loop.customer_in(running, "silence")
    days = [loop.START + days * loop.DAY for days in (0, 29, 30)]
    reasons = [
        loop.ask(ledger, running, loop.incident(i, customer, at=day), now=day)[0].reason
        for i, day in enumerate(days)
    ]
    assert reasons == ["RANDOMISED", "INELIGIBLE", "RANDOMISED"]


def test_first_only_answers_later_incidents_as_ineligible(ledger, loop):
    declared = loop.Declared().change('"sticky"', '"first_only"')
    running = loop.begin(ledger, declared)
    given = loop.ask(ledger, running, loop.incident(1, "ann"), loop.incident(2, "ann"))
    assert [each.reason for each in given] == ["RANDOMISED", "INELIGIBLE"]
    assert given[1].because == "repeats.next_incident: first_only, enrolled at incident i1"


def test_the_cooldown_is_about_other_experiments(ledger, loop):
    declared = loop.Declared().change("[repeats]", "[eligibility]\ncooldown_days = 10\n[repeats]")
    running = loop.begin(ledger, declared)
    before = loop.ask(ledger, running, loop.incident(1, "ann"))[0]
    other = Assignment(
        **{
            **{name: getattr(before, name) for name in before.__dataclass_fields__},
            "key": "other/x", "experiment": "other", "customer": "bob", "unit": "bob",
        }
    )  # fmt: skip
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([other])
    soon, later = loop.START + 9 * loop.DAY, loop.START + 10 * loop.DAY
    given = loop.ask(
        ledger, running,
        loop.incident(2, "ann", at=soon),
        loop.incident(3, "bob", at=soon),
        loop.incident(4, "bob", at=later),
        now=later,
    )  # fmt: skip
    assert [each.reason for each in given] == ["RANDOMISED", "INELIGIBLE", "RANDOMISED"]
    assert given[1].because.startswith("eligibility.cooldown_days: enrolled in other")


def test_the_cap_for_one_customer_is_charged_as_if_the_dearest_arm(ledger, loop):
    declared = loop.Declared().change(
        'total = "5000.00 USD"',
        'total = "5000.00 USD"\nper_customer = { amount = "9.00 USD", days = 7 }',
    )
    running = loop.begin(ledger, declared)
    customer = loop.customer_in(running, "silence")
    given = [
        loop.ask(ledger, running, loop.incident(i, customer, at=loop.START + i * 7 * loop.DAY // 2))
        for i in range(3)
    ]
    assert [each[0].reason for each in given] == ["RANDOMISED", "INELIGIBLE", "RANDOMISED"]


@pytest.mark.parametrize("size", [1, 3, 64])
def test_a_budget_closes_exactly_and_for_every_arm(ledger, loop, size):
    declared = loop.Declared().change('"5000.00 USD"', '"104.99 USD"')
    running = loop.begin(ledger, declared)
    incidents = [loop.incident(i) for i in range(300)]
    given = []
    for begin in range(0, 300, size):
        given += loop.ask(ledger, running, *incidents[begin : begin + size])
    reasons = [each.reason for each in given]
    closes = reasons.index("CLOSED")
    assert set(reasons[:closes]) == {"RANDOMISED"}
    assert set(reasons[closes:]) == {"CLOSED"}
    assert {each.arm for each in given[closes:]} == {"today"}
    spent = sum(each.amount for each in ledger.read(Liability))
    assert spent == ledger.reserved(loop.NAME)
    assert spent <= 10_499
    assert spent > 10_499 - size * 500
    assert closes >= 20
    (closed,) = ledger.read(Closed)
    assert closed.phase == 1


def test_a_batch_is_admitted_up_to_what_the_dearest_arm_leaves(ledger, loop):
    declared = loop.Declared().change('"5000.00 USD"', '"52.00 USD"')
    running = loop.begin(ledger, declared)
    given = loop.ask(ledger, running, *(loop.incident(i) for i in range(40)))
    assert [each.reason for each in given] == ["RANDOMISED"] * 10 + ["CLOSED"] * 30


def test_closed_is_final_though_money_comes_back(ledger, loop):
    declared = loop.Declared().change('"5000.00 USD"', '"10.00 USD"')
    running = loop.begin(ledger, declared)
    loop.ask(ledger, running, *(loop.incident(i) for i in range(9)))
    with ledger.transaction(recorded_at=loop.START) as work:
        work.release(loop.NAME, ledger.reserved(loop.NAME))
    (answer,) = loop.ask(ledger, running, loop.incident(99))
    assert answer.reason == "CLOSED"


def test_consent_is_the_latest_snapshot_and_judged_before_the_draw(ledger, loop):
    declared = loop.Declared().change("[repeats]", '[eligibility]\nconsent = "service"\n[repeats]')
    running = loop.begin(ledger, declared)
    day = loop.DAY
    snapshots = [("a", -2 * day, "none"), ("a", -day, "service"), ("b", -2 * day, "service"),
                 ("b", -day, "none")]  # fmt: skip
    rows = [
        (f"s{i}", loop.START + at, customer, None, consent, {})
        for i, (customer, at, consent) in enumerate(snapshots)
    ]
    ledger.append_rows(CustomerSnapshot, rows, recorded_at=loop.START)
    given = loop.ask(ledger, running, *(loop.incident(i, c) for i, c in enumerate("abz")))
    assert [each.reason for each in given] == ["RANDOMISED", "INELIGIBLE", "INELIGIBLE"]


def test_flags_of_the_ledger_keep_an_incident_out(ledger, loop):
    flags = '[eligibility]\nexclude = ["already_refunded", "fault_customer"]\n[repeats]'
    running = loop.begin(ledger, loop.Declared().change("[repeats]", flags))
    gift = Goodwill(key="g", occurred_at=loop.START, customer="c0", kind="credit", amount=300,
                    currency="USD", incident="i0")  # fmt: skip
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([gift, Fault(key="f", occurred_at=loop.START, incident="i1", by="customer"),
                     Fault(key="g", occurred_at=loop.START, incident="i2", by="company")])  # fmt: skip
    given = loop.ask(ledger, running, *(loop.incident(i) for i in range(4)))
    assert [each.reason for each in given] == ["INELIGIBLE"] * 2 + ["RANDOMISED"] * 2


def test_what_no_text_could_be_filled_with_keeps_out_in_every_arm(ledger, loop):
    declared = loop.Declared()
    declared.messages["wording", "sorry", "en"] = "Sorry, {{ first_name }}."
    running = loop.begin(ledger, declared)
    incidents = [loop.incident(i) for i in range(60)]
    given = loop.ask(ledger, running, *incidents)
    assert {each.reason for each in given} == {"INELIGIBLE"}
    assert given[0].because == "messages.placeholders: first_name is missing"


def test_names_go_into_the_text_and_not_into_the_fact(ledger, loop):
    running = loop.begin(ledger)
    customer = loop.customer_in(running, "sorry+none@1h")
    (answer,) = assign(
        ledger, running, [loop.incident(1, customer, first_name="Zoë")], now=loop.START
    )
    assert answer.text == "Zoë, sorry: 12 minutes late."
    assert ledger.text(answer.remedy.text) == answer.text
    (stored,) = ledger.read(Incident)
    assert stored.fields == {"minutes_late": 12}


HOSTILE = [
    {"key": "k" * 256}, {"customer": "a\0b"}, {"customer": ""}, {"note": "\ud800"},
    {"note": float("nan")}, {"note": {"a": 1}}, {"kind": "a\0"}, {"order": 5}, {"kind": None}, {"cause": "\udfff"}, {"note": "x" * 2_001},
    {"occurred_at": "2026-03-01T10:00Z"},
    {"occurred_at": datetime(2026, 3, 1)},  # noqa: DTZ001 - that is the point
    {"occurred_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))},
    {"occurred_at": datetime(9999, 12, 31, 23, 59, tzinfo=UTC)},
    {"fields": None}, {"fields": {7: "a", "minutes_late": 12}}, {"note": 10**5_000},
    {"note": ["x"] * 101},
]  # fmt: skip


@pytest.mark.parametrize("wrong", HOSTILE, ids=range(len(HOSTILE)))
def test_an_incident_that_cannot_be_heard_stops_no_other(ledger, loop, wrong):
    running = loop.begin(ledger)
    made = loop.incident(1)
    fields = {k: v for k, v in wrong.items() if k == "note"}
    bad = Incident(
        **{
            "key": made.key, "occurred_at": made.occurred_at, "customer": made.customer,
            "kind": made.kind, "fields": {**made.fields, **fields},
            **{k: v for k, v in wrong.items() if k != "note"},
        }
    )  # fmt: skip
    answers = assign(ledger, running, [loop.incident(7), bad, loop.incident(8)], now=loop.START)
    assert answers[1].assignment is None
    assert answers[1].because.startswith("the incident cannot be heard")
    assert [each.assignment.reason for each in answers[::2]] == ["RANDOMISED"] * 2
    assert ledger.count(Incident) == 2


@pytest.mark.parametrize("name", ["{{ 7*7 }}", "{% if x %}", "<b>Jo</b>", "a\u202eb", "a\nb{{"])
def test_hostile_names_stay_data(ledger, loop, name):
    running = loop.begin(ledger)
    customer = loop.customer_in(running, "sorry+none@1h")
    (answer,) = assign(
        ledger, running, [loop.incident(1, customer, first_name=name)], now=loop.START
    )
    assert not set(answer.text) & set("{}<>\u202e\n")
    assert "49" not in answer.text


def test_never_incidents_and_strangers_are_not_randomised(ledger, loop):
    running = loop.begin(ledger)
    given = loop.ask(
        ledger, running, loop.incident(1, kind="injury"), loop.incident(2, kind="rain")
    )
    assert [each.reason for each in given] == ["INELIGIBLE"] * 2


def test_the_holdout_is_recorded_with_its_probability(ledger, loop):
    declared = loop.Declared().change(
        "[otherwise]", '[holdout]\nshare = 0.3\nsalt = "h2026"\n[otherwise]'
    )
    running = loop.begin(ledger, declared)
    given = loop.ask(ledger, running, *(loop.incident(i) for i in range(300)))
    held = [each for each in given if each.reason == "HOLDOUT"]
    # Binomial(300, 0.3): outside 60..120 with probability below 3e-4.
    assert 60 <= len(held) <= 120
    assert {each.arm for each in held} == {"silence"}
    assert {each.holdout for each in given} == {0.3}
    assert ledger.count(Remedy) == 300 - len(held)


def test_nothing_is_stored_when_the_caller_has_gone(ledger, loop):
    running = loop.begin(ledger)
    before = ledger.content_hash()

    def gone():
        raise LedgerError("gone")

    with pytest.raises(LedgerError):
        assign(ledger, running, [loop.incident(1)], now=loop.START, in_time=gone)
    assert ledger.content_hash() == before
    assert ledger.reserved(loop.NAME) == 0


def test_due_times_follow_the_arm_and_a_late_feed_is_due_now(ledger, loop):
    running = loop.begin(ledger)
    prompt, late = loop.ask(
        ledger, running, loop.incident(1), loop.incident(2, at=loop.START - loop.DAY)
    )
    assert prompt.due_at == loop.START + loop.HOUR
    assert late.due_at == loop.START
    assert late.delay_s == 3600


def test_an_experiment_that_is_not_started_answers_nobody(ledger, loop):
    declared = loop.Declared()
    with pytest.raises(StateError, match="is not started"):
        load(ledger, declared.experiment(loop.NAME))


def test_a_stopped_experiment_and_a_new_phase(ledger, loop):
    declared = loop.Declared().change(
        "[compensation.usd5]", "[[allocation.phases]]\nentry = 0.5\n[compensation.usd5]"
    )
    running = loop.begin(ledger, declared)
    end(ledger, loop.NAME, because="enough", now=loop.START)
    (closed,) = loop.ask(ledger, running, loop.incident(1))
    start(ledger, declared, loop.NAME, now=loop.START, phase=2)
    given = loop.ask(ledger, running, *(loop.incident(i) for i in range(2, 202)))
    assert (closed.reason, closed.because) == ("CLOSED", "enough")
    assert {each.phase for each in given} == {2}
    assert {each.reason for each in given} == {"RANDOMISED", "INELIGIBLE"}
