"""A connection to an SMSC that is made again whenever it is lost."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping
from typing import Any

from core import BadConfig, ProviderError, Unreachable
from core.addresses import Rules
from plugins.providers import _smpp_pdu as p
from plugins.providers._smpp_connect import BIND_S, CONNECT_S, connect, plain
from plugins.providers._smpp_flight import Pacer
from plugins.providers._smpp_session import Session

log = logging.getLogger("cooee.smpp")

#: Pauses before the connection is tried again: the first, and the longest.
AGAIN_S, AGAIN_MOST_S = 0.1, 30.0


class Link:
    """`role` is the bind command; `fatal` says of a command_status that a person must act.

    `deliver` is that of `Session`; `changed()` is called when a session began or ended.
    """

    def __init__(
        self, settings: Mapping[str, Any], role: int, outgoing: Rules | None, pacer: Pacer,
        fatal: Callable[[int], bool], deliver: Callable[..., None], changed: Callable[[], None],
    ):  # fmt: skip
        self._settings, self._role, self._rules, self._pacer = settings, role, outgoing or Rules(), pacer
        self._fatal, self._deliver, self._changed = fatal, deliver, changed
        self.where = f"{settings['host']}:{settings['port']}"
        self.can_send = role != p.BIND_RECEIVER
        #: The present session; why there is none; whether one is being made right now.
        self.session: Session | None = None
        self.error: ProviderError = Unreachable("Not connected yet.")
        self.trying = True
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="smpp", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False after credentials were refused: nobody knocks again until somebody sends."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Say good-bye and end; whatever still waits is told."""
        self._closing.set()
        session = self.session
        if session is not None:
            session.leave()
        self._thread.join(CONNECT_S + BIND_S)

    def _run(self) -> None:
        pause_s = AGAIN_S
        while not self._closing.is_set():
            held = self._hold()
            pause_s = AGAIN_S if held else min(pause_s * 2, AGAIN_MOST_S)
            if isinstance(self.error, BadConfig):
                break
            self._closing.wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311

    def _hold(self) -> bool:
        """One session from its beginning to its end; False when none could be made."""
        session = None
        try:
            self.trying = True
            sock, rest = connect(self._settings, self._role, self._rules, self._fatal)
            session = Session(self._settings, sock, rest, self._pacer, self._deliver)
            self._is(session, None)
            if self._closing.is_set():
                session.leave()
            session.serve()
            error: ProviderError = Unreachable(f"The connection to {self.where} was closed.")
        except BadConfig as known:
            error = known
        except ProviderError as known:
            error = Unreachable(f"{self.where}: {known}")
        except (OSError, p.Garbage) as broken:
            why = str(broken) if isinstance(broken, p.Garbage) else plain(broken)
            error = Unreachable(f"The connection to {self.where} broke: {why}.")
        except Exception as unforeseen:
            log.exception("the connection to %s broke", self.where)
            error = Unreachable(f"The connection to {self.where} broke: {type(unforeseen).__name__}.")
        if session is not None:
            session.end()
        if not self._closing.is_set():
            log.warning("%s", error)
        self._is(None, error, again=session is not None and not isinstance(error, BadConfig))
        return session is not None

    def _is(self, session: Session | None, error: ProviderError | None, again: bool = False) -> None:
        self.session, self.error, self.trying = session, error or self.error, again
        self._changed()
