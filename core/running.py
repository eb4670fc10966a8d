"""What of an instance runs: one `cooee up` a folder, on a port of its own, at an address others can ask for; and
nothing at all while its database is replaced or changed."""

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
from core.sending import leases

#: What any address and only this machine's are called when the web server listens on all.
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@contextmanager
def only_here(settings: Settings) -> Iterator[None]:
    """Hold the lock of `cooee up`, which the kernel frees when this process ends, however it ends.

    Raises `Refusal` when another `cooee up` of this instance holds it.
    """
    with _locked(settings, "up.lock") as held:
        if not held:
            raise Refusal(
                f"Cooee already runs on {settings.instance}, at {settings.public_url}; "
                "stop it first, or give --instance for another one."
            )
        yield


@contextmanager
def serving(settings: Settings) -> Iterator[None]:
    """Hold the lock of web servers, of which there may be several; waits while somebody has the database alone."""
    with _made(settings.path("run", "web.lock")).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Have the database to oneself: no `cooee up` and no web server of this folder, no worker of any machine.

    Raises `Refusal` when something runs; while it is held nothing of this folder starts.
    """
    with _locked(settings, "up.lock") as up, _locked(settings, "web.lock") as web:
        if not (up and web) or leases.at_work():
            raise Refusal(f"Cooee is running on the database of {settings.instance}; stop Cooee first.")
        yield


@contextmanager
def _locked(settings: Settings, name: str) -> Iterator[bool]:
    """Hold a lock of the instance; False when somebody else does."""
    with _made(settings.path("run", name)).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


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
        settings.public_url = os.environ["COOEE_PUBLIC_URL"] = address(settings.host, port)
        _made(settings.path(*ADDRESS)).write_text(settings.public_url, "utf-8")


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds what listens there: http://127.0.0.1:8000, http://[::1]:8000"""
    host = _ANYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _made(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    return path
