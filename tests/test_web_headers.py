"""What every response says to the browser."""

from __future__ import annotations

import re

import pytest

from core.web.application import make_app
from core.web.headers import ALWAYS
from tests.url_kit import routes


def test_headers_stand_on_every_page(app, client):
    missing = []
    for endpoint, method, url in list(routes(app)):
        if method != "GET":
            continue
        for answer in (client.get(url), app.test_client().get(url)):
            missing += [
                (endpoint, name) for name, value in ALWAYS.items() if answer.headers.get(name) != value
            ]
            if endpoint not in ("static", "vendor.file", "security.static"):
                if answer.headers.get("Cache-Control") != "no-store":
                    missing.append((endpoint, "Cache-Control"))
                if "HX-Request" not in answer.headers.get("Vary", ""):
                    missing.append((endpoint, "Vary"))
    assert not missing


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere():
    policy = ALWAYS["Content-Security-Policy"]
    assert "unsafe" not in policy and "http" not in policy and "data:" not in policy
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy


def test_errors_have_the_headers_too(app):
    answer = app.test_client().get("/no/such/page")
    assert answer.status_code == 404
    assert answer.headers["Content-Security-Policy"] == ALWAYS["Content-Security-Policy"]


def test_pages_hold_no_inline_script_style_or_foreign_address(app, client):
    for endpoint, method, url in list(routes(app)):
        if method != "GET" or endpoint in ("static", "vendor.file", "security.static"):
            continue
        html = client.get(url).get_data(as_text=True)
        if "<html" not in html:
            continue
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", html), url
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"", html), url
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", html), url


def test_libraries_are_served_locally_for_a_year(client):
    html = client.get("/settings").get_data(as_text=True)
    for url in re.findall(r'(?:src|href)="((?:/vendor|/static)/[^"]+)"', html):
        answer = client.get(url.replace("&amp;", "&"))
        assert answer.status_code == 200, url
        assert "max-age=31536000" in answer.headers["Cache-Control"]
        assert "v=" in url
    assert client.get("/vendor/nothing/x.js").status_code == 404
    assert client.get("/vendor/htmx/../../secret").status_code == 404


@pytest.mark.parametrize(("url", "secure"), [("https://sms.example", True), ("http://127.0.0.1:8000", False)])
def test_cookies_are_bound_to_the_host_where_it_is_https(sqlite_instance, monkeypatch, url, secure):
    from core.app import compose

    monkeypatch.setenv("COOEE_INSTANCE", sqlite_instance["COOEE_INSTANCE"])
    app = make_app(compose(public_url=url))
    answer = app.test_client().get("/login", base_url=url)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
    assert ("Secure" in cookie) is secure
    assert cookie.startswith("__Host-cooee=") is secure
    assert ("Strict-Transport-Security" in answer.headers) is secure


def test_signing_out_clears_what_the_browser_kept(client):
    answer = client.post("/logout")
    assert "storage" in answer.headers["Clear-Site-Data"]
