"""The contract of ``Source.bucketed``; fixed seeds, no chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from apologylab.inference.many.buckets import in_buckets, parted
from apologylab.inference.moments import Request
from apologylab.inference.source import Source

Make = Callable[..., Source]


def test_buckets_add_up_to_their_cells(make: Make) -> None:
    rng = np.random.default_rng(1)
    y, x = rng.normal(size=(2, 500))
    y[::7] = np.nan
    keys = {
        "arm": rng.choice(["basic", "silence"], 500).tolist(),
        "stratum": rng.choice(["gold", ""], 500).tolist(),
    }
    source = make({"y": y, "x": x}, **keys)
    request = Request("y", ("x",))
    (whole,) = source.moments([request])
    (split,) = source.bucketed(13).moments([request])
    found = in_buckets(split, 13)
    assert found.cells == whole.cells
    np.testing.assert_array_equal(found.n.sum(axis=1), whole.n)
    shifted = found.sums.sum(axis=1) + whole.n[:, None] * (split.shift - whole.shift)
    np.testing.assert_allclose(shifted, whole.sums, atol=1e-9)
    assert {parted(cell.stratum)[1] for cell in split.cells} == set(range(13))


def test_buckets_are_equal_and_a_few_units_have_one_each(make: Make) -> None:
    source = make({"y": np.arange(26.0)}, arm=["a"] * 26)
    (split,) = source.bucketed(13).moments([Request("y")])
    assert split.n.tolist() == [2] * 13
    (alone,) = source.bucketed(101).moments([Request("y")])
    assert alone.n.tolist() == [1] * 26


def test_units_drawn_together_share_a_bucket(make: Make) -> None:
    y = np.arange(12.0)
    source = make({"y": y}, arm=["a"] * 12, drawn_set=[1, 2, 3] * 4)
    (split,) = source.bucketed(101).moments([Request("y")])
    total = split.sums[:, 0] + split.n * split.shift[0]
    assert sorted(total.tolist()) == [18.0, 22.0, 26.0]


def test_many_buckets_have_the_moments_of_their_units(make: Make) -> None:
    """More values of a key than an engine would list."""
    rng = np.random.default_rng(2)
    y, x = rng.normal(size=(2, 400))
    source = make({"y": y, "x": x}, arm=["a", "b"] * 200, drawn_set=list(range(400)))
    (split,) = source.bucketed(50).moments([Request("y", ("x",))])
    assert len(split.cells) == 50
    for cell, n, sums in zip(split.cells, split.n, split.sums + 0.0, strict=True):
        mine = np.arange(400) % 50 == parted(cell.stratum)[1]
        assert n == mine.sum() == 8
        total = sums + n * split.shift
        np.testing.assert_allclose(total, [y[mine].sum(), x[mine].sum()], atol=1e-9)
