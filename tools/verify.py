"""Run the slow tests with full counts and keep what was shown: ``make verify``.

Each test file gets an entry in docs/verification.json: the commit, the outcome, the seeds and
counts that its tests reported, and a digest of the code that it stands for. A run can be broken
off: entries whose digest still holds are not run again. ``--check`` only compares: it fails when
code that an entry stands for has changed since, layout and comments aside.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "docs" / "verification.json"
WRITERS = (
    *("again", "assign", "budget", "caps", "claiming", "dispatch", "ending", "handing", "history"),
    *("judging", "letters", "liabilities", "recheck", "recording", "retrying", "settling", "start"),
)
"""The use cases that write while others do."""
STANDS_FOR = {
    "tests/simulation": ("inference", "decision"),
    "tests/reference": ("inference", "decision"),
    "tests/faults": ("storage", "record", *(f"service/{name}.py" for name in WRITERS)),
    "tests/contracts": ("storage", "record"),
    "tests/properties": ("assignment",),
}
"""Test folder -> the packages and modules that its slow tests vouch for."""
ON_POSTGRES = tuple(
    f"storage/{name}.py" for name in ("arrivals", "copying", "many_writers", "postgres")
)
WITHOUT_POSTGRES = (
    "tests/faults/test_hook_memory.py",
    "tests/faults/test_many_seeds.py",
    "tests/faults/test_mutants.py",
    "tests/faults/test_power_loss.py",
    "tests/faults/test_record_killed.py",
    "tests/faults/test_seeds_on_sqlite.py",
)
"""Tests that run in memory and on SQLite only, and so vouch for nothing of ``ON_POSTGRES``."""
WORDS = (
    *(f"inference/{name}.py" for name in ("axis", "forest", "grouping", "rounding", "sentence")),
    *("inference/table.py", "inference/width.py", "decision/words.py"),
)
"""What says and draws results, and so is nothing that a simulation vouches for."""
NO_TESTS = 5
"""pytest's exit code when it found none."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="run nothing, say what is stale")
    given = parser.parse_args()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if given.check:
        return check(kept)
    files = slow_files()
    kept = {file: entry for file, entry in kept.items() if file in files}
    for file in files:
        if kept.get(file, {}).get("digest") != digest(file) or not kept[file]["passed"]:
            print(f"{file} …", flush=True)
            kept[file] = run(file)
            KEPT.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
            print(f"{file}: {'passed' if kept[file]['passed'] else 'FAILED'}")
    failed = [file for file, entry in kept.items() if not entry["passed"]]
    print(f"{len(kept) - len(failed)} passed, {len(failed)} failed")
    return len(failed)


def check(kept: dict[str, Any]) -> int:
    """How many entries no longer stand for the code, after saying which."""
    stale = [file for file, entry in kept.items() if entry["digest"] != digest(file)]
    for file in stale:
        print(f"{file}: the code has changed since {kept[file]['commit'][:12]}: run `make verify`")
    return len(stale)


def slow_files() -> list[str]:
    """The test files that hold slow tests, in order."""
    found = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "tests").rglob("test_*.py")
        if "mark.slow" in file.read_text(encoding="utf-8")
    }
    return sorted(found)


def run(file: str) -> dict[str, Any]:
    """Run the slow tests of ``file`` in full and say what they showed."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        # Recorded properties (seed, count) are no part of pytest's own newer report format.
        form = ["-o", "junit_family=xunit1", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", *form, file]
        ran = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"APOLOGYLAB_VERIFY": "1"}, check=False
        )
        tests = shown(report)
    return {
        "commit": _git("rev-parse", "HEAD") + ("" if not _git("status", "--short", "src") else "+"),
        "digest": digest(file),
        "passed": ran.returncode in {0, NO_TESTS},
        "tests": tests,
    }


def shown(report: Path) -> dict[str, Any]:
    """Test -> seconds and whatever it recorded (``seed``, ``count`` …)."""
    tests = {}
    for case in ET.parse(report).iter("testcase"):
        recorded = {one.get("name", ""): one.get("value") for one in case.iter("property")}
        tests[case.get("name", "")] = {"seconds": round(float(case.get("time", 0)))} | recorded
    return tests


def digest(file: str) -> str:
    """Of the test file and of the code that its folder vouches for."""
    sources = [ROOT / file]
    for name in STANDS_FOR.get("/".join(file.split("/")[:2]), ()):
        place = ROOT / "src" / "apologylab" / name
        sources.extend([place] if place.is_file() else sorted(place.rglob("*.py")))
    unread = WORDS if file.startswith("tests/simulation") else ()
    unread = ON_POSTGRES if file in WITHOUT_POSTGRES else unread
    unused = {ROOT / "src" / "apologylab" / name for name in unread}
    sources = [path for path in sources if path not in unused]
    parts = [f"{path.name}:{_meaning(path)}" for path in sources]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _meaning(path: Path) -> str:
    """The syntax tree without docstrings: what the code does, however it is laid out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            body[:1] = []
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _git(*words: str) -> str:
    ran = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main())
