"""Every fact and every field that an outcome may name is really read, wherever the ledger is.

What each unit comes to is worked out in plain Python from the facts themselves; the ledger is a
SQLite file, the same beside a standing file, or PostgreSQL.
"""

from __future__ import annotations

import random
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest

from apologylab.design.experiment import Outcome
from apologylab.design.measures import COLUMNS, DERIVED, filters, summable
from apologylab.design.times import END, End, Time
from apologylab.inference.moments import Request, cell_means
from apologylab.record.facts import KINDS, Contact, Feed, Resolution, SameIncident
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.warehouse.standing_ledger import Keeping

DAYS = 28
SAID = {
    "kind": ("call", "mail"), "by": ("customer", "company"), "question": ("made_right", "heard"),
    "currency": ("USD",), "did": ("said", "changed", "skipped"), "took": ("refund", ""),
}  # fmt: skip


def happened(kind, found, seed):
    """Up to three facts a customer, some before the incident and some after the window."""
    chance, fact = random.Random(f"{kind}{seed}"), KINDS[kind]
    for customer, (anchor, _) in found.items():
        for n in range(chance.randrange(4)):
            at = anchor + timedelta(days=chance.choice([-3.5, 0, 1.25, 9.5, 27.9, 28, 40]))
            given = {field.name: value(field, chance, customer) for field in fields(fact)}
            given |= {"key": f"{kind}-{customer}-{n}", "occurred_at": at, "customer": customer}
            yield fact(**given)


def value(field, chance, customer):
    own = chance.random() < 0.5
    if field.name == "incident":
        return f"i-{customer}" if own else f"other-{customer}"
    if field.name == "assignment":
        return f"late/{customer}" if own else f"other/{customer}"
    if field.name in SAID:
        return chance.choice(SAID[field.name])
    if field.name == "fields":
        return {}
    plain = str(field.type).removesuffix(" | None")
    maybe = chance.random() < 0.2 and "None" in str(field.type)
    made = {
        "str": lambda: chance.choice(["a", "b", "né"]),
        "int": lambda: chance.randrange(1, 500),
        "float": lambda: chance.randrange(1, 6) / 2,
        "bool": lambda: chance.random() < 0.5,
        "datetime": lambda: None,
    }
    return None if maybe else made[plain]()


def outcomes():
    """A count of every fact, a sum of every number, a filter by every text and every truth."""
    for kind, columns in COLUMNS.items():
        named = {"fact": kind, "window_days": DAYS, "role": "secondary"}
        yield Outcome(name=f"{kind}.n", measure="count", **named)
        for column in summable(kind):
            yield Outcome(name=f"{kind}.{column}", measure=f"sum({column})", **named)
        for column, type_ in filters(kind).items():
            wanted = {str: (SAID.get(column) or ("né",))[-1] or "refund", bool: True}.get(type_)
            if wanted is not None and column not in ("incident", "assignment"):
                yield Outcome(
                    name=f"{kind}.{column}.is", measure="count", where={column: wanted}, **named
                )
        assert columns


def expected(outcome, facts, found, resolved):
    """Arm -> the mean of what the outcome comes to, by hand."""
    total = {}
    for customer, (anchor, arm) in found.items():
        mine = [
            each
            for each in facts
            if each.customer == customer
            and timedelta(0) <= each.occurred_at - anchor < timedelta(days=DAYS)
            and meets(each, outcome, resolved)
        ]
        total.setdefault(arm, []).append(measured(outcome, mine))
    return {arm: np.mean(each) for arm, each in total.items()}


def meets(each, outcome, resolved):
    asked = dict(outcome.where)
    if outcome.fact == "contact":
        asked.setdefault("by", "customer")
    return all(said(each, name, resolved) == wanted for name, wanted in asked.items())


def said(each, name, resolved):
    if name == "own_incident":
        about = getattr(each, "incident", None) or getattr(each, "assignment", None)
        return about in (f"i-{each.customer}", f"late/{each.customer}")
    if name == "reopens":
        before = [r for r in resolved.get(each.incident, ()) if r.occurred_at < each.occurred_at]
        last = max(before, key=lambda r: r.occurred_at, default=None)
        return last is not None and last.resolved and getattr(each, "by", "") != "company"
    if isinstance(each, Contact) and name == "by":
        return each.by or "customer"
    return getattr(each, name)


def measured(outcome, facts):
    if outcome.measure == "count":
        return len(facts)
    column = outcome.measure.removeprefix("sum(").removesuffix(")")
    values = [getattr(each, column) or 0 for each in facts]
    if column == "list_amount":
        values = [each.list_amount - each.returned_amount for each in facts]
    return sum(values) / (100 if column.endswith("amount") else 1)


def lived(late, ledger, found, kinds=tuple(COLUMNS)):
    facts = {kind: list(happened(kind, found, 1)) for kind in kinds}
    if "resolution" in facts:  # of two at one moment none is the last
        facts["resolution"] = apart(facts["resolution"])
    through = late.START + 100 * late.DAY
    feeds = [
        Feed(key=f"f-{kind}", occurred_at=through, fact=kind, through=through) for kind in kinds
    ]
    told = [each for listed in facts.values() for each in listed]
    late.append(ledger, [*late.enrolment(found), *told, *feeds])
    return facts


def apart(resolutions):
    return [
        replace(each, occurred_at=each.occurred_at + timedelta(seconds=i))
        for i, each in enumerate(resolutions)
    ]


def panel(late, kept, experiment):
    ledger, url, file = kept
    as_of = late.START + 150 * late.DAY
    mark = ledger.mark(as_of)
    ledger.close()
    standing = Keeping(file=file, ledger_id="t") if file else None
    return panel_ledger(url, experiment, as_of=as_of, mark=mark, standing=standing)


def bare(late, *asked, **changed):
    """The late ride without a value, which has needs of its own; it asks for outcomes besides."""
    declared = late.declaration()
    return replace(declared, decision=None, outcomes=(*declared.outcomes[:1], *asked), **changed)


def test_every_outcome_is_what_the_facts_say(late, kept):
    found = late.units(80)
    facts = lived(late, kept[0], found)
    asked = [each for each in outcomes() if each.fact != "incident"]
    experiment = bare(late, *asked)
    source = panel(late, kept, experiment).source
    resolved = {}
    for each in facts["resolution"]:
        resolved.setdefault(each.incident, []).append(each)
    for outcome, moments in zip(
        asked, source.moments([Request(o.name) for o in asked]), strict=True
    ):
        mine = expected(outcome, facts[outcome.fact], found, resolved)
        means = dict(zip((c.arm for c in moments.cells), cell_means(moments)[:, 0], strict=True))
        if outcome.fact != "survey_answer" or outcome.measure == "count":  # unanswered is missing
            assert means == pytest.approx(mine, rel=1e-9), outcome.name
        assert any(means.values()), outcome.name


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_a_question_is_answered_by_its_own_answers(late, kept):
    found = late.units(80)
    facts = lived(late, kept[0], found)
    for question in SAID["question"]:
        outcome = Outcome(
            name="score", fact="survey_answer", measure="sum(score)", window_days=DAYS,
            where={"question": question}, role="secondary",
        )  # fmt: skip
        (moments,) = panel(late, kept, bare(late, outcome)).source.moments([Request("score")])
        answered = {
            each.customer
            for each in facts["survey_answer"]
            if meets(each, outcome, {}) and each.score is not None
            and timedelta(0) <= each.occurred_at - found[each.customer][0] < timedelta(days=DAYS)
        }  # fmt: skip
        assert moments.n.sum() == len(answered) > 10
        mine = expected(outcome, facts["survey_answer"], {c: found[c] for c in answered}, {})
        means = dict(zip((c.arm for c in moments.cells), cell_means(moments)[:, 0], strict=True))
        assert means == pytest.approx(mine, rel=1e-9)


def first_days(facts, found, wanted):
    """Customer -> days until the first fact that is wanted, where there is one."""
    days = {}
    for each in facts:
        t = each.occurred_at - found[each.customer][0]
        if timedelta(0) <= t < timedelta(days=DAYS) and wanted(each):
            days.setdefault(each.customer, []).append(t / timedelta(days=1))
    return {customer: min(each) for customer, each in days.items()}


def test_times_to_answer_and_to_resolution_are_those_of_the_facts(late, kept):
    found = late.units(80)
    facts = lived(late, kept[0], found)
    own = {"own_incident": True}
    times = (
        Time(name="answer", role="secondary", fact="contact", window_days=DAYS,
             where={"by": "company"} | own),
        Time(name="solved", role="secondary", fact="resolution", window_days=DAYS,
             where={"resolved": True} | own,
             ends={"gone": End(fact="complaint", where={"escalated": True})}),
    )  # fmt: skip
    made = panel(late, kept, bare(late, times=times))
    connection = made.source.connection

    def about(each):
        return each.incident == f"i-{each.customer}"

    answers = first_days(facts["contact"], found, lambda e: about(e) and e.by == "company")
    solved = first_days(facts["resolution"], found, lambda e: about(e) and e.resolved)
    gone = first_days(facts["complaint"], found, lambda e: e.escalated)
    units = "SELECT t.customer, p.* EXCLUDE (version, phase, arm) FROM panel p POSITIONAL JOIN tallies t"
    rows = connection.execute(
        f'SELECT customer, answer, "answer{END}", solved, "solved{END}" FROM ({units})'
    ).fetchall()
    assert len(rows) == 80
    for customer, answer, end, solving, how in rows:
        assert (answer, end) == (
            (pytest.approx(answers[customer]), 1) if customer in answers else (DAYS, 0)
        )
        ends = [(days[customer], n) for n, days in ((1, solved), (2, gone)) if customer in days]
        assert (pytest.approx(solving), how) == min(ends, default=(DAYS, 0))
    assert min(len(answers), len(solved), len(gone)) > 5


def test_what_operations_call_otherwise_is_the_units_own(late, kept):
    """A fact that names operations' key is about the incident that a complaint had opened."""
    found = late.units(8)
    lived(late, kept[0], found, kinds=("contact",))
    customer, (anchor, arm) = next(iter(found.items()))
    same = SameIncident(
        key="ops-1",
        occurred_at=anchor,
        customer=customer,
        incident=f"i-{customer}",
        kind="late_ride",
    )
    solved = Resolution(
        key="r", occurred_at=anchor + late.DAY, incident="ops-1", customer=customer, resolved=True
    )
    through = late.START + 100 * late.DAY
    feed = Feed(key="f", occurred_at=through, fact="resolution", through=through)
    late.append(kept[0], [same, solved, feed])
    outcome = Outcome(
        name="solved", fact="resolution", measure="count", window_days=DAYS, role="secondary",
        where={"own_incident": True},
    )  # fmt: skip
    (moments,) = panel(late, kept, bare(late, outcome)).source.moments([Request("solved")])
    totals = {
        c.arm: m * n
        for c, m, n in zip(moments.cells, cell_means(moments)[:, 0], moments.n, strict=True)
    }
    assert totals.pop(arm) == pytest.approx(1)
    assert not any(totals.values())


def test_derived_fields_are_filters_and_no_facts_fields():
    for fact, derived in DERIVED.items():
        assert not set(derived) & set(COLUMNS[fact])
        assert set(derived) < set(filters(fact))
