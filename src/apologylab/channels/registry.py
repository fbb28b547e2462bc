"""Kinds of channel: entry points of the group ``apologylab.channels``, ours and others' alike.

An entry point names a factory: it takes :class:`apologylab.channels.settings.Settings` and gives
a :class:`apologylab.service.channel.Channel`, or raises ConfigError. Nothing is loaded before a
channel of its kind is asked for.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final, cast

from apologylab.errors import ConfigError, MissingPartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from apologylab.channels.issuing import Issuer
    from apologylab.channels.settings import Settings
    from apologylab.design.remedies import Compensation
    from apologylab.service.channel import Channel

    Factory = Callable[[Settings], Channel]

GROUP: Final = "apologylab.channels"
ISSUERS: Final = "apologylab.issuers"


def kinds(group: str = GROUP) -> tuple[str, ...]:
    """Every kind that is installed."""
    return tuple(sorted({each.name for each in entry_points(group=group)}))


def build_issuer(settings: Settings) -> Issuer:
    """The issuer that ``settings`` describe, of the group ``apologylab.issuers``.

    Raises:
        ConfigError: no package brings its kind, or two do; or its settings are wrong.
        MissingPartError: its package cannot be imported.
    """
    made = _factory(settings, ISSUERS)(settings)
    return cast("Issuer", made)


def issuer_lacks(kind: str, given: Compensation) -> str:
    """Why an issuer of ``kind`` cannot issue what is ``given``; "" where it can.

    The module of its entry point says so, if it has a function ``lacks`` of a compensation. Of a
    kind that is not there nothing is said: whoever builds it says that.
    """
    for point in entry_points(group=ISSUERS, name=kind):
        try:
            lacks = getattr(import_module(point.module), "lacks", None)
        except ImportError:
            continue
        if lacks is not None and (why := lacks(given)):
            return str(why)
    return ""


def build(settings: Settings) -> Channel:
    """The channel that ``settings`` describe.

    Raises:
        ConfigError: no package brings its kind, or two do; or its settings are wrong.
        MissingPartError: its package cannot be imported.
    """
    return _factory(settings, GROUP)(settings)


def _factory(settings: Settings, group: str) -> Factory:
    found = {each.value: each for each in entry_points(group=group, name=settings.kind)}
    if len(found) > 1:
        settings.refuse(
            f"kind {settings.kind!r} is brought by several packages: {', '.join(sorted(found))}",
            do="uninstall all but one",
        )
    if not found:
        settings.refuse(
            f"there is no kind {settings.kind!r}", do=f"known are {', '.join(kinds(group))}"
        )
    return _loaded(settings, *found.values())


def _loaded(settings: Settings, point: EntryPoint) -> Factory:
    try:
        return cast("Factory", point.load())
    except ImportError as error:
        raise MissingPartError(
            f"channels.{settings.name}: kind {settings.kind!r} needs {error.name or point.value}",
            do="install it",
        ) from error
    except AttributeError as error:
        raise ConfigError(
            f"channels.{settings.name}: {point.value} is not there: {error}",
            do="mend the entry point of its package",
        ) from error
