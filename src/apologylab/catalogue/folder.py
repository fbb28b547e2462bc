"""The experiments folder: names, folders and files of declarations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from apologylab.design.constraints import NAME
from apologylab.design.experiment import Experiment
from apologylab.errors import InputError, NotFoundError
from apologylab.wire.declaration import read

DECLARATION = "experiment.toml"
MESSAGES = "messages"


@dataclass(frozen=True)
class FolderCatalogue:
    """Experiments as folders under ``folder``, each with an ``experiment.toml``."""

    folder: Path

    def names(self) -> tuple[str, ...]:
        """All declared experiments, sorted."""
        return tuple(sorted(each.parent.name for each in self.folder.glob(f"*/{DECLARATION}")))

    def file(self, name: str) -> Path:
        """The declaration that a name, a folder or a file means.

        Raises:
            NotFoundError: there is none.
        """
        for path in self._candidates(name):
            if path.is_file():
                return path
        known = ", ".join(self.names()) or "none yet"
        raise NotFoundError(
            f"there is no experiment {name!r} in {self.folder}",
            do=f"name one of: {known}; or give the path of a folder or a .toml file",
        )

    def _candidates(self, name: str) -> tuple[Path, ...]:
        """A plain name is looked for in the folder first, everything else is a path as it stands."""
        if not name or not name.isprintable():
            raise NotFoundError(f"{name!r} cannot name an experiment", do="see `apologylab status`")
        given = Path(name)
        paths = (given,) if given.suffix == ".toml" else (given / DECLARATION,)
        if re.fullmatch(NAME, name, re.ASCII):
            return (self.folder / name / DECLARATION, *paths)
        return paths

    def source(self, name: str) -> str:
        """The declaration's text, as it stands.

        Raises:
            NotFoundError: there is none.
            InputError: it is not UTF-8 text.
        """
        path = self.file(name)
        try:
            return path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError) as error:
            raise InputError(
                f"{path} cannot be read as text: {error}", do="save it as UTF-8"
            ) from error

    def experiment(self, name: str) -> Experiment:
        """Read and check one.

        Raises:
            NotFoundError: there is none.
            DeclarationError: it has mistakes.
        """
        return read(self.source(name), where=str(self.file(name)))

    def fragments(self, experiment: Experiment) -> Mapping[tuple[str, str, str], str]:
        """(factor, level, locale) -> source of every ``messages/FACTOR/LEVEL.LOCALE.txt``."""
        found = {}
        for path in sorted((self.folder / experiment.name / MESSAGES).glob("*/*.txt")):
            level, _, locale = path.name.removesuffix(".txt").rpartition(".")
            found[path.parent.name, level, locale] = path.read_text(encoding="utf-8")
        return found
