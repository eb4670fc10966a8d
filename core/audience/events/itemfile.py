"""Importing a file of the catalogue."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience.events import catalogue
from core.audience.events.problems import words
from core.audience.importing.reader import Reader
from core.contract.errors import Refusal
from core.db import database
from core.exporting import csv_stream
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

_CHILD = "core.audience.events.child"
#: Rejected rows that are told one by one; all of them are in the file.
_TOLD = 100
_NAME = re.compile(r"rejects-items-[0-9a-f]{16}\.csv\Z")
#: How long the files of rejected rows are kept.
KEEP_MS = 30 * clock.DAY_MS
_COLUMNS = ("key", "title", "category", "price", "tags")


def load(rt: Runtime, path: Path, changes: Mapping[str, str], who: str) -> dict[str, Any]:
    """Create or change the items of a file; `changes` is target → header.

    Returns {"rows", "created", "updated", "unchanged", "rejected", "rejects": [{"row", "reason", "field"}],
    "rejects_file"}: of the rejects the first hundred, and the file with all of them, None without any; rows adds
    up.  Raises `Refusal` when the file cannot be read.
    """
    if not path.is_file():
        raise Refusal(_("There is no file %(path)s.", path=path), field="file")
    done: dict[str, Any] = dict.fromkeys(("rows", "created", "updated", "unchanged", "rejected"), 0)
    done |= {"rejects": [], "rejects_file": None}
    _forget_old(rt)
    with (
        Reader({"op": "items", "path": str(path), "map": dict(changes)}, _CHILD) as reader,
        _Rejects(rt) as rejects,
    ):
        while (message := reader.hear())[0] == "items":
            _take(rt, done, rejects, *message[1:])
        done["rejects_file"] = rejects.path and str(rejects.path)
    with database.write_tx():
        audit.record(who, "items.import", "item", f"{path.name[:150]}: {done['rows']} rows")
    return done


class _Rejects:
    """The file of rejected rows, written as they come; there is none before the first."""

    def __init__(self, rt: Runtime):
        self._rt, self._file = rt, None
        self.path: Path | None = None

    def __enter__(self) -> _Rejects:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, rows: Iterable[tuple[int, str, Mapping[str, Any]]]) -> None:
        """(row of the file, reason in words, the row)."""
        lines = csv_stream(
            (_("row"), _("reason"), *_COLUMNS),
            ((line, why, *(row.get(name) for name in _COLUMNS)) for line, why, row in rows),
        )
        if self._file is None:
            self.path = self._rt.settings.path("uploads", f"rejects-items-{secrets.token_hex(8)}.csv")
            self.path.parent.mkdir(exist_ok=True, mode=0o700)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = open(handle, "w", encoding="utf-8", newline="")  # noqa: SIM115  (closed by __exit__)
        else:
            lines = islice(lines, 2, None)
        self._file.writelines(lines)


def rejects_file(rt: Runtime, name: str) -> Path:
    """The file of rejected rows of this name.  Raises `Refusal` (404) when there is none any more."""
    path = rt.settings.path("uploads", name)
    if not _NAME.match(name) or not path.is_file():
        raise Refusal(
            _("These rejected rows are not here any more; import the file again to see them."), status=404
        )
    return path


def _forget_old(rt: Runtime) -> None:
    for path in rt.settings.path("uploads").glob("rejects-items-*.csv"):
        if path.stat().st_mtime * 1000 < clock.now_ms() - KEEP_MS:
            path.unlink(missing_ok=True)


def _take(
    rt: Runtime, done: dict[str, Any], rejects: _Rejects, first: int, rows: list[dict[str, str]]
) -> None:
    filled = [(line, row) for line, row in enumerate(rows, first) if row]
    found = catalogue.upsert_items(rt, [row for _line, row in filled])
    done["rows"] += len(filled)
    for name in ("created", "updated", "unchanged"):
        done[name] += getattr(found, name)
    done["rejected"] += len(found.problems)
    if found.problems:
        rejects.add((filled[at][0], words(problem.reason), filled[at][1]) for at, problem in found.problems)
    for at, problem in found.problems[: _TOLD - len(done["rejects"])]:
        done["rejects"].append(
            {"row": filled[at][0], "reason": words(problem.reason), "field": problem.field}
        )
