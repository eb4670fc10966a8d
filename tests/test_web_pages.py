"""Pages, fragments, errors and the look they share."""

from __future__ import annotations

import logging

import pytest
from flask import Blueprint

from core.contract.errors import Refusal
from core.web.access import body_limit, public
from core.web.application import make_app
from core.web.render import flash, hx, page, redirect_hx
from tests.people import signed_in

HX = {"HX-Request": "true"}


@pytest.fixture
def planted(rt_sqlite, monkeypatch):
    """An application with a few views that answer in every way."""
    from core.web import blueprints

    bp = Blueprint("planted", __name__)

    @bp.get("/crash")
    @public
    def crash():
        raise KeyError("secret detail")

    @bp.get("/refuse")
    @public
    def refuse():
        raise Refusal("Rate 0 is not above 0; use 1 or more.", field="rate", status=409)

    @bp.get("/both")
    @public
    def both():
        flash("<b>Done</b>")
        return page("errors/404.html", fragment="settings/_audit.html", rows=[], sentence="", code=404)

    @bp.get("/away")
    @public
    def away():
        return redirect_hx("/settings")

    @bp.get("/swap")
    @public
    def swap():
        return hx("x", reswap="outerHTML swap:1s", trigger={"changed": "ü"})

    @bp.post("/small")
    @public
    def small():
        from flask import request

        return str(len(request.get_data()))

    @bp.post("/large")
    @public
    @body_limit(3)
    def large():
        from flask import request

        return str(len(request.get_data()))

    real = blueprints()
    monkeypatch.setattr("core.web.application.blueprints", lambda: [*real, bp])
    app = make_app(rt_sqlite)
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def test_a_crash_shows_an_id_that_the_log_knows_and_nothing_else(planted, caplog):
    with caplog.at_level(logging.ERROR):
        answer = planted.test_client().get("/crash")
    html = answer.get_data(as_text=True)
    assert answer.status_code == 500 and "secret detail" not in html
    error_id = html.split("<code>")[1].split("</code>")[0]
    assert error_id in caplog.text and "secret detail" in caplog.text


def test_a_refusal_is_a_page_with_its_sentence_and_status(planted):
    answer = planted.test_client().get("/refuse")
    assert answer.status_code == 409
    assert "Rate 0 is not above 0" in answer.get_data(as_text=True)


def test_with_htmx_a_refusal_is_a_message_on_the_page_people_are_on(planted):
    answer = planted.test_client().get("/refuse", headers=HX)
    assert answer.status_code == 409 and answer.headers["HX-Retarget"] == "#flash"
    assert "Rate 0 is not above 0" in answer.get_data(as_text=True) and b"<html" not in answer.data


def test_htmx_gets_the_fragment_and_the_message(planted):
    client = planted.test_client()
    whole, part = client.get("/both"), client.get("/both", headers=HX)
    assert b"<html" in whole.data and b"<html" not in part.data
    assert b"Nothing is recorded that fits" in part.data and b"hx-swap-oob" in part.data
    assert b"&lt;b&gt;Done" in part.data, "messages are escaped"
    assert "HX-Request" in whole.headers["Vary"] and "HX-Request" in part.headers["Vary"]


def test_a_restored_history_entry_gets_the_whole_page(planted):
    answer = planted.test_client().get("/both", headers={**HX, "HX-History-Restore-Request": "true"})
    assert b"<html" in answer.data


def test_redirects_of_forms_and_of_htmx(planted):
    client = planted.test_client()
    assert (client.get("/away").status_code, client.get("/away").headers["Location"]) == (303, "/settings")
    answer = client.get("/away", headers=HX)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/settings")


def test_any_reswap_and_any_words_in_triggers(planted):
    answer = planted.test_client().get("/swap", headers=HX)
    assert answer.headers["HX-Reswap"] == "outerHTML swap:1s"
    assert answer.headers["HX-Trigger"].isascii()


@pytest.mark.parametrize(
    ("path", "megabytes", "status"),
    [("/small", 0.9, 200), ("/small", 1.1, 413), ("/large", 2.9, 200), ("/large", 3.1, 413)],
)
def test_bodies_are_bounded(planted, path, megabytes, status):
    answer = planted.test_client().post(path, data=b"x" * int(megabytes * 1024 * 1024))
    assert answer.status_code == status
    if status == 413:
        assert b"Too large" in answer.data


def test_unknown_pages_are_404_for_everyone(app, client):
    assert b"Nothing here" in client.get("/nope").data
    assert app.test_client().get("/nope").status_code == 404


def test_the_menu_shows_what_a_person_may_open_and_marks_the_place(app):
    html = signed_in(app, "viewer").get("/settings/account").get_data(as_text=True)
    assert 'aria-current="page"' in html and "Settings" in html
    assert "Audit log" not in signed_in(app, "marketer").get("/settings").get_data(as_text=True)
    assert "Audit log" in signed_in(app, "admin").get("/settings").get_data(as_text=True)


def test_the_menu_counts_what_needs_somebody(client, monkeypatch):
    assert 'hx-get="/settings/needs"' in client.get("/settings").get_data(as_text=True)
    assert client.get("/settings/needs").data == b""
    monkeypatch.setattr("core.measure.overview.needs", lambda: [object()] * 3)
    assert client.get("/settings/needs").data == b"3"


def test_themes(client):
    assert 'data-theme="auto"' in client.get("/settings").get_data(as_text=True)
    client.post("/settings/theme", data={"theme": "dark", "next": "/settings"})
    assert 'data-bs-theme="dark" data-theme="dark"' in client.get("/settings").get_data(as_text=True)
    client.post("/settings/theme", data={"theme": "auto", "next": "/settings"})
    assert 'data-theme="auto"' in client.get("/settings").get_data(as_text=True)


def test_nothing_is_sent_after_a_restore_and_every_page_says_so(client):
    from core.db import settings

    settings.put("sending_off", "restored from a backup of yesterday")
    html = client.get("/settings").get_data(as_text=True)
    assert "restored from a backup of yesterday" in html and "cooee resume-sending" in html


def test_every_icon_is_there(app):
    import re
    from pathlib import Path

    from core.web.assets import icon

    root = Path(__file__).resolve().parent.parent
    names = {
        n
        for f in root.glob("templates/**/*.html")
        for n in re.findall(r'icon\("([a-z0-9-]+)"', f.read_text())
    }
    assert len(names) > 10
    for name in names:
        assert icon(name).startswith("<svg")
    with pytest.raises(KeyError):
        icon("no-such-icon")
