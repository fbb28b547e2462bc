"""A brand's words and tone: ``brand.LOCALE.toml`` in an experiment's folder or in the folder above.

The classes *are* the file, as they are the declaration (:mod:`apologylab.design.experiment`). The
file beside the declaration stands alone: one above it is not read then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from apologylab.design.constraints import Doc, Items
from apologylab.design.keys import Label, Line

Words = Annotated[tuple[Label, ...], Items()]


@dataclass(frozen=True, kw_only=True)
class Avoided:
    """A term that no text may have; ``*`` at its end stands for any ending."""

    term: Label
    why: Line
    instead: Annotated[Label | None, Doc("what to write instead")] = None


@dataclass(frozen=True, kw_only=True)
class Brand:
    """What a brand's texts say and do not say in one locale."""

    use: Annotated[
        Mapping[Label, Words], Doc("our term -> the words that must not stand for it")
    ] = field(default_factory=dict)
    avoid: Annotated[tuple[Avoided, ...], Doc("terms to avoid, each with why")] = ()
    replace: Annotated[
        Mapping[Label, Label], Doc("as written -> as said, in every text; case matters")
    ] = field(default_factory=dict)
    formality: Annotated[
        Label | None, Doc("how customers are addressed, of those that the locale's rules know")
    ] = None
    signature: Annotated[Line | None, Doc("the last paragraph of every text")] = None
