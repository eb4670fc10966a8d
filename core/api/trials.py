"""/trials: accounts tried on phones of one's own, from the plan to the report."""

from __future__ import annotations

from typing import Any

from core.api.endpoint import ID, LARGEST_ID, LIMIT, Call, Endpoint, Param
from core.api.problems import Problem
from core.api.schemas import COUNT, MAYBE_TEXT, MAYBE_TIME, NEW_ID, PHONE, TEXT, listing, ref, thing
from core.audience import contacts
from core.contract.errors import Refusal
from core.db.models import Trial
from core.i18n import _
from core.measure.trials import phones, plan, report, run, sheet, words
from core.sending import accounts

_ACCOUNT = {"type": "string", "minLength": 1, "maxLength": 60}
_PHONE = thing(
    {
        "phone": PHONE,
        "owner": {"type": "string", "maxLength": phones.OWNER_MAX},
        "night": {"type": "boolean", "description": "Its owner agreed to texts at night."},
        "seed": _ACCOUNT | {"description": "The account that hands over what this phone gets."},
    },
    optional=("owner", "night", "seed"),
)


def _some(known: Any) -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": {"type": "string", "enum": list(known)},
    }


NEW = thing(
    {
        "name": {"type": "string", "minLength": 1, "maxLength": plan.NAME_MAX},
        "accounts": {"type": "array", "minItems": 1, "maxItems": plan.ACCOUNTS_MAX, "items": _ACCOUNT},
        "phones": {"type": "array", "minItems": 1, "maxItems": phones.MAX, "items": _PHONE},
        "agreed": {"type": "boolean", "description": "All owners agreed to the test texts."},
        "functions": _some(words.FUNCTIONS) | {"description": "What to find out."},
        "hours": _some(plan.WINDOWS) | {"description": "When to send; now stands alone."},
        "promise": {"type": "number", "minimum": 50, "maximum": 99.9, "description": "Promised arrival, percent."},
        "margin": {"type": "number", "minimum": 0.5, "maximum": 30, "description": "Know it to ± so many points."},
        "texts": {"type": "integer", "minimum": 1, "maximum": plan.TEXTS_MAX,
                  "description": "Of each account; by default as many as the margin needs."},
        "per_window": {"type": "integer", "minimum": 1, "maximum": plan.PER_WINDOW_MAX},
        "lang": {"type": "string", "enum": list(words.LANGS)},
        "prefix": {"type": "string", "maxLength": 40, "description": "In front of each text, such as 【Shop】."},
        "start": {"type": "string", "pattern": "^20[0-9]{2}-[0-9]{2}-[0-9]{2}$", "description": "From this day on."},
    },
    optional=("agreed", "functions", "hours", "promise", "margin", "texts", "per_window", "lang", "prefix", "start"),
)  # fmt: skip
_NUMBER = {"type": ["number", "null"]}
_COST = thing({"account": TEXT, "texts": COUNT, "parts": COUNT, "currency": TEXT, "cost": _NUMBER})
PLANNED = thing(
    {
        "id": NEW_ID, "name": TEXT, "texts": COUNT, "texts_each": COUNT,
        "needed": COUNT | {"description": "Texts of each account that the margin needs."},
        "cost": {"type": "array", "items": _COST}, "begins": MAYBE_TIME, "ends": MAYBE_TIME,
        "says": TEXT | {"description": "What so many texts can tell at best."},
        "lacks": {"type": "array", "items": TEXT, "description": "What stands in the way of the start."},
    }
)  # fmt: skip
_LINE = {"id": NEW_ID, "name": TEXT, "state": TEXT, "accounts": {"type": "array", "items": TEXT}}
TRIAL = thing(
    {
        **_LINE,
        "plan": {"type": "object", "description": "As it was given; promise and margin as shares."},
        "phones": {"type": "array", "items": thing(
            {"phone": TEXT | {"description": "Masked."}, "carrier": TEXT, "owner": TEXT, "seed": MAYBE_TEXT,
             "night": {"type": "boolean"}}
        )},
        "texts": {"type": "object", "additionalProperties": COUNT, "description": "How many are in which state."},
    }
)  # fmt: skip
_INTERVAL = {"type": ["array", "null"], "items": _NUMBER, "minItems": 2, "maxItems": 2}
_SHARE = thing(
    {"numerator": COUNT, "denominator": COUNT, "value": _NUMBER, "interval": _INTERVAL, "need_more": COUNT}
)
_SHARES = ("accepted", "claimed", "receipts", "arrival", "false", "missing", "damaged", "replaced")
_QUANTILES = ("latency_receipt_p50", "latency_receipt_p95", "latency_phone_p50", "latency_phone_p95")
_CELL = thing({"numerator": COUNT, "denominator": COUNT, "rate": _NUMBER, "interval": _INTERVAL})
_FOUND = thing(
    {
        "account": TEXT, "account_id": NEW_ID, "planned": COUNT, "waiting": COUNT, "never_left": COUNT,
        **dict.fromkeys(_SHARES, _SHARE),
        **dict.fromkeys(_QUANTILES, thing({"seconds": _NUMBER, "interval": _INTERVAL, "n": COUNT})),
        "parts": COUNT, "cost": {"type": "number"},
        "matrix": {
            "type": "object", "description": "Arrival by carrier and hour.",
            "additionalProperties": {"type": "object", "additionalProperties": _CELL},
        },
        "functions": {"type": "array", "items": thing(
            {"function": TEXT, "result": TEXT, "why": TEXT, "messages": {"type": "array"}, "by": MAYBE_TEXT, "note": TEXT}
        )},
        "sentence": TEXT,
        "verdict": {"type": ["object", "null"], "description": "What a person decided: verdict, note, by, at."},
    }
)  # fmt: skip
REPORT = thing(
    {
        "trial": thing({"id": NEW_ID, "name": TEXT, "state": TEXT}), "as_of": MAYBE_TIME, "texts_out": COUNT,
        "texts_looked_for": COUNT, "silent_phones": {"type": "array", "items": TEXT},
        "accounts": {"type": "array", "items": _FOUND},
        "pairs": {"type": "array", "items": {"type": "object", "description": "Two accounts on the same phones."}},
        "sentences": {"type": "array", "items": TEXT},
    }
)  # fmt: skip
#: Names of the plan that programs know by another.
_FIELDS = {"windows": "hours"}


def add(call: Call) -> dict[str, Any]:
    """Plan a trial; nothing is sent."""
    given = dict(call.body)
    name, found = given.pop("name"), [_phone(call, one) for one in given.pop("phones")]
    given["accounts"] = [accounts.get(one).id for one in given["accounts"]]
    for percent in {"promise", "margin"} & set(given):
        given[percent] /= 100
    if "hours" in given:
        given["windows"] = given.pop("hours")
    try:
        trial_id = plan.create(name, call.token.who, **given)
    except Refusal as refusal:
        refusal.field = _FIELDS.get(refusal.field, refusal.field)
        raise
    phones.keep(call.rt, trial_id, found, call.token.who)
    return sheet.planned(call.rt, plan.get(trial_id))


def _phone(call: Call, one: dict[str, Any]) -> phones.New:
    number = contacts.number(call.rt, one["phone"])
    seed = accounts.get(one["seed"]).id if "seed" in one else None
    return phones.New(number, one.get("owner", ""), seed, one.get("night", False))


def page(call: Call) -> dict[str, Any]:
    """Trials, newest first."""
    after, limit = call.params["after"], call.params["limit"]
    found = Trial.select()
    if after is not None:
        found = found.where(Trial.id < after)
    rows = list(found.order_by(Trial.id.desc()).limit(limit + 1))
    return {
        "trials": [sheet.line(row) for row in rows[:limit]],
        "next": rows[limit - 1].id if len(rows) > limit else None,
    }


def show(call: Call) -> dict[str, Any]:
    """The plan of a trial and how far it is."""
    return sheet.whole(call.rt, plan.get(call.params["id"]))


def read(call: Call) -> dict[str, Any]:
    """What a trial says of each account."""
    trial_id = plan.get(call.params["id"]).id
    run.collect(trial_id)
    return report.make(call.rt, trial_id).plain()


def start(call: Call) -> dict[str, Any]:
    """Send the texts at their hours."""
    if call.token.cap_micros is not None:
        raise Problem(
            "forbidden", _("A token with a spend cap starts no trial; a person does, under Providers.")
        )
    run.start(call.rt, call.params["id"], call.token.who)
    return _state(call)


def pause(call: Call) -> dict[str, Any]:
    """Send nothing more for now."""
    run.pause(call.params["id"], call.token.who)
    return _state(call)


def resume(call: Call) -> dict[str, Any]:
    """Go on after a pause."""
    run.resume(call.rt, call.params["id"], call.token.who)
    return _state(call)


def cancel(call: Call) -> dict[str, Any]:
    """Send nothing more at all."""
    run.cancel(call.params["id"], call.token.who)
    return _state(call)


def _state(call: Call) -> dict[str, Any]:
    trial = plan.get(call.params["id"])
    return {"id": trial.id, "state": trial.state}


def _act(verb: str, summary: str, words_: str, work: Any) -> Endpoint:
    return Endpoint(
        "POST", f"/trials/{{id}}/{verb}", f"{verb}Trial", summary, "trials.write", work,
        thing({"id": NEW_ID, "state": TEXT}), words=words_, params=(ID,),
    )  # fmt: skip


SCHEMAS = {"NewTrial": NEW, "PlannedTrial": PLANNED, "Trial": TRIAL, "TrialReport": REPORT}
ENDPOINTS = (
    Endpoint(
        "POST", "/trials", "postTrial", "Plan a trial", "trials.write", add, ref("PlannedTrial"), status=201,
        words="Answers with what it costs, when it ends and what so many texts can tell. Nothing is sent yet.",
        body=NEW,
        example={"name": "Spring", "accounts": ["gw1", "gw2"], "hours": ["10", "19"], "agreed": True,
                 "phones": [{"phone": "+8613800138000", "owner": "Li"}]},
    ),
    Endpoint(
        "GET", "/trials", "listTrials", "Trials, newest first", "trials.read", page,
        listing("trials", thing(_LINE), NEW_ID),
        params=(
            Param("after", {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}, "The id of the last one seen."),
            LIMIT,
        ),
    ),
    Endpoint(
        "GET", "/trials/{id}", "getTrial", "The plan of a trial and how far it is", "trials.read", show, ref("Trial"),
        words="The same fields as `cooee trial show --json`.", params=(ID,),
    ),
    Endpoint(
        "GET", "/trials/{id}/report", "getTrialReport", "What a trial says of each account", "trials.read", read,
        ref("TrialReport"), words="The same fields as `cooee trial report --json`.", params=(ID,),
    ),
    _act("start", "Start a trial", "Its texts go at their hours. Refused while the plan `lacks` something.", start),
    _act("pause", "Send nothing more for now", "What was handed over goes on.", pause),
    _act("resume", "Go on after a pause", "Texts whose hours passed get the next ones.", resume),
    _act("cancel", "End a trial for good", "What was sent stays in the report.", cancel),
)  # fmt: skip
