"""Rules about schemes of allocation: blocks, minimisation, clusters (R3, R27)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from apologylab.design.arms import weights
from apologylab.design.blocks import LARGEST, block_size, reduced
from apologylab.design.experiment import Allocation
from apologylab.design.findings.arms import arm_names, arms_from
from apologylab.design.findings.finding import Finding, Rule, at, readable

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

Weights = Literal["equal"] | Mapping[str, int]
BLOCKS, MINIMISATION, INDEPENDENT = "blocks", "minimisation", "independent"
_RESERVED = ("kind", "customer", "consent")
"""Names beside the incident's fields that the judge reads; none of them makes a stratum."""
_READ_BY: Mapping[str, tuple[str, ...]] = {
    "strata": (BLOCKS, MINIMISATION),
    "block_size": (BLOCKS,),
    "coin": (MINIMISATION,),
}
_SCHEME, _STRATA, _SIZE = "allocation.scheme", "allocation.strata", "allocation.block_size"


def keys_of_a_scheme(experiment: Experiment) -> Iterator[Finding]:
    """A key that the scheme does not read would be a promise that nobody keeps."""
    if experiment.panel is not None:
        return
    scheme = experiment.allocation.scheme
    for name, schemes in _READ_BY.items():
        if scheme in schemes or not _given(experiment.allocation, name):
            continue
        yield Finding(
            path=at("allocation", name),
            value=_shown(getattr(experiment.allocation, name)),
            what=f"is not read where allocation.scheme is {scheme!r}",
            do=f"write scheme = {' or '.join(map(repr, schemes))}, or delete the key",
            related=(_SCHEME,),
        )


def _given(allocation: Allocation, name: str) -> bool:
    default = next(each.default for each in fields(Allocation) if each.name == name)
    value = getattr(allocation, name)
    return len(value) > 0 if name == "strata" else bool(value != default)


def _shown(value: object) -> object:
    return value if isinstance(value, int | float) else None


def strata_names(experiment: Experiment) -> Iterator[Finding]:
    """Strata are made of fields of the incident."""
    for path, name in readable(experiment.allocation.strata, "allocation", "strata"):
        if name in _RESERVED or name in experiment.eligibility.exclude:
            yield Finding(
                path=path,
                value=name,
                what="is not a field of the incident that could tell units apart",
                do="name fields that the incident comes with, like country or tier",
                related=("eligibility.exclude",),
            )


def minimisation_balances(experiment: Experiment) -> Iterator[Finding]:
    """Minimisation needs something to balance."""
    allocation = experiment.allocation
    if allocation.scheme == MINIMISATION and not len(allocation.strata):
        yield Finding(
            path=_STRATA,
            what="is missing: minimisation balances the arms over fields of the incident",
            do='name them, like strata = ["country", "tier"]',
            related=(_SCHEME,),
        )


def coin_pulls(experiment: Experiment) -> Iterator[Finding]:
    """The coin is drawn to the balancing arm more often than the weights would draw it."""
    allocation = experiment.allocation
    if experiment.panel is not None or allocation.scheme != MINIMISATION:
        return
    names, coin = arm_names(experiment), Fraction(str(allocation.coin))
    for _, declared in _declared(experiment):
        positive = [weight for weight in weights(declared, names).values() if weight > 0]
        if len(positive) > 1 and coin <= Fraction(min(positive), sum(positive)):
            yield Finding(
                path="allocation.coin",
                value=allocation.coin,
                what="pulls to no arm: its weight alone draws the least frequent arm as often "
                f"({min(positive)} in {sum(positive)})",
                do="write a probability above that, like 0.8",
                related=(
                    _SCHEME,
                    "allocation.weights",
                    "allocation.phases",
                    *arms_from(experiment),
                ),
            )
            return


def blocks_are_whole(experiment: Experiment) -> Iterator[Finding]:
    """A block holds every arm as often as its weight says, in every phase."""
    allocation = experiment.allocation
    if experiment.panel is not None or allocation.scheme != BLOCKS:
        return
    names, declared_size = arm_names(experiment), allocation.block_size
    for path, declared in _declared(experiment):
        planned = weights(declared, names)
        if not any(planned.values()):
            continue
        least = sum(reduced(planned).values())
        if declared_size is not None and declared_size % least:
            yield _ragged(experiment, declared_size, least, path)
        elif block_size(planned, declared_size) > LARGEST:
            yield Finding(
                path=path,
                what=f"would need blocks of {block_size(planned, declared_size):,} places",
                do=f"write weights whose smallest proportional block has at most {LARGEST:,}",
                related=(_SCHEME, _SIZE, *arms_from(experiment)),
            )


def _ragged(experiment: Experiment, size: int, least: int, path: str) -> Finding:
    return Finding(
        path=_SIZE,
        value=size,
        what=f"is no multiple of {least}, the smallest block that {path} fills in proportion",
        do=f"write {size - size % least + least}, or delete the key",
        related=(_SCHEME, "allocation.weights", "allocation.phases", *arms_from(experiment)),
    )


def _declared(experiment: Experiment) -> Iterator[tuple[str, Weights]]:
    """The weights of each phase that can be read, with their path."""
    yield "allocation.weights", experiment.allocation.weights
    for path, phase in readable(experiment.allocation.phases, "allocation", "phases"):
        yield f"{path}.weights", phase.weights


def cluster_named(experiment: Experiment) -> Iterator[Finding]:
    """What is drawn together is named, and only then."""
    named = experiment.allocation.cluster
    if experiment.unit == "cluster" and named is None:
        yield Finding(
            path="allocation.cluster",
            what='is missing: unit = "cluster" does not say which customers are drawn together',
            do='name the incident\'s field that tells, like cluster = "household", or "cause"',
            related=("unit",),
        )
    if named is not None and experiment.unit != "cluster" and experiment.panel is None:
        yield Finding(
            path="allocation.cluster",
            value=named,
            what=f"is not read where unit is {experiment.unit!r}",
            do='write unit = "cluster", or delete the key',
            related=("unit",),
        )
    if named in _RESERVED:
        yield Finding(
            path="allocation.cluster",
            value=named,
            what="is not a field of the incident that customers share",
            do="name a field like household or city, or cause for the incident's cause",
        )


def cluster_alone(experiment: Experiment) -> Iterator[Finding]:
    """Clusters are drawn each by itself."""
    scheme = experiment.allocation.scheme
    if experiment.unit == "cluster" and scheme != INDEPENDENT:
        yield Finding(
            path=_SCHEME,
            value=scheme,
            what="is not carried out for clusters: each is drawn by itself",
            do='delete the key, or write unit = "customer"',
            related=("unit",),
        )


def adjusted_errors(experiment: Experiment) -> Iterator[Finding]:
    """An adjusted estimate whose error ignores blocks or clusters would be a wrong one (R27)."""
    if not len(experiment.plan.covariates) or experiment.panel is not None:
        return
    clustered = experiment.unit == "cluster"
    if clustered or experiment.allocation.scheme == BLOCKS:
        yield Finding(
            path="plan.covariates",
            what="are not adjusted for yet where "
            + ("clusters are drawn" if clustered else "blocks are filled")
            + ": the error would not be the scheme's",
            do="delete the key; blocks balance what is put into allocation.strata",
            related=("unit", _SCHEME),
        )


def no_file_in_clusters(experiment: Experiment) -> Iterator[Finding]:
    """A file of finished outcomes has one row a unit."""
    if experiment.panel is not None and experiment.unit == "cluster":
        yield Finding(
            path="unit",
            value="cluster",
            what="is for incidents that we draw and record; a file has one row a unit",
            do="give one row a cluster and delete the key",
            related=("panel",),
        )


RULES: tuple[Rule, ...] = (
    keys_of_a_scheme,
    strata_names,
    minimisation_balances,
    coin_pulls,
    blocks_are_whole,
    cluster_named,
    cluster_alone,
    adjusted_errors,
    no_file_in_clusters,
)
