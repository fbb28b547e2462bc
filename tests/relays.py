"""A real mail server on loopback that counts what it took, and misbehaves as its plan says."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from threading import Thread

from aiosmtpd.smtp import SMTP, AuthResult


@dataclass
class Taken:
    """A message that the server answers for."""

    sender: str
    to: str
    content: bytes

    @property
    def message(self):
        return message_from_bytes(self.content, policy=default)


@dataclass
class Relay:
    """``plan(to, nth)`` says what happens to the ``nth`` message for ``to``, from 1.

    Words: "take" (the default), "451 ..." or "550 ..." at RCPT, "data 451 ..." after the data,
    "mail 550 ..." of the sender, "hang up at rcpt", "hang up in data" (before it has read it),
    "lose" (reads all of it, keeps nothing and hangs up), "take and hang up", "slow" (answers late).
    """

    plan: object = lambda to, nth: "take"
    pipelining: bool = False
    utf8: bool = True
    tls: object = None
    password: str | None = None
    slow_s: float = 0.05
    timeout_s: float = 20
    taken: list = field(default_factory=list)
    tries: Counter = field(default_factory=Counter)
    moods: dict = field(default_factory=lambda: defaultdict(list))
    connections: int = 0
    commands: list = field(default_factory=list)

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._servers = []
        made = self._loop.create_server(self._protocol, "127.0.0.1", 0)
        self._server = self._loop.run_until_complete(made)
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self):
        self._server.close()
        for each in self._servers:
            if each.transport is not None:
                each.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def by_id(self):
        """Message-ID -> how often it was taken; no property, which aiosmtpd would ask for."""
        return Counter(each.message["Message-ID"] for each in self.taken)

    def _protocol(self):
        self.connections += 1
        made = Server(
            self,
            enable_SMTPUTF8=self.utf8,
            hostname="relay.test",
            timeout=self.timeout_s,
            loop=self._loop,
            tls_context=self.tls,
            authenticator=self._login if self.password else None,
            auth_required=bool(self.password),
            command_call_limit=1_000_000,
        )
        self._servers.append(made)
        return made

    def _login(self, server, session, envelope, _, told):
        return AuthResult(success=told.password.decode() == self.password, handled=False)

    def _mood(self, to):
        self.tries[to] += 1
        mood = self.plan(to, self.tries[to])
        self.moods[to].append(mood)
        return mood

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        session.host_name = hostname
        return [*responses[:1], "250-PIPELINING", *responses[1:]] if self.pipelining else responses

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        self.commands.append(("MAIL", address, tuple(options)))
        mood = self.plan(None, 0)
        if mood.startswith("mail "):
            return mood.removeprefix("mail ")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        mood = server.mood = self._mood(address)
        if mood == "slow":
            await asyncio.sleep(self.slow_s)
        if mood == "hang up at rcpt":
            server.transport.abort()
            return "421 closing"
        if mood[:1].isdigit():
            return mood
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        mood = server.mood
        if mood.startswith("data "):
            return mood.removeprefix("data ")
        if mood != "lose":
            (to,) = envelope.rcpt_tos
            self.taken.append(Taken(envelope.mail_from, to, envelope.content))
        if mood in {"lose", "take and hang up"}:
            server.transport.abort()
        return "250 queued"

    async def handle_exception(self, error):
        return "451 it broke"


class Server(SMTP):
    mood = "take"

    async def smtp_DATA(self, arg):  # noqa: N802
        if self.mood == "hang up in data":
            await self.push("354 go ahead")
            self.transport.abort()
            return
        await super().smtp_DATA(arg)
