"""The page a phone's owner opens to say which test texts arrived: no sign-in, one phone, nothing else.

The code in the address is the key (core.measure.trials.links).  GET only shows: previewers open links, too.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for

from core.contract.errors import Refusal
from core.db import settings
from core.i18n import _, set_language
from core.measure.trials import confirm, links
from core.security import throttle
from core.web.access import public
from core.web.headers import refuse_foreign
from core.web.render import page, rt
from core.web.signin import client_net
from core.web.trials import said

bp = Blueprint("trialphone", __name__)

#: Wrong codes an address may try; a code cannot be guessed, this spares the database.
MISSES = (throttle.Limit(30, 60), throttle.Limit(200, 3600))


@bp.get("/arrived/<code>")
@public
def show(code: str):
    return _page(code, *_who(code))


@bp.post("/arrived/<code>")
@public
def act(code: str):
    """Keep what the owner says, and lead back."""
    refuse_foreign()
    trial_id, number_id = _who(code)
    try:
        texts = confirm.asked(trial_id, number_id)
        confirm.say(trial_id, number_id, said(texts), "phone", rest="rest" in request.form)
    except Refusal as refusal:
        return _page(code, trial_id, number_id, 422, str(refusal))
    return redirect(
        url_for("trialphone.show", code=code, did="1", lang=request.form.get("lang") or None), 303
    )


def _who(code: str) -> tuple[int, int]:
    set_language(_language())
    found = links.open_(rt(), code)
    if found is None:
        if links.looks_right(code) and throttle.hit("trialphone", client_net(), MISSES):
            abort(429)
        abort(page("trials/gone.html", status=404, brand=settings.get("brand", "")))
    return found


def _language() -> str:
    asked = request.values.get("lang", "")
    if asked in ("zh", "en"):
        return "zh_Hans" if asked == "zh" else "en"
    best = next(iter(request.accept_languages.values()), "")
    return "zh_Hans" if best.lower().startswith("zh") else "en"


def _page(code: str, trial_id: int, number_id: int, status: int = 200, error: str = ""):
    return page(
        "trials/owner.html", status=status, brand=settings.get("brand", ""), texts=confirm.asked(trial_id, number_id),
        url=url_for("trialphone.show", code=code), error=error, did="did" in request.args,
        lang="zh" if _language() == "zh_Hans" else "en", title=_("Did these texts arrive?"),
    )  # fmt: skip
