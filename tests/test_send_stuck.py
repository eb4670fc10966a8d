"""Messages no account can take: said once where people look, looked at ever more rarely, and gone on by themselves."""

from __future__ import annotations

import logging

import pytest

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.i18n import use
from core.sending import accounts, batch, direct, findings, launch, leases, pausing
from core.sending.drafts import get
from core.sending.urgent import REST_MAX_S, REST_S, Urgent
from tests import campaign_kit as kit
from tests.send_kit import Tape, due_now, setup

REMEDY = "install it again or switch it on, restart Cooee, then switch the account on."


@pytest.fixture
def waiting(rt):
    """(account, campaign of single messages) with one message; the account's plugin is switched off."""
    campaign, account = setup(rt, Tape(echoes_reference=True), 1)
    with database.write_tx():
        database.execute("UPDATE campaign SET state = 'done' WHERE id = ?", (campaign,))
    made = direct.send(rt, "+8613912345678", "notice", "Your parcel is here", account, who="test")
    rt.plugins.disable_all({"scripted": "off"})
    batch.send(rt, made["campaign_id"])
    due_now(made["campaign_id"])
    return account, made["campaign_id"]


def _errors(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_what_waits_is_said_once_and_then_rests_longer_each_time(rt, waiting, caplog, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    urgent, looks = Urgent(rt, leases.current(rt)), []
    one = batch.one_batch
    monkeypatch.setattr(batch, "one_batch", lambda *given: looks.append(now[0]) or one(*given))
    while now[0] < 1060:
        urgent.look()
        now[0] += 0.1
    assert len(looks) < 25
    pauses = [after - before for before, after in zip(looks, looks[1:], strict=False)]
    assert pauses[0] == pytest.approx(REST_S, abs=0.15) and pauses[-1] == pytest.approx(REST_MAX_S, abs=0.15)
    [waits] = _errors(caplog)
    assert waits.startswith("direct:notice cannot send: Account “scripted 1” is halted: No plugin offers")
    assert REMEDY in waits


def test_a_second_worker_does_not_say_it_again(rt, waiting, caplog):
    Urgent(rt, leases.current(rt)).look()
    for _ in range(3):
        Urgent(rt, leases.current(rt)).look()
    assert len(_errors(caplog)) == 1


def test_it_is_kept_where_the_queue_shows_it_until_something_is_taken_again(rt, waiting):
    account, campaign = waiting
    worker = leases.current(rt)
    batch.send(rt, campaign)
    kept = database.scalar("SELECT reason FROM campaign WHERE id = ?", (campaign,))
    assert REMEDY in kept
    with use("zh_Hans"):
        assert pausing.tell(kept) == (
            "账户“scripted 1”已停止：没有插件提供账户“scripted 1”所用的通道“scripted”：请重新安装或开启该插件，"
            "重启 Cooee，然后重新启用此账户。"
        )
    rt.plugins.enable("scripted")
    accounts.switch(accounts.get(account), True)
    batch.one_batch(rt, worker, campaign, clock.monotonic() + 5)
    assert kit.states(campaign) == {"accepted": 1}
    assert database.scalar("SELECT reason FROM campaign WHERE id = ?", (campaign,)) == ""


def test_a_campaign_is_not_launched_on_an_account_without_a_plugin(rt):
    campaign = kit.campaign(rt)
    kit.crowd(rt, 3)
    account = get(campaign).account_id
    rt.plugins.disable_all({"providers.null": "off"})
    [found] = findings.of_providers(rt, get(campaign))
    assert (found.level, found.code) == ("block", "provider.missing") and REMEDY in found.message
    with pytest.raises(Refusal, match="No plugin offers the provider “null”"):
        launch.launch(rt, campaign, "ann@example.com")
    with database.write_tx():
        database.execute("UPDATE campaign SET account_id = NULL WHERE id = ?", (campaign,))
    accounts.create(rt, "other", "simulator", {})
    assert [(f.level, f.code) for f in findings.of_providers(rt, get(campaign))] == [
        ("warn", "provider.missing")
    ]
    assert account


def test_a_running_campaign_pauses_with_the_remedy(rt):
    campaign, _account = setup(rt, Tape(echoes_reference=True), 3)
    rt.plugins.disable_all({"scripted": "off"})
    batch.send(rt, campaign)
    assert get(campaign).state == "paused"
    assert get(campaign).reason == (
        "Account “scripted 1” is halted: No plugin offers the provider “scripted” of account “scripted 1”: "
        + REMEDY
    )


def test_a_plugin_installed_meanwhile_is_said_to_need_a_restart(rt):
    campaign, account = setup(rt, Tape(echoes_reference=True), 1)
    rt.plugins.disable_all({"scripted": "off"})
    folder = rt.settings.path("plugins")
    folder.mkdir(exist_ok=True)
    (folder / "fresh.py").write_text('"""New."""\n')
    batch.send(rt, campaign)
    assert "yet: restart Cooee to use what was installed meanwhile (fresh)" in get(campaign).reason
    with pytest.raises(Refusal, match="Restart Cooee, workers included, to use what was .*: fresh"):
        accounts.provider_class(rt, "fresh")
