"""What ``start`` and ``stop`` print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from apologylab.service.start import Begun

NEXT: Final = """\
next      from a file      apologylab record --template incident
          by order system  apologylab.hooks.connect, see the README
          how it goes      apologylab status {}"""

ENDED: Final = {"drain": "drained", "kill": "killed"}


def show_begun(begun: Begun, *, as_json: bool) -> None:
    """Print what ``start`` or ``stop`` did."""
    from apologylab.cli import console
    from apologylab.wire.running import begun_document

    if as_json:
        console.show_json(begun_document(begun))
    else:
        console.show(in_words(begun))
        if begun.did == "started":
            console.show(NEXT.format(begun.experiment))


def anew(begun: Begun) -> str:
    """How enrolment begins again, said to who starts what was ended; else nothing."""
    if begun.did != "nothing" or not begun.closed:
        return ""
    phase = (
        ""
        if begun.halted
        else f"a further phase that the plan has (--phase {begun.phase + 1}), or "
    )
    return f"To enrol anew, start {phase}version {begun.version + 1}."


def in_words(begun: Begun) -> str:
    """One sentence, or two."""
    named = f"{begun.experiment} version {begun.version}"
    stands = ENDED.get(begun.halted or "") or (
        "closed" if begun.closed else f"in phase {begun.phase}"
    )
    said = {
        "started": f"{named} is started, in phase {begun.phase}.",
        "phase": f"{named} is now in phase {begun.phase}.",
        "stopped": f"{named} enrols no more units.",
        "drained": f"{named} is drained: nothing new is drawn, what is owed still leaves.",
        "killed": f"{named} is killed: nothing leaves any more.",
        "nothing": f"Nothing to do: {named} is {stands} already.",
    }[begun.did]
    return f"{said} Closed because: {begun.closed}." if begun.closed else said
