"""Merged ids are one customer: the first arm, the outcomes of all, and never dropped (R8)."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apologylab.design.experiment import Eligibility
from apologylab.inference.lost import lost
from apologylab.inference.moments import Request
from apologylab.record.facts import CustomerSnapshot, Forgotten, Merged
from apologylab.service.ports import LedgerIdentity
from apologylab.storage.sqlite import create
from apologylab.warehouse.panel_ledger import panel_ledger

LATER = datetime(2026, 7, 20, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path):
    identity = LedgerIdentity(id="t", environment="test", simulated=True)
    opened = create(tmp_path / "ledger.sqlite", identity)
    yield opened
    opened.close()


@pytest.fixture
def units(late, ledger):
    """40 enrolled units, customer -> (anchor, arm), and complete feeds."""
    found = late.units(40)
    late.append(ledger, [*late.enrolment(found), *late.feeds(late.START + 90 * late.DAY)])
    return found


def panel(ledger, late, as_of=LATER, consent="none"):
    mark = ledger.mark(as_of)
    ledger.close()
    url = f"sqlite:///{ledger.database.path}"
    declared = replace(late.declaration(), eligibility=Eligibility(consent=consent))
    return panel_ledger(url, declared, as_of=as_of, mark=mark)


def spent(opened):
    """Arm -> (units, sum of their spend)."""
    (moments,) = opened.source.moments([Request("spend_28d")])
    totals = moments.sums[:, 0] + moments.n * moments.shift[0]
    return {
        cell.arm: (int(n), round(float(total), 6))
        for cell, n, total in zip(moments.cells, moments.n, totals, strict=True)
    }


def nothing_spent(units):
    """As :func:`spent`, where nobody ordered anything."""
    counted = Counter(arm for _, arm in units.values())
    return {arm: (n, 0.0) for arm, n in counted.items()}


def merged(late, one, into, key="m"):
    return Merged(key=key, occurred_at=late.START, customer=one, into=into)


def pair(units, *, same_arm):
    """Two customers, who was drawn earlier first, in the same arm or not."""
    ordered = list(units)
    return next(
        (one, other)
        for n, one in enumerate(ordered)
        for other in reversed(ordered[n + 1 :])
        if units[one][0] < units[other][0] and (units[one][1] == units[other][1]) == same_arm
    )


def test_the_outcomes_of_an_id_without_a_unit_are_its_customers(late, ledger, units):
    (customer, (anchor, arm)) = next(iter(units.items()))
    before = nothing_spent(units)
    late.append(ledger, [merged(late, "phone-7", customer),
                         late.order("o", "phone-7", anchor + late.DAY, 2_500)])  # fmt: skip
    after = spent(panel(ledger, late))
    assert after == before | {arm: (before[arm][0], before[arm][1] + 25.0)}


@pytest.mark.parametrize("same_arm", [True, False])
def test_two_units_of_one_customer_are_the_first(late, ledger, units, same_arm):
    one, other = pair(units, same_arm=same_arm)
    (first, arm), (_, other_arm) = units[one], units[other]
    before = nothing_spent(units)
    late.append(ledger, [merged(late, other, one), late.order("a", one, first + late.DAY, 1_000),
                         late.order("b", other, first + 2 * late.DAY, 500)])  # fmt: skip
    opened = panel(ledger, late)
    after = spent(opened)
    assert after[arm] == (before[arm][0] - same_arm, before[arm][1] + 15.0)
    if not same_arm:
        assert after[other_arm] == (before[other_arm][0] - 1, before[other_arm][1])
    assert sum(opened.flow().assigned[1].values()) == 39
    (note,) = [each for each in opened.flow().notes if "merged" in each]
    assert note.startswith("1 units are merged with an earlier one of the same customer")
    assert (f"given another arm later, and kept: 1 in {arm}" in note) == (not same_arm)


def test_an_older_incident_that_is_told_later_does_not_replace_the_first_unit(late, ledger):
    """Or what the first arm gave could decide that its unit leaves it (R4, R8)."""
    found = {"x": (late.START + 5 * late.DAY, "none+usd5"), "y": (late.START, "silence")}
    late.append(ledger, [*late.enrolment(found), *late.feeds(late.START + 90 * late.DAY),
                         merged(late, "y", "x")])  # fmt: skip
    assert spent(panel(ledger, late)) == {"none+usd5": (1, 0.0)}


def test_a_chain_of_merges_is_one_customer_whatever_the_order_of_telling(late, ledger, units):
    names = sorted(units)[:4]
    links = [(names[3], names[2]), (names[0], names[1]), (names[1], names[2])]
    late.append(ledger, [merged(late, *each, key=f"m{n}") for n, each in enumerate(links)])
    opened = panel(ledger, late)
    assert sum(opened.flow().assigned[1].values()) == 37


def test_a_merge_told_later_changes_no_earlier_date(late, ledger, units):
    one, other = pair(units, same_arm=True)
    ledger.mark(LATER)
    with ledger.transaction(recorded_at=LATER + timedelta(days=1)) as work:
        work.append([merged(late, other, one)])
    assert sum(panel(ledger, late).flow().assigned[1].values()) == 40
    later = panel(ledger, late, as_of=LATER + timedelta(days=2))
    assert sum(later.flow().assigned[1].values()) == 39


def test_who_is_forgotten_is_missing_at_every_date_and_results_say_so(late, ledger, units):
    arms = dict.fromkeys(arm for _, arm in units.values())
    customer = next(iter(units))
    ledger.mark(LATER)
    with ledger.transaction(recorded_at=LATER + timedelta(days=1)) as work:
        work.append([Forgotten(key="f", occurred_at=LATER, customer=customer, because="asked")])
    opened = panel(ledger, late)
    assert sum(n for n, _ in spent(opened).values()) == 39
    flow = opened.flow()
    assert sum(flow.assigned[1].values()) == sum(flow.mature["spend_28d"][1].values()) == 40
    arm = units[customer][1]
    assert arm in arms
    assert (
        f"forgotten customers: 1 in {arm}; their outcomes are missing and not imputed" in flow.notes
    )
    assert any("can no longer be reproduced exactly" in each for each in flow.notes)
    now = panel(ledger, late, as_of=LATER + timedelta(days=2)).flow()
    assert not any("reproduced" in each for each in now.notes)


def consents(customer, at, consent):
    return CustomerSnapshot(
        key=f"s-{customer}-{at:%m%d}", occurred_at=at, customer=customer, consent=consent
    )


def test_consent_withdrawn_after_the_draw_makes_outcomes_missing(late, ledger, units):
    """Before the draw it is a matter of eligibility; given again, it is not withdrawn."""
    names = list(units)[:3]
    day = timedelta(days=1)
    told = [
        consents(names[0], units[names[0]][0] + day, "none"),
        consents(names[1], units[names[1]][0] - day, "none"),
        consents(names[2], units[names[2]][0] + day, "none"),
        consents(names[2], units[names[2]][0] + 2 * day, "service"),
    ]
    late.append(ledger, told)
    opened = panel(ledger, late, consent="service")
    assert sum(n for n, _ in spent(opened).values()) == 39
    arm = units[names[0]][1]
    assert (
        f"consent withdrawn: 1 in {arm}; their outcomes are missing and not imputed"
        in opened.flow().notes
    )
    (gone,) = opened.source.moments([Request(lost("spend_28d"))])
    counted = {
        cell.arm: round(float(total + n * gone.shift[0]))
        for cell, n, total in zip(gone.cells, gone.n, gone.sums[:, 0], strict=True)
    }
    assert {name: n for name, n in counted.items() if n} == {arm: 1}
    assert int(gone.n.sum()) == 40


def test_an_experiment_that_needs_no_consent_cannot_lose_it(late, ledger, units):
    name = next(iter(units))
    late.append(ledger, [consents(name, units[name][0] + timedelta(days=1), "none")])
    opened = panel(ledger, late)
    assert sum(n for n, _ in spent(opened).values()) == 40
