"""Which started experiment a NAME means: one that runs needs no declaration on disk any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.catalogue.project import Project


def started_name(project: Project, name: str) -> str:
    """A plain name as it stands; a folder's or a file's experiment by its name.

    Raises:
        NotFoundError: there is no such folder or file.
        DeclarationError: it has mistakes.
    """
    import re

    from apologylab import wiring
    from apologylab.design.constraints import NAME

    if re.fullmatch(NAME, name, re.ASCII):
        return name
    return wiring.catalogue(project).experiment(name).name
