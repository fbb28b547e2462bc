"""The words for what is read of a factorial: shrinkage, dose, delay."""

from __future__ import annotations

from apologylab.design.estimator import Estimator, Option

OF = Option(
    about="the estimator whose arm means are read",
    default="difference_in_means",
    words=("difference_in_means", "lin", "cuped", "cuped_pooled"),
)

FACTORIAL: tuple[Estimator, ...] = (
    Estimator(
        name="shrinkage",
        about="effects of arms, or of a factor's levels, shrunk towards each other; which is best",
        options={
            "of": OF,
            "towards": Option(
                about="the effects' common mean, or zero", default="mean", words=("mean", "zero")
            ),
            "tau": Option(
                about="the prior's spread: averaged over, or the likeliest (empirical Bayes)",
                default="integrated",
                words=("integrated", "reml"),
            ),
            "seed": Option(
                about="of the draws for the chance to be best", default=0.0, number=True, low=0
            ),
        },
    ),
    Estimator(
        name="dose",
        about="the response to the size of what is given, or to the delay, as a curve",
        options={
            "of": OF,
            "factor": Option(
                about="whose levels have sizes: sums of money, delays, numbers", default="coupon"
            ),
            "curve": Option(
                about="a line, a parabola, a natural spline, or anything that does not fall (rise)",
                default="linear",
                words=("linear", "quadratic", "spline", "rising", "falling"),
            ),
            "knots": Option(
                about="of the natural spline", default=4.0, number=True, low=3, high=12
            ),
            "cost": Option(
                about="marginal cost of a unit more, which the marginal return is held against",
                default=0.0,
                number=True,
            ),
        },
    ),
    Estimator(
        name="delay",
        about="the effect of an hour of delay achieved, by the delay assigned (2SLS)",
        options={
            "column": Option(
                about="hours from the incident until the remedy went out, empty where it did not",
                default="delay_hours",
                column=True,
            ),
            "factor": Option(about="whose levels are the assigned delays", default="timing"),
        },
    ),
    Estimator(
        name="repeats",
        about="effects by incident number of a table of incidents, as the regime allows",
        options={
            "regime": Option(
                about="what a later incident got: nothing counted, the same arm, or a new draw",
                words=("first_only", "sticky", "rerandomise"),
            ),
            "number": Option(
                about="1, 2, ...: which of the customer's incidents it is",
                default="incident_number",
                column=True,
            ),
            "customer": Option(
                about="the customer, as a number", default="customer_number", column=True
            ),
            "propensity": Option(
                about="probability of the arm that was drawn, given the history; for rerandomise",
                default="",
                column=True,
            ),
            "history": Option(
                about="all that the propensities depend on, as a number; for rerandomise",
                default="",
                column=True,
            ),
        },
    ),
)
