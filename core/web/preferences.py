"""The page behind the links in our texts: stop everything, choose, or confirm; no sign-in, no script needed.

The code in the address is the key (core.sending.links).  GET only shows: previewers and scanners open links,
and must opt nobody out.  POST acts, and must come from this page.  Unknown, expired and erased look alike.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for

from core.audience import keywords, preferences, topics
from core.contract.errors import Refusal
from core.db import settings
from core.db.codes import Cls
from core.i18n import _, set_language
from core.security import throttle
from core.sending import links
from core.web.access import public
from core.web.headers import refuse_foreign
from core.web.render import page, rt
from core.web.signin import client_ip, client_net

bp = Blueprint("public", __name__)

#: Unknown codes an address may try; a code cannot be guessed, this spares the database.
MISSES = (throttle.Limit(30, 60), throttle.Limit(200, 3600))
#: Languages a person may choose, and the one of the interface each is shown in.
LANGUAGES = {"zh": "zh_Hans", "en": "en"}


@bp.get("/u/<token>")
@public
def show(token: str):
    person, choices = _who(token)
    return _page(token, person, choices)


@bp.post("/u/<token>")
@public
def act(token: str):
    """Do what a button says, then lead back, where the deed can be taken back."""
    refuse_foreign()
    person, choices = _who(token)
    what, done = request.form.get("act", ""), ""
    proof = {
        "message": person.message_id, "campaign": person.campaign_id, "link": person.kind,
        "net": rt().keys.blind_index(client_ip()).hex(),
    }  # fmt: skip
    try:
        match what:
            case "stop":
                done = preferences.stop(rt(), choices.contact_id, proof)
            case "save":
                done = _save(choices, proof)
            case "confirm":
                done = preferences.confirm(rt(), choices.contact_id, proof)
            case "undo":
                preferences.undo(rt(), choices.contact_id, request.form.get("of", ""))
            case _:
                abort(400)
    except Refusal as refusal:
        return _page(token, person, preferences.of(choices.contact_id), status=422, error=str(refusal))
    return redirect(url_for("public.show", token=token, did=what, of=done or None, lang=_lang(choices)), 303)


def _who(token: str):
    person = links.person_of(rt(), token) if len(token) < 40 else None
    choices = preferences.of(person.contact_id) if person else None
    if choices is None or person.kind not in ("optout", "preferences", "confirm"):
        # What no code looks like cost nothing; only real guesses are counted.
        if links.open_token(rt().keys, token) and throttle.hit("preferences", client_net(), MISSES):
            abort(429)
        set_language(
            LANGUAGES.get(request.args.get("lang", ""), "zh_Hans" if _browser_is_chinese() else "en")
        )
        abort(page("preferences/gone.html", status=404, brand=settings.get("brand", "")))
    set_language(LANGUAGES[_lang(choices)])
    return person, choices


def _lang(choices: preferences.Choices) -> str:
    """The language asked for, else the contact's, else that of the country, else the browser's."""
    asked = request.args.get("lang") or request.form.get("lang", "")
    if asked in LANGUAGES:
        return asked
    if choices.language:
        return "zh" if choices.language.lower().startswith("zh") else "en"
    return "zh" if choices.country in ("CN", "HK", "MO", "TW") or _browser_is_chinese() else "en"


def _browser_is_chinese() -> bool:
    best = next(iter(request.accept_languages.values()), "")
    return best.lower().startswith("zh")


def _save(choices: preferences.Choices, proof: dict) -> str:
    form = request.form
    language = form.get("language", "")
    return preferences.save(
        rt(), choices.contact_id,
        classes={Cls[name] for name in form.getlist("class") if name in Cls.__members__},
        wanted={topic.id for topic in topics.every(public=True) if topic.key in form.getlist("topic")},
        language=language if language in LANGUAGES and language != choices.language else "",
        wording=wording(), proof=proof,
    )  # fmt: skip


def wording() -> str:
    """What the switches say; kept in the ledger with each yes."""
    return _("Yes, send me texts about what I switched on. I can stop them at any time.")


def _page(token: str, person, choices: preferences.Choices, *, status: int = 200, error: str = ""):
    undo = request.args.get("of", "")
    return page(
        "preferences/show.html",
        status=status,
        **context(choices, _lang(choices)),
        kind=person.kind,
        url=url_for("public.show", token=token),
        did=request.args.get("did", "") if not error else "",
        undo=undo if undo and preferences.can_undo(choices.contact_id, undo) else "",
        error=error,
        preview=False,
    )


def context(choices: preferences.Choices, lang: str) -> dict:
    """What the page shows, for the preview in the settings, too."""
    return {
        "choices": choices,
        "brand": settings.get("brand", ""),
        "everything": settings.get(keywords.SCOPE, "all") == "all",
        "lang": lang,
        "wording": wording(),
    }
