"""Calls as Infobip makes them, and what they say."""

from __future__ import annotations

from core.gateway import basic
from tests.adapters.cases import PLAIN

KEY, PASSWORD = "0a1b2c3d-Infobip-k3y", "pa55-of-calls"
SETTINGS = {"api_key": KEY, "webhook_user": "cooee", "webhook_password": PASSWORD}
CALLER = {"authorization": basic("cooee", PASSWORD).partition(": ")[2]}
GROUPS = {"PENDING": 1, "UNDELIVERABLE": 2, "DELIVERED": 3, "EXPIRED": 4, "REJECTED": 5}


def status(group: str, name: str) -> dict:
    return {
        "groupId": GROUPS[group],
        "groupName": group,
        "id": 7,
        "name": name,
        "description": f"About {PLAIN.to}",
    }


def error(name: str, id_=1) -> dict:
    return {
        "groupId": 1,
        "groupName": "HANDSET",
        "id": id_,
        "name": name,
        "description": "x",
        "permanent": True,
    }


def row(group: str, name: str, failed: str = "", **more) -> dict:
    return {
        "bulkId": "b1", "messageId": PLAIN.ref, "to": PLAIN.to[1:], "sentAt": "2026-11-21T12:00:00.000+0100",
        "doneAt": "2026-11-21T12:00:01.220+0100", "messageCount": 2, "mccMnc": "46000",
        "price": {"pricePerMessage": 0.01, "currency": "EUR"}, "status": status(group, name),
        "error": error(failed) if failed else error("NO_ERROR", 0), **more,
    }  # fmt: skip
