"""What is wrong with an experiment in its surroundings: its messages, and its neighbours (R30)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from apologylab.design.findings import Finding
from apologylab.errors import ApologylabError, DeclarationError
from apologylab.remedy.zones import zone
from apologylab.service.linted import linted
from apologylab.service.text_differences import differences, later_texts, subjects
from apologylab.service.text_findings import (
    arranged,
    branded,
    missing,
    one_frame,
    parts_declared,
    readable_texts,
    short_subjects,
    texts_beside,
)

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment
    from apologylab.remedy.fragments import Fragments
    from apologylab.remedy.lint.language import Language
    from apologylab.service.ports import Catalogue


def around(
    experiment: Experiment,
    fragments: Fragments,
    neighbours: tuple[Experiment, ...],
    languages: Mapping[str, Language],
) -> tuple[Finding, ...]:
    """All findings that need more than the declaration itself; lines are the reader's to add.

    ``languages``: locale -> its rules of wordings, where it has any.
    """
    if experiment.panel is not None:
        return ()
    return (
        *_texts(experiment, fragments),
        *linted(experiment, fragments, languages),
        *_zone(experiment),
        *_meetings(experiment, neighbours),
    )


def refuse_around(
    experiment: Experiment,
    fragments: Fragments,
    others: tuple[Experiment, ...],
    languages: Mapping[str, Language],
) -> None:
    """Refuse an experiment that its messages or its neighbours make impossible.

    Raises:
        DeclarationError: with every such finding; warnings let it pass.
    """
    found = around(experiment, fragments, others, languages)
    wrong = [each for each in found if each.severity == "error"]
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


def _texts(experiment: Experiment, fragments: Fragments) -> Iterator[Finding]:
    """What is wrong with the texts, each by itself and beside those of other arms."""
    read, unreadable = readable_texts(experiment, fragments)
    every = (*read, *texts_beside(experiment, fragments))
    yield from missing(experiment, fragments)
    yield from unreadable
    yield from parts_declared(experiment, read)
    yield from short_subjects(every)
    yield from one_frame(experiment, read)
    yield from arranged(experiment, fragments, read)
    yield from branded(every, fragments)
    yield from differences(experiment, read)
    yield from subjects(experiment, read)
    yield from later_texts(experiment, read)


def _zone(experiment: Experiment) -> Iterator[Finding]:
    """The zone of customers whose own is not known is one."""
    quiet = experiment.delivery.quiet
    if quiet is not None and zone(quiet.zone) is None:
        yield Finding(
            path="delivery.quiet.zone",
            value=quiet.zone,
            what="is no IANA time zone",
            do='write one as in "Europe/Vilnius"; capitals count',
        )


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
