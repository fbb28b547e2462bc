"""The words for effects on means, ratios and relative lift."""

from __future__ import annotations

from apologylab.design.estimator import Estimator, Option

_ERRORS = Option(
    about="heteroskedasticity-consistent errors", default="HC2", words=("HC0", "HC1", "HC2", "HC3")
)

EFFECTS: tuple[Estimator, ...] = (
    Estimator(
        name="difference_in_means",
        about="arm means, Neyman's errors, post-stratified",
        options={
            "errors": _ERRORS,
            "strata": Option(
                about="weighted (post-stratified), or pooled within a phase",
                default="weighted",
                words=("weighted", "pooled"),
            ),
        },
        decides=True,
    ),
    Estimator(
        name="lin",
        about="means adjusted for covariates (Lin 2013)",
        options={
            "errors": _ERRORS,
            "over": Option(
                about="whose mean: the units enrolled, or the population that they are a sample of",
                default="enrolled",
                words=("enrolled", "population"),
            ),
            "leverage": Option(
                about="exact, from a second pass, or series: from the one scan where it is small",
                default="exact",
                words=("exact", "series"),
            ),
        },
        covariates=True,
        decides=True,
    ),
    Estimator(
        name="cuped",
        about="means adjusted for covariates from one scan, a theta for each arm",
        covariates=True,
        decides=True,
    ),
    Estimator(
        name="cuped_pooled",
        about="means adjusted for covariates with one theta for all arms",
        covariates=True,
        decides=True,
    ),
    Estimator(
        name="blocked_cuped",
        about="means adjusted for covariates under permuted blocks",
        schemes=("blocks",),
        covariates=True,
        decides=True,
    ),
    Estimator(
        name="clustered_cuped",
        about="means adjusted for covariates where clusters were drawn",
        schemes=("clusters",),
        covariates=True,
        decides=True,
    ),
    Estimator(
        name="ipw",
        about="arm means weighted by known propensities",
        decides=True,
        propensities=True,
    ),
    Estimator(
        name="winsorised",
        about="means cut at a quantile of all arms together",
        options={
            "at": Option(
                about="the quantile, such as 0.99", default=0.99, number=True, low=0.5, high=1
            )
        },
    ),
    Estimator(
        name="capped",
        about="means of outcomes cut at a fixed threshold",
        options={"at": Option(about="the threshold, in the outcome's unit", number=True)},
    ),
    Estimator(
        name="missing",
        about="the share of units of which an outcome is lost, by arm",
        schemes=("independent", "minimisation", "blocks", "clusters"),
    ),
    Estimator(name="two_part", about="arm means as share above 0 times mean above 0"),
    Estimator(
        name="ratio",
        about="ratio of two means, such as spend per visit (delta method)",
        options={
            "over": Option(about="the denominator's column", column=True),
            "before": Option(about="numerator of a ratio before the draw", default="", column=True),
            "before_over": Option(about="its denominator", default="", column=True),
        },
    ),
    Estimator(
        name="relative_lift",
        about="effects as a share of the reference mean",
        options={
            "of": Option(
                about="whose arm means, such as lin", default="difference_in_means", estimator=True
            ),
            "interval": Option(
                about="how the interval is made",
                default="fieller",
                words=("fieller", "delta", "log"),
            ),
        },
        schemes=("independent", "minimisation", "blocks", "clusters"),
    ),
)
