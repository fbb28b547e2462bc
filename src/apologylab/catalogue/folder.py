"""The experiments folder: names, folders and files of declarations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from apologylab.design.constraints import NAME
from apologylab.design.experiment import Experiment
from apologylab.design.findings import Finding, mistakes
from apologylab.errors import InputError, NotFoundError, StateError
from apologylab.remedy.fragments import BRAND, ORDER
from apologylab.remedy.lint.language import Language
from apologylab.service.declare import around, neighbours
from apologylab.wire.assumed import assumed
from apologylab.wire.declaration import examine, placed, read

DECLARATION = "experiment.toml"
MESSAGES = "messages"
LONGEST_NAME = 64


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A declaration, looked at in its surroundings; ``experiment`` is None where it has errors."""

    file: Path
    text: str
    experiment: Experiment | None
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Whether something must be mended before it can run."""
        return any(each.severity == "error" for each in self.findings)


@dataclass(frozen=True)
class FolderCatalogue:
    """Experiments as folders under ``folder``, each with an ``experiment.toml``."""

    folder: Path
    judge: Callable[[Experiment], Iterable[Finding]] = lambda _: ()
    """What is wrong with an experiment in the project that the folder belongs to."""
    _homes: dict[str, Path] = field(default_factory=dict, repr=False, compare=False)

    def names(self) -> tuple[str, ...]:
        """All declared experiments, sorted."""
        return tuple(sorted(each.parent.name for each in self.folder.glob(f"*/{DECLARATION}")))

    def file(self, name: str) -> Path:
        """The declaration that a name, a folder or a file means.

        Raises:
            NotFoundError: there is none.
        """
        for path in self._candidates(name):
            if _is_file(path):
                return path
        known = ", ".join(self.names()) or "none yet"
        raise NotFoundError(
            f"there is no experiment {name[:80]!r} in {self.folder}",
            do=f"name one of: {known}; or give the path of a folder or a .toml file",
        )

    def _candidates(self, name: str) -> tuple[Path, ...]:
        """A plain name is looked for in the folder first; all else is a path as it stands."""
        if not name or not name.isprintable():
            raise NotFoundError(
                f"{name[:80]!r} cannot name an experiment", do=f"name a folder of {self.folder}"
            )
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
        return _text(self.file(name))

    def experiment(self, name: str) -> Experiment:
        """Read and check one.

        Raises:
            NotFoundError: there is none.
            DeclarationError: it has mistakes.
        """
        file = self.file(name)
        experiment = read(self.source(name), where=str(file))
        self._homes[experiment.name] = file.parent
        return experiment

    def read(self, source: str) -> Experiment:
        """Read a declaration as ``start`` pinned it.

        Raises:
            DeclarationError: this version cannot read it.
        """
        return read(source, where="the declaration as it was started")

    def check(self, name: str) -> Checked:
        """All that is wrong with one: in itself, its messages, its name and its neighbours.

        Raises:
            NotFoundError: there is none.
            InputError: it cannot be read as text.
        """
        file, text = self.file(name), self.source(name)
        experiment, found = examine(text)
        if experiment is not None:
            self._homes[experiment.name] = file.parent
            misfits = self.judge(experiment)
            outside = (*_misnamed(experiment, file), *misfits, *self._around(experiment))
            found = (*found, *placed((*outside, *assumed(text)), text))
        return Checked(file=file, text=text, experiment=experiment, findings=found)

    def _around(self, experiment: Experiment) -> tuple[Finding, ...]:
        """What is wrong in its folder and beside its neighbours; a brand's file comes first."""
        from apologylab.catalogue.brands import brand_findings

        locales = experiment.messages.locales
        brands = brand_findings(self._home(experiment), self.folder, locales)
        if any(each.severity == "error" for each in brands):
            return brands
        return around(
            experiment,
            self.fragments(experiment),
            neighbours(self, experiment),
            self.languages(locales),
        )

    def write(self, name: str, files: Mapping[str, str]) -> tuple[Path, ...]:
        """Write a new experiment's files, all or none, and return their paths.

        Raises:
            InputError: the name cannot name an experiment.
            StateError: there is one of that name.
            DeclarationError: ``check`` would find mistakes in it here; nothing is left behind.
        """
        if not re.fullmatch(NAME, name, re.ASCII) or len(name) > LONGEST_NAME:
            raise InputError(
                f"{name[:80]!r} cannot name an experiment",
                do=f"write it as {NAME}, at most {LONGEST_NAME} characters",
            )
        home = self.folder / name
        if home.exists():
            raise StateError(f"{home} is there already", do="choose another name, or delete it")
        read(files[DECLARATION], where=str(home / DECLARATION))
        self.folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".new-", dir=self.folder) as draft:
            whole = Path(draft) / name
            for path, text in files.items():
                (whole / path).parent.mkdir(parents=True, exist_ok=True)
                (whole / path).write_text(text, encoding="utf-8")
            found = FolderCatalogue(self.folder, self.judge).check(str(whole))
            if found.has_errors:
                raise mistakes(str(home / DECLARATION), found.findings)
            whole.rename(home)
        return tuple(home / path for path in files)

    def fragments(self, experiment: Experiment) -> Mapping[tuple[str, str, str], str]:
        """All that an experiment's texts are made of (:mod:`apologylab.remedy.fragments`).

        Raises:
            InputError: one of the files is not UTF-8 text.
            DeclarationError: a brand's file has mistakes.
        """
        from apologylab.catalogue.brands import brand_sources  # Jinja: a draw does without it
        from apologylab.catalogue.locales import language

        home = self._home(experiment)
        found = {}
        for path in sorted((home / MESSAGES).glob("*/*.txt")):
            level, _, locale = path.name.removesuffix(".txt").rpartition(".")
            found[path.parent.name, level, locale] = _text(path)
        locales = experiment.messages.locales
        brands = brand_sources(home, self.folder, locales)
        found |= {(BRAND, "", locale): source for locale, source in brands.items()}
        if experiment.messages.arrange == "locale":
            for locale in locales:
                with suppress(NotFoundError):
                    found[ORDER, "", locale] = " ".join(language(locale).order)
        return found

    def brands(self, experiment: Experiment) -> Mapping[str, str]:
        """The brand's files in its own folder: name -> text."""
        found = sorted(self._home(experiment).glob("brand.*.toml"))
        return {file.name: _text(file) for file in found}

    def languages(self, locales: Sequence[str]) -> Mapping[str, Language]:
        """The rules of wordings that come with the package."""
        from apologylab.catalogue.locales import languages

        return languages(locales)

    def _home(self, experiment: Experiment) -> Path:
        return self._homes.get(experiment.name, self.folder / experiment.name)


def _text(path: Path) -> str:
    """A file's text; the byte order mark that some editors write is no part of it."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} cannot be read as text: {error}", do="save it as UTF-8"
        ) from error


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a path that the system cannot look up is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _misnamed(experiment: Experiment, file: Path) -> tuple[Finding, ...]:
    """An experiment is called as its folder is, so that its name finds it."""
    if file.name != DECLARATION or file.resolve().parent.name == experiment.name:
        return ()
    wrong = Finding(
        path="name",
        value=experiment.name,
        what=f"is not the folder's name, {file.resolve().parent.name}",
        do="give both one name",
    )
    return (wrong,)
