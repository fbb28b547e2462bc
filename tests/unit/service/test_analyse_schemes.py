"""From assign to analyse under each scheme: the ledger's panel replays how arms were drawn (R3)."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from apologylab.record.facts import Assignment, Closed, Feed, Order
from apologylab.service.analyse import analyse
from apologylab.service.decide import decide
from apologylab.storage import sqlite
from apologylab.warehouse.panel_ledger import panel_ledger

BLOCKS = 'scheme = "blocks"\nstrata = ["country"]\n'
MINIMISED = 'scheme = "minimisation"\nstrata = ["country", "tier"]\n'
CLUSTERS = 'cluster = "household"\n'
ARMS = ("silence", "none+usd5@1h", "sorry+none@1h", "sorry+usd5@1h")


@pytest.fixture
def shared(tmp_path, ledger):
    made = sqlite.create(tmp_path / "l.sqlite", ledger.identity)
    yield made
    made.close()


def declared(loop, allocation):
    found = loop.Declared().change("[otherwise]", f"[allocation]\n{allocation}[otherwise]")
    found.change('total = "5000.00 USD"', 'total = "50000.00 USD"')
    if "cluster" in allocation:
        found.change('owner = "riders"', 'owner = "riders"\nunit = "cluster"')
    return found


def spend(each, chance):
    """In cents: households and countries differ, and so does one arm."""
    level = sum(map(ord, each.unit if each.unit.startswith("h") else str(each.stratum))) % 7
    return round(1000 + 400 * level + 300 * (each.arm == ARMS[3]) + 200 * chance.random())


def lived(ledger, loop, allocation, n=203):
    """A ledger whose experiment has ended: (experiment, spend in USD by first assignment)."""
    running = loop.begin(ledger, declared(loop, allocation))
    countries = ("US", "LV", "EE")
    told = [
        loop.incident(i, country=countries[i % 5 % 3], tier=str(i % 2), household=f"h{i % 37}")
        for i in range(n)
    ]
    for first in range(0, n, 20):
        loop.ask(ledger, running, *told[first : first + 20])
    chance, after = random.Random(1), loop.START + loop.DAY
    given = list(ledger.read(Assignment))
    cents = {each.customer: spend(each, chance) for each in given}
    orders = [
        Order(
            key=f"o-{customer}",
            occurred_at=after,
            customer=customer,
            list_amount=amount,
            paid_amount=amount,
            currency="USD",
        )
        for customer, amount in cents.items()
    ]
    through = loop.START + 60 * loop.DAY
    feeds = [
        Feed(key=fact, occurred_at=through, fact=fact, through=through)
        for fact in ("order", "redemption", "contact", "goodwill")
    ]
    closed = Closed(
        key="late_ride/1/1", occurred_at=loop.START + 2 * loop.DAY, experiment="late_ride",
        version=1, phase=1, because="tests",
    )  # fmt: skip
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([*orders, *feeds, closed])
    return running.experiment, [(each, cents[each.customer] / 100) for each in given]


def panel_of(ledger, experiment, as_of):
    mark = ledger.mark(as_of)
    ledger.close()
    return panel_ledger(f"sqlite:///{ledger.database.path}", experiment, as_of=as_of, mark=mark)


def analysed(ledger, loop, allocation, **asked):
    experiment, units = lived(ledger, loop, allocation)
    as_of = loop.START + timedelta(days=90)
    panel = panel_of(ledger, experiment, as_of)
    found = analyse(experiment, panel, ledger, as_of=as_of, now=as_of, **asked)
    return found, panel, units


@pytest.mark.parametrize("allocation", [BLOCKS, CLUSTERS])
def test_checks_read_sets_whatever_the_estimator(shared, loop, allocation):
    """Randomisation inference reads no totals by set; the sample ratio of the rows does."""
    found, _, _ = analysed(shared, loop, allocation, instead=["randomisation(draws=99)"])
    names = [each.name for each in found.checks]
    assert "sample ratio, analysed: spend" in names
    assert {each.estimator for each in found.estimates} == {"randomisation(draws=99)"}


def test_blocks_are_analysed_between_blocks(shared, loop):
    found, panel, units = analysed(shared, loop, BLOCKS)
    assert {one.estimator for one in found.estimates} == {"blocked"}
    (one,) = [each for each in found.estimates if each.treatment == ARMS[3]]
    y = np.array([value for _, value in units])
    arm = np.array([ARMS.index(each.arm) for each, _ in units])
    block = np.array([hash((each.stratum, each.block)) for each, _ in units])
    means = np.array([y[arm == i].mean() for i in range(4)])
    share = np.bincount(arm)
    adds = (y - means[arm]) * ((arm == 3) / share[3] - (arm == 0) / share[0])
    sets = np.array([adds[block == each].sum() for each in sorted(set(block))])
    k = len(sets)
    assert one.point == pytest.approx(means[3] - means[0], rel=1e-10)
    assert one.std_error == pytest.approx((k / (k - 1) * (sets**2).sum()) ** 0.5, rel=1e-9)
    apart = stats.ttest_ind(y[arm == 3], y[arm == 0], equal_var=False)
    low, high = apart.confidence_interval(0.95)
    assert one.ci_high - one.ci_low < 0.5 * (high - low)
    strata = {cell.stratum for cell in panel.flow().sets.cells}
    assert strata == {"country=US", "country=LV", "country=EE"}
    assert [(each.name, each.passed) for each in found.checks] == [
        ("sample ratio, assigned", True),
        ("sample ratio, analysed: spend", True),
        ("sample ratio, by stratum", True),
        ("attrition: spend", True),
        ("outlier influence: spend", True),
    ]
    assert any("permuted blocks" in note for note in found.notes)


def test_a_decision_is_on_the_schemes_own_error(shared, loop):
    experiment, _ = lived(shared, loop, BLOCKS)
    as_of = loop.START + timedelta(days=90)
    panel = panel_of(shared, experiment, as_of)
    verdict = decide(experiment, panel, shared, as_of=as_of, now=as_of)
    assert {each.arm for each in verdict.values} == set(ARMS[1:])
    assert verdict.verdict != "not_estimable"


def test_a_row_that_left_its_arm_is_seen(shared, loop):
    """Another arm than the block's: the chi-square of independent draws would not see it."""
    experiment, _ = lived(shared, loop, BLOCKS)
    shared.close()
    with closing(sqlite3.connect(shared.database.path)) as connection, connection:
        connection.execute(
            "UPDATE fact_assignment SET arm = 'silence' WHERE key = 'late_ride/i0'"
            " OR (key = 'late_ride/i15' AND arm <> 'silence')"
        )
    as_of = loop.START + timedelta(days=90)
    found = panel_of(shared, experiment, as_of)
    check = analyse(experiment, found, shared, as_of=as_of, now=as_of).checks[0]
    assert check.passed is False
    assert "no place" in check.says


def test_minimisation_is_compared_with_itself_and_keeps_the_plain_error(shared, loop):
    found, panel, units = analysed(shared, loop, MINIMISED)
    assert {one.estimator for one in found.estimates} == {"difference_in_means"}
    order = panel.flow().order[1]
    assert list(order.arms) == [each.arm for each, _ in units]
    assert list(order.strata) == [each.stratum for each, _ in units]
    names = {each.name: each for each in found.checks}
    assert set(names) == {
        "sample ratio, assigned",
        "sample ratio, by stratum",
        "attrition: spend",
        "outlier influence: spend",
    }
    assert names["sample ratio, assigned"].passed
    assert "redraws" in names["sample ratio, assigned"].says
    assert any("Neyman" in note for note in found.notes)
    assert max(Counter(order.arms).values()) - min(Counter(order.arms).values()) <= 6


def test_clusters_are_analysed_between_clusters(shared, loop):
    found, _, units = analysed(shared, loop, CLUSTERS)
    assert {one.estimator for one in found.estimates} == {"clustered"}
    (one,) = [each for each in found.estimates if each.treatment == ARMS[3]]
    y = np.array([value for _, value in units])
    variance = 0.0
    for arm in (ARMS[0], ARMS[3]):
        mine = [(each.unit, value) for each, value in units if each.arm == arm]
        mean = np.mean([value for _, value in mine])
        adds, held = Counter(), Counter(unit for unit, _ in mine)
        for unit, value in mine:
            adds[unit] += (value - mean) / len(mine)
        variance += sum(add**2 / (1 - held[unit] / len(mine)) for unit, add in adds.items())
    assert one.std_error == pytest.approx(variance**0.5, rel=1e-9)
    apart = [y[[each.arm == arm for each, _ in units]] for arm in (ARMS[3], ARMS[0])]
    naive = sum(each.var(ddof=1) / len(each) for each in apart) ** 0.5
    assert one.std_error > 1.5 * naive
    first, second = found.checks[:2]
    assert "clusters by arm" in first.says
    assert "clusters by arm" in second.says
    clusters = {each.unit: each.arm for each, _ in units}
    expected = stats.chisquare([Counter(clusters.values())[arm] for arm in ARMS])
    assert first.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert "customers per cluster" in found.checks[2].says
    assert "drawn by cluster" in one.estimand
