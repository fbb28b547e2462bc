"""The A/A replay: draw the arms anew, where no arm can matter, and count false alarms.

Under "no remedy changes anybody" the outcomes are what they are whatever the draw, so that arms
dealt anew as the design deals them give effects whose truth is 0. An analysis that finds more of
them than alpha, on these very outcomes, is not to be trusted with the arms as they were. Outcomes
of arms that do have effects are mixed, which makes their spread a little larger and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import InputError
from apologylab.inference.blocks import block_of, blocks
from apologylab.inference.checks import CHECK_ALPHA
from apologylab.inference.moments import Cell
from apologylab.inference.plan import estimates, fit
from apologylab.inference.results import Check
from apologylab.inference.special import betainc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apologylab.inference.arrays import ArraySource
    from apologylab.inference.question import Question
    from apologylab.inference.scheme_checks import Scheme

FEWEST = 50


class Replays(NamedTuple):
    """How often the arms are dealt anew, and from which seed."""

    times: int
    seed: int = 1


def replay(source: ArraySource, question: Question, replays: Replays) -> Check:
    """How often the leading estimator finds an effect that is not there.

    Args:
        source: the units, with the question's outcomes and covariates.
        question: the first outcome and the first estimator of it are replayed, arm by arm.
        replays: how often.

    Raises:
        InputError: fewer times than a share can be read from.
    """
    if replays.times < FEWEST:
        raise InputError(f"{replays.times} replays tell nothing", do=f"ask for {FEWEST} or more")
    asked = replace(
        question,
        outcomes=question.outcomes[:1],
        factor_contrasts=(),
        named_contrasts=(),
        estimators=question.estimators[:1],
        look=0,
    )
    false = dict.fromkeys((contrast.name for contrast in asked.arm_contrasts), 0)
    tested = False
    rng = np.random.default_rng(replays.seed)
    for _ in range(replays.times):
        dealt = dealt_anew(source, asked.drawing.scheme, rng)
        for one in estimates(fit(dealt, asked), asked)[0]:
            if one.p_value is not None:
                tested = True
                false[one.name] += one.p_value < asked.alpha
    return _read(asked, false, replays.times) if tested else _untested(asked)


def dealt_anew(source: ArraySource, scheme: Scheme, rng: np.random.Generator) -> ArraySource:
    """The same units with the arms permuted as the scheme deals them.

    Within each phase and stratum; by block of the permuted blocks, and by cluster. Of minimisation
    it is the plain permutation, which is more spread out than what minimisation deals.
    """
    arms = np.array([cell.arm for cell in source.cells])[source.code]
    listed = blocks(source.cells)
    block = np.array([listed.index(block_of(cell)) for cell in source.cells])[source.code]
    if scheme == "clusters" and source.drawn_set is not None:
        _, first, place = np.unique(source.drawn_set, return_index=True, return_inverse=True)
        dealt = _permuted(arms[first], block[first], rng)[place]
    elif scheme == "blocks" and source.drawn_set is not None:
        dealt = _permuted(arms, source.drawn_set, rng)
    else:
        dealt = _permuted(arms, block, rng)
    cells = sorted({Cell(*b[:2], str(arm), b.stratum) for b in listed for arm in set(dealt)})
    at = {cell: i for i, cell in enumerate(cells)}
    names = sorted(set(dealt.tolist()))
    rows = np.array([[at[Cell(*b[:2], arm, b.stratum)] for arm in names] for b in listed])
    code = rows[block, np.searchsorted(names, dealt)]
    return replace(source, cells=tuple(cells), code=code.astype(np.intp))


def _permuted(
    arms: NDArray[np.str_], within: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.str_]:
    """Arms shuffled among the points that share a label."""
    before = np.argsort(within, kind="stable")
    after = np.lexsort((rng.random(len(arms)), within))
    dealt = arms.copy()
    dealt[before] = arms[after]
    return dealt


def _untested(question: Question) -> Check:
    """What is said where no effect was tested in any replay."""
    return Check(
        name=f"A/A replay: {question.outcomes[0].name}",
        statistic=0.0,
        p_value=None,
        passed=None,
        says=f"says nothing: {question.estimators[0]} tests nothing of {question.outcomes[0].name}",
    )


def _read(question: Question, false: dict[str, int], times: int) -> Check:
    """Fails where the worst contrast has more false alarms than alpha gives, all counted."""
    worst = max(false, key=lambda name: false[name])
    count, alpha = false[worst], question.alpha
    above = 1.0 if count == 0 else float(betainc(count, times - count + 1, alpha))
    p = min(above * len(false), 1.0)
    passed = p >= CHECK_ALPHA
    verb = "finds" if passed else "FINDS TOO OFTEN"
    return Check(
        name=f"A/A replay: {question.outcomes[0].name}",
        statistic=count / times,
        p_value=p,
        passed=passed,
        says=f"with arms dealt anew {times:,} times, {question.estimators[0]} {verb} an effect of "
        f"{worst} at {100 * alpha:g}% in {100 * count / times:.1f}%, at most, of {len(false)} arms",
    )
