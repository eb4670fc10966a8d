"""What monitors see."""

from __future__ import annotations

import pytest

LOOPBACK, ELSEWHERE = {"REMOTE_ADDR": "127.0.0.1"}, {"REMOTE_ADDR": "203.0.113.9"}


def test_live_and_ready(app):
    client = app.test_client()
    assert client.get("/health/live").json == {"live": True}
    assert client.get("/health/ready").json == {"ready": True, "database": True, "disk": True, "queue": True}


def test_not_ready_without_disk(app, monkeypatch):
    monkeypatch.setattr("core.disk.usage", lambda _folder: (100 << 30, 1 << 30))
    answer = app.test_client().get("/health/ready")
    assert answer.status_code == 503 and answer.json["disk"] is False


def test_not_ready_without_the_database(app, monkeypatch):
    from peewee import OperationalError

    from core.db import database

    def gone(*_args):
        raise OperationalError("no such server")

    monkeypatch.setattr(database, "scalar", gone)
    answer = app.test_client().get("/health/ready")
    assert answer.status_code == 503 and answer.json["database"] is False


def test_metrics_count_what_is_there(app, monkeypatch):
    from core.db import database

    with database.write_tx():
        database.execute(
            "INSERT INTO tally (campaign_id, variant, account_id, hour, state, n, parts, cost_micros, in_5m, in_24h) "
            "VALUES (1, 0, 1, 0, 4, 7, 7, 0, 0, 0)"
        )
    text = app.test_client().get("/metrics", environ_base=LOOPBACK).get_data(as_text=True)
    assert 'cooee_messages{state="delivered"} 7' in text
    assert "# TYPE cooee_messages gauge" in text
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("token", "environ", "headers", "status"),
    [
        ("", LOOPBACK, {}, 200),
        ("", ELSEWHERE, {}, 403),
        ("", LOOPBACK, {"X-Forwarded-For": "203.0.113.9"}, 403),
        ("s3cret", ELSEWHERE, {"Authorization": "Bearer s3cret"}, 200),
        ("s3cret", ELSEWHERE, {"Authorization": "Bearer wrong"}, 403),
        ("s3cret", LOOPBACK, {}, 403),
    ],
)
def test_metrics_are_for_this_machine_or_the_token(app, rt_sqlite, token, environ, headers, status):
    rt_sqlite.settings.metrics_token = token
    answer = app.test_client().get("/metrics", environ_base=environ, headers=headers)
    assert answer.status_code == status


def test_reports_of_the_content_policy_are_logged_on_one_line(app, caplog):
    answer = app.test_client().post(
        "/health/csp", data=b'{"a":1}\nforged line', content_type="application/csp-report"
    )
    assert answer.status_code == 204
    assert '{"a":1} forged line' in caplog.text


def test_reports_cannot_steer_a_terminal_or_fill_the_log(app, caplog, monkeypatch):
    monkeypatch.setattr("core.clock.now_ms", lambda: 1_800_000_000_000)
    client = app.test_client()
    answers = [
        client.post("/health/csp", data=b"\x1b]0;owned\x07\xc2\x9b2J ok").status_code for _report in range(30)
    ]
    assert answers == [204] * 10 + [429] * 20
    lines = [record.getMessage() for record in caplog.records if record.name == "cooee.csp"]
    assert lines == ["content policy:  ]0;owned  2J ok"] * 10
    elsewhere = client.post("/health/csp", data=b"x", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert elsewhere.status_code == 204
