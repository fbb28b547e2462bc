"""A picture of an analysis: every interval on the axis of its group, as SVG, without a library."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from apologylab.inference.axis import axis
from apologylab.inference.grouping import groups, label
from apologylab.inference.sentence import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apologylab.inference.axis import Axis
    from apologylab.inference.grouping import Group
    from apologylab.inference.results import Estimate

WIDTH, LEFT, RIGHT, LINE = 880, 300, 210, 20
"""Pixels: of the picture, of the labels, of the numbers, and between two lines."""
LETTERS = 42
"""Of a label that fit into ``LEFT``."""
STYLE = (
    "text{font:13px sans-serif;fill:#222}.head{font-weight:bold}.soft{fill:#666;stroke:#999}"
    ".low{stroke:#1f5fa8;stroke-width:2}.dot{fill:#1f5fa8}"
)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An SVG; a notebook shows it, ``str`` gives its text to be written to a file."""

    svg: str

    def __str__(self) -> str:
        return self.svg

    def _repr_svg_(self) -> str:
        return self.svg


def forest(title: str, estimates: Sequence[Estimate]) -> Picture:
    """A row an estimate: its name, its interval with 0 marked, and its numbers."""
    lines = [f'<text class="head" x="8" y="{LINE}">{escape(title)}</text>']
    y = 2 * LINE
    for group in groups(estimates):
        lines += _group(group, y)
        y += LINE * (len(group.estimates) + 3)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
        f'height="{y}" role="img" aria-label="{escape(title, quote=True)}"><style>{STYLE}</style>'
    )
    return Picture(svg="\n".join([head, *lines, "</svg>"]))


def _group(group: Group, y: int) -> Iterator[str]:
    ends = [end for each in group.estimates for end in (each.ci_low, each.ci_high, each.point)]
    on = axis([end for end in ends if math.isfinite(end)])
    yield f'<text class="head" x="8" y="{y}">{escape(group.caption)}</text>'
    bottom = y + LINE * (len(group.estimates) + 1)
    zero = _x(on, 0.0)
    yield f'<line class="soft" x1="{zero}" x2="{zero}" y1="{y + 6}" y2="{bottom - 8}"/>'
    for place, each in enumerate(group.estimates, start=1):
        yield from _row(each, on, y + place * LINE)
    for tick in on.ticks:
        yield (
            f'<text class="soft" x="{_x(on, tick)}" y="{bottom}" text-anchor="middle" '
            f'stroke="none">{tick:g}</text>'
        )


def _row(estimate: Estimate, on: Axis, y: int) -> Iterator[str]:
    middle = y - 5
    called = f"{label(estimate)}, {estimate.estimator}"
    low, high = (number(end, signed=True) for end in (estimate.ci_low, estimate.ci_high))
    said = f"{number(estimate.point, signed=True)} ({low} to {high})"
    yield f'<text x="8" y="{y}"><title>{escape(called)}</title>{escape(_cut(called))}</text>'
    yield (
        f'<line class="low" x1="{_x(on, estimate.ci_low)}" x2="{_x(on, estimate.ci_high)}" '
        f'y1="{middle}" y2="{middle}"/>'
    )
    if math.isfinite(estimate.point):
        yield f'<circle class="dot" cx="{_x(on, estimate.point)}" cy="{middle}" r="4"/>'
    yield f'<text x="{WIDTH - RIGHT + 16}" y="{y}">{escape(said)}</text>'


def _cut(text: str) -> str:
    """What fits beside the picture; the whole stands in the title that a pointer shows."""
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"


def _x(on: Axis, value: float) -> str:
    """The pixel of a value; what lies beyond the axis, an open end say, stands at its end."""
    share = min(max((value - on.low) / (on.high - on.low), 0.0), 1.0)
    return f"{LEFT + share * (WIDTH - LEFT - RIGHT):.1f}"
