"""The file channel: one JSON line a remedy, appended, on disk before it is called sent (R15)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EACCES
from pathlib import Path
from typing import IO, Any

from apologylab.channels.lock import turn
from apologylab.channels.settings import Settings
from apologylab.design.money import Money
from apologylab.errors import InputError
from apologylab.service.channel import Needs, Outgoing, Sent

FILE = "remedies.jsonl"
OWN = ".remedies.jsonl"
"""The same file under a second name (a hard link), by which it is found after it was moved away."""
KEPT = ".keys.jsonl"
"""The keys of files that were moved away, one JSON text a line."""
TURN = ".turn"


class FileChannel:
    """Appends to ``remedies.jsonl`` in ``folder``; a key that stood there is never written again.

    Each line holds ``key, customer, experiment, arm, text, locale, compensation, amount`` and what
    :func:`_line` adds; the amount is written "5.00 USD". A line that a crash tore was never called
    sent: it is cut off.

    Workers that dispatch the same ledger share one folder: another folder does not know the keys.

    The file may be moved away at any time, also after a crash: its keys stay known. That rests on
    a hard link; where the disk has none, a file must not be moved while a dispatcher that died has
    not been followed by another. Emptying it in place instead of moving it loses its keys.
    """

    once = True
    harmless = True

    def __init__(self, folder: Path, *, name: str = "file") -> None:
        self.name = name
        self.file = folder / FILE
        self._own = folder / OWN
        self._kept_file = folder / KEPT
        self._turn = folder / TURN
        self._kept: set[str] = set()
        self._kept_to = 0
        self._keys: set[str] = set()
        self._read_to = 0
        self._read_of: tuple[int, int] | None = None

    def accepted(self, keys: Sequence[str]) -> frozenset[str]:
        """See :meth:`apologylab.service.channel.Channel.accepted`."""
        with self._alone():
            return frozenset(key for key in keys if self._knows(key))

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """See :meth:`apologylab.service.channel.Channel.send`."""
        with self._alone() as lines:
            new = {each.key: each for each in batch if not self._knows(each.key)}
            self._append(lines, list(new.values()))
        return [Sent(key=each.key, state="sent") for each in batch]

    def lacks(self, needs: Needs) -> str:
        """See :meth:`apologylab.service.channel.Channel.lacks`: a file takes anything."""
        del needs
        return ""

    def reach(self) -> str:
        """See :meth:`apologylab.service.channel.Channel.reach`."""
        folder = self.file.parent
        standing = next(each for each in (folder, *folder.parents) if each.exists())
        if not (standing.is_dir() and os.access(standing, os.W_OK)):
            raise PermissionError(EACCES, "it cannot be written to", str(standing))
        return f"writes {self.file}"

    def close(self) -> None:
        """See :meth:`apologylab.service.channel.Channel.close`: nothing is kept open."""

    def _knows(self, key: str) -> bool:
        return key in self._keys or key in self._kept

    @contextmanager
    def _alone(self) -> Iterator[IO[bytes]]:
        """The open file, read to its end, with every other process kept out."""
        with turn(self._turn):
            self._learn_kept()
            if self._was_moved():
                self._begin_anew()
            if not self.file.exists():
                self.file.touch()
                _sync_folder(self.file.parent)
            with self.file.open("r+b") as lines:
                self._catch_up(lines)
                self._link()
                yield lines

    def _was_moved(self) -> bool:
        """Whether the file that lines went to is not the one that stands there now."""
        former = {self._read_of, _found(self._own)} - {None}
        return bool(former - {_found(self.file)})

    def _begin_anew(self) -> None:
        """Keep the keys of the file that was moved away; another begins."""
        written = self._own.read_bytes() if self._own.exists() else b""
        read = {_key(line) for line in _whole(written)}
        self._keep(self._keys.union(key for key in read if key is not None))
        self._own.unlink(missing_ok=True)
        self._keys, self._read_to, self._read_of = set(), 0, None

    def _link(self) -> None:
        if self._own.exists():
            return
        with suppress(OSError):
            os.link(self.file, self._own)
            _sync_folder(self.file.parent)

    def _learn_kept(self) -> None:
        if not self._kept_file.exists():
            return
        with self._kept_file.open("rb") as lines:
            lines.seek(self._kept_to)
            whole = _whole(lines.read())
        self._kept.update(map(json.loads, whole))
        self._kept_to += sum(map(len, whole))

    def _keep(self, keys: Iterable[str]) -> None:
        """Add to the keys of files that were moved away, over what a crash tore."""
        new = sorted(set(keys) - self._kept)
        with self._kept_file.open("ab") as lines:
            lines.truncate(self._kept_to)
            lines.write(b"".join(json.dumps(key).encode() + b"\n" for key in new))
            lines.flush()
            os.fsync(lines.fileno())
        _sync_folder(self._kept_file.parent)
        self._learn_kept()

    def _catch_up(self, lines: IO[bytes]) -> None:
        """Learn the keys written since we last looked, and cut off a torn last line."""
        size = lines.seek(0, os.SEEK_END)
        if size < self._read_to:
            self._keep(self._keys)
            self._keys, self._read_to = set(), 0
        lines.seek(self._read_to)
        whole = _whole(lines.read())
        self._keys.update(self._ours(line, number) for number, line in enumerate(whole, 1))
        self._read_to += sum(map(len, whole))
        self._read_of = _identity(os.fstat(lines.fileno()))
        if self._read_to < size:
            lines.truncate(self._read_to)
        if whole:  # whoever wrote them may have died before they were on disk
            os.fsync(lines.fileno())

    def _ours(self, line: bytes, number: int) -> str:
        key = _key(line)
        if key is None:
            raise InputError(
                f"{self.file} holds a line that we did not write ({number} after {self._read_to})",
                do="move the file away; what it lists is what was sent so far",
            )
        return key

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


def channel(settings: Settings) -> FileChannel:
    """The file channel that ``settings`` describe: ``folder``, by default ``outbox`` or its name.

    Raises:
        ConfigError: a setting is wrong.
    """
    usual = "outbox" if settings.name == "file" else f"outbox/{settings.name}"
    folder = settings.folder(usual)
    settings.all_read()
    return FileChannel(folder, name=settings.name)


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
        "expires_days": each.expires_days,
        "code": each.code,
        "subject": each.subject,
        "to": each.to,
        "sender": each.sender,
        "purpose": each.purpose,
        "promotional": each.promotional,
        "parts": [{"part": part, "text": text} for part, text in each.parts],
    }


def _key(line: bytes) -> str | None:
    """The key that a line is about; None if it is none of ours."""
    try:
        return str(json.loads(line)["key"])
    except (ValueError, KeyError, TypeError):
        return None


def _whole(written: bytes) -> list[bytes]:
    """The lines that end, each with its end."""
    return written[: written.rfind(b"\n") + 1].splitlines(keepends=True)


def _found(file: Path) -> tuple[int, int] | None:
    """Which file stands under a name; None if there is none."""
    return _identity(file.stat()) if file.exists() else None


def _identity(status: os.stat_result) -> tuple[int, int]:
    """What tells a file from another that has its name."""
    return status.st_dev, status.st_ino


def _sync_folder(folder: Path) -> None:
    """Make the new file's name durable; Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
