"""Moments as values: their shapes, and what adding and shifting do to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from apologylab.errors import InputError
from apologylab.inference.arrays import panel
from apologylab.inference.moments import (
    Cell,
    Moments,
    Request,
    cell_covariances,
    cell_means,
    cell_scatters,
    merge,
    pooled_means,
    select,
)


def some(seed: int = 0, n: int = 300, *, location: float = 0.0) -> Moments:
    rng = np.random.default_rng(seed)
    columns = {"y": location + rng.normal(size=n), "x": rng.gamma(2.0, size=n)}
    source = panel(columns, arm=rng.choice(["a", "b", "c"], n).tolist())
    return source.moments([Request("y", ("x",))])[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n": np.array([1, 2])}, "shapes"),
        ({"shift": np.zeros(3)}, "shapes"),
        ({"products": np.zeros((3, 2))}, "shapes"),
        ({"cells": (Cell(1, 1, "b", ""), Cell(1, 1, "a", ""), Cell(1, 1, "c", ""))}, "sorted"),
        ({"cells": (Cell(1, 1, "a", ""),) * 3}, "sorted"),
        ({"n": np.array([1, 0, 2])}, "no units"),
        ({"shift": np.array([np.nan, 0.0])}, "finite"),
    ],
)
def test_moments_that_cannot_be_are_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(some(), **change)


def test_a_constant_has_no_spread_at_all() -> None:
    """Rounding must not pass for variance: 0.1 has no exact binary form."""
    source = panel({"y": np.full(1_001, 0.1), "x": np.full(1_001, 1e9 / 3)}, arm=["a"] * 1_001)
    moments = source.moments([Request("y", ("x",))])[0]
    unshifted = Moments(
        columns=moments.columns,
        cells=moments.cells,
        shift=np.zeros(2),
        n=moments.n,
        sums=np.array([[1_001 * 0.1, 1_001 * (1e9 / 3)]]),
        products=np.array([np.outer([0.1, 1e9 / 3], [0.1, 1e9 / 3]) * 1_001]),
    )
    for found in (moments, unshifted):
        assert np.diag(cell_scatters(found)[0]).tolist() == [0.0, 0.0]


def test_a_single_unit_has_no_variance() -> None:
    moments = panel({"y": np.array([3.0])}, arm=["a"]).moments([Request("y")])[0]
    assert np.isnan(cell_covariances(moments)).all()


def test_pooled_means_weigh_by_units() -> None:
    source = panel({"y": np.array([1.0, 2.0, 3.0, 10.0])}, arm=["a", "a", "a", "b"])
    assert pooled_means(source.moments([Request("y")])[0]).tolist() == [4.0]


def test_select_keeps_the_cells_named() -> None:
    moments = some()
    chosen = select(moments, [cell.arm != "b" for cell in moments.cells])
    assert [cell.arm for cell in chosen.cells] == ["a", "c"]
    np.testing.assert_array_equal(cell_means(chosen), cell_means(moments)[[0, 2]])


def test_merge_is_the_moments_of_all_units() -> None:
    rng = np.random.default_rng(3)
    y, arm = 1e9 + rng.normal(size=900), rng.choice(["a", "b"], 900).tolist()
    whole = panel({"y": y}, arm=arm).moments([Request("y")])[0]
    parts = [
        panel({"y": y[i : i + 300]}, arm=arm[i : i + 300]).moments([Request("y")])[0]
        for i in (0, 300, 600)
    ]
    merged = merge(parts[0], merge(parts[1], parts[2]))
    assert merged.n.tolist() == whole.n.tolist()
    np.testing.assert_allclose(cell_means(merged), cell_means(whole), rtol=1e-15)
    np.testing.assert_allclose(cell_covariances(merged), cell_covariances(whole), rtol=1e-10)


def test_merge_joins_cells_that_only_one_has() -> None:
    left = panel({"y": np.array([1.0, 3.0])}, arm=["a", "a"]).moments([Request("y")])[0]
    right = panel({"y": np.array([5.0])}, arm=["b"]).moments([Request("y")])[0]
    merged = merge(left, right)
    assert [cell.arm for cell in merged.cells] == ["a", "b"]
    np.testing.assert_allclose(cell_means(merged)[:, 0], [2.0, 5.0])


def test_moments_of_different_columns_do_not_add() -> None:
    other = panel({"z": np.array([1.0])}, arm=["a"]).moments([Request("z")])[0]
    with pytest.raises(InputError, match="do not add"):
        merge(some(), other)
