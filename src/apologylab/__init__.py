"""Randomise how a company says sorry, and learn which apologies are worth their cost.

Nothing is loaded on import; ``apologylab.analyse`` and ``apologylab.lint`` are found when they are
first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apologylab.notebook.table import analyse
    from apologylab.notebook.words import lint

__all__ = ["analyse", "lint"]


def __getattr__(name: str) -> Any:
    if name == "analyse":
        from apologylab.notebook.table import analyse

        return analyse
    if name == "lint":
        from apologylab.notebook.words import lint

        return lint
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
