"""The example of docs/write-a-provider.md is installed as a stranger's package, and sends as it is printed."""

from __future__ import annotations

import hmac
import json
import os
import re
import subprocess
import sys

import pytest

from core import Balance, WebhookRequest, clock
from core.app import compose
from core.config import ROOT
from core.contract import kinds
from core.contract.testing import check_all
from core.db import database
from core.db.codes import Cls, State
from core.sending import accounts, batch, direct, doubt, receipts
from core.sending.webhooks import FORGED, Receiver
from tests.gateway import answer, drop, gateway
from tests.servers import BARE

TO = "+8613800138000"
PAGE = (ROOT / "docs" / "write-a-provider.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The files of the page, as its reader writes them."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "pyproject.toml").write_text(blocks("toml")[0], "utf-8")
    (folder / "cooee_acme").mkdir()
    (folder / "cooee_acme" / "__init__.py").write_text(blocks("python")[0], "utf-8")
    (folder / "test_acme.py").write_text(blocks("python")[1], "utf-8")
    return folder


@pytest.fixture(scope="module")
def site(source, tmp_path_factory):
    """A folder into which pip really installed it."""
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index",
         "--target", str(target), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    return target


@pytest.fixture
def rt_with(rt, site, monkeypatch):
    """Cooee as it starts with the package installed, on each database."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "cooee_acme", raising=False)
    made = compose()
    made.settings.http_allow = "127.0.0.1"
    yield made
    accounts.close_providers(made)
    sys.modules.pop("cooee_acme", None)


def account_on(rt, gate):
    given = {"endpoint": f"{gate.url}/v2", "key": "k3y-of-acme", "signing_key": "s1gn"}
    return accounts.create(rt, "Acme", "acme", given)


def signed(account, kind: str, row: dict, key="s1gn") -> tuple[str, WebhookRequest]:
    """A call of Acme to the account's own address."""
    body, stamp = json.dumps(row).encode(), str(clock.now_ms() // 1000)
    signature = hmac.digest(key.encode(), stamp.encode() + b"." + body, "sha256").hex()
    headers = {"content-type": "application/json", "x-acme-time": stamp, "x-acme-signature": signature}
    return account.token, WebhookRequest(kind, "POST", "", headers, {}, body)


def state() -> State:
    return State(database.scalar("SELECT state FROM message"))


def test_it_is_found_by_its_entry_point_and_keeps_the_contract(rt_with):
    (report,) = [one for one in rt_with.plugins.report() if one["name"] == "acme"]
    assert (report["source"], report["version"], report["state"], report["problems"]) == (
        "installed",
        "1.0",
        "on",
        [],
    )
    assert [broken for _plugin, _what, broken in check_all(rt_with.plugins, only="acme")] == [[], []]


def test_it_sends_and_takes_receipts_and_replies(rt_with):
    with gateway(lambda *_: answer(201, {"id": "m-1", "parts": 1, "price": "0.0450"})) as gate:
        account = account_on(rt_with, gate)
        made = direct.send(rt_with, TO, Cls.notice, "Hello", account.id)
        batch.send(rt_with, made["campaign_id"])
        (call,) = gate.calls
    assert (call.path, call.json["to"], call.json["text"]) == ("/v2/messages", TO, "Hello")
    assert call.headers["authorization"] == "Bearer k3y-of-acme"
    assert call.json["callback"].endswith(f"/hooks/{account.token}/receipt")
    assert state() == State.accepted

    receiver = Receiver(rt_with)
    told = {"id": "m-1", "ref": call.json["ref"], "state": "delivered", "at": "2026-11-22T10:00:00Z"}
    assert receiver.receive(*signed(account, "receipt", {**told, "state": "failed"}, key="guessed")) == FORGED
    assert receiver.receive(*signed(account, "receipt", told))[0] == 200
    receipts.apply(rt_with)
    assert state() == State.delivered

    said = {"id": "mo-1", "from": TO, "text": "STOP"}
    assert receiver.receive(*signed(account, "inbound", said))[0] == 200
    assert database.scalar("SELECT COUNT(*) FROM suppression") == 1


def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(rt_with, monkeypatch):
    lost = {"now": True}

    def acme(call, connection):
        if call.method == "GET":
            return answer(404, {})
        return drop(call, connection) if lost["now"] else answer(201, {"id": "m-2"})

    with gateway(acme) as gate:
        account = account_on(rt_with, gate)
        made = direct.send(rt_with, TO, Cls.notice, "Hello", account.id)
        batch.send(rt_with, made["campaign_id"])
        assert state() == State.in_doubt
        lost["now"] = False
        doubt.climb(rt_with)
        assert [call.method for call in gate.calls] == ["POST"], "the answer holds after settle_s only"
        with database.write_tx():
            database.execute("UPDATE message SET submitted_at = submitted_at - 61000")
            database.execute("DELETE FROM lease")
        doubt.climb(rt_with)
        batch.send(rt_with, made["campaign_id"])
        assert [call.method for call in gate.calls] == ["POST", "GET", "POST"]
    assert state() == State.accepted


def test_it_tells_the_balance(rt_with):
    with gateway(lambda *_: answer(200, {"amount": "12.50", "currency": "EUR"})) as gate:
        provider = accounts.open_provider(rt_with, account_on(rt_with, gate), connect=False)
        assert provider.balance() == Balance(12_500_000, "EUR")


def test_the_tests_of_the_page_pass(source, site):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_acme.py"],
        cwd=source, env=os.environ | BARE | {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_is_clean(source):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--ignore", "S,I",
         "cooee_acme", "test_acme.py"],
        cwd=source, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_page_knows_every_kind():
    named = set(re.findall(r"`(\w+)`", PAGE.split("| kind |")[1].split("\n\n")[0]))
    assert named == set(kinds.KINDS)
