"""The contract of ``Source.events``: every engine counts the units of a panel alike.

The random panels have fixed seeds; nothing here is a statistical test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from apologylab.errors import InputError
from apologylab.inference.arrays import panel
from apologylab.inference.moments import Cell
from apologylab.inference.source import Source
from apologylab.inference.survival.counts import EventCounts, Timed, merge, select

Make = Callable[..., Source]
DAYS = Timed("days", "end")


def followed(seed: int, n: int) -> tuple[dict[str, np.ndarray], dict[str, list[object]]]:
    rng = np.random.default_rng(seed)
    columns = {
        "days": rng.integers(0, 29, n).astype(float),
        "end": rng.integers(0, 3, n).astype(float),
    }
    columns["days"][::17] = np.nan
    columns["end"][::23] = np.nan
    keys = {
        "phase": rng.integers(1, 3, n).tolist(),
        "arm": rng.choice(["silence", "basic", "ünïcode+usd5@1h"], n).tolist(),
    }
    return columns, keys


def by_row(counts: EventCounts) -> dict[tuple[Cell, float, int], int]:
    rows = zip(counts.cell, counts.time, counts.kind, counts.n, strict=True)
    return {(counts.cells[c], float(t), int(k)): int(n) for c, t, k, n in rows}


def counted_by_hand(
    columns: dict[str, np.ndarray], keys: dict[str, list[object]]
) -> Counter[tuple[Cell, float, int]]:
    units = zip(columns["days"], columns["end"], keys["phase"], keys["arm"], strict=True)
    return Counter(
        (Cell(1, phase, arm, ""), float(t), int(e))  # type: ignore[arg-type]
        for t, e, phase, arm in units
        if not (np.isnan(t) or np.isnan(e))
    )


def test_units_are_counted_by_cell_time_and_end(make: Make) -> None:
    columns, keys = followed(1, 2_000)
    (found,) = make(columns, **keys).events([DAYS])
    assert by_row(found) == counted_by_hand(columns, keys)
    assert found.cells == tuple(sorted(found.cells))


def test_merged_parts_are_the_whole() -> None:
    columns, keys = followed(2, 900)
    (whole,) = panel(columns, **keys).events([DAYS])  # type: ignore[arg-type]
    parts = [
        panel(
            {name: column[rows] for name, column in columns.items()},
            **{name: values[rows] for name, values in keys.items()},  # type: ignore[arg-type]
        ).events([DAYS])[0]
        for rows in (slice(0, 100), slice(100, 700), slice(700, 900))
    ]
    for order in ((0, 1, 2), (2, 0, 1)):
        a, b, c = (parts[i] for i in order)
        assert by_row(merge(merge(a, b), c)) == by_row(whole)


def test_a_panel_without_anybody_followed_has_no_rows(make: Make) -> None:
    nothing = np.full(3, np.nan)
    (found,) = make({"days": nothing, "end": nothing}, arm=["a", "b", "b"]).events([DAYS])
    assert found.cells == ()
    assert found.n.size == 0


@pytest.mark.parametrize(
    ("days", "end", "named"),
    [(-1.0, 1.0, "'days' holds -1"), (np.inf, 1.0, "'days' holds inf"), (2.0, 0.5, "'end' holds")],
)
def test_times_and_ends_that_cannot_be_are_refused(
    make: Make, days: float, end: float, named: str
) -> None:
    source = make({"days": np.array([3.0, days]), "end": np.array([1.0, end])}, arm=["a", "b"])
    with pytest.raises(InputError, match=named):
        source.events([DAYS])


def test_an_unknown_column_is_refused(make: Make) -> None:
    source = make({"days": np.ones(2)}, arm=["a", "b"])
    with pytest.raises(InputError, match="no column 'end'"):
        source.events([DAYS])


def test_counts_of_other_columns_do_not_add() -> None:
    columns, keys = followed(3, 50)
    (one,) = panel(columns, **keys).events([DAYS])  # type: ignore[arg-type]
    renamed = {"weeks": columns["days"], "end": columns["end"]}
    (other,) = panel(renamed, **keys).events([Timed("weeks", "end")])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="do not add"):
        merge(one, other)


def test_arms_are_selected_with_their_units() -> None:
    columns, keys = followed(4, 500)
    (whole,) = panel(columns, **keys).events([DAYS])  # type: ignore[arg-type]
    found = by_row(select(whole, ["basic"]))
    assert found == {key: n for key, n in by_row(whole).items() if key[0].arm == "basic"}
