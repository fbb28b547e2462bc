"""Many questions: three arms against one reference; a family's error rate and its intervals.

``rejected``: some true null was called false. ``covered``: all three intervals hold their truths;
for the false coverage rate: one of the selected intervals, taken at random, does (its miss has the
rate as its probability).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from cells import STANDARD, Case, Trial

from apologylab.inference.arrays import ArraySource
from apologylab.inference.many import max_t, p_values
from apologylab.inference.many.draws import resampled
from apologylab.inference.many.list_shaikh import Units, bootstrapped, every_hypothesis
from apologylab.inference.many.max_t import Group
from apologylab.inference.many.resampling import permuted, within_blocks
from apologylab.inference.many.step_down import romano_wolf, single_step_quantile
from apologylab.inference.moments import Cell
from apologylab.inference.special import stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable

    from cells import World
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ARMS = 3
ALPHA = 0.05
DRAWS = 99
TWO = ("small", "skewed")


class Drawn(NamedTuple):
    """Outcomes and arms (0 the reference) of all units, effects in truth, and what is read off."""

    y: Floats
    arm: NDArray[np.intp]
    truth: Floats
    effect: Floats
    error: Floats
    df: Floats
    together: tuple[Group, ...]

    @property
    def t(self) -> Floats:
        return np.abs(self.effect / self.error)

    @property
    def p(self) -> Floats:
        return np.asarray(2 * stdtr(self.df, -self.t))


def draw(rng: np.random.Generator, world: World, *, null: bool) -> Drawn:
    sizes = np.array([world.reference] + [world.treatment] * ARMS)
    units = world.units(rng, int(sizes.sum()))
    arm = np.repeat(np.arange(ARMS + 1), sizes)
    y = units.untreated if null else np.where(arm > 0, units.treated, units.untreated)
    total, square = np.bincount(arm, y), np.bincount(arm, y**2)
    mean = total / sizes
    v = (square / sizes - mean**2) / (sizes - 1)
    variance = v[1:] + v[0]
    df = variance**2 / (v[1:] ** 2 / (sizes[1:] - 1) + v[0] ** 2 / (sizes[0] - 1))
    r = (np.diag(v[1:]) + v[0]) / np.sqrt(np.outer(variance, variance))
    truth = np.full(ARMS, 0.0 if null else world.effect)
    group = Group(tuple(range(ARMS)), r)
    return Drawn(y, arm, truth, mean[1:] - mean[0], np.sqrt(variance), df, (group,))


def hold(drawn: Drawn, reach: Floats | float) -> bool:
    return bool((np.abs(drawn.effect - drawn.truth) <= reach * drawn.error).all())


def of_p(adjust: Callable[[Floats], Floats]) -> Callable[[np.random.Generator, World], Trial]:
    """A procedure on p-values: its error rate alone."""

    def trial(rng: np.random.Generator, world: World) -> Trial:
        return Trial(None, bool((adjust(draw(rng, world, null=True).p) <= ALPHA).any()))

    return trial


def bonferroni(rng: np.random.Generator, world: World) -> Trial:
    one = draw(rng, world, null=False)
    held = hold(one, np.asarray(stdtrit(one.df, 1 - ALPHA / (2 * ARMS))))
    null = draw(rng, world, null=True)
    return Trial(held, bool((p_values.bonferroni(null.p) <= ALPHA).any()))


def joint(step: Callable[..., Floats]) -> Callable[[np.random.Generator, World], Trial]:
    """Max-t with its single-step interval."""

    def trial(rng: np.random.Generator, world: World) -> Trial:
        one, null = draw(rng, world, null=False), draw(rng, world, null=True)
        held = hold(one, max_t.critical_values(one.df, one.together, ALPHA))
        p = step(null.t, null.df, null.together)
        return Trial(held, bool((p <= ALPHA).any()))

    return trial


def rate(
    adjust: Callable[[Floats], Floats], cost: float
) -> Callable[[np.random.Generator, World], Trial]:
    """A false discovery rate, and the intervals of what it selects."""

    def trial(rng: np.random.Generator, world: World) -> Trial:
        one = draw(rng, world, null=False)
        chosen = np.flatnonzero(adjust(one.p) <= ALPHA)
        held = True
        if len(chosen):
            i = int(rng.choice(chosen))
            level = ALPHA * len(chosen) / (ARMS * cost)
            reach = float(stdtrit(one.df[i], 1 - level / 2)) * one.error[i]
            held = bool(abs(one.effect[i] - one.truth[i]) <= reach)
        null = draw(rng, world, null=True)
        return Trial(held, bool((adjust(null.p) <= ALPHA).any()))

    return trial


def by_bootstrap(word: str) -> Callable[[np.random.Generator, World], Trial]:
    hypotheses = every_hypothesis(1, 1, [(0, arm) for arm in range(1, ARMS + 1)])

    def found(rng: np.random.Generator, drawn: Drawn) -> tuple[Floats, Floats]:
        units = Units(drawn.y[:, None], drawn.arm, np.zeros(len(drawn.arm), dtype=np.intp))
        ones = np.ones(len(drawn.arm), dtype=np.int64)
        answer = bootstrapped(units, hypotheses, resampled(rng, ones, DRAWS))
        p = romano_wolf(answer.t, answer.drawn) if word == "romano_wolf" else answer.p.transitive
        return p, answer.drawn

    def trial(rng: np.random.Generator, world: World) -> Trial:
        one, null = draw(rng, world, null=False), draw(rng, world, null=True)
        _, stars = found(rng, one)
        p, _ = found(rng, null)
        return Trial(hold(one, single_step_quantile(stars, ALPHA)), bool((p <= ALPHA).any()))

    return trial


CELLS = tuple(Cell(1, 1, name, "") for name in "abcd")
CONTRASTS = np.column_stack([-np.ones(ARMS), np.eye(ARMS)])


def by_permutation(rng: np.random.Generator, world: World) -> Trial:
    null = draw(rng, world, null=True)
    source = ArraySource(columns={"y": null.y}, cells=CELLS, code=null.arm)
    orders = within_blocks(source, rng, DRAWS)
    stars = permuted(source, "y", tuple("abcd"), CONTRASTS, orders)
    return Trial(None, bool((romano_wolf(null.t, stars) <= ALPHA).any()))


COST = p_values.harmonic(ARMS)
PLAIN = "max_t"
CASES: tuple[Case, ...] = (
    Case("bonferroni", PLAIN, STANDARD, bonferroni),
    Case("holm", PLAIN, STANDARD, of_p(p_values.holm)),
    Case("hochberg", PLAIN, STANDARD, of_p(p_values.hochberg)),
    Case("hommel", PLAIN, STANDARD, of_p(p_values.hommel)),
    Case(
        "dunnett",
        "more units in the small arm",
        STANDARD,
        joint(max_t.single_step),
    ),
    Case("max_t", "more units in the small arm", STANDARD, joint(max_t.step_down)),
    Case("benjamini_hochberg", PLAIN, STANDARD, rate(p_values.benjamini_hochberg, 1.0)),
    Case("benjamini_yekutieli", PLAIN, STANDARD, rate(p_values.benjamini_yekutieli, COST)),
    Case("romano_wolf", PLAIN, TWO, by_bootstrap("romano_wolf")),
    Case("list_shaikh_xu", PLAIN, TWO, by_bootstrap("list_shaikh_xu")),
    Case("westfall_young", PLAIN, TWO, by_permutation),
)
