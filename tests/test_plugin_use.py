"""What uses a plugin is told before it is switched off or removed."""

from __future__ import annotations

import pytest

from core.audience.segments import store
from core.contract import scaffold
from core.contract.discovery import load_file
from core.contract.errors import Refusal
from core.db import database
from core.sending import accounts, leases, pluginuse
from tests import campaign_kit as kit

BORN = {"all": [{"segmenter": "mine", "country": "CN"}]}


@pytest.fixture
def used(rt, tmp_path):
    """A segmenter of the instance with a segment, one that stands on it, a campaign, and one that is over."""
    file, _test = scaffold.write("segmenter", "mine", tmp_path)
    target = rt.settings.path("plugins", file.name)
    target.parent.mkdir(exist_ok=True)
    target.write_text(file.read_text())
    rt.plugins.all["mine"] = load_file(target)
    rt.plugins._register_all()
    store.save(rt, "Mine", BORN, "test")
    store.save(rt, "On it", {"all": [{"segmenter": "segment", "name": "Mine"}]}, "test")
    segments = dict(database.query("SELECT name, id FROM segment"))
    kit.campaign(rt, name="Spring", segment_id=segments["On it"])
    over = kit.campaign(rt, name="Over", segment_id=segments["Mine"])
    with database.write_tx():
        database.execute("UPDATE campaign SET state = 'done' WHERE id = ?", (over,))
    return target


def test_segments_those_that_stand_on_them_and_open_campaigns_use_a_segmenter(rt, used):
    assert pluginuse.of(rt.plugins, "mine") == [
        ("segment", "Mine"), ("segment", "On it"), ("campaign", "Spring"),
    ]  # fmt: skip


def test_accounts_and_their_open_campaigns_use_a_provider(rt):
    made = accounts.create(rt, "hp", "simulator", {})
    kit.campaign(rt, name="Spring", account_id=made.id)
    assert pluginuse.of(rt.plugins, "providers.simulator") == [("account", "hp"), ("campaign", "Spring")]
    assert pluginuse.of(rt.plugins, "providers.http") == []
    assert (
        pluginuse.told(pluginuse.of(rt.plugins, "providers.simulator")) == "account “hp”, campaign “Spring”"
    )


@pytest.mark.parametrize("what", ["uninstall", "disable"])
def test_without_a_terminal_it_is_refused_and_done_with_yes(rt, cli, used, what):
    refused = cli("plugin", what, "mine")
    assert refused.exit_code == 1 and used.exists()
    assert refused.stderr == (
        "cooee: mine is used by segment “Mine”, segment “On it”, campaign “Spring”; they stop working without it. "
        "Change those first, or give --yes.\n"
    )
    assert database.scalar("SELECT COUNT(*) FROM plugin_state") == 0
    done = cli("plugin", what, "mine", "--yes", "--json")
    assert done.exit_code == 0, done.output
    assert used.exists() == (what == "disable")


def test_on_a_terminal_it_asks(rt, cli, used, monkeypatch):
    monkeypatch.setattr("core.cli.plugin._asks", lambda: True)
    assert cli("plugin", "uninstall", "mine", input="n\n").exit_code == 1 and used.exists()
    done = cli("plugin", "uninstall", "mine", input="y\n")
    assert done.exit_code == 0 and not used.exists()
    assert "Remove it all the same?" in done.stderr


def test_what_nothing_uses_goes_without_a_question(rt, cli):
    assert cli("plugin", "disable", "providers.http").exit_code == 0


def test_the_dialog_of_the_page_lists_what_uses_it(client, rt_sqlite):
    accounts.create(rt_sqlite, "hp <1>", "simulator", {})
    page = client.get("/settings/plugins/providers.simulator").get_data(as_text=True)
    assert "It is used by account “hp &lt;1&gt;”; they stop working without it." in page
    assert "It is used by" not in client.get("/settings/plugins/providers.http").get_data(as_text=True)


def test_install_says_at_once_that_a_running_cooee_must_be_started_again(rt, cli, tmp_path):
    file, _test = scaffold.write("check", "calm", tmp_path)
    assert (
        "calm is installed; Cooee uses it when it is started again." in cli("plugin", "install", file).stdout
    )
    worker = leases.start(rt)
    try:
        other, _test = scaffold.write("check", "calmer", tmp_path)
        told = cli("plugin", "install", other).stdout
    finally:
        leases.end(rt, worker)
    assert "Cooee is running without it: restart it, workers included, before anything uses it" in told


def test_a_segmenter_installed_meanwhile_is_said_to_need_a_restart(rt):
    folder = rt.settings.path("plugins")
    folder.mkdir(exist_ok=True)
    (folder / "fresh.py").write_text('"""New."""\n')
    with pytest.raises(
        Refusal, match=r"no segmenter 'mine'.*Restart Cooee, workers included, to use .*: fresh\."
    ):
        store.save(rt, "Mine", BORN, "test")
    (folder / "fresh.py").unlink()
    rt.plugins.disable_all({"providers.null": "not used"})
    with pytest.raises(
        Refusal, match=r"no segmenter 'mine'.*These plugins are off or could not .*: providers.null\."
    ):
        store.save(rt, "Mine", BORN, "test")


def test_a_plugin_that_is_loaded_is_not_new(rt, used):
    assert rt.plugins.added() == []
