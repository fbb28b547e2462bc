"""The influence of the largest unit, beside the unit itself left out."""

import numpy as np
import pytest

from apologylab.inference.arrays import panel
from apologylab.inference.outliers import outlier_influence

SEED = 61


def source(y):
    return panel({"y": y}, arm=["a", "b"] * (len(y) // 2))


@pytest.mark.parametrize("largest", [8.0, 30.0, 1e4])
def test_the_largest_unit_lies_between_the_bounds(largest):
    rng = np.random.default_rng(SEED)
    y = rng.normal(size=400)
    y[0] = largest
    check = outlier_influence(source(y), "y", float(y.mean()))
    mine = y[::2]
    d = mine - y.mean()
    moved = abs(mine.mean() - mine[1:].mean()) / (np.sqrt(np.square(d).mean()) / len(mine) ** 0.5)
    assert 0.99 * check.statistic <= moved <= 1.01 * check.statistic**0.5
    if largest == 1e4:
        assert check.statistic == pytest.approx(moved, rel=0.01)
        assert check.passed is None
        assert "one unit of a moves its mean of y by 1.00 to 1.00" in check.says
        assert check.says.endswith("read winsorised beside the mean")


def test_normal_units_move_little():
    check = outlier_influence(source(np.random.default_rng(SEED).normal(size=2_000)), "y", 0.0)
    assert check.passed
    assert check.statistic < 0.1


def test_what_does_not_vary_says_nothing():
    check = outlier_influence(source(np.ones(10)), "y", 1.0)
    assert check.passed is None
    assert "does not vary" in check.says
