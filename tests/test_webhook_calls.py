"""`POST /hooks/<token>/<kind>`: answered only after the commit; forged, huge, unknown and inbound calls."""

from __future__ import annotations

import hmac
import json
import threading

import pytest
from werkzeug.test import Client

from core import ids
from core.db import database
from core.db.models import InboundText, Inbox
from core.sending import accounts, inbox, receipts, webhooks
from core.web import hooksapp
from tests.receiving import gateway, messages, state_of


def flask_app(environ, start_response):
    start_response("200 OK", [])
    return [b"the application"]


@pytest.fixture
def web(rt):
    """A client of the fast path, without Flask behind it."""
    return Client(hooksapp.wrap(flask_app, rt))


@pytest.fixture
def web_sqlite(rt_sqlite):
    return Client(hooksapp.wrap(flask_app, rt_sqlite))


def path(account, kind="receipt") -> str:
    return f"/hooks/{account.token}/{kind}"


def test_a_call_is_stored_raw_and_encrypted_before_it_is_answered(rt, web):
    account = gateway(rt)
    body = b'{"ref": "0123456789ABCDEF", "status": "delivered"}'
    answer = web.post(path(account) + "?a=1&a=2", data=body, headers={"X-Event": "dlr", "Cookie": "c=1"})
    assert (answer.status_code, answer.data) == (200, b"ok")
    row = Inbox.get()
    assert (row.account_id, row.kind, row.state) == (account.id, "receipt", 0)
    assert b"delivered" not in bytes(row.body_enc)
    request = inbox.unpack(row.kind, rt.keys.decrypt(row.body_enc, inbox.aad(account.id)))
    assert (request.method, request.body, request.args) == ("POST", body, {"a": "1"})
    assert request.url == f"http://127.0.0.1:8000{path(account)}?a=1&a=2"
    assert request.headers["x-event"] == "dlr"
    assert "cookie" not in request.headers


def test_a_receipt_by_webhook_reaches_its_message(rt, web):
    account = gateway(rt)
    (id_,) = messages(rt, account, 1)
    web.post(path(account), json={"ref": ids.References(rt.keys).of(id_), "status": "delivered"})
    receipts.apply(rt)
    assert state_of([id_]) == ["delivered"]


def test_a_gateway_may_call_by_get(rt_sqlite, web_sqlite):
    account = gateway(rt_sqlite)
    (id_,) = messages(rt_sqlite, account, 1)
    ref = ids.References(rt_sqlite.keys).of(id_)
    assert web_sqlite.get(path(account), query_string={"ref": ref, "status": "delivered"}).status_code == 200
    receipts.apply(rt_sqlite)
    assert state_of([id_]) == ["delivered"]


def test_everything_else_goes_on_to_the_application(web_sqlite):
    for other in ("/", "/hooks", "/hook/x/receipt", "/login"):
        assert web_sqlite.get(other).data == b"the application"


UNKNOWN = ["/hooks/", "/hooks/x", "/hooks/x/receipt", "/hooks/" + "A" * 22 + "/receipt", "/hooks/" + "A" * 22 + "/",
           "/hooks/" + "A" * 22 + "/a/b", "/hooks/../../etc/passwd", "/hooks/" + "A" * 5000 + "/receipt"]  # fmt: skip


def test_unknown_tokens_are_all_answered_alike(web_sqlite):
    answers = {
        (a.status_code, a.data, str(a.headers)) for a in (web_sqlite.post(url, data=b"{}") for url in UNKNOWN)
    }
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404
    assert Inbox.select().count() == 0


def test_a_forged_call_is_refused_and_not_stored(rt_sqlite, web_sqlite):
    account = gateway(rt_sqlite, webhook_secret="s3cret")
    body = b'{"ref": "0123456789ABCDEF", "status": "delivered"}'
    assert web_sqlite.post(path(account), data=body).status_code == 403
    assert web_sqlite.post(path(account), data=body, headers={"X-Signature": "0" * 64}).status_code == 403
    assert Inbox.select().count() == 0
    right = hmac.digest(b"s3cret", body, "sha256").hex()
    assert web_sqlite.post(path(account), data=body, headers={"X-Signature": right}).status_code == 200


def test_new_settings_of_an_account_are_known_soon(rt_sqlite, web_sqlite, monkeypatch):
    monkeypatch.setattr(webhooks, "KNOWN_FOR_S", 0.0)
    account = gateway(rt_sqlite)
    assert web_sqlite.post(path(account), data=b"x").status_code == 200
    accounts.edit(rt_sqlite, account, {"webhook_secret": "s"})
    assert web_sqlite.post(path(account), data=b"x").status_code == 403


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_a_megabyte_is_refused(rt_sqlite, web_sqlite, chunked):
    account = gateway(rt_sqlite)
    environ = {"CONTENT_LENGTH": ""} if chunked else {}
    big = b"x" * (hooksapp.MAX_BODY_BYTES + 1)
    assert web_sqlite.post(path(account), data=big, environ_overrides=environ).status_code == 413
    assert web_sqlite.post(path(account), data=big[:-1], environ_overrides=environ).status_code == 200


@pytest.mark.parametrize("method", ["DELETE", "HEAD", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(rt_sqlite, web_sqlite, method):
    account = gateway(rt_sqlite)
    assert web_sqlite.open(path(account), method=method).status_code == 405


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"{" * 900_000, "状态".encode()])
def test_garbage_is_stored_for_people_to_read(rt, web, body):
    account = gateway(rt)
    assert web.post(path(account), data=body).status_code == 200
    receipts.apply(rt)
    assert Inbox.get().state == 2


def test_nothing_is_acknowledged_that_was_not_committed(rt_sqlite, web_sqlite, monkeypatch):
    account = gateway(rt_sqlite)
    real, fail = inbox.store, {"times": 3}

    def store(*args):
        real(*args)
        if fail["times"]:
            fail["times"] -= 1
            raise RuntimeError("the disk is full")

    monkeypatch.setattr(inbox, "store", store)
    codes = [web_sqlite.post(path(account), data=b"%d" % i).status_code for i in range(8)]
    assert codes == [503] * 3 + [200] * 5
    assert Inbox.select().count() == 5


def test_a_full_queue_says_come_again(rt_sqlite, web_sqlite, monkeypatch):
    monkeypatch.setattr(webhooks, "MAX_WAITING", 0)
    answer = web_sqlite.post(path(gateway(rt_sqlite)), data=b"x")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_an_account_whose_provider_is_gone_keeps_the_provider_trying(rt_sqlite, web_sqlite):
    account = gateway(rt_sqlite)
    rt_sqlite.plugins.disable_all({"providers.http": "off"})
    assert web_sqlite.post(path(account), data=b"x").status_code == 503


def test_many_at_once_are_committed_together(rt, web, monkeypatch):
    account = gateway(rt)
    commits = []
    real = inbox.store
    monkeypatch.setattr(
        inbox, "store", lambda rt, rows, *rest: commits.append(len(rows)) or real(rt, rows, *rest)
    )
    codes = []

    def work(number):
        app = Client(web.application)
        for i in range(20):
            codes.append(app.post(path(account), data=b"%d-%d" % (number, i)).status_code)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 320
    assert sum(commits) == Inbox.select().count() == 320
    assert len(commits) < 320


# --- inbound texts ------------------------------------------------------------------------------------


def inbound(web, account, text, sender="8613800138000", **more):
    return web.post(path(account, "inbound"), json={"from": sender, "text": text, **more})


def blocked(rt, e164="+8613800138000") -> bool:
    query = "SELECT COUNT(*) FROM suppression WHERE phone_bidx = ?"
    return bool(database.scalar(query, (rt.keys.blind_index(e164),)))


@pytest.mark.parametrize("text", ["STOP", " stop ", "退订", "ＴＤ", "R"])
def test_a_stop_holds_before_its_call_is_answered(rt, web, text):
    assert inbound(web, gateway(rt), text).status_code == 200
    assert blocked(rt)
    row = InboundText.get()
    assert (row.intent, row.body) == ("stop", text)
    assert rt.keys.open_number(row.phone_enc) == "+8613800138000"


def test_a_start_lifts_a_stop(rt, web):
    account = gateway(rt)
    inbound(web, account, "STOP", id="1")
    inbound(web, account, "START", id="2")
    assert not blocked(rt)
    assert [row.intent for row in InboundText.select().order_by(InboundText.id)] == ["stop", "start"]


def test_the_same_call_again_does_nothing(rt, web):
    account = gateway(rt)
    inbound(web, account, "STOP", id="mo-1")
    inbound(web, account, "START", id="mo-2")
    for _ in range(3):
        assert inbound(web, account, "STOP", id="mo-1").status_code == 200
    assert not blocked(rt)
    assert InboundText.select().count() == 2


def test_other_words_are_kept_and_block_nobody(rt, web):
    inbound(web, gateway(rt), "don't stop, I love it \x00 😀")
    row = InboundText.get()
    assert (row.intent, row.body) == ("", "don't stop, I love it  😀")
    assert not blocked(rt)


@pytest.mark.parametrize(
    "sender", ["+86 138 0013 8000", "13800138000", "008613800138000", "86-138-0013-8000"]
)
def test_senders_are_understood_as_they_are_written(rt_sqlite, web_sqlite, sender):
    inbound(web_sqlite, gateway(rt_sqlite), "STOP", sender)
    assert blocked(rt_sqlite)


def test_a_sender_that_is_no_number_is_kept_and_obeys_nothing(rt_sqlite, web_sqlite):
    assert inbound(web_sqlite, gateway(rt_sqlite), "STOP", "BANK").status_code == 200
    assert InboundText.get().intent == "stop"
    assert database.scalar("SELECT COUNT(*) FROM suppression") == 0


def test_an_inbound_call_that_cannot_be_read_is_kept_with_its_reason(rt, web):
    assert web.post(path(gateway(rt), "inbound"), data=b"???").status_code == 200
    row = Inbox.get()
    assert row.state == 2
    assert row.error
    assert InboundText.select().count() == 0


def test_plugins_hear_of_inbound_texts(rt_sqlite, web_sqlite):
    from core import hookimpl

    heard = []

    class Listener:
        @hookimpl
        def inbound_received(self, inbound_ids):
            heard.append([InboundText.get_by_id(id_).body for id_ in inbound_ids])

    rt_sqlite.plugins.register(Listener(), "listener")
    inbound(web_sqlite, gateway(rt_sqlite), "hello")
    assert heard == [["hello"]]


def test_replies_of_a_connection_are_handled_in_the_storing_transaction(rt):
    from core import Inbound

    account = accounts.create(rt, "sim", "simulator", {})
    inbox.Sink(rt, account.id).put(
        [Inbound("+8613800138000", "退订", "", "mo-1"), Inbound("+12025550123", "hi")]
    )
    assert blocked(rt)
    assert InboundText.select().count() == 2


def test_the_application_has_the_fast_path_in_front(app, rt_sqlite):
    account = gateway(rt_sqlite)
    client = app.test_client()
    assert client.post(path(account), data=json.dumps({"ref": "x", "status": "delivered"})).status_code == 200
    assert Inbox.select().count() == 1
    assert client.post("/hooks/" + "A" * 22 + "/receipt").status_code == 404
