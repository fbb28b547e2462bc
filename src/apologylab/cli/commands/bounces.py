"""``apologylab bounces``: record what came back from mail servers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apologylab.cli.options import AsJson

if TYPE_CHECKING:
    from apologylab.service.bounces import Bounced


def bounces(
    files: Annotated[
        list[Path], typer.Argument(help="Messages, mbox files, or folders of messages (Maildir).")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Record which e-mails came back, from notifications (RFC 3464) in files of mail.

    Each is found by its Message-ID. What is no notification is passed over, nothing is deleted or
    marked as read, and running it again changes nothing.

    \b
    Example:
      apologylab bounces /var/mail/bounces
    """
    from apologylab import wiring
    from apologylab.cli import console
    from apologylab.cli.own_ledger import own_ledger
    from apologylab.service.bounces import record_bounces

    project = wiring.project()
    with own_ledger(project) as ledger:
        found = record_bounces(ledger, wiring.returned_mail(files), now=wiring.clock()())
    if as_json:
        console.show_json(_document(found))
    else:
        _show(found)


def _document(found: Bounced) -> dict[str, object]:
    """``apologylab bounces --json``."""
    return {
        "format": "apologylab.bounces/1",
        "read": found.read,
        "new": found.new,
        "known": found.known,
        "not_ours": found.strange,
        "no_notification": found.others,
    }


def _show(found: Bounced) -> None:
    from apologylab.cli import console
    from apologylab.wire.trail import counted

    console.show(f"{counted(found.new, 'message', 'messages')} came back and are recorded")
    for count, what in (
        (found.known, "were recorded before"),
        (found.strange, "came back that we did not send"),
        (found.others, "are no notification"),
    ):
        if count:
            console.show(f"{count:,} {what}")
