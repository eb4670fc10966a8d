"""The parent's end of the reader process."""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import core
from core.audience.importing.plan import Plan
from core.audience.importing.rows import Chunk
from core.contract.errors import Refusal
from core.i18n import _, language

_CHILD = "core.audience.importing.child"


class Reader:
    """One reader process and its one request.  A context manager: leaving it ends the process.

    `module` is the program of the process; it speaks as `child` does.
    """

    def __init__(self, request: Mapping[str, Any], module: str = _CHILD):
        root = str(Path(next(iter(core.__path__))).parent)
        environment = {**os.environ, "PYTHONPATH": root + os.pathsep + os.environ.get("PYTHONPATH", "")}
        self._process = subprocess.Popen(
            (sys.executable, "-m", module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self.say({**request, "language": language()})

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def say(self, value: Any) -> None:
        """Give the process a JSON value."""
        try:
            self._process.stdin.write(json.dumps(value).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            # It ended already; `hear` finds out why.
            return

    def hear(self) -> tuple:
        """The next message.  Raises `Refusal` when the file is refused or the process was stopped."""
        head = self._process.stdout.read(4)
        data = self._process.stdout.read(int.from_bytes(head, "big")) if len(head) == 4 else b""
        if not data:
            raise Refusal(self._last_words(), field="file")
        # Written by our own process a moment ago, never by a stranger.
        message = marshal.loads(data)  # noqa: S302
        if message[0] == "refusal":
            raise Refusal(message[1], field=message[2] or "file")
        return message

    def _last_words(self) -> str:
        self._process.kill()
        _out, errors = self._process.communicate()
        if self._process.returncode in (-9, -24) and not errors:
            return _("The file takes too long to read; save it as CSV or split it.")
        why = errors.decode("utf-8", "replace").strip().splitlines()[-1:] or [
            f"exit {self._process.returncode}"
        ]
        return _("The file cannot be read (%(why)s); save it as CSV and try again.", why=why[0][:200])


def look(
    path: Path,
    region: str,
    known: Mapping[str, str],
    *,
    changes: Mapping[str, str] | None = None,
    columns: list[dict] | None = None,
) -> dict[str, Any]:
    """What a file is and holds (see `child.look`), found out in the reader process."""
    request = {
        "op": "look",
        "path": str(path),
        "region": region,
        "known": dict(known),
        "map": dict(changes or {}),
        "columns": columns,
    }
    with Reader(request) as reader:
        return reader.hear()[1]


class Import:
    """The two steps of reading a file for an import: `survey`, then `chunks`."""

    def __init__(self, reader: Reader):
        self._reader = reader

    @staticmethod
    def request(path: Path, plan: Plan, keys: Path, start: int) -> dict[str, Any]:
        """The request that begins an import at file row `start`."""
        return {"op": "import", "path": str(path), "plan": plan.as_dict(), "keys": str(keys), "start": start}

    def survey(self, on_rows=lambda _n: None) -> tuple[int, dict[str, list[str]]]:
        """(file rows, different texts of each choice field); `on_rows` hears of progress."""
        while (message := self._reader.hear())[0] == "surveying":
            on_rows(message[1])
        return message[1], message[2]

    def chunks(self, codes: Mapping[str, Mapping[str, int]]) -> Iterator[Chunk]:
        """The chunks, in the order of the file, once the codes of choices are known."""
        self._reader.say({key: dict(texts) for key, texts in codes.items()})
        while (message := self._reader.hear())[0] == "chunk":
            yield Chunk(*message[1:])
