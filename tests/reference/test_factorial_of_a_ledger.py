"""A factorial with delays in a ledger, beside plain numpy over the units: contrasts of the plan,
margins, the delay achieved, and what may be said of returns.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from apologylab.design.fingerprint import fingerprint
from apologylab.errors import StateError
from apologylab.record.facts import Delivery, PhaseBegan, Started
from apologylab.service.analyse import analyse
from apologylab.service.ports import LedgerIdentity
from apologylab.storage.sqlite import create
from apologylab.warehouse.panel_ledger import panel_ledger
from apologylab.wire.declaration import read

FACTORS = 'coupon = ["none", "usd5"]\ntiming = ["15min", "4h"]'
PLAN = """[plan]
margins = { timing = { 15min = 3, 4h = 1 } }
superiority = { spend_28d = 0.5 }
equivalence = { back_late = 0.4 }
returns = { first = "contacts_14d", full_price = "back_late" }
estimators = ["difference_in_means", "delay", "dose(curve=rising)", "shrinkage"]
[plan.contrasts]
costly = "coupon"
prompt = "timing=15min vs timing=4h"
both = "coupon=usd5 & timing=15min vs coupon=none & timing=4h"
costly_when_prompt = "coupon at timing=15min"
synergy = "coupon x timing=15min vs timing=4h"
"""
ARMS = (
    "silence", "sorry+none@15min", "sorry+none@4h", "none+usd5@15min", "none+usd5@4h",
    "sorry+usd5@15min", "sorry+usd5@4h",
)  # fmt: skip


def delivered(late, customer, anchor, arm, chance):
    """Sent after what was assigned and up to three hours; one in ten fails, whatever the arm."""
    hours = (0.25 if arm.endswith("15min") else 4.0) + chance.uniform(0, 3)
    lost = chance.random() < 0.1
    state = "would_send" if arm == "silence" else "failed" if lost else "sent"
    fact = Delivery(
        key=f"late/{customer}",
        occurred_at=anchor + timedelta(hours=hours),
        assignment=f"late/{customer}",
        experiment="late",
        customer=customer,
        arm=arm,
        channel="file",
        state=state,
    )
    return fact, hours if state == "sent" else float("nan")


@pytest.fixture(scope="module")
def lived(late, tmp_path_factory):
    text = late.text().replace('coupon = ["none", "usd5"]', FACTORS)
    text = text.replace("from_days = 7", "from_days = 20").replace("[plan]\n", PLAN, 1)
    text = text.replace('covariates = ["spend_28d:pre"]\nenrol_days', "enrol_days")
    plan, _, rest = text.partition("enrol_days")
    head, _, _ = plan.partition("[plan]\n")
    text = head + PLAN.replace("[plan]\n", "[plan]\nenrol_days" + rest.splitlines()[0] + "\n", 1)
    text += "\n".join(rest.splitlines()[1:])
    experiment = read(text, where="late")
    chance = random.Random(3)
    found = {c: (anchor, ARMS[i % 7]) for i, (c, (anchor, _)) in enumerate(late.units(700).items())}
    facts, hours, spend = [], {}, {}
    for customer, (anchor, arm) in found.items():
        sent, hours[customer] = delivered(late, customer, anchor, arm, chance)
        amount = chance.randrange(100, 9_000)
        spend[customer] = amount / 100
        at = anchor + timedelta(days=2)
        facts += [sent, late.order(f"o-{customer}", customer, at, amount)]
        if chance.random() < 0.3:
            spend[customer] += 5
            at = anchor + timedelta(days=22)
            facts.append(late.order(f"l-{customer}", customer, at, 500))
    begun = {"experiment": "late", "version": 1, "occurred_at": late.START}
    pinned = [
        Started(key="late/1", fingerprint=fingerprint(experiment), declaration=text, **begun),
        PhaseBegan(key="late/1/1", phase=1, entry=1.0, weights=dict.fromkeys(ARMS, 1), **begun),
    ]
    file = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    ledger = create(file, LedgerIdentity(id="t", environment="test", simulated=True))
    feeds = late.feeds(late.START + 200 * late.DAY)
    late.append(ledger, [*pinned, *late.enrolment(found), *facts, *feeds])
    as_of = late.START + 120 * late.DAY
    panel = panel_ledger(f"sqlite:///{file}", experiment, as_of=as_of, mark=ledger.mark(as_of))
    analysis = analyse(experiment, panel, ledger, as_of=as_of, now=as_of)
    ledger.close()
    return SimpleNamespace(
        arm=np.array([arm for _, arm in found.values()]),
        hours=np.array([hours[c] for c in found]),
        spend=np.array([spend[c] for c in found]),
        analysis=analysis,
    )


def mean(lived, arm):
    return lived.spend[lived.arm == arm].mean()


def point(lived, name, outcome="spend_28d"):
    (row,) = [
        each
        for each in lived.analysis.estimates
        if each.name == name and each.outcome == outcome and each.estimator == "difference_in_means"
    ]
    return row.point


def test_named_contrasts_weigh_as_the_margins_say(lived):
    """Without words, no coupon is silence, so the coupon is matched under words alone."""
    given = {
        t: mean(lived, f"sorry+usd5@{t}") - mean(lived, f"sorry+none@{t}") for t in ("15min", "4h")
    }
    assert point(lived, "costly") == pytest.approx(0.75 * given["15min"] + 0.25 * given["4h"])
    assert point(lived, "costly_when_prompt") == pytest.approx(given["15min"])
    assert point(lived, "synergy") == pytest.approx(given["15min"] - given["4h"])
    both = mean(lived, "sorry+usd5@15min") - mean(lived, "sorry+none@4h")
    assert point(lived, "both") == pytest.approx(both)


def test_the_declared_name_and_the_call_are_one_answer(lived):
    asked = lived.analysis.contrast("coupon", at={"timing": "15min"}, outcome="spend_28d")
    (row,) = asked.estimates
    assert row.point == point(lived, "costly_when_prompt")
    assert asked.deviations_from_plan == lived.analysis.deviations_from_plan
    besides = lived.analysis.contrast("timing", at={"coupon": "none"}, outcome="spend_28d")
    assert "asked besides the plan" in besides.deviations_from_plan[-1]


def test_the_delay_achieved_is_measured_from_the_incident(lived):
    """Wald's ratio within each content, weighted as two-stage least squares weighs."""
    reached = np.isfinite(lived.hours)
    top = bottom = 0.0
    for content in ("sorry+none", "none+usd5", "sorry+usd5"):
        mine = reached & np.char.startswith(lived.arm, content)
        late = np.char.endswith(lived.arm, "@4h")
        n1, n0 = (mine & late).sum(), (mine & ~late).sum()
        d = lived.hours[mine & late].mean() - lived.hours[mine & ~late].mean()
        y = lived.spend[mine & late].mean() - lived.spend[mine & ~late].mean()
        top, bottom = top + n1 * n0 / (n1 + n0) * d * y, bottom + n1 * n0 / (n1 + n0) * d * d
    (row,) = [
        e for e in lived.analysis.estimates if e.estimator == "delay" and e.outcome == "spend_28d"
    ]
    assert row.point == pytest.approx(top / bottom, rel=1e-9)
    assert row.n_treatment + row.n_reference == reached.sum()
    assert any("weighted average causal response" in note for note in lived.analysis.notes)


def test_doses_are_the_declared_amounts_and_effects_are_shrunk(lived):
    rows = [e for e in lived.analysis.estimates if e.outcome == "spend_28d"]
    (dose,) = [e for e in rows if e.estimator.startswith("dose")] or [None]
    refused = [e.because for e in lived.analysis.refusals if e.estimator.startswith("dose")]
    assert dose is not None or any("monotone" in each for each in refused)
    shrunk = [e for e in rows if e.estimator == "shrinkage" and e.kind == "arm"]
    assert len(shrunk) == 6
    raw = {e.treatment: e.point for e in rows if e.estimator == "difference_in_means"}
    for row in shrunk:
        about = dict(row.details)["prior mean"]
        assert abs(row.point - about) <= abs(raw[row.treatment] - about) + 1e-9
    few = [e.because for e in lived.analysis.refusals if e.estimator == "shrinkage"]
    assert any("too few to shrink" in each for each in few)


def test_declared_tests_stand_at_their_outcomes(lived):
    kinds = {(row.outcome, test.kind) for row in lived.analysis.estimates for test in row.declared}
    assert kinds == {("spend_28d", "superiority"), ("back_late", "equivalence")}


def test_what_is_withheld_cannot_be_asked_for(lived):
    with pytest.raises(StateError, match="shows no contrasts"):
        replace(lived.analysis, readings=None).contrast("coupon")
