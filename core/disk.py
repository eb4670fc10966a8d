"""The disk of the instance: how much of it is free, and a ballast thrown out when it is nearly full.

On a full disk SQLite cannot even delete: it needs its log for that (measured).  So a file holds room that can be
had back at once; what is under way finishes with it, and people can make room.  Nothing new is launched before
the ballast lies there again.  Only the disk of the instance folder is looked at: with PostgreSQL that is the one
of the journal, the queue and the uploads, never the one of the database.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core import clock
from core.contract.errors import Refusal
from core.i18n import _

if TYPE_CHECKING:
    from core.config import Settings

log = logging.getLogger("cooee.disk")

NAME = "ballast"
#: With less than this free the ballast goes.
FLOOR_BYTES = 16 << 20
#: With less than this free, or less than this share, nothing is launched.
LAUNCH_BYTES, LAUNCH_SHARE = 64 << 20, 0.05
#: How SQLite and PostgreSQL say that a disk is full.
_FULL = ("disk is full", "no space left on device", "disk quota exceeded")
#: Pause before the next try to make a ballast.
AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes of a disk, of the ballast on it, and of the ballast there should be (`ballast_mb` of the settings)."""

    total: int
    free: int
    ballast: int
    wanted: int

    @property
    def needed(self) -> int:
        """What must be free for a launch; what the ballast lacks counts, because it comes first."""
        missing = max(0, self.wanted - self.ballast)
        return max(LAUNCH_BYTES, int(LAUNCH_SHARE * self.total)) + missing

    @property
    def low(self) -> bool:
        """Too little for anything new."""
        return self.free < self.needed


def usage(folder: Path) -> tuple[int, int]:
    """(size, free bytes) of the disk a folder is on."""
    found = shutil.disk_usage(folder)
    return found.total, found.free


def look(settings: Settings) -> Space:
    """The disk of an instance now."""
    try:
        ballast = settings.path(NAME).stat().st_size
    except FileNotFoundError:
        ballast = 0
    return Space(*usage(settings.instance), ballast, settings.ballast_mb << 20)


def size(octets: int) -> str:
    """57 MB, 12.6 GB"""
    return f"{octets / (1 << 30):.1f} GB" if octets >= 1 << 30 else f"{octets >> 20} MB"


def is_full(error: BaseException) -> bool:
    """Did something fail because a disk, or a person's share of it, is full?

    SQLite has ended the transaction by then, and what is raised last may be that it cannot be rolled back.
    """
    seen: BaseException | None = error
    while seen is not None:
        said = str(seen).lower()
        if getattr(seen, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(w in said for w in _FULL):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def full_words(where: object = "") -> str:
    """The sentence with the remedy; `where` is a file or folder on the disk that is full."""
    of = f" of {where}" if where else ""
    return f"The disk{of} is full; make room (old backups, logs, files of other programs), then do it again."


def refuse_low(settings: Settings) -> None:
    """Raise `Refusal` (503) while there is too little room to begin something new."""
    space = look(settings)
    if space.low:
        raise Refusal(
            _(
                "Only %(free)s of the instance's disk is free and a launch needs %(needed)s; make room (old "
                "backups, logs, files of other programs), then launch again.",
                free=size(space.free),
                needed=size(space.needed),
            ),
            status=503,
        )


def _lay_down(place: Path, size: int) -> None:
    """Two processes at once make one."""
    file = os.open(place, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(file, 0, size)
    except OSError:
        place.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)


class Ballast:
    """A process's care for the ballast; every worker has one, because each may have a disk of its own."""

    def __init__(self, settings: Settings):
        self._settings, self._place = settings, settings.path(NAME)
        self._again = 0.0

    def look(self) -> None:
        """Once a second: throw it out when the disk is nearly full, lay it down again when there is room.

        A disk that refuses is logged and otherwise harmless.
        """
        try:
            space = look(self._settings)
            if space.ballast and space.free < FLOOR_BYTES:
                self._place.unlink(missing_ok=True)
                log.warning("only %s is free: the ballast is thrown out; make room", size(space.free))
            elif space.ballast < space.wanted and self._room(space) and clock.monotonic() >= self._again:
                self._again = clock.monotonic() + AGAIN_S
                _lay_down(self._place, space.wanted)
        except OSError as error:
            log.warning("ballast: %s", error)

    @staticmethod
    def _room(space: Space) -> bool:
        """Well above the floor, so that it does not come and go."""
        return space.free + space.ballast >= space.wanted + LAUNCH_BYTES
