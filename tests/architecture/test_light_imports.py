import subprocess
import sys

import pytest

HEAVY = {
    "numpy", "scipy", "pandas", "statsmodels", "sqlalchemy", "typer", "duckdb", "pyarrow", "rich",
    "jinja2", "babel", "alembic", "tree_sitter",
}  # fmt: skip
LOOK = """
import sys, time
began = time.perf_counter()
import {module}
print(f"{module}: {{(time.perf_counter() - began) * 1e3:.1f}} ms", file=sys.stderr)
print(*sorted({{name.split(".")[0] for name in sys.modules}}))
"""
ALONE = """
import sys
sys.path[:] = [path for path in sys.path if "site-packages" not in path] + [{src!r}]
import {module}
print("imported")
"""


@pytest.mark.parametrize(
    "module",
    ["apologylab", "apologylab.hooks", "apologylab.assignment.draw", "apologylab.wire.declaration"],
)
def test_it_loads_nothing_heavy(module):
    ran = subprocess.run(
        [sys.executable, "-c", LOOK.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
    )
    print(ran.stderr)
    loaded = set(ran.stdout.split())
    assert "apologylab" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("module", ["apologylab.hooks", "apologylab.assignment.assigner"])
def test_it_imports_where_nothing_else_is_installed(root, module):
    """What ``pip install --no-deps apologylab`` leaves: this package and the standard library."""
    code = ALONE.format(src=str(root / "src"), module=module)
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert ran.stdout == "imported\n", ran.stderr
