"""``apologylab.analyse(cluster=...)``: rows that were drawn together."""

import numpy as np
import pyarrow as pa
import pytest

import apologylab
from apologylab.errors import InputError
from apologylab.inference.estimators.cluster_robust import cluster_robust

RNG = np.random.default_rng(1)
CITY = RNG.integers(0, 24, 600)
ARM = np.where(CITY % 2 == 0, "silence", "sorry")
SPEND = RNG.gamma(2.0, size=600) + RNG.normal(size=24)[CITY]


def analyse(city=CITY, **more):
    table = pa.table({"arm": ARM, "city": [f"city {c}" for c in city], "spend": SPEND, "no": city})
    asked = {"arm": "arm", "reference": "silence", "outcomes": ["spend"]}
    return apologylab.analyse(table, **asked, **more)


def test_errors_are_between_clusters():
    found = analyse(cluster="city", weights={"silence": 1, "sorry": 1})
    (one,) = found.estimates
    fit = cluster_robust(SPEND, np.stack([ARM == "silence", ARM == "sorry"], axis=1) * 1.0, CITY)
    c = np.array([-1.0, 1.0])
    assert one.estimator == "clustered"
    assert one.std_error == pytest.approx(fit.std_error(c), rel=1e-9)
    assert one.df == pytest.approx(fit.df(c), rel=1e-9)
    (ratio,) = [each for each in found.checks if each.name == "sample ratio, assigned"]
    assert "clusters by arm agree" in ratio.says


def test_an_estimator_of_single_rows_is_refused():
    with pytest.raises(InputError, match="clusters"):
        analyse(cluster="city", estimators=["difference_in_means"])


def test_draws_are_of_whole_clusters():
    (one,) = analyse(cluster="city", estimators=["randomisation(draws=199)"]).estimates
    (plain,) = analyse(estimators=["randomisation(draws=199)"]).estimates
    assert one.ci_high - one.ci_low > 1.5 * (plain.ci_high - plain.ci_low)


def test_causes_of_a_table_are_a_column_that_is_named():
    arm = np.where(np.arange(600) % 2 == 0, "silence", "sorry")
    table = pa.table({"arm": arm, "outage": CITY, "spend": SPEND})
    (one,) = apologylab.analyse(
        table,
        arm="arm",
        reference="silence",
        outcomes=["spend"],
        estimators=["by_cause(column=outage)"],
    ).estimates
    x = np.stack([np.ones(600), arm == "sorry"], axis=1).astype(float)
    fit = cluster_robust(SPEND, x, CITY)
    assert one.std_error == pytest.approx(fit.std_error(np.array([0.0, 1.0])), rel=1e-9)


def test_a_row_without_a_cluster_is_refused():
    table = pa.table({"arm": ["a", "b"] * 3, "city": ["x", None] * 3, "y": [1.0] * 6})
    with pytest.raises(InputError, match="3 rows have no cluster"):
        apologylab.analyse(table, arm="arm", reference="a", outcomes=["y"], cluster="city")
