"""A sample incident: what its placeholders hold where a text is shown before anything happened."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SAMPLES: Final[Mapping[str, object]] = MappingProxyType(
    {
        "first_name": "Anna", "name": "Anna", "last_name": "Lange", "customer": "Anna",
        "minutes_late": 25, "minutes": 25, "hours": 2, "days": 3, "number": 3, "count": 3,
        "order": "A-1042", "order_number": "A-1042", "order_id": "A-1042", "parcel": "P-77",
        "amount": "12.50", "price": "12.50", "total": "12.50", "item": "kettle",
        "city": "Riga", "place": "Main Street 5", "driver": "Tom", "agent": "Ana",
        "product": "kettle", "store": "Old Town", "date": "3 May", "day": "Tuesday",
        "new_date": "2026-05-05", "began": "18:40", "ended": "20:15", "minutes_waited": 40,
        "time": "18:40", "eta": "19:05", "restaurant": "Da Vito",
    }
)  # fmt: skip
"""Placeholders that many texts use -> what a reader expects to see there."""


def sample_values(
    placeholders: Iterable[str], given: Mapping[str, object] | None = None
) -> dict[str, object]:
    """A value for each placeholder: the one ``given``, a usual one, or its name in plain words.

    >>> sample_values(["first_name", "line_of_bus"], {"first_name": "Zoë"})
    {'first_name': 'Zoë', 'line_of_bus': 'line of bus'}
    """
    known = {**SAMPLES, **(given or {})}
    return {name: known.get(name, name.replace("_", " ")) for name in placeholders}
