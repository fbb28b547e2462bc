"""Rules about looks before the end: only combinations with a proof (R30, R31)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from apologylab.design.findings.finding import Finding, Rule, at
from apologylab.design.plan import Plan

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

NONE, GROUP, ANY_TIME = "none", "group_sequential", "confidence_sequence"
_SEQUENTIAL = "plan.sequential"
_READ_BY: Mapping[str, tuple[str, ...]] = {
    "spending": (GROUP,),
    "spending_power": (GROUP,),
    "looks": (GROUP,),
    "first_look": (GROUP, ANY_TIME),
}
_PROVEN = ("holm", "bonferroni", "none")
_FEW = 100


def keys_of_looks(experiment: Experiment) -> Iterator[Finding]:
    """A key that the plan of looks does not read would be a promise that nobody keeps."""
    plan = experiment.plan
    for name, methods in _READ_BY.items():
        if plan.sequential in methods or getattr(plan, name) == _default(name):
            continue
        yield Finding(
            path=at("plan", name),
            value=getattr(plan, name),
            what=f"is not read where plan.sequential is {plan.sequential!r}",
            do=f"write sequential = {' or '.join(map(repr, methods))}, or delete the key",
            related=(_SEQUENTIAL,),
        )


def _default(name: str) -> object:
    return next(each.default for each in fields(Plan) if each.name == name)


def power_of_kim_demets(experiment: Experiment) -> Iterator[Finding]:
    """Only one spending function has a power."""
    plan = experiment.plan
    if plan.sequential != GROUP or plan.spending == "kim_demets":
        return
    if plan.spending_power != _default("spending_power"):
        yield Finding(
            path="plan.spending_power",
            value=plan.spending_power,
            what=f"is not read where plan.spending is {plan.spending!r}",
            do="write spending = 'kim_demets', or delete the key",
            related=("plan.spending",),
        )


def looks_of_a_file(experiment: Experiment) -> Iterator[Finding]:
    """A file of finished outcomes has ended: nobody looks early."""
    if experiment.panel is not None and experiment.plan.sequential != NONE:
        yield Finding(
            path=_SEQUENTIAL,
            value=experiment.plan.sequential,
            what="has nothing to plan: a file of finished outcomes is read once",
            do="delete the key",
            related=("panel",),
        )


def looks_need_an_end(experiment: Experiment) -> Iterator[Finding]:
    """Shares of information are of something: how many units the experiment ends with."""
    plan = experiment.plan
    if plan.sequential == NONE or experiment.panel is not None:
        return
    if plan.expected_customers is None:
        yield Finding(
            path="plan.expected_customers",
            what="is missing: looks are paid for by their share of the units at the end",
            do="add how many customers will be enrolled",
            related=(_SEQUENTIAL,),
        )
    if plan.sequential == GROUP and plan.looks is None:
        yield Finding(
            path="plan.looks",
            what="is missing: what looks cost in sample size depends on how many are meant",
            do="add how many looks are meant, the last one included, such as looks = 4",
            related=(_SEQUENTIAL,),
        )


def looks_with_a_proof(experiment: Experiment) -> Iterator[Finding]:
    """Holm and Bonferroni hold over p-values that are valid at every look; others are unproven."""
    plan = experiment.plan
    if plan.sequential == NONE or plan.adjust in _PROVEN:
        return
    yield Finding(
        path="plan.adjust",
        value=plan.adjust,
        what="has no proof beside looks before the end (R30)",
        do='write adjust = "holm", or sequential = "none"',
        related=(_SEQUENTIAL,),
    )


def declared_tests_of_looks(experiment: Experiment) -> Iterator[Finding]:
    """Superiority and equivalence are tested once, at the end; looks have no such boundary."""
    plan = experiment.plan
    if plan.sequential == NONE:
        return
    for name, given in (("superiority", plan.superiority), ("equivalence", plan.equivalence)):
        if len(given):
            yield Finding(
                path=at("plan", name),
                what="has no proof beside looks before the end (R30)",
                do='delete the table, or write sequential = "none"',
                related=(_SEQUENTIAL,),
            )


def schemes_with_a_proof(experiment: Experiment) -> Iterator[Finding]:
    """A confidence sequence needs draws that do not depend on those before."""
    scheme = experiment.allocation.scheme
    if experiment.plan.sequential == ANY_TIME and scheme == "minimisation":
        yield Finding(
            path=_SEQUENTIAL,
            value=ANY_TIME,
            what="has no proof where minimisation draws the arms: each draw depends on the others",
            do='write sequential = "group_sequential", or another scheme',
            related=("allocation.scheme",),
        )


def enough_before_a_look(experiment: Experiment) -> Iterator[Finding]:
    """Boundaries are those of the normal, far out in its tail; small counts are not."""
    plan = experiment.plan
    if plan.sequential != NONE and plan.first_look < _FEW:
        yield Finding(
            path="plan.first_look",
            value=plan.first_look,
            what="is few units to trust the tails of a mean to",
            do="write 100 at least; for skewed outcomes such as spend 1,000 or more",
            severity="warning",
        )


RULES: tuple[Rule, ...] = (
    keys_of_looks,
    power_of_kim_demets,
    looks_of_a_file,
    looks_need_an_end,
    looks_with_a_proof,
    declared_tests_of_looks,
    schemes_with_a_proof,
    enough_before_a_look,
)
