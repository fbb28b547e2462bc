"""Contrasts of a 2 x 3 x 2 factorial against R's emmeans 1.8 with sandwich's HC2 errors.

With one block the difference in means has exactly HC2's errors of the cell-means regression. Both
print twelve decimals; 1e-10 allows for their rounding.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import apologylab
from apologylab.design.aliases import aliases
from apologylab.design.arms import Arm
from apologylab.design.layout import Layout
from apologylab.errors import InputError
from apologylab.inference.results import Analysis

PRINTED = Path(__file__).parent / "r" / "factorial.txt"


def printed() -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for line in PRINTED.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if len(words) == 4 and words[1].isdigit():
            found.setdefault(words[0], []).append((float(words[2]), float(words[3])))
    return found


@cache
def analysis() -> Analysis:
    i = np.arange(1, 601)
    warm = (i * 31) % 7 % 2
    coupon = (i * 17) % 11 % 3
    late = (i * 13) % 5 % 2
    y = (
        ((i * 7919) % 1009) / 100
        + 2 * (coupon == 2)
        + (coupon == 1) * (late == 0)
        + 0.5 * warm * (((i * 101) % 13) / 3)
    )
    names = [
        (("plain", "warm")[w], ("none", "usd3", "usd5")[c], ("1h", "4h")[t])
        for w, c, t in zip(warm, coupon, late, strict=True)
    ]
    table = pa.table({"arm": ["+".join(each) for each in names], "y": y})
    levels = {
        "+".join(each): dict(zip(("wording", "coupon", "timing"), each, strict=True))
        for each in sorted(set(names))
    }
    return apologylab.analyse(
        table, arm="arm", reference="plain+none+1h", outcomes=["y"], levels=levels
    )


def compare(found: Analysis, name: str) -> None:
    rows = [(each.point, each.std_error) for each in found.estimates]
    assert len(rows) == len(printed()[name])
    np.testing.assert_allclose(rows, printed()[name], atol=1e-10, rtol=0)


def test_main_effects() -> None:
    compare(analysis().contrast("coupon"), "main")
    factors = [each for each in analysis().estimates if each.kind == "factor"]
    of_coupon = [(e.point, e.std_error) for e in factors if e.name.startswith("coupon")]
    np.testing.assert_allclose(of_coupon, printed()["main"], atol=1e-10)


def test_simple_effects() -> None:
    compare(analysis().contrast("coupon", at={"timing": "1h"}), "simple")


def test_level_means_and_declared_weights() -> None:
    compare(analysis().marginal_means("coupon"), "means")
    weights = {"timing": {"1h": 3, "4h": 1}}
    compare(analysis().contrast("coupon", weights=weights), "weighted")
    means = analysis().marginal_means("coupon", weights=weights).estimates
    assert means[1].point - means[0].point == pytest.approx(printed()["weighted"][0][0], abs=1e-10)


def test_interactions_of_two_and_three_factors() -> None:
    compare(analysis().contrast("coupon", "timing"), "two")
    compare(analysis().contrast("coupon", "timing", "wording"), "three")


def test_moved_together_is_the_sum_of_simple_effects() -> None:
    both = analysis().contrast({"coupon": "usd5", "timing": "4h"}).estimates[0]
    one = analysis().contrast("coupon=usd5 vs coupon=none at timing=4h").estimates[0]
    other = analysis().contrast("timing", at={"coupon": "none"}).estimates[0]
    assert both.point == pytest.approx(one.point + other.point, abs=1e-12)


def test_what_the_plan_does_not_have_is_a_departure_and_a_mean_is_not_tested() -> None:
    asked = analysis().contrast("coupon", at={"timing": "1h"})
    assert "asked besides the plan" in asked.deviations_from_plan[0]
    assert analysis().contrast("coupon").deviations_from_plan == ()
    means = analysis().marginal_means("coupon")
    assert {each.p_value for each in means.estimates} == {None}
    assert "the mean of y is" in str(means)
    assert "differs from" in str(analysis().contrast("coupon=usd5 x timing"))
    assert "3 tests" not in asked.estimates[0].family
    assert "2 tests, Holm" in asked.estimates[0].family


def test_unknown_factors_levels_and_weights_are_refused() -> None:
    with pytest.raises(InputError, match="no factor 'cupon'"):
        analysis().contrast({"cupon": "usd5"})
    with pytest.raises(InputError, match="no factor 'cupon'"):
        analysis().contrast("cupon")
    with pytest.raises(InputError, match="no level '2h'"):
        analysis().contrast("coupon", at={"timing": "2h"})
    with pytest.raises(InputError, match="give a weight above 0"):
        analysis().contrast("coupon", weights={"timing": {"1h": 1}})


def test_r_finds_the_same_aliases() -> None:
    """Of the half fraction c = ab R prints a:b, a:c and b:c as aliased; ours name each pair."""
    cells = [{"a": a, "b": b, "c": "+" if a == b else "-"} for a in "-+" for b in "-+"]
    arms = tuple(Arm(name=str(k), levels=each, delay=None) for k, each in enumerate(cells))
    found = dict(aliases(Layout(factors=dict.fromkeys("abc", ("-", "+")), arms=arms)))
    (line,) = [
        line
        for line in PRINTED.read_text(encoding="utf-8").splitlines()
        if line.startswith("aliases:")
    ]
    dropped = [name.replace(":", " x ") for name in line.split()[1:] if name.count(":") == 1]
    assert sorted(dropped) == sorted(name for name in found if name.count(" x ") == 1)
    assert found["a"] == ("b x c",)
