"""The JSON of ``export``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apologylab.service.export import Exported

FORMAT = "apologylab.export/1"


def exported_document(written: Sequence[Exported], *, simulated: bool) -> dict[str, object]:
    """What ``export --json`` prints; kinds without a fact have no folder, and 0 rows."""
    return {
        "format": FORMAT,
        "simulated": simulated,
        "written": [
            {
                "kind": each.kind,
                "folder": each.folder,
                "rows": each.rows,
                "files": each.files,
                "bytes": each.size,
            }
            for each in written
        ],
    }
