"""What is wrong with an experiment in its surroundings: its messages, and its neighbours (R30)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from apologylab.design.experiment import NONE, TIMING
from apologylab.design.findings import Finding, at
from apologylab.errors import ApologylabError, DeclarationError, InputError
from apologylab.remedy.fragments import place

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment
    from apologylab.service.ports import Catalogue

Fragments = Mapping[tuple[str, str, str], str]


def around(
    experiment: Experiment, fragments: Fragments, neighbours: tuple[Experiment, ...]
) -> tuple[Finding, ...]:
    """All findings that need more than the declaration itself; lines are the reader's to add."""
    if experiment.panel is not None:
        return ()
    return (
        *_missing(experiment, fragments),
        *_strange(experiment, fragments),
        *_meetings(experiment, neighbours),
    )


def refuse_around(
    experiment: Experiment, fragments: Fragments, others: tuple[Experiment, ...]
) -> None:
    """Refuse an experiment that its messages or its neighbours make impossible.

    Raises:
        DeclarationError: with every such finding; warnings let it pass.
    """
    wrong = [each for each in around(experiment, fragments, others) if each.severity == "error"]
    if wrong:
        raise DeclarationError(
            f"{experiment.name}: {wrong[0].what}",
            do=f"run `apologylab check {experiment.name}`",
            findings=wrong,
        )


def neighbours(catalogue: Catalogue, experiment: Experiment) -> tuple[Experiment, ...]:
    """The other experiments of the folder that can be read."""
    found = []
    for name in catalogue.names():
        if name != experiment.name:
            try:
                found.append(catalogue.experiment(name))
            except ApologylabError:
                continue
    return tuple(found)


def _missing(experiment: Experiment, fragments: Fragments) -> Iterator[Finding]:
    """Every level but none has a fragment in every locale."""
    for factor, levels in experiment.factors.items():
        for number, level in enumerate(levels):
            wanted = () if level == NONE or factor == TIMING else experiment.messages.locales
            for locale in wanted:
                if (factor, level, locale) not in fragments:
                    yield Finding(
                        path=at("factors", factor, number),
                        value=level,
                        what=f"has no text in {locale}: no {place(factor, level, locale)}",
                        do="write it",
                        related=("messages.locales",),
                    )


def _strange(experiment: Experiment, fragments: Fragments) -> Iterator[Finding]:
    """Every file under messages can be said, and reads as a fragment."""
    from apologylab.remedy.rendering import compile_fragment  # Jinja: a hook does without it

    for (factor, level, locale), source in fragments.items():
        where = place(factor, level, locale)
        try:
            compile_fragment(source, where=where, placeholders=experiment.messages.placeholders)
        except InputError as error:
            yield Finding(path=where, what=error.what, do=error.do)
        if not _is_said(level, experiment.factors.get(factor, ())):
            yield Finding(
                path=where,
                what="belongs to no level of a factor: it is never said",
                do="rename or delete it",
                severity="warning",
            )


def _is_said(level: str, levels: tuple[str, ...]) -> bool:
    """Whether a fragment is a level's, or its text for a later apology: ``basic.2``."""
    first, _, number = level.rpartition(".")
    return level in levels or (first in levels and number.isdigit())


def _meetings(experiment: Experiment, others: tuple[Experiment, ...]) -> Iterator[Finding]:
    """Two experiments do not claim one customer's incident.

    In one layer their slices must not overlap. Without a layer they may still never run at the
    same time, which a declaration does not say: a warning.
    """
    for other in others:
        if _same_incident(experiment, other) and not _apart(experiment, other):
            together = _one_layer(experiment, other)
            yield Finding(
                path="layer.start" if experiment.layer else "layer",
                value=experiment.layer.start if experiment.layer else None,
                what=f"{other.name} claims the same incident, and {_WHY[together]}",
                do="give both [layer] with one name and slices side by side, like 0.0 to 0.5 and "
                "0.5 to 1.0" + ("" if together else "; or never run them at the same time"),
                severity="error" if together else "warning",
            )


_WHY = {True: "its slice of the layer overlaps", False: "no layer keeps their customers apart"}


def _one_layer(one: Experiment, other: Experiment) -> bool:
    return one.layer is not None and other.layer is not None and one.layer.name == other.layer.name


def _same_incident(one: Experiment, other: Experiment) -> bool:
    if one.incident is None or other.incident is None or one.incident.kind != other.incident.kind:
        return False
    ours, theirs = one.incident.where, other.incident.where
    return all(set(ours[field]) & set(theirs[field]) for field in ours.keys() & theirs.keys())


def _apart(one: Experiment, other: Experiment) -> bool:
    if one.layer is None or other.layer is None or one.layer.name != other.layer.name:
        return False
    return one.layer.end <= other.layer.start or other.layer.end <= one.layer.start
