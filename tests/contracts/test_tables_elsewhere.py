"""A table in PostgreSQL or Spark is analysed where it lies, with the numbers of a frame."""

from __future__ import annotations

import numpy as np
import psycopg
import pyarrow as pa
import pytest

import apologylab
from apologylab.errors import InputError

N = 600
ASKED = {
    "arm": "given",
    "reference": "none",
    "outcomes": ["spend", "back"],
    "covariates": ["before", "age"],
    "estimators": ["lin", "lin(errors=HC3)", "difference_in_means"],
    "weights": {"none": 1, "sorry": 1, "coupon": 1},
}


def finished():
    rng = np.random.default_rng(5)
    before = rng.gamma(2.0, 10.0, N)
    spend = np.where(rng.random(N) < 0.4, np.round(rng.lognormal(3, 1, N) + before, 2), 0.0)
    return pa.table(
        {
            "customer": [f"c{i}" for i in range(N)],
            "given": rng.choice(["none", "sorry", "coupon"], N).tolist(),
            "spend": pa.array(spend, mask=np.arange(N) % 50 == 3),
            "back": pa.array((spend > 0).tolist()),
            "before": before,
            "age": pa.array(rng.integers(18, 80, N), mask=rng.random(N) < 0.2),
        }
    )


@pytest.fixture
def in_postgres(postgres_server):
    """The URL of the table; its database is dropped afterwards."""
    url = postgres_server.database()
    table = finished()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            'CREATE TABLE finished (customer text, "given" text, spend numeric, back boolean, '
            "before double precision, age integer)"
        )
        with connection.cursor().copy("COPY finished FROM STDIN") as copy:
            for row in zip(*table.to_pydict().values(), strict=True):
                copy.write_row(row)
    yield f"{url}#finished"
    postgres_server.drop(url)


@pytest.fixture
def in_spark(spark):
    kinds = "customer string, `given` string, spend double, back boolean, before double, age bigint"
    return spark.createDataFrame(list(zip(*finished().to_pydict().values(), strict=True)), kinds)


@pytest.fixture(
    params=[
        pytest.param("in_postgres", marks=pytest.mark.slow),
        pytest.param("in_spark", marks=pytest.mark.slow),
    ]
)
def elsewhere(request):
    pytest.importorskip("ibis", reason="needs ibis: pip install 'apologylab[spark]'")
    return request.getfixturevalue(request.param)


def test_the_numbers_are_those_of_a_frame(elsewhere):
    found = apologylab.analyse(elsewhere, unit="customer", **ASKED)
    expected = apologylab.analyse(finished(), unit="customer", **ASKED)
    assert len(found.estimates) == len(expected.estimates) == 12
    for mine, theirs in zip(found.estimates, expected.estimates, strict=True):
        assert (mine.outcome, mine.treatment) == (theirs.outcome, theirs.treatment)
        assert mine.estimator == theirs.estimator
        for name in ("point", "std_error", "p_value", "p_adjusted", "ci_low", "ci_high"):
            pair = getattr(mine, name), getattr(theirs, name)
            assert pair[0] == pytest.approx(pair[1], rel=1e-9), (mine.outcome, name)
    assert [each.passed for each in found.checks] == [each.passed for each in expected.checks]
    assert any("'age' is missing" in note for note in found.notes)


def test_a_level_that_no_row_has_is_told_as_of_a_frame(elsewhere):
    asked = {"arm": "given", "reference": "none", "outcomes": ["spend"]}
    asked |= {"estimators": ["subgroups"], "subgroups": {"age": [30, 40, 400]}}
    found = apologylab.analyse(elsewhere, **asked)
    expected = apologylab.analyse(finished(), **asked)
    assert "no row has '400' in column 'age'; near '40'" in found.notes
    assert found.notes == expected.notes
    points = [each.point for each in expected.estimates]
    assert points
    assert [each.point for each in found.estimates] == pytest.approx(points, rel=1e-9)


def test_columns_and_units_are_refused_as_those_of_a_frame(elsewhere):
    with pytest.raises(InputError, match="'spent'"):
        apologylab.analyse(elsewhere, arm="given", reference="none", outcomes=["spent"])
    with pytest.raises(InputError, match="not a number"):
        apologylab.analyse(elsewhere, arm="given", reference="none", outcomes=["customer"])
    with pytest.raises(InputError, match="each unit once"):
        apologylab.analyse(
            elsewhere, arm="given", reference="none", outcomes=["spend"], unit="given"
        )


@pytest.mark.slow
def test_a_url_without_a_table_and_a_table_that_is_not_there_are_refused(postgres_server):
    url = postgres_server.url("postgres")
    for wrong, words in ((url, "names no table"), (f"{url}#nothing", "no table 'nothing'")):
        with pytest.raises(InputError, match=words):
            apologylab.analyse(wrong, arm="a", reference="b", outcomes=["c"])
