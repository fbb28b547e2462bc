import subprocess
import sys
from pathlib import Path

LINTER = Path(sys.executable).parent / "lint-imports"


def test_data_walks_one_way_and_the_core_is_pure(root):
    ran = subprocess.run(
        [LINTER, "--no-logo"], cwd=root, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ", 0 broken." in ran.stdout
