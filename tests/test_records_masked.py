"""Calls an earlier version kept with secrets in them are masked where they lie, so that no search finds those."""

from __future__ import annotations

import json

import pytest

from core import clock, housekeeping
from core.db import database
from core.sending import accounts
from core.sending.calls import masking, rows, search
from tests.records_kit import sent

TOKEN = "abcdefghijklmnopqrstuv_-01"
SAID = {
    "request": f"POST https://gw.example/send?api_key=geheim1&callback=https%3A%2F%2Fshop.example%2Fhooks%2F{TOKEN}%2Freceipt",
    "headers": ["Authorization: Bearer geheim2", "Accept: application/json"],
    "body": json.dumps({"apiKey": "geheim3", "to": "86138••••8000", "text": "‹12›", "n": 2}),
    "status": 401,
    "answer": json.dumps(
        {"message": "no such token", "session": "geheim4", "see": f"/hooks/{TOKEN}/receipt"}
    ),
}
SECRETS = ["geheim1", "geheim2", "geheim3", "geheim4", "geheim5", TOKEN]


def kept(account: int, *, error: str = "", **detail) -> int:
    """A row as an earlier version wrote it; its id."""
    with database.write_tx():
        rows.write(
            [
                rows.Call(
                    account,
                    0,
                    "send",
                    clock.now_ms(),
                    5,
                    1,
                    unknown=1,
                    error=error,
                    detail=json.dumps(detail),
                ),
                rows.Call(account, 0, "send", clock.now_ms(), 5, 1, accepted=1),
            ]
        )
    return database.scalar("SELECT MAX(id) FROM provider_call WHERE detail IS NOT NULL")


def found(text: str) -> list[int]:
    return [row.id for row in search.page(search.Filter(text=text))[0]]


@pytest.fixture
def account(rt) -> int:
    return accounts.create(rt, "gw", "http", {
        "url": "https://gw.example/send", "headers": "Authorization: Bearer geheim5",
    }).id  # fmt: skip


def test_no_secret_of_an_earlier_version_is_found_by_a_search(rt, account):
    id_ = kept(
        account, error=f"refused at /hooks/{TOKEN}/receipt with geheim5", exchanges=[SAID],
        messages=[[4611686018427387904, "unknown", "E1"]],
    )  # fmt: skip
    assert all(found(secret) for secret in SECRETS)
    housekeeping.run(rt)
    assert [secret for secret in SECRETS if found(secret)] == []
    row, text = search.get(id_)
    detail = rows.detail_of(text)
    assert row.error == "refused at /hooks/••••/receipt with ••••"
    assert detail["messages"] == [[4611686018427387904, "unknown", "E1"]]
    [one] = detail["exchanges"]
    assert json.loads(one["body"]) == {"apiKey": "••••", "to": "86138••••8000", "text": "‹12›", "n": 2}
    assert one["headers"] == ["Authorization: ••••", "Accept: application/json"] and one["status"] == 401
    assert found("no such token"), "the vendor's own sentence stays"


def test_rows_that_are_masked_already_stay_as_they_are(rt):
    sent(rt)
    before = database.query("SELECT * FROM provider_call ORDER BY id")
    masking.run(rt)
    assert database.query("SELECT * FROM provider_call ORDER BY id") == before


def test_it_goes_on_where_it_was_cut_off_and_then_is_over(rt, account, monkeypatch):
    ids = [kept(account, error=f"call {n} at /hooks/{TOKEN}/receipt") for n in range(5)]
    monkeypatch.setattr(masking, "_CHUNK", 2)
    store, stored = masking._store, []

    def cut_off(changed, done):
        if len(stored) == 1:
            raise KeyboardInterrupt
        stored.append(changed)
        store(changed, done)

    monkeypatch.setattr(masking, "_store", cut_off)
    with pytest.raises(KeyboardInterrupt):
        masking.run(rt)
    assert sorted(found(TOKEN)) == ids[2:]
    monkeypatch.setattr(masking, "_store", store)
    masking.run(rt)
    assert found(TOKEN) == []
    monkeypatch.setattr(masking, "_masked", lambda *_row: pytest.fail("it was over"))
    kept(account, error="a new one")
    masking.run(rt)


def test_rows_of_an_account_that_is_gone_are_masked_by_what_names_tell(rt, account):
    kept(account + 50, error="", exchanges=[SAID])
    masking.run(rt)
    assert [secret for secret in SECRETS if found(secret)] == []
