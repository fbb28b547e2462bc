"""Complaints find the incident that they are about or open it, in whatever order files arrive."""

from __future__ import annotations

import csv
import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from apologylab.record.facts import KINDS, Incident
from apologylab.record.later_facts import Complaint, SameIncident
from apologylab.record.taxonomy import Cause, Taxonomy
from apologylab.record.values import Reading
from apologylab.service import landing
from apologylab.service.landing import Meant
from apologylab.service.ports import LedgerIdentity
from apologylab.service.record import record_file
from apologylab.storage.memory import MemoryLedger
from apologylab.storage.sqlite import create
from apologylab.warehouse.fact_file import RejectsFile, open_fact_file

NOW = datetime(2026, 6, 1, tzinfo=UTC)
COMPANY = Taxonomy(
    causes={
        "waiting": Cause(incidents=("late_ride", "late_meal"), opens="late_ride"),
        "vermin": Cause(about="a mouse in the kitchen"),
    },
    departments=("courier", "kitchen"),
)
HEADS = {
    "incident": "key,occurred_at,customer,kind,order,cause,fields",
    "complaint": "key,occurred_at,customer,kind,incident,order,department,asked_for,told,escalated,"
    "lost_minutes,lost_amount,currency,fields",
    "merged": "key,occurred_at,customer,into,because",
}


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request, tmp_path):
    identity = LedgerIdentity(id="l", environment="test", simulated=False, secret="s")
    if request.param == "memory":
        yield MemoryLedger(identity)
        return
    made = create(tmp_path / "l.sqlite", identity)
    yield made
    made.close()


@pytest.fixture
def take(ledger, tmp_path):
    """``take(kind, row, ...)`` records a file of rows, each a mapping; gives what came of it."""
    number = itertools.count()

    def record(kind, *rows, said=None, into=None):
        path = tmp_path / f"{next(number)}.csv"
        with path.open("w", encoding="utf-8", newline="") as text:
            writer = csv.DictWriter(text, HEADS[kind].split(","))
            writer.writeheader()
            writer.writerows(rows)
        return record_file(
            into or ledger, KINDS[kind], open_fact_file(path), mapping={},
            reading=Reading(zone=UTC, currency="EUR"), rejects=RejectsFile(path), now=NOW,
            progress=lambda more: None, meant=Meant(taxonomy=COMPANY, said=said or {}),
        )  # fmt: skip

    return record


def day(number, hour=12):
    return (datetime(2026, 5, 1, hour, tzinfo=UTC) + timedelta(days=number)).isoformat()


def complaint(key="k1", at=3, **said):
    return {"key": key, "occurred_at": day(at), "customer": "c1", "kind": "waiting"} | said


def incident(key="i1", at=1, **said):
    return {"key": key, "occurred_at": day(at), "customer": "c1", "kind": "late_ride"} | said


def incidents(ledger):
    return {each.key for each in ledger.read(Incident)}


def about(ledger):
    return {each.key: each.incident for each in ledger.read(Complaint)}


def test_a_complaint_that_names_a_known_incident_is_about_it(ledger, take):
    take("incident", incident())
    done = take("complaint", complaint(incident="i1", kind="rudeness"))
    assert (done.new, done.opened, about(ledger)) == (1, 0, {"k1": "i1"})
    assert incidents(ledger) == {"i1"}


def test_one_about_nothing_that_is_known_opens_it_with_what_it_says(ledger, take):
    done = take(
        "complaint",
        complaint(
            order="o-é", department="courier", asked_for="refund", told="2", escalated="true",
            lost_minutes="45", lost_amount="12.50", currency="EUR", fields='{"minutes_late": 25}',
        ),
    )  # fmt: skip
    assert (done.new, done.opened, done.rejected) == (1, 1, 0)
    (opened,) = ledger.read(Incident)
    assert opened == Incident(
        key="complaint/k1", occurred_at=datetime(2026, 5, 4, 12, tzinfo=UTC), customer="c1",
        kind="late_ride", order="o-é",
        fields={
            "minutes_late": 25, "cause_kind": "waiting", "source": "complaint", "aware": True,
            "department": "courier", "asked_for": "refund", "told": 2, "escalations": 1,
            "lost_minutes": 45, "lost_amount": "12.50 EUR", "match_days": 14,
        },
    )  # fmt: skip
    assert about(ledger) == {"k1": "complaint/k1"}


def merged(one, other):
    return {"key": f"{one}={other}", "occurred_at": day(0), "customer": one, "into": other}


@pytest.mark.parametrize("pairs", [["c1=c2"], ["c2=c1"], ["c1=x", "c2=x"], ["x=c1", "y=x", "y=c2"]])
@pytest.mark.parametrize("said", [{"order": "o1"}, {}])
def test_a_complaint_under_one_id_finds_the_incident_of_another_of_that_person(
    ledger, take, pairs, said
):
    take("merged", *(merged(*pair.split("=")) for pair in pairs))
    take("incident", incident("far", at=-9, customer="c2"), incident(customer="c2", **said))
    done = take("complaint", complaint(**said))
    assert (done.new, done.opened, about(ledger)) == (1, 0, {"k1": "i1"})
    (stored,) = ledger.read(Complaint)
    assert stored.customer == "c1"
    assert take("complaint", complaint(**said)).same == 1


def test_what_another_id_opened_is_found_too_and_a_stranger_s_is_not(ledger, take):
    take("merged", merged("c1", "c2"), merged("c3", "c4"))
    done = take(
        "complaint",
        complaint("k1", customer="c2", order="o1"),
        complaint("k2", at=4, customer="c1", order="o1"),
        complaint("k3", at=4, customer="c3", order="o1"),
    )
    assert done.opened == 2
    assert about(ledger) == {"k1": "complaint/k1", "k2": "complaint/k1", "k3": "complaint/k3"}


def test_ids_merged_afterwards_leave_a_complaint_where_it_is(ledger, take):
    take("incident", incident(customer="c2"))
    take("complaint", complaint())
    take("merged", merged("c1", "c2"))
    assert take("complaint", complaint()).same == 1
    assert about(ledger) == {"k1": "complaint/k1"}
    take("complaint", complaint("k2", at=1))
    assert about(ledger)["k2"] == "i1"


def test_a_file_again_changes_nothing(ledger, take):
    rows = [
        complaint("k1", order="o1"),
        complaint("k2", customer="c2"),
        complaint("k3", incident="x9"),
    ]
    first = take("complaint", *rows)
    before = ledger.content_hash()
    again = take("complaint", *rows[::-1])
    assert (first.new, first.opened) == (3, 3)
    assert (again.new, again.same, again.opened, again.rejected) == (0, 3, 0, 0)
    assert ledger.content_hash() == before


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
def test_the_order_the_window_and_the_cause_say_what_it_is_about(ledger, take):
    take(
        "incident",
        incident("same order", 1, order="o1", kind="rude_driver"),
        incident("other order", 2, order="o2"),
        incident("same cause", 2, customer="c2"),
        incident("later", 9, customer="c3"),
        incident("long ago", -20, customer="c4", order="o4"),
        incident("other cause", 2, customer="c5", kind="billing"),
        incident("other's", 2, customer="c6", order="o7"),
    )
    take(
        "complaint",
        complaint("k1", order="o1"),
        complaint("k2", customer="c2"),
        complaint("k3", customer="c3"),
        complaint("k4", customer="c4", order="o4"),
        complaint("k5", customer="c5"),
        complaint("k7", customer="c7", order="o7"),
    )
    assert about(ledger) == {
        "k1": "same order", "k2": "same cause", "k3": "complaint/k3", "k4": "complaint/k4",
        "k5": "complaint/k5", "k7": "complaint/k7",
    }  # fmt: skip


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
def test_the_nearest_in_time_is_meant(ledger, take):
    take("incident", incident("early", 0), incident("late", 2))
    take("complaint", complaint("k1", 3), complaint("k2", 1))
    assert about(ledger) == {"k1": "late", "k2": "early"}


def test_many_complaints_about_one_thing_open_it_once(ledger, take):
    rows = [complaint(f"k{n}", at=3 + n % 4, order="o1") for n in range(20)]
    done = take("complaint", *rows)
    assert (done.new, done.opened, len(incidents(ledger))) == (20, 1, 1)
    assert len(set(about(ledger).values())) == 1


def test_what_operations_tell_later_is_matched_and_not_doubled(ledger, take):
    take("complaint", complaint(order="o1"))
    done = take(
        "incident", incident("ops-1", 1, order="o1", cause="storm"), incident("ops-2", order="o2")
    )
    assert (done.new, done.matched, done.rejected) == (2, 1, 0)
    assert incidents(ledger) == {"complaint/k1", "ops-2"}
    (same,) = ledger.read(SameIncident)
    assert (same.key, same.incident, same.cause) == ("ops-1", "complaint/k1", "storm")
    again = take("incident", incident("ops-1", 1, order="o1", cause="storm"))
    assert (again.new, again.same, again.matched) == (0, 1, 0)
    wrong = take("incident", incident("ops-1", 1, order="o1", cause="flood"))
    assert (wrong.rejected, wrong.contradicting) == (1, 1)
    assert "cause is 'flood', stands as 'storm'" in wrong.reasons[0][1]


def test_a_name_that_nobody_knows_yet_is_remembered(ledger, take):
    take("complaint", complaint(incident="ops-9"), complaint("k2", incident="ops-9"))
    assert about(ledger) == {"k1": "complaint/k1", "k2": "complaint/k1"}
    done = take("incident", incident("ops-9", 1))
    assert (done.matched, incidents(ledger)) == (1, {"complaint/k1"})
    later = take("complaint", complaint("k3", incident="ops-9"), complaint(incident="ops-9"))
    assert (later.new, later.same, about(ledger)["k3"]) == (1, 1, "complaint/k1")


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
def test_one_that_now_names_another_incident_contradicts_what_stands(ledger, take):
    take("incident", incident("i1"), incident("i2", 2))
    take("complaint", complaint(incident="i1"))
    wrong = take("complaint", complaint(incident="i2"))
    assert wrong.reasons == [
        (2, "contradicts the complaint under this key: incident is 'i2', stands as 'i1'")
    ]


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
def test_an_incident_whose_own_key_stands_is_itself(ledger, take):
    take("incident", incident("i1", order="o1", kind="billing"))
    take("complaint", complaint(order="o1", at=30))
    again = take("incident", incident("i1", order="o1", kind="billing"))
    assert (again.same, again.matched) == (1, 0)
    assert incidents(ledger) == {"i1", "complaint/k1"}


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
def test_an_order_beyond_the_window_is_another_incident(ledger, take):
    take("complaint", complaint(order="o1", at=0))
    done = take("incident", incident("near", 14, order="o1"), incident("far", 15, order="o1"))
    assert (done.matched, incidents(ledger)) == (1, {"complaint/k1", "far"})


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
@pytest.mark.parametrize("seed", range(6))
def test_the_order_in_which_files_arrive_changes_no_count(ledger, take, seed):
    """60 customers, an order each; some complain, operations tell of some, in any order of files."""
    chance = random.Random(seed)
    rows = []
    for n in range(60):
        said = {"customer": f"c{n}é", "order": f"o{n}"}
        rows += [("incident", incident(f"i{n}", chance.randrange(5), **said))] * chance.randrange(2)
        rows += [
            ("complaint", complaint(f"k{n}-{m}", chance.randrange(9), **said))
            for m in range(chance.randrange(3))
        ]
    wanted = {row["order"] for _, row in rows}
    chance.shuffle(rows)
    for kind, row in rows:
        take(kind, row)
    assert sorted(each.order for each in ledger.read(Incident)) == sorted(wanted)
    assert None not in about(ledger).values()
    assert set(about(ledger).values()) <= incidents(ledger)


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE fact_incident; --", '"quoted", {{ x }}', "日本語 ✓ é", "\u202ertl", "a" * 240],
)
def test_hostile_and_foreign_ids_are_ids(ledger, take, text):
    done = take("complaint", complaint(text, customer=text, order=text))
    assert (done.new, done.opened, done.rejected) == (1, 1, 0)
    take("incident", incident("ops", 1, customer=text, order=text))
    (opened,) = ledger.read(Incident)
    assert (opened.key, opened.customer, opened.order) == (f"complaint/{text}", text, text)


WRONG = {
    "kind is 'late': write one of": {"kind": "late"},
    "department is 'moon': write one of courier, kitchen": {"department": "moon"},
    "asked_for is 'money!': write one of": {"asked_for": "money!"},
    "told is 0: write a whole number from 1": {"told": "0"},
    "lost_minutes is -5: write a whole number from 0": {"lost_minutes": "-5"},
    "lost_amount is": {"lost_amount": "-1.00", "currency": "EUR"},
    "too many decimals": {"lost_amount": "5.5", "currency": "JPY"},
    "keep what the customer wrote out of facts": {"fields": '{"body": "' + "x" * 121 + '"}'},
    "key has 246 characters: write at most 245": {"key": "k" * 246},
}


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
@pytest.mark.parametrize("why", WRONG)
def test_a_complaint_that_cannot_be_meant_is_refused_alone(ledger, take, why):
    done = take("complaint", complaint("fine", customer="c9"), complaint() | WRONG[why])
    assert (done.new, done.rejected, about(ledger)) == (1, 1, {"fine": "complaint/fine"})
    assert why in done.reasons[0][1]
    assert done.reasons[0][0] == 3


FIELDS = {
    "fields.cause_kind is 'late': write one of rudeness, waiting": '{"cause_kind": "late"}',
    "fields.department is 'moon'": '{"department": "moon"}',
    "fields.aware is 'perhaps': write true or false": '{"aware": "perhaps"}',
    "fields.lost_amount is '12,50': write an amount": '{"lost_amount": "12,50"}',
    "fields.lost_amount is -3": '{"lost_amount": -3}',
    "JPY has 0 decimals": '{"lost_amount": "1.5 JPY"}',
    "fields.lost_minutes is 1.5": '{"lost_minutes": 1.5}',
    "fields.effort is 9: write 1 (easy) to 7 (hard)": '{"effort": 9}',
    "fields.asked_for is 'the moon'": '{"asked_for": "the moon"}',
    "fields.escalations is True": '{"escalations": true}',
    "fields.told is 0": '{"told": 0}',
    "fields.source is 'gossip': write one of operations, complaint": '{"source": "gossip"}',
}


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
@pytest.mark.parametrize("why", FIELDS)
def test_standard_fields_of_an_incident_are_judged(ledger, take, why):
    done = take("incident", incident("fine", 2), incident(fields=FIELDS[why]))
    assert (done.new, done.rejected, incidents(ledger)) == (1, 1, {"fine"})
    assert why in done.reasons[0][1]


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
def test_standard_fields_that_can_be_meant_are_kept(ledger, take):
    said = (
        '{"cause_kind": "vermin", "department": "kitchen", "aware": false, "lost_amount": 12.5, '
        '"lost_minutes": 40, "effort": 7, "asked_for": "to_be_heard", "escalations": 0, "told": 1, '
        '"source": "operations", "minutes_late": 3}'
    )
    assert take("incident", incident(fields=said)).new == 1
    (stored,) = ledger.read(Incident)
    assert len(stored.fields) == 11


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
def test_a_key_that_looks_opened_is_refused(ledger, take):
    done = take("incident", incident("complaint/k1"))
    assert (done.rejected, incidents(ledger)) == (1, set())
    assert "as those that complaints open do" in done.reasons[0][1]


def test_names_for_texts_stay_out_of_both_facts(ledger, take):
    said = {"late_ride": frozenset({"first_name"})}
    fields = '{"first_name": "Zoë", "minutes_late": 12}'
    take("complaint", complaint(fields=fields), said=said)
    (told,), (opened,) = ledger.read(Complaint), ledger.read(Incident)
    assert told.fields == {"minutes_late": 12}
    assert "first_name" not in opened.fields
    again = take("complaint", complaint(fields=fields), said=said)
    assert (again.same, again.rejected) == (1, 0)


def test_a_taxonomy_claims_each_kind_once():
    assert COMPANY.cause("late_meal") == "waiting"
    assert COMPANY.cause("late_meal", "quality") == "quality"
    assert COMPANY.cause("late_meal", "nonsense") == "waiting"
    assert COMPANY.opens("vermin") == "vermin"


@pytest.mark.parametrize("ledger", ["memory"], indirect=True)
def test_an_earlier_complaint_that_arrives_later_is_about_what_the_first_opened(ledger, take):
    take("complaint", complaint("k1", at=5))
    done = take("complaint", complaint("k2", at=3), complaint("k3", at=3, kind="billing"))
    assert (done.opened, about(ledger)["k2"]) == (1, "complaint/k1")


def test_a_batch_is_taken_some_rows_at_a_time(ledger, take, monkeypatch):
    """Whatever a transaction holds, what is one incident stays one, and counts and lines add up."""
    monkeypatch.setattr(landing, "AT_ONCE", 3)
    rows = [
        complaint(f"k{n}", at=n % 7, customer=f"c{n % 5}", order=f"o{n % 5}") for n in range(16)
    ]
    rows.insert(7, complaint("bad", told="0"))
    done = take("complaint", *rows, complaint("k1", at=2, customer="c9"))
    assert (done.new, done.opened, done.rejected, done.contradicting) == (16, 5, 2, 1)
    assert [line for line, _ in done.reasons] == [9, 19]
    told = [incident(f"i{n}", customer=f"c{n}", order=f"o{n}") for n in range(7)]
    again = take("incident", *told)
    assert (again.new, again.matched, len(incidents(ledger))) == (7, 5, 7)
