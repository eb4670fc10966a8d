"""The People page and the settings pages, as an administrator uses them."""

from __future__ import annotations

import re

import pytest

from core.db import settings
from core.security import links, users
from tests.people import PASSWORD, signed_in


@pytest.fixture
def li(client):
    return users.add("test", "li@shop.example", "marketer", PASSWORD)


def role_of(email):
    return next(p["role"] for p in users.listed() if p["email"] == email)


def test_adding_shows_a_link_once(client):
    answer = client.post("/people", data={"email": "wang@shop.example", "name": "王芳", "role": "approver"})
    token = re.search(r"/link/([\w-]+)", answer.get_data(as_text=True)).group(1)
    assert links.find(token).purpose == "invite"
    html = client.get("/people").get_data(as_text=True)
    assert "王芳" in html and "wang@shop.example" in html and token not in html


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"email": "", "role": "viewer"}, "required"),
        ({"email": "wang", "role": "viewer"}, "is not an e-mail address"),
        ({"email": "admin@shop.example", "role": "viewer"}, "exists already"),
        ({"email": "w@shop.example", "role": "king"}, "Not a valid choice"),
    ],
)
def test_adding_says_what_is_wrong_beside_the_field(client, data, words):
    answer = client.post("/people", data=data)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422 and words in html and "invalid-feedback" in html
    assert [p["email"] for p in users.listed()] == ["admin@shop.example"]


def test_changing_a_role(client, li):
    assert client.post(f"/people/{li.id}/role", data={"role": "viewer"}).status_code == 303
    assert role_of("li@shop.example") == "viewer"
    assert client.post(f"/people/{li.id}/role", data={"role": "king"}).status_code == 422
    assert role_of("li@shop.example") == "viewer"


def test_disabling_and_enabling(client, li):
    assert client.post(f"/people/{li.id}/disable").status_code == 303
    assert client.post(f"/people/{li.id}/disable").status_code == 303, "twice is harmless"
    assert client.post(f"/people/{li.id}/reset").status_code == 422
    assert client.post(f"/people/{li.id}/enable").status_code == 303
    assert users.find("li@shop.example").active


def test_resetting_takes_the_second_step_off_when_asked(client, li):
    li.tf_primary_method, li.tf_totp_secret = "authenticator", "x"
    li.save()
    client.post(f"/people/{li.id}/reset")
    assert users.find("li@shop.example").tf_primary_method
    answer = client.post(f"/people/{li.id}/reset", data={"second_factor": "y"})
    assert users.find("li@shop.example").tf_primary_method is None
    assert re.search(r"/link/[\w-]+", answer.get_data(as_text=True))


def test_admins_cannot_lock_everybody_out(client):
    me = users.find("admin@shop.example")
    assert client.post(f"/people/{me.id}/disable").status_code == 422
    assert client.post(f"/people/{me.id}/role", data={"role": "viewer"}).status_code == 422
    assert client.get("/people").status_code == 200


def test_somebody_who_is_not_there(client):
    assert client.post("/people/999/disable").status_code == 404


def test_names_are_shown_as_text(client):
    client.post(
        "/people", data={"email": "x@shop.example", "name": "<script>alert(1)</script>", "role": "viewer"}
    )
    html = client.get("/people").get_data(as_text=True)
    assert "<script>alert" not in html and "&lt;script&gt;alert" in html


# --- settings -------------------------------------------------------------------------------------------


def test_ones_own_account(client):
    data = {"name": "Li Na", "language": "zh_Hans", "zone": "Asia/Shanghai", "theme": "dark"}
    assert client.post("/settings/account", data=data).status_code == 303
    user = users.find("admin@shop.example")
    assert (user.name, user.language, user.zone, user.theme) == tuple(data.values())
    assert client.post("/settings/account", data=data | {"zone": "Mars/Olympus"}).status_code == 422


def test_nobody_writes_other_columns_of_their_account(app):
    client = signed_in(app, "viewer")
    client.post(
        "/settings/account",
        data={
            "name": "x",
            "language": "",
            "zone": "",
            "theme": "",
            "email": "b@x.y",
            "active": "",
            "role": "admin",
        },
    )
    assert users.find("viewer@shop.example").active and role_of("viewer@shop.example") == "viewer"


def test_general(client):
    data = {"brand": " 可乐店 ", "zone": "Asia/Shanghai"}
    assert client.post("/settings/general", data=data).status_code == 303
    assert (settings.get("brand"), settings.get("zone")) == ("可乐店", "Asia/Shanghai")
    assert "可乐店" in client.get("/settings/general").get_data(as_text=True)


def test_sending_hours(client):
    from core.timing import hours

    answer = client.post("/settings/hours", data={"start": "09:30", "end": "20:00", "rules": ["cn.hours"]})
    assert answer.status_code == 303
    assert hours.house_hours() == (570, 1200)
    off = settings.get(hours.RULES_OFF_KEY)
    assert "cn.hours" not in off and "us.tcpa" in off
    html = client.get("/settings/hours").get_data(as_text=True)
    assert 'value="09:30"' in html


def test_hours_that_hold_no_minute_change_nothing(client):
    from core.timing import hours

    answer = client.post("/settings/hours", data={"start": "21:00", "end": "08:00", "rules": []})
    assert answer.status_code == 422 and "hold no minute" in answer.get_data(as_text=True)
    assert settings.get(hours.RULES_OFF_KEY) is None


def test_sending_rules(client):
    from core.audience import keywords
    from core.sending import approval

    data = {"four_eyes": "500", "four_eyes_cost": "12.5", "pause_after": "20", "stop_scope": "marketing"}
    assert client.post("/settings/rules", data=data).status_code == 303
    assert settings.get(approval.RECIPIENTS_KEY) == 500
    assert settings.get(approval.COST_KEY) == 12_500_000
    assert settings.get(approval.WAIVER_KEY) is False
    assert settings.get(keywords.SCOPE) == "marketing"
    assert client.post("/settings/rules", data=data | {"four_eyes": "-1"}).status_code == 422
    assert settings.get(approval.RECIPIENTS_KEY) == 500


def test_words_keep_a_way_out(client):
    from core.audience import keywords

    data = {
        "stop-en": "STOP",
        "stop-zh": "退订\n别发了",
        "start-en": "START",
        "confirm-en": "YES，好",
        "help-en": "HELP",
    }
    assert client.post("/settings/keywords", data=data).status_code == 303
    assert keywords.intent("别发了！", "CN") == "stop"
    assert keywords.load()["confirm"] == ["YES", "好"]
    answer = client.post("/settings/keywords", data=data | {"stop-en": "QUIT"})
    assert answer.status_code == 422 and "cannot be taken off" in answer.get_data(as_text=True)


def test_settings_are_in_the_audit_log_which_pages_by_key(client):
    for n in range(60):
        users.add("test", f"p{n}@shop.example", "viewer")
    client.post("/settings/general", data={"brand": "x", "zone": ""})
    first = client.get("/settings/audit").get_data(as_text=True)
    assert first.count("<tr>") == 51 and "settings.general" in first and "p9@shop.example" not in first
    older = re.search(r'href="([^"]*before=\d+[^"]*)"', first).group(1)
    second = client.get(older).get_data(as_text=True)
    assert "p9@shop.example" in second and "settings.general" not in second
    newer = re.search(r'href="([^"]*after=\d+[^"]*)"', second).group(1)
    assert client.get(newer).get_data(as_text=True).count("<tr>") == 51
    assert "settings.general" in client.get(newer).get_data(as_text=True)
    part = client.get("/settings/audit?who=p7@shop", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert part.count("<tr>") == 2 and "<html" not in part
    assert "Nothing is recorded" in client.get("/settings/audit?what=nothing").get_data(as_text=True)


# --- plugins --------------------------------------------------------------------------------------------


def test_plugins_are_shown_with_what_they_give(client):
    html = client.get("/settings/plugins").get_data(as_text=True)
    assert "providers.simulator" in html
    html = client.get("/settings/plugins/providers.simulator").get_data(as_text=True)
    assert "register_providers" in html and "bundled" in html
    assert client.get("/settings/plugins/nope").status_code == 404


def test_a_plugin_that_does_not_load_shows_its_traceback(rt_sqlite):
    from core.app import compose
    from core.web.application import make_app

    (rt_sqlite.settings.path("plugins") / "broken.py").write_text("import nothing_of_this_name\n")
    client = signed_in(make_app(compose(rt_sqlite.settings.instance)), "admin")
    assert "failed" in client.get("/settings/plugins").get_data(as_text=True)
    html = client.get("/settings/plugins/broken").get_data(as_text=True)
    assert "nothing_of_this_name" in html and "Traceback" in html


def test_switching_a_plugin_off_and_on(client, rt_sqlite):
    from core.app import compose

    assert client.post("/settings/plugins/providers.simulator/disable").status_code == 303
    assert "simulator" not in rt_sqlite.plugins.providers
    assert "simulator" not in compose(rt_sqlite.settings.instance).plugins.providers, "it lasts"
    assert client.post("/settings/plugins/providers.simulator/enable").status_code == 303
    assert "simulator" in compose(rt_sqlite.settings.instance).plugins.providers
