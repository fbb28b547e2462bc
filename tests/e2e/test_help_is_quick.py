import subprocess
import sys
from time import perf_counter

RUNS = 9
MOST = 1.5
"""Issue 2: ``--help`` takes at most 1.5 times a bare ``import typer`` in one run."""


def quickest(code):
    """Seconds of the best of ``RUNS`` fresh processes: what is left is the work itself."""
    times = []
    for _ in range(RUNS):
        began = perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        times.append(perf_counter() - began)
    return min(times)


def test_help_costs_little_more_than_importing_typer():
    bare = quickest("import typer")
    helped = quickest("import sys; from apologylab.cli.app import main; sys.exit(main(['--help']))")
    print(
        f"import typer {bare * 1e3:.0f} ms, --help {helped * 1e3:.0f} ms, {helped / bare:.2f} times"
    )
    assert helped <= MOST * bare
