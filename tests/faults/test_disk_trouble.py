"""A disk that is full or read-only: said clearly, nothing acknowledged lost, and it goes on after.

Real file systems of 8 MiB in memory, skipped where nothing may be mounted.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest

from apologylab import wiring
from apologylab.cli.app import main
from apologylab.cli.exits import CODES
from apologylab.errors import LedgerError
from apologylab.hooks import connect
from apologylab.record.facts import Order
from apologylab.service.ports import LedgerIdentity
from apologylab.storage import sqlite

SIZE = "8m"
ROOM = 600_000
ORDERS = 12_000
PATIENCE = 400
"""Incidents within which a disk with so little room must be full."""


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MiB; gone when the test ends."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if shutil.which("mount") is None:
        pytest.skip("there is no `mount` here")
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a tmpfs may not be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """Leave ``ROOM`` bytes free; gives the file that takes the others."""
    ballast = folder / "ballast"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    ballast.write_bytes(b"x" * (free - ROOM))
    return ballast


@pytest.fixture
def ledger_on(small_disk, loop):
    """The URL of a ledger on the small disk, its experiment running."""
    identity = LedgerIdentity(id="x", environment="test", simulated=True)
    ledger = sqlite.create(small_disk / "l.sqlite", identity)
    loop.begin(ledger)
    ledger.close()
    return f"sqlite:///{small_disk / 'l.sqlite'}"


def test_a_full_disk_gives_fallbacks_and_takes_back_nothing(ledger_on, small_disk, service):
    ballast = fill(small_disk)
    told, refused = {}, []
    with connect(ledger_on, simulated=True, timeout_s=30) as client:
        for number in range(PATIENCE):
            given = client.assign(service.incident_of(f"a-{number}"))
            if given.reason == "FALLBACK":
                refused.append(given)
            else:
                told[f"a-{number}"] = given
            if len(refused) == 5:
                break
        assert len(refused) == 5
        assert len(told) > 5
        assert {given.arm for given in refused} == {"today"}
        assert all("full" in given.because for given in refused), refused[0].because
        ballast.unlink()
        more = [client.assign(service.incident_of(f"b-{number}")) for number in range(20)]
        assert "FALLBACK" not in {given.reason for given in more}
        for key, given in told.items():
            assert client.assign(service.incident_of(key)) == given
    with closing(sqlite3.connect(small_disk / "l.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.fixture
def project(small_disk, tmp_path, monkeypatch, capsys):
    """A project on the small disk, and a file of orders elsewhere that it has no room for."""
    monkeypatch.chdir(small_disk)
    assert main(["init", "--currency", "EUR", "--time-zone", "UTC"]) == 0
    orders = tmp_path / "orders.csv"
    lines = (f"o{i},2026-05-01T10:00Z,c{i},1.50,1.00,EUR" for i in range(ORDERS))
    header = "key,occurred_at,customer,list_amount,paid_amount,currency"
    orders.write_text("\n".join([header, *lines]))
    capsys.readouterr()
    return orders


def test_recording_on_a_full_disk_says_so_and_is_done_again_after(project, small_disk, capsys):
    ballast = fill(small_disk)
    assert main(["record", str(project), "--as", "order"]) == CODES[LedgerError]
    said = capsys.readouterr().err
    assert "full" in said
    assert "room" in said
    ballast.unlink()
    assert main(["record", str(project), "--as", "order"]) == 0
    ledger = wiring.open_ledger()
    assert ledger.count(Order) == ORDERS
    ledger.close()


def test_a_read_only_disk_is_named_and_harms_nothing(project, small_disk, capsys):
    assert main(["record", str(project), "--as", "order"]) == 0
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    capsys.readouterr()
    code = main(["record", str(project), "--as", "order"])
    said = capsys.readouterr().err
    assert code == CODES[LedgerError]
    assert "may be written" in said
    with pytest.raises(LedgerError, match=r"l\.sqlite|apologylab\.sqlite"):
        connect(f"sqlite:///{small_disk / 'apologylab.sqlite'}")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert main(["record", str(project), "--as", "order"]) == 0
    ledger = wiring.open_ledger()
    assert ledger.count(Order) == ORDERS
    ledger.close()
