"""A mean of 1e9 and a standard deviation of 1: estimates to 1e-10 of two passes in long doubles."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pyarrow as pa
import pytest

from apologylab.design.contrasts import against
from apologylab.inference.arrays import panel
from apologylab.inference.estimators.difference_in_means import difference_in_means
from apologylab.inference.moments import Request, merge
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from apologylab.warehouse.engine import connect
from apologylab.warehouse.moments import DuckSource

N, FAR = 4_000, 1e9
VS = against(["b"], "a")


def units(x_at):
    rng = np.random.default_rng(1)
    x = rng.normal(size=N)
    arm = np.where(rng.uniform(size=N) < 0.4, "b", "a")
    return FAR + x * (1 + (arm == "b")) + rng.normal(size=N), x_at + x, arm


def arrays(x_at):
    y, x, arm = units(x_at)
    return panel({"y": y, "x": x}, arm=arm.tolist())


def duckdb(x_at):
    y, x, arm = units(x_at)
    connection = connect()
    connection.register("units", pa.table({"arm": arm.tolist(), "y": y, "x": x}))
    connection.execute("CREATE TABLE panel AS SELECT * FROM units")
    return DuckSource(connection=connection, relation="panel", columns=frozenset({"arm", "y", "x"}))


def two_pass(estimator, x_at=0.0):
    """Effect and standard error in extended precision."""
    y, x, arm = units(x_at)
    own = {}
    for name in ("a", "b"):
        mine = arm == name
        own[name] = y[mine].astype(np.longdouble), x[mine].astype(np.longdouble)
    centre = x.astype(np.longdouble).mean()
    sides = {name: side(estimator, *pair, centre) for name, pair in own.items()}
    slopes = [sides[name][2] for name in ("a", "b")]
    variance = sides["a"][1] + sides["b"][1]
    if estimator == "cuped":
        n = [len(own[name][0]) for name in ("a", "b")]
        within = sum(k * own[name][1].var(ddof=1) for k, name in zip(n, ("a", "b"), strict=True))
        variance += (slopes[1] - slopes[0]) ** 2 * within / N**2
    return float(sides["b"][0] - sides["a"][0]), float(np.sqrt(variance))


def side(estimator, y, x, centre):
    """Mean, variance and slope of one arm."""
    n = len(y)
    if estimator == "difference_in_means":
        return y.mean(), y.var(ddof=1) / n, 0
    d = x - x.mean()
    slope = (d * (y - y.mean())).sum() / (d**2).sum()
    mean = y.mean() + slope * (centre - x.mean())
    e = (y - y.mean()) - slope * d
    if estimator == "cuped":
        return mean, (e**2).sum() / (n - 2) / n, slope
    h = 1 / np.longdouble(n) + d**2 / (d**2).sum()
    g = 1 / np.longdouble(n) + d * (x.mean() - centre) * -1 / (d**2).sum()
    return mean, (e**2 / (1 - h) * g**2).sum(), slope


@pytest.mark.parametrize("estimator", ["difference_in_means", "lin", "cuped"])
@pytest.mark.parametrize("source", [arrays, duckdb])
@pytest.mark.parametrize("x_at", [0.0, FAR])
def test_a_large_mean_costs_no_digits(source, estimator, x_at):
    question = Question(
        outcomes=(Measured(name="y", role="primary", unit="USD"),),
        arm_contrasts=VS,
        weights={1: {"a": 1, "b": 1}},
        assigned={},
        covariates=("x",),
        estimators=(estimator,),
    )
    ((one,), _) = estimates(fit(source(x_at), question), question)
    point, std_error = two_pass(estimator, x_at)
    # Means themselves are held to one part in 2^53 of 1e9, that is 1e-7 of a unit.
    assert one.point == pytest.approx(point, abs=5e-7)
    # So is the point at which Lin's regressions stand, on which its errors depend a little.
    exact = 1e-10 if estimator != "lin" or x_at == 0 else 3e-9
    assert one.std_error == pytest.approx(std_error, rel=exact)


@pytest.mark.parametrize("seed", range(5))
def test_parts_merged_in_any_order_keep_ten_digits(seed):
    y, _, arm = units(0.0)
    rng = np.random.default_rng(seed)
    parts = np.split(rng.permutation(N), np.sort(rng.choice(np.arange(50, N), 11, replace=False)))
    found = [
        panel({"y": y[part]}, arm=arm[part].tolist()).moments([Request("y")])[0] for part in parts
    ]
    merged = difference_in_means(reduce(merge, found), ("a", "b")).read(VS[0])
    point, std_error = two_pass("difference_in_means")
    assert merged.point == pytest.approx(point, abs=5e-7)
    assert merged.std_error == pytest.approx(std_error, rel=1e-10)
