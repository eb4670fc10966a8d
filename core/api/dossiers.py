"""/dossiers: the papers of vendors, until when they hold, and the verdict."""

from __future__ import annotations

from typing import Any

from core.api.endpoint import ID, LARGEST_ID, LIMIT, Call, Endpoint, Param
from core.api.schemas import COUNT, MAYBE_TEXT, MAYBE_TIME, NEW_ID, TEXT, listing, ref, thing
from core.sending.dossiers import changing, sheet, standing
from core.sending.dossiers import verdict as verdicts

_DAY = {"type": ["string", "null"], "description": "ISO day."}
_NAMES = {"type": "array", "items": TEXT}
_LINE = {
    "id": NEW_ID, "company": TEXT, "countries": _NAMES, "accounts": _NAMES,
    "verdict": {"type": "string", "enum": ["", *verdicts.WORDS, "void"],
                "description": "Empty: none yet; void: it fell, see judgement."},
    "until": _DAY | {"description": "Last day of conditions."},
    "required": COUNT | {"description": "Papers that must be there."},
    "in_force": COUNT | {"description": "How many of them are, and hold."},
    "next_expiry": _DAY | {"description": "The day the first paper ends."},
}  # fmt: skip
_PAPER = {
    "type": "object",
    "required": ["paper", "state", "expires", "days_left", "number", "issuer", "files"],
    "properties": {
        "paper": TEXT | {"examples": ["CN/licence"]}, "state": {
            "type": "string", "enum": ["missing", "present", "checked", "expiring", "expired"],
        },
        "expires": TEXT, "days_left": {"type": ["integer", "null"]}, "number": TEXT, "issuer": TEXT,
        "files": {"type": "array", "items": {"type": "object"}, "description": "Names and fingerprints, not the files."},
    },
}  # fmt: skip
DOSSIER = thing(
    {
        **_LINE,
        "made_at": MAYBE_TIME, "made_by": TEXT, "note": TEXT,
        "judgement": thing(
            {"was": MAYBE_TEXT, "note": TEXT, "until": _DAY, "by": MAYBE_TEXT, "at": MAYBE_TIME,
             "fell": MAYBE_TEXT, "fell_with": _NAMES}
        ),
        "papers": {"type": "array", "items": _PAPER},
        "history": {"type": "array", "items": {"type": "object"}},
    }
)  # fmt: skip
VERDICT = thing(
    {
        "verdict": {"type": "string", "enum": list(verdicts.WORDS)},
        "note": {"type": "string", "maxLength": verdicts.NOTE_MAX, "description": "Needed unless it passed outright."},
        "until": {"type": "string", "pattern": "^20[0-9]{2}-[0-9]{2}-[0-9]{2}$",
                  "description": "Last day of conditions; needed with them."},
    },
    optional=("note", "until"),
)  # fmt: skip


def page(call: Call) -> dict[str, Any]:
    """Dossiers in the order they were begun."""
    after, limit = call.params["after"] or 0, call.params["limit"]
    found = sorted((one for one in standing.every() if one.id > after), key=lambda one: one.id)
    return {
        "dossiers": [sheet.brief(one) for one in found[:limit]],
        "next": found[limit - 1].id if len(found) > limit else None,
    }


def show(call: Call) -> dict[str, Any]:
    """One dossier with its papers and history."""
    return sheet.whole(changing.need(call.params["id"]), call.token.who)


def judge(call: Call) -> dict[str, Any]:
    """Record a verdict."""
    given, dossier_id = call.body, call.params["id"]
    verdicts.give(dossier_id, given["verdict"], given.get("note", ""), given.get("until", ""), call.token.who)
    return sheet.brief(changing.need(dossier_id))


SCHEMAS = {"Dossier": DOSSIER}
ENDPOINTS = (
    Endpoint(
        "GET", "/dossiers", "listDossiers", "Papers of vendors with verdict and expiry", "dossiers.read", page,
        listing("dossiers", thing(_LINE), NEW_ID),
        params=(
            Param("after", {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}, "The id of the last one seen."),
            LIMIT,
        ),
    ),
    Endpoint(
        "GET", "/dossiers/{id}", "getDossier", "One dossier with its papers and history", "dossiers.read", show,
        ref("Dossier"), words="The same fields as `cooee dossier show --json`.", params=(ID,),
    ),
    Endpoint(
        "POST", "/dossiers/{id}/verdict", "judgeDossier", "Record a verdict", "dossiers.write", judge, thing(_LINE),
        words="The last one stands; all are kept in the history.", params=(ID,), body=VERDICT,
        example={"verdict": "conditions", "note": "Number certificate is being renewed.", "until": "2027-03-31"},
        atomic=True,
    ),
)  # fmt: skip
