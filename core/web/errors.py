"""What people see when something is refused or fails: one sentence, an id, and where to go next.

Programs get it as JSON: below /api as a problem (core.api.problems), elsewhere from their own blueprints.
"""

from __future__ import annotations

import logging
import secrets

from flask import Flask, current_app, jsonify, render_template, request
from flask_security import current_user
from flask_wtf.csrf import CSRFError
from peewee import DataError, InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException

from core.api import problems
from core.contract.errors import CooeeError, Refusal
from core.db import database
from core.i18n import _, best_language, language, set_language
from core.web import held
from core.web.access import MACHINE_BLUEPRINTS, to_login
from core.web.menu import THEMES
from core.web.render import htmx, hx, page

log = logging.getLogger("cooee.web")

#: Codes that have a page of their own in templates/errors.
PAGES = (400, 403, 404, 405, 413, 429, 500)
#: When programs may try again while the database is away.
RETRY_S = 10


def _answer(code: int, sentence: str, error_id: str = ""):
    """The error page; with htmx a message, so that the page a person works on stays."""
    if request.path.startswith(problems.PREFIX):
        return problems.response(code, sentence, error_id)
    if request.blueprint in ("webhooks", "health", "collect"):
        return {"error": sentence, "id": error_id}, code
    if htmx:
        words = sentence or _(
            "Something went wrong on our side; it was noted as %(id)s.", id=error_id or code
        )
        message = render_template("macros/_flashes.html", messages=[("bad", words)])
        return hx(message, code, retarget="#flash", reswap="outerHTML")
    known = code if code in PAGES else 500 if code >= 500 else 400
    return page(f"errors/{known}.html", status=code, sentence=sentence, error_id=error_id, code=code)


def _http(error: HTTPException):
    if error.code is None or error.code < 400:
        return error.get_response()  # a redirect raised by the router
    # Werkzeug's own sentences are for developers; ours (abort(403, _("…"))) are for people.
    own = error.description != type(error).description
    response = current_app.make_response(_answer(error.code, error.description if own else ""))
    if error.code == 405 and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    if error.code == 429 and getattr(error, "retry_after", None):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _csrf(error: CSRFError):
    log.info("csrf refused at %s: %s", request.path, error.description)
    if held.why() and not current_user.is_authenticated:
        return to_login()
    if not htmx and held.may_hold():
        return held.answer(_("The form was open for too long."))
    return _answer(
        400, _("The form was open for too long or came from elsewhere. Load the page again and repeat.")
    )


def _refusal(refusal: Refusal):
    return _answer(refusal.status, str(refusal))


def _cooee(error: CooeeError):
    return _answer(422, str(error))


def _too_large(error: Exception):
    # A form refuses beside the field; what comes past it (a hidden field, an address) ends here.
    log.warning("refused at %s %s", request.method, request.path, exc_info=error)
    return _answer(
        422,
        _("A number here is too large, or a text holds a character that cannot be kept. Nothing was saved."),
    )


def _crash(error: Exception):
    # Letters alone: a run of digits would be masked in the log like a number.
    error_id = "".join(secrets.choice("abcdefghjkmnpqrstvwxyz") for _ in range(10))
    if database.is_away(error):
        log.error("error %s at %s %s: %s", error_id, request.method, request.path, str(error).strip())
        return _away(error_id)
    log.error("error %s at %s %s", error_id, request.method, request.path, exc_info=error)
    if isinstance(error, OperationalError | InterfaceError):
        database.reopen()
    if database.is_locked(error):
        return _answer(
            503, _("Another process holds the database for too long. Try again in a moment."), error_id
        )
    sentence = ""
    plugin = current_app.extensions["cooee_plugin_blueprints"].get((request.endpoint or "").split(".")[0])
    if plugin:
        # Counted, and no more: a page that fails harms nobody who does not open it.
        plugin.calls["page"].add(0.0, error)
        sentence = _(
            "The page of plugin %(name)s failed; it was noted as %(id)s.", name=plugin.name, id=error_id
        )
    return _answer(500, sentence, error_id)


def _away(error_id: str):
    """503 by what asks the database nothing: no person, no menu, the language of the browser."""
    set_language(
        request.cookies.get("cooee_language", "")
        or best_language((value for value, _q in request.accept_languages), language())
    )
    sentence = _(
        "The database cannot be reached just now. Try again in a moment; what you sent may not be saved."
    )
    if request.path.startswith(problems.PREFIX):
        answer = problems.response(503, sentence, error_id)
    elif request.blueprint in MACHINE_BLUEPRINTS:
        answer = jsonify(error=sentence, id=error_id)
    else:
        template = "errors/_away.html" if htmx else "errors/away.html"
        words = current_app.jinja_env.get_template(template).render(
            sentence=sentence,
            error_id=error_id,
            here=request.full_path.rstrip("?") if request.method == "GET" else "/",
            html_lang="zh-Hans" if language() == "zh_Hans" else "en",
            theme=request.cookies.get("cooee_theme")
            if request.cookies.get("cooee_theme") in THEMES
            else "auto",
        )
        answer = (
            hx(words, retarget="#flash", reswap="outerHTML") if htmx else current_app.make_response(words)
        )
    answer.status_code = 503
    answer.headers["Retry-After"] = str(RETRY_S)
    return answer


def init(app: Flask) -> None:
    """Answer errors of all requests."""
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Refusal, _refusal)
    app.register_error_handler(CooeeError, _cooee)
    app.register_error_handler(OverflowError, _too_large)
    app.register_error_handler(DataError, _too_large)
    app.register_error_handler(Exception, _crash)
