"""Shops we know: how they sign a call and where their order payload has what.

Shopify: shopify.dev/docs/apps/build/webhooks (HTTPS delivery, X-Shopify-Hmac-Sha256) and
/docs/api/admin-rest/latest/resources/webhook, order and refund.  WooCommerce:
developer.woocommerce.com/docs/webhooks and woocommerce.github.io/woocommerce-rest-api-docs, order properties.
As read in November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.i18n import lazy as _l

#: Paid, and not yet given back: what Shopify calls `financial_status`.
_PAID = "paid partially_refunded refunded"
_PERSON = {
    "phone": "phone|customer.phone|shipping_address.phone|billing_address.phone|customer.default_address.phone",
    "country": "shipping_address.country_code|billing_address.country_code|customer.default_address.country_code",
}

SHOPIFY: dict[str, Any] = {
    **_PERSON,
    "order": "order_id|id",
    "events": [
        {
            "topics": "orders/create orders/paid orders/updated",
            "type": "purchase",
            "when": "financial_status",
            "words": _PAID,
            "key": "id",
            "at": "processed_at|created_at",
            "amount": "total_price",
            "currency": "currency",
            "item": "line_items.0.sku|line_items.0.product_id",
            "category": "line_items.0.product_type|line_items.0.vendor",
            "number": "name|order_number",
        },
        {
            "topics": "orders/create orders/paid orders/updated",
            "type": "order_item",
            "each": "line_items",
            "when": "$.financial_status",
            "words": _PAID,
            "key": "id",
            "at": "$.processed_at|$.created_at",
            "amount": "price",
            "times": "quantity",
            "currency": "$.currency",
            "item": "sku|product_id|title",
            "category": "product_type|vendor",
            "number": "$.name|$.order_number",
        },
        {
            "topics": "refunds/create",
            "type": "refund",
            "each": "transactions",
            "when": "kind",
            "words": "refund",
            "key": "id",
            "at": "processed_at|created_at|$.created_at",
            "amount": "amount",
            "currency": "currency",
            "number": "$.order_id",
        },
    ],
}

_WOO_PAID = "processing completed refunded"
WOOCOMMERCE: dict[str, Any] = {
    "phone": "billing.phone|shipping.phone",
    "country": "billing.country|shipping.country",
    "order": "id",
    "events": [
        {
            "topics": "order.created order.updated",
            "type": "purchase",
            "when": "status",
            "words": _WOO_PAID,
            "key": "id",
            "at": "date_paid_gmt|date_created_gmt",
            "amount": "total",
            "currency": "currency",
            "item": "line_items.0.sku|line_items.0.product_id",
            "number": "number|id",
        },
        {
            "topics": "order.created order.updated",
            "type": "order_item",
            "each": "line_items",
            "when": "$.status",
            "words": _WOO_PAID,
            "key": "id",
            "at": "$.date_paid_gmt|$.date_created_gmt",
            "amount": "total",
            "currency": "$.currency",
            "item": "sku|product_id|name",
            "number": "$.number|$.id",
        },
        {
            "topics": "order.created order.updated",
            "type": "refund",
            "each": "refunds",
            "key": "id",
            "at": "$.date_modified_gmt|$.date_created_gmt",
            "amount": "total",
            "currency": "$.currency",
            "number": "$.number|$.id",
        },
    ],
}


@dataclass(frozen=True, slots=True)
class Preset:
    """A shop: the header that has the signature (HMAC-SHA256 of the body), how that is written, the header
    that names the topic, and the mapping to start from."""

    key: str
    title: str
    signature: str
    topic: str
    mapping: dict[str, Any]
    encoding: str = "base64"
    how: list[Any] = field(default_factory=list)


PRESETS = {
    preset.key: preset
    for preset in (
        Preset(
            "shopify", "Shopify", "x-shopify-hmac-sha256", "x-shopify-topic", SHOPIFY,
            how=[
                _l("In Shopify open Settings → Notifications → Webhooks."),
                _l("Create webhooks for “Order payment” and “Refund create”, format JSON, with the address above."),
                _l("Copy the signing key shown below the list of webhooks into the secret here."),
            ],
        ),
        Preset(
            "woocommerce", "WooCommerce", "x-wc-webhook-signature", "x-wc-webhook-topic", WOOCOMMERCE,
            how=[
                _l("In WordPress open WooCommerce → Settings → Advanced → Webhooks."),
                _l("Add webhooks for “Order created” and “Order updated”, with the address above."),
                _l("Put the same secret there and here."),
            ],
        ),
        Preset(
            "custom", _l("Another shop"), "x-signature", "x-topic", {"phone": "phone", "events": []}, "hex",
            how=[
                _l("Have your shop POST each order as JSON to the address above."),
                _l("Sign the body: HMAC-SHA256 with the secret, as hexadecimal digits in the header X-Signature."),
                _l("Send one order, then say below which value means what."),
            ],
        ),
    )
}  # fmt: skip
