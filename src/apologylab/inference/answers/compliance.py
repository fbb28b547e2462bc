"""The effect on those whom assignment moved, from the joint moments of outcome and exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from apologylab.errors import NotEstimable
from apologylab.inference.answer import Answer, Found, OfPanel
from apologylab.inference.askings import answered
from apologylab.inference.blocks import lay_out, unable
from apologylab.inference.estimators.complier import complier
from apologylab.inference.moments import Request, cell_covariances, cell_means, select
from apologylab.inference.rows import estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.contrasts import Contrast
    from apologylab.design.estimators import Asked
    from apologylab.inference.moments import Floats, Moments
    from apologylab.inference.question import Question
    from apologylab.inference.results import Estimate
    from apologylab.inference.rows import Asking
    from apologylab.inference.source import Source

NOTE = (
    "{text}: the effect on those whom assignment made {exposure}; it takes for granted that nobody "
    "does the opposite of the arm, and that the arm acts through {exposure} alone"
)


class _Joint(NamedTuple):
    """Outcome and exposure by arm.

    ``n`` (a,) units, ``means`` (a, 2), ``parts`` (b, a, 2, 2) what each block adds to the
    covariance of an arm's means, ``freedom`` (b, a); the arms refused, and why.
    """

    arms: tuple[str, ...]
    phases: tuple[int, ...]
    n: Floats
    means: Floats
    parts: Floats
    freedom: Floats
    refused: Mapping[str, str]


def _complier(source: Source, question: Question, asked: Asked) -> Found:
    exposure = asked.word("exposure")
    names = [outcome.name for outcome in question.outcomes if outcome.name != exposure]
    moments = source.moments([Request(name, (exposure,)) for name in names])
    joint = {name: _joint(each, question) for name, each in zip(names, moments, strict=True)}
    found, refused = answered(
        question, asked.text, lambda asking: [_estimate(asking, joint, exposure)]
    )
    note = NOTE.format(text=asked.text, exposure=exposure)
    return Found(found, refused, (note,) if found else ())


def _joint(moments: Moments, question: Question) -> _Joint:
    kept = select(moments, [cell.arm in question.arms for cell in moments.cells])
    refused = unable(kept, question.arms, question.weights)
    for i, cell in enumerate(kept.cells):
        if not np.isfinite(kept.products[i]).all():
            why = f"{kept.columns[1]} is missing or not finite for units of {cell.arm}"
            refused.setdefault(cell.arm, why)
    arms = tuple(arm for arm in question.arms if arm not in refused)
    if not arms:
        none = np.zeros((0, 0))
        return _Joint((), (), none, none, none, none, refused)
    layout = lay_out(kept, arms)
    n, share = kept.n[layout.rows], layout.share[:, None]
    return _Joint(
        arms=arms,
        phases=tuple(sorted({cell.phase for cell in kept.cells})),
        n=n.sum(axis=0),
        means=(share[..., None] * cell_means(kept)[layout.rows]).sum(axis=0),
        parts=(share**2 / n)[..., None, None] * cell_covariances(kept)[layout.rows],
        freedom=(n - 1.0).astype(np.float64),
        refused=refused,
    )


def _estimate(asking: Asking, joints: Mapping[str, _Joint], exposure: str) -> Estimate:
    if asking.outcome.name == exposure:
        raise NotEstimable(f"{exposure} is the exposure itself")
    joint = joints[asking.outcome.name]
    c = _weights(joint, asking.contrast)
    delta = c @ joint.means
    parts = np.square(c)[:, None, None] * joint.parts
    found = complier(
        delta,
        parts.sum(axis=(0, 1)),
        df=_freedom(parts, joint.freedom, delta),
        alpha=asking.question.alpha,
    )
    return estimate(
        asking,
        of=f"mean, per unit of {exposure}, of",
        who=f"units whom assignment made {exposure}",
        principle="two-stage least squares",
        phases=joint.phases,
        n=dict(zip(joint.arms, joint.n.tolist(), strict=True)),
        point=found.point,
        std_error=found.std_error,
        low=found.low,
        high=found.high,
        interval=f"{found.kind}, HC2",
        p_value=found.p_value,
        reference_mean=float(np.maximum(-c, 0) @ joint.means[:, 0]),
        details=(
            ("effect of assignment", float(delta[0])),
            (f"effect of assignment on {exposure}", float(delta[1])),
            ("first-stage F", found.first_stage),
        ),
    )


def _weights(joint: _Joint, contrast: Contrast) -> Floats:
    """The contrast's weight of each arm, (a,).

    Raises:
        NotEstimable: one of its arms has no joint mean; the message says why.
    """
    given = dict(contrast.cells)
    if why := [joint.refused[arm] for arm in given if arm in joint.refused]:
        raise NotEstimable(why[0])
    return np.array([given.get(arm, 0.0) for arm in joint.arms])


def _freedom(parts: Floats, freedom: Floats, delta: Floats) -> float:
    """Satterthwaite's degrees of freedom of y - b d, from ``parts`` (b, a, 2, 2)."""
    b = delta[0] / delta[1] if delta[1] else 0.0
    own = np.einsum("i,baij,j->ba", np.array([1.0, -b]), parts, np.array([1.0, -b]))
    spent = float((np.square(own) / freedom).sum())
    return float(own.sum()) ** 2 / spent if spent else float(freedom.sum())


ANSWERS: Mapping[str, Answer] = {"complier": OfPanel(answer=_complier)}
