"""A trend's interval: against statsmodels, against simulation, and where nothing can be said."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import t

from apologylab.service.trends import trend

SERIES = [
    [100, 110, 121, 133, 146, 161],
    [30, 0, 12, 5, 9, 0, 3, 1],
    [5, 5, 6, 5],
    [1000, 2, 900, 1, 1100, 3, 950],
    [0, 0, 0, 4, 9, 30],
    [40, 1, 0, 0, 0, 0, 0, 1],
]


@pytest.mark.parametrize("counts", SERIES)
def test_it_is_the_quasi_poisson_regression(counts):
    x = np.arange(len(counts))
    model = sm.GLM(counts, sm.add_constant(x), family=sm.families.Poisson())
    theirs = model.fit(scale="X2", use_t=True, tol=1e-12, maxiter=500)
    scale = max(theirs.scale, 1.0)
    mine = trend(counts)
    error = theirs.bse[1] * math.sqrt(scale / theirs.scale)
    reach = error * t.ppf(0.975, len(counts) - 2)
    slope = theirs.params[1]
    assert mine.change == pytest.approx(math.expm1(slope), rel=1e-6, abs=1e-9)
    assert mine.low == pytest.approx(math.expm1(slope - reach), rel=1e-6, abs=1e-9)
    assert mine.high == pytest.approx(math.expm1(slope + reach), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("counts", [[3, 4, 5], [1, 2, 3, 3], [], [0, 0, 0, 0, 50], [50, 0, 0, 0]])
def test_too_few_weeks_or_incidents_say_nothing(counts):
    assert trend(counts) is None


@pytest.mark.parametrize("outages", [False, True])
def test_chance_is_called_a_trend_as_seldom_as_it_says(outages):
    """Weeks alike, single incidents or outages that hit many at once: 5% at most, and noise."""
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(600):
        weeks = rng.poisson(4, 12)
        counts = [int(rng.geometric(0.1, n).sum()) for n in weeks] if outages else weeks * 5
        made = trend([int(n) for n in counts])
        found += made is not None and made.says != "no trend to be seen"
    assert found / 600 < 0.075


def test_a_trend_is_found_and_a_higher_level_is_wider():
    made, wide = trend([10, 14, 17, 25, 30, 44]), trend([10, 14, 17, 25, 30, 44], alpha=0.001)
    assert made.says == "rising"
    assert wide.low < made.low < made.change < made.high < wide.high
    assert trend([44, 30, 25, 17, 14, 10]).says == "falling"
