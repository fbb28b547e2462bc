"""An order system's process: threads that ask for incidents and write down each reply they get.

Run as a program it is the process that is killed; imported it is what the test knows of it. A reply
is appended to the thread's own file and synced, so that whatever the file says was acknowledged.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zlib
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Event, Thread

HAPPENED = datetime(2026, 3, 2, tzinfo=UTC)
CUSTOMERS = 60
"""For each life, so that customers come again, and meet in several threads."""


def incident_of(key):
    """The same incident for the same key, whoever asks, whenever."""
    from apologylab.hooks import Incident

    life = key.split("-")[0]
    customer = f"{life}-c{zlib.crc32(key.encode()) % CUSTOMERS}"
    return Incident(key=key, occurred_at=HAPPENED, customer=customer, kind="late_ride",
                    fields={"minutes_late": 12, "first_name": "Jo"})  # fmt: skip


def ask_for_ever(client, name, folder, most=None, enough=None):
    """Ask for incidents, some a second time: ``most`` times, until ``enough`` is set, or killed."""
    with (folder / name).open("ab", buffering=0) as kept:
        for number in count() if most is None else range(most):
            if enough is not None and enough.is_set():
                return
            key = f"{name}-{number if number % 5 else number // 2}"
            given = client.assign(incident_of(key))
            if given.reason == "FALLBACK":
                time.sleep(0.005)
                continue
            kept.write(line(key, given))
            os.fsync(kept.fileno())


def line(key, given):
    """A reply as it is written down."""
    return json.dumps([key, given._asdict()], default=str).encode() + b"\n"


@contextmanager
def asking(client, folder, threads=4):
    """Threads of this process that ask ``client`` as long as the block lasts."""
    folder.mkdir(exist_ok=True)
    enough = Event()
    busy = [
        Thread(target=ask_for_ever, args=(client, f"here.{each}", folder, None, enough))
        for each in range(threads)
    ]
    for each in busy:
        each.start()
    try:
        yield
    finally:
        enough.set()
        for each in busy:
            each.join(60)
    assert not any(each.is_alive() for each in busy)


def replies(folder):
    """Key -> its reply, of all whole lines; the same key must always have got the same."""
    found = {}
    for file in sorted(each for each in folder.iterdir() if not each.name.startswith(".")):
        for each in file.read_bytes().split(b"\n")[:-1]:
            key, given = json.loads(each)
            assert found.setdefault(key, given) == given, key
    return found


@contextmanager
def running(url, folder, name, *, threads=3, most=None, begin=None, environment=None):
    """The process, from when it answers; killed on leaving the block if it still runs."""
    with all_running(
        url, folder, [name], threads=threads, most=most, begin=begin, environment=environment
    ) as (process,):
        yield process


@contextmanager
def all_running(url, folder, names, *, threads=3, most=None, begin=None, environment=None):
    """Several processes; ``begin`` is a file that they wait for before they ask."""
    folder.mkdir(exist_ok=True)
    with ExitStack() as living:
        processes = []
        for name in names:
            told = [url, str(folder), name, str(threads), str(most or ""), str(begin or "")]
            process = subprocess.Popen(
                [sys.executable, __file__, *told],
                stdout=subprocess.PIPE,
                env=os.environ | (environment or {}),
            )
            living.enter_context(process)
            living.callback(process.kill)
            processes.append(process)
        for process in processes:
            assert process.stdout.readline() == b"ready\n"
        yield processes


def wait_for(folder, name, many, process):
    """Wait until the process wrote down ``many`` more replies than it finds there."""
    files = [folder / f"{name}.{each}" for each in range(9)]

    def written():
        return sum(file.read_bytes().count(b"\n") for file in files if file.exists())

    wanted, until = written() + many, time.monotonic() + 60
    while written() < wanted and process.poll() is None:
        assert time.monotonic() < until, "the process answers nothing"
        time.sleep(0.002)


def stored_as_told(ledger, told):
    """Each acknowledged incident has exactly one assignment, which is the one that was told."""
    from apologylab.record.facts import Assignment

    found = {}
    for each in ledger.read(Assignment):
        assert each.incident not in found, f"{each.incident} has two assignments"
        found[each.incident] = each
    names = ("arm", "reason", "propensity", "version", "phase", "delay_s")
    for key, given in told.items():
        stored = found[key]
        assert [getattr(stored, name) for name in names] == [given[name] for name in names], key
        assert str(stored.due_at) == str(given["due_at"]), key
    return found


def money_is_whole(ledger, name):
    """What the budget holds is what the customers were promised."""
    from apologylab.record.facts import Liability

    held = {"reserved": 1, "released": -1}
    owed = sum(held.get(each.state, 0) * each.amount for each in ledger.read(Liability))
    assert ledger.reserved(name) == owed


def told_again(url, told, keys):
    """A retry gets the reply that was acknowledged, word for word."""
    from apologylab.hooks import connect

    with connect(url, simulated=True, timeout_s=30) as client:
        for key in keys:
            again = json.loads(line(key, client.assign(incident_of(key))))[1]
            assert again == told[key], key


def main(url, folder, name, threads, most, begin):
    """Answer until killed, or until all threads have asked ``most`` times."""
    from apologylab.hooks import connect

    client = connect(url, simulated=True, timeout_s=5.0)
    print("ready", flush=True)
    while begin and not Path(begin).exists():
        time.sleep(0.001)
    asking = [
        Thread(target=ask_for_ever, args=(client, f"{name}.{each}", Path(folder), most))
        for each in range(threads)
    ]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    client.close()


if __name__ == "__main__":
    url, folder, name, threads, most, begin = sys.argv[1:]
    main(url, folder, name, int(threads), int(most) if most else None, begin)
