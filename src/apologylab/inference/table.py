"""An analysis as text and as HTML: what ``print`` and a notebook show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from apologylab.design.contrasts import weighed
from apologylab.inference.grouping import decides, groups, label, short
from apologylab.inference.power import POWER
from apologylab.inference.results import INFORMATION, SHARE
from apologylab.inference.sentence import number, sentence, to_the_minute
from apologylab.inference.width import to_left, to_right, width

if TYPE_CHECKING:
    from apologylab.inference.results import Analysis, Estimate, Refusal

HEAD = ("", "estimator", "effect", "interval", "p", "p adjusted", "could have seen", "units")
NARROW = ("", "by", "effect", "interval", "p", "p adj.", "could see", "units")
"""The same columns for a terminal."""
_IN_THE_HEAD = {INFORMATION, SHARE}
"""Details that the head of a look gives for all rows together."""
_MARK = {True: "ok", False: "FAILED", None: "-"}


def as_text(analysis: Analysis) -> str:
    """The whole analysis for a terminal: checks, flow, effects, sentences."""
    blocks = [title(analysis), *analysis.looking]
    blocks += [*_checks(analysis), *_flow(analysis), *_effects(analysis)]
    blocks += [*_contrasts(analysis), *_details(analysis), *_methods(analysis)]
    said = [sentence(each, alpha=analysis.alpha) for each in headlines(analysis)]
    said += analysis.words
    blocks += [_bullets("In words", said)] if said else []
    refused = _refused(analysis.refusals)
    blocks += [_bullets("Not estimable", refused)] if refused else []
    if analysis.deviations_from_plan:
        blocks.append(_bullets("Departures from the plan", analysis.deviations_from_plan))
    if analysis.notes:
        blocks.append(_bullets("Notes", analysis.notes))
    return "\n\n".join(blocks)


def as_html(analysis: Analysis) -> str:
    """The effects as HTML tables, for a notebook."""
    parts = [f"<p><b>{escape(title(analysis))}</b></p>"]
    parts += [f"<p>{escape(line)}</p>" for line in analysis.looking]
    failed = [check for check in analysis.checks if check.passed is False]
    parts += [f"<p><b>FAILED</b> {escape(check.says)}</p>" for check in failed]
    for caption, rows in _tables(analysis):
        head = "".join(f"<th>{escape(name)}</th>" for name in HEAD)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
        )
        parts.append(
            f"<table><caption>{escape(caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
    lines = "".join(f"<li>{escape(line)}</li>" for line in _besides(analysis))
    return "\n".join([*parts, f"<ul>{lines}</ul>"] if lines else parts)


def _besides(analysis: Analysis) -> list[str]:
    """What a notebook shows below the tables: how, refusals, departures, notes."""
    return [
        *dict.fromkeys(_method(each) for each in analysis.estimates),
        *(f"Not estimable: {line}" for line in _refused(analysis.refusals)),
        *(f"Departure from the plan: {each}" for each in analysis.deviations_from_plan),
        *analysis.notes,
    ]


def headlines(analysis: Analysis) -> list[Estimate]:
    """Those that answer the plan's question: primary outcomes, by the first that gives means."""
    found = [each for each in analysis.estimates if each.role == "primary" and decides(each)]
    return [each for each in found if each.estimator == found[0].estimator]


def aligned(rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Rows of texts under each other; the first ``left`` columns to the left, the rest right.

    >>> aligned([("arm", "n"), ("silence", "12")])
    ['arm       n', 'silence  12']
    """
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            to_left(cell, columns) if i < left else to_right(cell, columns)
            for i, (cell, columns) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def title(analysis: Analysis) -> str:
    """Its name, version and date, and whether it is simulated."""
    mark = "SIMULATED  " if analysis.simulated else ""
    at = to_the_minute(analysis.as_of)
    return f"{mark}{analysis.experiment}, version {analysis.version}, as of {at}"


def _refused(refusals: Sequence[Refusal]) -> list[str]:
    """Each reason once, with all that it holds for."""
    why: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for each in refusals:
        by = short(each.estimator)
        asked = why.setdefault((by, each.reference, each.because), {})
        asked.setdefault(each.outcome, []).append(each.treatment)
    return [
        f"{_all_of(asked)} against {reference}, {by}: {because}"
        for (by, reference, because), asked in why.items()
    ]


def _all_of(asked: Mapping[str, Sequence[str]]) -> str:
    """Outcomes and arms; those with the same arms together.

    >>> _all_of({"spend": ["a", "b"], "visit": ["a", "b"], "clicks": ["a"]})
    'spend and visit, a and b; clicks, a'
    """
    of: dict[tuple[str, ...], list[str]] = {}
    for outcome, arms in asked.items():
        of.setdefault(tuple(arms), []).append(outcome)
    return "; ".join(f"{' and '.join(names)}, {' and '.join(arms)}" for arms, names in of.items())


def _bullets(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *(f"  - {line}" for line in lines)])


def _checks(analysis: Analysis) -> list[str]:
    rows = [(_MARK[check.passed], check.name, check.says) for check in analysis.checks]
    return ["\n".join(["Checks", *(f"  {line}" for line in aligned(rows, left=3))])] if rows else []


def _flow(analysis: Analysis) -> list[str]:
    if not analysis.flow:
        return []
    known = any(row.delivered is not None for row in analysis.flow)
    head = ["Units", "assigned", *(["delivered"] if known else []), "mature", "analysed"]
    rows = [
        [
            f"  {row.arm}",
            f"{row.assigned:,}",
            *([f"{row.delivered:,}"] if known else []),
            f"{row.mature:,}",
            f"{row.analysed:,}",
        ]
        for row in analysis.flow
    ]
    return ["\n".join(aligned([head, *rows]))]


def _effects(analysis: Analysis) -> list[str]:
    return [
        "\n".join([caption, *(f"  {line}" for line in aligned([NARROW, *rows], left=2))])
        for caption, rows in _tables(analysis)
    ]


def _contrasts(analysis: Analysis) -> list[str]:
    """What each main effect and named contrast weighs (R10)."""
    lines = {
        each.name: f"{each.name}: {weighed(each.cells)}"
        for each in analysis.estimates
        if each.kind != "arm"
    }
    return [_bullets("Contrasts, as weights of arms", list(lines.values()))] if lines else []


def _tables(analysis: Analysis) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """A table for every group: its caption and its rows."""
    for caption, estimates in groups(analysis.estimates):
        yield caption, [_row(each) for each in estimates]


def _methods(analysis: Analysis) -> list[str]:
    """How each interval and p came about: estimator, interval, family, correction and look."""
    lines = list(dict.fromkeys(_method(each) for each in analysis.estimates))
    if any(each.smallest_detectable is not None for each in analysis.estimates):
        lines.append(_could_see(analysis))
    return [_bullets("How it was computed", lines)] if lines else []


def _could_see(analysis: Analysis) -> str:
    """What the smallest effect is that could be seen; a plan of looks tests all at once."""
    test = f"one test at {100 * analysis.alpha:g}%"
    if any(each.look for each in analysis.estimates):
        test = f"its test at this look, all looks and tests together at {100 * analysis.alpha:g}%,"
    chance = f"in {100 * POWER:g} of 100 experiments like this one"
    return f"could see: a true effect of this size passes {test} {chance}"


def _method(estimate: Estimate) -> str:
    look = f", look {estimate.look}" if estimate.look else ""
    tested = f"; p: {estimate.family}{look}" if estimate.p_value is not None else ""
    by = short(estimate.estimator)
    name = by if by.lower() == estimate.estimator.lower() else f"{by} ({estimate.estimator})"
    return f"{name}: {estimate.interval_kind}{tested}"


def _details(analysis: Analysis) -> list[str]:
    """What one estimator alone has to say; what it says of every contrast alike stands once."""
    said: dict[tuple[str, str, str], list[str]] = {}
    asked: dict[tuple[str, str], int] = {}
    for each in analysis.estimates:
        asked[each.outcome, each.estimator] = asked.get((each.outcome, each.estimator), 0) + 1
        told = [(name, value) for name, value in each.details if name not in _IN_THE_HEAD]
        if told:
            line = "; ".join(f"{name} {_said(value)}" for name, value in told)
            said.setdefault((each.outcome, each.estimator, line), []).append(label(each))
    lines = [
        f"{outcome}, {', '.join([*(() if len(of) == asked[outcome, by] else of), by])}: {line}"
        for (outcome, by, line), of in said.items()
    ]
    return [_bullets("Beside the estimates", lines)] if lines else []


def _said(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


def _row(estimate: Estimate) -> tuple[str, ...]:
    low, high = (number(end, signed=True) for end in (estimate.ci_low, estimate.ci_high))
    adjusted = "" if estimate.p_adjusted is None else f"{estimate.p_adjusted:.2g}"
    return (
        label(estimate),
        short(estimate.estimator),
        number(estimate.point, signed=True),
        f"{low} to {high}",
        "" if estimate.p_value is None else f"{estimate.p_value:.2g}",
        adjusted,
        "" if estimate.smallest_detectable is None else number(estimate.smallest_detectable),
        f"{estimate.n_treatment:,} : {estimate.n_reference:,}",
    )
