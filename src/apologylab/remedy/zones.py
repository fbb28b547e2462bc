"""Time zones by their IANA names, from the pinned package ``tzdata``: the same on every machine.

Where that is not installed, the system's are taken.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_PLACES: Final = frozenset({"localtime", "Factory", "posixrules"})
"""Names that mean another zone on every machine, or none."""


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """The names of all zones.

    >>> "Europe/Vilnius" in names(), "Mars/Olympus" in names()
    (True, False)
    """
    from importlib import resources
    from zoneinfo import available_timezones

    try:
        listed = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    except ModuleNotFoundError:
        listed = list(available_timezones())
    return frozenset(listed) - _PLACES


@lru_cache(maxsize=1_024)
def zone(name: str) -> ZoneInfo | None:
    """The zone called ``name``, or None if there is none.

    >>> str(zone("Asia/Kathmandu")), zone("asia/kathmandu")
    ('Asia/Kathmandu', None)
    """
    if name not in names():
        return None
    from importlib import resources
    from zoneinfo import ZoneInfo

    try:
        data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    except ModuleNotFoundError:
        return ZoneInfo(name)
    with data.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
