"""Pages of the records: error codes, calls, bills, messages; who may do what."""

from __future__ import annotations

import io

import pytest

from core import clock, ids
from core.db import database, settings
from core.db.codes import State
from core.sending import accounts, batch, errorkinds, receipts
from tests import receiving, records_kit
from tests import send_kit as kit
from tests.pages import text


@pytest.fixture
def sent(rt_sqlite):
    return records_kit.sent(rt_sqlite)


def test_the_page_of_codes_has_unknown_ones_first_and_takes_a_kind(client, rt_sqlite, sent):
    _tape, _campaign, account = sent
    page = text(client.get(f"/providers/{account}/errors"))
    assert page.index("<code>X9</code>") < page.index("<code>E1</code>")
    assert "2 codes came that nobody knows" in page
    assert (
        client.post(f"/providers/{account}/errors", data={"code": "X9", "kind": "content"}).status_code == 303
    )
    assert accounts.open_provider(rt_sqlite, account).kind("X9") == "content"
    assert "changed" in text(client.get(f"/providers/{account}/errors"))
    client.post(f"/providers/{account}/errors/reset")
    assert errorkinds.changed(account) == {}
    refused = client.post(f"/providers/{account}/errors", data={"code": "X9", "kind": "zzz"})
    assert "zzz" in text(refused, 422)


def test_a_viewer_reads_and_changes_nothing(login, sent):
    _tape, campaign, account = sent
    viewer = login("viewer")
    call = database.scalar("SELECT MAX(id) FROM provider_call")
    for path in (f"/providers/{account}/errors", "/providers/calls", f"/providers/calls/{call}", "/messages/queue",
                 f"/providers/{account}/invoices"):  # fmt: skip
        assert viewer.get(path).status_code == 200
    for path in (f"/providers/{account}/errors", f"/providers/calls/{call}/again", "/messages/queue/stop",
                 f"/messages/queue/{campaign}/now", "/messages/queue/start", f"/providers/{account}/invoices",
                 f"/providers/{account}/balance/alarm", "/providers/calls/settings"):  # fmt: skip
        assert viewer.post(path).status_code == 403, path


def test_the_log_lists_searches_and_shows_one_call(client, sent):
    page = text(client.get("/providers/calls"))
    assert "X9" in page and "<b>no</b>" not in page
    # Letters that no random token of the page holds by chance.
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "&lt;b&gt;no&lt;/b&gt;" not in text(client.get("/providers/calls?kind=poll"))
    assert "No call fits" in text(client.get("/providers/calls?q=nowhere"))
    assert "is no kind of call" in text(client.get("/providers/calls?kind=zzz"))
    call = database.scalar("SELECT MAX(id) FROM provider_call")
    one = text(client.get(f"/providers/calls/{call}"))
    assert "Send again" in one and "Send 2 messages again?" in one
    assert client.get("/providers/calls/999").status_code == 404


def test_a_call_is_sent_again_by_the_button(client, sent):
    call = database.scalar("SELECT MAX(id) FROM provider_call")
    assert client.post(f"/providers/calls/{call}/again").status_code == 303
    assert client.post(f"/providers/calls/{call}/again").status_code == 422
    assert (
        database.scalar(
            "SELECT COUNT(*) FROM message m JOIN campaign c ON c.id = m.campaign_id WHERE c.name = 'direct:mass'"
        )
        == 1
    )


def test_how_long_calls_are_kept_is_a_setting(client, sent):
    assert client.post("/providers/calls/settings", data={"days": "7", "words": "1"}).status_code == 303
    assert (settings.get("calls.days"), settings.get("calls.words")) == (7, True)
    assert client.post("/providers/calls/settings", data={"days": "0"}).status_code == 422


def test_a_bill_is_taken_in_and_its_differences_downloaded(client, sent):
    _tape, _campaign, account = sent
    file = (io.BytesIO(b"id,date,price\np-1,2026-11-22,0.05\nzz,2026-11-22,0.05\n"), "march.csv")
    answer = client.post(f"/providers/{account}/invoices", data={"file": file})
    assert answer.status_code == 303
    page = text(client.get(answer.location))
    assert "billed, not ours" in page and "<code>zz</code>" in page
    listed = text(client.get(f"/providers/{account}/invoices"))
    assert "march.csv" in listed
    csv = text(client.get(f"{answer.location}/export"))
    assert '"zz"' in csv
    assert client.post(f"{answer.location}/remove").status_code == 303
    wrong = client.post(f"/providers/{account}/invoices", data={"file": (io.BytesIO(b"a,b\n1,2\n"), "x.csv")})
    assert "a, b" in text(wrong, 422)


def test_messages_are_found_by_code_day_reference_and_the_providers_id(client, rt_sqlite, sent):
    _tape, campaign, account = sent
    ids_ = [row[0] for row in kit.rows(campaign, "id")]
    href = lambda id_: f'href="/messages/{id_}"'  # noqa: E731
    found = lambda query: [id_ for id_ in ids_ if href(id_) in text(client.get(f"/messages?{query}"))]  # noqa: E731
    today = clock.now().date().isoformat()
    assert found("code=X9") == ids_[1:2]
    assert found(f"from={today}&to={today}") == ids_
    assert found("to=2020-01-01") == []
    assert found(f"q={ids.References(rt_sqlite.keys).of(ids_[2])}") == ids_[2:]
    assert found("q=p-1") == ids_[:1]
    assert found(f"q={ids_[0]}") == ids_[:1]
    assert "is no date" in text(client.get("/messages?from=soon"))


def test_a_message_shows_its_calls_and_its_receipts_as_they_came(client, rt_sqlite):
    account = receiving.gateway(rt_sqlite)
    campaign, _other = kit.setup(rt_sqlite, n=1)
    kit.send_all(rt_sqlite, campaign)
    [(id_, submitted_at)] = kit.rows(campaign, "id, submitted_at")
    account = accounts.create(rt_sqlite, "gw2", "http", {"url": "https://g.example/", "ref_path": "ref"})
    with database.write_tx():
        database.execute("UPDATE message SET account_id = ? WHERE id = ?", (account.id, id_))
        database.execute("UPDATE provider_call SET account_id = ?", (account.id,))
    ref = ids.References(rt_sqlite.keys).of(id_)
    receiving.store(
        rt_sqlite, account, {"ref": ref, "status": "failed", "to": "+8613800000000", "code": "E3"}
    )
    receipts.apply(rt_sqlite)
    page = text(client.get(f"/messages/{id_}"))
    assert "Calls of the provider" in page
    raw = text(client.get(f"/messages/{id_}/raw", headers={"HX-Request": "true"}))
    assert "86138••••0000" in raw and "E3" in raw and "+8613800000000" not in raw
    assert State.undelivered == kit.rows(campaign, "state")[0][0] and batch
