"""The worlds by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from apologylab.errors import NotFoundError
from apologylab.simulation.null import null
from apologylab.simulation.uber_2017 import uber_2017

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apologylab.simulation.world import World

WORLDS: Mapping[str, Callable[[], World]] = MappingProxyType({"uber_2017": uber_2017, "null": null})


def world(name: str) -> World:
    """The world called ``name``.

    Raises:
        NotFoundError: there is none.
    """
    if name not in WORLDS:
        raise NotFoundError(f"there is no world {name!r}", do=f"choose of {', '.join(WORLDS)}")
    return WORLDS[name]()
