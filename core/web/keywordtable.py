"""Words people reply, by meaning, language and country; and what a reply would do."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.audience import intents, keywords
from core.clock import now
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _
from core.security import audit
from core.web.access import allow
from core.web.render import flash, page, redirect_hx

bp = Blueprint("keywords", __name__, url_prefix="/settings/keywords")

_CHINESE = re.compile(r"[\u3400-\u9fff]")
#: Languages words are shown by; how a word is written tells which.
LANGUAGES = ("en", "zh")


@bp.get("")
@allow("settings.edit")
def index():
    return _page()


@bp.post("")
@allow("settings.edit")
def save():
    """Keep all words; STOP and 退订 cannot be taken off."""
    words = _given()
    try:
        with database.write_tx():
            keywords.change(words, as_of=now().date().isoformat())
            audit.record(current_user.email, "settings.words", "keywords")
    except Refusal as refusal:
        return _page(words, error=str(refusal), status=422)
    flash(_("Saved."))
    return redirect_hx(url_for(".index"))


@bp.get("/try")
@allow("settings.edit")
def attempt():
    """What a reply would do; nothing is done."""
    text, country = request.args.get("text", "")[:1_000], request.args.get("country", "").strip().upper()[:2]
    return page(
        "settings/keywords.html", fragment="settings/_tried.html", **_context(), **_tried(text, country)
    )


def _tried(text: str, country: str) -> dict[str, Any]:
    if not text.strip():
        return {"text": "", "country": country, "tried": None}
    keyword = keywords.intent(text, country)
    waiting = keywords.intent(text, country, pending=True)
    reading = intents.Reading(keyword) if keyword else intents.read(text)
    meant = reading.intent or ("confirm" if waiting == "start" else "")
    return {
        "text": text,
        "country": country,
        "tried": meant,
        "pattern": reading.pattern,
        "keyword": bool(keyword),
    }


def _given() -> dict[str, Any]:
    """The form as `keywords.change` wants it: lists everywhere, and by country where one is named."""
    form, words = request.form, {}
    for kind in keywords.KINDS:
        words[kind] = [word for lang in LANGUAGES for word in split(form.get(f"{kind}-{lang}", ""))]
        words[f"{kind}_in"] = {}
    for country, *lists in zip(
        form.getlist("country"), *(form.getlist(f"{kind}-in") for kind in keywords.KINDS), strict=False
    ):
        code = country.strip().upper()
        if not code:
            continue
        for kind, text in zip(keywords.KINDS, lists, strict=True):
            if split(text):
                words[f"{kind}_in"][code] = split(text)
    return words


def _context(words: dict[str, Any] | None = None) -> dict[str, Any]:
    words = {**keywords.load(), **(words or {})}
    everywhere = {
        lang: {
            kind: [w for w in words[kind] if bool(_CHINESE.search(w)) == (lang == "zh")]
            for kind in keywords.KINDS
        }
        for lang in LANGUAGES
    }
    codes = sorted({code for kind in keywords.KINDS for code in words[f"{kind}_in"]})
    return {
        "as_of": words["as_of"],
        "free_as_of": intents.AS_OF,
        "everywhere": everywhere,
        "countries": [
            (code, {kind: words[f"{kind}_in"].get(code, []) for kind in keywords.KINDS}) for code in codes
        ],
        "kinds": keywords.KINDS,
    }


def _page(words: dict[str, Any] | None = None, *, error: str = "", status: int = 200):
    return page(
        "settings/keywords.html",
        status=status,
        **_context(words),
        error=error,
        text="",
        country="",
        tried=None,
    )


def split(text: str) -> list[str]:
    """Words one a line, or with commas between."""
    return [word.strip() for word in re.split(r"[,，、\n]", text) if word.strip()]
