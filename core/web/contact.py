"""The page of one contact: who it is at the left, one timeline at the right.

Each card is a fragment of its own; a change answers with the card it changed, or, without htmx, leads back.
"""

from __future__ import annotations

from typing import Any

from babel import dates
from flask import Blueprint, request, url_for
from flask_security import current_user

from core import clock
from core.audience import (
    consent,
    contacts,
    erasing,
    fields,
    glance,
    kinds,
    labels,
    numbers,
    suppression,
    timeline,
)
from core.audience.events import currency
from core.audience.quality import findings, merged
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import MARKETING, Cls
from core.genders import choice_word
from core.i18n import _, language
from core.security import audit
from core.web import charts, kindwords, meanwhile, panels
from core.web.access import allow, may
from core.web.format import locale, reader_zone, zone
from core.web.forms import check_name
from core.web.render import flash, htmx, page, redirect_hx, rt

bp = Blueprint("contacts", __name__, url_prefix="/contacts")

_MONTH_MS = 365 * clock.DAY_MS // 12


@bp.get("/<int:contact_id>")
@allow("view")
def show(contact_id: int):
    kept = merged.kept_of(contact_id)
    return _page(contact_id) if kept == contact_id else redirect_hx(url_for("contacts.show", contact_id=kept))


@bp.get("/<int:contact_id>/timeline")
@allow("view")
def story(contact_id: int):
    """More of the timeline, or another choice of kinds."""
    contacts.get(rt(), contact_id)
    return page("contacts/timeline.html", fragment="contacts/_timeline.html", **_timeline(contact_id))


@bp.get("/<int:contact_id>/edit")
@allow("contacts.edit")
def edit(contact_id: int):
    return _card("who", contact_id, editing=True, seen=meanwhile.seen(_values(contact_id)))


@bp.post("/<int:contact_id>/edit")
@allow("contacts.edit")
def save(contact_id: int):
    """Save what was typed; a wrong value keeps the form with the sentence beside its field."""
    before = _values(contact_id)
    typed = {key: request.form[key] for key in before if key in request.form}
    try:
        changed = meanwhile.settle(typed, before, action="contact.edit", about=f"contact:{contact_id}")
        new = contacts.edit(rt(), contact_id, changed, who=current_user.email) if changed else []
    except Refusal as refusal:
        errors = {refusal.field if refusal.field in before else "": str(refusal)}
        status, seen = 409 if refusal.status == 409 else 422, meanwhile.carried(before, refusal)
        return _card("who", contact_id, editing=True, typed=typed, errors=errors, seen=seen, status=status)
    told = [
        _("“%(text)s” is a new choice of %(field)s; everyone can have it now.",
          text=text, field=_(field.title) if field.builtin else field.title)
        for field, text in new
    ]  # fmt: skip
    return _done("who", contact_id, " ".join([_("Saved."), *told]))


@bp.post("/<int:contact_id>/reveal")
@allow("numbers.reveal")
def reveal(contact_id: int):
    """The whole number; who looked is audited.  Not kept in any cache or address."""
    whole = contacts.reveal(rt(), contact_id, who=current_user.email)
    if htmx:
        return page("contacts/_number.html", fragment="contacts/_number.html", whole=whole)
    return _page(contact_id, whole=whole)


@bp.post("/<int:contact_id>/labels")
@allow("contacts.edit")
def label(contact_id: int):
    contacts.get(rt(), contact_id)
    made = labels.ensure(request.form.get("label", ""))
    with database.write_tx():
        labels.put(made, [contact_id], who=current_user.email)
        audit.record(current_user.email, "label.set", f"contact:{contact_id}", f"label:{made.id}")
    return _done("labels", contact_id)


@bp.post("/<int:contact_id>/labels/<int:label_id>/remove")
@allow("contacts.edit")
def unlabel(contact_id: int, label_id: int):
    contacts.get(rt(), contact_id)
    with database.write_tx():
        labels.take(labels.get(label_id), [contact_id], who=current_user.email)
        audit.record(current_user.email, "label.unset", f"contact:{contact_id}", f"label:{label_id}")
    return _done("labels", contact_id)


@bp.post("/<int:contact_id>/consent")
@allow("contacts.edit")
def record(contact_id: int):
    """Record that a person agreed or took it back, with where that comes from."""
    form = request.form
    cls = consent.parse_class(form.get("class", ""))
    try:
        contacts.set_consent(
            rt(),
            contact_id,
            cls,
            form.get("agree") == "yes",
            source=form.get("source", "")[:250],
            wording=form.get("wording", "")[:2_000],
            who=current_user.email,
        )
    except Refusal as refusal:
        if refusal.field != "source":
            raise
        return _card("consent", contact_id, asked=cls.name, error=str(refusal), typed=form, status=422)
    return _done("consent", contact_id, _("Written to the ledger."))


@bp.post("/<int:contact_id>/suppress")
@allow("contacts.edit")
def suppress(contact_id: int):
    bidx, phone_enc = _number(contact_id)
    entry = suppression.Entry(bidx, phone_enc, note=kinds.clean(request.form.get("note", ""))[:250])
    with database.write_tx():
        suppression.add(rt(), [entry], reason="manual", who=current_user.email)
        audit.record(current_user.email, "suppression.add", f"contact:{contact_id}")
    return _done("consent", contact_id, _("This number gets no texts from now on."))


@bp.post("/<int:contact_id>/release")
@allow("contacts.edit")
def release(contact_id: int):
    bidx, _phone = _number(contact_id)
    with database.write_tx():
        suppression.remove(rt(), bidx)
        audit.record(current_user.email, "suppression.remove", f"contact:{contact_id}")
    return _done("consent", contact_id, _("The number is released; consent is as before."))


@bp.post("/<int:contact_id>/erase")
@allow("contacts.edit")
def erase(contact_id: int):
    """Erase a person for good, after the last four digits were typed."""
    check_name(contacts.get(rt(), contact_id).phone[-4:], request.form.get("confirm"))
    receipt = erasing.erase(rt(), contact_id, who=current_user.email)
    flash(
        _(
            "The person is erased. The number stays suppressed, known by its keyed index only. Receipt %(n)s.",
            n=receipt,
        )
    )
    return redirect_hx(url_for("contacts.index"))


def _page(contact_id: int, *, status: int = 200, **context: Any):
    return page("contacts/show.html", status=status, **_context(contact_id), **_story(contact_id), **context)


def _card(name: str, contact_id: int, *, status: int = 200, **context: Any):
    """One card as a fragment; without htmx the whole page with that card open."""
    return page(
        "contacts/show.html",
        fragment=f"contacts/_{name}.html",
        status=status,
        **_context(contact_id),
        **({} if htmx else _story(contact_id)),
        **({"choices": _choices()} if context.get("editing") else {}),
        **context,
    )


def _done(name: str, contact_id: int, sentence: str = ""):
    """After a change: the card, with htmx; else back to the page."""
    if sentence:
        flash(sentence)
    if not htmx:
        return redirect_hx(url_for("contacts.show", contact_id=contact_id))
    return _card(name, contact_id)


def _context(contact_id: int) -> dict[str, Any]:
    """What the cards show."""
    contact = contacts.get(rt(), contact_id)
    return {
        "contact": contact,
        "values": contacts.field_values(contact_id, language()),
        "state": consent.state(contact_id),
        "suppressed": suppression.of(contact.phone_bidx),
        "reasons": suppression.REASONS,
        "marketing": MARKETING,
        "classes": list(Cls),
        "all_labels": labels.all_labels() if may("contacts.edit") else [],
        "number": numbers.of(contact_id),
        "merges": merged.of(contact_id),
        "findings": findings.of_contact(contact_id),
        "panels": panels.cards("contact", contact),
    }


def _choices() -> dict[str, list[str]]:
    """What the choice fields hold already, to pick from while typing."""
    return {
        field.key: sorted(choice_word(field.key, text, language()) for text in fields.choices(field))
        for field in fields.all_fields()
        if field.kind == "choice"
    }


def _story(contact_id: int) -> dict[str, Any]:
    """The right side: figures and the timeline."""
    # Their day, not the reader's, where their number tells it.
    known = (numbers.of(contact_id) or {}).get("zones", [])
    theirs = zone(known[0]) if len(known) == 1 else None
    seen = glance.of(contact_id, theirs or reader_zone())
    titles = [dates.format_date(clock.from_ms(clock.now_ms() - at * _MONTH_MS), "MMM", locale=locale())
              for at in range(len(seen.texts) - 1, -1, -1)]  # fmt: skip
    words = ", ".join(f"{month} {n}" for month, n in zip(titles, seen.texts, strict=True))
    return {
        **_timeline(contact_id),
        "glance": seen,
        "their_time": theirs is not None,
        "spark": charts.spark(seen.texts, title=_("Texts by month: %(months)s", months=words)),
    }


def _timeline(contact_id: int) -> dict[str, Any]:
    kinds_wanted = [kind for kind in timeline.KINDS if kind in request.args.getlist("kind")]
    items, more = timeline.page(contact_id, kinds=kinds_wanted or timeline.KINDS, before=_cursor())
    return {
        "contact_id": contact_id,
        "items": items,
        "more": ".".join(map(str, more)) if more else "",
        "kind": kinds_wanted[0] if kinds_wanted else "",
        "reason_words": suppression.REASONS,
        "why": kindwords.word,
        "first": not request.args.get("before"),
        "currency": currency(),
    }


def _cursor() -> timeline.Cursor | None:
    parts = request.args.get("before", "").split(".")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 21 for part in parts):
        return None
    return int(parts[0]), int(parts[1]), int(parts[2])


def _values(contact_id: int) -> dict[str, str]:
    """Everything that can be edited, as it stands."""
    contact = contacts.get(rt(), contact_id)
    basics = {key: getattr(contact, key) for key in contacts.BASICS}
    return basics | {field.key: value for field, value in contacts.field_values(contact_id, language())}


def _number(contact_id: int) -> tuple[bytes, bytes]:
    row = database.one("SELECT phone_bidx, phone_enc FROM contact WHERE id = ?", (contact_id,))
    if row is None:
        raise Refusal(_("This contact does not exist any more."), status=404)
    return bytes(row[0]), bytes(row[1])
