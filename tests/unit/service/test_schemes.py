"""Schemes that need the ledger: exact balance, one arm a cluster, nothing lost to retries (R3)."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from apologylab.assignment.draw import compile_draw
from apologylab.assignment.strata import split
from apologylab.errors import LedgerBusyError, StateError
from apologylab.record.facts import Assignment, PhaseBegan
from apologylab.service import schemes
from apologylab.service.assign import assign
from apologylab.service.assign_file import FileTask, assign_file
from apologylab.service.drawn_again import drawn_again
from apologylab.storage import sqlite
from apologylab.storage.memory import MemoryLedger

ARMS = ("silence", "none+usd5@1h", "sorry+none@1h", "sorry+usd5@1h")
BLOCKS = 'scheme = "blocks"\nstrata = ["country", "tier"]\n'
MINIMISED = 'scheme = "minimisation"\nstrata = ["country", "tier"]\n'
CLUSTERS = 'cluster = "household"\n'
WEIGHTED = 'weights = { silence = 2, "*" = 1 }\n'


def declared(loop, allocation):
    found = loop.Declared().change("[otherwise]", f"[allocation]\n{allocation}[otherwise]")
    if "cluster" in allocation:
        found.change('owner = "riders"', 'owner = "riders"\nunit = "cluster"')
    return found


def told(loop, number, customer=None, **fields):
    """Incident ``number``: three countries, of which one is missing, and two tiers."""
    country = ("US", "LV", None)[number % 3]
    fields = {"tier": "gold" if number % 5 == 0 else "none", "country": country, **fields}
    return loop.incident(number, customer, **{k: v for k, v in fields.items() if v is not None})


def filled(ledger):
    """(phase, stratum) -> block -> arms, of the units that took a place."""
    found = defaultdict(lambda: defaultdict(Counter))
    for each in ledger.read(Assignment):
        if each.first:
            found[each.phase, each.stratum][each.block][each.arm] += 1
    return found


def assert_exact(ledger, places):
    """Every block but a stratum's last holds exactly its places, and the last no more."""
    found = filled(ledger)
    for strata in found.values():
        assert sorted(strata) == list(range(len(strata)))
        for block in range(len(strata) - 1):
            assert strata[block] == places
        assert strata[len(strata) - 1] <= Counter(places)
    return found


PLACES = Counter(dict.fromkeys(ARMS, 2))


def test_after_any_number_of_units_every_full_block_is_exactly_proportional(ledger, loop):
    running = loop.begin(ledger, declared(loop, BLOCKS))
    for number in range(150):
        (given,) = loop.ask(ledger, running, told(loop, number))
        assert given.propensity == 0.25
        if number in {1, 30, 89}:
            assert_exact(ledger, PLACES)
    found = assert_exact(ledger, PLACES)
    assert sorted(stratum for _, stratum in found) == [
        f"country={country},tier={tier}"
        for country in ("?", "LV", "US")
        for tier in ("gold", "none")
    ]
    assert sum(sum(arms.total() for arms in each.values()) for each in found.values()) == 150


def test_weights_are_kept_in_every_block_and_phase(ledger, loop):
    later = '[[allocation.phases]]\nweights = { silence = 1, "*" = 3 }\n'
    text = declared(loop, BLOCKS + WEIGHTED + later)
    running = loop.begin(ledger, text)
    loop.ask(ledger, running, *(loop.incident(i) for i in range(100)))
    begin_phase(ledger, running, 2, loop)
    given = loop.ask(ledger, running, *(loop.incident(i) for i in range(100, 200)))
    assert {each.propensity for each in given} == {0.1, 0.3}
    found = filled(ledger)
    assert found[1, "country=?,tier=?"][3] == Counter(dict.fromkeys(ARMS, 2) | {"silence": 4})
    assert found[2, "country=?,tier=?"][3] == Counter(dict.fromkeys(ARMS, 6) | {"silence": 2})


def begin_phase(ledger, running, phase, loop):
    begun = PhaseBegan(
        key=f"{running.name}/1/{phase}",
        occurred_at=loop.START,
        experiment=running.name,
        version=1,
        phase=phase,
        entry=1.0,
        weights={},
    )
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([begun])


@pytest.mark.parametrize("allocation", [BLOCKS, MINIMISED, CLUSTERS])
def test_batches_of_any_size_answer_alike(ledger, loop, allocation):
    incidents = [told(loop, i, f"c{i % 31}", household=i % 7) for i in range(120)]
    hashes = set()
    for size in (1, 7, 120):
        other = MemoryLedger(ledger.identity)
        running = loop.begin(other, declared(loop, allocation))
        for first in range(0, 120, size):
            loop.ask(other, running, *incidents[first : first + size])
        hashes.add(other.content_hash())
    assert len(hashes) == 1


@pytest.mark.parametrize("allocation", [BLOCKS, MINIMISED, CLUSTERS])
def test_retries_and_crashes_take_nothing(ledger, loop, allocation):
    running = loop.begin(ledger, declared(loop, allocation))
    batch = [told(loop, i, household=i % 7) for i in range(40)]

    def crash():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assign(ledger, running, batch, now=loop.START, in_time=crash)
    assert ledger.count(Assignment) == 0
    first = loop.ask(ledger, running, *batch[:20])
    assert loop.ask(ledger, running, *batch[:20]) == first
    loop.ask(ledger, running, *batch[20:])

    other = MemoryLedger(ledger.identity)
    loop.ask(other, loop.begin(other, declared(loop, allocation)), *batch)
    assert list(other.read(Assignment)) == list(ledger.read(Assignment))


def test_a_repeat_takes_no_place_and_keeps_its_first(ledger, loop):
    running = loop.begin(ledger, declared(loop, BLOCKS))
    (first,) = loop.ask(ledger, running, told(loop, 0, "ann"))
    (again,) = loop.ask(
        ledger, running, replace(told(loop, 1, "ann"), occurred_at=loop.START + loop.DAY)
    )
    assert (again.arm, again.stratum, again.block, again.first) == (
        first.arm,
        first.stratum,
        first.block,
        False,
    )
    assert again.stratum == "country=US,tier=gold"
    loop.ask(ledger, running, *(told(loop, 15 * i) for i in range(1, 24)))
    assert_exact(ledger, PLACES)


def test_a_unit_that_the_budget_turns_away_takes_no_place(ledger, loop):
    text = declared(loop, BLOCKS.replace('["country", "tier"]', "[]"))
    running = loop.begin(ledger, text.change('total = "5000.00 USD"', 'total = "55.00 USD"'))
    given = loop.ask(ledger, running, *(loop.incident(i) for i in range(40)))
    reasons = Counter(each.reason for each in given)
    assert reasons["CLOSED"] > 0
    assert reasons["RANDOMISED"] >= 11
    drawn = [each for each in given if each.first]
    assert [each.block for each in drawn] == [number // 8 for number in range(len(drawn))]
    with ledger.transaction(recorded_at=loop.START) as work:
        assert work.counters(["stratum/late_ride/1/1/"]) == {"stratum/late_ride/1/1/": len(drawn)}


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request, tmp_path, ledger):
    """A ledger that many threads write to."""
    if request.param == "postgresql":
        yield request.getfixturevalue("postgres_ledger")
        return
    made = sqlite.create(tmp_path / "l.sqlite", ledger.identity)
    yield made
    made.close()


def write_at_once(shared, running, batches, loop):
    """Each batch by a thread of its own, three incidents a call, the first told twice."""

    def write(batch):
        for first in range(0, len(batch), 3):
            loop.ask(shared, running, *batch[first : first + 3])
            loop.ask(shared, running, batch[first])

    with ThreadPoolExecutor(len(batches)) as pool:
        list(pool.map(write, batches))


def of_writers(loop, each, **fields):
    return [
        [told(loop, 16 * step + writer, **fields) for step in range(each)] for writer in range(16)
    ]


def test_sixteen_writers_fill_blocks_exactly(shared, loop):
    running = loop.begin(shared, declared(loop, BLOCKS))
    write_at_once(shared, running, of_writers(loop, 30), loop)
    found = assert_exact(shared, PLACES)
    assert sum(sum(arms.total() for arms in each.values()) for each in found.values()) == 480


def test_sixteen_writers_toss_the_coins_that_the_units_before_have_bent(shared, loop):
    """Counted again in the order of commits, every coin is the one whose propensity is stored."""
    running = loop.begin(shared, declared(loop, MINIMISED))
    write_at_once(shared, running, of_writers(loop, 15), loop)
    counts, placing = defaultdict(Counter), running.assigner.placing(1)
    drawn = [each for each in shared.read(Assignment) if each.first]
    for each in drawn:
        alike = [counts[level] for level in split(each.stratum)]
        again = placing.by_coin(each.unit, alike)
        assert (again.arm, again.propensity) == (each.arm, each.propensity)
        for level in alike:
            level[each.arm] += 1
    assert len(drawn) == 240


def test_sixteen_writers_give_a_household_one_arm(shared, loop):
    running = loop.begin(shared, declared(loop, CLUSTERS))
    batches = [
        [loop.incident(16 * step + writer, household=step % 9) for step in range(18)]
        for writer in range(16)
    ]
    write_at_once(shared, running, batches, loop)
    arms = defaultdict(set)
    for each in shared.read(Assignment):
        arms[each.unit].add((each.arm, each.phase))
    assert len(arms) == 9
    assert all(len(found) == 1 for found in arms.values())


def test_a_stratum_that_was_not_locked_is_done_again(ledger, loop):
    """Between the look at what stands and the lock, somebody records it with other fields."""
    running = loop.begin(ledger, declared(loop, BLOCKS))
    mine, theirs = told(loop, 1), told(loop, 1, country="EE")
    with ledger.transaction(recorded_at=loop.START) as work:
        locked = schemes.names(work, running, [mine])
        assert locked == ["stratum/late_ride/1/country=LV,tier=none"]
        with pytest.raises(LedgerBusyError):
            schemes.begin(work, running, 1, [theirs], locked=locked)
    with ledger.transaction(recorded_at=loop.START) as work:
        work.append([theirs])
        assert len(schemes.names(work, running, [mine])) == 2
    (given,) = loop.ask(ledger, running, mine)
    assert given.stratum == "country=EE,tier=none"


def test_minimisation_stores_the_probability_that_the_counts_gave(ledger, loop):
    running = loop.begin(ledger, declared(loop, MINIMISED + "coin = 0.7\n"))
    given = loop.ask(ledger, running, *(told(loop, i) for i in range(200)))
    assert given[0].propensity == 0.25
    assert {round(each.propensity, 9) for each in given} <= {0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.7}
    assert {0.1, 0.7} < {round(each.propensity, 9) for each in given}
    assert given[3].stratum == "country=US,tier=none"
    for country in ("US", "LV", "?"):
        arms = Counter(each.arm for each in given if f"country={country}," in each.stratum)
        assert max(arms.values()) - min(arms.values()) <= 8


def test_a_cluster_has_one_arm_whoever_and_whenever(ledger, loop):
    text = declared(loop, CLUSTERS + '[[allocation.phases]]\nweights = { silence = 9, "*" = 1 }\n')
    running = loop.begin(ledger, text)
    early = loop.ask(ledger, running, *(loop.incident(i, household=i % 40) for i in range(60)))
    begin_phase(ledger, running, 2, loop)
    late = loop.ask(ledger, running, *(loop.incident(i, household=i % 80) for i in range(60, 220)))
    arms, phases = defaultdict(set), defaultdict(set)
    for each in [*early, *late]:
        arms[each.unit].add((each.arm, each.propensity))
        phases[each.unit].add(each.phase)
        assert each.first
    assert len(arms) == 80
    assert all(len(found) == 1 for found in arms.values())
    assert phases["3"] == {1}
    assert phases["63"] == {2}
    later = [each for each in late if each.phase == 2]
    assert {each.propensity for each in later} == {0.75, 1 / 12}
    assert {each.propensity for each in early} == {0.25}


def test_who_moves_to_another_household_keeps_the_first(ledger, loop):
    running = loop.begin(ledger, declared(loop, CLUSTERS))
    for number in range(40):
        (first,) = loop.ask(ledger, running, loop.incident(2 * number, f"c{number}", household="a"))
        moved = loop.incident(
            2 * number + 1, f"c{number}", household=f"b{number}", at=loop.START + loop.DAY
        )
        (again,) = loop.ask(ledger, running, moved)
        assert (again.unit, again.arm, again.first) == ("a", first.arm, False)


def test_an_incident_without_a_cluster_is_not_drawn(ledger, loop):
    running = loop.begin(ledger, declared(loop, CLUSTERS))
    given = loop.ask(ledger, running, loop.incident(1), loop.incident(2, household="x" * 300))
    assert {each.because for each in given} == {
        "allocation.cluster: the incident names no household"
    }
    assert {each.reason for each in given} == {"INELIGIBLE"}


def test_an_outage_is_a_cluster_by_its_cause(ledger, loop):
    running = loop.begin(ledger, declared(loop, 'cluster = "cause"\n'))
    caused = [replace(loop.incident(i), cause=f"outage-{i % 2}") for i in range(20)]
    given = loop.ask(ledger, running, *caused)
    assert {each.unit for each in given} == {"outage-0", "outage-1"}
    assert len({(each.unit, each.arm) for each in given}) == 2


def test_a_holdout_is_drawn_on_the_customer_and_not_the_cluster(ledger, loop):
    text = declared(loop, CLUSTERS).change(
        "[otherwise]", '[holdout]\nshare = 0.5\nsalt = "h"\n[otherwise]'
    )
    running = loop.begin(ledger, text)
    given = loop.ask(ledger, running, *(loop.incident(i, household="one") for i in range(60)))
    reasons = Counter(each.reason for each in given)
    assert 10 < reasons["HOLDOUT"] < 50
    assert reasons["HOLDOUT"] + reasons["RANDOMISED"] == 60


@pytest.mark.parametrize("allocation", [BLOCKS, MINIMISED, CLUSTERS])
def test_what_stands_is_what_is_drawn_again_and_a_changed_row_is_named(
    tmp_path, ledger, loop, allocation
):
    shared = sqlite.create(tmp_path / "l.sqlite", ledger.identity)
    text = declared(
        loop, allocation + '[[allocation.phases]]\nweights = { silence = 3, "*" = 1 }\n'
    )
    running = loop.begin(shared, text)
    loop.ask(shared, running, *(told(loop, i, f"c{i % 40}", household=i % 7) for i in range(60)))
    begin_phase(shared, running, 2, loop)
    loop.ask(shared, running, *(told(loop, i, household=i % 11) for i in range(60, 100)))
    assert list(drawn_again(shared, running)) == []
    *_, changed = [each for each in shared.read(Assignment) if each.arm == ARMS[0] and each.first]
    shared.close()
    with closing(sqlite3.connect(shared.database.path)) as connection, connection:
        sql = "UPDATE fact_assignment SET arm = ? WHERE key = ?"
        connection.execute(sql, (ARMS[3], changed.key))
    found = list(drawn_again(shared, running))
    assert any(each.startswith(f"{changed.key} stands in {ARMS[3]}") for each in found), found
    shared.close()


@pytest.mark.parametrize("allocation", [BLOCKS, MINIMISED, CLUSTERS])
def test_no_draw_without_the_ledger(loop, allocation):
    experiment = declared(loop, allocation).experiment("late_ride")
    with pytest.raises(StateError, match=r"unit = cluster|allocation\.scheme"):
        compile_draw(experiment)
    task = FileTask(units="a", out="b", propose=True)
    with pytest.raises(StateError, match="no draw that a file could hold"):
        assign_file(experiment, None, task, progress=lambda _: None)
