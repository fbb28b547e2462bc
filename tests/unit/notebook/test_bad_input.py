"""Bad tables, by every estimator: a refusal with its reason, or numbers that are numbers.

Never a silent nan, an infinite point, a p outside [0, 1] or an error of 0; an interval may be open
where its estimator says so (Fieller, Anderson and Rubin).
"""

import math
import warnings

import numpy as np
import pyarrow as pa
import pytest

import apologylab
from apologylab.design.estimators import ESTIMATORS
from apologylab.errors import ApologylabError

SEED = 71
N = 60
NEEDS = {
    "capped": "capped(at=5)",
    "ratio": "ratio(over=v)",
    "complier": "complier(exposure=v)",
    "missing_bounds": "missing_bounds(high=100)",
    "by_cause": "by_cause(column=cause)",
    "repeats": "repeats(regime=first_only)",
    "randomisation": "randomisation(draws=99)",
}
"""How an estimator is asked for that needs more than its name."""
OF_TABLES = tuple(name for name, each in ESTIMATORS.items() if "independent" in each.schemes)


def good():
    rng = np.random.default_rng(SEED)
    arm = np.array(["none", "note", "gift"] * (N // 3))
    return {
        "arm": arm,
        "y": rng.exponential(5, N),
        "v": rng.integers(0, 2, N).astype(float),
        "x": rng.normal(size=N),
        "cause": np.arange(N) % 12,
    }


def one_unit(table):
    kept = [i for i, arm in enumerate(table["arm"]) if arm != "gift"] + [2]
    return {name: column[kept] for name, column in table.items()}


def column(name, values):
    def change(table):
        return table | {name: values(table)}

    return change


BAD = {
    "one unit in an arm": one_unit,
    "an outcome that does not vary": column("y", lambda _: np.ones(N)),
    "an outcome of zeros": column("y", lambda _: np.zeros(N)),
    "an arm of zeros": column("y", lambda t: np.where(t["arm"] == "gift", 0.0, t["y"])),
    "an infinite value": column("y", lambda t: np.where(np.arange(N) == 4, np.inf, t["y"])),
    "missing values": column("y", lambda t: np.where(np.arange(N) % 7 == 0, np.nan, t["y"])),
    "an arm that lacks the outcome": column(
        "y", lambda t: np.where(t["arm"] == "gift", np.nan, t["y"])
    ),
    "an outcome that nobody has": column("y", lambda _: np.full(N, np.nan)),
    "a covariate that does not vary": column("x", lambda _: np.ones(N)),
    "a covariate that is the outcome": column("x", lambda t: t["y"]),
    "an infinite covariate": column("x", lambda t: np.where(np.arange(N) == 4, np.inf, t["x"])),
    "a covariate that some lack": column("x", lambda t: np.where(np.arange(N) < 9, np.nan, t["x"])),
    "huge values": column("y", lambda t: 1e15 + t["y"]),
    "tiny values": column("y", lambda t: 1e-30 * t["y"]),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", OF_TABLES)
def test_an_estimator_refuses_or_gives_numbers(name, bad):
    found = asked(pa.table(BAD[bad](good())), NEEDS.get(name, name))
    if isinstance(found, ApologylabError):
        assert found.what
        assert found.do
        return
    for each in found.estimates:
        assert_is_one(each)
    assert all(each.because for each in found.refusals)
    assert found.estimates or found.refusals or name == "missing"  # which has nothing to tell


def asked(table, estimator):
    """The analysis, or the error that refuses the whole table."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return apologylab.analyse(
                table,
                arm="arm",
                reference="none",
                outcomes=["y"],
                covariates=["x"],
                estimators=[estimator],
            )
    except ApologylabError as error:
        return error


def assert_is_one(estimate):
    assert math.isfinite(estimate.point), estimate
    assert not math.isnan(estimate.ci_low), estimate
    assert not math.isnan(estimate.ci_high), estimate
    assert estimate.ci_low <= estimate.ci_high or "outside" in estimate.interval_kind, estimate
    assert estimate.std_error is None or 0 < estimate.std_error < math.inf
    assert estimate.p_value is None or 0 <= estimate.p_value <= 1
    assert (
        estimate.p_adjusted is None
        or estimate.p_value is None
        or (estimate.p_adjusted >= estimate.p_value - 1e-12)
    )
    assert estimate.n_treatment > 0
    if not (math.isfinite(estimate.ci_low) and math.isfinite(estimate.ci_high)):
        assert "Fieller" in estimate.interval_kind or "Anderson" in estimate.interval_kind
