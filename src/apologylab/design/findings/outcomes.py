"""Rules about what is measured, and over which window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.experiment import Outcome
from apologylab.design.findings.arms import arm_names, arms_from
from apologylab.design.findings.finding import Finding, Rule, at, each, fields_of, readable
from apologylab.design.measures import COLUMNS, filters, parse_measure, summable

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

WEEK = 7
"""Days."""
PANEL_COLUMNS = frozenset(
    {
        *("value", "value_at_face", "value_at_zero", "version", "phase", "arm", "stratum", "unit"),
        *("customer", "assignment", "incident", "anchor", "failing_order", "since", "forgotten"),
    }
)
"""What the panel says of every unit beside its outcomes."""


def outcome_names(experiment: Experiment) -> Iterator[Finding]:
    """Each outcome has its own name."""
    told: dict[str, str] = {}
    for path, name in fields_of(experiment.outcomes, "name", "outcomes"):
        if name in told:
            yield Finding(
                path=path, value=name, what="names two outcomes", do="call them apart",
                related=(told[name],),
            )  # fmt: skip
        told[name] = path


def free_names(experiment: Experiment) -> Iterator[Finding]:
    """An outcome is not called as a column that every panel has."""
    for path, name in fields_of(experiment.outcomes, "name", "outcomes"):
        if name in PANEL_COLUMNS:
            yield Finding(
                path=path,
                value=name,
                what="is the name of a column that every panel has",
                do=f"call it otherwise, like {name}_28d",
            )


def one_primary(experiment: Experiment) -> Iterator[Finding]:
    """Some outcome is the primary one."""
    roles = [outcome.role for outcome in experiment.outcomes]
    if roles and "primary" not in roles:
        yield Finding(
            path="outcomes[0].role",
            value=roles[0],
            what="no outcome is primary",
            do='give the outcome that the question is about role = "primary"',
            related=tuple(at("outcomes", place, "role") for place in range(1, len(roles))),
        )


@each(lambda experiment: experiment.outcomes, "outcomes")
def has_fact(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """A live outcome is measured on a fact."""
    if experiment.panel is None and outcome.fact is None:
        yield _missing(f"{path}.fact", f"the fact that records it: {', '.join(COLUMNS)}")


@each(lambda experiment: experiment.outcomes, "outcomes")
def has_measure(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """By a measure."""
    if experiment.panel is None and outcome.measure is None:
        yield _missing(f"{path}.measure", "any, count or sum(field)")


@each(lambda experiment: experiment.outcomes, "outcomes")
def has_window(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """Within a window."""
    if experiment.panel is None and outcome.window_days is None:
        yield _missing(f"{path}.window_days", "the days after the incident that count")


@each(lambda experiment: experiment.outcomes, "outcomes")
def column_fits(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """A file's outcome is a column; a live one is not."""
    if experiment.panel is not None and outcome.column is None:
        yield _missing(f"{path}.column", "the file's column")
    if experiment.panel is None and outcome.column is not None:
        yield Finding(
            path=f"{path}.column",
            value=outcome.column,
            what="is for a file of finished outcomes",
            do="delete it; fact, measure and window_days say what is measured",
        )


def _missing(path: str, what: str) -> Finding:
    return Finding(path=path, what="is missing: nothing records this outcome", do=f"add {what}")


@each(lambda experiment: experiment.outcomes, "outcomes")
def measure_fits(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """A sum is over a number that the fact has."""
    del experiment
    if outcome.fact is None or outcome.measure is None:
        return
    field, known = parse_measure(outcome.measure).field, summable(outcome.fact)
    if field is not None and field not in known:
        one_of = " or ".join(f"sum({name})" for name in known)
        yield Finding(
            path=f"{path}.measure",
            value=outcome.measure,
            what=f"a fact of kind {outcome.fact} records no number {field!r}",
            do=f"write any or count{', or ' + one_of if one_of else ''}",
            related=(f"{path}.fact",),
        )


@each(lambda experiment: experiment.outcomes, "outcomes")
def filter_fits(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """A filter names fields that the fact has, with values of their type."""
    del experiment
    if outcome.fact is None:
        return
    columns = filters(outcome.fact)
    names = {at(name): name for name in outcome.where}
    for place, wanted in readable(outcome.where):
        field = names[place]
        if field not in columns:
            yield Finding(
                path=_where(path, field),
                value=wanted,
                what=f"a fact of kind {outcome.fact} has no field {field!r}",
                do=f"name one of: {', '.join(columns)}",
                related=(f"{path}.fact",),
            )
        elif type(wanted) is not columns[field]:
            yield Finding(
                path=_where(path, field),
                value=wanted,
                what=f"is not what {field} holds",
                do=f"write {_KINDS[columns[field]]}",
                related=(f"{path}.fact",),
            )


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes"}


def _where(path: str, field: str) -> str:
    return f"{path}.where.{at(field)}"


@each(lambda experiment: experiment.outcomes, "outcomes")
def window_is_open(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """A window ends after it begins."""
    del experiment
    if outcome.window_days is not None and outcome.from_days >= outcome.window_days:
        yield Finding(
            path=f"{path}.from_days",
            value=outcome.from_days,
            what=f"the window is empty: it ends at day {outcome.window_days}",
            do="write a day before window_days",
            related=(f"{path}.window_days",),
        )


@each(lambda experiment: experiment.outcomes, "outcomes")
def guardrail_bound(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """A guardrail has a bound, and nothing else has one (R35)."""
    del experiment
    if outcome.role == "guardrail" and outcome.worse_by_at_most is None:
        yield Finding(
            path=f"{path}.worse_by_at_most",
            what="is missing: a guardrail without a bound guards nothing (R35)",
            do="add how much worse than its comparator a unit may fare on average",
            related=(f"{path}.role",),
        )
    if outcome.role != "guardrail" and outcome.worse_by_at_most is not None:
        yield _for_guardrails(f"{path}.worse_by_at_most", outcome.worse_by_at_most, path)


@each(lambda experiment: experiment.outcomes, "outcomes")
def guardrail_comparator(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """A comparator is a guardrail's, and an arm."""
    if outcome.comparator is None:
        return
    if outcome.role != "guardrail":
        yield _for_guardrails(f"{path}.comparator", outcome.comparator, path)
    names = arm_names(experiment)
    if outcome.comparator not in names:
        yield Finding(
            path=f"{path}.comparator",
            value=outcome.comparator,
            what="is not an arm",
            do="name an arm, or delete the key: the reference is the comparator then",
            related=arms_from(experiment),
        )


def _for_guardrails(path: str, value: object, outcome: str) -> Finding:
    return Finding(
        path=path,
        value=value,
        what="belongs to a guardrail, and this outcome is none",
        do='delete it, or write role = "guardrail"',
        related=(f"{outcome}.role",),
    )


@each(lambda experiment: experiment.outcomes, "outcomes")
def weeks_add(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """What is measured by week adds up over weeks."""
    del experiment
    if outcome.weekly and outcome.measure == "any":
        yield Finding(
            path=f"{path}.weekly",
            value=True,
            what="shares of weeks do not add up to the share of the window",
            do="measure a count or a sum by week; when the first one comes, say under [[times]]",
            related=(f"{path}.measure",),
        )
    days = WEEK + 1 if outcome.window_days is None else outcome.window_days - outcome.from_days
    if outcome.weekly and days <= WEEK:
        yield Finding(
            path=f"{path}.weekly",
            value=True,
            what="the window is one week",
            do="widen the window, or delete the key",
            related=(f"{path}.window_days", f"{path}.from_days"),
        )


@each(lambda experiment: experiment.outcomes, "outcomes")
def weeks_are_a_files(experiment: Experiment, path: str, outcome: Outcome) -> Iterator[Finding]:
    """Columns of weeks are a file's, each with one part."""
    if not outcome.weeks:
        return
    if experiment.panel is None:
        yield Finding(
            path=f"{path}.weeks",
            value=outcome.weeks,
            what="is for a file of finished outcomes",
            do="write weekly = true instead",
        )
        return
    played = {experiment.panel.arm, *experiment.panel.covariates}
    taken = [name for name in outcome.weeks if name in played or outcome.weeks.count(name) > 1]
    if taken or len(outcome.weeks) < 2:
        yield Finding(
            path=f"{path}.weeks",
            value=outcome.weeks,
            what=f"{taken[0]!r} has another part to play" if taken else "is one week only",
            do="name the columns of two or more weeks, each once",
            related=("panel.arm", "panel.covariates"),
        )


RULES: tuple[Rule, ...] = (
    weeks_add,
    weeks_are_a_files,
    outcome_names,
    free_names,
    one_primary,
    has_fact,
    has_measure,
    has_window,
    column_fits,
    measure_fits,
    filter_fits,
    window_is_open,
    guardrail_bound,
    guardrail_comparator,
)
