"""Settings → Shops and sites."""

from __future__ import annotations

import json

import pytest

from core.audience.sources import store
from core.audience.sources.presets import PRESETS
from core.db import database, settings
from tests.sources_kit import SECRET, call, payload


def typed(plan: dict) -> dict[str, str]:
    """A mapping as the form sends it."""
    form = {name: plan.get(name, "") for name in ("phone", "country", "order")}
    for i, rule in enumerate(plan["events"]):
        form |= {f"events-{i}-{name}": value for name, value in rule.items()}
    return form


def test_an_empty_page_offers_what_can_be_connected(client):
    page = client.get("/settings/sources").text
    assert "Shopify" in page
    assert "WooCommerce" in page
    assert "With a shop connected, each order becomes a purchase" in page


@pytest.mark.parametrize("kind", PRESETS)
def test_a_shop_is_connected_and_its_mapping_saved_as_it_is(client, rt_sqlite, kind):
    made = client.post(
        f"/settings/sources/new/{kind}", data={"name": "Shop", "secret": SECRET, "region": "CN"}
    )
    (source,) = store.every()
    assert made.location == f"/settings/sources/{source.id}"
    page = client.get(made.location).text
    assert f"/in/{source.token}" in page
    assert SECRET not in page
    plan = store.plan_of(source)
    client.post(made.location, data={"name": "Shop 2", **typed(plan)})
    again = store.get(source.id)
    assert again.name == "Shop 2"
    saved = store.plan_of(again)
    assert saved["events"] == plan["events"]
    assert store.secret_of(rt_sqlite, again) == SECRET


def test_a_mapping_is_tried_on_the_last_payload_without_storing_anything(client, rt_sqlite):
    with database.write_tx():
        settings.put("currency", "USD")
    source = store.create(rt_sqlite, "Shop", "shopify", secret=SECRET)
    call(rt_sqlite, source, "orders/paid", payload("shopify_order"))
    before = database.scalar("SELECT COUNT(*) FROM event_waiting")
    page = client.post(
        f"/settings/sources/{source.id}", data={"name": "Shop", "try": "1", **typed(store.plan_of(source))}
    ).text
    assert "TEA-GREEN" in page
    assert "59.90" in page
    assert "line_items.0.sku" in page
    assert database.scalar("SELECT COUNT(*) FROM event_waiting") == before


def test_bad_input_stands_beside_its_field(client, rt_sqlite):
    assert client.post("/settings/sources/new/site", data={"name": "S", "origins": "shop"}).status_code == 422
    assert client.post("/settings/sources/new/shopify", data={"name": "", "secret": "x"}).status_code == 422
    assert client.get("/settings/sources/new/cobol").status_code == 404
    source = store.create(rt_sqlite, "Shop", "shopify")
    bad = client.post(f"/settings/sources/{source.id}", data={"name": "Shop", "events-0-type": "purchase"})
    assert bad.status_code == 422
    assert client.get("/settings/sources/999").status_code == 404


def test_the_secret_is_shown_on_demand_and_that_is_noted(client, rt_sqlite):
    source = store.create(rt_sqlite, "Shop", "shopify", secret=SECRET)
    assert SECRET in client.post(f"/settings/sources/{source.id}/secret").text.replace("&#39;", "'")
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'source.secret'") == 1


def test_a_source_is_switched_and_removed(client, rt_sqlite):
    source = store.create(rt_sqlite, "Shop", "shopify")
    client.post(f"/settings/sources/{source.id}/switch")
    assert not store.get(source.id).enabled
    client.post(f"/settings/sources/{source.id}/remove")
    assert store.every() == []


def test_viewers_look_and_do_not_touch(login, rt_sqlite):
    source = store.create(rt_sqlite, "Shop", "shopify")
    viewer = login("viewer")
    assert viewer.get(f"/settings/sources/{source.id}").status_code == 200
    for path in (
        "new/shopify",
        f"{source.id}",
        f"{source.id}/secret",
        f"{source.id}/switch",
        f"{source.id}/remove",
    ):
        assert viewer.post(f"/settings/sources/{path}").status_code == 403
    assert json.loads(store.get(source.id).mapping) == PRESETS["shopify"].mapping
