"""Where remedies leave: the channels and issuers that ``apologylab.toml`` configures."""

from __future__ import annotations

from functools import partial
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
    from apologylab.service.bounces import Returned
    from apologylab.service.channel import Channel


def channel(name: str, of: Project) -> Channel:
    """The channel called ``name`` in ``apologylab.toml``; file is always there.

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
    return build(_settings(of.channels[name], of, "channels"))


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


def issuing(through: Channel, experiment: Experiment, of: Project) -> Channel:
    """``through``, asking first whoever issues what ``experiment`` gives.

    Raises:
        ConfigError: there is no such issuer, or its settings are wrong.
    """
    named = {name: each.issuer for name, each in experiment.compensation.items() if each.issuer}
    if not named:
        return through
    from apologylab.channels.issuing import Issuing
    from apologylab.remedy.amounts import least_order

    made = {issuer: _issuer(issuer, of) for issuer in set(named.values())}
    issuers = {name: made[each] for name, each in named.items()}
    return Issuing(through, issuers, partial(least_order, experiment), clock())


def _issuer(name: str, of: Project) -> Issuer:
    from apologylab.channels.registry import build_issuer

    if name not in of.issuers:
        raise ConfigError(
            f"there is no issuer {name!r}",
            do=f"add [issuers.{name}] to apologylab.toml; it has "
            + (", ".join(of.issuers) or "none"),
        )
    return build_issuer(_settings(of.issuers[name], of, "issuers"))


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
