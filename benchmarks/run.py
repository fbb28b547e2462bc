"""Run every benchmark: ``make bench``, or ``python benchmarks/run.py GROUP ...`` for some.

A whole run writes ``results.json`` and the table in ``README.md``; both runs print the table.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
BEGIN, END = "<!-- results -->", "<!-- /results -->"
COLUMNS = ("case", "against", "ours", "theirs", "unit", "ratio")


def main(groups: Sequence[str]) -> None:
    """Run ``groups``, all of them if none is named."""
    sys.path.insert(0, str(HERE))
    rows = []
    for group in groups or every_group():
        sys.stderr.write(f"bench_{group} ...\n")
        rows += import_module(f"bench_{group}").rows()
    sys.stdout.write("\n".join(table(rows)) + "\n")
    if not groups:
        documents = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        (HERE / "results.json").write_text(json.dumps(documents, indent=2) + "\n")
        write_readme(rows)


def every_group() -> list[str]:
    """Names of the modules ``bench_<group>.py`` beside this one."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def table(rows: Sequence[Sequence[object]]) -> list[str]:
    """The rows as lines of a Markdown table."""
    cells = [COLUMNS, tuple("---" for _ in COLUMNS), *(map(_cell, row) for row in rows)]
    return [f"| {' | '.join(line)} |" for line in cells]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def write_readme(rows: Sequence[Sequence[object]]) -> None:
    """Put the table between the two markers of ``README.md``."""
    path = HERE / "README.md"
    before, rest = path.read_text().split(BEGIN)
    _, after = rest.split(END)
    path.write_text("\n".join([before + BEGIN, *table(rows), END + after]))


if __name__ == "__main__":
    main(sys.argv[1:])
