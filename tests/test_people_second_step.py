"""A second step at sign-in that the house asks for: who must have one can do nothing before it is set up."""

from __future__ import annotations

import json
import re

import pytest
from passlib.totp import TOTP

from core import clock
from core.db import database, settings
from core.security import secondfactor, users
from core.security.roles import ROLES
from core.web import access
from tests.api_kit import Caller
from tests.people import PASSWORD, csrf_token, signed_in

SETUP = "/tf-setup"


def has_one(email: str) -> None:
    """Somebody whose second step is on."""
    user = users.find(email)
    user.tf_primary_method, user.tf_totp_secret = "authenticator", "x"
    user.save()


def set_up(client, later_s: int = 0) -> str:
    """Switch the second step on as a person does; the page that follows.  A code works once, so who does it twice
    types the next one."""
    html = client.post(SETUP, data={"setup": "authenticator"}).get_data(as_text=True)
    key = re.search(r"<code>([A-Z2-7 -]+)</code>", html).group(1)
    url = re.search(r'action="(/tf-setup/[^"]+)"', html).group(1)
    code = TOTP(key.replace(" ", "").replace("-", "")).generate(clock.now_ms() / 1000 + later_s).token
    return client.post(url, data={"code": code}).get_data(as_text=True)


@pytest.mark.parametrize(
    ("policy", "led"),
    [
        ("nobody", set()),
        ("powers", {"marketer", "approver", "admin"}),
        ("everyone", {"viewer", "marketer", "approver", "admin"}),
    ],
)
def test_whoever_must_is_led_to_set_it_up(app, policy, led):
    clients = {role: signed_in(app, role) for role in ROLES}
    secondfactor.choose("test", policy)
    for role, client in clients.items():
        answer = client.get("/campaigns?state=done")
        assert (answer.status_code, answer.headers.get("Location")) == (
            (303, SETUP) if role in led else (200, None)
        )


def test_what_counts_is_what_one_may_do_not_what_the_role_is_called(app, monkeypatch):
    monkeypatch.setitem(ROLES, "viewer", frozenset({"view", "contacts.export"}))
    client = signed_in(app, "viewer")
    assert client.get("/campaigns").status_code == 200
    secondfactor.choose("test", "powers")
    assert client.get("/campaigns").headers["Location"] == SETUP


def test_one_sets_it_up_and_goes_on_to_where_one_wanted_to_go(app):
    client = signed_in(app, "marketer")
    secondfactor.choose("test", "powers")
    led = client.get("/contacts?q=li", follow_redirects=True).get_data(as_text=True)
    assert "your admins ask for a second step" in led and "Set it up" in led
    shown = set_up(client)
    assert "Keep these somewhere safe" in shown and 'href="/contacts?q=li"' in shown
    assert client.get("/contacts?q=li").status_code == 200
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'person.totp_on'") == 1


def test_until_then_there_is_nothing_else_but_signing_out_and_the_language(app):
    client = signed_in(app, "admin")
    secondfactor.choose("test", "everyone")
    page = client.get(SETUP).get_data(as_text=True)
    links = set(re.findall(r'(?:href|hx-get|action)="(/[^"]*)"', page))
    assert {link for link in links if not link.startswith(("/static", "/vendor"))} == {
        "/", "/settings/language", "/settings/theme", "/logout", SETUP,
    }  # fmt: skip
    answer = client.post("/settings/language", data={"language": "zh_Hans", "next": SETUP})
    assert answer.status_code == 303
    assert "去设置" in client.get(SETUP).get_data(as_text=True)
    assert client.post("/logout").status_code == 302
    assert client.get("/campaigns").headers["Location"].startswith("/login")


def test_no_route_of_a_signed_in_person_is_left_open(app):
    """Every route but the public ones and those of the set-up, whatever its method."""
    client = signed_in(app, "admin")
    secondfactor.choose("test", "everyone")
    for rule in app.url_map.iter_rules():
        if access.permission_of(app, rule.endpoint) == access.PUBLIC or rule.endpoint in access.SETTING_UP:
            continue
        path = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
        path = re.sub(r"<[^>]+>", "1", path)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            answer = client.open(path, method=method)
            assert (answer.status_code, answer.headers.get("Location")) == (303, SETUP), f"{method} {path}"


def test_a_fragment_loads_the_whole_page_there_and_is_not_where_one_wanted_to_go(app):
    client = signed_in(app, "marketer")
    client.get("/campaigns")
    secondfactor.choose("test", "everyone")
    answer = client.get("/contacts", headers={"HX-Request": "true"})
    assert answer.status_code == 403 and answer.headers["HX-Redirect"] == SETUP and not answer.data
    assert 'href="/settings/account">I have kept' in re.sub(r"\s*\n\s*", "", set_up(client)).replace(
        " >", ">"
    )


def test_it_cannot_be_switched_off_while_the_house_asks_for_it(app):
    client = signed_in(app, "marketer")
    set_up(client)
    secondfactor.choose("test", "powers")
    page = client.get(SETUP).get_data(as_text=True)
    assert "cannot be switched off here" in page and '"disable"' not in page
    for body in ({"data": {"setup": "disable"}}, {"json": {"setup": "disable"}}):
        answer = client.post(SETUP, **body)
        assert answer.status_code == 403 and "ask for a second step" in answer.get_data(as_text=True)
    assert users.listed()[0]["totp"]
    secondfactor.choose("test", "nobody")
    assert client.post(SETUP, data={"setup": "disable"}).status_code == 302
    assert not users.listed()[0]["totp"]


def test_a_new_phone_can_be_set_up_while_the_house_asks_for_it(app):
    client = signed_in(app, "marketer")
    set_up(client)
    before = database.scalar("SELECT tf_totp_secret FROM user_account")
    secondfactor.choose("test", "everyone")
    assert "Keep these somewhere safe" in set_up(client, 30)
    assert database.scalar("SELECT tf_totp_secret FROM user_account") not in (before, None)


def test_an_admin_without_one_cannot_ask_it_of_others(app):
    client = signed_in(app, "admin")
    answer = client.post("/people/second-step", data={"second_factor": "everyone"})
    html = answer.get_data(as_text=True)
    assert (
        answer.status_code == 422
        and "Set up your own second step first" in html
        and "invalid-feedback" in html
    )
    assert secondfactor.policy() == "nobody"


def test_an_admin_with_one_asks_it_of_others_and_sees_who_is_late(app):
    client = signed_in(app, "admin")
    users.add("test", "li@shop.example", "marketer", PASSWORD)
    users.add("test", "vera@shop.example", "viewer", PASSWORD)
    has_one("admin@shop.example")
    assert client.post("/people/second-step", data={"second_factor": "powers"}).status_code == 303
    html = client.get("/people").get_data(as_text=True)
    assert html.count("must set it up") == 1 and "1 person must still set it up." in html
    assert client.post("/people/second-step", data={"second_factor": "powers"}).status_code == 303
    assert client.post("/people/second-step", data={"second_factor": "nobody"}).status_code == 303
    assert client.post("/people/second-step", data={"second_factor": "some"}).status_code == 422
    lines = database.query(
        "SELECT who, detail FROM audit WHERE action = 'settings.second_factor' ORDER BY id"
    )
    assert lines == [("admin@shop.example", "nobody → powers"), ("admin@shop.example", "powers → nobody")]


def test_only_who_manages_people_decides(login):
    client = login("approver")
    assert client.post("/people/second-step", data={"second_factor": "nobody"}).status_code == 403


def test_who_lost_the_phone_is_let_in_again_by_the_command_and_sets_up_a_new_one(rt_sqlite, cli_sqlite, app):
    client = signed_in(app, "admin")
    set_up(client)
    secondfactor.choose("test", "everyone")
    made = json.loads(cli_sqlite("user", "reset", "admin@shop.example", "--second-factor", "--json").stdout)
    assert client.get("/people").headers["Location"].startswith("/login")
    path = made["link"].removeprefix(rt_sqlite.settings.public_url)
    new = {"password": "another long pass phrase", "again": "another long pass phrase"}
    fresh = app.test_client()
    answer = fresh.post(path, data=new | {"csrf_token": csrf_token(fresh, path)})
    assert answer.status_code == 303
    token = csrf_token(fresh, "/login")
    fresh.environ_base["HTTP_X_CSRFTOKEN"] = token
    typed = {"email": "admin@shop.example", "password": new["password"], "csrf_token": token}
    assert fresh.post("/login?next=/people", data=typed).headers["Location"].endswith("/people")
    assert fresh.get("/people").headers["Location"] == SETUP
    assert 'href="/people"' in set_up(fresh, 30)
    assert fresh.get("/people").status_code == 200


def test_the_command_shows_and_sets_who_must(rt, cli):
    users.add("test", "boss@shop.example", "admin", PASSWORD)
    users.add("test", "li@shop.example", "marketer", PASSWORD)
    users.add("test", "off@shop.example", "admin", PASSWORD)
    users.set_active("test", users.find("off@shop.example"), False)
    has_one("boss@shop.example")
    assert json.loads(cli("user", "second-factor", "--json").stdout) == {
        "second_factor": "nobody",
        "missing": [],
    }
    made = cli("user", "second-factor", "powers", "--json")
    assert json.loads(made.stdout) == {"second_factor": "powers", "missing": ["li@shop.example"]}
    assert "Must still set it up: li@shop.example." in cli("user", "second-factor").stdout
    assert cli("user", "second-factor", "some").exit_code == 2
    assert settings.get(secondfactor.KEY) == "powers"
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'settings.second_factor'") == 1


def test_programs_go_on_with_their_tokens(rt_sqlite):
    call = Caller(rt_sqlite)
    secondfactor.choose("test", "everyone")
    assert call("GET", "/segments").status_code == 200
