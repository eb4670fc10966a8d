"""Files of libraries, served from their Python packages: nothing is loaded from elsewhere or copied here.

Each address carries a version, because browsers keep these files for a year.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from importlib import metadata, resources
from pathlib import Path

from flask import Blueprint, abort, current_app, send_from_directory, url_for
from markupsafe import Markup

from core.web.access import public

YEAR_S = 31_536_000
#: Library → (distribution, package, folder of its files).
LIBRARIES = {
    "htmx": ("django-js-lib-htmx", "js_lib_htmx", "static/htmx"),
    "bootstrap": ("Bootstrap-Flask", "flask_bootstrap", "static/bootstrap5/css"),
}
ICONS = ("flask_bootstrap", "static/bootstrap5/icons/bootstrap-icons.svg")
_SYMBOL = re.compile(r'<symbol[^>]*viewBox="([^"]+)" id="([^"]+)">(.*?)</symbol>', re.S)

bp = Blueprint("vendor", __name__, url_prefix="/vendor")


@bp.get("/<library>/<path:name>")
@public
def file(library: str, name: str):
    if library not in LIBRARIES:
        abort(404)
    _, package, folder = LIBRARIES[library]
    return send_from_directory(str(resources.files(package) / folder), name, max_age=YEAR_S)


@cache
def _version(library: str) -> str:
    return metadata.version(LIBRARIES[library][0])


def vendor_url(library: str, name: str) -> str:
    """The address of a library's file; a global of the templates."""
    return url_for("vendor.file", library=library, name=name, v=_version(library))


@cache
def _digest(path: str) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()[:12]


def static_url(name: str) -> str:
    """The address of one of our own files in core/static; a global of the templates."""
    return url_for("static", filename=name, v=_digest(str(Path(current_app.static_folder) / name)))


@cache
def _icons() -> dict[str, tuple[str, str]]:
    package, path = ICONS
    text = (resources.files(package) / path).read_text("utf-8")
    return {name: (box, shape) for box, name, shape in _SYMBOL.findall(text)}


@cache
def icon(name: str, cls: str = "") -> Markup:
    """A Bootstrap icon as inline SVG in the text's colour; always put a word beside it.

    Inline, so that a page needs no 1.1 MB sprite.  Raises `KeyError` for a name that does not exist.
    """
    box, shape = _icons()[name]
    # The shape comes from the package's own file, the rest is escaped.
    head = Markup('<svg class="icon {}" viewBox="{}" fill="currentColor" aria-hidden="true">').format(
        cls, box
    )
    return head + Markup(shape) + Markup("</svg>")  # noqa: S704
