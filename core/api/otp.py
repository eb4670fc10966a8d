"""/otp: one-time codes, asked for and tried."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from core.api.endpoint import Call, Endpoint, Param
from core.api.schemas import COUNT, PHONE, TEXT, thing
from core.sending.otp import rules, service, wishes, wording

_ID = {"type": "string", "pattern": "^[0-9A-Za-z]{1,40}$", "examples": ["7Qm0sVbT3kYw9LxZ2dNcRa"]}


def _whole(name: str) -> dict[str, Any]:
    least, most = rules.BOUNDS[name]
    return {"type": "integer", "minimum": least, "maximum": most}


NEW = thing(
    {
        "to": PHONE,
        "length": _whole("length"),
        "alphabet": {
            "type": "string", "enum": list(rules.ALPHABETS),
            "description": "alnum has capital letters and digits nobody takes for another.",
        },
        "ttl_s": _whole("ttl_s"),
        "locale": {"type": "string", "maxLength": 12, "pattern": "^([A-Za-z]{2,3}([-_][A-Za-z]{2,4})?)?$",
                   "description": "Language of the text, e.g. en or zh-Hans; else that of the country."},
        "text": {"type": "string", "maxLength": wording.TEXT_MAX,
                 "description": "Words of your own with {{code}}, and {{minutes}} and {{brand}} if you like."},
        "channel": {"type": "string", "enum": list(wishes.CHANNELS),
                    "description": "auto: a text, then a call when it does not arrive. Default sms."},
        "ip": {"type": "string", "maxLength": 60,
               "description": "Address of the person who asks; its limits hold only when you tell it."},
        "key": {"type": "string", "maxLength": wishes.KEY_MAX,
                "description": "The same key is the same code; as the Idempotency-Key, for callers without headers."},
    },
    optional=("length", "alphabet", "ttl_s", "locale", "text", "channel", "ip", "key"),
)  # fmt: skip
SENT = thing(
    {
        "id": _ID,
        "to": TEXT | {"description": "Masked."},
        "expires_at": TEXT | {"description": "ISO 8601, UTC."},
        "channel": {"type": "string", "enum": ["sms", "voice"], "description": "The way it goes first."},
        "resend_after_s": COUNT,
    }
)
TRY = thing({"code": {"type": "string", "minLength": 1, "maxLength": 40}})
VERDICT = thing({"verified": {"type": "boolean"}, "attempts_left": COUNT})


def post(call: Call) -> dict[str, Any]:
    """Make a code; a worker sends it within moments."""
    given = dict(call.body)
    # The same key stays the same code even when a process dies between the code and its answer.
    key = given.pop("key", "") or (call.key and sha256(call.key.encode()).hexdigest())
    return service.send(call.rt, call.token.who, wishes.Wish(**given, key=key), call.purse).plain()


def verify(call: Call) -> dict[str, Any]:
    """Try a code."""
    return service.verify(call.rt, call.token.who, call.params["id"], call.body["code"])._asdict()


SCHEMAS = {"NewOtp": NEW, "Otp": SENT}
ENDPOINTS = (
    Endpoint(
        "POST", "/otp", "postOtp", "Send a one-time code", "otp.write", post, SENT, status=202,
        words="The code is made here, sent within moments, and never part of an answer. A new code voids the older "
        "one of that number and token. Too many are refused with 429, Retry-After and the type "
        "`urn:cooee:problem:otp-limit`. The answer is the same for numbers known and unknown.",
        body=NEW, example={"to": "+8613800138000", "locale": "zh-Hans", "channel": "auto", "ip": "203.0.113.7"},
    ),
    Endpoint(
        "POST", "/otp/{id}/verify", "verifyOtp", "Try a one-time code", "otp.write", verify, VERDICT,
        words="True once. An id nobody has answers like a wrong code.",
        params=(Param("id", _ID, "The id of the code.", where="path"),),
        body=TRY, example={"code": "417093"}, atomic=True,
    ),
)  # fmt: skip
