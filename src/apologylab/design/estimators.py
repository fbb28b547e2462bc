"""The words for estimators: their names and options, one spelling for plan, CLI and Python.

``lin``, ``lin(errors=HC3)`` and ``winsorised(at=0.99)`` are how an estimator is asked for, in
``[plan] estimators``, in ``analyse --estimator`` and in ``apologylab.analyse(estimators=...)``.
What each computes stands in :mod:`apologylab.inference.registry`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from apologylab.design.estimator import Asked, Estimator, Option, parse_estimator
from apologylab.design.estimators_effects import EFFECTS
from apologylab.design.estimators_factorial import FACTORIAL
from apologylab.design.estimators_heterogeneity import HETEROGENEITY
from apologylab.design.estimators_looking import LOOKING
from apologylab.design.estimators_survival import SURVIVAL
from apologylab.errors import InputError

__all__ = [
    "ESTIMATORS", "Asked", "Estimator", "Option", "columns_of", "parse_estimator", "refuse_misfit",
]  # fmt: skip


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
        fits = [n for n, each in ESTIMATORS.items() if scheme in each.schemes and each.decides]
        raise InputError(
            f"{asked.text}: its errors are not those of units drawn by {scheme!r}",
            do=f"ask for one of {', '.join(fits)}, or another that docs/reference/estimators.md "
            f"gives for {scheme!r}",
        )
    if found.covariates and not covariates:
        raise InputError(
            f"{asked.text} needs covariates and there are none",
            do="name covariates measured before the draw, or ask for difference_in_means",
        )


def columns_of(texts: Iterable[str], known: Iterable[str] = ()) -> dict[str, str]:
    """The columns of the panel that estimators name in their options, but those ``known``.

    >>> columns_of(["lin", "delay(column=hours)"])
    {'hours': 'hours'}

    Raises:
        InputError: there is no such estimator.
    """
    asked = [parse_estimator(text, ESTIMATORS) for text in texts]
    named = [
        each.word(name)
        for each in asked
        for name, option in ESTIMATORS[each.name].options.items()
        if option.column
    ]
    return {name: name for name in named if name and name not in set(known)}


CLUSTERED: Mapping[str, Option] = {
    "errors": Option(
        about="CR2 holds with few and unequal clusters; CR1 (times G / (G - 1) of each arm) and "
        "CR0 need many, of one arm each",
        default="CR2",
        words=("CR0", "CR1", "CR2"),
    )
}
ESTIMATORS: Mapping[str, Estimator] = {
    each.name: each
    for each in (
        *EFFECTS,
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
                    about="column of what assignment moves, such as an outcome",
                    default="delivered",
                    column=True,
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
            schemes=("independent", "blocks", "minimisation", "clusters"),
        ),
        Estimator(
            name="lee_bounds",
            about="bounds for those whose outcome is seen under both arms (Lee 2009)",
            options={
                "seen": Option(
                    about="known: those that lost no outcome; positive: those with one above 0",
                    default="known",
                    words=("known", "positive"),
                )
            },
        ),
        Estimator(
            name="missing_bounds",
            about="bounds of the effect on all, lost outcomes taken at their worst (Manski 1990)",
            options={
                "low": Option(about="least that an outcome can be", default=0.0, number=True),
                "high": Option(about="most that an outcome can be", number=True),
            },
        ),
        Estimator(
            name="by_cause",
            about="arm means with errors between causes, for outages that are still to come",
            options={
                "column": Option(about="whole numbers of the causes", default="cause", column=True)
            },
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
        *LOOKING,
        *HETEROGENEITY,
    )
}
"""Name -> estimator. One line each; sets that need more than a line stand in their own tables."""
