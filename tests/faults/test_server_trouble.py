"""A PostgreSQL that goes away under load: what was acknowledged is stored, and told again."""

from __future__ import annotations

import random
import signal
import socket
import time
from contextlib import contextmanager, suppress
from threading import Lock, Thread

import pytest

from apologylab import wiring
from apologylab.hooks import connect
from apologylab.record.facts import Incident
from apologylab.service.ports import LedgerIdentity
from apologylab.storage.postgres import create

pytestmark = pytest.mark.slow
SEED = 60
IDENTITY = LedgerIdentity(id="x", environment="test", simulated=True)
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = 'ledger' AND pid <> pg_backend_pid() AND random() < 0.5"
)


@pytest.fixture(scope="module")
def server(postgres_server):
    """A server of its own, that other tests do not miss."""
    made = type(postgres_server)()
    yield made
    made.remove()


@pytest.fixture
def started(server, loop):
    """A ledger on that server with a running experiment."""
    server.execute("CREATE DATABASE ledger")
    url = server.url("ledger")
    ledger = create(url, IDENTITY)
    loop.begin(ledger, loop.Declared().change('"5000.00 USD"', '"500000.00 USD"'))
    ledger.close()
    yield url
    server.drop(url)


def _kept_its_word(url, folder, loop, service, at_least):
    told = service.replies(folder)
    assert len(told) >= at_least
    ledger = wiring.ledger_at(url)
    service.stored_as_told(ledger, told)
    service.money_is_whole(ledger, loop.NAME)
    keys = [each.key for each in ledger.read(Incident)]
    assert len(set(keys)) == len(keys)
    ledger.close()
    service.told_again(url, told, random.Random(SEED).sample(sorted(told), min(200, len(told))))
    return told


def test_the_server_is_restarted_under_load(server, started, tmp_path, loop, service, counts):
    times = counts(2, 20)
    with connect(started, simulated=True, timeout_s=2) as client:
        with service.asking(client, tmp_path / "told"):
            for _ in range(times):
                time.sleep(0.3)
                server.restart(signal.SIGQUIT)  # as if its power had failed
            time.sleep(0.5)
        after = client.assign(service.incident_of("after-1"))
    assert after.reason != "FALLBACK", "it goes on by itself"
    _kept_its_word(started, tmp_path / "told", loop, service, at_least=times * 5)


def test_connections_are_cut_under_load(server, started, tmp_path, loop, service, counts):
    times = counts(20, 300)
    with connect(started, simulated=True, timeout_s=2) as client:
        with service.asking(client, tmp_path / "told"):
            for _ in range(times):
                time.sleep(0.05)
                server.execute(CUT)
        after = client.assign(service.incident_of("after-1"))
    assert after.reason != "FALLBACK", "it goes on by itself"
    _kept_its_word(started, tmp_path / "told", loop, service, at_least=times)


def test_a_connection_is_cut_between_commit_and_its_answer(
    server, started, tmp_path, loop, service, counts
):
    commits = counts(20, 300)
    cuts = _Cuts(random.Random(SEED), share=0.2)
    with cuts.proxied(server.port) as port:
        url = started.replace(f":{server.port}/", f":{port}/")
        with connect(url, simulated=True, timeout_s=2) as client:
            with service.asking(client, tmp_path / "told"):
                until = time.monotonic() + 120
                while cuts.made < commits:
                    assert time.monotonic() < until, f"only {cuts.made} commits were cut"
                    time.sleep(0.02)
            cuts.share = 0.0
            after = client.assign(service.incident_of("after-1"))
    assert after.reason != "FALLBACK", "it goes on by itself"
    _kept_its_word(started, tmp_path / "told", loop, service, at_least=commits)


class _Cuts:
    """A proxy that lets a COMMIT through and hangs up before, or after, the server answers it."""

    def __init__(self, chance, share):
        self.share, self.made = share, 0
        self._chance, self._lock = chance, Lock()

    @contextmanager
    def proxied(self, target):
        """The port that leads to ``target``."""
        with socket.create_server(("127.0.0.1", 0)) as door:
            Thread(target=self._welcome, args=(door, target), daemon=True).start()
            yield door.getsockname()[1]
            door.shutdown(socket.SHUT_RDWR)

    def _welcome(self, door, target):
        while True:
            try:
                client, _ = door.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", target))
            for pump in (self._to_server, self._to_client):
                Thread(target=pump, args=(client, there), daemon=True).start()

    def _to_server(self, client, there):
        while data := _received(client):
            if b"COMMIT" in data and self._is_cut():
                # Half of the time the server never hears of it, half of the time it has done it.
                if self._chance.random() < 0.5:
                    _sent(there, data)
                    time.sleep(0.02)
                break
            if not _sent(there, data):
                break
        _hang_up(client, there)

    def _to_client(self, client, there):
        while data := _received(there):
            if not _sent(client, data):
                break
        _hang_up(client, there)

    def _is_cut(self):
        with self._lock:
            cut = self._chance.random() < self.share
            self.made += cut
            return cut


def _received(from_whom):
    try:
        return from_whom.recv(65_536)
    except OSError:
        return b""


def _sent(to_whom, data):
    try:
        to_whom.sendall(data)
    except OSError:
        return False
    return True


def _hang_up(*ends):
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
