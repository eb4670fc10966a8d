"""The journal of clicks: one line a request, appended before the request is answered.

One file at a time a web process, `instance/journal/clicks-<pid>.<ms>.log`:

    <message> <contact> <campaign> <link> <at> <kind> <net> <User-Agent>

A line survives the death of the process, not a power cut.  The writer holds a lock on its file for as long as
it lives, so a file that can be locked has no writer any more: it is stored to its end and removed.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from core import clock

#: A file that grew past this is closed and followed by another one.
ROTATE_BYTES = 32 << 20
AGENT_MAX = 240
_PATTERN = "clicks-*.log"


class Line(NamedTuple):
    """One click as it was taken down; times in epoch ms, `kind` a `codes.ClickKind`."""

    message_id: int
    contact_id: int
    campaign_id: int
    link_id: int
    at: int
    kind: int
    net: int
    agent: str


class Journal:
    """The journal of one process, used by all its threads."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._lock = threading.Lock()
        self._file: int | None = None
        self._torn = False
        #: The file in use and the bytes written to it; None before the first click.
        self.path: Path | None = None
        self.size = 0

    def put(self, line: bytes) -> None:
        """Append one packed line.  Raises `OSError` when the disk does not take it."""
        with self._lock:
            if self._file is None:
                self._open()
            if self._torn:
                line = b"\n" + line
            self._torn = True
            written = os.write(self._file, line)
            self.size += written
            if written == len(line):
                self._torn = False
        if written != len(line):
            raise OSError("the disk took only a part of a click")

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"clicks-{os.getpid()}.{clock.now_ms()}.log"
        # Locked before it has the name that others look for.
        hidden = path.with_suffix(".new")
        file = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        hidden.rename(path)
        self._file, self.path, self.size = file, path, 0

    def rotate(self, at_least: int = ROTATE_BYTES) -> None:
        """Close the file when it is that long; the next click opens another one."""
        with self._lock:
            if self._file is not None and self.size >= at_least:
                os.close(self._file)
                self._file = self.path = None
                self.size = 0


def packed(line: Line) -> bytes:
    """A click as its line."""
    agent = " ".join(line.agent[:AGENT_MAX].replace("\0", " ").split())
    return ("%d %d %d %d %d %d %d %s\n" % (*line[:7], agent)).encode("utf-8", "replace")  # noqa: UP031 - faster


def unpacked(data: bytes) -> list[Line]:
    """The clicks of whole lines; what the disk cut off is left out."""
    lines = []
    for text in data.decode("utf-8", "replace").split("\n"):
        cells = text.split(" ", 7)
        if len(cells) == 8:
            try:
                lines.append(Line(*map(int, cells[:7]), cells[7]))
            except ValueError:
                continue
    return lines


def files(folder: Path) -> list[Path]:
    """The journals of clicks there are, oldest first."""
    return sorted(folder.glob(_PATTERN), key=lambda path: path.suffixes[0])


@contextmanager
def taken_over(path: Path) -> Iterator[bool]:
    """Whether the file has no writer any more; while the block runs nobody else can take it either."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield path.exists()
    finally:
        os.close(file)
