"""One-time links: set-up, invitation, reset, and reset by mail."""

from __future__ import annotations

import re
import threading

import pytest

from core import clock, mail
from core.contract.errors import Refusal
from core.db.models import Audit
from core.security import links, sessions, users
from core.web.application import make_app
from tests.mailbox import Mailbox
from tests.people import PASSWORD, csrf_token, signed_in

NEW = "another long pass phrase"


def path_of(url: str) -> str:
    return re.sub(r"^https?://[^/]+", "", url)


def fill(client, path, **data):
    return client.post(path, data={"csrf_token": csrf_token(client, "/login"), **data})


def test_before_the_first_account_the_sign_in_page_says_where_the_way_in_is(app):
    client = app.test_client()
    page = client.get("/", follow_redirects=True).get_data(as_text=True)
    assert "Open the link that “cooee up” printed" in page and 'name="password"' not in page
    users.add("test", "boss@shop.example", "admin", PASSWORD)
    page = client.get("/login").get_data(as_text=True)
    assert "cooee up" not in page and 'name="password"' in page


def test_a_new_set_up_link_says_that_the_one_before_ended(rt):
    first = links.setup_words(rt)
    assert "no longer works" not in first
    second = links.setup_words(rt)
    assert second.endswith("The link printed before this one no longer works.")
    for words, works in ((first, False), (second, True)):
        token = re.search(r"/setup/(\S+)", words).group(1)
        assert (links.find(token) is not None) is works


def test_the_set_up_link_makes_the_first_admin_once(app, rt_sqlite):
    path = path_of(links.setup_link(rt_sqlite))
    client = app.test_client()
    assert client.get(path).status_code == 200
    answer = fill(client, path, email="Boss@Shop.example", name="Li", password=NEW, again=NEW)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert [(p["email"], p["role"]) for p in users.listed()] == [("boss@shop.example", "admin")]
    assert fill(client, "/login", email="boss@shop.example", password=NEW).status_code == 302
    assert app.test_client().get(path).status_code == 404
    answer = fill(app.test_client(), path, email="two@shop.example", password=NEW, again=NEW)
    assert answer.status_code == 422
    assert len(users.listed()) == 1


def test_who_sets_the_server_up_is_signed_in_as_if_by_the_sign_in_page(rt, quick_passwords):
    path = path_of(links.setup_link(rt))
    client = make_app(rt).test_client()
    assert client.get("/settings/account").status_code == 302
    fill(client, path, email="boss@shop.example", password=NEW, again=NEW)
    overview = client.get("/")
    assert overview.status_code == 200 and "and signed in" in overview.get_data(as_text=True)
    user = users.find("boss@shop.example")
    assert [one["current"] for one in sessions.of(user.id, None)] == [False], (
        "one session, of the server's keeping"
    )
    assert [line.action for line in Audit.select().order_by(Audit.id)][-1] == "person.sign_in"
    users.end_sessions(user)
    assert client.get("/settings/account").status_code == 302, "the cookie alone opens nothing"


def test_set_up_ends_the_session_of_whoever_sat_at_the_browser(rt, quick_passwords):
    path, client = path_of(links.setup_link(rt)), signed_in(make_app(rt), "viewer")
    viewer = users.find("viewer@shop.example")
    assert len(sessions.of(viewer.id, None)) == 1
    fill_in = {"email": "boss@shop.example", "password": NEW, "again": NEW}
    assert client.post(path, data=fill_in).status_code == 303
    assert sessions.of(viewer.id, None) == []
    assert "boss@shop.example" in client.get("/settings/account").get_data(as_text=True)


def test_a_set_up_link_pressed_many_times_at_once_makes_one_admin(rt):
    from core.db import database

    token = links.create("setup")
    made, refused = [], []

    def press(n: int) -> None:
        try:
            made.append(users.set_up(token, f"p{n}@shop.example", NEW))
        except Refusal as refusal:
            refused.append(refusal)
        finally:
            database.proxy.close()

    threads = [threading.Thread(target=press, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 5)


def test_a_set_up_link_is_worthless_once_there_is_an_admin(rt):
    token = links.create("setup")
    users.add("test", "boss@shop.example", "admin", PASSWORD)
    with pytest.raises(Refusal, match="set up already"):
        users.set_up(token, "evil@shop.example", NEW)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"email": "boss", "password": NEW, "again": NEW}, "is not an e-mail address"),
        ({"email": "b@shop.example", "password": "12345678", "again": "12345678"}, "first that are tried"),
        ({"email": "b@shop.example", "password": NEW, "again": "x"}, "The two passwords differ"),
    ],
)
def test_set_up_says_what_is_wrong_and_keeps_the_link(app, rt_sqlite, data, words):
    path = path_of(links.setup_link(rt_sqlite))
    client = app.test_client()
    answer = fill(client, path, **data)
    assert answer.status_code == 422 and words in answer.get_data(as_text=True)
    assert not users.any_admin() and client.get(path).status_code == 200


def test_links_expire_and_replace_each_other(rt, monkeypatch):
    user = users.add("test", "li@shop.example", "viewer")
    old, new = links.create("reset", user.id), links.create("reset", user.id)
    assert links.find(old) is None and links.find(new).user_id == user.id
    later = clock.now_ms() + links.LIFE_MS["reset"] + 1
    monkeypatch.setattr(clock, "now_ms", lambda: later)
    with pytest.raises(Refusal, match="used or has expired"):
        users.choose_password(new, NEW)


def test_a_person_link_makes_no_admin_and_a_set_up_link_sets_no_password(rt):
    user = users.add("test", "li@shop.example", "viewer")
    token = links.create("reset", user.id)
    with pytest.raises(Refusal):
        users.set_up(token, "evil@shop.example", NEW)
    assert links.find(token), "the refusal spent the link"


def test_an_invited_person_chooses_a_password_once(app, rt_sqlite):
    user = users.add("test", "li@shop.example", "marketer")
    path = path_of(users.invite(rt_sqlite, "test", user))
    client = app.test_client()
    assert "li@shop.example" in client.get(path).get_data(as_text=True)
    assert fill(client, path, password=NEW, again=NEW).status_code == 303
    assert fill(client, "/login", email="li@shop.example", password=NEW).status_code == 302
    assert (
        fill(app.test_client(), path, password="stolen long enough", again="stolen long enough").status_code
        == 404
    )


def test_a_reset_signs_out_and_voids_the_password(app, rt_sqlite):
    client = signed_in(app, "marketer")
    users.reset(rt_sqlite, "test", users.find("marketer@shop.example"))
    assert client.get("/settings/account").status_code == 302
    assert (
        fill(app.test_client(), "/login", email="marketer@shop.example", password=PASSWORD).status_code == 200
    )


def test_tokens_are_stored_as_hashes(rt):
    from core.db import database

    token = links.create("setup")
    assert token not in str(database.query("SELECT * FROM one_time_link"))


def test_without_mail_the_page_says_how_to_get_a_link(app):
    answer = app.test_client().get("/forgot")
    assert b"cooee user reset" in answer.data
    assert fill(app.test_client(), "/forgot", email="li@shop.example").status_code == 404


def test_a_reset_by_mail_works_once_and_answers_alike(sqlite_instance, monkeypatch):
    from core.app import compose

    box = Mailbox()
    monkeypatch.setenv("COOEE_INSTANCE", sqlite_instance["COOEE_INSTANCE"])
    app = make_app(compose(smtp_url=box.url, mail_from="cooee@shop.example"))
    threads = []
    later = mail.send_later
    monkeypatch.setattr(mail, "send_later", lambda *a: threads.append(later(*a)))
    users.add("test", "li@shop.example", "viewer", PASSWORD)
    answers = [
        fill(app.test_client(), "/forgot", email=e) for e in ("LI@shop.example", "nobody@shop.example")
    ]
    assert [a.status_code for a in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    for thread in threads:
        thread.join(10)
    (letter,) = box.letters
    assert "To: li@shop.example" in letter
    path = path_of(re.search(r"http\S+/link/\S+", letter.replace("=\r\n", "").replace("=\n", "")).group(0))
    client = app.test_client()
    assert fill(client, path, password=NEW, again=NEW).status_code == 303
    assert client.get(path).status_code == 404


def test_a_mail_server_that_is_gone_is_logged_not_raised(rt_sqlite, caplog):
    rt_sqlite.settings.smtp_url = "smtp://127.0.0.1:1"
    mail.send_later(rt_sqlite, "li@shop.example", "x", "y").join(10)
    assert "failed" in caplog.text and "li@" not in caplog.text
