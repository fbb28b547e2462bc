"""Replay seeds: ``python tests/faults/run.py --seed 7 [--mode interleaved]``, or run many.

A violation prints the seed and the trace, every port call in order with the fault it met.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from simulator.stores import MODES, run_seed


def main():
    asked = _arguments()
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    seeds = (
        [asked.seed] if asked.seed is not None else range(asked.first, asked.first + asked.seeds)
    )
    faults, broken, began = Counter(), 0, time.perf_counter()
    for seed in seeds:
        result = run_seed(seed, asked.mode, variant=asked.variant)
        faults.update(result.faults)
        if result.violations:
            broken += 1
            _show(result, asked.seed is not None)
            if broken == asked.most:
                break
    each = (time.perf_counter() - began) / len(seeds) * 1000
    print(f"{len(seeds)} seeds, {broken} broken, {faults.total()} faults, {each:.1f} ms a seed")
    print(dict(sorted(faults.items())))
    return int(broken > 0)


def _show(result, whole):
    print(f"seed {result.seed} ({result.mode}, {result.variant}) broke:")
    for sentence in result.violations:
        print("  ", sentence)
    if whole:
        print("\n".join(f"{place:5} {line}" for place, line in enumerate(result.trace)))


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, help="replay this one and print its trace")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--mode", choices=MODES, default="memory")
    parser.add_argument("--variant")
    parser.add_argument("--most", type=int, default=5, help="stop after so many broken seeds")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
