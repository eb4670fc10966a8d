"""The reader process of files of events and items; speaks as `core.audience.importing.child` does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

from core.audience.events import reading, table
from core.audience.events.checking import Rules
from core.audience.importing import child


def _look(request: dict[str, Any], out: BinaryIO) -> None:
    rules = Rules.from_dict(request["rules"])
    found = reading.look(Path(request["path"]), request["options"], rules, request["titles"])
    child.send(out, ("look", found))


def _titles(request: dict[str, Any], out: BinaryIO) -> None:
    child.send(out, ("titles", reading.titles(Path(request["path"]))))


def _import(request: dict[str, Any], out: BinaryIO) -> None:
    """Count currencies if asked, wait for the rules, then send chunk after chunk."""
    from core.security.crypto import load_keys

    path, plan = Path(request["path"]), reading.Plan.from_dict(request["plan"])
    keys = load_keys(Path(request["keys"]))
    found = reading.currencies(path, plan) if request["currencies"] else {}
    child.send(out, ("currencies", dict(found)))
    out.flush()
    rules = Rules.from_dict(json.loads(sys.stdin.readline()))
    for chunk in reading.chunks(path, plan, rules, request["titles"], keys, request["start"]):
        child.send(out, ("chunk", chunk.cursor, chunk.count, chunk.rows, chunk.rejects))
        out.flush()
    child.send(out, ("end",))


def _items(request: dict[str, Any], out: BinaryIO) -> None:
    for first, rows in table.item_rows(Path(request["path"]), request["map"]):
        child.send(out, ("items", first, rows))
        out.flush()
    child.send(out, ("end",))


if __name__ == "__main__":
    child.main({"look": _look, "titles": _titles, "import": _import, "items": _items})
