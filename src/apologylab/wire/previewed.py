"""A preview and a sign-off as JSON documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apologylab.design.experiment import Experiment
    from apologylab.remedy.letter import Letter
    from apologylab.service.preview import Preview, Shown
    from apologylab.service.rehearse import Rehearsed
    from apologylab.service.sign_off import Standing


def preview_document(preview: Preview) -> dict[str, Any]:
    """``apologylab preview --json``."""
    return {
        "format": "apologylab.preview/1",
        "experiment": preview.experiment.name,
        "version": preview.experiment.version,
        "at": preview.at.isoformat(),
        "fields": dict(preview.fields),
        "arms": [_shown(each) for each in preview.shown],
        "beside": [
            {
                "title": each.title,
                "when": each.when,
                "locale": each.locale,
                "letter": _letter(each.letter) if each.letter else None,
                "because": each.because,
            }
            for each in preview.beside
        ],
    }


def _shown(each: Shown) -> dict[str, Any]:
    return {
        "arm": each.arm,
        "called": each.called,
        "probability": each.probability,
        "locale": each.locale,
        "letter": _letter(each.letter) if each.letter else None,
        "later": [_letter(letter) for letter in each.later],
        "sender": each.sender,
        "channel": each.channel,
        "gives": each.gives,
        "due_at": each.due_at.isoformat() if each.due_at else None,
        "shift_s": each.shift_s,
        "awaits": each.awaits,
        "because": each.because,
    }


def _letter(letter: Letter) -> dict[str, Any]:
    return {
        "subject": letter.subject,
        "text": letter.text,
        "parts": [{"part": each.part, "text": each.text} for each in letter.parts],
    }


def sign_off_document(stands: Standing) -> dict[str, Any]:
    """``apologylab sign --json``."""
    return {
        "format": "apologylab.sign_off/1",
        "experiment": stands.experiment,
        "sha256": stands.sha256,
        "roles": [
            {
                "role": role,
                "signed": role in stands.signed,
                "by": fact.by if fact else None,
                "at": fact.occurred_at.isoformat() if fact else None,
                "sha256": fact.sha256 if fact else None,
            }
            for role in stands.roles
            for fact in [stands.signed.get(role) or stands.outdated.get(role)]
        ],
        "missing": list(stands.missing),
        "left_out": list(stands.left_out),
    }


def rehearsal_document(experiment: Experiment, found: Iterable[Rehearsed]) -> dict[str, Any]:
    """``apologylab rehearse --json``."""
    return {
        "format": "apologylab.rehearsal/1",
        "experiment": experiment.name,
        "remedies": [
            {
                "arm": each.arm,
                "locale": each.locale,
                "channel": each.channel,
                "state": each.state,
                "because": each.because,
            }
            for each in found
        ],
    }
