"""The webhook channel on a real server: signatures, what each answer means, and where it goes."""

import base64
import json
import socket
import time
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import jsonschema
import pytest

from apologylab.channels import egress
from apologylab.channels.egress import (
    ForbiddenAddressError,
    Line,
    NotSentError,
    is_public,
    place_of,
)
from apologylab.channels.settings import Settings
from apologylab.channels.webhook import Signing, WebhookChannel, channel
from apologylab.errors import ConfigError, InputError
from apologylab.service.channel import Needs, Outgoing
from apologylab.wire.events import event_id, signed_headers, signing_keys, verify_webhook
from apologylab.wire.remedies import SCHEMA, remedy_document

OLD, NEW = ("whsec_" + base64.b64encode(bytes([each]) * 32).decode() for each in (1, 2))
KEYS = signing_keys(OLD)


def now():
    return datetime.now(UTC)


def outgoing(number=0, **more):
    return Outgoing(**({
        "key": f"l/e/{number}", "customer": "c", "experiment": "e", "arm": "a", "text": "Sorry.",
        "compensation": "usd5", "amount": 500, "currency": "USD", "to": "+37060000000",
        "locale": "en",
    } | more))  # fmt: skip


@contextmanager
def posting(server, *, keys=KEYS, once=False, seconds=5, **more):
    place = place_of(server.url, private=True, seconds=seconds, **more)
    made = WebhookChannel("sms", place, Signing(keys=keys, clock=now), once=once)
    with closing(made):
        yield made


def test_a_remedy_is_a_signed_document_that_its_schema_describes(hooked):
    each = outgoing(subject="Hi", sender="Ana", sender_address="ana@shop.example", expires_days=30,
                    parts=(("regret", "Sorry."), (None, "Jo")), promotional=True)  # fmt: skip
    with hooked.Receiver(KEYS) as server, posting(server) as made:
        (answer,) = made.send([each])
    (document,), (headers, body) = server.taken, server.requests[0]
    assert (answer.state, answer.reference) == ("sent", headers["webhook-id"])
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("apologylab/")
    assert json.loads(body) == document == remedy_document(each)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["compensation"] == {"name": "usd5", "value": "5.00 USD", "minor_units": 500,
                                        "currency": "USD", "expires_days": 30,
                                        "code": None}  # fmt: skip
    assert document["parts"] == [{"part": "regret", "text": "Sorry."}, {"part": None, "text": "Jo"}]


@pytest.mark.parametrize("each", [outgoing(), outgoing(text=None, to=None, locale=None),
                                  outgoing(compensation=None, amount=0, currency=None)])  # fmt: skip
def test_every_document_is_as_its_schema_says(each):
    document = remedy_document(each)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert set(document) == set(SCHEMA["properties"]) == set(SCHEMA["required"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(document | {"customer": 3})


ANSWERS = {
    200: ("sent", ""), 202: ("sent", ""), 204: ("sent", ""),
    301: ("later", "it answered 301"), 307: ("later", "it answered 307"),
    400: ("failed", "it answered 400"), 401: ("later", "it answered 401"),
    404: ("failed", "it answered 404"), 409: ("failed", "it answered 409"),
    410: ("failed", "it answered 410"), 422: ("failed", "it answered 422"),
    408: ("later", "it answered 408"), 429: ("later", "it answered 429"),
    500: ("later", "it answered 500"), 503: ("later", "it answered 503"),
    502: ("unknown", "it answered 502"), 504: ("unknown", "it answered 504"),
    "hang up": ("unknown", "it hung up before it answered"),
    "take and hang up": ("unknown", "it hung up before it answered"),
    "slow": ("unknown", "it hung up before it answered: timed out"),
}  # fmt: skip


@pytest.mark.parametrize("mood", ANSWERS)
def test_what_each_answer_means_and_that_the_others_arrive(hooked, mood):
    def plan(document, nth):
        return mood if document["customer"] == "odd" else 200

    batch = [outgoing(n, customer="odd" if n == 1 else "c") for n in range(4)]
    with hooked.Receiver(KEYS, plan, slow_s=0.6) as server, posting(server, seconds=0.3) as made:
        answers = made.send(batch)
    state, because = ANSWERS[mood]
    assert [each.state for each in answers] == ["sent", state, "sent", "sent"]
    assert answers[1].because.startswith(because)
    assert "+370" not in answers[1].because
    if state == "unknown":
        assert answers[1].reference == event_id("l/e/1")


def test_who_has_it_already_says_so(hooked):
    with (
        hooked.Receiver(KEYS, lambda document, nth: 409) as server,
        posting(server, once=True) as made,
    ):
        assert made.send([outgoing()])[0].state == "sent"


@pytest.mark.parametrize(("asked", "wait_s"), [("90", 90), ("0", 0), ("999999", 86_400), ("soon", None),
                                               ("-5", None), ("", None), ("٣", None)])  # fmt: skip
def test_it_waits_as_long_as_it_is_asked_to(hooked, asked, wait_s):
    headers = {"Retry-After": asked.encode().decode("latin-1")}
    plan = lambda document, nth: (429, headers)  # noqa: E731
    with hooked.Receiver(KEYS, plan) as server, posting(server) as made:
        (answer,) = made.send([outgoing()])
    assert (answer.state, answer.wait_s) == ("later", wait_s)


def test_a_batch_is_one_connection_and_one_that_was_closed_is_begun_anew(hooked):
    with hooked.Receiver(KEYS) as server, posting(server) as made:
        made.send([outgoing(n) for n in range(9)])
        assert server.connections == 1
        made._line._http.sock.shutdown(socket.SHUT_RDWR)
        assert {each.state for each in made.send([outgoing(n) for n in range(9, 12)])} == {"sent"}
        assert server.connections == 2


def test_no_redirect_is_followed(hooked):
    with hooked.Receiver(KEYS) as other:
        plan = lambda document, nth: (307, {"Location": other.url})  # noqa: E731
        with hooked.Receiver(KEYS, plan) as server, posting(server) as made:
            assert made.send([outgoing()])[0].state == "later"
        assert other.requests == []


def test_one_that_is_not_there_is_asked_three_times_in_a_batch():
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    place = place_of(f"http://127.0.0.1:{port}/secret-path", private=True, seconds=1)
    made = WebhookChannel("sms", place, Signing(keys=KEYS, clock=now))
    answers = made.send([outgoing(n) for n in range(50)])
    assert {each.state for each in answers} == {"later"}
    assert {each.because for each in answers} == {f"127.0.0.1:{port}: Connection refused"}
    with pytest.raises(NotSentError):
        made.reach()


def test_an_answer_that_never_ends_is_not_read_for_ever():
    def serve():
        talk, _ = listening.accept()
        with talk:
            talk.recv(65_536)
            talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 1_000)
            time.sleep(1)

    listening = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=serve, daemon=True)
    thread.start()
    place = place_of(f"http://127.0.0.1:{listening.getsockname()[1]}/", private=True, seconds=0.3)
    with closing(WebhookChannel("sms", place, Signing(keys=KEYS, clock=now))) as made:
        assert made.send([outgoing()])[0].state == "sent"  # the status stands
        assert made._line._http is None
    listening.close()
    thread.join(5)


def test_an_answer_that_drips_is_hung_up_on():
    def serve():
        talk, _ = listening.accept()
        with talk, suppress(OSError):
            talk.recv(65_536)
            for each in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 200:
                talk.sendall(bytes([each]))
                time.sleep(0.1)

    listening = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=serve, daemon=True)
    thread.start()
    place = place_of(f"http://127.0.0.1:{listening.getsockname()[1]}/", private=True, seconds=0.4)
    began = time.monotonic()
    with closing(WebhookChannel("sms", place, Signing(keys=KEYS, clock=now))) as made:
        assert made.send([outgoing()])[0].state == "unknown"
    assert time.monotonic() - began < 3
    listening.close()
    thread.join(5)


def test_tls_with_a_certificate_that_is_known_and_one_that_is_not(hooked, certificate):
    context, trusted = certificate
    with hooked.Receiver(KEYS, tls=context) as server:
        with posting(server, ca_file=trusted) as made:
            assert made.send([outgoing()])[0].state == "sent"
            assert made.reach().endswith("(TLS)")
        with posting(server) as made:
            (answer,) = made.send([outgoing()])
            assert answer.state == "later"
            assert "CERTIFICATE_VERIFY_FAILED" in answer.because.upper().replace(" ", "_")
    assert len(server.taken) == 1


PRIVATE = ["::127.0.0.1", "64:ff9b:1::7f00:1", "fec0::1", "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
           "100.64.0.1", "192.0.2.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1",
           "fc00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
           "fe80::1%eth0", "2001:db8::1"]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_is_connected_to(monkeypatch, address):
    assert not is_public(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443)),
             (family, socket.SOCK_STREAM, 6, "", (address, 443))]  # fmt: skip
    monkeypatch.setattr(egress.socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(egress.socket, "create_connection", lambda *_, **__: pytest.fail("it did"))
    with pytest.raises(ForbiddenAddressError, match="inside a private network"):
        Line(place_of("https://hooks.example/")).post(b"{}", {})


def test_nothing_goes_in_clear_over_the_internet(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 80))]
    monkeypatch.setattr(egress.socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(egress.socket, "create_connection", lambda *_, **__: pytest.fail("it did"))
    with pytest.raises(ForbiddenAddressError, match="use https"):
        Line(place_of("http://hooks.example/", private=True)).post(b"{}", {})


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_ones_are(address):
    assert is_public(address)


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(monkeypatch):
    """A name that means something else a moment later changes nothing."""
    answers = iter([("8.8.8.8", 443), ("127.0.0.1", 443)])
    reached = []

    def lookup(*_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", next(answers))]

    def connect(place, **_):
        reached.append(place)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(egress.socket, "getaddrinfo", lookup)
    monkeypatch.setattr(egress.socket, "create_connection", connect)
    with pytest.raises(NotSentError):
        Line(place_of("https://hooks.example/")).post(b"{}", {})
    assert reached == [("8.8.8.8", 443)]


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example/", "ftp://hooks.example/", "https:///x", "https://me:p@hooks.example/",
     "https://hooks.example/#x", "https://hooks.example/a b", "https://hooks.example/\r\nX: y",
     "https://hoo\u0000ks.example", "https://[::1", "hooks.example", "https://hööks.example/",
     "https://hooks.example:99999/"],
)  # fmt: skip
def test_urls_that_cannot_be_meant(url):
    with pytest.raises(ConfigError, match="url is"):
        place_of(url)


def test_a_changed_key_is_signed_with_both_until_it_is_taken_out(hooked):
    both = signing_keys(f"{NEW} {OLD}")
    for theirs in (OLD, NEW):
        with (
            hooked.Receiver(signing_keys(theirs)) as server,
            posting(server, keys=both) as made,
        ):
            assert made.send([outgoing()])[0].state == "sent"
        assert server.bad == []
        assert len(server.requests[0][0]["webhook-signature"].split()) == 2
    with (
        hooked.Receiver(signing_keys(NEW)) as server,
        posting(server, keys=signing_keys(OLD)) as made,
    ):
        assert made.send([outgoing()])[0].state == "later"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"webhook-id": "msg_x"}, "no signature"),
        ({"webhook-timestamp": "1000000301"}, "no signature"),
        ({"webhook-timestamp": "1000000601"}, "webhook-timestamp is"),
        ({"webhook-timestamp": "999999699"}, "webhook-timestamp is"),
        ({"webhook-timestamp": "soon"}, "webhook-timestamp is"),
        ({"webhook-signature": "v1,AAAA v2,BBBB"}, "no signature"),
        ({"webhook-signature": ""}, "no signature"),
        ({"webhook-signature": None}, "is missing"),
    ],
)
def test_a_receiver_refuses_what_is_not_ours(change, said):
    headers = signed_headers(KEYS, "msg_a", b"{}", timestamp=1_000_000_300)
    assert verify_webhook(KEYS, headers, b"{}", now=1_000_000_300) == "msg_a"
    changed = {name: value for name, value in (headers | change).items() if value is not None}
    with pytest.raises(InputError, match=said):
        verify_webhook(KEYS, changed, b"{}", now=1_000_000_300)
    with pytest.raises(InputError, match="no signature"):
        verify_webhook(KEYS, headers, b"{} ", now=1_000_000_300)


@pytest.mark.parametrize(
    "written", ["", "whsec_", "whsec_c2hvcnQ=", "not base64!", "whsec_" + "A" * 120]
)
def test_secrets_that_are_none(written):
    with pytest.raises(ConfigError, match="make one"):
        signing_keys(written)


WHOLE = {"url": "https://hooks.example/sms"}


@pytest.mark.parametrize(
    ("values", "secrets", "said"),
    [
        ({}, {"secret": OLD}, "url is missing"),
        (WHOLE, {}, "set APOLOGYLAB_CHANNEL_SMS_SECRET"),
        (WHOLE, {"secret": "x"}, "is no base64"),
        (WHOLE | {"once": "yes"}, {"secret": OLD}, "once is 'yes': write true or false"),
        (WHOLE | {"onc": True}, {"secret": OLD}, "did you mean once?"),
        (WHOLE | {"timeout_seconds": 90}, {"secret": OLD}, "write 1 to 30"),
        ({"url": "http://10.0.0.1/"}, {"secret": OLD}, "allow_private"),
    ],
)
def test_every_wrong_setting_is_named(values, secrets, said):
    settings = Settings(name="sms", kind="webhook", values=values, root=Path(), clock=now,
                        secrets=secrets)  # fmt: skip
    with pytest.raises(ConfigError) as refused:
        channel(settings)
    assert said in str(refused.value)
    assert OLD not in str(refused.value)


def test_it_may_be_within_our_own_network_where_that_is_said():
    values = {"url": "http://127.0.0.1:9/x", "allow_private": True, "once": True}
    settings = Settings(name="sms", kind="webhook", values=values, root=Path(), clock=now,
                        secrets={"secret": OLD})  # fmt: skip
    made = channel(settings)
    assert (made.once, made.harmless, made.lacks(Needs("any", promotional=True))) == (
        True,
        False,
        "",
    )
