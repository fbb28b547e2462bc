"""The file channel: one JSON line a remedy, appended, on disk before it is called sent (R15)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from apologylab.channels.lock import lock
from apologylab.design.money import Money
from apologylab.errors import InputError
from apologylab.service.ports import Outgoing, Sent

FILE = "remedies.jsonl"


class FileChannel:
    """Appends to ``remedies.jsonl`` in ``folder``; a key that stands there is never written again.

    Each line holds ``key, customer, experiment, arm, text, locale, compensation, amount``; the
    amount is written "5.00 USD". A line that a crash tore was never called sent: it is cut off.
    """

    name = "file"

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE
        self._keys: set[str] = set()
        self._read_to = 0

    def accepted(self, keys: Sequence[str]) -> frozenset[str]:
        """See :meth:`apologylab.service.ports.Channel.accepted`."""
        with self._alone() as lines:
            self._catch_up(lines)
        return frozenset(self._keys.intersection(keys))

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """See :meth:`apologylab.service.ports.Channel.send`."""
        with self._alone() as lines:
            self._catch_up(lines)
            new = {each.key: each for each in batch if each.key not in self._keys}
            self._append(lines, list(new.values()))
        return [Sent(key=each.key, state="sent") for each in batch]

    @contextmanager
    def _alone(self) -> Iterator[IO[bytes]]:
        """The open file, with every other process kept out."""
        if not self.file.exists():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.touch()
            _sync_folder(self.file.parent)
        with self.file.open("r+b") as lines:
            lock(lines)
            yield lines

    def _catch_up(self, lines: IO[bytes]) -> None:
        """Learn the keys written since we last looked, and cut off a torn last line.

        A file shorter than what we read is another: somebody moved ours away meanwhile.
        """
        if lines.seek(0, os.SEEK_END) < self._read_to:
            self._read_to = 0
        lines.seek(self._read_to)
        written = lines.read()
        whole = written[: written.rfind(b"\n") + 1]
        if len(whole) < len(written):
            lines.truncate(self._read_to + len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            self._keys.add(self._key(line, number))
        self._read_to += len(whole)

    def _key(self, line: bytes, number: int) -> str:
        try:
            return str(json.loads(line)["key"])
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"{self.file} holds a line that we did not write ({number} after {self._read_to})",
                do="move the file away; what it lists is what was sent so far",
            ) from None

    def _append(self, lines: IO[bytes], batch: Sequence[Outgoing]) -> None:
        if not batch:
            return
        written = b"".join(json.dumps(_line(each)).encode() + b"\n" for each in batch)
        lines.seek(self._read_to)
        lines.write(written)
        lines.flush()
        os.fsync(lines.fileno())
        self._read_to += len(written)
        self._keys.update(each.key for each in batch)


def _line(each: Outgoing) -> dict[str, Any]:
    return {
        "key": each.key,
        "customer": each.customer,
        "experiment": each.experiment,
        "arm": each.arm,
        "text": each.text,
        "locale": each.locale,
        "compensation": each.compensation,
        "amount": str(Money(each.amount, each.currency)) if each.currency else None,
    }


def _sync_folder(folder: Path) -> None:
    """Make the new file's name durable; Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
