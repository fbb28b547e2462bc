"""Procedures on p-values: against statsmodels and the reference cases, and their own definitions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from apologylab.errors import InputError
from apologylab.inference.many import p_values

METHODS = {
    "bonferroni": "bonferroni",
    "sidak": "sidak",
    "holm": "holm",
    "holm_sidak": "holm-sidak",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "benjamini_hochberg": "fdr_bh",
    "benjamini_yekutieli": "fdr_by",
}


@pytest.mark.parametrize("name", METHODS)
def test_adjusted_p_values_are_those_of_statsmodels(name):
    rng = np.random.default_rng(1)
    for size in (1, 2, 3, 7, 60):
        for p in (
            rng.uniform(size=size),
            rng.beta(0.2, 5, size),
            np.round(rng.uniform(size=size), 1),
        ):
            with np.errstate(divide="ignore"):
                expected = multipletests(p, method=METHODS[name])[1]
            # 1 - (1 - p)^m, as it stands there, has an absolute error of some 1e-15.
            atol = 1e-13 if "sidak" in name else 0
            np.testing.assert_allclose(
                getattr(p_values, name)(p.tolist()), expected, rtol=1e-13, atol=atol
            )


def test_hommel_is_the_closed_test_by_simes():
    """Adjusted p: the largest Simes p of the sets that hold the hypothesis."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        p = rng.beta(0.5, 2, 5)
        closed = np.zeros(5)
        for size in range(1, 6):
            for members in combinations(range(5), size):
                simes = (size * np.sort(p[list(members)]) / np.arange(1, size + 1)).min()
                closed[list(members)] = np.maximum(closed[list(members)], simes)
        np.testing.assert_allclose(p_values.hommel(p), closed, rtol=1e-12)


def test_order_of_power():
    """Step-down below single-step, step-up below step-down, Hommel below Hochberg."""
    p = np.random.default_rng(3).beta(0.3, 3, 30)
    bonferroni, holm = p_values.bonferroni(p), p_values.holm(p)
    hochberg, hommel = p_values.hochberg(p), p_values.hommel(p)
    assert (holm <= bonferroni).all()
    assert (hochberg <= holm).all()
    assert (hommel <= hochberg + 1e-15).all()
    assert (hommel < hochberg - 1e-6).any()


@pytest.mark.parametrize("wrong", [[0.2, 1.2], [0.1, float("nan")], [[0.1]]])
def test_what_is_no_p_value_is_refused(wrong):
    with pytest.raises(InputError, match="p-values are"):
        p_values.holm(wrong)
