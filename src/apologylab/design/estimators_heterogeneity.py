"""The words of estimators that ask who gains."""

from __future__ import annotations

from collections.abc import Mapping

from apologylab.design.estimator import Estimator, Option

SPLIT: Mapping[str, Option] = {
    "learner": Option(
        about="what guesses the effect; all but linear need apologylab[ml]",
        default="linear",
        words=("linear", "boosting", "forest", "causal_forest"),
    ),
    "splits": Option(
        about="halves that are judged by the others", default=20.0, number=True, low=2, high=1000
    ),
    "seed": Option(about="of the halves and the learner", default=1.0, number=True, low=0),
}
HETEROGENEITY = (
    Estimator(
        name="best_linear_predictor",
        about="does a guess of each unit's effect tell the effect (Chernozhukov and others 2018)",
        options=SPLIT,
        covariates=True,
        propensities=True,
    ),
    Estimator(
        name="sorted_groups",
        about="effects of groups sorted by the guessed effect (Chernozhukov and others 2018)",
        options={
            **SPLIT,
            "groups": Option(about="how many", default=5.0, number=True, low=2, high=20),
        },
        covariates=True,
        propensities=True,
    ),
    Estimator(
        name="rank_weighted",
        about="is it worth to choose who gets the remedy (Yadlowsky and others 2021; Qini)",
        options={
            **SPLIT,
            "area": Option(
                about="autoc weighs those first in line, qini all alike",
                default="autoc",
                words=("autoc", "qini"),
            ),
        },
        covariates=True,
        propensities=True,
    ),
)
