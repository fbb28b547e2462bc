"""A process that forks with a client at work: parent and children all get their answers."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial

import pytest

from apologylab import wiring
from apologylab.hooks import connect
from apologylab.record.facts import Assignment

CHILDREN = 4
UNHURRIED_S = 20

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork: POSIX only")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    from apologylab.service.ports import LedgerIdentity
    from apologylab.storage.sqlite import create

    identity = LedgerIdentity(id="x", environment="test", simulated=True)
    create(tmp_path / "l.sqlite", identity).close()
    return f"sqlite:///{tmp_path}/l.sqlite"


def _begun(url, loop):
    ledger = wiring.ledger_at(url)
    loop.begin(ledger)
    ledger.close()


@contextmanager
def _busy(client, loop, name):
    """Threads that ask without end, so that a fork finds the worker at work."""
    over, told = threading.Event(), []

    def ask(thread):
        number = 0
        while not over.is_set():
            incident = loop.incident(
                key=f"{name}/{thread}/{number}", customer=f"{name}{thread}-{number}"
            )
            told.append(client.assign(incident).reason)
            number += 1

    threads = [threading.Thread(target=ask, args=(each,)) for each in range(3)]
    for each in threads:
        each.start()
    yield told
    over.set()
    for each in threads:
        each.join()


def _in_child(work):
    """Fork; what ``work`` gives in the child, read by the parent later."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = work()
        except BaseException as error:  # noqa: BLE001 - a child must end here whatever happens
            said = repr(error)
        with os.fdopen(write, "wb") as out:
            pickle.dump(said, out)
        os._exit(0)
    os.close(write)
    return pid, read


def _outcome(child):
    pid, read = child
    with os.fdopen(read, "rb") as told:
        said = pickle.load(told)
    os.waitpid(pid, 0)
    return said


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_children_of_a_busy_parent_answer_and_so_does_the_parent(url, loop):
    _begun(url, loop)
    with connect(url, simulated=True, timeout_s=UNHURRIED_S) as client:
        with _busy(client, loop, "parent") as told:
            asking = [partial(_ask, client, loop, child) for child in range(CHILDREN)]
            children = [_in_child(each) for each in asking]
            outcomes = [_outcome(each) for each in children]
        same = client.assign(loop.incident(7, "shared", key="shared"))
    assert outcomes == [(["RANDOMISED"] * 5, same, 0)] * CHILDREN
    assert set(told) == {"RANDOMISED"}
    ledger = wiring.ledger_at(url)
    answered = [each.incident for each in ledger.read(Assignment)]
    assert len(answered) == len(set(answered)) == len(told) + 5 * CHILDREN + 1
    ledger.close()


def _ask(client, loop, child):
    own = [client.assign(loop.incident(i, f"k{child}{i}", key=f"k{child}/{i}")) for i in range(5)]
    shared = client.assign(loop.incident(7, "shared", key="shared"))
    client.close()
    return [each.reason for each in own], shared, client.waiting


def test_a_child_leaves_its_parents_reports_to_the_parent(url, loop):
    _begun(url, loop)
    with connect(url, simulated=True, timeout_s=UNHURRIED_S) as client:
        client._fallback(loop.incident(1), "away")
        assert _outcome(_in_child(lambda: client.waiting)) == 0
        assert client.waiting == 1


def test_nothing_is_imported_by_the_first_call(tmp_path, url, loop):
    """Nor read, nor compiled: all that is heavy happens in ``connect``."""
    _begun(url, loop)
    made = loop.incident(1, first_name="Jo")
    known = tmp_path / "incident"
    known.write_bytes(pickle.dumps(vars(made)))
    code = (
        "import pickle, sys, time\n"
        "from pathlib import Path\n"
        "from apologylab.hooks import Incident, connect\n"
        "fields = pickle.loads(Path(sys.argv[2]).read_bytes())\n"
        "client = connect(sys.argv[1], simulated=True, timeout_s=20)\n"
        "before = set(sys.modules)\n"
        "taken = []\n"
        "for number in range(40):\n"
        "    one = Incident(**{**fields, 'key': f'k{number}', 'customer': f'c{number}'})\n"
        "    begun = time.process_time()\n"
        "    assert client.assign(one).reason == 'RANDOMISED'\n"
        "    taken.append(time.process_time() - begun)\n"
        "assert set(sys.modules) == before, set(sys.modules) - before\n"
        "client.close()\n"
        "print(taken[0] / sorted(taken[1:])[19])\n"
    )
    command = [sys.executable, "-c", code, url, str(known)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    # Of the processor: cold, it takes a hundred times as long as the next.
    assert float(run.stdout) < 25
