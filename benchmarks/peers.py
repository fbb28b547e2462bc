"""What other SDKs offer for the same question: 8 variants, each exposure handed to a callback.

Each maker gives a function that draws for a list of ids, each new to the SDK, and returns how many
exposures its callback got. Where nothing else is said, a peer judges no eligibility and no holdout,
in its favour. All work offline; nothing is fetched or reported.
"""

from __future__ import annotations

import json
import tempfile
import time
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Draws = Callable[[Sequence[str]], int]

VARIANTS = [f"arm{number}" for number in range(8)]
FLAG = "late_ride"
ATTRIBUTES: dict[str, str | int | float | bool | None] = {
    "kind": "late_ride",
    "minutes_late": 25,
    "country": "US",
    "consent": "service",
}
RULES = [
    {"attribute": "kind", "operator": "ONE_OF", "value": ["late_ride"]},
    {"attribute": "minutes_late", "operator": "GTE", "value": 10},
    {"attribute": "country", "operator": "ONE_OF", "value": ["US"]},
    {"attribute": "consent", "operator": "ONE_OF", "value": ["service", "marketing"]},
]


def eppo(*, same_rules: bool) -> Draws:
    """Eppo's SDK (Rust core) with its assignment logger; with our rules and holdout, or bare."""
    import eppo_client

    class Logger(eppo_client.AssignmentLogger):
        seen = 0

        def log_assignment(self, _: dict[str, Any]) -> None:
            self.seen += 1

    logger = Logger()
    flags = _eppo_flags(same_rules=same_rules)
    client = eppo_client.init(
        eppo_client.ClientConfig(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=logger,
            poll_interval_seconds=None,
            initial_configuration=eppo_client.Configuration(flags_configuration=flags),
        )
    )

    def draws(units: Sequence[str]) -> int:
        before, draw = logger.seen, client.get_string_assignment
        for unit in units:
            draw(FLAG, unit, ATTRIBUTES, "today")
        return logger.seen - before

    return draws


def _eppo_flags(*, same_rules: bool) -> bytes:
    slices = [
        {
            "variationKey": variant,
            "shards": [_shard("arm", number * 1250, (number + 1) * 1250)]
            + ([_shard("holdout", 500, 10_000)] if same_rules else []),
        }
        for number, variant in enumerate(VARIANTS)
    ]
    flag = {
        "key": FLAG,
        "enabled": True,
        "variationType": "STRING",
        "variations": {variant: {"key": variant, "value": variant} for variant in VARIANTS},
        "totalShards": 10_000,
        "allocations": [
            {
                "key": "experiment",
                "rules": [{"conditions": RULES}] if same_rules else [],
                "splits": slices,
                "doLog": True,
            }
        ],
    }
    return json.dumps(
        {
            "createdAt": "2026-01-01T00:00:00.000Z",
            "format": "SERVER",
            "environment": {"name": "bench"},
            "flags": {FLAG: flag},
        }
    ).encode()


def _shard(salt: str, start: int, end: int) -> dict[str, object]:
    return {"salt": salt, "ranges": [{"start": start, "end": end}]}


def growthbook() -> Draws:
    """GrowthBook with an inline experiment and its tracking callback."""
    from growthbook import Experiment, GrowthBook

    seen: list[int] = [0]

    def viewed(**_: object) -> None:
        seen[0] += 1

    book = GrowthBook(on_experiment_viewed=viewed)
    experiment: Any = Experiment(key=FLAG, variations=VARIANTS)

    def draws(units: Sequence[str]) -> int:
        before = seen[0]
        for unit in units:
            book.set_attributes({"id": unit})
            book.run(experiment)
        return seen[0] - before

    return draws


def unleash() -> Draws:
    """Unleash with a variant flag from a local file and its impression events."""
    from UnleashClient import UnleashClient
    from UnleashClient.cache import FileCache

    seen: list[int] = [0]

    def impression(_: object) -> None:
        seen[0] += 1

    variants = [
        {"name": name, "weight": 125, "stickiness": "default", "weightType": "variable"}
        for name in VARIANTS
    ]
    flag = {
        "name": FLAG,
        "enabled": True,
        "impressionData": True,
        "strategies": [{"name": "default"}],
    }
    cache = FileCache("bench", directory=tempfile.mkdtemp())
    cache.bootstrap_from_dict({"version": 2, "features": [{**flag, "variants": variants}]})
    client = UnleashClient(
        "http://127.0.0.1:9",
        "bench",
        disable_metrics=True,
        disable_registration=True,
        refresh_interval=10**6,
        cache=cache,
        event_callback=impression,
    )
    client.initialize_client(fetch_toggles=False)

    def draws(units: Sequence[str]) -> int:
        # Its callback runs on a thread of its own, behind a queue that drops what it cannot hold:
        # what is counted is the variants that came back, and the thread is let finish.
        names = [client.get_variant(FLAG, {"userId": unit})["name"] for unit in units]
        known = -1
        while known < seen[0]:
            known = seen[0]
            time.sleep(0.02)
        assert seen[0] > 0, "the callback was never called"
        return sum(name in VARIANTS for name in names)

    return draws


def openfeature() -> Draws:
    """OpenFeature's in-memory provider, a CRC as the whole draw, and a hook after each."""
    from openfeature import api
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.flag_evaluation import FlagResolutionDetails, Reason
    from openfeature.hook import Hook
    from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

    class Exposure(Hook):
        seen = 0

        def after(self, *_: object, **__: object) -> None:
            self.seen += 1

    def split(flag: Any, context: EvaluationContext) -> FlagResolutionDetails[str]:
        variant = VARIANTS[zlib.crc32((context.targeting_key or "").encode()) % 8]
        return FlagResolutionDetails(
            value=flag.variants[variant], variant=variant, reason=Reason.SPLIT
        )

    hook, values = Exposure(), {variant: variant for variant in VARIANTS}
    flag: Any = InMemoryFlag(VARIANTS[0], values, context_evaluator=split)
    api.set_provider(InMemoryProvider({FLAG: flag}))
    client = api.get_client()
    client.add_hooks([hook])

    def draws(units: Sequence[str]) -> int:
        before = hook.seen
        for unit in units:
            client.get_string_value(FLAG, "today", EvaluationContext(unit))
        return hook.seen - before

    return draws
