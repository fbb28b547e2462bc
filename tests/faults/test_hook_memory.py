"""A client that answers without end holds no more memory than after its first calls."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from apologylab.errors import LedgerError
from apologylab.hooks import LedgerClient
from apologylab.service.ports import LedgerIdentity
from apologylab.storage.sqlite import create

KB = 1_000
SPOOL = 20


@pytest.mark.slow
def test_memory_stays_flat(tmp_path, loop, counts, monkeypatch):
    monkeypatch.setattr("apologylab.remedy.wording.REMEMBERED", 50)
    calls = counts(1_000, 30_000)
    identity = LedgerIdentity(id="x", environment="test", simulated=True)
    ledger = create(tmp_path / "l.sqlite", identity)
    running = loop.begin(ledger, loop.Declared().change('"5000.00 USD"', '"900000.00 USD"'))
    held = []
    with LedgerClient(
        ledger, [running], clock=lambda: loop.START, timeout_s=60, spool=SPOOL
    ) as client:
        tracemalloc.start()
        for stretch in range(3):
            _ask(client, loop, calls if stretch else 500, stretch)
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert client.waiting == 0
    # Each call kept for ever would be some 2 kB: 2 MB a stretch.
    assert max(held[1:]) - held[0] < 300 * KB, held


def _ask(client, loop, calls, stretch):
    """New customers with names of their own, retries, nonsense, and a ledger that fails."""
    for number in range(calls):
        key = f"{stretch}-{number}"
        made = loop.incident(key=key, customer=key, first_name=f"Jo{key}")
        assert client.assign(made).reason == "RANDOMISED"
        if number % 10 == 0:
            client.assign(made)
            client.assign(None)
            client.assign(loop.incident(key=key, customer="\0"))
    whole, client._assign = client._assign, _fail
    for number in range(5 * SPOOL):
        client.assign(loop.incident(key=f"f{stretch}-{number}", customer=f"f{number}"))
    client._assign = whole
    assert client.waiting <= SPOOL
    client.flush()


def _fail(*_args, **_kwargs):
    raise LedgerError("disk full")
