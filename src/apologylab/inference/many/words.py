"""The words of ``plan.adjust``: how the p-values and intervals of a family are corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from apologylab.inference.many.p_values import (
    benjamini_hochberg,
    benjamini_yekutieli,
    bonferroni,
    hochberg,
    holm,
    hommel,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.inference.moments import Floats
    from apologylab.inference.question import Question

SAYS: Mapping[str, str] = {
    "none": "not adjusted",
    "bonferroni": "Bonferroni",
    "holm": "Holm",
    "hochberg": "Hochberg",
    "hommel": "Hommel",
    "dunnett": "single-step max-t",
    "max_t": "step-down max-t",
    "romano_wolf": "step-down max-t by bootstrap",
    "westfall_young": "step-down max-t by permutation",
    "list_shaikh_xu": "List, Shaikh and Xu's bootstrap",
    "benjamini_hochberg": "Benjamini-Hochberg, false discovery rate",
    "benjamini_yekutieli": "Benjamini-Yekutieli, false discovery rate",
}
"""Word -> what stands beside every p that it adjusts."""
FROM_P: Mapping[str, Callable[[Sequence[float]], Floats]] = {
    "bonferroni": bonferroni,
    "holm": holm,
    "hochberg": hochberg,
    "hommel": hommel,
    "benjamini_hochberg": benjamini_hochberg,
    "benjamini_yekutieli": benjamini_yekutieli,
}
"""Those that need the p-values alone."""
JOINT = frozenset({"dunnett", "max_t"})
"""Those that read the joint distribution of the tests off their covariance."""
RESAMPLED = frozenset({"romano_wolf", "westfall_young", "list_shaikh_xu"})
"""Those that draw it."""
POSITIVE = frozenset({"hochberg", "hommel", "benjamini_hochberg"})
"""Those that are proven for tests that go together as arms against one reference do."""
RATE = frozenset({"benjamini_hochberg", "benjamini_yekutieli"})
"""Those that hold the share of false discoveries, and widen the intervals of what is selected."""


def without_proof(question: Question) -> tuple[str, ...]:
    """What is said of a correction that has no proof for the families that are asked (R30)."""
    if question.adjust not in POSITIVE:
        return ()
    roles = Counter(each.role for each in question.outcomes if each.role != "descriptive")
    families = [len(question.factor_contrasts), len(question.named_contrasts), *roles.values()]
    if max(families) < 2:
        return ()
    instead = "benjamini_yekutieli" if question.adjust in RATE else "max_t"
    told = (
        f"{SAYS[question.adjust]} has a proof for arms against one reference and one outcome; over "
        f"several outcomes, effects of factors or named contrasts {instead} and holm have one"
    )
    return (told,)
