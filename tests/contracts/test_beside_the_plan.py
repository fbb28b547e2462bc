"""What every experiment measures beside its plan, worked out by hand, wherever the ledger is."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from apologylab.design.remedies import Compensation
from apologylab.record.facts import Contact, Fault, Goodwill, Liability, Resolution
from apologylab.record.later_facts import AgentAnswer, SameIncident
from apologylab.report.beside import as_text, rows, sentences
from apologylab.service.analyse import about
from apologylab.service.beside import pooled
from apologylab.service.conclude import conclude
from apologylab.service.question import question
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.warehouse.standing_ledger import Keeping

DAYS = 28


def panel(late, kept, experiment=None, day=150):
    ledger, url, file = kept
    as_of = late.START + day * late.DAY
    mark = ledger.mark(as_of)
    ledger.close()
    standing = Keeping(file=file, ledger_id="t") if file else None
    declared = experiment or late.declaration()
    return panel_ledger(url, declared, as_of=as_of, mark=mark, standing=standing)


def happened(late, found, seed=4):
    """Contacts both ways, goodwill, resolutions, agents' answers and fault, by a seeded chance."""
    chance = random.Random(seed)
    for i, (customer, (anchor, arm)) in enumerate(found.items()):

        def at(chance=chance, anchor=anchor):
            return anchor + timedelta(days=chance.choice([0, 1.5, 9, 27.5, 28, 31]))

        of = {"customer": customer, "incident": f"i-{customer}"}
        for n in range(chance.randrange(3)):
            by = chance.choice([None, "company"])
            yield Contact(key=f"c{i}.{n}", occurred_at=at(), kind="call", by=by, **of)
        if chance.random() < 0.3:
            kind = chance.choice(["refund", "credit", "Partial refund"])
            currency = chance.choice(["USD", "USD", "USD", "EUR"])
            yield Goodwill(
                key=f"g{i}",
                occurred_at=at(),
                kind=kind,
                amount=chance.randrange(900),
                currency=currency,
                **of,
            )
        if chance.random() < 0.4:
            yield Resolution(
                key=f"r{i}", occurred_at=anchor + late.DAY, resolved=chance.random() < 0.7, **of
            )
        yield from faults(chance, i, anchor, of["incident"])
        if arm != "silence" and chance.random() < 0.6:
            yield answer(chance, i, customer, at())


def faults(chance, i, at, incident):
    told = ("unknown", chance.choice(["company", "third_party"])) if chance.random() < 0.4 else ()
    for by in told:
        yield Fault(key=f"f{i}.{by}", occurred_at=at, incident=incident, by=by)


def answer(chance, i, customer, at):
    return AgentAnswer(
        key=f"a{i}", occurred_at=at, assignment=f"late/{customer}", experiment="late",
        customer=customer, agent=f"agent-{chance.randrange(9)}",
        did=chance.choice(["said", "changed", "skipped"]),
    )  # fmt: skip


def by_hand(late, found, facts):
    """Arm -> its numbers, one customer at a time."""
    numbers = {}
    for customer, (anchor, arm) in found.items():
        mine = numbers.setdefault(arm, dict.fromkeys(NAMES, 0))
        ours = [f for f in facts if getattr(f, "customer", None) == customer]
        near = [f for f in ours if 0 <= (f.occurred_at - anchor) / late.DAY < DAYS]
        theirs = [f for f in near if isinstance(f, Contact) and f.by is None]
        gifts = [f for f in near if isinstance(f, Goodwill)]
        solved = [f for f in ours if isinstance(f, Resolution) and f.resolved]
        answers = [f.did for f in near if isinstance(f, AgentAnswer)]
        written = sum(isinstance(f, Contact) and f.by == "company" for f in near)
        mine["units"] += 1
        mine["contacts"] += len(theirs)
        mine["contacted"] += bool(theirs)
        mine["written"] += written
        mine["goodwill"] += sum(g.amount for g in gifts if g.currency == "USD") / 100
        mine["gifts"] += bool(gifts)
        mine["refunded"] += any("refund" in g.kind for g in gifts)
        mine["reopened"] += any(
            r.incident == c.incident and r.occurred_at < c.occurred_at
            for r in solved
            for c in theirs
        )
        mine["spoken"] += bool(gifts or written or {"said", "changed"} & set(answers))
        for did in answers:
            mine[did] += 1
        last = [f.by for f in facts if isinstance(f, Fault) and f.incident == f"i-{customer}"][-1:]
        for by in last:
            mine[f"fault {by}"] = mine.get(f"fault {by}", 0) + 1
    return numbers


NAMES = (
    "units", "contacts", "contacted", "written", "goodwill", "gifts", "refunded", "reopened",
    "spoken", "said", "changed", "skipped",
)  # fmt: skip


def numbers_of(each):
    found = {name: getattr(each, name) for name in NAMES if name != "spoken"}
    fault = {f"fault {by}": n for by, n in each.fault.items()}
    return found | fault | {"spoken": each.spoken.units}


def plain(late):
    """Goodwill is in no declared outcome, so its currencies stop nobody."""
    declared = late.declaration()
    return replace(declared, decision=None, outcomes=declared.outcomes[:1])


def test_every_number_is_the_one_worked_out_by_hand(late, kept):
    found = late.units(160)
    facts = list(happened(late, found))
    late.append(kept[0], [*late.enrolment(found), *facts, *late.feeds(late.START + 120 * late.DAY)])
    told = panel(late, kept, plain(late)).flow().beside
    expected = by_hand(late, found, facts)
    assert {each.arm for each in told.arms} == set(expected)
    for each in told.arms:
        assert numbers_of(each) == pytest.approx(expected[each.arm], rel=1e-9)
        assert all(expected[each.arm][name] for name in NAMES if each.arm != "silence")
    euros = [f for f in facts if isinstance(f, Goodwill) and f.currency == "EUR"]
    near = [f for f in euros if (f.occurred_at - found[f.customer][0]) / late.DAY < DAYS]
    assert told.foreign == len(near) > 0
    (whole,) = pooled(told).arms
    assert whole.contacts == sum(each.contacts for each in told.arms)
    assert whole.units == 160


def test_a_standing_file_that_is_there_already_learns_what_came_later(late, kept):
    """Facts told after the first analysis are in the second."""
    found = late.units(40)
    late.append(kept[0], [*late.enrolment(found), *late.feeds(late.START + 120 * late.DAY)])
    assert panel(late, kept, plain(late)).flow().beside.silence.spoken.units == 0
    facts = list(happened(late, found))
    late.append(kept[0], facts, at=late.START + 160 * late.DAY)
    told = panel(late, kept, plain(late), day=170).flow().beside
    expected = by_hand(late, found, facts)
    assert {each.arm: numbers_of(each) for each in told.arms} == {
        arm: pytest.approx(numbers) for arm, numbers in expected.items()
    }


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_silence_that_was_broken_is_told_by_how(late, kept):
    found = late.units(40)
    silent = [c for c, (_, arm) in found.items() if arm == "silence"]
    at = {c: found[c][0] + late.DAY for c in silent}
    one, two, three = silent[:3]
    named = {"occurred_at": at[one], "customer": one}
    facts = [
        Goodwill(key="g", kind="refund", amount=100, currency="USD", **named),
        Contact(key="c", kind="mail", by="company", **named),
        Contact(key="c2", occurred_at=at[two], customer=two, kind="mail", by="company"),
        Contact(key="c3", occurred_at=at[three], customer=three, kind="call"),  # theirs: silent yet
        SameIncident(key="ops", occurred_at=at[two], customer=two, incident=f"i-{two}", kind="x"),
        Fault(key="f", occurred_at=at[two], incident="ops", by="company"),
    ]
    late.append(kept[0], [*late.enrolment(found), *facts, *late.feeds(late.START + 120 * late.DAY)])
    told = panel(late, kept).flow().beside
    (said,) = sentences(told)
    assert said == (
        "Silence was not silent for 2 of 10 units (20.0%): goodwill 1, of it a refund 1, "
        "a message or call from us 2. Effects against it are against what was really given."
    )
    assert told.silence.fault == {"company": 1}
    table = {row.what: row.of_arms for row in rows(told)}
    place = [each.arm for each in told.arms].index("silence")
    assert table["goodwill a unit, USD"][place] == "0.10"
    assert table["refunded"][place] == "10.0%"
    assert "agents said / changed / skipped" not in table
    assert "Beside the plan" in as_text(told)


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_silence_that_was_kept_says_so_and_a_feed_that_lacks_too(late, kept):
    found = late.units(40)
    late.append(kept[0], [*late.enrolment(found), late.feeds(late.START + 120 * late.DAY)[0]])
    told = panel(late, kept, plain(late)).flow().beside
    assert sentences(told) == [
        "Silence was silent: nothing reached any of its 10 units.",
        "The feed 'contact' was never declared complete: there may be more.",
        "The feed 'goodwill' was never declared complete: there may be more.",
    ]


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_a_refund_that_the_experiment_gives_is_one(late, kept):
    found = late.units(40)
    given = [
        Liability(key=f"l{c}", occurred_at=at, assignment=f"late/{c}", experiment="late", customer=c,
                  arm=arm, compensation="usd5", state="committed", amount=500, currency="USD")
        for c, (at, arm) in found.items() if "usd5" in arm
    ]  # fmt: skip
    late.append(kept[0], [*late.enrolment(found), *given, *late.feeds(late.START + 120 * late.DAY)])
    declared = plain(late)
    usd5 = declared.compensation["usd5"]
    refund = Compensation(kind="refund", value=usd5.value)
    told = panel(late, kept, replace(declared, compensation={"usd5": refund})).flow().beside
    assert {each.arm: each.refunded for each in told.arms} == {
        "silence": 0, "sorry+none": 0, "none+usd5": 10, "sorry+usd5": 10,
    }  # fmt: skip


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_errors_between_agents_are_a_second_interval(late, kept):
    found = late.units(160)
    facts = list(happened(late, found))
    dollars = [f for f in facts if getattr(f, "currency", None) in (None, "USD")]
    late.append(
        kept[0], [*late.enrolment(found), *dollars, *late.feeds(late.START + 120 * late.DAY)]
    )
    made = panel(late, kept)
    asked = question(late.declaration(), covariates=made.covariates)
    analysis = conclude(made, asked, about(late.declaration(), as_of=late.START + 150 * late.DAY))
    named = "by_cause(column=agent)"
    mine = [each for each in analysis.estimates if each.estimator == named]
    assert {each.treatment for each in mine if each.kind == "arm"} == set(late.ARMS) - {"silence"}
    assert dict(mine[0].details)["values of agent"] == 9
    plainly = {
        (e.outcome, e.treatment): e
        for e in analysis.estimates
        if e.estimator == "difference_in_means"
    }
    for each in mine:
        if each.kind == "arm":
            assert each.point == pytest.approx(plainly[each.outcome, each.treatment].point)
            assert each.std_error != plainly[each.outcome, each.treatment].std_error
    without = [e for e in analysis.estimates if e.estimator != named]
    assert without
    assert analysis.estimates[0].estimator != named


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_without_agents_there_is_no_such_column(late, kept):
    found = late.units(40)
    late.append(kept[0], [*late.enrolment(found), *late.feeds(late.START + 120 * late.DAY)])
    assert "agent" not in panel(late, kept).columns
