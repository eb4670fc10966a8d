"""The web server process: granian, which ends when the `cooee up` it belongs to is gone."""

from __future__ import annotations

import logging
import os
import signal
import threading

from granian.cli import entrypoint

from core import clock, config, running, supervisor

log = logging.getLogger("cooee.web")
#: How often to look whether the supervisor is there.
LOOK_S = 1.0


def _end_with_supervisor() -> None:
    """Killed, it could tell nobody; pages would go on beside no workers, and keep the port from the next start."""
    while not supervisor.orphaned():
        clock.sleep(LOOK_S)
    log.warning("the supervisor is gone, draining")
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until a signal; the arguments are granian's."""
    if supervisor.SUPERVISED in os.environ:
        threading.Thread(target=_end_with_supervisor, name="supervisor", daemon=True).start()
    with running.serving(config.load()):
        entrypoint()


if __name__ == "__main__":
    main()
