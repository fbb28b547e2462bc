"""What the lint finds in the texts of an experiment: every arm, locale, later apology and beside.

Each is rendered with sample values, and once more without those that may be missing, and read as
the customer would read it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from apologylab.design.arms import arms
from apologylab.design.findings import Finding, at
from apologylab.design.follow_ups import NOTICE, SURVEY, fragments_beside
from apologylab.errors import DeclarationError, InputError
from apologylab.remedy.fragments import BRAND, place, settings, texts
from apologylab.remedy.letter import opened
from apologylab.remedy.lint.lines import place_of
from apologylab.remedy.lint.linting import lint
from apologylab.service.samples import sample_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.design.experiment import Experiment
    from apologylab.remedy.fragments import Fragments
    from apologylab.remedy.letter import Letter
    from apologylab.remedy.lint.flaw import Flaw
    from apologylab.remedy.lint.language import Language
    from apologylab.remedy.wording import Wording

LONGEST_SHOWN: Final = 120


class Judge(Protocol):
    """Finds the flaws of a letter; ``promised``: a commitment stands behind what it promises."""

    def __call__(self, locale: str, letter: Letter, *, promised: bool) -> Sequence[Flaw]:
        """The flaws of a letter in ``locale``, by place."""
        ...


class _Line(NamedTuple):
    """A line of a fragment's file."""

    file: str
    line: int


def linted(
    experiment: Experiment, fragments: Fragments, languages: Mapping[str, Language]
) -> Iterator[Finding]:
    """The flaws of every text that can be sent, each once; those of several arms too.

    Texts that cannot be composed are silent here: other rules report why.
    """
    from apologylab.remedy.wording import Wording  # Jinja: a hook does without it

    try:
        wording = Wording(experiment, fragments)
    except DeclarationError:
        return
    yield from _without_rules(experiment, languages)
    seen: set[tuple[_Line, str, str]] = set()
    for said in _everything(experiment, fragments, wording, languages):
        for flaw in _flaws(experiment, said):
            stands = _line(said.sources, flaw.words)
            if (stands, flaw.rule, flaw.words) not in seen:
                seen.add((stands, flaw.rule, flaw.words))
                yield _finding(stands, flaw)


def _without_rules(experiment: Experiment, languages: Mapping[str, Language]) -> Iterator[Finding]:
    for number, locale in enumerate(experiment.messages.locales):
        if locale not in languages:
            yield Finding(
                path=at("messages", "locales", number),
                value=locale,
                what="has no rules of wordings: what is said in it is not linted",
                do="let somebody who speaks it read every text, or add the rules (docs/lint.md)",
                severity="warning",
            )


class _Said(NamedTuple):
    """A letter as one customer reads it, and the fragments that it was composed of.

    ``promised``: a commitment stands behind its promise.
    """

    letter: Letter
    language: Language
    sources: Mapping[str, str]
    promised: bool
    formality: str | None


def _everything(
    experiment: Experiment,
    fragments: Fragments,
    wording: Wording,
    languages: Mapping[str, Language],
) -> Iterator[_Said]:
    from apologylab.remedy.wording import said_levels

    forms = _forms(fragments)
    for arm in arms(experiment):
        levels = said_levels(experiment, arm)
        known = (each for each in wording.locales if each in languages) if levels else ()
        for locale, nth in product(known, range(1, _times(fragments) + 1)):
            for letter in _letters(experiment, wording, arm.name, locale, nth):
                yield _Said(
                    letter,
                    languages[locale],
                    _sources(fragments, levels, locale, nth),
                    any(_promises(experiment, level) for _, level in levels),
                    forms.get(locale),
                )
    yield from _all_beside(experiment, fragments, wording, languages, forms)


def _forms(fragments: Fragments) -> Mapping[str, str | None]:
    """Locale -> how the brand addresses its customers, where its file says so."""
    brands = settings(fragments, BRAND).items()
    return {locale: json.loads(brand).get("formality") for locale, brand in brands}


def judge_of(
    experiment: Experiment, fragments: Fragments, languages: Mapping[str, Language]
) -> Judge:
    """What :func:`linted` finds in one letter; nothing where a language has no rules."""
    forms = _forms(fragments)

    def judge(locale: str, letter: Letter, *, promised: bool) -> Sequence[Flaw]:
        if locale not in languages:
            return ()
        said = _Said(letter, languages[locale], {}, promised, forms.get(locale))
        return tuple(_flaws(experiment, said))

    return judge


def _all_beside(
    experiment: Experiment,
    fragments: Fragments,
    wording: Wording,
    languages: Mapping[str, Language],
    forms: Mapping[str, str | None],
) -> Iterator[_Said]:
    """The apologies for promises that may be missed, and the survey with all its questions."""
    every = fragments_beside(experiment)
    asked = tuple(each for each in every if each[0] == SURVEY)
    occasions = [*((each,) for each in every if each[0] == NOTICE), *([asked] if asked else [])]
    known = [each for each in wording.locales if each in languages]
    for said, locale in product(occasions, known):
        for letter in _beside(experiment, wording, said, locale):
            sources = _sources(fragments, said, locale, 1)
            promised = said[0][0] == NOTICE
            yield _Said(letter, languages[locale], sources, promised, forms.get(locale))


def _beside(
    experiment: Experiment, wording: Wording, said: tuple[tuple[str, str], ...], locale: str
) -> Iterator[Letter]:
    """The letter with every placeholder filled, and with none."""
    for values in (sample_values(experiment.messages.placeholders), {}):
        try:
            yield opened(wording.beside(said, locale, values).body)
        except InputError:
            continue


def _promises(experiment: Experiment, level: str) -> bool:
    said = experiment.wording.get(level)
    return said is not None and said.promise is not None


def _times(fragments: Fragments) -> int:
    """The latest apology to one customer that has a text of its own."""
    numbers = (level.rpartition(".")[2] for _, level, _ in texts(fragments) if "." in level)
    return max((int(number) for number in numbers if number.isdigit()), default=1)


def _letters(
    experiment: Experiment, wording: Wording, arm: str, locale: str, nth: int
) -> Iterator[Letter]:
    """The letter with every placeholder filled, and without each and all that may be missing."""
    full = sample_values(experiment.messages.placeholders)
    spare = [name for name in full if wording.lacking(locale, _without(full, {name})) is None]
    for left_out in dict.fromkeys([(), *((name,) for name in spare), tuple(spare)]):
        try:
            yield wording.text(arm, locale, _without(full, left_out), nth=nth).letter
        except InputError:
            continue


def _without(values: Mapping[str, object], names: Collection[str]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name not in names}


def _sources(
    fragments: Fragments, levels: tuple[tuple[str, str], ...], locale: str, nth: int
) -> dict[str, str]:
    """File -> source of the fragments that are said the ``nth`` time."""
    found = {}
    for factor, level in levels:
        varied = f"{level}.{nth}"
        name = varied if nth > 1 and (factor, varied, locale) in fragments else level
        found[place(factor, name, locale)] = fragments[factor, name, locale]
    return found


def _flaws(experiment: Experiment, said: _Said) -> Iterator[Flaw]:
    faults = experiment.incident.fault if experiment.incident else ()
    subject = said.letter.subject
    for text, tagged in ((said.letter.text, said.letter), *([(subject, None)] if subject else [])):
        yield from lint(
            text,
            said.language,
            faults=faults,
            promised=said.promised,
            formality=said.formality,
            tagged=tagged,
        )


def _line(sources: Mapping[str, str], words: str) -> _Line:
    """Where ``words`` stand; the first line of all where no fragment has them."""
    files = tuple(sources)
    number, line = place_of(words, tuple(sources.values())) or (0, 1)
    return _Line(files[number], line)


def _finding(stands: _Line, flaw: Flaw) -> Finding:
    words = " ".join(flaw.words.split())
    short = words if len(words) <= LONGEST_SHOWN else f"{words[:LONGEST_SHOWN]}…"
    return Finding(
        path=stands.file,
        file=stands.file,
        line=stands.line,
        value=short,
        what=f"{flaw.rule}: {flaw.why}",
        do=f"for example: {flaw.better}" if flaw.better else "say it in another way",
        severity=flaw.severity,
    )
