"""Run every benchmark: ``make bench``, or ``python benchmarks/run.py GROUP ...`` for some.

``results.json`` and the table in ``README.md`` get a group's rows as soon as it is done, so that a
run that is broken off loses no other; a group that fails keeps the rows that it had.
"""

from __future__ import annotations

import json
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
BEGIN, END = "<!-- results -->", "<!-- /results -->"


def main(groups: Sequence[str]) -> int:
    """Run ``groups``, all of them if none is named, and say how many failed."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept = {group: rows for group, rows in kept.items() if group in every_group()}
    failed = []
    for group in groups or every_group():
        sys.stderr.write(f"bench_{group} ...\n")
        try:
            rows = import_module(f"bench_{group}").rows()
        except Exception:  # noqa: BLE001 - whatever a peer does, other groups lose nothing
            traceback.print_exc()
            failed.append(group)
            continue
        kept[group] = [row._asdict() for row in rows]
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n")
        write_readme(kept)
        sys.stdout.write("\n".join(table({group: kept[group]})) + "\n")
    if failed:
        sys.stderr.write(f"failed, so their rows are of an earlier run: {', '.join(failed)}\n")
    return len(failed)


def every_group() -> list[str]:
    """Names of the modules ``bench_<group>.py`` beside this one."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def table(kept: Mapping[str, Sequence[Mapping[str, object]]]) -> Iterator[str]:
    """The rows of all groups as lines of a Markdown table."""
    rows = [row for group in sorted(kept) for row in kept[group]]
    cells = [
        Row._fields,
        tuple("---" for _ in Row._fields),
        *(map(_cell, r.values()) for r in rows),
    ]
    yield from (f"| {' | '.join(line)} |" for line in cells)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def write_readme(kept: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    """Put the table between the two markers of ``README.md``."""
    path = HERE / "README.md"
    before, rest = path.read_text().split(BEGIN)
    _, after = rest.split(END)
    path.write_text("\n".join([before + BEGIN, *table(kept), END + after]))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
