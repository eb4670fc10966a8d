"""Apprise, the library itself, against a server that really listens."""

import logging
import subprocess
import sys
from urllib.parse import unquote

import pytest

from core import BadConfig, Refusal
from core.config import ROOT
from core.contract.testing import check_provider
from core.db import database
from core.db.codes import Cls, State
from core.sending import accounts, batch, direct
from plugins.providers.apprise import Apprise
from tests.adapters.cases import LONG, PLAIN, UNICODE
from tests.gateway import answer, drop, gateway
from tests.servers import free_port

apprise = pytest.importorskip("apprise", reason="the extra `apprise` is not installed")


def made(urls: str) -> Apprise:
    return Apprise(accounts.checked(Apprise, {"urls": urls}))


def json_url(gate, path="t0ken-s3cret/{to}") -> str:
    return gate.url.replace("http://", "json://") + "/" + path


@pytest.mark.parametrize("message", [PLAIN, UNICODE, LONG], ids=["plain", "unicode", "long"])
def test_a_text_arrives_as_it_was_written(message):
    with gateway() as gate:
        (result,) = made(json_url(gate)).send([message])
    assert result.outcome == "accepted"
    assert gate.calls[0].json["message"] == message.text.rstrip()
    assert unquote(gate.calls[0].path) == f"/t0ken-s3cret/{message.to}"


def test_a_batch_goes_to_each_number_through_every_url():
    messages = [PLAIN._replace(ref=f"R{i}", to=f"+86138001380{i:02d}") for i in range(12)]
    with gateway() as gate:
        results = made(f"{json_url(gate)}\n\n  {json_url(gate, 'copy/{number}')}\n").send(messages)
    assert [result.outcome for result in results] == ["accepted"] * 12
    paths = [unquote(call.path).removeprefix("/t0ken-s3cret/").removeprefix("/copy/") for call in gate.calls]
    assert sorted(paths) == sorted([m.to for m in messages] + [m.to[1:] for m in messages])


@pytest.mark.parametrize(
    "act", [drop, lambda *_: answer(500), lambda *_: answer(400), lambda *_: answer(401)]
)
def test_a_no_is_no_proof(act):
    with gateway(act) as gate:
        (result,) = made(json_url(gate)).send([PLAIN])
    assert result.outcome == "unknown"
    assert len(gate.calls) == 1


def test_nobody_there_looks_like_any_other_no():
    (result,) = made(f"json://127.0.0.1:{free_port()}/{{to}}").send([PLAIN])
    assert result.outcome == "unknown"


def test_a_lost_answer_is_never_sent_again(rt_sqlite):
    with gateway(drop) as gate:
        account = accounts.create(rt_sqlite, "notify", "apprise", {"urls": json_url(gate)})
        made_ = direct.send(rt_sqlite, PLAIN.to, Cls.notice, "Hello", account.id)
        for _round in range(3):
            batch.send(rt_sqlite, made_["campaign_id"])
            with database.write_tx():
                database.execute("UPDATE message SET not_before = 0")
    assert len(gate.calls) == 1
    assert database.scalar("SELECT state FROM message") == State.in_doubt


def test_a_url_of_no_service_halts_the_account_and_is_not_told():
    with pytest.raises(BadConfig, match="line 2") as raised:
        made("json://localhost/{to}\nnosuchservice://s3cret").send([PLAIN])
    assert "s3cret" not in str(raised.value)


def test_a_number_the_service_cannot_take_is_refused():
    """Twilio's service drops a wrong number, and would then text its own sender."""
    url = f"twilio://AC{'a' * 32}:{'b' * 32}@15005550006/"
    assert apprise.Apprise.instantiate(url + "+12").targets == []
    (result,) = made(url + "{to}").send([PLAIN._replace(to="+12")])
    assert (result.outcome, result.code) == ("rejected", "bad_url")


def test_a_service_that_raises_leaves_a_doubt(monkeypatch):
    def broken(*_args, **_options):
        raise KeyError("some author's bug")

    monkeypatch.setattr("apprise.Apprise.notify", broken)
    (result,) = made("json://127.0.0.1/{to}").send([PLAIN])
    assert (result.outcome, result.code) == ("unknown", "KeyError")


def test_nothing_to_send_does_nothing():
    assert made("json://127.0.0.1/{to}").send([]) == []


def test_settings_that_are_no_url_are_refused():
    with pytest.raises(Refusal, match="Line 2"):
        made("json://localhost/{to}\nhello")


def test_no_secret_and_no_number_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    said = []
    for act in (drop, lambda *_: answer(500, "no"), lambda *_: answer(200)):
        with gateway(act) as gate:
            said += made(json_url(gate)).send([PLAIN])
    told = caplog.text + repr(said)
    assert "t0ken-s3cret" not in told and PLAIN.to[1:] not in told


def test_it_keeps_the_contract():
    assert check_provider(Apprise) == []


def test_without_the_library_it_says_what_to_install_and_the_plugin_still_loads():
    """Also shows that the plugin's own name does not stand in the library's way."""
    program = (
        "import sys; sys.modules['apprise'] = None\n"
        "from plugins.providers.apprise import Apprise\n"
        "from core import BadConfig\n"
        "from core.contract.samples import MESSAGES\n"
        "try: Apprise({'urls': 'json://x'}).send(MESSAGES)\n"
        "except BadConfig as error: print(error)\n"
        "del sys.modules['apprise']; import apprise; print(apprise.__file__.endswith('apprise/__init__.py'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "The library apprise is missing; install it with: pip install cooee[apprise]",
        "True",
    ]
