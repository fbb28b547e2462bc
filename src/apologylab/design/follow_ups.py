"""What is sent beside a remedy: a survey to some of all arms, a notice of a promise at risk.

Neither is a level of a factor: their fragments stand in ``messages/survey/QUESTION.LOCALE.txt`` and
``messages/notice/LEVEL.LOCALE.txt``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

from apologylab.design.arms import arms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apologylab.design.experiment import Experiment
    from apologylab.design.remedies import Promise

Purpose = Literal["remedy", "survey", "notice"]
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
SURVEY: Final = "survey"
NOTICE: Final = "notice"


def fragments_beside(experiment: Experiment) -> tuple[tuple[str, str], ...]:
    """(factor, level) of every fragment that follow-ups say."""
    asked = experiment.survey.questions if experiment.survey is not None else ()
    warned = [level for level, said in experiment.wording.items() if _warns(said.promise)]
    return (*((SURVEY, each) for each in asked), *((NOTICE, each) for each in warned))


def _warns(promise: Promise | None) -> bool:
    return promise is not None and promise.notice is not None


def promises(experiment: Experiment) -> Mapping[str, tuple[tuple[str, Promise], ...]]:
    """Arm -> the levels of it that promise something, each with its promise."""
    made = {level: said.promise for level, said in experiment.wording.items() if said.promise}
    return {
        arm.name: tuple((level, made[level]) for level in arm.levels.values() if level in made)
        for arm in arms(experiment)
    }


def purposes(experiment: Experiment) -> tuple[Purpose, ...]:
    """What is sent beside the remedy."""
    found: list[Purpose] = [SURVEY] if experiment.survey is not None else []
    if any(_warns(said.promise) for said in experiment.wording.values()):
        found.append(NOTICE)
    return tuple(found)


def queue_name(experiment: str, purpose: Purpose) -> str:
    """The queue of what is sent for a purpose; no experiment's name holds a slash.

    >>> queue_name("late_ride", "remedy"), queue_name("late_ride", "survey")
    ('late_ride', 'late_ride/survey')
    """
    return experiment if purpose == "remedy" else f"{experiment}/{purpose}"


def queues(experiment: str) -> tuple[str, ...]:
    """Every queue that remedies of ``experiment`` may wait in, its versions before included.

    >>> queues("late_ride")
    ('late_ride', 'late_ride/survey', 'late_ride/notice')
    """
    return tuple(queue_name(experiment, purpose) for purpose in PURPOSES)


def purpose_of(queue: str) -> str:
    """What the remedies of a queue are for.

    >>> purpose_of("late_ride"), purpose_of("late_ride/notice")
    ('remedy', 'notice')
    """
    return queue.partition("/")[2] or "remedy"


def answer_of(assignment: str, queue: str) -> str:
    """The answer that a remedy in ``queue`` belongs to: what is sent beside one has a mark.

    >>> answer_of("late_ride/i1", "late_ride"), answer_of("survey:late_ride/i1", "late_ride/survey")
    ('late_ride/i1', 'late_ride/i1')
    """
    return assignment.partition(":")[2] if "/" in queue else assignment


def incident_of(assignment: str, queue: str) -> str:
    """The incident of a remedy in ``queue``.

    >>> incident_of("late_ride/i1", "late_ride")
    'i1'
    >>> incident_of("notice/soon:late_ride/i1", "late_ride/notice")
    'i1'
    """
    return answer_of(assignment, queue).removeprefix(f"{queue.partition('/')[0]}/")
