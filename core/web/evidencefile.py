"""Evidence, subject exports and receipts of erasures as one readable file: no link, no picture, no script.

Works outside requests, for the command line.  The style sheet stands inside the file: it is kept, printed and
handed on, not served.
"""

from __future__ import annotations

import json as plain
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from core import i18n
from core.audience import erasures
from core.audience.evidence import iso
from core.config import ROOT
from core.web.sourcewords import source_word

HERE = ROOT / "core"


def html(data: dict[str, Any]) -> str:
    """Evidence or a subject export as HTML, in the reader's language."""
    return render("consent/evidence.html", data=data)


def json(data: dict[str, Any]) -> str:
    """The same as JSON."""
    return plain.dumps(data, ensure_ascii=False, indent=1, default=str)


def receipt(one: erasures.Receipt) -> str:
    """The paper a person gets who was erased."""
    return render("consent/receipt.html", receipt=one, at=iso(one.at))


def render(template: str, **context: Any) -> str:
    """A template as one file in the reader's language, its style sheet inside."""
    environment = Environment(
        loader=FileSystemLoader(str(HERE / "templates")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(_=i18n.gettext, ngettext=i18n.ngettext)
    environment.filters["source_word"] = source_word
    css = Markup((HERE / "static" / "evidence.css").read_text("utf-8"))  # noqa: S704  (our own file)
    return environment.get_template(template).render(
        css=css, lang=i18n.language().replace("_", "-"), **context
    )
