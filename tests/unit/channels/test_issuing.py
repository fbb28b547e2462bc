"""Codes work before the remedies leave that name them: issuers over real HTTP, on loopback."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs

import pytest

from apologylab.channels.contract import outgoing
from apologylab.channels.file import FileChannel
from apologylab.channels.http_issuer import issuer as http_issuer
from apologylab.channels.issuing import Issue, Issuing
from apologylab.channels.promotion_codes import issuer as promotion_codes
from apologylab.channels.registry import ISSUERS, build_issuer, kinds
from apologylab.channels.settings import Settings
from apologylab.errors import ConfigError
from apologylab.remedy.amounts import least_order
from apologylab.remedy.codes import LETTERS, coupon_code
from apologylab.service.rehearse import as_test
from apologylab.wire.declaration import read
from apologylab.wire.events import signing_keys, verify_webhook

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
LEAST = 'minimum_basket = "15.00 USD"'
MARKETS = """
[markets]
field = "country"
rates = { JPY = 0.0067 }
[otherwise]
"""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Shop:
    """A shop's API: ``plan(nth)`` is the status of the nth request, or "hang up" after it took it.

    ``there`` are the codes that it lists, or the bytes that it answers instead.
    """

    def __init__(self, plan=lambda nth: 200, there=(), listing=200):
        self.plan, self.requests, self.codes = plan, [], Counter()
        self.there, self.listing, self.asked = there, listing, []

    def __enter__(self):
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                shop.requests.append((self.path, dict(self.headers), body))
                told = shop.plan(len(shop.requests))
                answer = b"{}"
                if told == "taken":
                    told, answer = 400, b'{"error": {"code": "resource_already_exists"}}'
                elif told in (200, "hang up"):
                    shop.codes[self.headers["Idempotency-Key"]] += 1
                if told == "hang up":
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(told)
                if told == 429:
                    self.send_header("Retry-After", "7")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self):
                shop.asked.append((self.path, self.headers["Authorization"]))
                made = {"object": "list", "data": shop.there}
                known = isinstance(shop.there, bytes)
                answer = shop.there if known else json.dumps(made).encode()
                self.send_response(shop.listing)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/promotion_codes"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def settings(url, kind="http", **values):
    secrets = {"secret": SECRET} if kind == "http" else {"token": "sk_test"}
    return Settings(
        name="shop",
        kind=kind,
        values={"url": url, "allow_private": True} | values,
        root=Path(),
        clock=lambda: NOW,
        secrets=secrets,
        of="issuers",
    )


def issue(**changed):
    found = Issue(
        key="l1/sorry/i1",
        code="ABCDE-12345",
        customer="c1",
        compensation="usd5",
        amount=500,
        currency="USD",
        expires_at=datetime(2026, 7, 3, 9, tzinfo=UTC),
        minimum=2_000,
        test=False,
    )
    return replace(found, **changed)


def a_gift(key, **changed):
    return replace(
        outgoing(key),
        compensation="usd5",
        amount=500,
        currency="USD",
        code="ABCDE-12345",
        issuer="shop",
        **changed,
    )


def test_ours_are_installed_as_anybody_s_would_be():
    assert kinds(ISSUERS) == ("http", "promotion_code")
    with Shop() as shop:
        made = build_issuer(settings(shop.url))
        assert made.issue(issue()).state == "issued"
        made.close()


def test_a_promotion_code_as_stripe_s_api_takes_it():
    with Shop() as shop:
        made = promotion_codes(settings(shop.url, "promotion_code", coupons={"usd5": "co_1"}))
        assert made.issue(issue()).state == "issued"
        assert made.issue(issue(test=True, minimum=None, expires_at=None)).state == "issued"
        made.close()
    path, headers, body = shop.requests[0]
    assert path == "/v1/promotion_codes"
    assert headers["Authorization"] == "Bearer sk_test"
    assert headers["Idempotency-Key"] == "l1/sorry/i1"
    assert {name: value for name, (value,) in parse_qs(body.decode()).items()} == {
        "coupon": "co_1",
        "code": "ABCDE-12345",
        "max_redemptions": "1",
        "active": "true",
        "metadata[apologylab]": "l1/sorry/i1",
        "expires_at": "1783069200",
        "restrictions[minimum_amount]": "2000",
        "restrictions[minimum_amount_currency]": "usd",
    }
    assert parse_qs(shop.requests[1][2].decode())["active"] == ["false"]


def test_a_signed_request_of_any_other_shop():
    with Shop() as shop:
        made = http_issuer(settings(shop.url))
        assert made.issue(issue()).state == "issued"
        made.close()
    _, headers, body = shop.requests[0]
    small = {name.lower(): value for name, value in headers.items()}
    verify_webhook(signing_keys(SECRET), small, body, now=int(NOW.timestamp()))
    document = json.loads(body)
    assert document["format"] == "apologylab.issue/1"
    assert (document["code"], document["value"]) == ("ABCDE-12345", "5.00 USD")
    assert (document["single_use"], document["test"]) == (True, False)
    assert document["expires_at"] == "2026-07-03T09:00:00+00:00"


@pytest.mark.parametrize(
    ("told", "state"),
    [(200, "issued"), (201, "issued"), ("taken", "refused"), (400, "refused"), (402, "refused"),
     (401, "later"), (409, "later"), (429, "later"), (500, "later"), (302, "later")],
)  # fmt: skip
def test_what_each_answer_means(told, state):
    with Shop(lambda _nth: told) as shop:
        made = promotion_codes(settings(shop.url, "promotion_code", coupons={"usd5": "co_1"}))
        answer = made.issue(issue())
        made.close()
    assert answer.state == state
    assert answer.wait_s == (7.0 if told == 429 else None)


OURS = {
    "id": "promo_1",
    "code": "ABCDE-12345",
    "active": True,
    "coupon": {"id": "co_1"},
    "metadata": {"apologylab": "l1/sorry/i1"},
}


@pytest.mark.parametrize(
    ("there", "test", "state"),
    [
        ([OURS], False, "issued"),
        ([{**OURS, "coupon": "co_1"}], False, "issued"),
        ([{**OURS, "coupon": None, "promotion": {"coupon": "co_1"}}], False, "issued"),
        ([{**OURS, "metadata": {}}, OURS], False, "issued"),
        ([{**OURS, "active": False}], True, "issued"),
        ([{**OURS, "active": False}], False, "refused"),
        ([OURS], True, "refused"),
        ([], False, "refused"),
        ([{**OURS, "metadata": {"apologylab": "l2/sorry/i1"}}], False, "refused"),
        ([{**OURS, "metadata": None}], False, "refused"),
        ([{**OURS, "coupon": {"id": "co_99_per_cent"}}], False, "refused"),
        ([{**OURS, "code": "abcde-12345"}], False, "refused"),
        (["surprise"], False, "later"),
        (b"<html>", False, "later"),
    ],
)
def test_a_code_that_is_there_is_told_only_if_it_is_ours(there, test, state):
    with Shop(lambda _nth: "taken", there) as shop:
        made = promotion_codes(settings(shop.url, "promotion_code", coupons={"usd5": "co_1"}))
        answer = made.issue(issue(test=test))
        made.close()
    assert (answer.state, bool(answer.because)) == (state, state != "issued")
    assert shop.asked == [("/v1/promotion_codes?code=ABCDE-12345", "Bearer sk_test")]


@pytest.mark.parametrize(("listing", "state"), [(503, "later"), (401, "later"), (404, "refused")])
def test_a_code_that_cannot_be_looked_up_is_not_told(listing, state):
    with Shop(lambda _nth: "taken", [OURS], listing) as shop:
        made = promotion_codes(settings(shop.url, "promotion_code", coupons={"usd5": "co_1"}))
        assert made.issue(issue()).state == state
        made.close()


def test_what_was_taken_and_not_answered_is_asked_again_under_the_same_key():
    with Shop(lambda nth: "hang up" if nth == 1 else 200) as shop:
        made = http_issuer(settings(shop.url))
        assert made.issue(issue()).state == "later"
        assert made.issue(issue()).state == "issued"
        made.close()
    keys = {headers["Idempotency-Key"] for _, headers, _ in shop.requests}
    assert len(keys) == 1


def test_the_least_order_is_in_the_currency_of_what_is_given(tmp_path, loop):
    """1,500 US cents are 2,239 yen, and not 1,500: the shop reads both in one currency."""
    text = loop.DECLARATION.replace("[otherwise]", MARKETS, 1).replace(
        'value = "5.00 USD"', 'by_market = { US = "5.00 USD", JP = "700 JPY" }\n' + LEAST, 1
    )
    minimum = partial(least_order, read(text, where="late_ride"))
    with Shop() as shop:
        issuers = {"shop": http_issuer(settings(shop.url))}
        channel = Issuing(FileChannel(tmp_path), issuers, lambda: NOW)
        yen = replace(a_gift("yen", minimum=minimum("usd5", "JPY")), amount=700, currency="JPY")
        channel.send([a_gift("usd", minimum=minimum("usd5", "USD")), yen])
        channel.close()
    told = [json.loads(body) for _, _, body in shop.requests]
    asked = [(each["value"], each["minimum_minor_units"]) for each in told]
    assert asked == [("5.00 USD", 1_500), ("700 JPY", 2_238)]


@pytest.mark.parametrize(
    ("kind", "made", "marks"),
    [
        ("http", http_issuer, [b'"compensation":"TEST-usd5"', b'"test":true']),
        ("promotion_code", promotion_codes, [b"active=false"]),
    ],
)
def test_a_rehearsal_issues_its_codes_as_tests(tmp_path, kind, made, marks):
    """A receiver that does not read ``test`` does not know the name either."""
    more = {"coupons": {"usd5": "co_1"}} if kind == "promotion_code" else {}
    with Shop() as shop:
        issuers = {"shop": made(settings(shop.url, kind=kind, **more))}
        channel = Issuing(FileChannel(tmp_path), issuers, lambda: NOW)
        channel.send([as_test(a_gift("a"))])
        channel.close()
    ((_, _, body),) = shop.requests
    assert all(mark in body for mark in marks), body


def test_nothing_leaves_whose_code_does_not_work(tmp_path):
    plan = {1: 200, 2: 503, 3: 400}
    with Shop(plan.get) as shop:
        channel = Issuing(
            FileChannel(tmp_path),
            {"shop": http_issuer(settings(shop.url))},
            lambda: NOW,
        )
        answers = channel.send([a_gift("a"), a_gift("b"), a_gift("c"), outgoing("plain")])
        channel.close()
    assert [(each.key, each.state) for each in answers] == [
        ("a", "sent"),
        ("b", "later"),
        ("c", "failed"),
        ("plain", "sent"),
    ]
    assert answers[1].because == "the issuer of usd5: it answered 503"
    lines = [json.loads(line) for line in (tmp_path / "remedies.jsonl").read_text().splitlines()]
    assert [(each["key"], each["code"]) for each in lines] == [
        ("a", "ABCDE-12345"),
        ("plain", None),
    ]
    assert len(shop.requests) == 3


def test_a_channel_that_issues_is_not_harmless(tmp_path):
    """A simulated ledger must not make money in a shop."""
    assert not Issuing(FileChannel(tmp_path), {}, lambda: NOW).harmless


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"allow_private": False}, "url is"),
        ({"coupons": {}}, "coupons names none"),
        ({"coupons": {"usd5": "a"}, "surprise": 1}, "unknown key 'surprise'"),
    ],
)
def test_settings_that_cannot_be_meant(changed, said):
    with pytest.raises(ConfigError, match=said) as refused:
        promotion_codes(settings("http://127.0.0.1:1/x", "promotion_code", **changed))
    assert "issuers.shop" in str(refused.value) or "url" in str(refused.value)


def test_a_secret_comes_from_the_environment_only():
    bare = replace(settings("http://127.0.0.1:1/x"), secrets={})
    with pytest.raises(ConfigError, match="set APOLOGYLAB_ISSUER_SHOP_SECRET"):
        http_issuer(bare)


def test_codes_cannot_be_guessed_and_are_the_same_again():
    codes = [coupon_code("secret", f"sorry/i{i}") for i in range(20_000)]
    assert len(set(codes)) == len(codes)
    assert codes[7] == coupon_code("secret", "sorry/i7") != coupon_code("other", "sorry/i7")
    spread = Counter("".join(codes).replace("-", ""))
    assert set(spread) == set(LETTERS)
    # 200,000 letters of 32 kinds: 6,250 each, within six standard errors (false alarm below 1e-7)
    assert all(abs(n - 6_250) < 6 * 78 for n in spread.values())
