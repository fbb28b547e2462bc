"""Arguments and options that several commands share, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="An experiment: its name, folder or file.")]
PanelFile = Annotated[
    Path | None, typer.Option(help="CSV or Parquet file of finished outcomes, one row a unit.")
]
AsOf = Annotated[
    str | None, typer.Option(help="Only what the ledger held by then: 2026-09-30 (00:00 UTC).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
By = Annotated[
    str | None, typer.Option("--by", help="Who does it; by default your login name. Is noted.")
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field", help="A field of the sample incident; may be given again.", metavar="NAME=VALUE"
    ),
]
