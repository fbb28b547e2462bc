"""A mail server on loopback in a process of its own, which takes everything; prints its port."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from relays import Relay

if __name__ == "__main__":
    with Relay(pipelining="pipelining" in sys.argv) as server:
        print(server.port, flush=True)
        sys.stdin.read()
