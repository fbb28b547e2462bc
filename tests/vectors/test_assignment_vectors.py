"""Every implementation reproduces tests/vectors/assignment.json (R1)."""

from __future__ import annotations

import importlib.util
import json
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from apologylab.assignment.assigner import Assigner
from apologylab.assignment.draw import compile_draw, ledger_needs
from apologylab.errors import StateError, UnitIdError
from apologylab.warehouse.draw import draw_query, invalid
from apologylab.wire.declaration import read

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "experiments"
DOCUMENT = json.loads((HERE / "assignment.json").read_text(encoding="utf-8"))
VECTORS = [SimpleNamespace(**vector) for vector in DOCUMENT["vectors"]]
NAMES = list(DOCUMENT["declarations"])


def declared(name):
    text = DOCUMENT["declarations"][name]
    return read(text or (SHIPPED / name / "experiment.toml").read_text("utf-8"), where=name)


def vectors_of(name):
    return [vector for vector in VECTORS if vector.experiment == name]


def as_expected(answer, unit, *, drawn="RANDOMISED"):
    """An Assignment in the file's words."""
    return {
        "unit": unit,
        "arm": answer.arm,
        "reason": "RANDOMISED" if answer.reason == drawn else answer.reason,
        "propensity": answer.propensity,
        "delay_s": answer.delay_s,
    }


def expected(vector):
    if vector.answer is None:
        return None
    share = vector.answer["propensity"]
    return vector.answer | {"propensity": share and share[0] / share[1]}


def python_answer(judge, vector, *more, drawn):
    try:
        answer = judge(vector.unit, vector.context, *more)
    except UnitIdError:
        return None
    return as_expected(answer, vector.answer and vector.answer["unit"], drawn=drawn)


def test_the_file_is_what_the_generator_writes(tmp_path):
    spec = importlib.util.spec_from_file_location("vector_generator", HERE / "generate.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    generator.HERE = tmp_path
    generator.main()
    written = (tmp_path / "assignment.json").read_text()
    assert json.loads(written) == DOCUMENT, "run tests/vectors/generate.py and look at the change"


def test_there_are_enough_of_every_kind():
    assert len({(vector.experiment, vector.unit) for vector in VECTORS}) >= 500
    reasons = [vector.answer and vector.answer["reason"] for vector in VECTORS]
    for reason in ("RANDOMISED", "INELIGIBLE", "HOLDOUT", "OVERRIDE", None):
        assert reasons.count(reason) >= 4, reason
    assert sum(not vector.unit.isascii() for vector in VECTORS) >= 200


@pytest.mark.parametrize("name", NAMES)
def test_the_assigner_reproduces_them(name):
    assigner = Assigner(declared(name))
    for vector in vectors_of(name):
        got = python_answer(assigner.propose, vector, vector.phase, drawn="RANDOMISED")
        assert got == expected(vector), (vector.unit, vector.context)


@pytest.mark.parametrize("name", NAMES)
def test_the_draw_reproduces_them(name):
    experiment = declared(name)
    if ledger_needs(experiment):
        with pytest.raises(StateError, match="budget"):
            compile_draw(experiment)
        return
    for phase, vectors in groupby(
        sorted(vectors_of(name), key=lambda v: v.phase), key=lambda v: v.phase
    ):
        draw = compile_draw(experiment, phase=phase)
        for vector in vectors:
            got = python_answer(draw, vector, drawn="PREVIEW")
            assert got == expected(vector), (vector.unit, vector.context)


@pytest.mark.parametrize("name", NAMES)
def test_the_sql_reproduces_them(name):
    experiment = declared(name)
    for phase in sorted({vector.phase for vector in vectors_of(name)}):
        vectors = [v for v in vectors_of(name) if v.phase == phase and writable(v.unit)]
        assert sql_answers(experiment, vectors, phase) == [
            expected(vector) for vector in vectors if vector.answer is not None
        ]


@pytest.mark.parametrize("name", NAMES)
def test_the_sql_refuses_the_same_ids(name):
    experiment = declared(name)
    vectors = [vector for vector in vectors_of(name) if writable(vector.unit)]
    units = table(vectors)
    query = f"SELECT {invalid('unit', experiment.unit_id)} IS NOT NULL FROM units ORDER BY row"
    with duckdb.connect() as engine:
        engine.register("units", units)
        refused = [row[0] for row in engine.sql(query).fetchall()]
    assert refused == [vector.answer is None for vector in vectors]


def writable(unit):
    """Half a surrogate pair cannot be written into a file, so the SQL path never meets one."""
    return not any("\ud800" <= letter <= "\udfff" for letter in unit)


def table(vectors):
    fields = sorted({field for vector in vectors for field in vector.context})
    columns = {field: [vector.context.get(field) for vector in vectors] for field in fields}
    rows = list(range(len(vectors)))
    return pa.table({"unit": [vector.unit for vector in vectors], "row": rows} | columns)


def sql_answers(experiment, vectors, phase):
    units = table(vectors)
    query = draw_query(
        experiment, source="units", unit="unit", columns=units.column_names, phase=phase
    )
    with duckdb.connect() as engine:
        engine.register("units", units)
        rows = engine.sql(f"SELECT unit, arm, reason, propensity, delay_s FROM ({query})")
        names = [column[0] for column in rows.description]
        answers = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    return [
        answer | {"reason": "RANDOMISED" if answer["reason"] == "PREVIEW" else answer["reason"]}
        for answer in answers
    ]
