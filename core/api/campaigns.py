"""/campaigns: from a draft to its figures."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from core.api.endpoint import ID, LARGEST_ID, LIMIT, Call, Endpoint, Param
from core.api.schemas import (
    CLASSES,
    COUNT,
    COUNTS,
    MAYBE_TEXT,
    MAYBE_TIME,
    NEW_ID,
    TEXT,
    listing,
    ref,
    thing,
)  # fmt: skip
from core.audience.segments import store
from core.content import templates
from core.contract.errors import Refusal
from core.db.codes import Cls
from core.db.models import Campaign
from core.i18n import _
from core.measure import summary
from core.measure.summary import iso
from core.sending import accounts, budgets, drafts, launch, lifecycle, pausing
from core.timing import zones

_TIME = {
    "type": "string", "maxLength": 40, "examples": ["2026-11-22T10:00+08:00"],
    "pattern": r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}",
    "description": "ISO 8601; without an offset in the zone of the option, else of the instance.",
}  # fmt: skip
_NAME = {"type": "string", "minLength": 1, "maxLength": 120}
_TEMPLATE = thing({"name": _NAME, "weight": {"type": "integer", "minimum": 1, "maximum": 10_000}})
_OPTIONS = {
    "type": "object", "additionalProperties": False,
    "description": "As --option of `cooee campaign add`. Quiet hours and approval are switched off by people.",
    "properties": {
        "window": {"type": "integer", "minimum": 1, "maximum": 5000},
        "rate": {"type": "number", "minimum": 0.001, "maximum": 1_000_000, "description": "Messages a second."},
        "zone": {"type": "string", "minLength": 1, "maxLength": 64, "examples": ["Asia/Shanghai"]},
    },
}  # fmt: skip
_BUDGET = {"type": "number", "minimum": 0, "maximum": 1e9}
NEW = thing(
    {
        "name": _NAME,
        "segment": _NAME,
        "templates": {
            "type": "array", "minItems": 1, "maxItems": 26, "items": {"anyOf": [_NAME, _TEMPLATE]},
            "description": "Names, or names with weights; several are compared.",
        },
        "account": _NAME | {"description": "Without it as the routes say."},
        "holdout": {"type": "number", "minimum": 0, "maximum": 90, "description": "Percent kept aside."},
        "at": _TIME,
        "until": _TIME | {"description": "Nothing is sent after this."},
        "budget": _BUDGET | {"description": "Pause when this is spent."},
        "options": _OPTIONS,
    },
    optional=("account", "holdout", "at", "until", "budget", "options"),
)  # fmt: skip
RESUMED = thing(
    {"budget": _BUDGET | {"description": "Pause only when this much is spent in all; more than is used up."}},
    optional=("budget",),
)
_FIGURE = {
    "type": "object",
    "required": ["value", "numerator", "denominator", "interval", "unit"],
    "properties": {
        "value": {"type": ["number", "null"]}, "numerator": {"type": ["number", "null"]},
        "denominator": {"type": ["number", "null"]}, "unit": TEXT, "currency": TEXT, "detail": {"type": "object"},
        "interval": {"type": ["array", "null"], "items": {"type": "number"}},
    },
}  # fmt: skip
CAMPAIGN = thing(
    {
        "id": NEW_ID, "name": TEXT, "class": {"type": "string", "enum": CLASSES}, "state": TEXT, "reason": TEXT,
        "audience": {"type": ["integer", "null"], "minimum": 0}, "counts": COUNTS,
        "variants": {"type": "array", "items": thing(
            {"variant": COUNT, "name": TEXT, "template": MAYBE_TEXT, "weight": COUNT, "counts": COUNTS}
        )},
        "metrics": {"type": "object", "additionalProperties": _FIGURE}, "options": {"type": "object"},
        "holdout": {"type": "number"}, "created_at": MAYBE_TIME, "send_at": MAYBE_TIME, "started_at": MAYBE_TIME,
        "finished_at": MAYBE_TIME,
    }
)  # fmt: skip
_LINE = thing(
    {
        "id": NEW_ID, "name": TEXT, "class": {"type": "string", "enum": CLASSES}, "state": TEXT,
        "audience": {"type": ["integer", "null"], "minimum": 0}, "created_at": MAYBE_TIME,
    }
)  # fmt: skip
_STATE = thing({"id": NEW_ID, "state": TEXT})


def add(call: Call) -> dict[str, Any]:
    """Make a draft."""
    given, options = call.body, call.body.get("options", {})
    made: dict[str, Any] = {
        "segment_id": store.get(given["segment"]).id,
        "templates": [_arm(one) for one in given["templates"]],
        "account_id": accounts.get(given["account"]).id if "account" in given else None,
        "holdout_bp": round(given.get("holdout", 0) * 100),
        "options": options,
    }
    if "at" in given:
        made["at"] = given["at"]
    if "until" in given:
        made["not_after"] = zones.parse_at(given["until"], options.get("zone") or call.rt.settings.zone)[0]
    if "budget" in given:
        made["budget_micros"] = round(given["budget"] * 1_000_000)
    return {"id": drafts.add(call.rt, name=given["name"], who=call.token.who, **made)}


def _arm(one: str | dict[str, Any]) -> tuple[int, int]:
    name, weight = (one, 1) if isinstance(one, str) else (one["name"], one["weight"])
    try:
        return templates.find(name).id, weight
    except Refusal as refusal:
        refusal.field = "templates"
        raise


def page(call: Call) -> dict[str, Any]:
    """Campaigns, newest first."""
    after, limit = call.params["after"], call.params["limit"]
    found = Campaign.select().where(~Campaign.name.startswith("direct:"))
    if after is not None:
        found = found.where(Campaign.id < after)
    rows = list(found.order_by(Campaign.id.desc()).limit(limit + 1))
    lines = [
        {"id": row.id, "name": row.name, "class": Cls(row.cls).name, "state": row.state, "audience": row.audience,
         "created_at": iso(row.created_at)}
        for row in rows[:limit]
    ]  # fmt: skip
    return {"campaigns": lines, "next": lines[-1]["id"] if len(rows) > limit else None}


def show(call: Call) -> dict[str, Any]:
    """One campaign with its counts and figures."""
    return summary.campaign(call.rt, drafts.own(call.params["id"]).id)


def start(call: Call) -> dict[str, Any]:
    """Start a campaign, or schedule it; the same key is the same launch."""
    key = sha256(f"{call.token.id}:{call.key}".encode()).hexdigest()[:32] if call.key else None
    campaign_id = drafts.own(call.params["id"]).id
    state = launch.launch(call.rt, campaign_id, call.token.who, key=key, purse=call.purse)
    return {"id": campaign_id, "state": state}


def pause(call: Call) -> dict[str, Any]:
    """Stop sending for now."""
    reason = pausing.say("token", name=call.token.name)
    return _moved(call, lifecycle.pause(call.rt, drafts.own(call.params["id"]).id, reason, call.token.who))


def resume(call: Call) -> dict[str, Any]:
    """Go on where a paused campaign stood, with another budget where the body names one."""
    campaign_id = drafts.own(call.params["id"]).id
    if "budget" in call.body:
        # A program approves nothing: what needs a second person is raised by one.
        budgets.change(
            call.rt, campaign_id, call.body["budget"], call.token.who, approves=False, purse=call.purse
        )
    return _moved(call, lifecycle.resume(call.rt, campaign_id, call.token.who))


def cancel(call: Call) -> dict[str, Any]:
    """End a campaign for good."""
    lifecycle.cancel(call.rt, drafts.own(call.params["id"]).id, call.token.who)
    return _moved(call, True)


def _moved(call: Call, done: bool) -> dict[str, Any]:
    row = drafts.get(call.params["id"])
    if not done:
        raise Refusal(
            _("“%(name)s” is %(state)s, so this cannot be done.", name=row.name, state=row.state), status=409
        )
    return {"id": row.id, "state": row.state}


def _act(verb: str, name: str, summary_: str, words: str, work: Any, **more: Any) -> Endpoint:
    return Endpoint(
        "POST", f"/campaigns/{{id}}/{verb}", name, summary_, "campaigns.write", work, _STATE, words=words,
        params=(ID,), **more,
    )  # fmt: skip


SCHEMAS = {"NewCampaign": NEW, "Campaign": CAMPAIGN}
ENDPOINTS = (
    Endpoint(
        "POST", "/campaigns", "postCampaign", "Make a draft", "campaigns.write", add, thing({"id": NEW_ID}),
        status=201, body=NEW, atomic=True,
        example={"name": "Winter", "segment": "Shanghai", "templates": ["winter"], "account": "main", "holdout": 5},
    ),
    Endpoint(
        "GET", "/campaigns", "listCampaigns", "Campaigns, newest first", "campaigns.read", page,
        listing("campaigns", _LINE, NEW_ID),
        params=(
            Param("after", {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}, "The id of the last one seen."),
            LIMIT,
        ),
    ),
    Endpoint(
        "GET", "/campaigns/{id}", "getCampaign", "One campaign with counts and figures", "campaigns.read", show,
        ref("Campaign"), words="The same fields as `cooee campaign show --json`.", params=(ID,),
    ),
    _act("launch", "launchCampaign", "Start a campaign",
         "At once, or when its start comes. Asks for what people must have: complete, checked, approved. "
         "More than the token may spend a day is 429 with the type `urn:cooee:problem:spend-cap`.",
         start),
    _act("pause", "pauseCampaign", "Stop sending for now", "What is on the wire finishes.", pause),
    _act("resume", "resumeCampaign", "Go on after a pause",
         "Goes on exactly where it stood; one whose budget is used up with a higher one.", resume,
         body=RESUMED, bare=True, example={"budget": 500}),
    _act("cancel", "cancelCampaign", "End a campaign for good", "What was not sent never will be.", cancel),
)  # fmt: skip
