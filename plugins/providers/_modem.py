"""A thread that talks to one modem (gammu.py): texts wait for it, and it visits the modem for them and by itself."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from core import Outgoing, Result, Throttled, Unreachable, clock
from core.contract.errors import ProviderError

log = logging.getLogger("cooee.modem")

#: A visit begins no more texts after this long, so that others get at the modem, too.
VISIT_S = 30.0
Outcome = Result | ProviderError


class Job:
    """One text on its way to the modem."""

    def __init__(self, modem: Modem, message: Outgoing):
        self._modem, self.message = modem, message
        self.begun = False
        self.outcome: Outcome | None = None

    def end(self, outcome: Outcome) -> None:
        """The modem said this of it."""
        with self._modem.changed:
            self.outcome = outcome
            self._modem.changed.notify_all()


class Modem(threading.Thread):
    """`visit` is called on this thread with the texts that wait, at least every `read_s`."""

    def __init__(self, visit: Callable[[Iterator[Job]], None], read_s: float):
        super().__init__(name="modem", daemon=True)
        self.changed = threading.Condition()
        self._visit, self._read_s = visit, read_s
        self._waiting: list[Job] = []
        self._closing = False
        #: Did the visit come as far as to ask for texts, and which it has in hand.
        self._asked = False
        self._current: Job | None = None
        self._said = ""
        self.start()

    def do(self, messages: Sequence[Outgoing], wait_s: float) -> list[Outcome]:
        """Have texts sent.  What was not begun in time was not sent; what was begun and not answered may have been."""
        jobs = [Job(self, message) for message in messages]
        with self.changed:
            self._waiting += jobs
            self.changed.notify_all()
            self.changed.wait_for(lambda: all(job.outcome for job in jobs), wait_s)
            for job in jobs:
                if job.outcome is None:
                    job.outcome = (
                        Result("unknown", code="no_answer")
                        if job.begun
                        else Throttled("The modem is busy.", after_s=5)
                    )
            self._waiting = [job for job in self._waiting if job not in jobs]
            return [job.outcome for job in jobs if job.outcome]

    def close(self) -> None:
        """What was not begun is not sent any more."""
        with self.changed:
            self._closing = True
            self.changed.notify_all()
        self.join(10)

    def run(self) -> None:
        while not self._closing:
            self._asked, self._current = False, None
            try:
                self._visit(self._jobs())
                self._said = ""
            except Exception as error:
                self._fail(error)
            with self.changed:
                self.changed.wait_for(lambda: self._closing or self._waiting, self._read_s)

    def _jobs(self) -> Iterator[Job]:
        until, self._asked = clock.monotonic() + VISIT_S, True
        while clock.monotonic() < until:
            with self.changed:
                if self._closing or not self._waiting:
                    return
                job = self._waiting.pop(0)
                job.begun, self._current = True, job
            yield job

    def _fail(self, error: Exception) -> None:
        """A visit failed.  It takes those with it that it never came to; those it had not begun wait for the next."""
        proof = isinstance(error, ProviderError) and error.proves_not_sent
        if not isinstance(error, ProviderError):
            log.exception("the modem's visit failed")
        elif str(error) != self._said:
            log.warning("%s", error)
            self._said = str(error)
        with self.changed:
            if self._current is not None and self._current.outcome is None:
                self._current.outcome = Result("unknown", code=type(error).__name__)
            if not self._asked:
                for job in self._waiting:
                    job.outcome = error if proof else Unreachable("The visit to the modem failed.")
                self._waiting.clear()
            self.changed.notify_all()


@contextlib.contextmanager
def held(device: str, wait_s: float) -> Iterator[None]:
    """The modem for this process alone; raises `Unreachable` when another keeps it longer than `wait_s`."""
    name = hashlib.blake2b(str(Path(device).resolve()).encode(), digest_size=8).hexdigest()
    path = Path(tempfile.gettempdir()) / f"cooee-modem-{name}.lock"
    until = clock.monotonic() + wait_s
    while (file := _locked(path)) is None:
        if clock.monotonic() > until:
            raise Unreachable(f"Another process holds the modem at {device}.")
        clock.sleep(0.1)
    try:
        yield
    finally:
        # Deleted while it is still locked: who locks it from here on sees that it is gone, and makes a new one.
        path.unlink(missing_ok=True)
        os.close(file)


def _locked(path: Path) -> int | None:
    """A descriptor of the file that holds its lock; None while another holds it or has just deleted it."""
    import fcntl

    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Unreachable(f"The lock file {path} cannot be used: {error.strerror}.") from None
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file), path.lstat()):
            return file
    os.close(file)
    return None
