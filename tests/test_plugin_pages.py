"""What a plugin shows may fail without taking the page it stands on, or the rest of Cooee, along."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Blueprint
from jinja2 import ChoiceLoader, DictLoader

from core import Panel, hookimpl
from core.audience import contacts
from core.contract.manager import PATIENCE
from core.web.application import make_app
from tests import campaign_kit as kit
from tests.people import signed_in

TEMPLATES = {
    "mine/good.html": "<p>Born on {{ data.day }}</p>",
    "mine/raises.html": "{{ 1 // 0 }}",
    "mine/broken.html": "{% if %}",
}


def text(answer, status: int = 200) -> str:
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def given(rt, *templates: str) -> None:
    """A plugin that shows these cards on each page."""

    @hookimpl
    def panels(page, obj):
        return [Panel(name.capitalize(), f"mine/{name}.html", {"day": "Monday"}) for name in templates]

    rt.plugins.register(SimpleNamespace(panels=panels), "mine")


@pytest.fixture
def pages(app, client, rt_sqlite):
    """The core pages that show cards of plugins, and a client to see them."""
    app.jinja_loader = ChoiceLoader([app.jinja_loader, DictLoader(TEMPLATES)])
    one = contacts.create(rt_sqlite, "+8613800138000")
    campaign = kit.campaign(rt_sqlite)
    kit.launched(rt_sqlite, campaign)
    return client, ["/", f"/contacts/{one}", f"/campaigns/{campaign}/result"]


@pytest.mark.parametrize("bad", ["raises", "broken", "missing"])
def test_a_card_that_cannot_be_filled_leaves_the_page_and_the_others(pages, rt_sqlite, bad):
    client, paths = pages
    given(rt_sqlite, bad, "good")
    for path in paths:
        page = text(client.get(path))
        assert "The panel of plugin mine failed." in page and "<p>Born on Monday</p>" in page
    seen = text(client.get("/settings/plugins/mine"))
    assert rt_sqlite.plugins.all["mine"].calls["panel"].errors == len(paths)
    assert "panel" in seen and rt_sqlite.plugins.all["mine"].calls["panel"].last_error.split(":")[0] in seen


def test_a_card_that_keeps_failing_switches_its_plugin_off(pages, rt_sqlite):
    client, [_home, contact, _report] = pages
    given(rt_sqlite, "raises")
    for _time in range(PATIENCE):
        text(client.get(contact))
    assert rt_sqlite.plugins.all["mine"].off.startswith("failing: panel ZeroDivisionError")
    assert "The panel of plugin mine failed." not in text(client.get(contact))


def test_a_page_of_a_plugin_that_raises_names_the_plugin_and_is_counted(rt_sqlite, quick_passwords):
    pages = Blueprint("shoes", __name__)

    @pages.get("/raises")
    def raises():
        raise KeyError("size")

    raises.permission = "view"
    rt_sqlite.plugins.register(SimpleNamespace(register_blueprints=hookimpl(lambda: [pages])), "shop")
    app = make_app(rt_sqlite)
    client = signed_in(app)
    page = text(client.get("/p/shop/raises"), 500)
    assert "The page of plugin shop failed" in page
    plugin = rt_sqlite.plugins.all["shop"]
    assert plugin.calls["page"].errors == 1 and "size" in plugin.calls["page"].last_error
    assert "size" in text(client.get("/settings/plugins/shop"))
