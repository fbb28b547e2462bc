"""Result rows of a look: intervals and p that hold at all looks together, over a whole family.

Intervals are Bonferroni's over the family and p is Holm's (or Bonferroni's) of p-values that hold
at every look: the combinations with a proof (R30). The family is all that the plan asks, whether or
not this look could show it: a question that waits still counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.errors import NotEstimable
from apologylab.inference.many.p_values import bonferroni, holm
from apologylab.inference.power import POWER
from apologylab.inference.question import DESCRIPTIVE
from apologylab.inference.results import INFORMATION, SHARE, Estimate, Refusal
from apologylab.inference.sequential.watch import At, Seen, Watch, at_look, key
from apologylab.inference.special import ndtri, stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from apologylab.design.contrasts import Contrast
    from apologylab.inference.arm_means import ArmMeans
    from apologylab.inference.multiplicity import Interval
    from apologylab.inference.question import Question

    Means = Callable[[str, str], ArmMeans | None]
    """(outcome, estimator) -> the arm means that its rows were read off, if any."""

AT_ALL_LOOKS = ("holds", "at all looks together")
"""The detail of a row whose interval and p do so by themselves."""
_STEP_DOWN = {"holm": (holm, "Holm"), "bonferroni": (bonferroni, "Bonferroni")}
_CLOSE = 1e-6


def look_at(
    found: Sequence[Estimate], question: Question, watch: Watch, means: Means
) -> tuple[list[Estimate], list[Refusal]]:
    """The rows of a look, corrected; and those that this look may not show, with why."""
    families: dict[tuple[str, str], list[Estimate]] = defaultdict(list)
    keys = Counter(map(_key, found))
    for each in found:
        families[each.family, each.estimator].append(each)
    shown, refused = [], []
    for members in families.values():
        size = family_size(members, question)
        seen = []
        for row in members:
            try:
                if AT_ALL_LOOKS in row.details:
                    seen.append(_by_itself(row, question, size))
                elif keys[_key(row)] == 1 and _is_symmetric(row):
                    seen.append(_corrected(row, question, watch, means, size))
                else:
                    seen.append(_uncorrected(row, watch))
            except NotEstimable as error:
                refused.append(_refusal(row, error.what))
        shown += _adjusted(seen, question, size)
    order = {_name(each): i for i, each in enumerate(found)}
    return sorted(shown, key=lambda each: order[_name(each)]), refused


def family_size(members: Sequence[Estimate], question: Question) -> int:
    """How many tests the plan has in this family, shown at this look or not."""
    first = members[0]
    outcomes = sum(each.role == first.role for each in question.outcomes)
    contrasts = sum(kind == first.kind for kind, _ in question.contrasts)
    return max(len(members), outcomes * contrasts)


def seen_by(found: Sequence[Estimate]) -> Mapping[str, Seen]:
    """What this look saw of each contrast, for the ledger."""
    kept = {}
    for each in found:
        details = dict(each.details)
        if INFORMATION in details:
            kept[_key(each)] = Seen(float(details[INFORMATION]), float(details[SHARE]))
    return kept


def at_contrast(watch: Watch, means: ArmMeans, contrast: Contrast, estimator: str) -> At:
    """Where a contrast that is read off arm means stands at this look.

    Raises:
        NotEstimable: too few units, or the contrast has no error.
    """
    reading = means.read(contrast)
    return at_look(
        watch,
        key(means.outcome, estimator, contrast.name),
        std_error=reading.std_error,
        df=reading.df,
        n=dict(zip(means.arms, means.n.tolist(), strict=True)),
        cells=contrast.cells,
        means=means,
    )


def held_at_all_looks(interval: Interval, at: At, *, alpha: float, of: int) -> Interval:
    """The same interval, simultaneous over ``of`` contrasts and over all looks."""
    reach = at.reach(alpha / of) * interval.std_error
    over = f"simultaneous over {of} (Bonferroni) and all looks" if of > 1 else "at all looks"
    return replace(
        interval,
        low=interval.point - reach,
        high=interval.point + reach,
        kind=f"{over}: {at.watch}",
    )


def _corrected(
    row: Estimate, question: Question, watch: Watch, means: Means, size: int
) -> Estimate:
    """One row at this look.

    Raises:
        NotEstimable: too few units, or nothing to spend.
    """
    assert row.std_error is not None
    arm_means = means(row.outcome, row.estimator)
    at = at_look(
        watch,
        _key(row),
        std_error=row.std_error,
        df=row.df,
        n=_units(row, arm_means),
        cells=row.cells,
        means=arm_means,
    )
    return _widened(row, at, question.alpha, size if _is_tested(row, question) else 1)


def _is_tested(row: Estimate, question: Question) -> bool:
    return question.adjust in _STEP_DOWN and row.role != DESCRIPTIVE


def _by_itself(row: Estimate, question: Question, size: int) -> Estimate:
    """A row that holds at all looks already, and over its family."""
    kind = _level(question.alpha, size if _is_tested(row, question) else 1)
    return replace(row, interval_kind=f"{kind}: {_source(row)}")


def _level(alpha: float, over: int) -> str:
    family = f", simultaneous over {over} (Bonferroni)" if over > 1 else ""
    return f"{100 * (1 - alpha):g}% at all looks together{family}"


def _uncorrected(row: Estimate, watch: Watch) -> Estimate:
    """A row of a kind that no boundary is known for, once the experiment has ended.

    Raises:
        NotEstimable: it has not.
    """
    if not watch.last:
        raise NotEstimable(
            "no boundary is known for intervals of this kind; it is shown when the experiment ends",
            do="wait for the end",
        )
    looked = f", not corrected for {len(watch.earlier)} earlier looks" if watch.earlier else ""
    return replace(row, interval_kind=row.interval_kind + looked)


def _widened(row: Estimate, at: At, alpha: float, over: int) -> Estimate:
    assert row.std_error is not None
    reach = at.reach(alpha / over)
    many = at.p_value(row.point / row.std_error) if row.p_value is not None else None
    return replace(
        row,
        ci_low=row.point - reach * row.std_error,
        ci_high=row.point + reach * row.std_error,
        interval_kind=f"{_level(alpha, over)}: {at.watch}; {_source(row)}",
        p_value=many,
        look=len(at.seen),
        smallest_detectable=(reach + float(ndtri(POWER))) * row.std_error,
        details=(
            *row.details,
            (INFORMATION, at.now.information),
            (SHARE, at.now.share),
        ),
    )


def _source(row: Estimate) -> str:
    """What the interval is from, without its level."""
    return row.interval_kind.split(", ", 1)[-1]


def _adjusted(seen: Sequence[Estimate], question: Question, size: int) -> list[Estimate]:
    """p adjusted over the family; tests that this look does not show count as p = 1."""
    if not seen or question.adjust not in _STEP_DOWN or seen[0].role == DESCRIPTIVE:
        return list(seen)
    adjust, word = _STEP_DOWN[question.adjust]
    tested = [i for i, each in enumerate(seen) if each.p_value is not None]
    p = [p for i in tested if (p := seen[i].p_value) is not None]
    adjusted = adjust([*p, *[1.0] * (size - len(p))]).tolist()
    done = list(seen)
    label = f"{size} test{'s' * (size > 1)}, {word} at all looks together"
    for i, value in zip(tested, adjusted[: len(tested)], strict=True):
        done[i] = replace(seen[i], p_adjusted=value, family=f"{seen[i].family}: {label}")
    return done


def _is_symmetric(row: Estimate) -> bool:
    """Whether the interval is estimate -+ quantile * SE, of Student's t or the normal."""
    if row.std_error is None:
        return False
    tail = 1 - (1 - row.level) / 2
    quantile = float(ndtri(tail) if row.df is None else stdtrit(row.df, tail))
    reach = quantile * row.std_error
    ends = (row.point - reach - row.ci_low, row.point + reach - row.ci_high)
    return max(map(abs, ends)) <= _CLOSE * reach


def _units(row: Estimate, means: ArmMeans | None) -> Mapping[str, int]:
    """Arm -> units analysed; where only the sides are known, shared out evenly."""
    if means is not None:
        return dict(zip(means.arms, means.n.tolist(), strict=True))
    above = [arm for arm, weight in row.cells if weight > 0]
    below = [arm for arm, weight in row.cells if weight < 0]
    return {arm: row.n_treatment // len(above) for arm in above} | {
        arm: row.n_reference // len(below) for arm in below
    }


def _key(row: Estimate) -> str:
    return key(row.outcome, row.estimator, row.name)


def _name(row: Estimate) -> tuple[str, ...]:
    return (row.outcome, row.estimator, row.kind, row.name, row.treatment, row.estimand)


def _refusal(row: Estimate, because: str) -> Refusal:
    return Refusal(
        outcome=row.outcome,
        treatment=row.treatment,
        reference=row.reference,
        estimator=row.estimator,
        because=because,
    )
