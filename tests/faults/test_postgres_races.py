"""What only many writers at once can do: races on a real PostgreSQL, with two connections or more."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import sqlalchemy as sa

from apologylab.errors import LedgerBusyError, LedgerError, LedgerGoneError
from apologylab.record.facts import Contact, Order, Remedy
from apologylab.service.asked import Asked
from apologylab.service.ports import Charge, Standing
from apologylab.storage import postgres
from apologylab.storage.quick import Quick

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ledger(postgres_ledger):
    return postgres_ledger


def order(key, paid=900):
    return Order(
        key=key, occurred_at=NOW, customer="c", list_amount=1000, paid_amount=paid, currency="EUR"
    )


def put(ledger, *facts, at=NOW):
    with ledger.transaction(recorded_at=at) as work:
        return work.append(facts)


def keys(facts):
    return [each.key for each in facts]


class Open:
    """A transaction that ends when the test says so; undone if it never does."""

    def __init__(self, ledger, at=NOW):
        self._context = ledger.transaction(recorded_at=at)
        self.work = self._context.__enter__()

    def commit(self):
        self._context.__exit__(None, None, None)

    def fail(self, error):
        self._context.__exit__(type(error), error, None)


def waits(running, seconds=0.3):
    """Whether it is still under way after a while."""
    with suppress(TimeoutError):
        running.result(timeout=seconds)
        return False
    return True


def in_threads(work, arguments):
    with ThreadPoolExecutor(len(arguments)) as pool:
        return [done.result() for done in [pool.submit(work, each) for each in arguments]]


def test_a_transaction_without_a_statement_asks_nothing_of_the_server(ledger):
    sent = []
    sa.event.listen(
        ledger.database._engine, "before_cursor_execute", lambda *told: sent.append(told[2])
    )
    with ledger.transaction(recorded_at=NOW) as work:
        work.lock(["customer/c"])
        assert work.append([]).new == 0
        assert work.charge([])
    assert sent == []


def test_two_write_at_once(ledger):
    with ledger.transaction(recorded_at=NOW) as slow:
        slow.lock(["customer/a"])
        slow.append([order("slow")])
        put(ledger, order("fast"))
        assert keys(ledger.read(Order)) == ["fast"]
    assert sorted(keys(ledger.read(Order))) == ["fast", "slow"]


def test_the_slower_writer_with_the_earlier_time_and_a_settled_mark(ledger):
    """A mark waits for whoever has drawn a number, so nothing can come later below it (R18)."""
    slow = Open(ledger)
    work = slow.work
    work.append([order("slow, before"), Contact(key="x", occurred_at=NOW, customer="c", kind="m")])
    put(ledger, order("fast"), at=NOW + MINUTE)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ledger.mark, NOW + 2 * MINUTE)
        assert waits(asked), "a mark was settled below a writer under way"
        work.append([order("slow, after")])
        slow.commit()
        mark = asked.result(timeout=20)
    seen = keys(ledger.read(Order, mark=mark))
    assert sorted(seen) == ["fast", "slow, after", "slow, before"]
    put(ledger, order("later, with an earlier time"), at=NOW - MINUTE)
    assert ledger.mark(NOW + 2 * MINUTE) == mark
    assert keys(ledger.read(Order, mark=mark)) == seen
    assert ledger.count(Contact, mark=mark) == 1


def test_no_mark_cuts_a_transaction_in_two(ledger):
    """However two transactions take turns, as of a date each is there as a whole or not at all."""
    one, two = Open(ledger, NOW + 9 * MINUTE), Open(ledger, NOW + MINUTE)
    for number in range(3):
        one.work.append([order(f"one {number}")])
        two.work.append([order(f"two {number}")])
    two.commit()
    one.commit()
    for minutes in range(10):
        seen = keys(ledger.read(Order, mark=ledger.mark(NOW + minutes * MINUTE)))
        assert {sum(key.startswith(name) for key in seen) for name in ("one", "two")} <= {0, 3}


def test_as_of_a_mark_the_facts_stay_while_many_write_and_clocks_jump(ledger):
    ended = threading.Event()

    def write(number):
        count = 0
        while not ended.is_set() and count < 200:
            at = NOW + timedelta(minutes=(count * 37 + number * 11) % 120 - 60)
            with ledger.transaction(recorded_at=at) as work:
                work.append([order(f"{number}/{count}/a")])
                work.append([order(f"{number}/{count}/b")])
            count += 1

    def read(_):
        seen = {}
        for step in range(12):
            as_of = NOW + timedelta(minutes=step * 53 % 120 - 60)
            mark = ledger.mark(as_of)
            seen[as_of] = mark, sorted(keys(ledger.read(Order, mark=mark)))
            assert len(seen[as_of][1]) % 2 == 0, "a transaction was cut in two"
        ended.set()
        return seen

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, number) for number in range(3)]
        seen = pool.submit(read, 0).result(timeout=60)
        for each in writers:
            each.result(timeout=60)
    for as_of, (mark, found) in seen.items():
        assert ledger.mark(as_of) == mark
        assert sorted(keys(ledger.read(Order, mark=mark))) == found
    marks = [seen[as_of][0] for as_of in sorted(seen)]
    assert marks == sorted(marks)
    assert ledger.count(Order) >= 2 * max(len(found) // 2 for _, found in seen.values())


def test_the_same_keys_in_opposite_order_are_stored_once(ledger):
    """Eight writers of the same facts: one stores each, the others find it, nobody is stuck."""
    facts = [order(f"o{number:03d}") for number in range(200)]
    together = threading.Barrier(8)

    def write(number):
        together.wait()
        return put(ledger, *(facts if number % 2 else reversed(facts)))

    done = in_threads(write, range(8))
    assert sum(each.new for each in done) == 200
    assert sum(each.same for each in done) == 7 * 200
    assert not any(each.contradicting for each in done)
    assert ledger.count(Order) == 200


def test_of_two_that_contradict_the_first_stands(ledger):
    first = Open(ledger)
    first.work.append([order("o", paid=1)])
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(put, ledger, order("o", paid=2), order("p"))
        assert waits(other)
        first.commit()
        done = other.result(timeout=20)
    assert (done.new, done.same, done.contradicting) == (1, 0, ("o",))
    assert [each.paid_amount for each in ledger.read(Order, key="o")] == [1]


def test_bulk_rows_meet_the_same_keys(ledger):
    rows = [(f"o{n:04d}", NOW, "c", 1000, 900, "EUR", False, 0) for n in range(3000)]
    together = threading.Barrier(4)

    def write(number):
        together.wait()
        part = rows[number * 500 : number * 500 + 1500]
        return ledger.append_rows(Order, part[:: 1 if number % 2 else -1], recorded_at=NOW)

    done = in_threads(write, range(4))
    assert sum(each.new for each in done) == 3000
    assert sum(each.same for each in done) == 3000
    assert ledger.count(Order) == 3000
    again = ledger.append_rows(Order, rows, recorded_at=NOW)
    assert (again.new, again.same) == (0, 3000)
    wrong = [(*row[:4], 7, *row[5:]) for row in rows[:2]]
    done = ledger.append_rows(Order, wrong + rows[2:], recorded_at=NOW)
    assert (done.new, done.same, done.contradicting) == (0, 2998, ("o0000", "o0001"))


def test_eight_threads_on_one_budget_spend_it_and_no_more(ledger):
    def spend(number):
        granted = 0
        for step in range(20):
            with suppress(ZeroDivisionError), ledger.transaction(recorded_at=NOW) as work:
                work.append([order(f"{number}/{step}")])
                if not work.charge([Charge(budget="b", amount=7, uses=1, at_most=700 - 7)]):
                    raise ZeroDivisionError
                granted += 1
        return granted

    assert sum(in_threads(spend, range(8))) == 100
    (stands,) = ledger.budgets("b").values()
    assert (stands.reserved, stands.uses) == (700, 100)
    assert ledger.count(Order) == 100


def test_budgets_in_any_order_never_wait_in_a_circle(ledger):
    names = ["a", "b", "c", "d"]

    def spend(number):
        turned = names[number:] + names[:number]
        for _ in range(25):
            with ledger.transaction(recorded_at=NOW) as work:
                assert work.charge([Charge(budget=name, amount=1) for name in turned])

    in_threads(spend, range(4))
    assert {each.reserved for each in ledger.budgets("").values()} == {100}


def test_a_charge_waits_for_the_one_before_and_sees_it(ledger):
    last = Charge(budget="b", amount=1, at_most=0)

    def spend():
        with ledger.transaction(recorded_at=NOW) as work:
            return work.charge([last])

    first = Open(ledger)
    with ThreadPoolExecutor(1) as pool:
        assert first.work.charge([last])
        other = pool.submit(spend)
        assert waits(other)
        first.commit()
        assert other.result(timeout=20) is False
    assert ledger.reserved("b") == 1


def test_a_locked_standing_keeps_others_out_even_of_a_new_budget(ledger):
    def charge():
        with ledger.transaction(recorded_at=NOW) as work:
            return work.charge([Charge(budget="new", amount=1, unless_sealed="1/0")])

    first = Open(ledger)
    with ThreadPoolExecutor(1) as pool:
        first.work.standing(["new"], locked=True)
        other = pool.submit(charge)
        assert waits(other)
        first.work.seal("new", "1/0")
        first.commit()
        assert other.result(timeout=20) is False


def test_a_whole_assignment_takes_few_round_trips(ledger, monkeypatch):
    """One for BEGIN, all locks and reads, one for all facts, one for texts and charge, COMMIT."""
    charged = [Charge(budget="b", amount=1), Charge(budget="a", amount=1)]
    with ledger.transaction(recorded_at=NOW) as work:
        work.charge(charged)
    sent = []
    run, pipeline = Quick._run, psycopg.Connection.pipeline
    monkeypatch.setattr(Quick, "_run", lambda *told: sent.append(told[1]) or run(*told))
    monkeypatch.setattr(
        psycopg.Connection, "pipeline", lambda driver: sent.append("many") or pipeline(driver)
    )
    with ledger.transaction(recorded_at=NOW) as work:
        work.lock(["experiment/e"], shared=True)
        work.lock(["customer/c"])
        work.expect([Asked(Order, "key", ("o",)), Asked(Contact, "customer", ("c",))], ["a", "b"])
        assert work.find_among(Order, "key", ["o"]) == work.find_among(Contact, "customer", ["c"])
        assert work.standing(["a", "b"]) == {name: Standing(reserved=1) for name in "ab"}
        work.append([order("o"), Contact(key="x", occurred_at=NOW, customer="c", kind="mail")])
        work.put_text("t", "Sorry")
        assert work.charge(charged)
    assert sent[:3] == ["many"] * 3
    assert [each.endswith("COMMIT") for each in sent[3:]] == [True]


def test_a_lock_excludes_and_a_shared_one_does_not(ledger):
    def take(name, *, shared):
        with ledger.transaction(recorded_at=NOW) as work:
            work.lock([name], shared=shared)
            work.find(Order, key="x")

    cases = [(True, True), (True, False), (False, True), (False, False)]
    with ThreadPoolExecutor(4) as pool:
        for mine, theirs in cases:
            with ledger.transaction(recorded_at=NOW) as work:
                work.lock(["experiment/e"], shared=mine)
                work.find(Order, key="x")
                other = pool.submit(take, "experiment/e", shared=theirs)
                apart = pool.submit(take, "experiment/f", shared=False)
                apart.result(timeout=20)
                assert waits(other) is not (mine and theirs)
            other.result(timeout=20)


def test_many_names_are_locked_in_any_order(ledger):
    """Two batches of 2,000 customers that overlap, on a server with its default settings."""
    names = [f"customer/{number}" for number in range(2000)]
    counted = []

    def take(turn):
        for _ in range(5):
            with ledger.transaction(recorded_at=NOW) as work:
                work.lock(["experiment/e"], shared=True)
                work.lock(names[::turn])
                counted.append(work.counters(["n"])["n"])
                work.advance({"n": 1})

    in_threads(take, [1, -1, 2])
    assert sorted(counted) == list(range(15))


def test_claims_at_once_are_disjoint(ledger):
    remedies = [
        Remedy(key=f"r{n:03d}", occurred_at=NOW, assignment=f"r{n:03d}", experiment="e",
               customer="c", arm="a", locale=None, text=None, text_sha256=None, compensation=None,
               amount=0, currency=None, due_at=NOW)
        for n in range(100)
    ]  # fmt: skip
    put(ledger, *remedies)
    with ledger.transaction(recorded_at=NOW) as first:
        mine = first.claim("e", holder="w0", now=NOW, until=NOW + MINUTE, limit=30)
        with ledger.transaction(recorded_at=NOW) as second:
            theirs = second.claim("e", holder="w1", now=NOW, until=NOW + MINUTE, limit=30)
    got = [{each.remedy.key for each in claimed} for claimed in (mine, theirs)]
    assert [len(each) for each in got] == [30, 30]
    assert not got[0] & got[1]

    def work(holder):
        with ledger.transaction(recorded_at=NOW) as transaction:
            claimed = transaction.claim("e", holder=holder, now=NOW, until=NOW + MINUTE, limit=9)
        return [each.remedy.key for each in claimed]

    more = [key for keys in in_threads(work, ["w2", "w3", "w4", "w5"]) for key in keys]
    assert len(more) == len(set(more)) == 36
    assert not set(more) & (got[0] | got[1])


def test_one_of_two_late_workers_still_holds(ledger):
    """``hand_over`` waits for whoever is changing the row, and then sees it."""
    put(ledger, *[
        Remedy(key="r", occurred_at=NOW, assignment="r", experiment="e", customer="c", arm="a",
               locale=None, text=None, text_sha256=None, compensation=None, amount=0,
               currency=None, due_at=NOW)
    ])  # fmt: skip
    with ledger.transaction(recorded_at=NOW) as work:
        work.claim("e", holder="w1", now=NOW, until=NOW + MINUTE, limit=1)

    def hand_over():
        with ledger.transaction(recorded_at=NOW) as late:
            return late.hand_over(["r"], holder="w1")

    second = Open(ledger)
    with ThreadPoolExecutor(1) as pool:
        after = NOW + 2 * MINUTE
        assert second.work.claim("e", holder="w2", now=after, until=after + MINUTE, limit=1)
        other = pool.submit(hand_over)
        assert waits(other)
        second.commit()
        assert other.result(timeout=20) == frozenset()


def test_waiting_in_a_circle_is_told_and_nothing_is_stored(ledger):
    """Whoever breaks the order of locks gets an error that says: do the same again."""
    both = threading.Barrier(2)

    def cross(names):
        with ledger.transaction(recorded_at=NOW) as work:
            work.append([order(names[0])])
            work.lock([names[0]])
            work.find(Order, key="x")
            both.wait(timeout=20)
            work.lock([names[1]])
            work.find(Order, key="x")

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(cross, names) for names in (["a", "b"], ["b", "a"])]
        ended = [run.exception(timeout=30) for run in runs]
    (wrong,) = [each for each in ended if each is not None]
    assert isinstance(wrong, LedgerBusyError)
    assert "deadlock" in str(wrong)
    assert ledger.count(Order) == 1


def test_a_lock_that_is_not_given_up_is_told(ledger, postgres_url, monkeypatch):
    impatient = "SELECT set_config('lock_timeout', '100ms', false)"
    monkeypatch.setattr(postgres, "_SESSION", impatient)
    other = postgres.open_(postgres_url)
    with ledger.transaction(recorded_at=NOW) as work:
        work.lock(["a"])
        work.find(Order, key="x")
        late = Open(other)
        late.work.lock(["a"])
        late.work.put_text("t", "never")
        with pytest.raises(LedgerBusyError, match="lock timeout"):
            late.commit()
    other.close()
    assert ledger.text("t") is None


def cut(server, url):
    """Cut every connection to the database at ``url``."""
    server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = "
        f"'{url.rsplit('/', 1)[1]}'"
    )


def test_a_cut_connection_stores_nothing_and_the_next_call_passes(
    ledger, postgres_server, postgres_url
):
    under_way = Open(ledger)
    under_way.work.append([order("lost")])
    under_way.work.put_text("t", "lost, too")
    cut(postgres_server, postgres_url)
    with pytest.raises(LedgerBusyError, match="hung up before the commit"):
        under_way.commit()
    assert put(ledger, order("a")).new == 1
    assert keys(ledger.read(Order)) == ["a"]


def test_a_connection_cut_at_the_commit_is_told_apart(ledger, postgres_server, postgres_url):
    under_way = Open(ledger)
    under_way.work.append([order("o")])
    cut(postgres_server, postgres_url)
    with pytest.raises(LedgerGoneError, match="may have done or not"):
        under_way.commit()
    assert put(ledger, order("o")).new == 1


def test_an_idle_connection_is_tried_before_it_is_used(
    ledger, postgres_server, postgres_url, monkeypatch
):
    put(ledger, order("a"))
    monkeypatch.setattr(postgres, "_IDLE_SECONDS", 0)
    cut(postgres_server, postgres_url)
    assert put(ledger, order("b")).new == 1
    cut(postgres_server, postgres_url)
    assert ledger.count(Order) == 2


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (psycopg.errors.DeadlockDetected, LedgerBusyError),
        (psycopg.errors.SerializationFailure, LedgerBusyError),
        (psycopg.errors.LockNotAvailable, LedgerBusyError),
        (psycopg.errors.UniqueViolation, LedgerBusyError),
        (psycopg.errors.OutOfMemory, LedgerBusyError),
        (psycopg.errors.AdminShutdown, LedgerBusyError),
        (psycopg.OperationalError, LedgerBusyError),
        (psycopg.errors.DiskFull, LedgerError),
        (psycopg.errors.InsufficientPrivilege, LedgerError),
        (psycopg.errors.ReadOnlySqlTransaction, LedgerError),
    ],
)
def test_what_may_be_repeated_is_told_apart_from_what_may_not(ledger, error, ours):
    """Within a transaction; one without a state is a connection that broke."""
    under_way = Open(ledger)
    with pytest.raises(LedgerError) as told:
        under_way.fail(error("it said so"))
    assert type(told.value) is ours


def test_a_swallowed_error_never_passes_for_a_commit(ledger):
    under_way = Open(ledger)
    under_way.work.append([order("o")])
    with suppress(Exception):
        under_way.work._writing.connection.exec_driver_sql("SELECT 1 / 0")
    with pytest.raises(LedgerError, match="failed transaction cannot be committed"):
        under_way.commit()
    assert ledger.count(Order) == 0


def test_what_stands_is_durable_whatever_the_database_says(postgres_server, postgres_url):
    name = postgres_url.rsplit("/", 1)[1]
    postgres_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    opened = postgres.open_(postgres_url)
    with opened.transaction(recorded_at=NOW) as work:
        said = work._writing.connection.exec_driver_sql("SHOW synchronous_commit").first()[0]
    opened.close()
    postgres_server.execute(f"ALTER DATABASE {name} RESET synchronous_commit")
    assert said == "on"


def test_a_server_that_comes_and_goes(postgres_server):
    """Its own server: the others' connections would be cut."""
    server = type(postgres_server)()
    try:
        from apologylab.service.ports import LedgerIdentity

        identity = LedgerIdentity(id="l", environment="test", simulated=True)
        ledger = postgres.create(server.database(), identity)
        put(ledger, order("before"))
        server.restart()
        time.sleep(postgres._IDLE_SECONDS)
        assert put(ledger, order("after")).new == 1
        server.stop(signal.SIGQUIT)
        for _ in range(2):
            with pytest.raises((LedgerGoneError, LedgerBusyError)):
                put(ledger, order("never"))
        with pytest.raises(LedgerGoneError, match="cannot be reached"):
            put(ledger, order("never"))
        server.start()
        assert sorted(keys(ledger.read(Order))) == ["after", "before"]
        ledger.close()
    finally:
        server.remove()


def test_a_forked_child_leaves_its_parents_connections_alone(ledger):
    import os

    put(ledger, order("parent"))
    child = os.fork()
    if child == 0:
        try:
            put(ledger, order("child"))
            ledger.close()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a child must never return into pytest
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert put(ledger, order("again")).new == 1
    assert sorted(keys(ledger.read(Order))) == ["again", "child", "parent"]


def test_a_place_is_shown_without_its_password(postgres_url):
    with_password = postgres_url.replace("apologylab@", "apologylab:hunter2@")
    opened = postgres.open_(with_password)
    assert "hunter2" not in opened.database.place
    opened.close()
    with pytest.raises(LedgerGoneError) as refused:
        postgres.open_(with_password.replace("/test_", "/none_"))
    assert "hunter2" not in str(refused.value)
    assert "none_" in str(refused.value)


def test_an_empty_or_a_strange_database_is_no_ledger(postgres_server):
    from apologylab.errors import NotFoundError, StateError

    url = postgres_server.database()
    with pytest.raises(NotFoundError, match="apologylab init"):
        postgres.open_(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE mine (x int)")
    with pytest.raises(LedgerError, match="is not a ledger"):
        postgres.open_(url)
    from apologylab.service.ports import LedgerIdentity

    identity = LedgerIdentity(id="l", environment="test", simulated=True)
    with pytest.raises(StateError, match="holds tables already"):
        postgres.create(url, identity)
    postgres_server.drop(url)
