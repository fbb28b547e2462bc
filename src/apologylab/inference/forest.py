"""A picture of an analysis: every interval on the axis of its group, as SVG, without a library."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from apologylab.inference.axis import axis
from apologylab.inference.grouping import groups, label, short
from apologylab.inference.sentence import number
from apologylab.inference.width import cut, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.inference.axis import Axis
    from apologylab.inference.grouping import Group
    from apologylab.inference.results import Estimate

AXIS, LINE, COLUMN = 380, 20, 7.0
"""Pixels: of the axis, between two lines, and of a letter, wide ones taking two."""
LONGEST = 64
"""Columns of a label before its middle is left out."""
STYLE = (
    "text{font:13px sans-serif;fill:#222}.head{font-weight:bold}text.soft{fill:#666}"
    "line.soft{stroke:#999}.low{stroke:#1f5fa8;stroke-width:2}.dot{fill:#1f5fa8}"
)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An SVG; a notebook shows it, ``str`` gives its text to be written to a file."""

    svg: str

    def __str__(self) -> str:
        return self.svg

    def _repr_svg_(self) -> str:
        return self.svg


class _Frame(NamedTuple):
    """Where things stand, in pixels: the axis begins at ``left``; the picture is so wide."""

    left: float
    width: float


def forest(title: str, estimates: Sequence[Estimate]) -> Picture:
    """A row an estimate: its name, its interval with 0 marked, and its numbers."""
    frame = _frame(estimates)
    lines = [f'<text class="head" x="8" y="{LINE}">{escape(title)}</text>']
    y = 2 * LINE
    for group in groups(estimates):
        lines += _group(group, frame, y)
        y += LINE * (len(group.estimates) + 3)
    across = f"{frame.width:.0f}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {y}" width="{across}" '
        f'height="{y}" role="img" aria-label="{escape(title, quote=True)}"><style>{STYLE}</style>'
    )
    return Picture(svg="\n".join([head, *lines, "</svg>"]))


def _frame(estimates: Sequence[Estimate]) -> _Frame:
    """Room for the longest label at the left, and for the longest numbers at the right."""
    called = max((min(width(_called(each)), LONGEST) for each in estimates), default=0)
    said = max((width(_said(each)) for each in estimates), default=0)
    left = 24 + COLUMN * called
    return _Frame(left, left + AXIS + 32 + COLUMN * said)


def _group(group: Group, frame: _Frame, y: int) -> Iterator[str]:
    ends = [end for each in group.estimates for end in (each.ci_low, each.ci_high, each.point)]
    on = axis([end for end in ends if math.isfinite(end)])
    yield f'<text class="head" x="8" y="{y}">{escape(group.caption)}</text>'
    bottom = y + LINE * (len(group.estimates) + 1)
    zero = _x(on, 0.0, frame)
    yield f'<line class="soft" x1="{zero}" x2="{zero}" y1="{y + 6}" y2="{bottom - 12}"/>'
    for place, each in enumerate(group.estimates, start=1):
        yield from _row(each, on, frame, y + place * LINE)
    for tick in on.ticks:
        x = _x(on, tick, frame)
        yield f'<text class="soft" x="{x}" y="{bottom}" text-anchor="middle">{tick:g}</text>'


def _row(estimate: Estimate, on: Axis, frame: _Frame, y: int) -> Iterator[str]:
    middle, shown = y - 5, escape(cut(_called(estimate), LONGEST))
    whole = escape(f"{label(estimate)}, {estimate.estimator}")
    yield f'<text x="8" y="{y}"><title>{whole}</title>{shown}</text>'
    yield (
        f'<line class="low" x1="{_x(on, estimate.ci_low, frame)}" '
        f'x2="{_x(on, estimate.ci_high, frame)}" y1="{middle}" y2="{middle}"/>'
    )
    if math.isfinite(estimate.point):
        yield f'<circle class="dot" cx="{_x(on, estimate.point, frame)}" cy="{middle}" r="4"/>'
    yield f'<text x="{frame.left + AXIS + 16:.1f}" y="{y}">{escape(_said(estimate))}</text>'


def _called(estimate: Estimate) -> str:
    return f"{label(estimate)}, {short(estimate.estimator)}"


def _said(estimate: Estimate) -> str:
    low, high = (number(end, signed=True) for end in (estimate.ci_low, estimate.ci_high))
    return f"{number(estimate.point, signed=True)} ({low} to {high})"


def _x(on: Axis, value: float, frame: _Frame) -> str:
    """The pixel of a value; what lies beyond the axis, an open end say, stands at its end."""
    share = min(max((value - on.low) / (on.high - on.low), 0.0), 1.0)
    return f"{frame.left + share * AXIS:.1f}"
