"""Looks against rpact, Jennison and Turnbull's tables, Spotify, GrowthBook, confseq, Optimizely."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from apologylab.errors import InputError
from apologylab.inference.sequential.boundaries import boundaries, crossing
from apologylab.inference.sequential.exact import Share, share_interval
from apologylab.inference.sequential.mixture import (
    always_valid_p,
    best_rho,
    critical,
    log_mixture,
    mixture_bound,
)
from apologylab.inference.sequential.multinomial import (
    log_bayes_factor,
    sample_ratio_at_any_time,
)
from apologylab.inference.sequential.price import confidence_sequence_price, group_sequential_price
from apologylab.inference.sequential.repeated import boundary, repeated_p
from apologylab.inference.sequential.spending import Spending

HERE = Path(__file__).parent
RPACT = json.loads((HERE / "r/group_sequential.txt").read_text())["designs"]
SRM = json.loads((HERE / "peers/sequential_sample_ratio.txt").read_text())
SHAPES = {"asOF": "obrien_fleming", "asP": "pocock", "asKD": "kim_demets"}
NAMES = [f"{each['type']}-{each['power']}-{len(each['t'])}-{each['alpha']}" for each in RPACT]


def spending(design: dict) -> Spending:
    power = design["power"] if design["type"] == "asKD" else 2.0
    return Spending(shape=SHAPES[design["type"]], power=power)


@pytest.mark.parametrize("design", RPACT, ids=NAMES)
def test_boundaries_are_rpacts(design):
    """rpact spends alpha - 1e-8 and stops at 1e-8 of probability, which far out is much of Z."""
    t, sides = design["t"], design["sided"]
    spent = spending(design).spent(t, design["alpha"], sides=sides)
    assert spent == pytest.approx(design["spent"], abs=1.1e-8)
    bounds = boundaries(t, spent, sides=sides)
    told = np.array([float(each) for each in design["bounds"]])
    here = np.isfinite(told)
    slope = np.exp(-np.square(bounds[here]) / 2) / np.sqrt(2 * np.pi)
    assert (np.abs(bounds[here] - told[here]) < 8e-7 + 2e-9 / slope).all()
    assert crossing(t, bounds, sides=sides).sum() == pytest.approx(design["alpha"], rel=1e-10)
    # The p of the boundary itself is alpha, whatever the looks.
    if sides == 2:
        assert repeated_p(bounds[-1], t, t, spending(design)) == pytest.approx(
            design["alpha"], rel=1e-8
        )


@pytest.mark.parametrize("design", RPACT, ids=NAMES)
def test_prices_are_rpacts(design):
    """Crossings in the wrong direction count here and not there: 1e-3 on two sides."""
    price = group_sequential_price(
        design["t"], spending(design), design["alpha"], sides=design["sided"]
    )
    tolerance = 5e-7 if design["sided"] == 1 else 1e-3
    assert price.inflation == pytest.approx(design["inflation"], abs=tolerance)
    assert price.expected < price.inflation


def test_the_finer_the_nodes_the_same_the_boundary(monkeypatch):
    from apologylab.inference.sequential import boundaries as module

    t = [0.1, 0.35, 0.5, 0.9, 1.0]
    spent = Spending().spent(t, 0.05)
    here = boundaries(t, spent)
    monkeypatch.setattr(module, "_FINENESS", 10.0)
    assert boundaries(t, spent) == pytest.approx(here, abs=1e-11)


# Jennison and Turnbull 2000, tables 2.1 and 2.3: Pocock's and O'Brien and Fleming's constants.
POCOCK = {2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413}
OBRIEN_FLEMING = {2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040}


@pytest.mark.parametrize("looks", [2, 3, 4, 5])
def test_published_constants_spend_alpha(looks):
    """The tables print three decimals; d alpha / d c is about -0.12."""
    k = np.arange(1, looks + 1)
    pocock = crossing(k, np.full(looks, POCOCK[looks]))
    fleming = crossing(k, OBRIEN_FLEMING[looks] * np.sqrt(looks / k))
    assert pocock.sum() == pytest.approx(0.05, abs=1e-4)
    assert fleming.sum() == pytest.approx(0.05, abs=1e-4)


def test_rpacts_tests_of_other_shapes():
    """O'Brien and Fleming, and Wang and Tsiatis with 0.3, of one side at 0.025 (rpact's tests)."""
    fleming = crossing([1, 2, 3], np.array([3.4710914, 2.4544323, 2.0040356]), sides=1)
    assert np.cumsum(fleming) == pytest.approx([0.00025917372, 0.0071600594, 0.02499999], abs=1e-8)
    tsiatis = crossing([0.2, 0.5, 1], np.array([2.8688923, 2.3885055, 2.0793148]), sides=1)
    assert tsiatis.sum() == pytest.approx(0.025, abs=2e-8)


def test_spotifys_default_spending():
    """alpha t^2, run with spotify-confidence 4.1.0; its solver stops at 1e-4."""
    theirs = [3.480756, 2.763573, 2.610415, 2.126048, 2.135096]
    t = [0.1, 0.35, 0.5, 0.9, 1.0]
    assert boundaries(t, Spending(shape="kim_demets").spent(t, 0.05)) == pytest.approx(
        theirs, abs=2e-4
    )


def test_growthbooks_sequential_interval():
    """packages/stats/tests/frequentist/test_tests.py: relative lift, tuned to 1,000 units."""
    (n0, s0, q0), (n1, s1, q1) = (3000, 1396.87, 52377.9767), (3461, 2422.7, 134698.29)
    m0, m1 = s0 / n0, s1 / n1
    v0, v1 = ((q - s * s / n) / (n - 1) for n, s, q in ((n0, s0, q0), (n1, s1, q1)))
    lift = (m1 - m0) / m0
    error = float(np.sqrt(v1 / n1 / m0**2 + v0 / n0 * m1**2 / m0**4))
    reach = critical(n0 + n1, best_rho(1000, 0.05), 0.05) * error
    assert (lift, error) == pytest.approx((0.50336, 0.33341), abs=6e-6)
    assert (lift - reach, lift + reach) == pytest.approx((-0.55844, 1.56516), abs=6e-6)


def test_confseqs_boundaries():
    """test/uniform_boundaries_unittest.cpp of gostevehoward/confseq."""
    two, one = best_rho(100, 0.05), best_rho(100, 0.10)
    assert two == pytest.approx(12.60056, abs=1e-5)
    assert float(log_mixture(10, 100, two)) == pytest.approx(-0.6510052, abs=1e-7)
    assert mixture_bound(100, two, 0.05) == pytest.approx(30.35209, abs=1e-5)
    assert float(log_mixture(10, 100, one, sides=1)) == pytest.approx(-0.06502391, abs=1e-8)
    assert mixture_bound(100, one, 0.05, sides=1) == pytest.approx(27.66071, abs=1e-5)


def test_confseqs_interval_of_a_share():
    """bernoulli_confidence_interval(700, 1000, 0.05, t_opt = 100) of the same package."""
    assert share_interval(Share(700, 1000, 100), 0.05) == pytest.approx(
        (0.651629, 0.745949), abs=1e-6
    )


@pytest.mark.parametrize("n", [100.0, 5000.0, 1e6])
@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.3])
def test_always_valid_p_and_interval_agree(n, alpha):
    rho = best_rho(5000, 0.05)
    assert float(always_valid_p(critical(n, rho, alpha), n, rho)) == pytest.approx(alpha, rel=1e-9)


@pytest.mark.parametrize("name", sorted(SRM))
def test_the_sequential_sample_ratio_is_optimizelys(name):
    """Their log is of complex numbers' real part; 1e-9 absolute."""
    told = SRM[name]
    n, shares = np.sum(told["days"], axis=0), np.array(told["shares"])
    assert float(log_bayes_factor(n, shares)) == pytest.approx(told["log_bayes_factor"], abs=1e-9)
    assert float(log_bayes_factor(n, shares, concentration=100.0)) == pytest.approx(
        told["log_bayes_factor_at_100"], abs=1e-9
    )


def test_what_was_forecast_may_differ_from_what_came():
    """Spending by the forecast, correlation by the information: alpha holds for both."""
    information, share = (10.0, 55.0, 80.0), (0.2, 0.5, 1.0)
    plan = Spending(shape="pocock")
    bounds = np.array([boundary(information[:k], share[:k], plan, 0.05) for k in (1, 2, 3)])
    first = crossing(information, bounds)
    assert np.cumsum(first) == pytest.approx(plan.spent(share, 0.05), rel=1e-9)


@pytest.mark.parametrize("later", [0.503, 0.5006, 0.9])
def test_a_look_soon_after_another_is_the_double_integral(later):
    """Of two looks P(inside, then outside) is one integral of the normal, which scipy takes."""
    spent = Spending(shape="kim_demets", power=1.0).spent([0.5, later], 0.05)
    first, second = boundaries([0.5, later], spent)
    r = (0.5 / later) ** 0.5
    w = (1 - r * r) ** 0.5

    def leaves(x):
        return norm.pdf(x) * (norm.sf((second - r * x) / w) + norm.cdf((-second - r * x) / w))

    edges = [-first + 0.1, first - 0.1]
    left, _ = quad(leaves, -first, first, points=edges, limit=400, epsabs=1e-14)
    assert left == pytest.approx(spent[1] - spent[0], rel=1e-8)


def test_many_looks_come_near_to_looking_all_the_time():
    """Brownian motion leaves a constant bound as O'Brien-Fleming's function spends (reflection);
    K looks see it later, as if the bound were 0.5826 / sqrt(K) lower (Siegmund 1985, eq. 10.38)."""
    t = np.arange(1, 366) / 365
    bounds = boundaries(t, Spending().spent(t, 0.025, sides=1), sides=1)
    level = norm.isf(0.0125) - 0.5826 / 365**0.5
    assert (bounds * np.sqrt(t))[200:] == pytest.approx(np.full(165, level), abs=1.5e-3)


def test_estimated_information_that_falls_counts_as_a_little_more():
    spent = Spending(shape="pocock").spent([0.5, 0.6, 1.0], 0.05)
    fallen = boundaries([50.0, 48.0, 100.0], spent, estimated=True)
    assert fallen == pytest.approx(boundaries([50.0, 50.5, 100.0], spent), rel=1e-9)
    with pytest.raises(InputError, match="falls"):
        boundaries([50.0, 48.0, 100.0], spent)


@pytest.mark.parametrize("spent", [[0.03, 0.02, 0.05], [-0.01, 0.02, 0.05], [0.01, np.nan, 0.05]])
def test_what_no_function_spends_is_refused(spent):
    with pytest.raises(InputError, match="spent"):
        boundaries([1.0, 2.0, 3.0], np.array(spent))


def test_alpha_that_is_spent_early_leaves_no_later_look():
    assert boundaries([1.0, 2.0, 3.0], np.array([0.01, 0.05, 0.05])).tolist()[2] == np.inf


BAD = {
    "no variance": lambda: mixture_bound(-1.0, 1.0, 0.05),
    "no rho": lambda: mixture_bound(1.0, 0.0, 0.05),
    "no alpha": lambda: critical(100.0, 1.0, 1.5),
    "no units": lambda: critical(0.0, 1.0, 0.05),
    "no statistic": lambda: always_valid_p(np.nan, 100.0, 1.0),
    "no shares": lambda: log_bayes_factor(np.array([5, 5]), np.array([0.5, 0.6])),
    "a share of 0": lambda: log_bayes_factor(np.array([5, 5]), np.array([0.0, 1.0])),
    "no power": lambda: group_sequential_price([0.5, 1], Spending(), 0.05, power=1.2),
    "a power below alpha": lambda: confidence_sequence_price(0.05, power=0.01),
    "looks without an end": lambda: group_sequential_price([0.5, 0.9], Spending(), 0.05),
    "no interval": lambda: share_interval(Share(1, 2, 100), 0.0),
}


@pytest.mark.parametrize("asked", BAD.values(), ids=BAD)
def test_what_no_boundary_is_of_is_refused(asked):
    with pytest.raises(InputError):
        asked()


@pytest.mark.parametrize(
    ("s", "v", "rho"), [(3, 10, 2.0), (-4, 7, 0.5), (30, 100, 12.6), (0, 3, 9)]
)
@pytest.mark.parametrize("sides", [1, 2])
def test_the_mixture_is_the_integral_over_drifts(s, v, rho, sides):
    """Howard and others 2021, proposition 5: E exp(drift s - drift^2 v / 2) over N(0, 1/rho)."""

    def ratio(drift):
        return np.exp(drift * s - drift**2 * v / 2) * norm.pdf(drift, 0, rho**-0.5)

    middle, width = s / (v + rho), 12 * (v + rho) ** -0.5
    low = max(0.0, middle - width) if sides == 1 else middle - width
    whole, _ = quad(ratio, low, max(middle, 0.0) + width, limit=300)
    found = float(np.exp(log_mixture(s, v, rho, sides=sides)))
    assert found == pytest.approx(whole * (3 - sides), rel=1e-8)


def test_units_in_an_arm_that_is_never_drawn_fail_the_ratio_at_any_time():
    """No martingale is needed for what the plan cannot bring about."""
    drawn = {"a": 1, "b": 1, "closed": 0}
    check = sample_ratio_at_any_time({1: {"a": 50, "b": 50, "closed": 1}}, {1: drawn})
    assert check.passed is False
    assert "1 in closed in phase 1" in check.says
    assert sample_ratio_at_any_time({1: {"a": 50, "b": 50}}, {1: drawn}).passed


@pytest.mark.parametrize(("alpha", "sides"), [(-0.1, 2), (1.0, 2), (0.05, 3)])
def test_an_alpha_that_cannot_be_spent_is_refused(alpha, sides):
    with pytest.raises(InputError, match="alpha is"):
        Spending().spent([0.5, 1.0], alpha, sides=sides)
