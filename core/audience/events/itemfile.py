"""Importing a file of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.audience.events import catalogue
from core.audience.events.problems import words
from core.audience.importing.reader import Reader
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

_CHILD = "core.audience.events.child"
#: Rejected rows that are told one by one.
_TOLD = 100


def load(rt: Runtime, path: Path, changes: Mapping[str, str], who: str) -> dict[str, Any]:
    """Create or change the items of a file; `changes` is target → header.

    Returns {"rows", "created", "updated", "unchanged", "rejected", "rejects": [{"row", "reason", "field"}]},
    of the rejects the first hundred; rows adds up.  Raises `Refusal` when the file cannot be read.
    """
    if not path.is_file():
        raise Refusal(_("There is no file %(path)s.", path=path), field="file")
    done: dict[str, Any] = dict.fromkeys(("rows", "created", "updated", "unchanged", "rejected"), 0)
    done["rejects"] = []
    with Reader({"op": "items", "path": str(path), "map": dict(changes)}, _CHILD) as reader:
        while (message := reader.hear())[0] == "items":
            _take(rt, done, *message[1:])
    with database.write_tx():
        audit.record(who, "items.import", "item", f"{path.name[:150]}: {done['rows']} rows")
    return done


def _take(rt: Runtime, done: dict[str, Any], first: int, rows: list[dict[str, str]]) -> None:
    filled = [(line, row) for line, row in enumerate(rows, first) if row]
    found = catalogue.upsert_items(rt, [row for _line, row in filled])
    done["rows"] += len(filled)
    for name in ("created", "updated", "unchanged"):
        done[name] += getattr(found, name)
    done["rejected"] += len(found.problems)
    for at, problem in found.problems[: _TOLD - len(done["rejects"])]:
        done["rejects"].append(
            {"row": filled[at][0], "reason": words(problem.reason), "field": problem.field}
        )
