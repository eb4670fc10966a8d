"""Pages of accounts: list, add, settings, one account, prices, test text; roles, errors, secrets."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import pytest

from core import Provider, hookimpl
from core.db import database
from core.db.models import Account, Campaign
from core.sending import accounts, prices
from core.web import accountview
from tests.pages import text
from tests.receiving import gateway, messages, store

SECRET = "canary-key-77"


@pytest.fixture
def account(rt_sqlite):
    return gateway(rt_sqlite, "gw", headers=f"Authorization: {SECRET}", webhook_secret=SECRET)


def add(client, provider="http", **given):
    form = {"name": "gw", "sender": "", "rate": ""} | {
        f"set-{k}" if k not in ("name", "sender", "rate") else k: v for k, v in given.items()
    }
    return client.post(f"/providers/new/{provider}", data=form)


def test_an_empty_list_says_what_to_do_next(client):
    page = text(client.get("/providers"))
    assert "An account says through whom texts go" in page
    assert "/providers/new" in page


def test_the_list_has_a_card_for_each_account(client, rt_sqlite, account):
    messages(rt_sqlite, account, 7)
    accounts.create(rt_sqlite, "sim", "simulator", {})
    page = text(client.get("/providers"))
    assert page.count('<section class="card account') == 2
    assert "HTTP gateway" in page
    assert "Simulator" in page


def test_providers_to_choose_from_are_those_plugins_give(client, rt_sqlite):
    page = text(client.get("/providers/new"))
    for name in rt_sqlite.plugins.providers:
        assert f"/providers/new/{name}" in page
    rt_sqlite.plugins.disable_all({"providers.null": "off"})
    assert "/providers/new/null" not in text(client.get("/providers/new"))
    assert client.get("/providers/new/nope").status_code == 422


def test_an_account_is_added(client, rt_sqlite):
    answer = add(
        client, url="https://g.example/", method="POST", batch="7", concurrency="9", idempotency_ttl_s="0",
        sender="1069", rate="5.5", headers="Authorization: x",
    )  # fmt: skip
    assert answer.status_code == 303
    made = accounts.get("gw")
    settings = accounts.settings_of(rt_sqlite, made)
    assert (made.sender, made.rate_per_s, settings["batch"], settings["headers"]) == (
        "1069",
        5.5,
        7,
        "Authorization: x",
    )
    assert "send yourself a text" in text(client.get(answer.location))


def test_boxes_that_are_not_ticked_are_off(client, rt_sqlite):
    whole = dict.fromkeys(
        (
            "accept_rate",
            "deliver_rate",
            "reply_rate",
            "optout_rate",
            "duplicate_rate",
            "slowness",
            "false_receipt_rate",
            "damage_rate",
        ),
        "0.5",
    )
    add(client, "simulator", seed="3", latency_ms="0", receipts="poll", **whole)
    assert accounts.settings_of(rt_sqlite, accounts.get("gw"))["shuffle"] is False


WRONG = [
    ({"url": ""}, "This field is required"),
    ({"url": "gateway"}, "is no URL"),
    ({"url": "https://g.example/", "batch": "0"}, "between 1 and 1000"),
    ({"url": "https://g.example/", "body": "{bad"}, "no valid JSON"),
    ({"url": "https://g.example/", "rate": "-1"}, "Number must be"),
    ({"url": "https://g.example/", "name": ""}, "This field is required"),
    ({"url": "https://g.example/", "name": "taken"}, "already"),
]


def test_what_cannot_work_is_said_beside_the_field_and_nothing_typed_is_lost(client, rt_sqlite):
    accounts.create(rt_sqlite, "taken", "null", {})
    usual = {"method": "POST", "batch": "7", "concurrency": "9", "idempotency_ttl_s": "0", "sender": "MyShop"}
    for given, words in WRONG:
        answer = add(client, **(usual | {"headers": SECRET} | given))
        page = text(answer, 422)
        assert words in page, given
        assert "MyShop" in page
        assert SECRET not in page
    assert Account.select().count() == 1


def test_secrets_are_not_shown_and_kept_when_left_empty(client, rt_sqlite, account):
    pages = [text(client.get(f"/providers/{account.id}{end}")) for end in ("", "/settings")] + [
        text(client.get("/providers"))
    ]
    assert SECRET not in "".join(pages)
    assert "leave empty to keep it" in pages[1]
    form = {
        "name": "gw2", "sender": "", "rate": "", "set-url": "https://new.example/", "set-method": "POST", "set-batch": "5",
        "set-concurrency": "5", "set-idempotency_ttl_s": "0", "set-headers": "", "set-webhook_secret": "n3w",
    }  # fmt: skip
    assert client.post(f"/providers/{account.id}/settings", data=form).status_code == 303
    settings = accounts.settings_of(rt_sqlite, accounts.get("gw2"))
    assert settings["url"] == "https://new.example/"
    assert settings["headers"] == f"Authorization: {SECRET}"
    assert settings["webhook_secret"] == "n3w"


def test_the_page_of_an_account_shows_how_it_does(client, rt_sqlite, account):
    messages(rt_sqlite, account, 30)
    Campaign.insert({"name": "c", "cls": 2, "state": "running", "created_at": 0}).execute()
    database.execute("UPDATE account SET last_error = 'HTTP 500 <script>', halted = 'bad key'")
    store(rt_sqlite, account, b"{broken")
    from core.sending import receipts

    receipts.apply(rt_sqlite)
    page = text(client.get(f"/providers/{account.id}"))
    assert f"/hooks/{account.token}/receipt" in page
    assert f"/hooks/{account.token}/inbound" in page
    assert "HTTP 500 &lt;script&gt;" in page
    assert "Halted until somebody acts: bad key" in page
    assert "BadResponse" in page
    assert ">30<" in page
    fragment = client.get(f"/providers/{account.id}/recent", headers={"HX-Request": "true"})
    assert text(fragment).count("<tr>") >= 12


def test_an_account_whose_plugin_is_gone_still_has_a_page(client, rt_sqlite, account):
    rt_sqlite.plugins.disable_all({"providers.http": "off"})
    assert "No plugin offers" in text(client.get(f"/providers/{account.id}"))
    assert "no plugin" in text(client.get("/providers"))


def test_an_account_is_switched_off_and_on(client, account):
    assert client.post(f"/providers/{account.id}/off").status_code == 303
    assert accounts.get("gw").enabled is False
    Account.update(halted="x", failures=7).execute()
    assert client.post(f"/providers/{account.id}/on").status_code == 303
    now = accounts.get("gw")
    assert (now.enabled, now.halted, now.failures) == (True, "", 0)


def test_prices_are_set_taken_from_a_file_and_removed(client, account):
    form = {"country": "cn", "class": "mass", "price": "0.045", "currency": "cny", "from": "2026-01-01"}
    assert client.post(f"/providers/{account.id}/prices", data=form).status_code == 303
    upload = {"file": (io.BytesIO(b"country,price,currency\nUS,0.01,CNY\n"), "p.csv")}
    assert client.post(f"/providers/{account.id}/prices/file", data=upload).status_code == 303
    page = text(client.get(f"/providers/{account.id}"))
    assert "0.045 CNY" in page
    assert "0.01 CNY" in page
    gone = {"country": "US", "cls": "-1", "from_at": "0"}
    assert client.post(f"/providers/{account.id}/prices/remove", data=gone).status_code == 303
    assert [line.country for line in prices.table(account.id)] == ["CN"]


def test_a_bad_price_or_file_is_refused_and_changes_nothing(client, account):
    for form, words in (
        ({"price": "free", "currency": "CNY"}, "cannot be read as one number"),
        ({"price": "1", "currency": "¥"}, "no currency code"),
    ):
        answer = client.post(f"/providers/{account.id}/prices", data=form)
        assert words in text(answer, 422)
    for file in (b"\xff\xfe\x00", b"a,b\n", b""):
        upload = {"file": (io.BytesIO(file), "p.csv")}
        assert client.post(f"/providers/{account.id}/prices/file", data=upload).status_code == 422
    assert prices.table(account.id) == []


def test_a_test_text_is_queued_and_followed(client, rt_sqlite, account):
    answer = client.post(f"/providers/{account.id}/test", data={"to": "13800138000", "text": "Hello"})
    assert answer.status_code == 303
    page = text(client.get(answer.location))
    assert "every 1s" in page
    assert database.scalar("SELECT COUNT(*) FROM message WHERE account_id = ?", (account.id,)) == 1
    assert "+86138****8000" in page


def test_a_test_text_to_nowhere_is_refused_with_what_was_typed(client, account):
    answer = client.post(f"/providers/{account.id}/test", data={"to": "12", "text": "Hello there"})
    assert "Hello there" in text(answer, 422)


def test_a_provider_without_a_balance_says_so(client, account):
    answer = client.post(f"/providers/{account.id}/balance", follow_redirects=True)
    assert "does not tell a balance" in text(answer)


PAGES = [
    ("GET", "", "view"),
    ("GET", "/new", "edit"),
    ("GET", "/new/null", "edit"),
    ("POST", "/new/null", "edit"),
    ("GET", "/1", "view"),
    ("GET", "/1/recent", "view"),
    ("GET", "/1/settings", "edit"),
    ("POST", "/1/settings", "edit"),
    ("POST", "/1/on", "edit"),
    ("POST", "/1/off", "edit"),
    ("POST", "/1/prices", "edit"),
    ("POST", "/1/prices/file", "edit"),
    ("POST", "/1/prices/remove", "edit"),
    ("POST", "/1/test", "edit"),
    ("POST", "/1/balance", "edit"),
]


@pytest.mark.parametrize("role", ["viewer", "marketer"])
def test_only_who_may_edit_providers_changes_them(login, account, role):
    client = login(role)
    for method, path, needed in PAGES:
        code = client.open("/providers" + path, method=method).status_code
        assert (code == 403) == (needed == "edit"), (method, path, code)
    page = text(client.get("/providers/1"))
    assert account.token not in page
    assert "/providers/1/settings" not in page


def test_an_unknown_account_is_not_found(client):
    for path in ("/providers/99", "/providers/99/settings", "/providers/99/recent"):
        assert client.get(path).status_code == 404


def focused(page: str) -> list[str]:
    """Names of the fields the browser goes to, each with its error beside it."""
    found = re.findall(r'<[^>]*name="(\w+)"[^>]* autofocus [^>]*aria-describedby="([\w-]+)"', page)
    return [name for name, error in found if f'id="{error}" role="alert"' in page]


@pytest.mark.parametrize(
    ("where", "given", "field"),
    [
        ("test", {"to": "12", "text": "Hello"}, "to"),
        ("test", {"to": "+8613800138000", "text": ""}, "text"),
        ("prices", {"country": "CN", "price": "dear", "currency": "CNY"}, "price"),
        ("prices", {"country": "Mars", "price": "0.1", "currency": "CNY"}, "country"),
        ("prices", {"country": "CN", "price": "0.1", "currency": "CNY", "from": "soon"}, "from"),
    ],
)
def test_what_is_wrong_is_said_where_it_was_typed_and_the_page_goes_there(
    client, account, where, given, field
):
    answer = client.post(f"/providers/{account.id}/{where}", data=given)
    assert answer.status_code == 422
    assert focused(answer.text) == [field]


def test_a_file_that_is_no_price_list_is_refused_beside_its_field(client, account):
    wrong = {"file": (io.BytesIO(b"country,price\nCN,dear"), "prices.csv")}
    answer = client.post(f"/providers/{account.id}/prices/file", data=wrong)
    assert (answer.status_code, focused(answer.text)) == (422, ["file"])


@pytest.mark.parametrize("where", ["test", "prices", "prices/file"])
def test_such_an_address_loaded_anew_leads_to_the_account(client, account, where):
    assert client.get(f"/providers/{account.id}/{where}").location == f"/providers/{account.id}"
    assert client.get(f"/providers/999/{where}").status_code == 404


def test_an_account_that_tells_nothing_more_promises_no_receipts(rt_sqlite):
    providers = rt_sqlite.plugins.providers
    assert "receipts" not in accountview.abilities(providers["null"])
    assert "receipts" in accountview.abilities(providers["simulator"])


def test_the_settings_of_an_account_whose_plugin_is_gone_can_be_saved(client, rt_sqlite, account):
    with database.write_tx():
        database.execute("UPDATE account SET provider = 'acme' WHERE id = ?", (account.id,))
    page = client.get(f"/providers/{account.id}/settings")
    assert page.status_code == 200 and "No plugin offers this provider" in page.text
    saved = client.post(f"/providers/{account.id}/settings", data={"name": "was", "sender": "", "rate": "7"})
    assert saved.status_code == 303
    now = accounts.get(account.id)
    assert (now.name, now.rate_per_s, now.settings_enc) == ("was", 7, account.settings_enc)
    assert "no plugin" in client.get("/providers").text
    assert client.get("/providers/new/acme").status_code == 422


def test_a_provider_that_cannot_be_made_says_so_on_its_page_and_on_its_plugins(client, rt_sqlite):
    class Broken(Provider):
        name, title = "broken", "Broken"

        def __init__(self, settings, callback_url=""):
            raise KeyError("no region for 8613900138001")

    rt_sqlite.plugins.register(SimpleNamespace(register_providers=hookimpl(lambda: [Broken])), "brk")
    made = accounts.create(rt_sqlite, "broken", "broken", {})
    page = client.get(f"/providers/{made.id}")
    assert page.status_code == 200
    assert "cannot be made: KeyError" in page.text and "13900138001" not in page.text
    assert "cannot be made: KeyError" in client.get("/settings/plugins/brk").text
