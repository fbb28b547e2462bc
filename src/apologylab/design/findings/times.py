"""Rules about times to an event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from apologylab.design.findings.finding import Finding, Rule, at, each, fields_of, readable
from apologylab.design.findings.outcomes import PANEL_COLUMNS
from apologylab.design.measures import COLUMNS, filters

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment
    from apologylab.design.times import Time

_OF_LEDGER = ("fact", "where", "window_days", "ends")
_COVARIATES = ("panel", "covariates")
_OF_FILE = ("column", "end", "other_ends")


def time_names(experiment: Experiment) -> Iterator[Finding]:
    """A time's name is its own, and no column that every panel has."""
    told = {name: path for path, name in fields_of(experiment.outcomes, "name", "outcomes")}
    if experiment.panel is not None:
        told |= {name: path for path, name in readable(experiment.panel.covariates, *_COVARIATES)}
    for path, name in fields_of(experiment.times, "name", "times"):
        if name in told or name in PANEL_COLUMNS:
            yield Finding(
                path=path,
                value=name,
                what="is taken: an outcome, a covariate or a column of every panel has it",
                do=f"call it otherwise, like time_to_{name}",
                related=(told[name],) if name in told else (),
            )
        told[name] = path


def time_complete(experiment: Experiment) -> Iterator[Finding]:
    """A live time is to a fact within a window; a file's has two columns."""
    for key in ("fact", "window_days") if experiment.panel is None else ("column", "end"):
        for path, value in fields_of(experiment.times, key, "times"):
            if value is None:
                yield Finding(
                    path=path,
                    what="is missing: nothing says when the event came",
                    do=f"add {_WHAT[key]}",
                )


def time_claims(experiment: Experiment) -> Iterator[Finding]:
    """A file's keys are not for a ledger, nor a ledger's for a file."""
    of = "a ledger" if experiment.panel is not None else "a file of finished outcomes"
    for key in _OF_FILE if experiment.panel is None else _OF_LEDGER:
        for path, value in fields_of(experiment.times, key, "times"):
            if value:
                shown = None if isinstance(value, Mapping) else value
                yield Finding(path=path, value=shown, what=f"is for {of}", do=f"delete {path}")


_WHAT = {
    "column": "the file's column of the time",
    "end": "the file's column of what ended it: 0 nothing yet, 1 the event, 2, 3, .. other ends",
    "fact": f"the fact that is the event: {', '.join(COLUMNS)}",
    "window_days": "the days after the incident over which units are followed",
}


def time_columns(experiment: Experiment) -> Iterator[Finding]:
    """A file's time is neither its arm nor a covariate, which is from before the draw (R22)."""
    if experiment.panel is None:
        return
    played = {name: path for path, name in readable(experiment.panel.covariates, *_COVARIATES)}
    played[experiment.panel.arm] = "panel.arm"
    for key in ("column", "end"):
        for path, column in fields_of(experiment.times, key, "times"):
            if column in played:
                yield Finding(
                    path=path,
                    value=column,
                    what=f"is the same column as {played[column]}",
                    do="name another column",
                    related=(played[column],),
                )


@each(lambda experiment: experiment.times, "times")
def time_filters(experiment: Experiment, path: str, time: Time) -> Iterator[Finding]:
    """Filters of the event and of other ends name fields that the fact has, with their type."""
    del experiment
    if time.fact is not None:
        yield from _filtered(path, time.fact, time.where)
    for place, end in readable(time.ends, "ends"):
        yield from _filtered(f"{path}.{place}", end.fact, end.where)


def _filtered(path: str, fact: str, where: Mapping[str, Any]) -> Iterator[Finding]:
    columns = filters(fact)
    names = {at(name): name for name in where}
    for place, wanted in readable(where):
        field = names[place]
        known = columns.get(field)
        if known is None or type(wanted) is not known:
            yield Finding(
                path=f"{path}.where.{place}",
                value=wanted,
                what=f"is no field of the fact {fact}" if known is None else "is of another type",
                do=f"name one of: {', '.join(columns)}, with a value of its type",
                related=(f"{path}.fact",),
            )


@each(lambda experiment: experiment.times, "times")
def ends_differ(experiment: Experiment, path: str, time: Time) -> Iterator[Finding]:
    """Another end is not the event itself."""
    del experiment
    for place, end in readable(time.ends, "ends"):
        if end.fact == time.fact and dict(end.where) == dict(time.where):
            yield Finding(
                path=f"{path}.{place}",
                what="is the event itself: after it nothing is left to wait for",
                do="say in where how it differs, or delete it",
                related=(f"{path}.fact", f"{path}.where"),
            )


RULES: tuple[Rule, ...] = (
    time_names,
    time_complete,
    time_claims,
    time_columns,
    time_filters,
    ends_differ,
)
