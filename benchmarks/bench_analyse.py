"""``analyse`` on 1.5 million rows x 8 arms, beside statsmodels and the bare DuckDB group-by.

Every side begins with the Parquet file. Ours ends with estimates, intervals, adjusted p-values and
checks; statsmodels with OLS coefficients and HC2 errors; the group-by with counts and means.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

import apologylab
from measure import cost, medians, skipped

if TYPE_CHECKING:
    from apologylab.inference.results import Analysis
    from measure import Row

ROWS, ARMS = 1_500_000, 8
OUTCOMES = ["spend", "returned", "contacts"]
COVARIATE = "spend_before"
AGREE = 1e-9
WRITE = f"""
SELECT setseed(0.2026);
COPY (
    SELECT 'arm' || CAST(floor(random() * {ARMS}) AS INTEGER) AS arm,
        CASE WHEN random() < 0.4 THEN round(exp(3 + random() - random()), 2) ELSE 0.0 END
            AS spend,
        CAST(random() < 0.4 AS INTEGER) AS returned,
        CAST(floor(3 * random() * random()) AS INTEGER) AS contacts,
        round(exp(3 + random() + random()), 2) AS spend_before
    FROM range({ROWS})
) TO '{{file}}' (FORMAT parquet)
"""


def rows() -> list[Row]:
    """Seconds from the file to the results, with and without a covariate."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "panel.parquet"
        duckdb.execute(WRITE.format(file=file))
        return [*_plain(file), *_adjusted(file)]


def _plain(file: Path) -> list[Row]:
    case = f"analyse {ROWS:,} rows x {ARMS} arms, 3 outcomes"
    taken = medians({"ours": partial(_ours, file), "theirs": partial(_group_by, file)}, rounds=11)
    group_by = cost(case, "bare DuckDB group-by of the same columns", unit="s", **taken)
    return [group_by, _statsmodels(file, case, taken["ours"])]


def _adjusted(file: Path) -> list[Row]:
    case = f"analyse {ROWS:,} rows x {ARMS} arms, 3 outcomes, Lin with a covariate"
    ours = partial(_ours, file, [COVARIATE])
    theirs = partial(_group_by, file, [COVARIATE])
    taken = medians({"ours": ours, "theirs": theirs}, rounds=7)
    return [cost(case, "bare DuckDB group-by of the same columns", unit="s", **taken)]


def _ours(file: Path, covariates: list[str] | None = None) -> Analysis:
    return apologylab.analyse(
        file,
        arm="arm",
        reference="arm0",
        outcomes=OUTCOMES,
        covariates=covariates or [],
        weights={f"arm{i}": 1 for i in range(ARMS)},
    )


def _group_by(file: Path, covariates: list[str] | None = None) -> object:
    means = ", ".join(f"avg({name})" for name in [*OUTCOMES, *(covariates or [])])
    query = f"SELECT arm, count(*), {means} FROM '{file}' GROUP BY arm"
    return duckdb.execute(query).fetchall()


def _statsmodels(file: Path, case: str, ours: float) -> Row:
    against = "statsmodels OLS with HC2"
    try:
        import statsmodels.formula.api as smf
    except ImportError as error:
        return skipped(case, against, str(error))
    fitted = {}

    def fit() -> None:
        frame = duckdb.execute(f"SELECT arm, {', '.join(OUTCOMES)} FROM '{file}'").df()
        for outcome in OUTCOMES:
            fitted[outcome] = smf.ols(f"{outcome} ~ C(arm)", frame).fit(cov_type="HC2")

    taken = medians({"theirs": fit}, rounds=1)
    for estimate in _ours(file).estimates:
        name = f"C(arm)[T.{estimate.treatment}]"
        theirs = fitted[estimate.outcome]
        if abs(estimate.std_error / theirs.bse[name] - 1) > AGREE:
            raise RuntimeError(f"{name}: {estimate.std_error} against {theirs.bse[name]}")
    return cost(case, against, ours=ours, theirs=taken["theirs"], unit="s")
