"""Coverage and size of every interval and test: docs/coverage.md from one command.

    make coverage                                      # all cells, 10,000 replications each
    .venv/bin/python tools/coverage.py --only lin      # cells whose case's name has "lin"
    .venv/bin/python tools/coverage.py --replications 200 --only lin --dry   # a try, not kept

It can be broken off: cells in docs/coverage.json whose case has not changed since are not run
again. ``--page`` only writes the page anew from that file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SIMULATION = ROOT / "tests" / "simulation"
KEPT = ROOT / "docs" / "coverage.json"
PAGE = ROOT / "docs" / "coverage.md"
sys.path.insert(0, str(SIMULATION))

from cells import (  # noqa: E402
    REPLICATIONS,
    UNSAFE,
    WITHOUT,
    WORLDS,
    Case,
    cells,
    covered_names,
    tally,
    topics,
)

INTRO = """<!-- Written by `tools/coverage.py`; edit the code instead. -->
# Coverage and size, measured

Each cell is one interval or test in one simulated world, {replications:,} replications unless it
says otherwise (so a share near 0.95 or 0.05 has a Monte Carlo standard error of 0.002). The first
number is how often the 95% interval held the truth, the second how often the 5% test called a true
null false; a dash where there is no interval or no test. **A cell in bold is unsafe**: it covers in
fewer than {unsafe:.0%}; what to use instead stands below its table. `analyse` warns by itself where
an outcome is so skewed.

A number in brackets is how many replications a cell had time for, where fewer; `make coverage`
completes them. It makes this page from `tests/simulation/cases/`; a slow test draws a part of it
anew with each change.

| world | what |
|---|---|
{worlds}
"""


def main() -> int:
    given = _arguments()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    live = {_key(case.name, world.name) for _, case, world in cells()}
    kept = {key: entry for key, entry in kept.items() if key in live}
    if not given.page:
        for key, entry in _run(kept, given):
            kept[key] = entry
            print(key, _shown(entry), f"{entry['seconds']:.0f} s", flush=True)
            if not given.dry:
                _keep(kept)
    if not given.dry:
        _keep(kept)
        PAGE.write_text(page(kept), encoding="utf-8")
        lacking = sorted(live - set(kept))
        print(
            f"{len(kept)} cells in docs/coverage.md", *(f"lacking: {k}" for k in lacking), sep="\n"
        )
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cells whose case's name contains this")
    parser.add_argument("--replications", type=int, help="instead of each case's own; needs --dry")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="a cell, at most")
    parser.add_argument("--dry", action="store_true", help="print, keep nothing")
    parser.add_argument("--page", action="store_true", help="only write the page from the file")
    given = parser.parse_args()
    if given.replications and not given.dry:
        parser.error("--replications without --dry would keep a table of fewer than it says")
    return given


def _run(kept: Mapping[str, Any], given: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """Every cell that is asked for and not kept yet, as it is done; long ones are begun first."""
    waiting = [
        (topic, case.name, world.name)
        for topic, case, world in cells()
        if given.only in case.name
        and (given.dry or not _holds(kept.get(_key(case.name, world.name)), topic, case, given))
    ]
    with ProcessPoolExecutor(max_workers=given.processes) as pool:
        runs = {
            pool.submit(one, *cell, given.replications, given.seconds): cell for cell in waiting
        }
        for done in as_completed(runs):
            _, case, world = runs[done]
            if (error := done.exception()) is not None:
                print(f"FAILED: {_key(case, world)}: {error}", flush=True)
                continue
            yield _key(case, world), done.result()


def _holds(entry: Any, topic: str, case: Case, given: argparse.Namespace) -> bool:
    if entry is None or entry["digest"] != digest(topic):
        return False
    whole: bool = entry["replications"] == case.replications
    return whole or entry["seconds"] >= given.seconds


def one(
    topic: str, case: str, world: str, replications: int | None, seconds: float
) -> dict[str, Any]:
    """One cell, in its own process."""
    found = next(each for each in topics()[topic] if each.name == case)
    begun = time.perf_counter()
    wanted = replications or found.replications
    counts = tally(found, WORLDS[world], replications=wanted, seconds=seconds)
    return {
        **counts._asdict(),
        "digest": digest(topic),
        "commit": _commit(),
        "seconds": round(time.perf_counter() - begun, 1),
    }


def digest(topic: str) -> str:
    """Of the cases' file and of the worlds."""
    files = (SIMULATION / "cases" / f"{topic}.py", SIMULATION / "cells.py")
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


def page(kept: Mapping[str, Any]) -> str:
    """docs/coverage.md."""
    worlds = "\n".join(f"| `{name}` | {world.says} |" for name, world in WORLDS.items())
    parts = [INTRO.format(replications=REPLICATIONS, unsafe=UNSAFE, worlds=worlds)]
    for topic, cases in topics().items():
        parts.append("\n".join(_section(topic, cases, kept)))
    without = {name: why for name, why in WITHOUT.items() if name not in covered_names()}
    if without:
        parts += ["## Without a case\n", *(f"- `{n}`: {why}." for n, why in without.items()), ""]
    return "\n".join(parts)


def _section(topic: str, cases: tuple[Case, ...], kept: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {topic.replace('_', ' ').capitalize()}\n"
    used = [name for name in WORLDS if any(name in case.worlds for case in cases)]
    yield "| | " + " | ".join(f"`{name}`" for name in used) + " |"
    yield "|---|" + "---|" * len(used)
    for case in cases:
        entries = (kept.get(_key(case.name, name)) for name in used)
        row = " | ".join(_shown(entry) + _short(entry, case) if entry else "" for entry in entries)
        yield f"| `{case.name}` | {row} |"
    yield ""
    for case in cases:
        if case.replications != REPLICATIONS:
            yield f"- `{case.name}`: {case.replications:,} replications, {case.because}."
        yield from _unsafe(case, kept)
    yield ""


def _unsafe(case: Case, kept: Mapping[str, Any]) -> Iterator[str]:
    for name in case.worlds:
        entry = kept.get(_key(case.name, name))
        if entry and entry["covered"] is not None and _share(entry, "covered") < UNSAFE:
            yield f"- `{case.name}` is unsafe in `{name}`: use {case.instead}."


def _shown(entry: Mapping[str, Any]) -> str:
    covered, rejected = (
        "–" if entry[name] is None else f"{_share(entry, name):.3f}"
        for name in ("covered", "rejected")
    )
    unsafe = entry["covered"] is not None and _share(entry, "covered") < UNSAFE
    return f"{f'**{covered}**' if unsafe else covered}, {rejected}"


def _short(entry: Mapping[str, Any], case: Case) -> str:
    """How many replications a cell had that was broken off by ``--seconds``."""
    made = entry["replications"]
    return "" if made == case.replications else f" ({made:,})"


def _share(entry: Mapping[str, Any], name: str) -> float:
    return float(entry[name] / entry["replications"])


def _key(case: str, world: str) -> str:
    return f"{case} in {world}"


def _keep(kept: Mapping[str, Any]) -> None:
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def _commit() -> str:
    ran = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main())
