"""Randomise how a company says sorry, and learn which apologies are worth their cost.

Nothing is loaded on import; ``apologylab.analyse`` is found when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apologylab.notebook.table import analyse

__all__ = ["analyse"]


def __getattr__(name: str) -> Any:
    if name == "analyse":
        from apologylab.notebook.table import analyse

        return analyse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
