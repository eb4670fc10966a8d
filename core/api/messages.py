"""/messages: single messages, through the same gates as a campaign's."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from core.api.endpoint import Call, Endpoint, Param
from core.api.problems import Problem
from core.api.schemas import CLASSES, COUNT, MAYBE_TEXT, MAYBE_TIME, NEW_ID, PHONE, STATES, TEXT, ref, thing
from core.audience import contacts
from core.contract.errors import Refusal
from core.db import database
from core.sending import accounts, direct

NEW = thing(
    {
        "to": PHONE,
        "class": {"type": "string", "enum": CLASSES},
        "text": {
            "type": "string",
            "minLength": 1,
            "maxLength": 2000,
            "description": "{{name}} is filled in.",
        },
        "account": {
            "type": "string",
            "minLength": 1,
            "maxLength": 60,
            "description": "Else the first that works.",
        },
    },
    optional=("account",),
)
MESSAGE = thing(
    {
        # 64 bits are more than the numbers of JavaScript hold.
        "message_id": {"type": "string", "pattern": "^[0-9]{1,19}$"},
        "client_ref": TEXT,
        "campaign_id": NEW_ID,
        "phone": TEXT | {"description": "Masked without the scope numbers.read."},
        "class": {"type": "string", "enum": CLASSES},
        "variant": COUNT,
        "state": {"type": "string", "enum": STATES},
        "reason": MAYBE_TEXT,
        "account": MAYBE_TEXT,
        "provider_message_id": MAYBE_TEXT,
        "parts": COUNT,
        "cost": {"type": "number"},
        "attempts": COUNT,
        "submitted_at": MAYBE_TIME,
        "final_at": MAYBE_TIME,
        "text": TEXT,
    }
)


def post(call: Call) -> dict[str, Any]:
    """Take a message; a worker sends it within moments."""
    given = call.body
    account_id = accounts.get(given["account"]).id if "account" in given else None
    # The same key stays the same message even when a process dies between the message and its answer.
    key = sha256(f"{call.token.id}:{call.key}".encode()).hexdigest() if call.key else None
    try:
        made = direct.send(
            call.rt,
            given["to"],
            given["class"],
            given["text"],
            account_id,
            key,
            call.token.who,
            purse=call.purse,
        )
    except Refusal as refusal:
        refusal.field = "to" if refusal.field == "phone" else refusal.field
        raise
    return _seen(call, made)


def show(call: Call) -> dict[str, Any]:
    """One message by its id or client reference."""
    wanted = call.params["id"]
    if wanted.isdigit() and int(wanted) >= 2**63:
        raise Problem("not-found")
    return _seen(call, direct.show(call.rt, wanted))


def _seen(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    made = message | {"message_id": str(message["message_id"])}
    if call.may("numbers.read"):
        found = database.scalar(
            "SELECT c.id FROM message m JOIN contact c ON c.id = m.contact_id WHERE m.id = ?",
            (message["message_id"],),
        )
        if found:
            made["phone"] = contacts.reveal(call.rt, found, who=call.token.who)
    return made


SCHEMAS = {"NewMessage": NEW, "Message": MESSAGE}
ENDPOINTS = (
    Endpoint(
        "POST", "/messages", "postMessage", "Send one message", "messages.write", post, ref("Message"), status=202,
        words="As `cooee message send`: taken at once, sent by a worker within moments. Consent, suppression "
        "and hours are asked when it is sent; a message they stop becomes `skipped` with the reason, and a text to "
        "a known landline is `skipped` at once. More than the token may spend a day is 429 with the type "
        "`urn:cooee:problem:spend-cap`.",
        body=NEW,
        example={"to": "+8613800138000", "class": "notice", "text": "Your parcel is here."},
    ),
    Endpoint(
        "GET", "/messages/{id}", "getMessage", "One message", "messages.read", show, ref("Message"),
        params=(Param(
            "id", {"type": "string", "pattern": "^[0-9A-Za-z]{1,26}$", "examples": ["1234567890123456"]},
            "The message id, or the client reference.", where="path",
        ),),
    ),
)  # fmt: skip
