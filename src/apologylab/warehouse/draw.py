"""The draw as one SQL query for DuckDB, from the boundaries that the function in Python uses (R1).

Words of the digest are compared as hexadecimal text of 16 digits, which sorts as the numbers do;
the top arm has no upper bound. Each answer is made by :mod:`apologylab.assignment.answers`, and the
query only finds its place in a list.

Two tolerances, because a CSV file holds nothing but text: a number may be written as text, and a
whole number stands for itself or for its text. A rule whose column the file lacks is not judged;
:func:`not_judged` names those. DuckDB and Python may compose a character of a later Unicode than
Python's own in different ways; no assigned character of Unicode 14 differs.
"""

from __future__ import annotations

from math import isfinite
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, NamedTuple

from apologylab.assignment.answers import (
    arm_answers,
    drawn_arms,
    entry_share,
    held_out,
    is_whole,
    not_drawn,
    not_entered,
    outside_layer,
    shadow_delays,
)
from apologylab.assignment.draw import refuse_scheme
from apologylab.assignment.eligibility import UNSET, rules
from apologylab.assignment.hashing import (
    ARM,
    DELAY,
    ENTRY,
    WORD_BYTES,
    experiment_prefix,
    share_bound,
    shared_prefix,
)
from apologylab.assignment.judge import refuse_panel
from apologylab.assignment.units import LONGEST, normalise
from apologylab.warehouse.sql import double, identifier, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from apologylab.assignment.assignment import Assignment
    from apologylab.design.experiment import Experiment, NormaliseRule, Scalar

COLUMNS = (
    "unit",
    "arm",
    "propensity",
    "reason",
    "phase",
    "version",
    "delay_s",
    "entry",
    "holdout",
    "because",
    "timing",
)
"""What a drawn file holds, in this order."""
_BAD = r"[\x00-\x1f\x7f-\x{9f}]"
HEX_DIGITS = 2 * WORD_BYTES


class Branch(NamedTuple):
    """The answer to the rows that meet ``condition`` and none before it."""

    condition: str
    answer: Assignment


def draw_query(
    experiment: Experiment, *, source: str, unit: str, columns: Sequence[str], phase: int = 1
) -> str:
    """A query that answers for each valid row of ``source``, in :data:`COLUMNS`.

    ``source`` is a table expression with the columns ``columns``, ``unit`` among them. Rows whose
    unit id breaks R8 are left out: :func:`invalid` finds them.
    """
    branches = tuple(_branches(experiment, phase, columns))
    cases = " ".join(f"WHEN {one.condition} THEN {i}" for i, one in enumerate(branches, start=1))
    taken = [f"{unit_expression(unit, experiment.unit_id)} AS unit"]
    taken += [f"{identifier(one)} AS {_field(one)}" for one in _judged_fields(experiment, columns)]
    valid = f"{invalid(unit, experiment.unit_id)} IS NULL"
    return (
        f"SELECT unit, {_answers([one.answer for one in branches])} FROM ("
        f"SELECT unit, CASE {cases} END AS answer FROM ("
        f"SELECT {', '.join(('*', *_words(experiment, phase)))} FROM ("
        f"SELECT {', '.join(taken)} FROM {source} WHERE {valid})))"
    )


def not_judged(experiment: Experiment, columns: Sequence[str]) -> tuple[str, ...]:
    """Fields that eligibility asks for and that ``columns`` lacks, so that nobody judges them."""
    return tuple(name for name in _asked_fields(experiment) if name not in columns)


def _judged_fields(experiment: Experiment, columns: Sequence[str]) -> list[str]:
    return [name for name in _asked_fields(experiment) if name in columns]


def _asked_fields(experiment: Experiment) -> tuple[str, ...]:
    asked = rules(experiment)
    names = ["kind"] if asked.never else []
    names += [name for name, _, _ in asked.among]
    names += [asked.severity[0]] if asked.severity else []
    return tuple(dict.fromkeys([*names, *asked.flags]))


def _field(name: str) -> str:
    return identifier(f"incident {name}")


def unit_expression(column: str, rule: NormaliseRule) -> str:
    """The id in ``column``, normalised by ``rule``."""
    raw = f"CAST({identifier(column)} AS VARCHAR)"
    if rule == "exact":
        return raw
    composed = f"nfc_normalize({raw})"
    if rule == "nfc":
        return composed
    # For ASCII, lower() is the same and several times faster than translate().
    return (
        f"CASE WHEN strlen({raw}) = length({raw}) THEN lower({raw}) "
        f"ELSE translate({composed}, '{ascii_uppercase}', '{ascii_lowercase}') END"
    )


def invalid(column: str, rule: NormaliseRule) -> str:
    """Why the id in ``column`` is refused, in words; NULL where it is valid (R8).

    The id is searched as it stands in the file: DuckDB's ``nfc_normalize`` ends at a NUL. An id
    that ``url_encode`` leaves alone has no control character, which saves most of the searches.
    """
    raw = f"CAST({identifier(column)} AS VARCHAR)"
    return (
        f"CASE WHEN {raw} IS NULL OR {raw} = '' THEN 'the id is empty' "
        f"WHEN length({unit_expression(column, rule)}) > {LONGEST} "
        f"THEN 'the id has more than {LONGEST} characters' "
        f"WHEN url_encode({raw}) = {raw} THEN NULL "
        f"WHEN regexp_matches({raw}, '{_BAD}') THEN 'the id holds a control character' END"
    )


def _words(experiment: Experiment, phase: int) -> Iterator[str]:
    """The words of the digests that decide something; a certain draw is not hashed (R1)."""
    draw = f"sha256({text_literal(experiment_prefix(experiment).decode())} || unit)"
    wanted = {
        ENTRY: share_bound(entry_share(experiment, phase)),
        ARM: drawn_arms(experiment, phase).cuts,
        DELAY: shadow_delays(experiment).cuts,
    }
    for number, decides in wanted.items():
        if decides:
            yield f"{_word(draw, number)} AS word_{number}"
    for name, salt in _shared_draws(experiment).items():
        prefix = text_literal(shared_prefix(name, salt).decode())
        yield f"{_word(f'sha256({prefix} || unit)', 0)} AS word_{name}"


def _word(digest: str, number: int) -> str:
    return f"substr({digest}, {number * HEX_DIGITS + 1}, {HEX_DIGITS})"


def _shared_draws(experiment: Experiment) -> dict[str, str]:
    held, layer = experiment.holdout, experiment.layer
    salts = {
        "holdout": held.salt if held is not None and held.share > 0 else None,
        "layer": layer.name if layer is not None and not is_whole(layer) else None,
    }
    return {name: salt for name, salt in salts.items() if salt is not None}


def _branches(experiment: Experiment, phase: int, columns: Sequence[str]) -> Iterator[Branch]:
    """Every answer with its condition, in the order of judging (see ``assignment.judge``)."""
    refuse_panel(experiment)
    refuse_scheme(experiment)
    for condition, because in _refusals(experiment, columns):
        yield Branch(condition, not_drawn(experiment, "INELIGIBLE", because, phase=phase))
    for unit, arm in experiment.overrides.items():
        is_unit = f"unit = {text_literal(normalise(unit, experiment.unit_id))}"
        yield Branch(is_unit, arm_answers(experiment, arm, phase=phase, reason="OVERRIDE")[0])
    yield from _shared_branches(experiment, phase)
    entry = share_bound(entry_share(experiment, phase))
    if entry is not None:
        yield Branch(f"word_{ENTRY} >= '{entry.hex()}'", not_entered(experiment, phase))
    yield from _arm_branches(experiment, phase)


def _refusals(experiment: Experiment, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(condition, because) of the rules whose column the file has."""
    asked = rules(experiment)
    conditions = [
        ("kind", f"CAST({_field('kind')} AS VARCHAR) = {text_literal(kind)}", because)
        for kind, because in asked.never.items()
    ]
    conditions += [
        (name, f"({_one_of(name, values)}) IS NOT TRUE", because)
        for name, values, because in asked.among
    ]
    if asked.severity is not None:
        name, low, high, because = asked.severity
        number = f"TRY_CAST({_field(name)} AS DOUBLE)"
        within = f"{number} BETWEEN {_bound(low)} AND {_bound(high)}"
        conditions.append((name, f"({within}) IS NOT TRUE", because))
    unset = ", ".join(map(text_literal, UNSET))
    conditions += [
        (flag, f"lower(CAST({_field(flag)} AS VARCHAR)) NOT IN ({unset})", because)
        for flag, because in asked.flags.items()
    ]
    return ((condition, because) for name, condition, because in conditions if name in columns)


def _one_of(name: str, values: Iterable[Scalar]) -> str:
    return " OR ".join(_equals(_field(name), value) for value in values)


def _equals(field: str, value: Scalar) -> str:
    if isinstance(value, bool):
        return f"TRY_CAST({field} AS BOOLEAN) = {value}"
    if isinstance(value, int):
        return f"TRY_CAST({field} AS DOUBLE) = {value}"
    return f"CAST({field} AS VARCHAR) = {text_literal(value)}"


def _bound(value: float) -> str:
    return double(value) if isfinite(value) else f"CAST('{value}' AS DOUBLE)"


def _shared_branches(experiment: Experiment, phase: int) -> Iterator[Branch]:
    draws, held, layer = _shared_draws(experiment), experiment.holdout, experiment.layer
    if held is not None and "holdout" in draws:
        bound = share_bound(held.share)
        condition = f"word_holdout < '{bound.hex()}'" if bound is not None else "TRUE"
        yield Branch(condition, held_out(experiment, held, phase))
    if layer is not None and "layer" in draws:
        low, high = share_bound(layer.start), share_bound(layer.end)
        below = f"word_layer < '{low.hex()}'" if low is not None else "TRUE"
        above = f"word_layer >= '{high.hex()}'" if high is not None else "FALSE"
        yield Branch(f"({below} OR {above})", outside_layer(experiment, layer, phase))


def _arm_branches(experiment: Experiment, phase: int) -> Iterator[Branch]:
    drawn = drawn_arms(experiment, phase)
    for arm, in_arm in zip(drawn.items, _below(ARM, drawn.cuts), strict=True):
        answers = arm_answers(experiment, arm, phase=phase, reason="PREVIEW")
        delays = _below(DELAY, shadow_delays(experiment).cuts) if len(answers) > 1 else ("TRUE",)
        for answer, with_delay in zip(answers, delays, strict=True):
            yield Branch(f"{in_arm} AND {with_delay}", answer)


def _below(number: int, cuts: Sequence[bytes]) -> tuple[str, ...]:
    """Conditions in order: below each cut, and at last anything."""
    return (*(f"word_{number} < '{cut.hex()}'" for cut in cuts), "TRUE")


def _answers(answers: Sequence[Assignment]) -> str:
    """The fields of the answer whose place in ``answers``, from 1, is in the column ``answer``."""
    lists = {
        "arm": ("VARCHAR", [text_literal(one.arm) for one in answers]),
        "propensity": ("DOUBLE", [_number(one.propensity) for one in answers]),
        "reason": ("VARCHAR", [text_literal(one.reason) for one in answers]),
        "phase": ("INTEGER", [str(one.phase) for one in answers]),
        "version": ("INTEGER", [str(one.version) for one in answers]),
        "delay_s": ("INTEGER", [_number(one.delay_s) for one in answers]),
        "entry": ("DOUBLE", [_number(one.entry) for one in answers]),
        "holdout": ("DOUBLE", [_number(one.holdout) for one in answers]),
        "because": ("VARCHAR", [text_literal(one.because) for one in answers]),
        "timing": ("VARCHAR", [_text(one.timing) for one in answers]),
    }
    return ", ".join(
        f"CAST([{', '.join(values)}] AS {kind}[])[answer] AS {name}"
        for name, (kind, values) in lists.items()
    )


def _text(value: str | None) -> str:
    return "NULL" if value is None else text_literal(value)


def _number(value: float | None) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else double(value)
