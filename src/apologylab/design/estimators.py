"""The words for estimators: their names and options, one spelling for plan, CLI and Python.

``lin``, ``lin(errors=HC3)`` and ``winsorised(at=0.99)`` are how an estimator is asked for, in
``[plan] estimators``, in ``analyse --estimator`` and in ``apologylab.analyse(estimators=...)``.
What each computes stands in :mod:`apologylab.inference.registry`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping

from apologylab.design.estimator import Asked, Estimator, Option, parse_estimator
from apologylab.design.estimators_factorial import FACTORIAL
from apologylab.design.estimators_survival import SURVIVAL
from apologylab.errors import InputError

__all__ = ["ESTIMATORS", "Asked", "Estimator", "Option", "parse_estimator", "refuse_misfit"]


def refuse_misfit(asked: Asked, scheme: str, *, covariates: bool) -> None:
    """Refuse an estimator whose errors are not the scheme's, or that lacks covariates.

    Raises:
        InputError: as said.
    """
    found = ESTIMATORS[asked.name]
    if "of" in asked.options:
        base = parse_estimator(asked.word("of"), ESTIMATORS)
        refuse_misfit(base, scheme, covariates=covariates)
    if scheme not in found.schemes:
        fits = [name for name, each in ESTIMATORS.items() if scheme in each.schemes]
        raise InputError(
            f"{asked.text}: its errors are not those of units drawn by {scheme!r}",
            do=f"ask for one of {', '.join(fits)}",
        )
    if found.covariates and not covariates:
        raise InputError(
            f"{asked.text} needs covariates and there are none",
            do="name covariates measured before the draw, or ask for difference_in_means",
        )
    if base := asked.options.get("of"):
        refuse_misfit(parse_estimator(str(base), ESTIMATORS), scheme, covariates=covariates)


_ERRORS = Option(
    about="heteroskedasticity-consistent errors", default="HC2", words=("HC0", "HC1", "HC2", "HC3")
)

CLUSTERED: Mapping[str, Option] = {
    "errors": Option(
        about="CR2 holds with few and unequal clusters; CR1 and CR0 need many",
        default="CR2",
        words=("CR0", "CR1", "CR2"),
    )
}
ESTIMATORS: Mapping[str, Estimator] = {
    each.name: each
    for each in (
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
            options={"errors": _ERRORS},
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
        Estimator(name="ipw", about="arm means weighted by known propensities", decides=True),
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
        Estimator(name="two_part", about="arm means as share above 0 times mean above 0"),
        Estimator(
            name="ratio",
            about="ratio of two means, such as spend per visit (delta method)",
            options={
                "over": Option(about="the denominator's column"),
                "before": Option(about="numerator of a ratio before the draw", default=""),
                "before_over": Option(about="its denominator", default=""),
            },
        ),
        Estimator(
            name="relative_lift",
            about="effects as a share of the reference mean",
            options={
                "of": Option(about="whose arm means, such as lin", default="difference_in_means"),
                "interval": Option(
                    about="how the interval is made",
                    default="fieller",
                    words=("fieller", "delta", "log"),
                ),
            },
            schemes=("independent", "minimisation", "blocks", "clusters"),
        ),
        Estimator(
            name="blocked",
            about="arm means under permuted blocks",
            schemes=("blocks",),
            decides=True,
        ),
        Estimator(
            name="clustered",
            about="arm means where clusters were drawn",
            options=CLUSTERED,
            schemes=("clusters",),
            decides=True,
        ),
        Estimator(
            name="complier",
            about="the effect on those whom assignment moved (2SLS, Anderson and Rubin 1949)",
            options={
                "exposure": Option(
                    about="column of what assignment moves, such as an outcome", default="delivered"
                )
            },
        ),
        Estimator(
            name="randomisation",
            about="the arms drawn anew as the design draws them: for small samples",
            options={
                "statistic": Option(
                    about="studentised is right for the mean too, where effects differ",
                    default="studentised",
                    words=("studentised", "difference"),
                ),
                "draws": Option(
                    about="how many, where all cannot be counted",
                    default=1999.0,
                    number=True,
                    low=99,
                    high=100_000,
                ),
                "seed": Option(about="of the draws", default=1.0, number=True, low=0),
            },
            schemes=("independent", "blocks", "clusters"),
        ),
        Estimator(
            name="quantile",
            about="the arms' quantiles, with intervals that need no density",
            options={
                "at": Option(
                    about="which quantile, such as 0.5",
                    default=0.5,
                    number=True,
                    low=0.01,
                    high=0.99,
                )
            },
        ),
        *FACTORIAL,
        *SURVIVAL,
    )
}
"""Name -> estimator. One line each; sets that need more than a line stand in their own tables."""
