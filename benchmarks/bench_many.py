"""Many questions: step-down over 35 tests, and List, Shaikh and Xu's bootstrap over 48.

The contenders are what their papers describe, written plainly with numpy: 2,000 permutations of the
arms with every test made anew (Romano and Wolf 2005), and 3,000 resamples of the units with a mask
for each cell (List, Shaikh and Xu 2019, as in their own program). They are timed on a few draws,
which all cost the same, and multiplied.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from apologylab.design.contrasts import against
from apologylab.inference.arrays import ArraySource
from apologylab.inference.many.draws import resampled
from apologylab.inference.many.list_shaikh import Units, bootstrapped, every_hypothesis
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.question import Measured, Question
from measure import Row, cost, medians

ARMS, OUTCOMES, UNITS = 8, 5, 200_000
PERMUTATIONS, TIMED = 2_000, 10
SMALLER, DRAWS, SUBGROUPS = 50_000, 3_000, 4
NAMES = tuple(f"arm{i}" for i in range(ARMS))


def rows() -> list[Row]:
    """Both comparisons, in seconds."""
    return [step_down(), *bootstrap()]


def step_down() -> Row:
    """The whole of an analysis with max-t, moments included, beside permutations."""
    rng = np.random.default_rng(1)
    arm, y = rng.integers(0, ARMS, UNITS), rng.lognormal(size=(UNITS, OUTCOMES))
    source = ArraySource(
        columns={f"y{k}": np.ascontiguousarray(y[:, k]) for k in range(OUTCOMES)},
        cells=tuple(Cell(1, 1, name, "") for name in NAMES),
        code=arm,
    )
    asked = Question(
        outcomes=tuple(Measured(name=f"y{k}", role="primary", unit="USD") for k in range(OUTCOMES)),
        arm_contrasts=against(NAMES, "arm0"),
        weights={1: dict.fromkeys(NAMES, 1)},
        assigned={},
        adjust="max_t",
    )

    def ours() -> None:
        found, _ = estimates(fit(source, asked), asked)
        assert len(found) == (ARMS - 1) * OUTCOMES
        assert "35 tests, step-down max-t" in found[0].family

    def theirs() -> None:
        for _ in range(TIMED):
            permuted = rng.permutation(arm)
            statistics(y, [permuted == a for a in range(ARMS)])

    taken = medians({"ours": ours, "theirs": theirs}, rounds=3)
    return cost(
        f"step-down over 35 tests, {UNITS:,} units",
        f"Romano-Wolf, {PERMUTATIONS:,} permutations",
        ours=taken["ours"],
        theirs=taken["theirs"] * PERMUTATIONS / TIMED,
        unit="s",
    )


def statistics(y: np.ndarray, masks: list[np.ndarray]) -> np.ndarray:
    """Studentised differences of each arm from the first, arms by outcomes."""
    groups = [y[mask] for mask in masks]
    mean = np.array([each.mean(axis=0) for each in groups])
    v = np.array([each.var(axis=0, ddof=1) / len(each) for each in groups])
    found: np.ndarray = (mean[1:] - mean[0]) / np.sqrt(v[1:] + v[0])
    return found


def bootstrap() -> list[Row]:
    """48 hypotheses over 50,000 units: units as they are, and kinds of unit with their counts."""
    rng = np.random.default_rng(2)
    arm, sub = rng.integers(0, 4, SMALLER), rng.integers(0, SUBGROUPS, SMALLER)
    y = rng.lognormal(size=(SMALLER, 4))
    shares = (rng.random((SMALLER, 4)) < 0.3).astype(float)
    table = np.column_stack([shares, arm, sub]).astype(int)
    kinds, counts = np.unique(table, axis=0, return_counts=True)
    hypotheses = every_hypothesis(4, SUBGROUPS, [(0, 1), (0, 2), (0, 3)])
    of_kinds = Units(kinds[:, :4].astype(float), kinds[:, 4], kinds[:, 5])

    def by_units() -> None:
        draws = resampled(np.random.default_rng(3), np.ones(SMALLER, dtype=np.int64), DRAWS)
        assert len(bootstrapped(Units(y, arm, sub), hypotheses, draws).drawn) == DRAWS

    def by_kinds() -> None:
        draws = resampled(np.random.default_rng(3), counts, DRAWS)
        assert len(bootstrapped(of_kinds, hypotheses, draws, counts).drawn) == DRAWS

    def masked() -> None:
        for _ in range(TIMED):
            rows_drawn = rng.integers(SMALLER, size=SMALLER)
            drawn, a, z = y[rows_drawn], arm[rows_drawn], sub[rows_drawn]
            for k, g in product(range(4), range(SUBGROUPS)):
                masks = [(a == i) & (z == g) for i in range(4)]
                statistics(drawn[:, [k]], masks)

    taken = medians({"units": by_units, "kinds": by_kinds, "masked": masked}, rounds=1)
    case = f"List-Shaikh-Xu, 48 tests, {SMALLER:,} units, {DRAWS:,} draws"
    theirs = taken["masked"] * DRAWS / TIMED
    return [
        cost(case, "a mask for each cell", ours=taken["units"], theirs=theirs, unit="s"),
        cost(
            f"{case}, as {len(kinds)} kinds of unit",
            "a mask for each cell",
            ours=taken["kinds"],
            theirs=theirs,
            unit="s",
        ),
    ]
