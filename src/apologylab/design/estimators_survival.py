"""The words for estimators over time: of times to an event, and by week."""

from __future__ import annotations

from apologylab.design.estimator import Estimator, Option

_AT = Option(
    about="the time, counted as the outcome counts it; 0: the window's end, in a file the longest "
    "that every arm was followed",
    default=0.0,
    number=True,
    low=0,
)
_OTHERS = Option(
    about="what another end than the event is: refused, or censored as if it said nothing",
    default="refused",
    words=("refused", "censored"),
)
_END = Option(
    about="1: the event; 2 and more: the other ends, in their order",
    default=1.0,
    number=True,
    low=1,
    high=99,
)
_INTERVAL = Option(
    about="log_log: from the log-log limits of each arm (Zou and Donner 2008), p and all; plain: "
    "the normal distribution, too narrow with few units or shares near 0 and 1",
    default="log_log",
    words=("log_log", "plain"),
)
_AREA = Option(
    about="greenwood: as R and survRM2 print it; corrected: its variance times m / (m - 1) with m "
    "events, for arms of fewer than about 100 (Kaplan and Meier 1958)",
    default="greenwood",
    words=("greenwood", "corrected"),
)
_TIES = Option(about="several events at one time", default="efron", words=("efron", "breslow"))
_ERRORS = Option(
    about="model: hazards are proportional; robust: they need not be (Lin and Wei 1989)",
    default="model",
    words=("model", "robust"),
)

_WEEKS = Option(
    about="each week by itself, or cumulative up to it",
    default="each",
    words=("each", "cumulative"),
)

SURVIVAL: tuple[Estimator, ...] = (
    Estimator(
        name="kaplan_meier",
        about="share of units without the event by a time",
        options={"at": _AT, "others": _OTHERS, "interval": _INTERVAL},
        reads="times",
    ),
    Estimator(
        name="aalen_johansen",
        about="share of units with the event by a time, where other ends may come first",
        options={"at": _AT, "end": _END, "interval": _INTERVAL},
        reads="times",
    ),
    Estimator(
        name="rmst",
        about="mean time without the event, out of a given time",
        options={"at": _AT, "others": _OTHERS, "error": _AREA},
        reads="times",
    ),
    Estimator(
        name="log_rank",
        about="whether two arms' hazards of the event are the same",
        reads="times",
    ),
    Estimator(
        name="cox",
        about="log hazard ratios of arms (Cox 1972), within phases",
        options={"ties": _TIES, "errors": _ERRORS},
        reads="times",
    ),
    Estimator(
        name="cox_adjusted",
        about="log hazard ratios of arms, given the covariates, from the units themselves",
        options={"ties": _TIES, "errors": _ERRORS},
        covariates=True,
        reads="times",
    ),
    Estimator(
        name="subgroups",
        about="the effect in each declared subgroup, and whether they differ (Welch 1951)",
        reads="subgroups",
    ),
    Estimator(
        name="by_week",
        about="the effect by week since the incident, with a band that holds for all weeks",
        options={"weeks": _WEEKS},
        reads="weeks",
    ),
)
