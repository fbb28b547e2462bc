"""Where remedies leave: the channels and issuers that ``apologylab.toml`` configures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apologylab.errors import ConfigError
from apologylab.wiring.clocks import clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from apologylab.catalogue.outlets import Outlet
    from apologylab.catalogue.project import Project
    from apologylab.channels.issuing import Issuer
    from apologylab.channels.settings import Settings
    from apologylab.design.experiment import Experiment
    from apologylab.design.findings import Finding
    from apologylab.design.remedies import Compensation
    from apologylab.service.bounces import Returned
    from apologylab.service.channel import Channel


def channel(name: str, of: Project, *, rehearsal: bool = False) -> Channel:
    """The channel called ``name`` in ``apologylab.toml``; file is always there.

    For a ``rehearsal``, what it writes into files stands apart from what is for customers.

    Raises:
        ConfigError: there is no such channel, or its settings are wrong.
        MissingPartError: what it needs is not installed.
    """
    from apologylab.channels.registry import build

    if name not in of.channels:
        raise ConfigError(
            f"there is no channel {name!r}",
            do=f"add [channels.{name}] to apologylab.toml; it has {', '.join(of.channels)}",
        )
    return build(replace(_settings(of.channels[name], of, "channels"), rehearsal=rehearsal))


def _settings(outlet: Outlet, of: Project, table: str) -> Settings:
    from apologylab.channels.settings import Settings

    return Settings(
        name=outlet.name,
        kind=outlet.kind,
        values=outlet.values,
        secrets=outlet.secrets,
        root=of.root,
        clock=clock(),
        of=table,
    )


def issuing(
    through: Channel, experiment: Experiment, of: Project, earlier: Sequence[Experiment] = ()
) -> Channel:
    """``through``, asking first whoever issues what ``experiment`` gives.

    What its ``earlier`` versions gave is issued by whom they name, but for a simulated project;
    where that issuer was taken out of ``apologylab.toml``, it waits until that is back.

    Raises:
        ConfigError: there is no such issuer, or its settings are wrong.
    """
    needed = _issuers(experiment)
    named = needed.union(*(_issuers(each) for each in (() if of.simulated else earlier)))
    if not named:
        return through
    from apologylab.channels.issuing import Issuing

    there = [each for each in sorted(named) if each in needed or each in of.issuers]
    return Issuing(through, {each: _issuer(each, of) for each in there}, clock())


def _issuers(experiment: Experiment) -> set[str]:
    """Who issues what it gives."""
    return {each.issuer for each in experiment.compensation.values() if each.issuer}


def _issuer(name: str, of: Project) -> Issuer:
    from apologylab.channels.registry import build_issuer

    if name not in of.issuers:
        raise ConfigError(
            f"there is no issuer {name!r}",
            do=f"add [issuers.{name}] to apologylab.toml; it has "
            + (", ".join(of.issuers) or "none"),
        )
    return build_issuer(_settings(of.issuers[name], of, "issuers"))


def misfits(experiment: Experiment, of: Project) -> tuple[Finding, ...]:
    """What is wrong with an experiment in the project ``of``: its money, its issuers.

    An issuer is judged by its kind, so that nobody needs its secrets to look.
    """
    from apologylab.channels.registry import issuer_lacks
    from apologylab.service.in_project import in_project

    def lacks(issuer: str, given: Compensation) -> str:
        outlet = of.issuers.get(issuer)
        return issuer_lacks(outlet.kind, given) if outlet is not None else ""

    return tuple(in_project(experiment, currency=of.currency, issuer_lacks=lacks))


def refuse_misfits(experiment: Experiment, of: Project) -> None:
    """Refuse an experiment that its project makes impossible.

    Raises:
        DeclarationError: with every finding of :func:`misfits`.
    """
    from apologylab.design.findings import mistakes

    if found := misfits(experiment, of):
        raise mistakes(experiment.name, found)


def refuse_unready_channels(experiment: Experiment, of: Project) -> None:
    """Refuse an experiment that a channel of the project cannot carry.

    Raises:
        ConfigError: a channel is not there, is wrong, or lacks what the experiment needs.
        LedgerOtherError: the project is simulated and a channel reaches real customers.
    """
    from apologylab.errors import LedgerOtherError
    from apologylab.service.channel import needs

    for name, needed in needs(experiment).items():
        found = channel(name, of)
        if of.simulated and not found.harmless:
            raise LedgerOtherError(
                f"the project is simulated and channel {name} reaches real customers",
                do=f'write kind = "file" under [channels.{name}]',
            )
        if lacking := found.lacks(needed):
            raise ConfigError(f"channel {name} cannot carry {experiment.name}", do=lacking)


def returned_mail(files: Sequence[Path]) -> Iterator[Returned | None]:
    """What came back, as files of mail say; None for a message that is no notification.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read.
    """
    from apologylab.channels.returned import returned

    return returned(files)
