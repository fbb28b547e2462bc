"""Rules about what is sent beside a remedy: surveys, and notices of promises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apologylab.design.duration import parse_duration
from apologylab.design.findings.finding import Finding, Rule, at, readable

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment


def we_send_them(experiment: Experiment) -> Iterator[Finding]:
    """Surveys and notices leave through our dispatcher."""
    if experiment.delivery.by != "caller":
        return
    if experiment.survey is not None:
        yield Finding(
            path="survey",
            what='is sent by apologylab, and by = "caller" leaves the sending to the caller',
            do="ask from your own system, and record its answers as survey_answer",
            related=("delivery.by",),
        )
    for level, said in experiment.wording.items():
        if said.promise is not None and said.promise.notice is not None:
            yield Finding(
                path=at("wording", level, "promise", "notice"),
                value=said.promise.notice,
                what='is sent by apologylab, and by = "caller" leaves the sending to the caller',
                do="delete it, and tell customers from your own system",
                related=("delivery.by",),
            )


def asked_once(experiment: Experiment) -> Iterator[Finding]:
    """A survey asks each question once."""
    if experiment.survey is None:
        return
    seen = set()
    for path, question in readable(experiment.survey.questions, "survey", "questions"):
        if question in seen:
            yield Finding(path=path, value=question, what="is asked twice", do="ask it once")
        seen.add(question)


def noticed_in_time(experiment: Experiment) -> Iterator[Finding]:
    """A notice comes after the promise and before its date."""
    for level, said in experiment.wording.items():
        promise = said.promise
        if promise is None or promise.notice is None:
            continue
        if parse_duration(promise.notice) >= parse_duration(promise.within):
            yield Finding(
                path=at("wording", level, "promise", "notice"),
                value=promise.notice,
                what=f"is not before the promise itself, which is for {promise.within}",
                do=f"write less than {promise.within}",
                related=(at("wording", level, "promise", "within"),),
            )


RULES: tuple[Rule, ...] = (we_send_them, asked_once, noticed_in_time)
