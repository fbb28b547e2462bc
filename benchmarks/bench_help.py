"""``apologylab --help`` beside a bare ``import typer``: fresh processes, the same interpreter."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from measure import cost, medians

if TYPE_CHECKING:
    from measure import Row

CODE = {
    "ours": "import sys; from apologylab.cli.app import main; sys.exit(main(['--help']))",
    "theirs": "import typer",
}


def rows() -> list[Row]:
    """Seconds to show the help; the aim is a ratio above 1 / 1.5."""
    taken = medians({name: partial(_run, code) for name, code in CODE.items()}, rounds=11)
    return [cost("apologylab --help", "import typer", unit="s", **taken)]


def _run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    if "--help" in code and "Usage: apologylab" not in done.stdout:
        raise RuntimeError(f"no help was shown: {done.stdout!r}")
