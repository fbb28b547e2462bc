"""SciPy's special functions, in a tenth of the time that ``import scipy.special`` takes.

The functions are compiled and load in milliseconds; what the package imports around them, for
other array libraries, takes as long as a scan of a million rows. Here the compiled module is loaded
beside an empty stand-in for its package, which is taken away again, so that ``scipy.special``
itself can still be imported; where it was, or where SciPy is laid out otherwise, it is used.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scipy.special import (
        betainc,
        chdtrc,
        gammaincinv,
        gammaln,
        log_ndtr,
        nctdtr,
        ndtr,
        ndtri,
        stdtr,
        stdtrit,
    )

__all__ = [
    "betainc",
    "chdtrc",
    "gammaincinv",
    "gammaln",
    "log_ndtr",
    "nctdtr",
    "ndtr",
    "ndtri",
    "stdtr",
    "stdtrit",
]
_PACKAGE = "scipy.special"


def _functions() -> Any:
    """The module that has the functions."""
    if _PACKAGE in sys.modules:
        return sys.modules[_PACKAGE]
    try:
        return _compiled()
    except (ImportError, AttributeError):
        import scipy.special

        return scipy.special


def _compiled() -> Any:
    """The compiled module alone.

    A thread that imported ``scipy.special`` in these milliseconds would get the stand-in.

    Raises:
        ImportError: SciPy has no such part.
        AttributeError: its package is laid out otherwise.
    """
    from importlib import import_module
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    import scipy

    spec = PathFinder.find_spec(_PACKAGE, scipy.__path__)
    if spec is None:
        raise ImportError(_PACKAGE)
    sys.modules[_PACKAGE] = module_from_spec(spec)
    try:
        return import_module(f"{_PACKAGE}._ufuncs")
    finally:
        del sys.modules[_PACKAGE]


def __getattr__(name: str) -> Any:
    """A function, found when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    functions = _functions()
    globals().update({each: getattr(functions, each) for each in __all__})
    return globals()[name]
