"""``apologylab lint FILE…``: what is wrong with the words of an apology."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson

if TYPE_CHECKING:
    from apologylab.remedy.lint.flaw import Flaw
    from apologylab.service.worded import Judged, Worded

SHOWN = 100
"""Characters of the words of a finding that a screen shows."""


def lint(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Texts, fragments, or tables of texts (.jsonl, .csv); - is standard input.",
            allow_dash=True,
        ),
    ],
    *,
    locale: Annotated[
        str | None,
        typer.Option(
            help="Their language; by default that of the row or of the file's name, or en."
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="Whose fault the incident may be: company, third_party, customer, unknown; repeat."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find what is wrong with a wording: where, which rule, why, and a better example.

    A table has a column text, and may have locale and id. Its rules are opinions of the craft,
    with their sources in docs/lint.md; an error ends with exit code 3, a warning does not.

    \b
    Example:
      apologylab lint messages/wording/sorry.de.txt
      apologylab lint wordings.csv --locale ja --json
      echo "We are sorry if you were offended." | apologylab lint -
    """
    import sys

    from apologylab.catalogue.locales import language
    from apologylab.catalogue.wordings import read_stream, read_wordings
    from apologylab.cli import exits
    from apologylab.cli.console import show_json
    from apologylab.errors import DeclarationError
    from apologylab.service.worded import judge
    from apologylab.wire.linted import lint_document

    wordings: list[Worded] = []
    for file in files:
        if str(file) == "-":
            wordings += read_stream(sys.stdin.read(), locale=locale)
        else:
            wordings += read_wordings(file, locale=locale)
    languages = {each.locale: language(each.locale) for each in wordings}
    found = judge(wordings, languages, faults=fault or ())
    if as_json:
        show_json(lint_document(found))
    else:
        _show(found)
    if any(each.has_errors for each in found):
        raise typer.Exit(exits.CODES[DeclarationError])


def _show(found: Sequence[Judged]) -> None:
    from apologylab.cli.console import show

    for each in found:
        for flaw in each.flaws:
            show("\n".join(_told(each, flaw)))
            show()
    errors = sum(each.has_errors for each in found)
    warned = sum(bool(each.flaws) for each in found) - errors
    counts = (f"{errors} with errors", f"{warned} with warnings alone")
    clean = f"{len(found) - errors - warned} clean"
    many = f"{len(found)} wording{'' if len(found) == 1 else 's'}"
    show(f"{many}: {', '.join((*counts, clean))}")


def _told(judged: Judged, flaw: Flaw) -> Iterator[str]:
    """One finding as a compiler tells it."""
    from apologylab.remedy.lint.lines import line_of

    wording = judged.wording
    line = wording.line + (line_of(flaw.words, wording.text) or 1) - 1
    words = " ".join(flaw.words.split())
    yield f"{flaw.severity}: {flaw.rule}: {flaw.why}"
    yield f"  --> {wording.file}:{line}{f' ({wording.id})' if wording.id else ''}"
    yield f"  words: {words if len(words) <= SHOWN else f'{words[:SHOWN]}…'}"
    if flaw.better:
        yield f"  better: {flaw.better}"
