"""The guides are executed: what a reader can copy, works.

In ```console blocks the lines that begin with ``$ `` run in order, in one temporary project a guide;
```python blocks run in one namespace a guide. Words behind the language: ``norun`` (shown only),
``realdata`` (needs ../shared/data), ``exit=N`` (the code that is expected), ``postgres`` (the URL that
it shows is that of a database in a real server).
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apologylab.cli.app import main

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```(console|python)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = "postgresql://lab@db.example/shop"
SHELL = re.compile(r"[|<>$;&*`()]")
"""Signs that mean something to a shell."""
ELSEWHERE = ("make ", "git ", "pip ")
"""What begins so acts on the checkout or the machine, and has tests of its own."""


def guides():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    written = [p for p in pages if p.exists() and not {"reference", "adr"} & set(p.parts)]
    return sorted(p for p in written if BLOCK.search(p.read_text(encoding="utf-8")))


@pytest.fixture
def project(tmp_path):
    """A folder with the shipped experiments in it and, where there is any, the real data beside."""
    folder = tmp_path / "project"
    folder.mkdir()
    if (ROOT / "experiments").is_dir():
        shutil.copytree(ROOT / "experiments", folder / "experiments")
    if (ROOT.parent / "shared").is_dir():
        (tmp_path / "shared").symlink_to(ROOT.parent / "shared")
    return folder


@pytest.mark.parametrize("guide", guides(), ids=lambda path: str(path.relative_to(ROOT)))
def test_it_runs(guide, project, monkeypatch, request):
    monkeypatch.chdir(project)
    real = ""
    namespace = {"__name__": "guide"}
    for language, words, body in BLOCK.findall(guide.read_text(encoding="utf-8")):
        if "norun" in words.split() or (
            "realdata" in words.split() and not Path("../shared").exists()
        ):
            continue
        if "postgres" in words.split():
            real = real or request.getfixturevalue("postgres_server").database()
        if language == "python":
            exec(compile(body, str(guide), "exec"), namespace)
            assert "__builtins__" in namespace
        else:
            run_console(body.replace(SHOWN, real or SHOWN), words, whole=guide.name == "README.md")


def run_console(body, words, *, whole=False):
    """Run each line; our own commands without a shell's signs in this process, unless ``whole``.

    A process of its own costs each of some 200 commands half a second; README.md's have theirs.
    """
    expected = int((re.findall(r"exit=(\d+)", words) or [0])[0])
    lines = [line[2:] for line in joined(body).splitlines() if line.startswith("$ ")]
    for line in (line for line in lines if not line.startswith(ELSEWHERE)):
        if line.startswith("cd "):
            os.chdir(line[3:].strip())
            continue
        if line.startswith("apologylab ") and not SHELL.search(line) and not whole:
            assert run_here(line) == expected, f"$ {line}"
            continue
        ran = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )  # fmt: skip
        assert ran.returncode == expected, f"$ {line}\n{ran.stdout}\n{ran.stderr}"


def run_here(line):
    """The exit code of one of our commands."""
    try:
        return main(shlex.split(line)[1:])
    except SystemExit as ended:
        return ended.code


def joined(body):
    """Lines that end with a backslash go on in the next."""
    return re.sub(r"\\\n\s*>?\s*", "", body)
