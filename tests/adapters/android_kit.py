"""What the Android app sends, signed as it signs."""

import hashlib
import hmac
import json

from core import WebhookRequest
from tests.adapters.cases import PLAIN, called, seconds

KEY = "s1gn1ng-k3y"


def event(name: str, kind="receipt", key=KEY, ago=0.0, **payload) -> WebhookRequest:
    """A webhook as the app signs it."""
    body = json.dumps({
        "id": "ev-1", "webhookId": "w", "deviceId": "d", "event": name,
        "payload": {"messageId": PLAIN.ref, "sender": None, "recipient": PLAIN.to, "simNumber": 1, **payload},
    })  # fmt: skip
    stamp = str(seconds(ago))
    signature = hmac.new(key.encode(), (body + stamp).encode(), hashlib.sha256).hexdigest()
    return called(body, kind=kind, X_Signature=signature, X_Timestamp=stamp)
