"""Assignments a second in process, beside other SDKs and beside the SHA-256 that a draw needs."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peers
from apologylab.assignment.draw import compile_draw
from apologylab.errors import UnitIdError
from apologylab.wire.declaration import read
from measure import Row, cost, medians, rate, skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apologylab.assignment.assignment import Assignment
    from apologylab.assignment.judge import Judge
    from apologylab.design.experiment import Experiment

VECTORS = Path(__file__).parent.parent / "tests" / "vectors" / "assignment.json"
DESIGN = "late_ride_light"
CONTEXT = {**peers.ATTRIBUTES, "already_refunded": False, "abuse_flag": False}
ROUNDS, DRAWS, DISTINCT = 7, 20_000, 1_000_000
CASE = "draws in process, exposure to a callback"
PEERS: dict[str, Callable[[], peers.Draws]] = {
    "eppo-server-sdk, bare flag": lambda: peers.eppo(same_rules=False),
    "eppo-server-sdk, same rules": lambda: peers.eppo(same_rules=True),
    "growthbook": peers.growthbook,
    "UnleashClient": peers.unleash,
    "openfeature-sdk in memory": peers.openfeature,
}


def rows() -> list[Row]:
    """Peers, the share of a bare SHA-256, and memory."""
    check_answers()
    ours, exposed = our_draws()
    others, missing = installed()
    seconds = timed({"ours": ours, "one SHA-256": bare_digests, **others})
    speed = {name: DRAWS / taken for name, taken in seconds.items()}
    assert exposed[0] >= 0.9 * ROUNDS * DRAWS, "the callback got too few exposures"
    return [
        *(
            rate(CASE, name, ours=speed["ours"], theirs=speed[name], unit="draws/s")
            for name in (*others, "one SHA-256")
        ),
        *missing,
        memory(),
    ]


def check_answers() -> None:
    """Every vector of the design that is timed, before the clock starts."""
    draw, checked = compile_draw(design()), 0
    for vector in json.loads(VECTORS.read_text())["vectors"]:
        if vector["experiment"] == DESIGN:
            assert answered(draw, vector) == wanted(vector), vector
            checked += 1
    assert checked >= 100


def answered(draw: Judge, vector: dict[str, Any]) -> tuple[str, str] | None:
    """(arm, reason) of our draw; None for a refused id."""
    try:
        answer = draw(vector["unit"], vector["context"])
    except UnitIdError:
        return None
    return answer.arm, answer.reason


def wanted(vector: dict[str, Any]) -> tuple[str, str] | None:
    """The same of the vector; what a draw gives is a preview until it is recorded."""
    answer = vector["answer"]
    return answer and (answer["arm"], answer["reason"].replace("RANDOMISED", "PREVIEW"))


def design() -> Experiment:
    """The Uber design without budget and cooldown, with a 5% holdout."""
    return read(json.loads(VECTORS.read_text())["declarations"][DESIGN], where=DESIGN)


def our_draws() -> tuple[peers.Draws, list[int]]:
    """Our task, and how many exposures its callback got."""
    exposed = [0]

    def on_exposure(_unit: str, _answer: Assignment) -> None:
        exposed[0] += 1

    draw = compile_draw(design(), on_exposure=on_exposure)

    def draws(units: Sequence[str]) -> int:
        for unit in units:
            draw(unit, CONTEXT)
        return exposed[0]

    return draws, exposed


def bare_digests(units: Sequence[str]) -> int:
    """One SHA-256 a unit and nothing else: the least that a draw by hash can cost."""
    for unit in units:
        sha256(unit.encode()).digest()
    return 0


def installed() -> tuple[dict[str, peers.Draws], list[Row]]:
    """The peers that are here, and a row for each that is not."""
    found, missing = {}, []
    for name, make in PEERS.items():
        try:
            found[name] = make()
        except ImportError as error:
            missing.append(skipped(CASE, name, f"{error.name} is not installed"))
    return found, missing


def timed(draws: dict[str, peers.Draws]) -> dict[str, float]:
    """Median seconds of each for :data:`DRAWS` ids; no id is met twice, so no cache helps."""

    def task(name: str, one: peers.Draws) -> Callable[[], None]:
        batches = iter(
            [[f"customer-{part}{i:06}" for i in range(DRAWS)] for part in range(ROUNDS + 1)]
        )

        def run() -> None:
            shown = one(next(batches))
            assert name in {"ours", "one SHA-256"} or shown >= 0.9 * DRAWS, (name, shown)

        return run

    return medians({name: task(name, one) for name, one in draws.items()}, rounds=ROUNDS)


def memory() -> Row:
    """Growth of this process over a million units that it has not met; under 1 MB counts as 1."""
    case = f"memory grown over {DISTINCT:,} distinct units"
    try:
        from psutil import Process
    except ImportError:
        return skipped(case, "1 MB", "psutil is not installed")
    draws, _ = our_draws()
    draws([f"warm-{number}" for number in range(DRAWS)])
    before = Process().memory_info().rss
    for start in range(0, DISTINCT, DRAWS):
        draws([f"distinct-{number}" for number in range(start, start + DRAWS)])
    grown = (Process().memory_info().rss - before) / 1e6
    return cost(case, "1 MB", ours=max(grown, 1.0), theirs=1.0, unit="MB")
