"""Signing in and out, the second step, recovery codes, and sessions that really end."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from passlib.totp import TOTP

from core import clock
from core.db import database
from core.security import sessions, throttle, users
from core.web.application import make_app
from tests.people import PASSWORD, csrf_token, signed_in

NEW = "another long pass phrase"


def post(client, path, **data):
    return client.post(path, data={"csrf_token": csrf_token(client, path), **data})


def password_step(app, email="li@shop.example"):
    client = app.test_client()
    return client, post(client, "/login", email=email, password=PASSWORD)


@pytest.fixture
def totp(app):
    """Somebody with the second step on: (client, code generator)."""
    client = signed_in(app, "marketer", email="li@shop.example")
    html = client.post("/tf-setup", data={"setup": "authenticator"}).get_data(as_text=True)
    key = re.search(r"<code>([A-Z2-7 -]+)</code>", html).group(1)
    device = TOTP(key.replace(" ", "").replace("-", ""))
    url = re.search(r'action="(/tf-setup/[^"]+)"', html).group(1)
    assert "<svg" in html and "data:" not in html
    now = clock.now_ms() / 1000
    if now % 30 > 25:
        # The code before the present one is good for as long as the present one: not long enough here.
        clock.sleep(30 - now % 30)
        now = clock.now_ms() / 1000
    answer = client.post(url, data={"code": device.generate(now - 30).token})
    assert "Keep these somewhere safe" in answer.get_data(as_text=True)
    return client, device


def test_signing_in_leads_to_the_page_that_was_asked_for(app):
    users.add("test", "li@shop.example", "viewer", PASSWORD)
    client = app.test_client()
    wanted = client.get("/settings/account?x=1")
    assert wanted.headers["Location"] == "/login?next=/settings/account?x%3D1"
    answer = client.post(
        wanted.headers["Location"],
        data={
            "email": "li@shop.example",
            "password": PASSWORD,
            "csrf_token": csrf_token(client, "/login"),
        },
    )
    assert answer.headers["Location"].endswith("/settings/account?x=1")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_signing_in_never_leads_elsewhere(app, target):
    users.add("test", "li@shop.example", "viewer", PASSWORD)
    client = app.test_client()
    token = csrf_token(client, "/login")
    answer = client.post(
        "/login",
        query_string={"next": target},
        data={"email": "li@shop.example", "password": PASSWORD, "csrf_token": token},
    )
    assert answer.status_code in (200, 302)
    place = answer.headers.get("Location", "/")
    assert place.startswith("/") and place[1:2] not in ("/", "\\")


def test_known_and_unknown_people_get_the_same_answer(app):
    users.add("test", "li@shop.example", "viewer", PASSWORD)
    users.add("test", "off@shop.example", "viewer", PASSWORD)
    users.add("test", "boss@shop.example", "admin", PASSWORD)
    users.set_active("test", users.find("off@shop.example"), False)
    pages = []
    for email, password in (
        ("li@shop.example", "wrong"),
        ("nobody@shop.example", "wrong"),
        ("off@shop.example", PASSWORD),
    ):
        answer = post(app.test_client(), "/login", email=email, password=password)
        assert answer.status_code == 200
        text = re.sub(r'(value|content)="[^"]*"', "", answer.get_data(as_text=True))
        pages.append(text)
    assert pages[0] == pages[1] == pages[2]
    assert "E-mail or password is wrong." in pages[0]


def test_a_password_outside_ascii_works(app):
    users.add("test", "li@shop.example", "viewer", "pässwörter 密码 lang")
    client = app.test_client()
    assert post(client, "/login", email="li@shop.example", password="pässwörter 密码 lang").status_code == 302


def test_a_stolen_cookie_is_dead_after_sign_out(app):
    client = signed_in(app, "viewer")
    stolen = client.get_cookie("cooee").value
    client.post("/logout")
    thief = app.test_client()
    thief.set_cookie("cooee", stolen)
    assert thief.get("/settings/account").status_code == 302


def test_a_cookie_without_a_record_is_nobody_on_any_process(app, rt_sqlite):
    client = signed_in(app, "viewer")
    other = make_app(rt_sqlite).test_client()
    other.set_cookie("cooee", client.get_cookie("cooee").value)
    assert other.get("/settings/account").status_code == 200
    sessions.end_all(users.find("viewer@shop.example").id)
    assert other.get("/settings/account").status_code == 302
    assert client.get("/settings/account").status_code == 302


@pytest.mark.parametrize(("after_ms", "alive"), [(29 * 60_000, True), (31 * 60_000, False)])
def test_an_idle_session_ends(app, monkeypatch, after_ms, alive):
    client = signed_in(app, "viewer")
    then = clock.now_ms() + after_ms
    monkeypatch.setattr(clock, "now_ms", lambda: then)
    assert (client.get("/settings/account").status_code == 200) is alive


def test_a_session_ends_after_twelve_hours_even_in_use(app, monkeypatch):
    client = signed_in(app, "viewer")
    start = clock.now_ms()
    for hours in range(31):
        monkeypatch.setattr(clock, "now_ms", lambda h=hours: start + h * 1_500_000)
        answer = client.get("/settings/account").status_code
        assert answer == (200 if hours * 1_500_000 < sessions.LIFE_MS else 302), hours
        if answer == 302:
            return
    pytest.fail("the session never ended")


def test_changing_the_password_ends_the_other_sessions(app):
    here = signed_in(app, "viewer")
    there, answer = password_step(app, "viewer@shop.example")
    assert answer.status_code == 302 and there.get("/settings/account").status_code == 200
    answer = here.post(
        "/change", data={"password": PASSWORD, "new_password": NEW, "new_password_confirm": NEW}
    )
    assert answer.status_code == 302
    assert here.get("/settings/account").status_code == 200
    assert there.get("/settings/account").status_code == 302
    assert post(app.test_client(), "/login", email="viewer@shop.example", password=NEW).status_code == 302


@pytest.mark.parametrize(
    ("new", "words"),
    [("short", "too short"), ("password123", "first that are tried"), ("x" * 129, "too long")],
)
def test_easy_passwords_are_refused(client, new, words):
    answer = client.post(
        "/change", data={"password": PASSWORD, "new_password": new, "new_password_confirm": new}
    )
    assert answer.status_code == 200
    assert words in answer.get_data(as_text=True)


def test_a_role_change_ends_the_sessions(app):
    client = signed_in(app, "marketer")
    users.set_role("test", users.find("marketer@shop.example"), "viewer")
    assert client.get("/settings/account").status_code == 302


def test_disabling_ends_the_sessions(app):
    client = signed_in(app, "marketer")
    users.set_active("test", users.find("marketer@shop.example"), False)
    assert client.get("/settings/account").status_code == 302


def test_people_see_and_end_their_sessions(app):
    here = signed_in(app, "viewer")
    there, _ = password_step(app, "viewer@shop.example")
    html = here.get("/settings/account").get_data(as_text=True)
    assert "2 sessions" in html and "this one" in html
    path = re.search(r"/settings/account/sessions/\d+/end", html).group(0)
    assert here.post(path).status_code == 303
    assert there.get("/settings/account").status_code == 302
    assert here.post(path).status_code == 404


def test_nobody_ends_the_session_of_another_person(app):
    mine, theirs = signed_in(app, "viewer"), signed_in(app, "admin")
    record = sessions.of(users.find("admin@shop.example").id, None)[0]["id"]
    assert mine.post(f"/settings/account/sessions/{record}/end").status_code == 404
    assert theirs.get("/settings/account").status_code == 200


def test_auth_tokens_and_basic_auth_open_nothing(app):
    users.add("test", "li@shop.example", "admin", PASSWORD)
    with app.app_context():
        token = users.find("li@shop.example").get_auth_token()
    client = app.test_client()
    assert client.get("/people", headers={"Authentication-Token": token}).status_code == 302
    assert client.get("/people", query_string={"auth_token": token}).status_code == 302
    assert client.get("/people", auth=("li@shop.example", PASSWORD)).status_code == 302


# --- the second step ------------------------------------------------------------------------------------


def test_the_second_step_is_asked_and_a_code_works_once(app, totp):
    _, device = totp
    client, answer = password_step(app)
    assert answer.status_code == 302 and "tf-validate" in answer.headers["Location"]
    assert client.get("/settings/account").status_code == 302
    code = device.generate(clock.now_ms() / 1000).token
    assert post(client, "/tf-validate", code=code).status_code == 302
    assert client.get("/settings/account").status_code == 200

    again, _ = password_step(app)
    assert post(again, "/tf-validate", code=code).status_code == 200
    assert again.get("/settings/account").status_code == 302


def test_one_code_used_by_many_at_once_opens_one_session(app, totp):
    _, device = totp
    clients = [password_step(app)[0] for _ in range(4)]
    code = device.generate(clock.now_ms() / 1000).token
    answers = [post(client, "/tf-validate", code=code).status_code for client in clients]
    assert sorted(answers) == [200, 200, 200, 302]


def test_codes_are_limited_over_fresh_sign_ins(app, totp, monkeypatch):
    now = clock.now_ms() // 3_600_000 * 3_600_000 + 90_000
    monkeypatch.setattr(clock, "now_ms", lambda: now)
    answers = []
    for _ in range(7):
        throttle.clear("security.login:account", "li@shop.example")
        client, _step = password_step(app)
        answers.append(post(client, "/tf-validate", code="000000").status_code)
    assert answers == [200] * 5 + [429] * 2


def test_recovery_codes_work_once_and_are_stored_as_hashes(app, totp):
    owner, _ = totp
    html = owner.post("/mf-recovery-codes", data={"generate_new_codes": "1"}).get_data(as_text=True)
    codes = re.findall(r"<li>([0-9a-f-]{14})</li>", html)
    assert len(set(codes)) == 10
    stored = database.scalar("SELECT mf_recovery_codes FROM user_account WHERE email = 'li@shop.example'")
    assert not any(code in stored for code in codes)
    assert codes[0] not in owner.get("/mf-recovery-codes?show_codes=1").get_data(as_text=True)

    client, _step = password_step(app)
    assert post(client, "/mf-recovery", code=codes[0].upper()).status_code == 302
    assert client.get("/settings/account").status_code == 200
    assert "9 left" in client.get("/settings/account").get_data(as_text=True)
    again, _step = password_step(app)
    assert post(again, "/mf-recovery", code=codes[0]).status_code == 200
    assert again.get("/settings/account").status_code == 302
    assert post(again, "/mf-recovery", code=codes[1]).status_code == 302


def key_of(html: str) -> str:
    return re.search(r"<code>([A-Z2-7 -]+)</code>", html).group(1)


def test_a_mistyped_code_keeps_the_key_and_the_right_one_shows_recovery_codes(app):
    client = signed_in(app, "marketer", email="li@shop.example")
    html = client.post("/tf-setup", data={"setup": "authenticator"}).get_data(as_text=True)
    key, url = key_of(html), re.search(r'action="(/tf-setup/[^"]+)"', html).group(1)
    answer = client.post(url, data={"code": "000000x"})
    wrong = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "This code is wrong" in wrong
    assert key_of(wrong) == key and f'action="{url}"' in wrong and "<svg" in wrong
    code = TOTP(key.replace(" ", "").replace("-", "")).generate(clock.now_ms() / 1000).token
    shown = client.post(url, data={"code": code}).get_data(as_text=True)
    assert "The second step is on." in shown
    codes = re.findall(r"<li>([0-9a-f-]{14})</li>", shown)
    assert len(set(codes)) == 10
    assert "10 left" in client.get("/settings/account").get_data(as_text=True)
    other, _step = password_step(app)
    assert post(other, "/mf-recovery", code=codes[3]).status_code == 302


def test_a_key_of_another_session_is_not_switched_on(app):
    mine, theirs = signed_in(app, "marketer"), signed_in(app, "viewer")
    html = mine.post("/tf-setup", data={"setup": "authenticator"}).get_data(as_text=True)
    url = re.search(r'action="(/tf-setup/[^"]+)"', html).group(1)
    code = TOTP(key_of(html).replace(" ", "").replace("-", "")).generate(clock.now_ms() / 1000).token
    for path in (url, "/tf-setup/nonsense"):
        answer = theirs.post(path, data={"code": code}, follow_redirects=True)
        assert "This key is no longer valid." in answer.get_data(as_text=True)
    assert database.scalar("SELECT COUNT(*) FROM user_account WHERE tf_totp_secret IS NOT NULL") == 0


def test_what_the_library_says_is_said_in_chinese_of_ours(app, totp):
    owner, _ = totp
    zh = {"Accept-Language": "zh-CN"}

    def said(client, path, **data) -> str:
        return client.post(path, data=data, headers=zh, follow_redirects=True).get_data(as_text=True)

    client, _step = password_step(app)
    client.environ_base["HTTP_X_CSRFTOKEN"] = csrf_token(client, "/tf-validate")
    assert "动态码不正确或已用过" in said(client, "/tf-validate", code="000000")
    assert "动态码不正确或已用过" in said(client, "/tf-validate", code="六")
    assert "恢复码不正确或已用过" in said(client, "/mf-recovery", code="aaaa")
    assert "该字段是必填字段" in said(client, "/tf-validate", code="")
    assert "该字段是必填字段" in said(client, "/mf-recovery", code="")
    changed = {"new_password": NEW, "new_password_confirm": NEW}
    assert "与您当前的密码不符" in said(owner, "/change", password="no", **changed)  # noqa: S106
    assert "请输入密码" in said(owner, "/change", password="", **changed)
    assert "两次输入的密码不一致" in said(
        owner, "/change", password=PASSWORD, new_password=NEW, new_password_confirm="x"
    )
    assert "请换一个" in said(
        owner, "/change", password=PASSWORD, new_password=PASSWORD, new_password_confirm=PASSWORD
    )
    assert "新密码已生效" in said(owner, "/change", password=PASSWORD, **changed)
    assert "身份已确认" in said(owner, "/verify", password=NEW)
    assert "两步验证已关闭" in said(owner, "/tf-setup", setup="disable")
    assert "只支持验证器应用" in said(owner, "/tf-setup", setup="sms")


def test_the_second_step_can_be_switched_off_only_with_a_recent_password(app, totp):
    client, _ = totp
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        answer = client.post("/tf-setup", data={"setup": "disable"})
        assert answer.status_code == 302 and "/verify" in answer.headers["Location"]
        assert "tf-validate" in password_step(app)[1].headers["Location"]
        assert client.post("/verify", data={"password": PASSWORD}).status_code == 302
        assert client.post("/tf-setup", data={"setup": "disable"}).status_code == 302
        assert "tf-validate" not in password_step(app)[1].headers["Location"]


def test_the_secret_is_stored_encrypted(app, totp):
    _, device = totp
    stored = database.scalar("SELECT tf_totp_secret FROM user_account WHERE email = 'li@shop.example'")
    assert stored and device.base32_key not in stored


def test_a_password_is_hashed_with_argon2id(rt):
    users.add("test", "li@shop.example", "viewer", PASSWORD)
    stored = database.scalar("SELECT password FROM user_account")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("path", ["/tf-rescue", "/tf-select"])
def test_help_by_mail_is_not_offered(app, totp, path):
    client, _step = password_step(app)
    assert client.get(path).status_code == 404
    assert post(client, "/tf-validate", code="1").status_code == 200
    token = csrf_token(client, "/tf-validate")
    assert client.post(path, data={"help_setup": "help", "csrf_token": token}).status_code == 404
