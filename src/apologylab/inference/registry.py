"""The one registry of estimators: each name of :mod:`apologylab.design.estimators` to its answer.

A name's module is imported when it is first asked for, so that a plain analysis stays light.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

from apologylab.design.estimators import ESTIMATORS, Asked, parse_estimator
from apologylab.inference.answer import Answer

TOPICS: Mapping[str, str] = {
    "difference_in_means": "means",
    "lin": "lin",
    "cuped": "means",
    "cuped_pooled": "means",
    "blocked_cuped": "sets_adjusted",
    "clustered_cuped": "sets_adjusted",
    "ipw": "effects",
    "winsorised": "effects",
    "capped": "effects",
    "two_part": "effects",
    "ratio": "effects",
    "relative_lift": "lift",
    "missing": "missing",
    "blocked": "sets",
    "clustered": "sets",
    "quantile": "quantiles",
    "by_cause": "causes",
    "complier": "compliance",
    "lee_bounds": "bounds",
    "missing_bounds": "bounds",
    "randomisation": "redraws",
    "shrinkage": "bayes",
    "dose": "dose",
    "delay": "delay",
    "repeats": "repeats",
    "kaplan_meier": "survival",
    "aalen_johansen": "survival",
    "rmst": "survival",
    "log_rank": "hazards",
    "cox": "hazards",
    "cox_adjusted": "hazards",
    "by_week": "by_week",
    "subgroups": "subgroups",
    "share_at_any_time": "at_any_time",
    "best_linear_predictor": "heterogeneity",
    "sorted_groups": "heterogeneity",
    "rank_weighted": "heterogeneity",
}
"""Name -> the module in ``inference/answers`` whose ``ANSWERS`` has it."""


class Way(NamedTuple):
    """An estimator as it was asked for, and how it is carried out."""

    asked: Asked
    answer: Answer

    @property
    def decides(self) -> bool:
        """Whether it gives arm means of the outcome itself, which a decision may read."""
        return ESTIMATORS[self.asked.name].decides


def find(text: str) -> Way:
    """The estimator that a text asks for.

    Raises:
        InputError: there is none, or it has no such option.

    >>> find("lin").asked.text
    'lin'
    """
    asked = parse_estimator(text, ESTIMATORS)
    answers: Mapping[str, Answer] = import_module(
        f"apologylab.inference.answers.{TOPICS[asked.name]}"
    ).ANSWERS
    return Way(asked, answers[asked.name])
