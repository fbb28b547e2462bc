"""Through which channel an arm's remedy leaves, and which field of the incident is its address.

Whether an address can be one is judged from the field's name alone, before the draw and for every
arm alike (R4): a channel's settings are not known where an incident is answered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from apologylab.design.remedies import CHANNEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.experiment import Experiment

Format = Literal["email", "phone", "any"]
"""What an address is: an e-mail address, a phone number, or a text that the channel understands."""
USUAL: Final[Mapping[str, str]] = {
    "email": "email", "smtp": "email", "mail": "email", "sms": "phone", "push": "phone",
}  # fmt: skip
"""Channel -> the field of its address, where the declaration names none."""
LONGEST: Final = 1_024
_EMAIL = re.compile(
    r"(?!.*=\?)[^\s@\"(),:;<>\[\]\\]{1,64}@[^\s@\"(),:;<>\[\]\\]+\.[^\s@.\"(),:;<>\[\]\\]{2,}"
)
"""Without encoded words, which a header would decode (RFC 2047)."""
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_ODD: Final = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]")


def channels(experiment: Experiment) -> tuple[str, ...]:
    """Every channel that a remedy can leave through; what names none leaves through the first."""
    levels = experiment.factors.get(CHANNEL, ())
    asked = (experiment.survey.channel,) if experiment.survey and experiment.survey.channel else ()
    return tuple(dict.fromkeys((experiment.delivery.channel, *levels, *asked)))


def address_field(experiment: Experiment, channel: str) -> str | None:
    """The incident's field with the customer's address on ``channel``; None if it has none."""
    delivery = experiment.delivery
    if channel in delivery.addresses:
        return delivery.addresses[channel]
    return delivery.address or USUAL.get(channel)


def address_fields(experiment: Experiment) -> Mapping[str, str]:
    """Channel -> the field of its address, of those through which we send and that have one."""
    if experiment.delivery.by == "caller":
        return {}
    found = {each: address_field(experiment, each) for each in channels(experiment)}
    return {channel: name for channel, name in found.items() if name is not None}


def format_of(field: str) -> Format:
    """What an address in ``field`` must be, by its name.

    >>> format_of("work_email"), format_of("mobile"), format_of("push_token")
    ('email', 'phone', 'any')
    """
    words = field.replace("-", "_").replace(".", "_").split("_")
    if not {"email", "mail"}.isdisjoint(words):
        return "email"
    return "phone" if not {"phone", "mobile", "tel", "msisdn"}.isdisjoint(words) else "any"


def wrong_address(value: object, form: Format) -> str | None:
    """Why ``value`` is no address of this format, without saying what it is; None if it is one.

    An e-mail address is one mailbox without quotes and comments, of at most 254 bytes (RFC 5321,
    4.5.3.1.3); letters beyond ASCII are admitted (RFC 6531). A phone number is as in E.164.

    >>> wrong_address("jo@example.com", "email"), wrong_address("+37060000000", "phone")
    (None, None)
    >>> wrong_address("jo@example.com, al@example.com", "email")
    'is no e-mail address'
    """
    if value is None or value == "":
        return "is missing"
    if not isinstance(value, str) or len(value) > LONGEST or _ODD.search(value):
        return _WHY[form]
    if form == "email":
        return None if _is_email(value) else _WHY[form]
    if form == "phone":
        return None if _PHONE.fullmatch(value) else _WHY[form]
    return None


_WHY: Final[Mapping[Format, str]] = {
    "email": "is no e-mail address",
    "phone": "is no phone number like +37060012345",
    "any": "is no address: one text without spaces",
}


def _is_email(text: str) -> bool:
    if not _EMAIL.fullmatch(text) or len(text.encode()) > 254:
        return False
    local, _, domain = text.rpartition("@")
    dots = (local, domain)
    return not any(each.startswith(".") or each.endswith(".") or ".." in each for each in dots)
