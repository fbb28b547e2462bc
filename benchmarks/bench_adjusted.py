"""``analyse`` with Lin's adjustment beside its peers, each a fresh process with its imports.

1.5 million rows x 8 arms x 5 outcomes x 5 covariates from Parquet. Ours: the fully interacted
regression of all five outcomes with HC2 errors, and step-down max-t over its 35 tests. The peers do
what they can: tea-tasting adjusts for one covariate an outcome, spotify-confidence for none, and
statsmodels and pyfixest fit one of the five outcomes, because five take minutes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from fresh import medians, python_of, run
from measure import cost, skipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fresh import Estimates, Ran
    from measure import Row

ROWS = 1_500_000
LARGE = (10_000_000, 100_000_000)
WRITE = """
SELECT setseed(0.2026);
COPY (
    SELECT 'arm' || CAST(floor(random() * 8) AS INTEGER) AS arm,
        CASE WHEN random() < 0.4 THEN round(exp(3 + random() - random()), 2) ELSE 0.0 END AS spend,
        CAST(random() < 0.4 AS INTEGER) AS returned,
        CAST(floor(3 * random() * random()) AS INTEGER) AS contacts,
        round(random() * 50, 2) AS refunds,
        CAST(floor(5 * random()) AS INTEGER) AS score,
        round(exp(3 + random() + random()), 2) AS spend_before,
        CAST(floor(10 * random()) AS INTEGER) AS orders_before,
        CAST(floor(random() * 4000) AS INTEGER) AS tenure,
        round(random() * 100, 1) AS age,
        CAST(random() < 0.3 AS INTEGER) AS prime
    FROM range({rows})
) TO '{file}' (FORMAT parquet)
"""
CASE = f"analyse {ROWS:,} rows x 8 arms x 5 outcomes x 5 covariates, Lin, HC2"
QUICK = {"tea_tasting": "one covariate", "spotify_confidence": "no covariate"}
SLOW = {"statsmodels": 1e-8, "pyfixest": 1e-4}
"""Relative tolerance of standard errors: pyfixest multiplies HC2 by n / (n - 48)."""


def rows() -> list[Row]:
    """Seconds and megabytes of whole processes; then a hundred million rows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "panel.parquet"
        duckdb.execute(WRITE.format(file=file, rows=ROWS))
        beside = {
            "max_t": [sys.executable, "ours", str(file), "max_t"],
            "holm": [sys.executable, "ours", str(file), "holm"],
            "group_by": [sys.executable, "group_by", str(file)],
        }
        found, missing = _quick(file, beside)
        compared = [
            *_both(found["max_t"], found["group_by"], "bare DuckDB group-by", " + max-t"),
            *_both(found["holm"], found["group_by"], "bare DuckDB group-by", " + Holm"),
        ]
        for peer, does in QUICK.items():
            if peer in found:
                compared += _both(found["max_t"], found[peer], f"{peer}, {does}", " + max-t")
        return [*compared, *missing, *_slow(file, found["max_t"]), *_large(Path(folder))]


def _quick(file: Path, beside: dict[str, list[str]]) -> tuple[dict[str, Ran], list[Row]]:
    contenders: dict[str, Sequence[str]] = dict(beside)
    missing = []
    for peer in QUICK:
        try:
            contenders[peer] = [python_of(peer), f"{peer}_peer", str(file)]
        except OSError as error:
            missing.append(skipped(CASE, peer, str(error)))
    return medians(contenders, rounds=5), missing


def _slow(file: Path, ours: Ran) -> list[Row]:
    """One outcome of five, once."""
    compared: list[Row] = []
    for peer, tolerance in SLOW.items():
        try:
            theirs = run(python_of(peer), f"{peer}_peer", str(file), "spend")
        except OSError as error:
            compared.append(skipped(CASE, peer, str(error)))
            continue
        refuse_apart(ours.found, theirs.found, tolerance)
        compared += _both(ours, theirs, f"{peer}, 1 of the 5 outcomes", " + max-t")
    return compared


def refuse_apart(ours: Estimates, theirs: Estimates, tolerance: float) -> None:
    """Refuse answers that differ: a fast wrong one is no result."""
    for name, (point, error) in theirs.items():
        mine, my_error = ours[name]
        assert error is not None
        assert my_error is not None
        if abs(mine - point) > 1e-7 * error or abs(my_error / error - 1) > tolerance:
            raise RuntimeError(f"{name}: {mine} +- {my_error} against {point} +- {error}")


def _both(ours: Ran, theirs: Ran, against: str, more: str) -> list[Row]:
    case = f"{CASE}{more}, whole process"
    return [
        cost(case, against, ours=ours.seconds, theirs=theirs.seconds, unit="s"),
        cost(f"{case}, peak", against, ours=ours.megabytes, theirs=theirs.megabytes, unit="MB"),
    ]


def _large(folder: Path) -> list[Row]:
    """Time is linear, and memory is bounded by what is at hand, not by what there is."""
    rans = []
    for size in LARGE:
        file = folder / f"{size}.parquet"
        duckdb.execute(WRITE.format(file=file, rows=size))
        rans.append(run(sys.executable, "ours", str(file), "holm"))
        file.unlink()
    small, large = rans
    times = LARGE[1] / LARGE[0]
    return [
        cost(
            f"analyse {LARGE[1]:,} rows, 5 outcomes x 5 covariates, Lin, HC2",
            f"{times:g} times what {LARGE[0]:,} take",
            ours=large.seconds,
            theirs=times * small.seconds,
            unit="s",
        ),
        cost(
            f"analyse {LARGE[1]:,} rows, peak memory",
            "1 GiB",
            ours=large.megabytes,
            theirs=1024.0,
            unit="MB",
        ),
    ]
