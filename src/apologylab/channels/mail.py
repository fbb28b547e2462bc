"""One remedy as an e-mail: plain text and the same as HTML, and every header that it needs.

Nothing of a remedy becomes markup or a header line of its own: texts are escaped, and a header that
would break a line is refused by :mod:`email` and cleaned before. The relay signs it (DKIM).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from html import escape
from typing import TYPE_CHECKING, Final

from apologylab.design.routes import wrong_address
from apologylab.wire.events import remedy_id, unsubscribe_url

if TYPE_CHECKING:
    from datetime import datetime
    from email.policy import EmailPolicy

    from apologylab.service.channel import Outgoing

SUBJECT_CHARACTERS: Final = 70
"""Of a subject that is taken from the text; one that is written may have up to 255."""
RIGHT_TO_LEFT: Final = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"}
)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_PAGE: Final = """\
<!DOCTYPE html>
<html lang="{lang}" dir="{dir}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 sans-serif;color:#1a1a1a;background:#ffffff">
<div style="max-width:36em;margin:0 auto">
{paragraphs}
</div>
</body>
</html>
"""


class UnwritableError(ValueError):
    """A remedy that cannot be an e-mail; it says why and names no address (R21)."""


@dataclass(frozen=True, kw_only=True)
class Letterhead:
    """What all e-mails of a channel have in common.

    ``unsubscribe`` is the base of one-click links and ``secret`` what signs them (RFC 8058).
    """

    address: str
    name: str | None = None
    reply_to: str | None = None
    list_id: str | None = None
    unsubscribe: str | None = None
    secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class Mail:
    """An e-mail as it goes to the relay; ``utf8``: its addresses need SMTPUTF8 (RFC 6531)."""

    sender: str
    to: str
    message_id: str
    content: bytes
    utf8: bool


def written(each: Outgoing, head: Letterhead, date: datetime) -> Mail:
    """``each`` as an e-mail of this date.

    Raises:
        UnwritableError: there is no text, or something of it cannot be written.
    """
    if each.text is None or each.to is None:
        raise UnwritableError("there is no address" if each.text else "there is no text")
    try:
        return _mail(each, each.text, each.to, head, date)
    except UnwritableError:
        raise
    except (ValueError, MessageError):
        raise UnwritableError("it cannot be written as an e-mail") from None


def _mail(each: Outgoing, text: str, address: str, head: Letterhead, date: datetime) -> Mail:
    sender, to = plain_address(each.sender_address or head.address), plain_address(address)
    if why := wrong_address(sender, "email"):
        raise UnwritableError(f"its sender's address {why}")
    utf8 = not (sender + to).isascii()
    message = EmailMessage(policy=_policy(utf8=utf8))
    message["From"] = _mailbox(each.sender or head.name, sender)
    message["To"] = _mailbox(None, to)
    message["Subject"] = subject(each)
    message["Date"] = format_datetime(date)
    message["Message-ID"] = found = message_id(each.key, plain_address(head.address))
    message["Auto-Submitted"] = "auto-generated"
    if head.reply_to:
        message["Reply-To"] = _mailbox(None, plain_address(head.reply_to))
    message.set_content(text)
    message.add_alternative(page(each), subtype="html")
    message["Content-Language"] = clean(language(each))
    message.set_boundary(f"=_{found[1:33]}")
    content = message.as_bytes()
    _refuse_other_headers(message, content)
    return Mail(
        sender=sender,
        to=to,
        message_id=found,
        content=_list_headers(each, head) + content,
        utf8=utf8,
    )


def _policy(*, utf8: bool) -> EmailPolicy[EmailMessage]:
    return (SMTPUTF8 if utf8 else SMTP).clone(max_line_length=78, cte_type="7bit")


def _refuse_other_headers(message: EmailMessage, content: bytes) -> None:
    """Whatever the library made of a value: the headers are those that were set, and no others."""
    lines = re.split(rb"\r\n|\r|\n", content.partition(b"\r\n\r\n")[0])
    begun = [line.partition(b":")[0].decode() for line in lines if line[:1] not in (b" ", b"\t")]
    if begun != message.keys():
        raise UnwritableError("something of it would be a header line of its own")


def _list_headers(each: Outgoing, head: Letterhead) -> bytes:
    """The headers of a list as they must stand; the library would encode a long link (RFC 2047)."""
    lines = [f"List-Id: <{head.list_id}>"] if head.list_id else []
    if each.promotional:
        if head.unsubscribe is None or head.secret is None:
            raise UnwritableError("a promotional remedy needs unsubscribe_url")
        link = unsubscribe_url(head.unsubscribe, each.key, head.secret)
        lines += [f"List-Unsubscribe: <{link}>"]
        lines += ["List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def message_id(key: str, address: str) -> str:
    """The same for the same key, so that a bounce is known and a copy is seen to be one.

    >>> message_id("ledger/late_ride/i1", "care@example.com")
    '<3236b1dd31a1440872bc631853379dd7@example.com>'
    """
    domain = address.rpartition("@")[2].encode("idna").decode()
    return f"<{remedy_id(key)}@{domain}>"


def plain_address(address: str) -> str:
    """``address`` with its domain in ASCII (IDNA 2008, as UTS 46 maps what people write).

    >>> plain_address("jo@straße.example")
    'jo@xn--strae-oqa.example'

    Raises:
        UnwritableError: the domain is none.
    """
    import idna

    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        raise UnwritableError("the domain of its address is none") from None


def _mailbox(name: str | None, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(clean(name or ""), local, domain)


def clean(text: str) -> str:
    """``text`` on one line: what could end a header is a space, and nothing in it is decoded.

    An encoded word (RFC 2047) would be: by :mod:`email`, which writes what it finds, line ends and
    all, and by whoever reads it.

    >>> clean("Jo\\r\\nBcc: all@example.com"), clean("=?utf-8?q?Jo=0D=0ABcc:_a@b.c?=")
    ('Jo Bcc: all@example.com', '= ?utf-8?q?Jo=0D=0ABcc:_a@b.c?=')
    """
    return " ".join(_CONTROL.sub(" ", text).split()).replace("=?", "= ?")


def subject(each: Outgoing) -> str:
    """The letter's subject, else the beginning of its text."""
    if each.subject and (written_ := clean(each.subject)):
        return written_[:255]
    first = next((line for line in (each.text or "").splitlines() if line.strip()), "")
    line = clean(first)
    if len(line) <= SUBJECT_CHARACTERS:
        return line
    cut = line[:SUBJECT_CHARACTERS]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"


def language(each: Outgoing) -> str:
    """The language tag of a remedy's text: ``pt-BR``; ``en`` where none is known."""
    return (each.locale or "en").replace("_", "-")


def page(each: Outgoing) -> str:
    """The text as HTML: a paragraph where it has an empty line, a break where it has a line's end.

    >>> from apologylab.service.channel import Outgoing
    >>> each = Outgoing(key="k", customer="c", experiment="e", arm="a", text="<b>Hi</b>\\nJo",
    ...     locale="he", compensation=None, amount=0, currency=None)
    >>> lines = page(each).splitlines()
    >>> lines[1], lines[6:8]
    ('<html lang="he" dir="rtl">', ['<p>&lt;b&gt;Hi&lt;/b&gt;<br>', 'Jo</p>'])
    """
    blocks = re.split(r"\n[ \t]*\n", (each.text or "").strip())
    paragraphs = [escape(block).replace("\n", "<br>\n") for block in blocks]
    tag = language(each)
    return _PAGE.format(
        lang=escape(tag),
        dir="rtl" if tag.split("-")[0].lower() in RIGHT_TO_LEFT else "ltr",
        title=escape(subject(each)),
        paragraphs="\n".join(f"<p>{each}</p>" for each in paragraphs),
    )
