"""Messages that came back: delivery status notifications (RFC 3464) in files of mail.

A file is one message, an mbox, or a Maildir's folder. What is no such notification is passed over
and counted: out-of-office replies lie in the same box.
"""

from __future__ import annotations

import hashlib
import mailbox
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from apologylab.channels.relay import plain
from apologylab.errors import InputError, NotFoundError
from apologylab.service.bounces import Returned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import EmailMessage, Message
    from pathlib import Path

MOST_BYTES: Final = 50_000_000
"""Of one message."""
_MBOX: Final = b"From "


def returned(files: Sequence[Path]) -> Iterator[Returned | None]:
    """What each message in ``files`` says came back; None for one that is no notification.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read.
    """
    for file in files:
        for raw in _messages(file):
            yield read(raw)


def read(raw: bytes) -> Returned | None:
    """What one message says came back, or None.

    The failure of any recipient counts: we write to one at a time.
    """
    message = message_from_bytes(raw, policy=default)
    status = next((p for p in message.walk() if _kind(p) == "message/delivery-status"), None)
    original = _original(message)
    if status is None or original is None:
        return None
    blocks = [block for block in status.get_payload() if not isinstance(block, str)]
    failed = next((block for block in blocks if _field(block, "action") == "failed"), None)
    if failed is None:
        return None
    code = _field(failed, "status").split(" ", maxsplit=1)[0]
    told = _field(failed, "diagnostic-code", lower=False).partition(";")[2]
    return Returned(
        reference=original,
        hard=not code.startswith("4"),
        because=plain(told if code in told else f"{code} {told}"),
        at=_when(message),
        digest=hashlib.sha256(raw).hexdigest()[:12],
    )


def _messages(file: Path) -> Iterator[bytes]:
    if not file.exists():
        raise NotFoundError(f"there is no {file}", do="name a message, an mbox or a Maildir")
    try:
        if file.is_dir():
            yield from _maildir(file)
        elif _begins(file) == _MBOX:
            box = mailbox.mbox(str(file), create=False)
            yield from (box.get_bytes(key) for key in box.iterkeys())
            box.close()
        else:
            yield _whole(file)
    except (OSError, mailbox.Error) as error:
        raise InputError(f"{file} cannot be read: {error}", do="correct it") from error


def _maildir(folder: Path) -> Iterator[bytes]:
    """Read only: nothing is marked as seen, and what another program takes away is passed over."""
    inner = [folder / each for each in ("new", "cur") if (folder / each).is_dir()]
    for place in inner or [folder]:
        for file in sorted(each for each in place.iterdir() if each.is_file()):
            with suppress(FileNotFoundError):
                yield _whole(file)


def _begins(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(_MBOX))


def _whole(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MOST_BYTES)


def _original(message: EmailMessage) -> str | None:
    """The Message-ID of what came back, which the notification carries in part or whole."""
    for part in message.walk():
        kind = _kind(part)
        if kind == "message/rfc822":
            inner = part.get_payload()
            first = inner[0] if isinstance(inner, list) and inner else None
            found = None if first is None or isinstance(first, str) else first["Message-ID"]
        elif kind in ("text/rfc822-headers", "message/rfc822-headers"):
            payload = part.get_payload(decode=True)
            headers = payload if isinstance(payload, bytes) else b""
            found = message_from_bytes(headers)["Message-ID"]
        else:
            continue
        if found:
            return str(found).strip()
    return None


def _kind(part: Message) -> str:
    return part.get_content_type()


def _field(block: Message, name: str, *, lower: bool = True) -> str:
    text = " ".join(str(block.get(name, "")).split())
    return text.lower() if lower else text


def _when(message: EmailMessage) -> datetime | None:
    with suppress(ValueError, TypeError):
        found = parsedate_to_datetime(str(message["Date"]))
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
