"""What of an instance runs on this machine: one `cooee up`, on a port of its own, at an address others can ask for."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.config import ADDRESS, Settings
from core.contract.errors import Refusal


@contextmanager
def only_here(settings: Settings) -> Iterator[None]:
    """Hold the lock of `cooee up`, which the kernel frees when this process ends, however it ends.

    Raises `Refusal` when another `cooee up` of this instance holds it.
    """
    with _made(settings.path("run", "up.lock")).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(
                f"Cooee already runs on {settings.instance}, at {settings.public_url}; "
                "stop it first, or give --instance for another one."
            ) from None
        yield


def require_free(host: str, port: int) -> None:
    """Raise `Refusal` when somebody listens on the port: the web server would share it and get half the requests.

    Connections that just ended do not count, hence SO_REUSEADDR, so that Cooee can be started again at once.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Refusal(
                    f"Port {port} is taken by another program; choose another with --port.", field="port"
                ) from None
            raise Refusal(
                f"Cooee cannot listen on {host}, port {port} ({error.strerror}); "
                "look at COOEE_HOST and --port.",
                field="port",
            ) from None


def serve_at(settings: Settings, port: int) -> None:
    """Tell this process, its children and later commands where pages are, unless a setting says it."""
    os.environ.update({"COOEE_INSTANCE": str(settings.instance), "COOEE_PORT": str(port)})
    if settings.sources["public_url"] == "default":
        settings.public_url = os.environ["COOEE_PUBLIC_URL"] = f"http://{settings.host}:{port}"
        _made(settings.path(*ADDRESS)).write_text(settings.public_url, "utf-8")


def _made(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    return path
