"""What every response says to the browser, and which requests are refused before a view sees them."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, abort, current_app, request
from werkzeug.wrappers import Response

from core.i18n import _
from core.web.access import MACHINE_BLUEPRINTS

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

#: Nothing from elsewhere, nothing inline, no frames around us.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "report-uri /health/csp",
    )
)
ALWAYS = {
    "Content-Security-Policy": CONTENT_POLICY,
    # Not which server in which version this is.
    "Server": "Cooee",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Addresses of pages hold ids of contacts and one-time tokens.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000; includeSubDomains"
#: Endpoints whose responses may be kept; everything else shows people's data.
CACHEABLE = ("static", "vendor.file", "security.static")


def check_origin():
    """Before each request: an unsafe one must come from a page of ours.

    The CSRF token is the lock; this is the second one.  "null" is what browsers send under our own referrer
    policy, so only Sec-Fetch-Site can judge it.
    """
    if request.method in SAFE_METHODS or request.blueprint in MACHINE_BLUEPRINTS:
        return None
    return refuse_foreign()


def refuse_foreign():
    """Answer 403 to a request a page of somebody else made; None for one of ours."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin", "null")
    foreign = origin != "null" and urlsplit(origin).netloc not in _own_hosts()
    if foreign or (site is not None and site not in ("same-origin", "none")):
        return abort(403, _("This request came from another site, so nothing was done."))
    return None


def _own_hosts() -> tuple[str, str]:
    return request.host, urlsplit(current_app.extensions["cooee"].settings.public_url).netloc


def add_headers(response: Response) -> Response:
    """After each request."""
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    if request.endpoint not in CACHEABLE:
        response.headers["Cache-Control"] = "no-store"
    if request.endpoint == "security.logout" and response.status_code < 400:
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def init(app: Flask) -> None:
    """Put these around all requests of the application."""
    app.before_request(check_origin)
    app.after_request(add_headers)
