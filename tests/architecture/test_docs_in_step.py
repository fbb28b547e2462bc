"""What the docs say exists, and what exists the docs say."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from apologylab.cli import app
from apologylab.design.estimators import ESTIMATORS

LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def pages(root):
    found = [root / "README.md", root / "CHANGELOG.md", *(root / "docs").rglob("*.md")]
    return [page for page in sorted(found) if page.exists()]


def test_the_reference_pages_are_what_the_code_says(root):
    ran = subprocess.run(
        [sys.executable, root / "tools" / "reference.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_loads_and_has_an_example(name):
    help_text = app.load(name).help or ""
    assert f"apologylab {name}" in help_text
    assert (Path(app.__file__).parent / "commands" / f"{name}.py").exists()


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_stands_in_a_guide(root, name):
    guides = [page for page in pages(root) if "reference" not in page.parts]
    assert any(f"apologylab {name}" in page.read_text(encoding="utf-8") for page in guides)


def test_every_command_module_is_in_the_table():
    modules = {file.stem for file in (Path(app.__file__).parent / "commands").glob("*.py")}
    assert modules - {"__init__"} == set(app.COMMANDS)


def test_every_estimator_stands_in_the_guide(root):
    guide = (root / "docs" / "how-to" / "choose-an-estimator.md").read_text(encoding="utf-8")
    screen, statistician = guide.split("## For a statistician")
    assert [name for name in ESTIMATORS if f"`{name}`" not in statistician] == []
    assert [name for name in ("difference_in_means", "lin") if f"`{name}`" not in screen] == []


def test_links_lead_somewhere(root):
    broken = [
        (str(page.relative_to(root)), target)
        for page in pages(root)
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_where_code_goes_names_every_package(root):
    text = (root / "docs" / "where-code-goes.md").read_text(encoding="utf-8")
    packages = [p.parent.name for p in (root / "src" / "apologylab").glob("*/__init__.py")]
    assert [name for name in packages if f"`{name}/`" not in text] == []


def test_decision_records_are_short_and_whole(root):
    records = sorted((root / "docs" / "adr").glob("[0-9]*.md"))
    assert records
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert text.count("\n") <= 40, record
        for part in ("Status", "Context", "Decision", "Consequences"):
            assert f"## {part}" in text, (record, part)


def glossary(root):
    text = (root / "docs" / "glossary.md").read_text(encoding="utf-8")
    return {
        word.strip()
        for row in re.findall(r"^\| \*\*(.+?)\*\*", text, re.MULTILINE)
        for word in row.split(",")
    }


def test_the_glossary_has_every_reason(root):
    tree = ast.parse((root / "src/apologylab/assignment/assignment.py").read_text(encoding="utf-8"))
    constants = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    text = (root / "docs" / "glossary.md").read_text(encoding="utf-8")
    reasons = {c for c in constants if isinstance(c, str) and re.fullmatch(r"[A-Z]{4,}", c)}
    assert "RANDOMISED" in reasons
    assert [reason for reason in reasons if reason not in text] == []


def test_one_word_a_thing(root):
    """Words that the glossary rejects are not names in the code."""
    rejected = {"bucket", "ticket", "targeting", "metric"}
    assert {"arm", "unit", "incident", "silence"} <= glossary(root)
    used = set()
    for file in (root / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = getattr(node, "name", getattr(node, "arg", getattr(node, "id", None)))
            used |= {(str(file), name) for part in str(name).lower().split("_") if part in rejected}
    assert used == set()
