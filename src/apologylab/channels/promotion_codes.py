"""An issuer of promotion codes in the shape of Stripe's API: form-encoded POST, Idempotency-Key.

``POST {url}`` with ``coupon``, ``code``, ``max_redemptions=1``, ``expires_at``, metadata and the
minimum order; what it is worth is the coupon's, which somebody made in the shop's back office and
named in ``coupons``. A code of a rehearsal is made inactive.

A code that is there already is ours, from a call whose answer was lost, or somebody else's. It is
looked up (``GET {url}?code=``) and told to a customer only if it names our key and the coupon.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from apologylab.channels.answers import from_status
from apologylab.channels.egress import Line, NoAnswerError, NotSentError, declared_place
from apologylab.channels.issuing import Issued

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from apologylab.channels.egress import Answer, Place
    from apologylab.channels.issuing import Issue
    from apologylab.channels.settings import Settings
    from apologylab.design.remedies import Compensation

TAKEN: Final = "resource_already_exists"
"""What it says of a code that is there."""
OWN: Final = "apologylab"
"""Under which name its metadata holds our key."""
STRANGE: Final = "the code is there already, and is not the one that we ask for"
OFF: Final = "the code was issued before, and is not active any more"


class PromotionCodes:
    """Issues promotion codes of coupons that are there."""

    def __init__(
        self,
        place: Place,
        token: str,
        coupons: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        self._line, self._place = Line(place), place
        self._coupons, self._clock = coupons, clock
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": f"apologylab/{version('apologylab')}",
        }

    def issue(self, issue: Issue) -> Issued:
        """See :meth:`apologylab.channels.issuing.Issuer.issue`."""
        coupon = self._coupons.get(issue.compensation)
        if coupon is None:
            return Issued(state="refused", because=f"coupons names none for {issue.compensation}")
        body = urlencode(fields(issue, coupon)).encode()
        try:
            answer = self._line.post(body, {**self._headers, "Idempotency-Key": issue.key})
        except (NotSentError, NoAnswerError) as error:
            return Issued(state="later", because=f"{self._place.shown}: {error}")
        if answer.status == 400 and _is_taken(answer):
            return self._stands(issue, coupon)
        return from_status(answer, self._clock())

    def _stands(self, issue: Issue, coupon: str) -> Issued:
        """Whether the code that is there is the one that we ask for."""
        try:
            answer = self._line.get(urlencode({"code": issue.code}), self._headers)
        except (NotSentError, NoAnswerError) as error:
            return Issued(state="later", because=f"{self._place.shown}: {error}")
        known = from_status(answer, self._clock())
        return _own(issue, coupon, answer) if known.state == "issued" else known

    def reach(self) -> str:
        """See :meth:`apologylab.channels.issuing.Issuer.reach`."""
        Line(self._place).touch()
        return f"{self._place.shown} can be reached"

    def close(self) -> None:
        """See :meth:`apologylab.channels.issuing.Issuer.close`."""
        self._line.close()


def fields(issue: Issue, coupon: str) -> dict[str, str]:
    """What the form says."""
    found = {
        "coupon": coupon,
        "code": issue.code,
        "max_redemptions": "1",
        "active": "false" if issue.test else "true",
        f"metadata[{OWN}]": issue.key,
    }
    if issue.expires_at is not None:
        found["expires_at"] = str(int(issue.expires_at.timestamp()))
    if issue.minimum is not None and issue.currency is not None:
        found["restrictions[minimum_amount]"] = str(issue.minimum)
        found["restrictions[minimum_amount_currency]"] = issue.currency.lower()
    return found


def _own(issue: Issue, coupon: str, answer: Answer) -> Issued:
    """What the list of codes says of ours; one that cannot be read is asked for again."""
    try:
        listed = list(json.loads(answer.body)["data"])
        ours = [each for each in listed if _is_ours(each, issue, coupon)]
        active = any(each["active"] is not issue.test for each in ours)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Issued(state="later", because="it did not say what the code is that is there")
    if not ours:
        return Issued(state="refused", because=STRANGE)
    return Issued(state="issued") if active else Issued(state="refused", because=OFF)


def _is_ours(listed: Any, issue: Issue, coupon: str) -> bool:
    """Whether a code was made under our key for this coupon, whose place differs by version."""
    found = listed.get("coupon") or (listed.get("promotion") or {}).get("coupon")
    named = found["id"] if isinstance(found, dict) else found
    own = (listed.get("metadata") or {}).get(OWN)
    return bool(own == issue.key and named == coupon and listed["code"] == issue.code)


def _is_taken(answer: Answer) -> bool:
    try:
        return bool(json.loads(answer.body)["error"]["code"] == TAKEN)
    except (ValueError, KeyError, TypeError):
        return False


def lacks(given: Compensation) -> str:
    """Why its codes cannot be what is ``given``; "" where they can."""
    varied = "a share of the order" if given.share is not None else ""
    varied = varied or ("other amounts in other markets" if len(given.by_market) else "")
    return f"a coupon has one worth in the shop, and this gives {varied}" if varied else ""


def issuer(settings: Settings) -> PromotionCodes:
    """The issuer that ``settings`` describe.

    Raises:
        ConfigError: a setting is missing or wrong.
    """
    place = declared_place(settings)
    coupons = settings.table("coupons")
    settings.all_read()
    if not coupons or any(not isinstance(each, str) for each in coupons.values()):
        settings.refuse("coupons names none", do='write coupons = { usd5 = "its id in the shop" }')
    token = settings.secret("token")
    if token is None:
        settings.refuse("it has no token", do=f"set {settings.variable}_TOKEN")
    return PromotionCodes(place, token, coupons, settings.clock)
