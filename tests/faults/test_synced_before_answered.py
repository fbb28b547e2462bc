"""No reply before its write is on the disk: the system calls of a client, in their order."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from apologylab.service.ports import LedgerIdentity
from apologylab.storage.sqlite import create

CLIENT = """
import os, sys
from datetime import UTC, datetime
from threading import Thread
from apologylab.hooks import Incident, connect

def ask(client, mine):
    for number in mine:
        given = client.assign(Incident(
            key=f"<{number:03}>", occurred_at=datetime.now(UTC), customer=f"c{number}",
            kind="late_ride", fields={"minutes_late": 12},
        ))
        os.write(answered, f"{given.reason} <{number:03}>;".encode())

answered = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)
client = connect(sys.argv[1], simulated=True, timeout_s=30)
threads = [Thread(target=ask, args=(client, range(first, 60, 3))) for first in range(3)]
for each in threads:
    each.start()
for each in threads:
    each.join()
client.close()
"""
WATCHED = "trace=pwrite64,write,fdatasync,fsync,ftruncate"
CALL = re.compile(
    r"^(?P<pid>\d+) +(?:(?P<name>\w+)\((?P<args>.*?)|<\.\.\. (?P<resumed>\w+) resumed>.*?)"
    r"(?P<rest> <unfinished \.\.\.>|\) += .*)$"
)


def _strace(folder, *command):
    """What ``command`` asked of the system: lines of strace, or a skip with the reason."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip("needs strace: apt-get install strace")
    out = folder / "strace"
    options = ["-f", "-y", "-s", "5000", "-e", WATCHED, "-e", "signal=none", "-o", str(out)]
    ended = subprocess.run(
        [program, *options, *command], capture_output=True, text=True, check=False
    )
    if "ptrace" in ended.stderr.lower() and "not permitted" in ended.stderr.lower():
        pytest.skip(f"this machine does not permit ptrace: {ended.stderr.splitlines()[0]}")
    assert ended.returncode == 0, ended.stderr
    return out.read_text().splitlines()


def _calls(lines):
    """(number of the call, begins or ends, its name, its arguments), in the order they happened."""
    begun = {}
    for number, line in enumerate(lines):
        if (call := CALL.match(line)) is None:
            continue
        if call["name"]:
            begun[call["pid"]] = (number, call["name"], call["args"])
            yield (number, "begins", call["name"], call["args"])
        if not call["rest"].startswith(" <"):
            yield (begun[call["pid"]][0], "ends", *begun[call["pid"]][1:])


KEY = re.compile(r"<\d{3}>")


def _judge(lines):
    """Replies that came before the sync of their write, how many replies, and how many syncs.

    A reply's write is the first to the log that holds its key. A sync covers the writes that had
    ended when it began, once it has ended.
    """
    wrote, written, covered, synced = {}, set(), {}, set()
    overtook, replies, syncs = [], 0, 0
    for number, moment, name, arguments in _calls(lines):
        on_log = "sqlite-wal>" in arguments
        if on_log and name == "pwrite64" and moment == "ends":
            written.add(number)
            wrote = dict.fromkeys(KEY.findall(arguments), number) | wrote
        elif on_log and name in ("fdatasync", "fsync"):
            if moment == "begins":
                covered[number] = frozenset(written)
            else:
                synced |= covered[number]
                syncs += 1
        elif name == "write" and "RANDOMISED" in arguments and moment == "begins":
            (key,) = KEY.findall(arguments)
            replies += 1
            overtook += [] if wrote.get(key) in synced else [key]
    return overtook, replies, syncs


@pytest.fixture
def started(tmp_path, loop):
    path = tmp_path / "l.sqlite"
    ledger = create(path, LedgerIdentity(id="x", environment="test", simulated=True))
    loop.begin(ledger)
    ledger.close()
    return path


def test_every_reply_follows_the_sync_of_its_write(started, tmp_path):
    url, answered = f"sqlite:///{started}", tmp_path / "answered"
    lines = _strace(tmp_path, sys.executable, "-c", CLIENT, url, str(answered))
    overtook, replies, syncs = _judge(lines)
    assert replies == answered.read_text().count("RANDOMISED <") == 60
    assert overtook == []
    assert syncs >= 60 / 3, "three threads share a sync at most three at a time"


def test_a_reply_that_overtakes_its_sync_would_be_seen():
    lines = [
        '7 pwrite64(5</l.sqlite-wal>, "x<001>y<002>", 1, 0) = 1',
        "7 fdatasync(5</l.sqlite-wal> <unfinished ...>",
        '8 write(4</answered>, "RANDOMISED <001>", 16) = 16',
        "7 <... fdatasync resumed>) = 0",
        '8 write(4</answered>, "RANDOMISED <002>", 16) = 16',
        '7 pwrite64(5</l.sqlite-wal>, "<003>", 1, 0) = 1',
        '8 write(4</answered>, "RANDOMISED <003>", 16) = 16',
        '8 write(4</answered>, "RANDOMISED <004>", 16) = 16',
    ]
    overtook, replies, syncs = _judge(lines)
    assert (overtook, replies, syncs) == (["<001>", "<003>", "<004>"], 4, 1)
