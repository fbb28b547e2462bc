"""The contract of ``Source.set_totals(by=...)``; fixed seeds, no chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest

from apologylab.errors import InputError
from apologylab.inference.source import Source

Make = Callable[..., Source]


def test_totals_by_another_column(make: Make) -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(1e6, 1.0, 400)
    y[::11] = np.nan
    cause = rng.integers(0, 9, 400).astype(float)
    arm = rng.choice(["a", "b"], 400).tolist()
    (found,) = make({"y": y, "cause": cause}, arm=arm).set_totals(["y"], by="cause")
    expected: dict[tuple[int, str], list[float]] = defaultdict(list)
    for value, group, label in zip(y.tolist(), cause.tolist(), arm, strict=True):
        if not np.isnan(value):
            expected[int(group), label].append(value)
    rows = {
        (int(code), found.cells[cell].arm): (int(n), float(total + n * found.shift))
        for code, cell, n, total in zip(found.code, found.cell, found.n, found.total, strict=True)
    }
    assert len(rows) == len(found.n)
    assert {key: n for key, (n, _) in rows.items()} == {k: len(v) for k, v in expected.items()}
    for key, values in expected.items():
        assert rows[key][1] == pytest.approx(sum(values), rel=1e-12)


def test_a_unit_without_the_column_is_a_set_of_its_own(make: Make) -> None:
    cause = np.array([1.0, np.nan, 1.0, np.nan])
    source = make({"y": np.array([1.0, 2.0, 4.0, 8.0]), "cause": cause}, arm=["a"] * 4)
    (found,) = source.set_totals(["y"], by="cause")
    alone = found.code < 0
    assert sorted(found.n.tolist()) == [1, 1, 2]
    assert len(set(found.code.tolist())) == 3
    assert sorted((found.total + found.shift)[alone].tolist()) == pytest.approx([2.0, 8.0])


def test_an_unknown_column_is_refused(make: Make) -> None:
    source = make({"y": np.array([1.0, 2.0])}, arm=["a", "b"])
    with pytest.raises(InputError, match="region"):
        source.set_totals(["y"], by="region")


def test_numbers_that_are_not_whole_are_refused(make: Make) -> None:
    """Rounded, 3.5 would join 4 (or 3): two causes would be one."""
    cause = np.array([3.0, 3.5, 4.0, np.nan])
    source = make({"y": np.array([1.0, 2.0, 4.0, 8.0]), "cause": cause}, arm=["a"] * 4)
    with pytest.raises(InputError, match="'cause' holds numbers that are not whole"):
        source.set_totals(["y"], by="cause")
