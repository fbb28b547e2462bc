"""``apologylab schema``: the declaration's JSON Schema."""

from __future__ import annotations


def schema() -> None:
    """Print the declaration's JSON Schema, with which editors complete and check experiment.toml.

    \b
    Example:
      apologylab schema > experiments/experiment.schema.json
    """
    from apologylab.cli.console import show_json
    from apologylab.wire.json_schema import json_schema

    show_json(json_schema())
