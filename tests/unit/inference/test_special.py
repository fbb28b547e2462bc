"""Special functions are SciPy's own, however they were loaded."""

import subprocess
import sys

import pytest

from apologylab.inference import special

LOOK = """
import sys
{before}
from apologylab.inference import special
functions = {{name: getattr(special, name) for name in special.__all__}}
light = "scipy._lib._array_api" not in sys.modules
import scipy.special
same = all(getattr(scipy.special, name) is each for name, each in functions.items())
import scipy.stats
print(light, same, scipy.stats.t.cdf(1.0, 3.0) == special.stdtr(3.0, 1.0))
"""


@pytest.mark.parametrize(
    ("before", "light"),
    [("", True), ("import scipy.special", False), ("import scipy.stats", False)],
)
def test_they_are_scipys_own_before_and_after_it(before, light):
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOOK.format(before=before)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.split() == [str(light), "True", "True"], ran.stderr


def test_where_scipy_is_laid_out_otherwise_the_package_is_imported():
    before = "from apologylab.inference import special\ndel special._compiled\n"
    before += "def moved(): raise ImportError\nspecial._compiled = moved"
    code = LOOK.format(before=before)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == ["False", "True", "True"], ran.stderr


def test_another_name_is_not_there():
    with pytest.raises(AttributeError, match="nothing"):
        special.__getattr__("nothing")
