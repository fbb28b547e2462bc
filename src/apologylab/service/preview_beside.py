"""What is said beside the remedies, in a preview: the survey, and notices of promises at risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apologylab.design.follow_ups import NOTICE, SURVEY
from apologylab.errors import InputError
from apologylab.remedy.letter import Letter, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apologylab.design.experiment import Experiment
    from apologylab.service.running import Running

    Occasion = tuple[str, str, tuple[tuple[str, str], ...]]
    """Title, when it leaves, and the (factor, level) of its fragments."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One message beside the remedies in one locale.

    ``letter`` is None where it cannot be rendered, ``because`` says why; else that is empty.
    """

    title: str
    when: str
    locale: str
    letter: Letter | None
    because: str
    promised: bool
    """Whether a commitment stands behind what it promises."""


def said_beside(running: Running, fields: Mapping[str, object]) -> tuple[Beside, ...]:
    """Each message in each locale, for a sample incident with ``fields``."""
    return tuple(
        _rendered(running, occasion, locale, fields)
        for locale in running.experiment.messages.locales
        for occasion in _occasions(running.experiment)
    )


def _occasions(experiment: Experiment) -> Iterator[Occasion]:
    for level, said in experiment.wording.items():
        promise = said.promise
        if promise is not None and promise.notice is not None:
            when = f"{promise.notice} before the promise is due, unless it is kept by then"
            yield f"Notice: the promise of {level} may be missed", when, ((NOTICE, level),)
    survey = experiment.survey
    if survey is not None:
        when = f"{survey.after} after the incident, to {100 * survey.share:.3g}% of every arm"
        yield "Survey", when, tuple((SURVEY, each) for each in survey.questions)


def _rendered(
    running: Running, occasion: Occasion, locale: str, fields: Mapping[str, object]
) -> Beside:
    title, when, said = occasion
    letter, because = None, ""
    try:
        letter = opened(running.wording.beside(said, locale, fields).body)
    except InputError as error:
        because = str(error)
    return Beside(
        title=title,
        when=when,
        locale=locale,
        letter=letter,
        because=because,
        promised=said[0][0] == NOTICE,
    )
