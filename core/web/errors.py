"""What people see when something is refused or fails: one sentence, an id, and where to go next.

Programs get it as JSON: below /api as a problem (core.api.problems), elsewhere from their own blueprints.
"""

from __future__ import annotations

import logging
import secrets

from flask import Flask, current_app, render_template, request
from flask_wtf.csrf import CSRFError
from peewee import DataError, InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException

from core.api import problems
from core.contract.errors import CooeeError, Refusal
from core.db import database
from core.i18n import _
from core.web.render import htmx, hx, page

log = logging.getLogger("cooee.web")

#: Codes that have a page of their own in templates/errors.
PAGES = (400, 403, 404, 405, 413, 429, 500)


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
    log.error("error %s at %s %s", error_id, request.method, request.path, exc_info=error)
    if isinstance(error, OperationalError | InterfaceError):
        database.reopen()
    if database.is_locked(error):
        return _answer(
            503, _("Another process holds the database for too long. Try again in a moment."), error_id
        )
    return _answer(500, "", error_id)


def init(app: Flask) -> None:
    """Answer errors of all requests."""
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Refusal, _refusal)
    app.register_error_handler(CooeeError, _cooee)
    app.register_error_handler(OverflowError, _too_large)
    app.register_error_handler(DataError, _too_large)
    app.register_error_handler(Exception, _crash)
