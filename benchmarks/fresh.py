"""Contenders in processes of their own, each with the packages that it wants.

A contender is a script in ``contenders/`` that prints its estimates as JSON: what they cost is the
whole process, imports and reading included. Where its pins clash with ours it has an environment of
its own, made the first time in ``.venv-peers/`` and kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
PEERS: dict[str, Sequence[str]] = {
    "tea_tasting": ("tea-tasting==1.14.0", "pyarrow==26.0.1", "numpy==2.4.6"),
    "lifelines": ("lifelines==0.30.3", "pandas==2.3.3", "pyarrow==26.0.1", "numpy==2.4.6"),
    "pyfixest": ("pyfixest==0.60.0", "pyarrow==26.0.1", "numpy==2.4.6"),
    "statsmodels": ("statsmodels==0.15.0", "pyarrow==26.0.1", "numpy==2.4.6"),
    "spotify_confidence": ("spotify-confidence==4.1.0", "pyarrow==26.0.1", "numpy==2.4.6"),
}
Estimates = dict[str, tuple[float, float | None]]


class Ran(NamedTuple):
    """What a process took, and what it found: "outcome arm" -> effect and standard error."""

    seconds: float
    megabytes: float
    found: Estimates


def python_of(peer: str) -> str:
    """The interpreter of a peer's own environment, made if it is not there.

    Raises:
        OSError: it cannot be made here, for want of a package registry.
    """
    folder = ROOT / f".venv-peers/{peer}"
    python = folder / "bin" / "python"
    if not (folder / ".made").exists():
        sys.stderr.write(f"making {folder} ...\n")
        for command in (
            [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)],
            [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", *PEERS[peer]],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise OSError(f"no environment for {peer}: {done.stderr.strip()[-200:]}")
        (folder / ".made").touch()
    return str(python)


def run(python: str, script: str, *given: str) -> Ran:
    """One fresh process of ``contenders/<script>.py``: wall time, peak memory, estimates.

    Raises:
        RuntimeError: it failed.
    """
    command = [python, "-W", "ignore", f"{ROOT}/benchmarks/contenders/{script}.py", *given]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said, wrong = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"{script}: {wrong.decode()[-500:]}")
    return Ran(seconds, usage.ru_maxrss / 1024, json.loads(said))


def medians(contenders: dict[str, Sequence[str]], *, rounds: int) -> dict[str, Ran]:
    """The median cost of each command (interpreter, script, arguments) over interleaved rounds."""
    rans: dict[str, list[Ran]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (python, script, *given) in contenders.items():
            rans[name].append(run(python, script, *given))
    return {
        name: Ran(
            median(each.seconds for each in done),
            median(each.megabytes for each in done),
            done[0].found,
        )
        for name, done in rans.items()
    }
