"""How views answer: whole pages, fragments for htmx, redirects and messages.

A page works as a plain page first.  With htmx the same view answers with the fragment the page includes:

    return page("contacts/list.html", fragment="contacts/_table.html", rows=rows)
"""

from __future__ import annotations

from typing import Any

from flask import current_app, get_flashed_messages, redirect, render_template, request
from flask import flash as flask_flash
from htmx_flask import make_response
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

from core.runtime import Runtime


def rt() -> Runtime:
    """The Runtime of the application."""
    return current_app.extensions["cooee"]


#: The htmx request, false for a plain one.  A restored history entry wants the whole page.
htmx = LocalProxy(lambda: request.htmx if request.htmx and not request.htmx.history_restore_request else None)


def flash(message: str, tone: str = "good") -> None:
    """Show a sentence on the next page or fragment; tone: good, info, warn or bad."""
    flask_flash(str(message), tone)


def hx(*args: Any, reswap: str | None = None, **headers: Any) -> Response:
    """A response with htmx headers (redirect, trigger, retarget …); any reswap string is fine.

    htmx-flask 0.1.0 refuses modifiers and two of the swap styles, so that header is set here.
    """
    response = make_response(*args, **headers)
    if reswap:
        response.headers["HX-Reswap"] = reswap
    return response


def page(template: str, *, fragment: str | None = None, status: int = 200, **context: Any) -> Response:
    """Render the whole page, or with htmx only `fragment` plus the messages that wait to be shown.

    Without a fragment htmx, too, gets the whole page.  Use status 422 for a form with errors.
    """
    if not (htmx and fragment):
        return make_response(render_template(template, **context), status)
    body = render_template(fragment, **context)
    if messages := get_flashed_messages(with_categories=True):
        body += render_template("macros/_flashes.html", messages=messages, oob=True)
    return make_response(body, status)


def redirect_hx(url: str) -> Response:
    """Go to another page after a change: 303 for a form, HX-Redirect for htmx."""
    return hx("", 204, redirect=url) if htmx else redirect(url, 303)


def vary(response: Response) -> Response:
    """A fragment must never be taken from a cache for the page."""
    response.vary.add("HX-Request")
    return response
