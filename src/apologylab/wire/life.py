"""The JSON of ``explain``, ``forget`` and ``purge``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apologylab.service.explain import Life
    from apologylab.service.forget import Forgot
    from apologylab.service.purge import Purged


def life_document(life: Life) -> dict[str, object]:
    """What ``explain --json`` prints."""
    return {
        "format": "apologylab.life/1",
        "ids": list(life.ids),
        "forgotten": life.forgotten.isoformat() if life.forgotten else None,
        "events": [
            {
                "at": each.at.isoformat(),
                "kind": each.kind,
                "key": each.key,
                "incident": each.incident,
                "words": each.words,
                "subject": each.letter.subject if each.letter else None,
                "text": each.letter.text if each.letter else None,
            }
            for each in life.events
        ],
        "may_say": list(life.may_say),
    }


def forgot_document(forgot: Forgot) -> dict[str, object]:
    """What ``forget --json`` prints."""
    return {
        "format": "apologylab.forgot/1",
        "ids": list(forgot.ids),
        "texts": forgot.texts,
        "pending": forgot.pending,
        "kept": dict(forgot.kept),
        "fields": list(forgot.fields),
        "channels": list(forgot.channels),
        "before": forgot.before.isoformat() if forgot.before else None,
    }


def purged_document(purged: Purged) -> dict[str, object]:
    """What ``purge --json`` prints."""
    return {
        "format": "apologylab.purged/1",
        "before": purged.before.isoformat(),
        "texts": purged.remedies,
        "for_texts": purged.incidents,
        "done": purged.done,
    }
