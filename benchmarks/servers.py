"""The tests' own PostgreSQL server, for benchmarks."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any


def _load() -> Any:
    path = Path(__file__).parent.parent / "tests" / "postgres.py"
    spec = spec_from_file_location("postgres_of_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


postgres_server = _load()
