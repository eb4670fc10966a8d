"""A shop's day: order webhooks of two shops, from payloads written after the vendors' documents."""

from __future__ import annotations

import copy
import hmac
import json

import pytest

from core.audience import contacts, erasing, events
from core.audience.sources import hooks, mapping, store
from core.audience.sources.presets import PRESETS
from core.contract.errors import Refusal
from core.db import database, settings
from tests.sources_kit import SECRET, SHOPS, call, payload, signed


def rows(contact_id: int) -> list[tuple]:
    return database.query(
        "SELECT t.key, e.at, e.amount_micros, i.key FROM event e JOIN event_type t ON t.id = e.type "
        "LEFT JOIN item i ON i.id = e.item_id WHERE e.contact_id = ? ORDER BY t.id, e.amount_micros",
        (contact_id,),
    )


def at(iso: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(iso).timestamp() * 1000)


@pytest.fixture
def house(rt):
    with database.write_tx():
        settings.put("currency", "USD")
        settings.put("rates", {"EUR": "1.1"})
    return rt


def test_a_shopify_order_becomes_a_purchase_with_its_items_and_a_refund_finds_its_buyer(house):
    source = store.create(house, "Shop", "shopify", secret=SECRET)
    buyer = contacts.create(house, "+16172610985", name="Maya")
    assert call(house, source, "orders/paid", payload("shopify_order")) == hooks.Answer(200, "ok")
    assert call(house, source, "refunds/create", payload("shopify_refund")) == hooks.Answer(200, "ok")
    ordered = at("2026-11-18T21:04:09-05:00")
    assert rows(buyer) == [
        ("purchase", ordered, 59_900_000, "TEA-GREEN"),
        ("refund", at("2026-11-20T10:12:00-05:00"), 15_000_000, None),
        ("order_item", ordered, 15_000_000, "CUP-02"),
        ("order_item", ordered, 39_900_000, "TEA-GREEN"),
    ]


def test_a_woocommerce_order_is_stored_in_the_house_currency_and_a_later_update_brings_the_refund(house):
    source = store.create(house, "Woo", "woocommerce", secret=SECRET)
    buyer = contacts.create(house, "+4915123456789")
    assert call(house, source, "order.created", payload("woocommerce_order")).status == 200
    assert call(house, source, "order.updated", payload("woocommerce_refund")).status == 200
    paid = at("2026-11-19T09:28:08+00:00")
    assert rows(buyer) == [
        ("purchase", paid, 32_285_000, "WS-1"),
        ("refund", at("2026-11-21T08:00:00+00:00"), 6_600_000, None),
        ("order_item", paid, 6_600_000, "WS-1"),
        ("order_item", paid, 13_200_000, "22"),
    ]


@pytest.mark.parametrize(
    ("kind", "topic", "name"),
    [("shopify", "orders/paid", "shopify_order"), ("woocommerce", "order.updated", "woocommerce_refund")],
)
def test_replayed_calls_change_nothing(house, kind, topic, name):
    source = store.create(house, "Shop", kind, secret=SECRET)
    contacts.create(house, "+16172610985")
    contacts.create(house, "+4915123456789")
    call(house, source, topic, payload(name))
    before = database.query("SELECT * FROM event ORDER BY contact_id, key_hash")
    for _again in range(3):
        assert call(house, source, topic, payload(name)).status == 200
    assert database.query("SELECT * FROM event ORDER BY contact_id, key_hash") == before
    assert store.calls(source.id)[0].duplicates == len(before)


@pytest.mark.parametrize("kind", SHOPS)
def test_a_bad_signature_is_refused_and_nothing_is_stored(house, kind):
    source = store.create(house, "Shop", kind, secret=SECRET)
    body = json.dumps(payload(f"{kind}_order")).encode()
    good = signed(kind, "orders/paid", body)
    bad = signed(kind, "orders/paid", body, "another secret")
    none = {name: value for name, value in good.items() if "sign" not in name and "hmac" not in name}
    for headers, sent in ((bad, body), (none, body), (good, body + b" ")):
        assert hooks.receive(house, source.token, headers, sent) == hooks.FORGED
    assert hooks.FORGED.status == 403
    assert database.scalar("SELECT COUNT(*) FROM event_waiting") == 0


def test_an_order_before_its_contact_waits_and_joins_when_the_number_appears(house):
    source = store.create(house, "Shop", "shopify", secret=SECRET)
    call(house, source, "orders/create", payload("shopify_order"))
    assert store.calls(source.id)[0].waiting == 3
    buyer = contacts.create(house, "+16172610985")
    events.join_waiting(house)
    assert [row[0] for row in rows(buyer)] == ["purchase", "order_item", "order_item"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"financial_status": "pending"}, "nothing to record"),
        ({"billing_address": {}, "shipping_address": {}}, "number"),
        ({"total_price": "much"}, "much"),
        ({"processed_at": "soon", "created_at": "soon"}, "soon"),
        ({"currency": "XXX"}, "XXX"),
        ({"id": None}, "id"),
        ({"line_items": "none"}, "ok"),
    ],
)
def test_a_payload_that_cannot_be_used_is_answered_with_the_reason_and_not_asked_for_again(
    house, change, said
):
    source = store.create(house, "Shop", "shopify", secret=SECRET)
    answer = call(house, source, "orders/paid", copy.deepcopy(payload("shopify_order")) | change)
    assert answer.status == 200
    assert said in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1,2]", b"[{}]", b'"text"', b"null", b"\xff\xfe", b'{"a":' * 200]
)
def test_no_body_breaks_the_receiver(house, body):
    source = store.create(house, "Shop", "shopify", secret=SECRET)
    answer = hooks.receive(house, source.token, signed("shopify", "orders/paid", body), body)
    assert answer.status in (200, 400)


def test_the_greeting_of_woocommerce_is_answered(house):
    source = store.create(house, "Woo", "woocommerce", secret=SECRET)
    # WC_Webhook::deliver_ping sends this form and no signature.
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "WooCommerce/9.4.2 Hookshot",
    }
    assert hooks.receive(house, source.token, headers, b"webhook_id=12") == hooks.Answer(200, "ready")
    assert store.calls(source.id) == []
    for other in (b"webhook_id=12&x=1", b"webhook_id=a", b"webhook_id=", b"webhook_id=12\n"):
        assert hooks.receive(house, source.token, headers, other) == hooks.FORGED


def test_a_source_that_is_off_or_unknown_takes_nothing(house):
    source = store.create(house, "Shop", "shopify", secret=SECRET)
    store.switch(source, False, who="t")
    assert call(house, source, "orders/paid", payload("shopify_order")) == hooks.OFF
    assert hooks.receive(house, "nobody", {}, b"{}") == hooks.UNKNOWN


def test_another_shop_is_mapped_by_hand(house):
    source = store.create(house, "Till", "custom", secret=SECRET, region="CN")
    plan = mapping.checked(
        {
            "phone": "member.tel",
            "events": [
                {
                    "type": "purchase",
                    "key": "no",
                    "at": "time",
                    "amount": "sum",
                    "currency": "cur",
                    "when": "paid",
                },
                {"type": "visit", "key": "no", "at": "time"},
            ],
        },
        events.types(),
    )
    store.edit(house, source, name="Till", region="CN", plan=plan, who="t")
    buyer = contacts.create(house, "+8613812345678")
    body = json.dumps(
        {
            "no": 7,
            "time": 1763500000,
            "sum": "12.5",
            "cur": "USD",
            "paid": True,
            "member": {"tel": "138 1234 5678"},
        }
    ).encode()
    headers = {"x-signature": hmac.digest(SECRET.encode(), body, "sha256").hex()}
    assert hooks.receive(house, source.token, headers, body).status == 200
    assert [(row[0], row[2]) for row in rows(buyer)] == [("purchase", 12_500_000), ("visit", None)]


@pytest.mark.parametrize(
    "plan",
    [
        [],
        {"phone": "x" * 300},
        {"phone": "a", "events": [{"type": "nothing", "key": "id"}]},
        {"phone": "a", "events": [{"type": "purchase"}]},
        {"phone": "a", "events": "all"},
        {"phone": "a", "events": [3]},
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(rt_sqlite, plan):
    with pytest.raises(Refusal):
        mapping.checked(plan, events.types())


def test_the_bundled_mappings_are_valid(rt_sqlite):
    for preset in PRESETS.values():
        mapping.checked(preset.mapping, events.types())


def test_an_erased_buyer_leaves_no_order_and_no_payload(house):
    source = store.create(house, "Shop", "shopify", secret=SECRET)
    buyer = contacts.create(house, "+16172610985")
    call(house, source, "orders/paid", payload("shopify_order"))
    assert store.sample_of(house, store.get(source.id))["data"]["name"] == "#1042"
    erasing.erase(house, buyer, who="t")
    assert store.sample_of(house, store.get(source.id)) is None
    assert database.scalar("SELECT COUNT(*) FROM source_order") == 0
    call(house, source, "orders/updated", payload("shopify_order"))
    assert database.scalar("SELECT COUNT(*) FROM event") == 0
    assert database.scalar("SELECT COUNT(*) FROM event_waiting") == 0


def test_the_address_answers_over_http(app, rt_sqlite):
    with database.write_tx():
        settings.put("currency", "USD")
    source = store.create(rt_sqlite, "Shop", "shopify", secret=SECRET)
    body = json.dumps(payload("shopify_order")).encode()
    client, address = app.test_client(), f"/in/{source.token}"
    assert client.post(address, data=body, headers=signed("shopify", "orders/paid", body)).status_code == 200
    assert client.post(address, data=body, headers=signed("shopify", "x", body, "no")).status_code == 403
    assert client.post("/in/nobody", data=body).status_code == 404
    assert client.get(address).status_code == 405
