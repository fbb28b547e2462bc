"""``causes`` over a real ledger, beside the same worked out by hand, on SQLite and PostgreSQL."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from apologylab.record.facts import (
    Assignment,
    Contact,
    Correction,
    Fault,
    Goodwill,
    Incident,
    Liability,
    Merged,
    Resolution,
)
from apologylab.record.later_facts import Complaint, SameIncident
from apologylab.record.taxonomy import Cause, Taxonomy
from apologylab.service.causes import causes
from apologylab.service.ports import LedgerIdentity
from apologylab.service.promising import BROKEN_PROMISE
from apologylab.storage.sqlite import create
from apologylab.warehouse.causes import counted

UNTIL = datetime(2026, 6, 1, tzinfo=UTC)
WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)
WEEKS = 6
COMPANY = Taxonomy(
    causes={"waiting": Cause(incidents=("late_ride",)), "vermin": Cause(opens="mouse")}
)
KINDS = {"late_ride": "waiting", "mouse": "vermin", "billing": "billing", "storm": "other"}


@pytest.fixture(params=["sqlite", "postgres"])
def kept(request, tmp_path):
    """(ledger, its URL)."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres_ledger"), request.getfixturevalue("postgres_url")
        return
    identity = LedgerIdentity(id="t", environment="test", simulated=True)
    ledger = create(tmp_path / "l.sqlite", identity)
    yield ledger, f"sqlite:///{tmp_path / 'l.sqlite'}"
    ledger.close()


def count(kept, by="cause", weeks=WEEKS, at=UNTIL):
    ledger, url = kept
    mark = ledger.mark(at)
    ledger.close()
    found = counted(
        url, by=by, taxonomy=COMPANY, until=UNTIL, weeks=weeks, mark=mark, currency="EUR"
    )
    return {each.name: each for each in found}


def put(kept, *facts, at=UNTIL):
    with kept[0].transaction(recorded_at=at) as work:
        assert not work.append(list(facts)).contradicting


def lived(seed=3, n=240):
    """Incidents with what came of them, as facts; every choice by a seeded chance."""
    chance = random.Random(seed)
    facts = []
    for i in range(n):
        at = UNTIL - timedelta(hours=chance.randrange(1, 8 * 168))
        key, customer = f"i{i}", f"c{chance.randrange(90)}é"
        fields = {"lost_minutes": chance.randrange(60)} if chance.random() < 0.5 else {}
        if chance.random() < 0.3:
            fields |= {"department": chance.choice(["courier", "kitchen"]), "effort": 5}
        if chance.random() < 0.3:
            fields |= {"lost_amount": chance.choice([12.5, "7.25 EUR", "300 JPY"])}
        if chance.random() < 0.1:
            fields |= {"cause_kind": "rudeness"}
        kind = chance.choice(list(KINDS))
        facts.append(Incident(key=key, occurred_at=at, customer=customer, kind=kind, fields=fields))
        facts += came(chance, i, at, key, customer)
    return facts


def came(chance, i, at, key, customer):
    of = {"incident": key, "customer": customer}
    if chance.random() < 0.4:
        yield Complaint(
            key=f"k{i}", occurred_at=at + HOUR, kind="waiting", told=chance.randrange(1, 4),
            asked_for=chance.choice(["refund", "apology"]), escalated=chance.random() < 0.3, **of,
        )  # fmt: skip
    if chance.random() < 0.5:
        yield Contact(
            key=f"a{i}",
            occurred_at=at + chance.randrange(1, 50) * HOUR,
            kind="mail",
            by="company",
            **of,
        )
    if chance.random() < 0.5:
        solved = at + chance.randrange(1, 90) * HOUR
        yield Resolution(key=f"r{i}", occurred_at=solved, resolved=chance.random() < 0.7, **of)
        if chance.random() < 0.3:
            yield Contact(key=f"b{i}", occurred_at=solved + HOUR, kind="call", **of)
    if chance.random() < 0.3:
        yield Goodwill(
            key=f"g{i}",
            occurred_at=at,
            kind="refund",
            amount=chance.randrange(900),
            currency="EUR",
            **of,
        )
    if chance.random() < 0.4:
        yield Fault(key=f"f{i}", occurred_at=at, incident=key, by="unknown")
        yield Fault(key=f"f{i}.2", occurred_at=at, incident=key, by="third_party")
    if chance.random() < 0.4:
        yield from given(chance, i, at, key, customer)


def given(chance, i, at, key, customer):
    yield Assignment(
        key=f"x/{key}", occurred_at=at, experiment="x", version=1, phase=1, unit=customer,
        customer=customer, incident=key, arm="a", reason="RANDOMISED", propensity=0.5, entry=1.0,
        holdout=0.0, because="", delay_s=None, due_at=None, first=True,
    )  # fmt: skip
    states = ["reserved", "committed", chance.choice(["redeemed", "expired"])]
    for n, state in enumerate(states[: chance.randrange(1, 4)]):
        yield Liability(
            key=f"l{i}.{n}", occurred_at=at, assignment=f"x/{key}", experiment="x",
            customer=customer, arm="a", compensation="usd5", state=state, amount=500, currency="EUR",
        )  # fmt: skip


def cause_of(incident):
    return incident.fields.get("cause_kind", KINDS[incident.kind])


def by_hand(facts, name_of):
    """Group -> its numbers, one incident at a time."""
    about = defaultdict(list)
    for each in facts:
        about[getattr(each, "incident", None)].append(each)
    last = {f"x/{k}": [] for k in about}
    for each in facts:
        if isinstance(each, Liability):
            last[each.assignment].append(each)
    groups = defaultdict(list)
    for each in facts:
        if isinstance(each, Incident) and UNTIL - WEEKS * WEEK <= each.occurred_at < UNTIL:
            groups[name_of(each)].append(each)
    return {name: numbers(listed, about, last) for name, listed in groups.items()}


def numbers(listed, about, last):
    def of(each, kind):
        return [fact for fact in about[each.key] if isinstance(fact, kind)]

    complaints = [fact for each in listed for fact in of(each, Complaint)]
    answers, solved, reopened, held, fault = [], [], 0, 0, Counter()
    for each in listed:
        ours = [c.occurred_at for c in of(each, Contact) if c.by == "company"]
        answers += [(min(ours) - each.occurred_at) / HOUR] if ours else []
        done = [r for r in of(each, Resolution) if r.resolved]
        solved += [(done[0].occurred_at - each.occurred_at) / HOUR] if done else []
        told = [
            c for c in of(each, Contact) + of(each, Complaint) if getattr(c, "by", None) is None
        ]
        reopened += bool(done and any(c.occurred_at > done[0].occurred_at for c in told))
        states = last.get(f"x/{each.key}", [])
        held += 500 * (bool(states) and states[-1].state in ("committed", "redeemed"))
        fault.update(f.by for f in of(each, Fault)[-1:])
    return {
        "incidents": len(listed),
        "customers": len({each.customer for each in listed}),
        "again": len(listed) - len({each.customer for each in listed}),
        "weeks": tuple(
            sum(
                (UNTIL - e.occurred_at - timedelta(microseconds=1)) // WEEK == WEEKS - 1 - n
                for e in listed
            )
            for n in range(WEEKS)
        ),
        "complaints": len(complaints),
        "aware": len({c.incident for c in complaints}),
        "escalated": len({c.incident for c in complaints if c.escalated}),
        "lost_minutes": sum(each.fields.get("lost_minutes", 0) for each in listed),
        "answered": len(answers),
        "hours_to_answer": pytest.approx(median(answers)) if answers else None,
        "resolved": len(solved),
        "hours_to_resolution": pytest.approx(median(solved)) if solved else None,
        "reopened": reopened,
        "asked_for": dict(Counter(c.asked_for for c in complaints)),
        "fault": dict(fault),
        "goodwill": money(sum(g.amount for each in listed for g in of(each, Goodwill))),
        "given": money(held),
    }


def money(total):
    return {"EUR": total} if total else {}


@pytest.mark.parametrize("by", ["cause", "kind", "department"])
def test_every_number_is_the_one_worked_out_by_hand(kept, by):
    facts = lived()
    put(kept, *facts)
    names = {
        "cause": cause_of,
        "kind": lambda each: each.kind,
        "department": lambda each: each.fields.get("department", "unknown"),
    }
    expected = by_hand(facts, names[by])
    found = count(kept, by)
    assert found.keys() == expected.keys()
    assert len(found) == {"cause": 5, "kind": 4, "department": 3}[by]
    for name, each in found.items():
        assert {key: getattr(each, key) for key in expected[name]} == expected[name], name
        assert each.incidents > 5


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_lost_money_is_kept_by_its_currency(kept):
    said = [12.5, "7.25 EUR", "300 JPY", "1.234 KWD", "nonsense", None]
    put(
        kept,
        *(
            Incident(key=f"i{n}", occurred_at=UNTIL - HOUR, customer="c", kind="billing",
                     fields={} if lost is None else {"lost_amount": lost})
            for n, lost in enumerate(said)
        ),
        Complaint(key="k", occurred_at=UNTIL - HOUR, customer="c", kind="billing", incident="i5",
                  lost_amount=450, currency="EUR"),
    )  # fmt: skip
    assert count(kept)["billing"].lost == {"EUR": 1250 + 725 + 450, "KWD": 1234, "JPY": 300}


def test_operations_name_and_kind_complete_what_a_complaint_opened(kept):
    put(
        kept,
        Incident(key="complaint/k", occurred_at=UNTIL - 2 * HOUR, customer="c", kind="access",
                 fields={"source": "complaint"}),
        Complaint(key="k", occurred_at=UNTIL - 2 * HOUR, customer="c", kind="access",
                  incident="complaint/k"),
        SameIncident(key="ops", occurred_at=UNTIL - 3 * HOUR, customer="c", incident="complaint/k",
                     kind="late_ride", fields={"department": "courier", "lost_minutes": 9}),
        Resolution(key="r", occurred_at=UNTIL - HOUR, customer="c", incident="ops", resolved=True),
        Fault(key="f", occurred_at=UNTIL, incident="complaint/k", by="company"),
        Fault(key="f2", occurred_at=UNTIL - HOUR, incident="ops", by="customer"),
        Goodwill(key="g", occurred_at=UNTIL, customer="c", kind="credit", amount=5, currency="EUR",
                 incident="ops"),
    )  # fmt: skip
    found = count(kept)
    assert found.keys() == {"waiting"}
    each = found["waiting"]
    assert (each.incidents, each.resolved, each.lost_minutes, each.goodwill) == (
        1,
        1,
        9,
        {"EUR": 5},
    )
    assert each.fault == {"customer": 1}  # said last, whenever it was
    assert count(kept, "department").keys() == {"courier"}


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_merged_customers_are_hit_again_and_corrections_count(kept):
    put(
        kept,
        *(
            Incident(key=f"i{n}", occurred_at=UNTIL - HOUR, customer=f"c{n}", kind="billing")
            for n in range(3)
        ),
        Merged(key="m", occurred_at=UNTIL, customer="c1", into="c2"),
        Correction(key="x", occurred_at=UNTIL, fact="incident", corrects="i0", because="typo",
                   fields={"kind": "late_ride"}),
    )  # fmt: skip
    found = count(kept)
    assert (found["waiting"].incidents, found["billing"].incidents) == (1, 2)
    assert (found["billing"].customers, found["billing"].again) == (1, 1)


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_a_promise_that_was_broken_is_of_insincerity(kept):
    broken = Incident(
        key="b", occurred_at=UNTIL - HOUR, customer="c", kind=BROKEN_PROMISE, cause="desk"
    )
    put(kept, broken)
    assert count(kept).keys() == {"insincerity"}
    assert COMPANY.cause(BROKEN_PROMISE) == "insincerity"


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_facts_after_the_mark_are_not_seen(kept):
    put(kept, Incident(key="i", occurred_at=UNTIL - HOUR, customer="c", kind="billing"), at=UNTIL)
    late = UNTIL + timedelta(days=1)
    put(kept, Fault(key="f", occurred_at=UNTIL, incident="i", by="company"), at=late)
    assert count(kept)["billing"].fault == {}
    assert count(kept, at=late)["billing"].fault == {"company": 1}


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_a_ledger_without_incidents_has_no_causes(kept):
    assert count(kept) == {}


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_the_dearest_come_first_and_trends_share_one_level(kept):
    put(kept, *lived(n=400))
    found = causes(
        tuple(count(kept).values()), by="cause", since=UNTIL - WEEKS * WEEK, until=UNTIL,
        currency="EUR",
    )  # fmt: skip
    costs = [each.counted.cost("EUR") for each in found.causes]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 0
    levels = {each.trend.level for each in found.causes if each.trend}
    assert levels == {1 - 0.05 / len([e for e in found.causes if e.trend])}
    assert found.other_currencies == ("JPY",)


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_weeks_before_anything_was_recorded_are_no_part_of_a_trend(kept):
    """Five a week for six weeks, after which nobody had counted for a year, is no rise."""
    put(
        kept,
        *(
            Incident(key=f"i{n}", occurred_at=UNTIL - WEEK * (n % 6) - HOUR, customer=f"c{n}",
                     kind="billing")
            for n in range(30)
        ),
    )  # fmt: skip
    found = causes(
        tuple(count(kept, weeks=52).values()), by="cause", since=UNTIL - 52 * WEEK, until=UNTIL,
        currency="EUR",
    )  # fmt: skip
    (only,) = found.causes
    assert only.counted.weeks == (0,) * 46 + (5,) * 6
    assert only.trend.change == pytest.approx(0, abs=1e-9)
