"""Rules about the plan: covariates, contrasts, and a file's columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.arms import arms
from apologylab.design.contrasts import parse_contrast
from apologylab.design.estimators import ESTIMATORS, parse_estimator, refuse_misfit
from apologylab.design.findings.arms import arm_names, arms_from
from apologylab.design.findings.finding import Finding, Rule, at, each, fields_of, readable
from apologylab.errors import InputError

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

PRE = ":pre"


@each(lambda experiment: experiment.plan.covariates, "plan", "covariates")
def covariate_known(experiment: Experiment, path: str, covariate: str) -> Iterator[Finding]:
    """A covariate is an outcome's value before the draw, or a column of the file (R22)."""
    if experiment.panel is not None:
        if covariate not in experiment.panel.covariates:
            yield _unknown(path, covariate, "panel.covariates", tuple(experiment.panel.covariates))
        return
    names = [outcome.name for outcome in experiment.outcomes]
    if not covariate.endswith(PRE) or covariate.removesuffix(PRE) not in names:
        known = tuple(f"{name}{PRE}" for name in names)
        related = tuple(at("outcomes", place, "name") for place in range(len(names)))
        yield _unknown(path, covariate, "outcomes", known, related)


def _unknown(
    path: str, covariate: str, where: str, known: tuple[str, ...], related: tuple[str, ...] = ()
) -> Finding:
    return Finding(
        path=path,
        value=covariate,
        what=f"is not a covariate that {where} declares",
        do=f"name one of: {', '.join(known)}" if known else f"declare it in {where}",
        related=related or (where,),
    )


@each(lambda experiment: experiment.plan.covariates, "plan", "covariates")
def covariate_measured(experiment: Experiment, path: str, covariate: str) -> Iterator[Finding]:
    """The same measure before the anchor needs its days."""
    if experiment.panel is not None or not covariate.endswith(PRE):
        return
    for place, name in fields_of(experiment.outcomes, "name", "outcomes"):
        outcome = place.removesuffix(".name")
        if name == covariate.removesuffix(PRE) and _pre_days(experiment, outcome) is None:
            yield Finding(
                path=f"{outcome}.pre_days",
                what=f"is missing: the plan adjusts for {covariate}",
                do="add the days before the incident over which it is measured",
                related=(path, place),
            )


def _pre_days(experiment: Experiment, place: str) -> int | None:
    return dict(readable(experiment.outcomes, "outcomes"))[place].pre_days  # type: ignore[no-any-return]


@each(lambda experiment: experiment.plan.contrasts, "plan", "contrasts")
def contrast_reads(experiment: Experiment, path: str, text: str) -> Iterator[Finding]:
    """A contrast names factors, levels and arms that there are; silent where arms have faults."""
    arm_names(experiment)
    arms(experiment)
    try:
        parse_contrast(path, text, experiment)
    except InputError as error:
        yield Finding(
            path=path,
            value=text,
            what=error.what,
            do=error.do,
            related=("allocation", *arms_from(experiment)),
        )


@each(lambda experiment: experiment.plan.estimators, "plan", "estimators")
def estimator_reads(experiment: Experiment, path: str, text: str) -> Iterator[Finding]:  # noqa: ARG001
    """An estimator is one that there is, with its own options."""
    try:
        parse_estimator(text, ESTIMATORS)
    except InputError as error:
        yield Finding(path=path, value=text, what=error.what, do=error.do)


@each(lambda experiment: experiment.plan.estimators, "plan", "estimators")
def estimator_fits(experiment: Experiment, path: str, text: str) -> Iterator[Finding]:
    """Its errors are those of the scheme (R3, R27), and what it adjusts for is declared."""
    asked = parse_estimator(text, ESTIMATORS)
    scheme = "clusters" if experiment.unit == "cluster" else experiment.allocation.scheme
    try:
        refuse_misfit(asked, scheme, covariates=bool(experiment.plan.covariates))
    except InputError as error:
        yield Finding(
            path=path,
            value=text,
            what=error.what,
            do=error.do,
            related=("unit", "allocation.scheme", "plan.covariates"),
        )


@each(lambda experiment: experiment.plan.estimators, "plan", "estimators")
def estimator_fed(experiment: Experiment, path: str, text: str) -> Iterator[Finding]:
    """What it reads beside outcomes and covariates is declared: times, subgroups or weeks."""
    reads = ESTIMATORS[parse_estimator(text, ESTIMATORS).name].reads
    declared = {
        "": True,
        "times": bool(experiment.times),
        "subgroups": bool(experiment.plan.subgroups),
        "weeks": any(each.weekly or each.weeks for each in experiment.outcomes),
    }
    if not declared[reads]:
        where, do = _READ[reads]
        yield Finding(
            path=path,
            value=text,
            what=f"needs {reads} and none is declared",
            do=do,
            related=(where,),
        )


_READ = {
    "times": ("times", "declare a time to an event under [[times]]"),
    "subgroups": ("plan.subgroups", 'declare them: [plan.subgroups] region = ["north", "south"]'),
    "weeks": (
        "outcomes",
        "give an outcome weekly = true, or weeks = [columns] where a file is analysed",
    ),
}
"""What an estimator may read -> where it is declared, and what to do."""


def estimator_once(experiment: Experiment) -> Iterator[Finding]:
    """No estimator twice, however it is spelled."""
    seen: dict[str, str] = {}
    for path, text in readable(experiment.plan.estimators, "plan", "estimators"):
        asked = parse_estimator(text, ESTIMATORS).text
        if asked in seen:
            yield Finding(
                path=path,
                value=text,
                what=f"is the same estimator as {seen[asked]}",
                do="name it once",
                related=(seen[asked],),
            )
        seen.setdefault(asked, path)


def estimator_decides(experiment: Experiment) -> Iterator[Finding]:
    """A decision reads the arm means of some estimator (R34)."""
    if experiment.decision is None or not experiment.plan.estimators:
        return
    asked = [parse_estimator(text, ESTIMATORS) for text in experiment.plan.estimators]
    if not any(ESTIMATORS[each.name].decides for each in asked):
        can = [name for name, each in ESTIMATORS.items() if each.decides]
        yield Finding(
            path="plan.estimators",
            value=list(experiment.plan.estimators),
            what="has no estimator of arm means, which the decision needs",
            do=f"add one of {', '.join(can)}",
            related=("decision",),
        )


def panel_columns(experiment: Experiment) -> Iterator[Finding]:
    """A file's column has one part to play; a covariate is no outcome (R22)."""
    if experiment.panel is None:
        return
    played = {experiment.panel.arm: "panel.arm"}
    for path, column in fields_of(experiment.outcomes, "column", "outcomes"):
        if column in played:
            yield _twice(path, column, played[column])
    outcomes = {
        column: path for path, column in fields_of(experiment.outcomes, "column", "outcomes")
    }
    played |= outcomes
    for path, column in readable(experiment.panel.covariates, "panel", "covariates"):
        if column in played:
            yield _twice(path, column, played[column])


def panel_unit(experiment: Experiment) -> Iterator[Finding]:
    """The unit's column is not the arm's."""
    panel = experiment.panel
    if panel is not None and panel.unit is not None and panel.unit == panel.arm:
        yield _twice("panel.unit", panel.unit, "panel.arm")


def _twice(path: str, column: str, other: str) -> Finding:
    return Finding(
        path=path,
        value=column,
        what=f"is the same column as {other}",
        do="name another column",
        related=(other,),
    )


@each(lambda experiment: experiment.plan.subgroups, "plan", "subgroups")
def subgroup_levels(
    experiment: Experiment, path: str, levels: tuple[str, ...]
) -> Iterator[Finding]:
    """A subgroup has two levels or more, each once."""
    del experiment
    if len(set(levels)) < 2 or len(set(levels)) < len(levels):
        yield Finding(
            path=path,
            value=levels,
            what="needs two levels or more, each named once",
            do="name the levels to compare",
        )


def subgroup_fields(experiment: Experiment) -> Iterator[Finding]:
    """A subgroup is known before the draw: it is no outcome, no time and no arm (R28)."""
    if experiment.panel is None:
        return
    after = {experiment.panel.arm: "panel.arm"}
    for entries, table, keys in (
        (experiment.outcomes, "outcomes", ("column",)),
        (experiment.times, "times", ("column", "end")),
    ):
        for key in keys:
            after |= {column: path for path, column in fields_of(entries, key, table) if column}
    for name in experiment.plan.subgroups:
        if name in after:
            yield _twice(at("plan", "subgroups", name), name, after[name])


RULES: tuple[Rule, ...] = (
    subgroup_levels,
    subgroup_fields,
    covariate_known,
    covariate_measured,
    contrast_reads,
    estimator_reads,
    estimator_fits,
    estimator_fed,
    estimator_once,
    estimator_decides,
    panel_columns,
    panel_unit,
)
