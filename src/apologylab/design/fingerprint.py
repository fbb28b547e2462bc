"""The fingerprint of an experiment: equal for equal declarations, however they are written (R32).

It does not change with key order, comments, spacing, the spelling of an amount (``5 USD``), a
default that is written out, or the owner. It changes with everything else, the question included:
what was asked is part of what was promised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from apologylab.design.money import Money

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment

_NAMESPACE = b"apologylab/experiment/1\n"
_FREE = {"owner"}


def fingerprint(experiment: Experiment) -> str:
    """SHA-256 over the declaration's meaning: 64 hexadecimal digits."""
    meant = {key: value for key, value in _plain(experiment).items() if key not in _FREE}
    text = json.dumps(meant, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(_NAMESPACE + text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """``value`` as JSON knows it; fields left at their default are left out."""
    if isinstance(value, Money):
        return f"{value.amount.normalize():f} {value.currency}"
    if is_dataclass(value):
        said = ((each.name, getattr(value, each.name), _default(each)) for each in fields(value))
        return {name: _plain(found) for name, found, default in said if found != default}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def _default(each: Field[Any]) -> Any:
    if each.default_factory is not MISSING:
        return each.default_factory()
    return each.default
