"""A real HTTP server on loopback that counts what it took by webhook-id, and answers as planned."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from apologylab.errors import InputError
from apologylab.wire.events import verify_webhook


@dataclass
class Receiver:
    """``plan(document, nth)`` says what the ``nth`` request about a remedy gets, from 1.

    A status, (status, headers), "hang up" before or "take and hang up" after it took it, or "slow".
    With ``once`` a webhook-id takes effect once. ``bad`` lists what was not signed as it must be.
    """

    keys: tuple
    plan: object = lambda document, nth: 200
    once: bool = True
    tls: object = None
    slow_s: float = 3.0
    taken: list = field(default_factory=list)
    tries: Counter = field(default_factory=Counter)
    bad: list = field(default_factory=list)
    requests: list = field(default_factory=list)
    connections: int = 0

    def __enter__(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                receiver.connections += 1
                super().setup()

            def do_POST(self):
                receiver.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        if self.tls is not None:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self._thread = Thread(target=self.server.serve_forever, args=[0.01], daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(10)

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/hook?a=b"

    @property
    def by_key(self):
        """Key -> how often it took effect."""
        return Counter(each["key"] for each in self.taken)

    def answer(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((headers, body))
        try:
            event = verify_webhook(self.keys, headers, body, now=time.time())
        except InputError as error:
            self.bad.append(error)
            self._say(request, 401)
            return
        document = json.loads(body)
        self.tries[event] += 1
        mood = self.plan(document, self.tries[event])
        if mood == "slow":
            time.sleep(self.slow_s)
            mood = 200
        if mood == "hang up":
            request.close_connection = True
            request.connection.close()
            return
        status, more = mood if isinstance(mood, tuple) else (mood, {})
        status = 200 if mood == "take and hang up" else status
        known = self.once and any(each["id"] == event for each in self.taken)
        if 200 <= status < 300 and not known:
            self.taken.append(document)
        if mood == "take and hang up":
            request.close_connection = True
            request.connection.close()
            return
        self._say(request, status, more)

    def _say(self, request, status, headers=()):
        request.send_response(status)
        for name, value in dict(headers).items():
            request.send_header(name, value)
        body = b"" if status == 204 else b"ok"
        if body:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
