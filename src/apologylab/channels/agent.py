"""The agent channel: a remedy as a task for a person, with a card of what to say (a CSV, or HTTP).

The card names the parts to say, what may be given at most, and how to report what was done: said,
changed or skipped. Those reports come back as facts (``apologylab record --as agent_answer``); they
are compliance, and whoever was drawn stays in the arm.

In a folder, each batch of tasks is one CSV file, named by its place in ``remedies.jsonl`` there: a
crash between the two writes the same file again, and each task stands in one file.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from typing import TYPE_CHECKING, Any, Final

from apologylab.channels.file import FileChannel
from apologylab.channels.lock import turn
from apologylab.channels.webhook import channel as webhook_channel
from apologylab.wire.tasks import COLUMNS, task_body, task_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from apologylab.channels.settings import Settings
    from apologylab.service.channel import Channel, Needs, Outgoing, Sent

DONE: Final = ".tasks_to"
"""Up to which byte of ``remedies.jsonl`` tasks were written as CSV."""

TURN: Final = ".tasks.turn"


class AgentFolder:
    """Tasks as CSV files in a folder that a help desk imports and takes away."""

    once = True
    harmless = False

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._kept = FileChannel(folder, name=name)
        self._done = folder / DONE

    def accepted(self, keys: Sequence[str]) -> frozenset[str]:
        """See :meth:`apologylab.service.channel.Channel.accepted`."""
        self._write()
        return self._kept.accepted(keys)

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Sent]:
        """See :meth:`apologylab.service.channel.Channel.send`."""
        answers = self._kept.send(batch)
        self._write()
        return answers

    def lacks(self, needs: Needs) -> str:
        """See :meth:`apologylab.service.channel.Channel.lacks`: agents find customers."""
        del needs
        return ""

    def reach(self) -> str:
        """See :meth:`apologylab.service.channel.Channel.reach`."""
        return self._kept.reach()

    def close(self) -> None:
        """See :meth:`apologylab.service.channel.Channel.close`."""
        self._kept.close()

    def _write(self) -> None:
        """Write as CSV what was kept since it was last written; one process at a time."""
        with turn(self._folder / TURN):
            if self._kept.file.exists():
                self._write_rest(self._kept.file)

    def _write_rest(self, file: Path) -> None:
        whole = file.read_bytes()
        which = hashlib.sha256(whole[: whole.find(b"\n")]).hexdigest()[:8]
        begin = self._written_to(which)
        lines = whole[begin : whole.rfind(b"\n") + 1]
        if not lines:
            return
        rows = [json.loads(line) for line in lines.splitlines()]
        _replace(self._folder / f"tasks-{which}-{begin:012d}.csv", _csv(rows))
        _replace(self._done, f"{which} {begin + len(lines)}")

    def _written_to(self, which: str) -> int:
        """Up to where the file that begins so was written; 0 of one that began anew."""
        said = self._done.read_text().split() if self._done.exists() else []
        return int(said[1]) if said[:1] == [which] else 0


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(task_row(each) for each in rows)
    return text.getvalue()


def _replace(file: Path, text: str) -> None:
    """Write a file whole or not at all, on disk before it is seen."""
    draft = file.with_name(f".{file.name}.new")
    with draft.open("w", encoding="utf-8", newline="") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    draft.replace(file)


def channel(settings: Settings) -> Channel:
    """The agent channel that ``settings`` describe: to a folder, or with ``url`` to a help desk.

    Raises:
        ConfigError: a setting is missing or wrong.
    """
    if settings.optional_text("url") is not None:
        return webhook_channel(settings, body=task_body)
    folder = settings.folder(f"outbox/{settings.name}")
    settings.all_read()
    return AgentFolder(settings.name, folder)
