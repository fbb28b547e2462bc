"""Run mutants until a seed catches each: ``python tests/faults/mutate.py --seeds 1000``.

Each is a process of its own, which runs seeds from 0 on until the oracle finds something.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from simulator.mutants import become, mutants
from simulator.survivors import reason

STORES = 40
"""Seeds on which mutants of a store are compared with the other store."""
KEPT = Path(__file__).with_name("mutants.json")


def main():
    asked = _arguments()
    every = mutants()
    if asked.page:
        asked.page.write_text(page(json.loads(KEPT.read_text())))
        return
    if asked.one is not None:
        print(json.dumps(until_caught(every[asked.one], asked.seeds)))
        return
    wanted = asked.only.split(",") if asked.only else [""]
    chosen = [n for n, each in enumerate(every) if any(part in each.name for part in wanted)]
    rows = []
    for number, (seed, why) in run_all(chosen, asked.seeds, asked.processes):
        each = every[number]
        caught = "SURVIVED" if seed is None else f"seed {seed}"
        print(f"{number:4} {caught:9} {each.name}  {each.what} | {why[:90]}", flush=True)
        rows.append({"place": each.place, "seed": seed, "seeds": asked.seeds, "why": why[:120]})
    print(f"{sum(row['seed'] is not None for row in rows)} of {len(rows)} caught")
    if asked.to:
        keep(asked.to, rows)


def keep(path, rows):
    """Add ``rows`` to those of the file, each in the place of an older one; what is gone goes."""
    before = json.loads(path.read_text()) if path.exists() else []
    there = {each.place for each in mutants()}
    kept = {row["place"]: row for row in [*before, *rows] if row["place"] in there}
    path.write_text(json.dumps(list(kept.values()), indent=1) + "\n")


def page(rows):
    """The table of mutants as Markdown."""
    caught = sum(row["seed"] is not None for row in rows)
    least, most = min(row["seeds"] for row in rows), max(row["seeds"] for row in rows)
    lines = [
        "# Mutants",
        "",
        "Written by `tests/faults/mutate.py --page`. What keeps the ledger whole is taken away, one piece at a time; seeds are",
        f"run until one breaks, {least} to {most} of them. Of {len(rows)} mutants {caught} were caught.",
        "See [faults](faults.md) for what a run is.",
        "",
        "| file | sort | what | caught by seed, or why not |",
        "|---|---|---|---|",
    ]
    for row in rows:
        where, sort, what = row["place"].replace("`", "").split("|", 2)
        end = f"{row['seed']}" if row["seed"] is not None else reason(row["place"])
        said = what.replace("|", "/")
        lines.append(f"| {where} | {sort} | `{said}` | {end} |")
    return "\n".join(lines) + "\n"


def run_all(numbers, seeds, processes=2):
    """Number and (first seed that broke or None, what broke) of each mutant, in order."""
    with ThreadPoolExecutor(processes) as pool:
        yield from zip(numbers, pool.map(lambda each: _apart(each, seeds), numbers), strict=True)


def _apart(number, seeds):
    command = [sys.executable, __file__, "--one", str(number), "--seeds", str(seeds)]
    ran = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )
    if ran.returncode:
        return 0, f"broke at once: {ran.stderr.strip().splitlines()[-1]}"
    return json.loads(ran.stdout.splitlines()[-1])


def until_caught(mutant, seeds):
    """(the first seed whose run breaks, what broke), or (None, ``""``)."""
    become(mutant)
    from simulator.stores import run_seed

    for seed in range(seeds):
        result = run_seed(seed, mutant.mode)
        if result.violations:
            return seed, result.violations[0]
        is_store = mutant.where.startswith("storage/") and seed < STORES
        if is_store and run_seed(seed, "sqlite").what != run_seed(seed, "memory").what:
            return seed, "a file does not do what memory does"
    return None, ""


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--only", help="those whose name holds one of these, apart by commas")
    parser.add_argument("--one", type=int, help="run this one here")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--to", type=Path, help="add the results to this file of JSON")
    parser.add_argument("--page", type=Path, help="write the kept results as a page, run nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
