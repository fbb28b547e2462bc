"""The contract of ``Source.value_counts``; fixed seeds, no chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from apologylab.errors import InputError
from apologylab.inference.moments import Cell
from apologylab.inference.source import Source

Make = Callable[..., Source]


def test_values_are_counted_by_cell(make: Make) -> None:
    rng = np.random.default_rng(1)
    y = np.round(rng.normal(size=700), 1)
    y[::9] = np.nan
    y[1], y[2] = -0.0, 0.0
    arm = rng.choice(["basic", "silence"], 700).tolist()
    phase = rng.integers(1, 3, 700).tolist()
    source = make({"y": y, "x": rng.normal(size=700)}, arm=arm, phase=phase)
    x, found = source.value_counts(["x", "y"])
    expected = Counter(
        (Cell(1, p, a, ""), v + 0.0)
        for p, a, v in zip(phase, arm, y.tolist(), strict=True)
        if not np.isnan(v)
    )
    rows = zip(found.cell.tolist(), found.value.tolist(), found.n.tolist(), strict=True)
    assert {(found.cells[cell], value): n for cell, value, n in rows} == dict(expected)
    assert len(found.n) == len(expected)
    assert x.column == "x"
    assert int(x.n.sum()) == 700


def test_cells_add_up_by_value(make: Make) -> None:
    y = np.array([1.0, 2.0, 2.0, 5.0, 1.0, 9.0])
    source = make({"y": y}, arm=["a", "a", "b", "b", "b", "b"], phase=[1, 1, 1, 2, 2, 1])
    (found,) = source.value_counts(["y"])
    value, n = found.of([cell for cell in found.cells if cell.arm == "b"])
    assert value.tolist() == [1.0, 2.0, 5.0, 9.0]
    assert n.tolist() == [1, 1, 1, 1]
    value, n = found.of(found.cells)
    assert (value.tolist(), n.tolist()) == ([1.0, 2.0, 5.0, 9.0], [2, 2, 1, 1])


def test_a_column_that_all_units_lack_has_no_values(make: Make) -> None:
    (found,) = make({"y": np.array([np.nan])}, arm=["a"]).value_counts(["y"])
    assert len(found.n) == 0


def test_an_unknown_column_is_refused(make: Make) -> None:
    with pytest.raises(InputError, match="spent"):
        make({"y": np.array([1.0])}, arm=["a"]).value_counts(["spent"])
