"""The notebooks run from top to bottom; their own asserts hold their headline numbers."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
ANALYSIS = ROOT / "analysis"
REAL = ROOT.parent / "shared" / "data" / "hillstrom_email_2008.csv"


def run(name):
    """What the notebook prints when it is run now."""
    notebook = nbformat.read(ANALYSIS / name, 4)
    where = {"metadata": {"path": str(ANALYSIS)}}
    NotebookClient(notebook, timeout=240, kernel_name="python3", resources=where).execute()
    return printed(notebook)


def printed(notebook):
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    assert not [out for out in outputs if out.output_type == "error"]
    return "".join(out.get("text", "") for out in outputs)


def committed(name):
    return printed(nbformat.read(ANALYSIS / name, 4))


@pytest.mark.realdata
@pytest.mark.skipif(not REAL.exists(), reason=f"needs {REAL}")
def test_hillstrom_from_file_to_verdict():
    name = "hillstrom_from_file_to_verdict.ipynb"
    for text in (run(name), committed(name)):
        assert "men's    +0.7693 USD (+0.4847 to +1.0539)" in text
        assert "women's  +0.4240 USD (+0.1687 to +0.6794)" in text
        assert "SHIP" in text


@pytest.mark.slow
def test_reading_the_demo_factorial():
    name = "reading_the_demo_factorial.ipynb"
    now, then = run(name), committed(name)
    # The world, its seed and the estimators are fixed, so the headline table is the same to the digit.
    start, end = "arm                      effect", "one arm"
    assert now[now.index(start) : now.index(end)] == then[then.index(start) : then.index(end)]
    assert "SIMULATED" in now


def test_what_is_committed_was_run():
    books = sorted(ANALYSIS.glob("*.ipynb"))
    assert len(books) == 2
    for book in books:
        code = [c for c in nbformat.read(book, 4).cells if c.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        assert book.stat().st_size < 60_000
