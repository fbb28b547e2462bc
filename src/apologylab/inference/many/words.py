"""The words of ``plan.adjust``: how the p-values and intervals of a family are corrected."""

from __future__ import annotations

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
RATE = frozenset({"benjamini_hochberg", "benjamini_yekutieli"})
"""Those that hold the share of false discoveries, and widen the intervals of what is selected."""
