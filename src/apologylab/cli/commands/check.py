"""``apologylab check NAME``: every mistake at once, and the design read back in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

from apologylab.cli.options import AsJson, Name

if TYPE_CHECKING:
    from apologylab.catalogue.folder import Checked
    from apologylab.design.experiment import Experiment
    from apologylab.design.findings import Finding
    from apologylab.design.forecast import Forecast


def check(
    name: Name,
    *,
    as_json: AsJson = False,
) -> None:
    """Report every mistake in a declaration: where, which value, what to do.

    Without mistakes it reads the design back: arms with their probabilities, every amount in
    words, and how many customers the budget lasts for.

    \b
    Example:
      apologylab check late_ride_apology
    """
    from apologylab import wiring
    from apologylab.cli import console, exits
    from apologylab.errors import DeclarationError
    from apologylab.wire.checked import check_document

    checked = wiring.catalogue().check(name)
    if as_json:
        console.show_json(check_document(name, checked.experiment, checked.findings))
    else:
        _show(checked)
    if checked.has_errors:
        raise typer.Exit(exits.CODES[DeclarationError])


def _show(checked: Checked) -> None:
    from apologylab.cli.console import show

    for found in checked.findings:
        file = checked.file.parent / found.file if found.file else checked.file
        text = file.read_text(encoding="utf-8-sig") if found.file else checked.text
        show("\n".join(_told(found, str(file), text.splitlines())))
        show()
    if checked.experiment is not None and not checked.has_errors:
        _show_design(checked.experiment)
    show(_summary(checked))


def _told(found: Finding, file: str, lines: list[str]) -> Iterator[str]:
    """One finding as a compiler tells it."""
    where = f"{file}:{found.line}" if found.line else file
    yield f"{found.severity}: {found.path or 'the file'} {found.what}"
    yield f"  --> {where}"
    if found.line and found.line <= len(lines):
        number = str(found.line)
        yield f"  {number} | {lines[found.line - 1]}"
    if found.value is not None:
        yield f"  value: {_short(found.value)}"
    yield f"  do: {found.do}"
    yield from (f"  {line}" for line in found.detail.splitlines())


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _summary(checked: Checked) -> str:
    errors = sum(each.severity == "error" for each in checked.findings)
    warnings = len(checked.findings) - errors
    counts = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    said = ", ".join(counts) or "no mistakes"
    return f"{checked.experiment.name if checked.experiment else checked.file}: {said}"


def _show_design(experiment: Experiment) -> None:
    from apologylab.cli.console import show, show_table
    from apologylab.design.contrasts import alias_notes
    from apologylab.design.forecast import forecast
    from apologylab.design.layout import layout
    from apologylab.design.words import amounts, money_in_words
    from apologylab.wire.checked import looks_document

    show(f"{experiment.question}\n")
    _show_arms(experiment)
    told = [[path, str(money), money_in_words(money)] for path, money in amounts(experiment)]
    if told:
        show_table("Amounts", ["key", "amount", "in words"], told)
        show()
    for note in alias_notes(layout(experiment)):
        show(f"{note}\n")
    if found := forecast(experiment):
        show(_forecast(found))
    if looks := looks_document(experiment):
        _show_looks(looks)


def _show_arms(experiment: Experiment) -> None:
    from apologylab.cli.console import show, show_table
    from apologylab.wire.checked import arm_rows, never_drawn

    rows = [
        [
            row["arm"] + (" (reference)" if row["reference"] else ""),
            row["called"],
            row["weight"],
            f"{row['probability']:.4f}",
        ]
        for row in arm_rows(experiment)
    ]
    show_table("Arms", ["arm", "called", "weight", "probability"], rows)
    if left_out := never_drawn(experiment):
        show(f"{left_out} combinations of levels are never drawn and not listed.")
    show()


def _show_looks(looks: Mapping[str, Any]) -> None:
    """What looks before the end cost, before anybody has looked."""
    from apologylab.cli.console import show, show_table

    rows = [
        [f"{100 * each['share']:.0f}%", f"{each['critical_z']:.3f}", f"{each['alpha_spent']:.2g}"]
        for each in looks["looks"]
    ]
    if rows:
        title = f"Looks of one contrast, {looks['spending']}"
        show_table(title, ["information", "critical Z", "alpha spent"], rows)
        show()
    more = f"{100 * (looks['inflation'] - 1):.0f}% more customers than one look at the end needs"
    early = looks["expected"]
    saved = (
        f"; an effect of the size planned for is found with {100 * early:.0f}% of them on average"
        if early
        else ", any number of looks at any time included"
    )
    most = "" if early else "at most "
    least = f"None before {looks['first_look']:,} units in each arm of a contrast."
    show(f"Looks cost {most}{more}{saved}. {least}\n")


def _forecast(found: Forecast) -> str:
    """The sentence about the budget, and what it means for the customers expected."""
    from apologylab.design.money import exponent

    mean = f"{found.mean_liability:.{exponent(found.currency)}f} {found.currency}"
    closes = (
        f"{found.cap} closes enrolment after about {found.closes_after:,} customers "
        f"({mean} promised to each on average)"
    )
    if found.expected is None:
        return f"{closes}; plan.expected_customers does not say how many are expected.\n"
    verdict = (
        "enough" if found.closes_after >= found.expected else "too little: enrolment ends early"
    )
    said = f"{closes}, {found.expected:,} expected: {verdict}.\n"
    if found.in_time is None or found.in_time >= found.expected:
        return said
    return f"{said}The caps of days and periods let in about {found.in_time:,} while it enrols.\n"
