"""Who is read at an early look, against who will be at the end."""

from __future__ import annotations

import numpy as np
import pytest

from apologylab.inference.arrays import panel
from apologylab.inference.moments import Request
from apologylab.inference.sequential.mix import enrolled_mix, mix_in_words

NAN = float("nan")


def shifts(age, *, read, to_come=0, arm=None):
    """Units in the order in which they came; the first ``read`` have their outcome."""
    age = np.asarray(age, dtype=float)
    y = np.where(np.arange(len(age)) < read, 1.0, NAN)
    arms = arm or [("a", "b")[i % 2] for i in range(len(age))]
    source = panel({"y": y, "age": age, "constant": np.ones(len(age))}, arm=arms)
    first, everyone = source.moments(
        [Request("y", ("age", "constant")), Request("age", ("constant",))]
    )
    return enrolled_mix(first, everyone, to_come=to_come)


def test_it_is_worked_out_by_hand():
    """10 enrolled with ages 0..9, the first 4 read, 6 to come like those that are not read."""
    (age,) = shifts(range(10), read=4, to_come=6)
    assert age.now == pytest.approx(1.5)
    assert age.final == pytest.approx((10 * 4.5 + 6 * 6.5) / 16)
    assert age.difference == pytest.approx((1.5 - 84 / 16) / np.std(np.arange(10), ddof=1))


def test_what_does_not_vary_is_left_out_and_all_read_is_no_difference():
    (age,) = shifts(range(10), read=10, to_come=90)
    assert (age.name, age.difference) == ("age", 0.0)


def test_no_unit_read_says_nothing():
    assert shifts(range(10), read=0) == ()


@pytest.mark.parametrize(
    ("ages", "said"),
    [
        (range(40), "differ from the forecast final ones in age: mean"),
        ([1, 2, 3, 4] * 10, "are like"),
    ],
)
def test_the_words(ages, said):
    (line,) = mix_in_words(shifts(ages, read=20))
    assert said in line


def test_without_covariates_it_says_so():
    (line,) = mix_in_words(())
    assert "declare one" in line
