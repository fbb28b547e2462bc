"""What commands print: text, one JSON document, a table, a progress display.

Results go to stdout, everything about the run to stderr. Rich is imported only to draw.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

QUIET_BELOW = 2
"""Fewer items than this need no progress display."""
NARROWEST = 40
"""Columns of a terminal below which nothing is broken further."""


def show(text: str = "") -> None:
    """Print ``text`` and a new line on stdout; a terminal gets lines that it has room for.

    >>> show("3 units")
    3 units
    """
    sys.stdout.write((_fitted(text) if sys.stdout.isatty() else text) + "\n")


def say(line: str) -> None:
    """Print a line about the run on stderr."""
    sys.stderr.write(line + "\n")


def show_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document: UTF-8 as it is, two spaces a level, keys in their order.

    Raises:
        ValueError: a number is infinite or not a number, which JSON cannot say.

    >>> show_json({"verdict": "do not ship"})
    {
      "verdict": "do not ship"
    }
    """
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print ``rows`` under ``columns``: ruled on a terminal, aligned plain text elsewhere.

    Columns whose every value is a number are set to the right.

    >>> show_table("Arms", ["arm", "n"], [["silence", 12], ["basic", 7]])
    Arms
    arm       n
    silence  12
    basic     7
    """
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
    if sys.stdout.isatty():
        _draw_table(title, columns, cells, right)
    else:
        show("\n".join([title, *_aligned([list(columns), *cells], right)]))


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how far ``what`` has come, on stderr and only on a terminal.

    Gives a function that is told how many more items are done; ``total`` None means unknown.

    >>> with progress("assigning", 100) as done:
    ...     done(100)
    """
    if not sys.stderr.isatty() or (total is not None and total < QUIET_BELOW):
        yield _unseen
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def _fitted(text: str) -> str:
    """``text`` with lines too long for the terminal broken between words, the rest hung under."""
    from shutil import get_terminal_size
    from textwrap import wrap

    width = max(get_terminal_size().columns, NARROWEST)
    fitted: list[str] = []
    for line in text.split("\n"):
        margin = len(line) - len(line.lstrip())
        under = 0 if margin == 0 else 2 if line.lstrip().startswith("- ") else 4
        hung = " " * (margin + under)
        broken = wrap(
            line,
            width,
            subsequent_indent=hung,
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
        )
        fitted += broken if len(line) > width else [line]
    return "\n".join(fitted)


def _unseen(more: int) -> None:
    """Nobody is watching."""


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _aligned(lines: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    from apologylab.inference.width import to_left, to_right, width

    widths = [max(width(line[i]) for line in lines) for i in range(len(right))]
    return [
        "  ".join(
            to_right(cell, columns) if at_right else to_left(cell, columns)
            for cell, columns, at_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    ]


def _draw_table(
    title: str, columns: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name, to_right in zip(columns, right, strict=True):
        table.add_column(name, justify="right" if to_right else "left")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
