"""Moments add over disjoint units in any order and in any split (R25)."""

from __future__ import annotations

from functools import reduce

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from apologylab.inference.arrays import panel
from apologylab.inference.moments import Moments, Request, cell_covariances, cell_means, merge

unit = st.tuples(
    st.integers(0, 5),
    st.sampled_from(["a", "b", "silence"]),
    st.integers(1, 2),
    st.integers(-1_000, 1_000),
    st.integers(-1_000, 1_000),
)


def moments_of(units: list[tuple[int, str, int, int, int]], location: float) -> Moments:
    _, arm, phase, y, x = zip(*units, strict=True)
    columns = {"y": location + np.array(y) / 7, "x": np.array(x) / 3 - location}
    return panel(columns, arm=list(arm), phase=list(phase)).moments([Request("y", ("x",))])[0]


def agree(one: Moments, other: Moments) -> None:
    """To 1e-10 of each column's spread over the whole, or of one unit of measure."""
    assert one.cells == other.cells
    assert one.n.tolist() == other.n.tolist()
    np.testing.assert_allclose(cell_means(one), cell_means(other), rtol=1e-13, atol=1e-10)
    np.testing.assert_allclose(cell_covariances(one), cell_covariances(other), rtol=1e-9, atol=1e-6)


@settings(max_examples=150, deadline=None)
@given(st.lists(unit, min_size=1, max_size=60), st.sampled_from([0.0, 1e6]), st.randoms())
def test_any_split_merged_in_any_order_is_the_whole(
    units: list[tuple[int, str, int, int, int]], location: float, random: object
) -> None:
    parts = [
        moments_of(mine, location)
        for part in range(6)
        if (mine := [one for one in units if one[0] == part])
    ]
    random.shuffle(parts)  # type: ignore[attr-defined]
    agree(reduce(merge, parts), moments_of(units, location))


@settings(max_examples=50, deadline=None)
@given(st.lists(unit, min_size=2, max_size=40))
def test_merging_commutes(units: list[tuple[int, str, int, int, int]]) -> None:
    half = len(units) // 2
    left, right = moments_of(units[:half], 0.0), moments_of(units[half:], 0.0)
    one, other = merge(left, right), merge(right, left)
    np.testing.assert_allclose(one.sums, other.sums, atol=1e-8)
    np.testing.assert_allclose(one.products, other.products, rtol=1e-10, atol=1e-6)
