"""The SMTP channel on a real server: what each failure means, and what a message looks like."""

import re
import socket
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from apologylab.channels.mail import Letterhead, UnwritableError, message_id, page, written
from apologylab.channels.relay import HUNG_UP, Relay
from apologylab.channels.settings import Settings
from apologylab.channels.smtp import SmtpChannel, channel
from apologylab.errors import ConfigError
from apologylab.service.channel import Needs, Outgoing
from apologylab.wire.events import remedy_id, verify_unsubscribe

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEAD = Letterhead(address="care@shop.example", name="Shop")
BASE = "https://shop.example/u?l=1"
ENDS = {
    "take": ("sent", ""),
    "slow": ("sent", ""),
    "451 4.7.1 <{to}> greylisted": (
        "later",
        "the relay put it off: 451 4.7.1 (address) greylisted",
    ),
    "550 5.1.1 <{to}>: no such user": ("failed", "bounced: 550 5.1.1 (address): no such user"),
    "552 5.2.2 full": ("failed", "bounced: 552 5.2.2 full"),
    "421 4.3.2 closing": ("later", "the relay broke off before it was given the message"),
    "hang up at rcpt": ("later", "the relay broke off before it was given the message"),
    "hang up in data": ("unknown", HUNG_UP),
    "lose": ("unknown", HUNG_UP),
    "take and hang up": ("unknown", HUNG_UP),
    "data 451 4.3.0 later": ("later", "the relay put it off: 451 4.3.0 later"),
    "data 554 5.7.1 spam": ("failed", "bounced: 554 5.7.1 spam"),
}


def outgoing(number=0, to="jo@example.com", text="Sorry.", **more):
    return Outgoing(
        key=f"l/e/{number}", customer="c", experiment="e", arm="a", text=text, compensation=None,
        amount=0, currency=None, to=to, **({"locale": "en"} | more),
    )  # fmt: skip


@contextmanager
def sending(server, head=HEAD, *, tls="none", **more):
    relay = Relay(host="127.0.0.1", port=server.port, tls=tls, **({"seconds": 5} | more))
    with closing(SmtpChannel("email", relay, head, clock=lambda: NOW)) as made:
        yield made


def sent_one(relays, each, head=HEAD, **more):
    """The message that the server took for ``each``."""
    with relays.Relay(**more) as server, sending(server, head) as made:
        (answer,) = made.send([each])
        assert answer.state == "sent", answer
        (taken,) = server.taken
    return taken


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("mood", ENDS)
def test_what_each_failure_means_and_that_the_others_arrive(relays, mood, pipelining):
    def plan(to, nth):
        return mood.format(to=to) if to == "odd@example.com" else "take"

    batch = [outgoing(n, "odd@example.com" if n == 2 else f"jo{n}@example.com") for n in range(6)]
    with relays.Relay(plan, pipelining=pipelining) as server, sending(server) as made:
        answers = made.send(batch)
    assert [each.key for each in answers] == [each.key for each in batch]
    state, because = ENDS[mood]
    assert answers[2].state == state
    assert answers[2].because.startswith(because)
    assert "example.com" not in answers[2].because
    assert {each.state for n, each in enumerate(answers) if n != 2} == {"sent"}
    taken = mood in ("take", "slow", "take and hang up")
    ids = {message_id(each.key, HEAD.address): 1 for n, each in enumerate(batch) if n != 2 or taken}
    assert server.by_id() == ids
    for each in answers:
        known = each.state in ("sent", "unknown")
        assert each.reference == (message_id(each.key, HEAD.address) if known else None)


def test_a_batch_is_one_connection_and_so_is_the_next(relays):
    with relays.Relay() as server, sending(server) as made:
        for first in (0, 20):
            made.send([outgoing(n) for n in range(first, first + 20)])
        assert (len(server.taken), server.connections) == (40, 1)


def test_a_connection_is_used_for_so_many_messages(relays):
    with relays.Relay() as server:
        relay = Relay(host="127.0.0.1", port=server.port, tls="none")
        made = SmtpChannel("email", relay, HEAD, clock=lambda: NOW, per_connection=7)
        with closing(made):
            made.send([outgoing(n) for n in range(20)])
        assert (len(server.taken), server.connections) == (20, 3)


def test_what_broke_off_before_the_data_is_tried_once_more_at_once(relays):
    def plan(to, nth):
        return "hang up at rcpt" if to and nth == 1 else "take"

    with relays.Relay(plan) as server, sending(server) as made:
        answers = made.send([outgoing(n, f"jo{n}@example.com") for n in range(4)])
    assert [each.state for each in answers] == ["sent"] * 4
    assert set(server.by_id().values()) == {1}


def test_a_relay_that_hangs_up_for_ever_is_left_alone(relays):
    with relays.Relay(lambda to, nth: "hang up at rcpt" if to else "take") as server:
        with sending(server) as made:
            answers = made.send([outgoing(n, f"jo{n}@example.com") for n in range(40)])
        assert {each.state for each in answers} == {"later"}
        assert server.connections <= 12
        assert server.taken == []


def test_a_refusal_of_our_own_address_fails_nobody(relays):
    plan = lambda to, nth: "take" if to else "mail 550 5.7.1 sender rejected"  # noqa: E731
    with relays.Relay(plan) as server, sending(server) as made:
        (answer,) = made.send([outgoing()])
    assert (answer.state, answer.because) == (
        "later", "the relay refused our address: 550 5.7.1 sender rejected",
    )  # fmt: skip


def test_a_relay_that_is_not_there(relays):
    with relays.Relay() as server:
        port = server.port
    relay = Relay(host="127.0.0.1", port=port, tls="none")
    made = SmtpChannel("email", relay, HEAD, clock=lambda: NOW)
    answers = made.send([outgoing(n) for n in range(3)])
    assert {each.state for each in answers} == {"later"}
    assert "cannot be reached: Connection refused" in answers[2].because
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port}: Connection refused"):
        made.reach()


@contextmanager
def scripted(*lines):
    """A server that says each line after one of the client's, and then nothing more."""

    def serve():
        while True:
            try:
                talk, _ = listening.accept()
            except OSError:
                return
            with talk, suppress_os():
                reader = talk.makefile("rb")
                for line in lines:
                    talk.sendall(line)
                    if not reader.readline():
                        break
                reader.read()

    listening = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)


@contextmanager
def suppress_os():
    try:
        yield
    except OSError:
        return


@pytest.mark.parametrize(
    ("lines", "state", "because"),
    [
        ([], "later", "cannot be reached"),
        ([b"220 hi\r\n"], "later", "cannot be reached"),
        ([b"220 hi\r\n", b"250 ok\r\n"], "later", "broke off before it was given the message"),
        ([b"220 hi\r\n", *[b"250 ok\r\n"] * 3], "later", "broke off before it was given"),
        ([b"220 hi\r\n", *[b"250 ok\r\n"] * 3, b"354 go\r\n"], "unknown", "hung up after"),
        ([b"220 hi\r\n", b"250 ok\r\n", b"nonsense\r\n"], "later", "broke off before it was given"),
        ([b"554 no service\r\n"], "later", "cannot be reached: 554 no service"),
    ],
)
def test_a_relay_that_falls_silent_is_not_waited_for_for_ever(lines, state, because):
    with scripted(*lines) as port:
        relay = Relay(host="127.0.0.1", port=port, tls="none", seconds=0.3)
        began = time.monotonic()
        with closing(SmtpChannel("email", relay, HEAD, clock=lambda: NOW)) as made:
            (answer,) = made.send([outgoing()])
        assert time.monotonic() - began < 5
    assert answer.state == state
    assert because in answer.because


def test_the_caller_has_its_answers_in_time_however_slow_the_relay(relays, monkeypatch):
    monkeypatch.setattr("apologylab.channels.smtp.CALL_SECONDS", 1.5)
    with relays.Relay(lambda to, nth: "slow", slow_s=0.2) as server, sending(server) as made:
        began = time.monotonic()
        answers = made.send([outgoing(n, f"jo{n}@example.com") for n in range(30)])
        assert time.monotonic() - began < 3
        states = [each.state for each in answers]
        assert states[0] == "sent"
        assert states[-1] == "later"
        assert len(server.taken) <= states.count("sent") + states.count("unknown")


def test_what_a_message_says_of_itself(relays):
    head = Letterhead(
        address="care@shop.example", name="Žuvų šalis, „Ltd“", reply_to="answers@shop.example",
        list_id="care.shop.example", unsubscribe=BASE, secret="s3cret",
    )  # fmt: skip
    taken = sent_one(relays, outgoing(subject="Atsiprašome ✓", locale="lt", promotional=True), head)
    found = taken.message
    assert found.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in found.iter_parts()] == ["text/plain", "text/html"]
    assert found["Subject"] == "Atsiprašome ✓"
    (author,) = found["From"].addresses
    assert (author.display_name, author.addr_spec) == ("Žuvų šalis, „Ltd“", "care@shop.example")
    assert found["To"].addresses[0].addr_spec == "jo@example.com"
    assert found["Reply-To"] == "answers@shop.example"
    assert found["Date"].datetime == NOW
    assert found["Message-ID"] == message_id("l/e/0", head.address)
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["List-Id"] == "<care.shop.example>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found["Content-Language"] == "lt"
    link = urlsplit(found["List-Unsubscribe"].strip("<>"))
    asked = parse_qs(link.query)
    assert f"{link.scheme}://{link.netloc}{link.path}" == "https://shop.example/u"
    assert asked["l"] == ["1"]
    (remedy,), (signature,) = asked["remedy"], asked["signature"]
    assert found["Message-ID"] == f"<{remedy}@shop.example>"
    assert verify_unsubscribe(remedy, signature, "s3cret")
    assert not verify_unsubscribe(remedy_id("l/e/1"), signature, "s3cret")
    assert not verify_unsubscribe(remedy, signature, "other")
    assert max(len(line) for line in taken.content.split(b"\r\n")) <= 998


def test_what_promotes_nothing_has_no_such_link(relays):
    head = Letterhead(address="care@shop.example", unsubscribe=BASE, secret="s3cret")
    found = sent_one(relays, outgoing(), head).message
    assert found["List-Unsubscribe"] is None
    assert found["List-Unsubscribe-Post"] is None


def test_what_promotes_never_leaves_without_a_link(relays):
    with relays.Relay() as server, sending(server) as made:
        (answer,) = made.send([outgoing(promotional=True)])
    assert (answer.state, server.taken) == ("later", [])
    assert "has no unsubscribe_url" in answer.because


def test_each_sender_speaks_under_its_own_name(relays):
    each = outgoing(sender="Ana, manager", sender_address="ana@shop.example")
    (author,) = sent_one(relays, each).message["From"].addresses
    assert (author.display_name, author.addr_spec) == ("Ana, manager", "ana@shop.example")
    (brand,) = sent_one(relays, outgoing(sender="Ana")).message["From"].addresses
    assert (brand.display_name, brand.addr_spec) == ("Ana", "care@shop.example")


def test_however_long_a_key_is_its_link_is_whole(relays):
    head = Letterhead(address="care@shop.example", unsubscribe=BASE, secret="s3cret")
    each = outgoing("🙏" * 250, promotional=True)
    taken = sent_one(relays, each, head)
    (line,) = [each for each in taken.content.split(b"\r\n") if b"?l=1" in each]
    assert len(line) < 250
    link = taken.message["List-Unsubscribe"].strip("<>")
    asked = parse_qs(urlsplit(link).query)
    assert verify_unsubscribe(asked["remedy"][0], asked["signature"][0], "s3cret")


@pytest.mark.parametrize("address", ["care", "a b@c.example", "a@b@c.example", "x\r\n@y.example"])
def test_a_sender_that_cannot_be_written_stops_no_other(relays, address):
    with relays.Relay() as server, sending(server) as made:
        answers = made.send([outgoing(1), outgoing(2, sender_address=address), outgoing(3)])
    assert [each.state for each in answers] == ["sent", "failed", "sent"]
    assert answers[1].because == "its sender's address is no e-mail address"


@pytest.mark.parametrize(
    "word",
    [
        "=?utf-8?q?a=0D=0ABcc=3A_all=40example.com?=",
        "=?utf-8?b?YQ0KQmNjOiBhbGxAZXhhbXBsZS5jb20=?=",
        "=\x00?utf-8?q?a=0D=0ABcc=3A_all=40example.com?=",
    ],
)
@pytest.mark.parametrize("of", ["text", "subject", "sender", "locale"])
def test_no_encoded_word_of_a_customers_name_becomes_a_header(relays, of, word):
    """The library decodes what it finds in a header, and writes the line's end that comes out."""
    taken = sent_one(relays, outgoing(**{"text": "Sorry.", of: word}))
    assert taken.message["Bcc"] is None
    assert b"\nBcc" not in taken.message.as_bytes()
    assert taken.message.get_body(("plain",)).get_content().strip() in ("Sorry.", word)


def test_an_address_that_hides_a_header_is_none(relays):
    each = outgoing(to="=?utf-8?q?a=0D=0ABcc=3A_all?=@example.com")
    with relays.Relay() as server, sending(server) as made:
        (answer,) = made.send([each])
        assert (answer.state, server.taken) == ("failed", [])
    with pytest.raises(UnwritableError, match="header line of its own"):
        written(each, HEAD, NOW)


@pytest.mark.parametrize("odd", ["\r\n", "\n", "\r", "\x0b", "\u2028", "\u0085", "\r\n "])
def test_no_value_makes_a_header_of_its_own(relays, odd):
    bad = f"Hi{odd}Bcc: all@example.com{odd}{odd}<b>body</b>"
    taken = sent_one(relays, outgoing(subject=bad, sender=bad, text=f"Sorry{odd}."))
    assert taken.to == "jo@example.com"
    assert taken.message["Bcc"] is None
    assert taken.message["Subject"].startswith("Hi Bcc: all@example.com")
    head = taken.content.split(b"\r\n\r\n")[0].decode()
    assert [line for line in head.splitlines() if line.lower().startswith("bcc")] == []


TEXTS = {
    "en": "Dear Jo & Al,\n\nwe are <sorry>.",
    "ko": "고객님께,\n\n배송이 늦어 진심으로 사과드립니다.",
    "ru": "Уважаемая Анна!\n\nПриносим извинения.",
    "lt": "Gerbiama Živile,\n\nnuoširdžiai atsiprašome.",
    "de": "Sehr geehrte Frau Müller,\n\nes tut uns leid – 5 €.",
    "ja": "お客様各位\n\nこの度は誠に申し訳ございません。",
    "es": "¡Hola, Íñigo!\n\nLo sentimos mucho.",
    "ar": "مرحبا،\n\nنعتذر بشدة. 🙏",
}


@pytest.mark.parametrize("locale", TEXTS)
def test_both_parts_say_the_same_in_every_language(relays, locale):
    each = outgoing(text=TEXTS[locale], locale=locale)
    taken = sent_one(relays, each, utf8=False)
    assert taken.content.isascii()
    plain, html = (part.get_content() for part in taken.message.iter_parts())
    assert plain.replace("\r\n", "\n").rstrip("\n") == TEXTS[locale]
    assert html.replace("\r\n", "\n").rstrip("\n") == page(each).rstrip("\n")
    assert f'lang="{locale}" dir="{"rtl" if locale == "ar" else "ltr"}"' in html
    paragraphs = re.findall("<p>(.*?)</p>", html)
    assert len(paragraphs) == 2
    assert "<sorry>" not in html


def test_a_line_of_one_dot_ends_no_message(relays):
    text = "one\n.\n..two\n.three\r\nQUIT"
    plain = next(sent_one(relays, outgoing(text=text)).message.iter_parts()).get_content()
    assert plain.split() == ["one", ".", "..two", ".three", "QUIT"]


@pytest.mark.parametrize(
    ("to", "as_sent"),
    [
        ("jo@straße.example", "jo@xn--strae-oqa.example"),
        ("jo@ĄŽUOLAS.lt", "jo@xn--uolas-2wa16f.lt"),
        ("žydrė@paštas.lt", "žydrė@xn--patas-wdb.lt"),
    ],
)
def test_addresses_beyond_ascii(relays, to, as_sent):
    taken = sent_one(relays, outgoing(to=to))
    assert taken.to.encode().decode() == as_sent
    assert taken.message["Message-ID"].isascii()


@pytest.mark.parametrize(
    ("to", "because"),
    [
        ("žydrė@example.lt", "the relay takes addresses in ASCII only"),
        ("jo@" + "ą" * 70 + ".lt", "the domain of its address is none"),
        ("jo@-.lt" + "\u0301", "the domain of its address is none"),
        ("Jo <jo@example.com>", "its address is no e-mail address"),
        (None, "its address is missing"),
    ],
)
def test_an_address_that_cannot_be_written_fails_alone(relays, to, because):
    with relays.Relay(utf8=False) as server, sending(server) as made:
        answers = made.send([outgoing(1), outgoing(2, to), outgoing(3)])
    assert [each.state for each in answers] == ["sent", "failed", "sent"]
    assert answers[1].because == because


def test_what_is_given_without_a_word_needs_no_message(relays):
    with relays.Relay() as server, sending(server) as made:
        (answer,) = made.send([outgoing(text=None)])
        assert (answer.state, server.taken, server.connections) == ("sent", [], 0)


def test_starttls_and_a_login(relays, certificate):
    context, trusted = certificate
    with relays.Relay(tls=context, password="p4ss") as server:
        login = {"tls": "starttls", "ca_file": trusted, "username": "me"}
        with sending(server, password="p4ss", **login) as made:
            assert made.send([outgoing()])[0].state == "sent"
            assert made.reach() == f"127.0.0.1:{server.port} answers as me (tls: starttls)"
        with sending(server, password="wrong", **login) as made:
            (answer,) = made.send([outgoing()])
            assert (answer.state, len(server.taken)) == ("later", 1)
            assert "cannot be reached: 535" in answer.because
            with pytest.raises(ConnectionError, match="535"):
                made.reach()


def test_no_message_goes_in_clear_where_tls_is_asked_for(relays, certificate):
    with relays.Relay() as server, sending(server, tls="starttls") as made:
        (answer,) = made.send([outgoing()])
        assert (answer.state, server.taken) == ("later", [])
        assert "STARTTLS" in answer.because
    with relays.Relay(tls=certificate[0]) as server, sending(server, tls="starttls") as made:
        (answer,) = made.send([outgoing()])
        assert (answer.state, server.taken) == ("later", [])
        assert "certificate verify failed" in answer.because


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (Needs("email", promotional=False), ""),
        (Needs("phone", promotional=False), 'like address = "email"'),
        (Needs(None, promotional=False), 'like address = "email"'),
        (Needs("email", promotional=True), "set channels.email.unsubscribe_url (RFC 8058)"),
    ],
)
def test_what_it_lacks_for_an_experiment(needs, said):
    made = SmtpChannel("email", Relay(host="x", port=1), HEAD, clock=lambda: NOW)
    found = made.lacks(needs)
    assert found.startswith(said) if said.startswith("set") or not said else said in found
    assert bool(found) == bool(said)


WHOLE = {"host": "mail.example", "sender": "care@shop.example"}


@pytest.mark.parametrize(
    ("values", "secrets", "said"),
    [
        ({"host": None}, {}, "host is missing: add it"),
        ({"sender": None}, {}, "sender is missing"),
        ({"sender": "care"}, {}, "sender is no e-mail address"),
        ({"port": 0}, {}, "port is 0: write 1 to 65535"),
        ({"port": "25"}, {}, "port is '25': write a whole number"),
        ({"tls": "ssl"}, {}, "tls is 'ssl': write one of starttls, implicit, none"),
        ({"username": "me"}, {}, "it has no APOLOGYLAB_CHANNEL_EMAIL_PASSWORD"),
        ({}, {"password": "x"}, "it has no username"),
        ({"username": "me", "tls": "none"}, {"password": "x"}, "a password would go in clear"),
        ({"unsubscribe_url": "http://x.example"}, {"secret": "s"}, "it must be https"),
        ({"unsubscribe_url": "https://x.example/>,<a b"}, {"secret": "s"}, "in ASCII"),
        ({"unsubscribe_url": BASE}, {}, "set APOLOGYLAB_CHANNEL_EMAIL_SECRET"),
        ({"list_id": "care"}, {}, "list_id is 'care'"),
        ({"list_id": "a.b>\r\nX: y"}, {}, "list_id is"),
        ({"reply_to": "x\r\n@y.z"}, {}, "reply_to is no e-mail address"),
        ({"replyto": "a@b.cd"}, {}, "unknown key 'replyto': did you mean reply_to?"),
        ({"timeout_seconds": 61}, {}, "timeout_seconds is 61: write 1 to 60"),
    ],
)
def test_every_wrong_setting_is_named(values, secrets, said):
    written = {key: value for key, value in (WHOLE | values).items() if value is not None}
    settings = Settings(name="email", kind="smtp", values=written, root=Path(), clock=lambda: NOW,
                        secrets=secrets)  # fmt: skip
    with pytest.raises(ConfigError) as refused:
        channel(settings)
    assert "channels.email: " in str(refused.value)
    assert said in str(refused.value)


def test_ports_follow_tls():
    for tls, port in (("starttls", 587), ("implicit", 465), ("none", 25)):
        settings = Settings(name="email", kind="smtp", values=WHOLE | {"tls": tls}, root=Path(),
                            clock=lambda: NOW)  # fmt: skip
        assert channel(settings)._relay.port == port
