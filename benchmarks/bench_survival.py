"""Kaplan-Meier of 8 arms and Cox of 7 arm indicators at 1.5 million units, beside lifelines.

Each contender is a fresh process that begins with the Parquet file, imports included; lifelines
runs in an environment of its own (``fresh.python_of``), for its pins are not ours. Times are whole
days up to 84, so that ties are many; both use Efron's. What they print must agree.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import duckdb

from fresh import python_of
from measure import cost, skipped

if TYPE_CHECKING:
    from measure import Row

UNITS, ARMS, ROUNDS = 1_500_000, 8, 3
AGREE = 1e-5
"""lifelines stops its Newton steps near 1e-7 of a coefficient."""
WRITE = f"""
SELECT setseed(0.2026);
COPY (
    SELECT arm, least(ceil(wait), 84.0) AS days, CAST(wait <= 84 AS INTEGER) AS back FROM (
        SELECT 'arm' || CAST(a AS INTEGER) AS arm, -ln(random()) * 60 / (1 + 0.05 * a) AS wait
        FROM (SELECT floor(random() * {ARMS}) AS a FROM range({UNITS}))
    )
) TO '{{file}}' (FORMAT parquet)
"""
OURS = """
import json, sys
from apologylab.inference.survival.counts import Timed, lives
from apologylab.warehouse.engine import connect_quickly
from apologylab.warehouse.moments import DuckSource
task, file = sys.argv[1:]
source = DuckSource(
    connection=connect_quickly(), relation=f"'{file}'", columns=frozenset(["arm", "days", "back"])
)
(counts,) = source.events([Timed("days", "back")])
if task == "kaplan_meier":
    from apologylab.inference.survival.product_limit import survival
    found = [survival(life)[0][-1] for life in lives(counts)]
else:
    import numpy as np
    from apologylab.inference.survival.cox import Rows, cox
    arms, stratum = np.eye(len(counts.cells))[:, 1:], np.zeros_like(counts.cell)
    rows = Rows(counts.time, counts.kind == 1, arms, counts.n, stratum, counts.cell)
    found = cox(rows, robust=False).b.tolist()
print(json.dumps([float(each) for each in found]))
"""
THEIRS = """
import json, sys
import pandas as pd
task, file = sys.argv[1:]
units = pd.read_parquet(file)
if task == "kaplan_meier":
    from lifelines import KaplanMeierFitter
    fits = [KaplanMeierFitter().fit(mine.days, mine.back) for _, mine in units.groupby("arm")]
    found = [float(fit.survival_function_.iloc[-1, 0]) for fit in fits]
else:
    from lifelines import CoxPHFitter
    x = pd.get_dummies(units.arm, drop_first=True, dtype=float).assign(
        days=units.days, back=units.back
    )
    found = CoxPHFitter().fit(x, "days", "back").params_.tolist()
print(json.dumps(found))
"""


def rows() -> list[Row]:
    """Seconds from the file to curves, and to coefficients with their errors."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "units.parquet"
        duckdb.execute(WRITE.format(file=file))
        return [_row(task, file) for task in ("kaplan_meier", "cox")]


def _row(task: str, file: Path) -> Row:
    what = {"kaplan_meier": f"Kaplan-Meier of {ARMS} arms", "cox": f"Cox of {ARMS - 1} indicators"}
    case = f"{what[task]}, {UNITS:,} units on whole days"
    try:
        python = python_of("lifelines")
    except OSError as error:
        return skipped(case, "lifelines", str(error))
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(ROUNDS):
        mine, ours = _timed(sys.executable, OURS, task, file)
        theirs, lifelines = _timed(python, THEIRS, task, file)
        taken["ours"].append(mine)
        taken["theirs"].append(theirs)
        _agree(ours, lifelines)
    medians = {name: median(seconds) for name, seconds in taken.items()}
    return cost(case, "lifelines, a fresh process each", unit="s", **medians)


def _timed(python: str, code: str, task: str, file: Path) -> tuple[float, list[float]]:
    begun = time.perf_counter()
    ran = subprocess.run(
        [python, "-c", code, task, str(file)], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - begun, json.loads(ran.stdout)


def _agree(ours: list[float], theirs: list[float]) -> None:
    apart = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    if apart > AGREE:
        raise RuntimeError(f"we and lifelines are {apart:g} apart")
