"""A ledger that is far away, and processes that ask it: ``python far_away.py ROLE ...``.

``proxy PORT TO_PORT`` adds ``DELAY_S`` to each round trip; ``ask URL EXPERIMENT SECONDS`` answers
incidents from some threads and prints how many.
"""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from threading import Thread

sys.path.append(str(Path(__file__).parent.parent / "tests"))

DELAY_S = 0.002
THREADS = 8


def proxy(port: int, to: int) -> None:
    """Pass bytes on between ``port`` and ``to`` on this machine, questions after a while."""
    listening = socket.create_server(("127.0.0.1", port))
    while True:
        near, _ = listening.accept()
        far = socket.create_connection(("127.0.0.1", to))
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Thread(target=_pump, args=(near, far, DELAY_S), daemon=True).start()
        Thread(target=_pump, args=(far, near, 0.0), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, delay_s: float) -> None:
    try:
        while data := source.recv(1 << 16):
            time.sleep(delay_s)
            sink.sendall(data)
    except OSError:
        return
    sink.close()


def ask(url: str, experiment: str, seconds: float) -> int:
    """How many incidents ``THREADS`` threads got answered from the moment a line comes in."""
    import loop
    from apologylab.hooks import connect

    answered = [0] * THREADS
    with connect(url, simulated=True, timeout_s=60) as client:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        name = sys.stdin.readline().strip()
        end = time.monotonic() + seconds

        def go(thread: int) -> None:
            while time.monotonic() < end:
                key = f"{name}-{thread}-{answered[thread]}"
                given = client.assign(loop.incident(key=key, customer=key), experiment=experiment)
                if given.reason != "RANDOMISED":
                    raise RuntimeError(f"{given.reason}: {given.because}")
                answered[thread] += 1

        threads = [Thread(target=go, args=(each,)) for each in range(THREADS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    return sum(answered)


if __name__ == "__main__":
    role, *given = sys.argv[1:]
    if role == "proxy":
        proxy(int(given[0]), int(given[1]))
    else:
        sys.stdout.write(f"{ask(given[0], given[1], float(given[2]))}\n")
