"""Settings → Shops and sites: where events come from, and what of a payload means what."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from flask_security import current_user
from wtforms import PasswordField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional

from core.audience import events
from core.audience.sources import hooks, mapping, notes, store
from core.audience.sources.presets import PRESETS
from core.contract.errors import Refusal
from core.db import database
from core.db.models import EventSource
from core.i18n import _, _l
from core.security import audit
from core.web.access import allow
from core.web.forms import Form, choices, tidy
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("sources", __name__, url_prefix="/settings/sources")

#: Fields of one event of a mapping, in the order of the form, with their words.
RULE = (
    ("topics", _l("Topics")),
    ("each", _l("One for each element of")),
    ("when", _l("Only when")),
    ("words", _l("is one of")),
    ("key", _l("Key")),
    ("at", _l("Time")),
    ("amount", _l("Amount")),
    ("times", _l("times")),
    ("currency", _l("Currency")),
    ("item", _l("Item")),
    ("category", _l("Category")),
    ("number", _l("Order number")),
)


class _Source(Form):
    name = StringField(_l("Name of the source"), [DataRequired(), Length(max=60)], filters=[tidy])
    secret = PasswordField(_l("Secret"), [Optional(), Length(max=200)], filters=[tidy])
    region = StringField(
        _l("Country of numbers without one"), [Optional(), Length(max=2)], filters=[tidy],
        description=_l("Two letters such as CN; used when a payload does not say."),
    )  # fmt: skip
    origins = TextAreaField(
        _l("Addresses of the site"), [Optional(), Length(max=2000)],
        description=_l("One a line, such as https://shop.example."),
    )  # fmt: skip
    types = SelectMultipleField(
        _l("What its pages may send"),
        description=_l("Anyone can imitate a page, so leave out what is about money."),
    )


def _form(source: EventSource | None = None, **values: Any) -> _Source:
    form = _Source(**values)
    form.types.choices = choices((key, title) for key, (_id, title) in events.types().items())
    return form


@bp.get("")
@allow("view")
def index():
    return page("sources/index.html", sources=store.every(), presets=PRESETS, site=store.SITE)


@bp.get("/new/<kind>")
@allow("settings.edit")
def new(kind: str):
    _known(kind)
    titles = {key: str(preset.title) for key, preset in PRESETS.items()}
    form = _form(name=titles.get(kind, _("Our site")), types=list(store.SITE_TYPES))
    return page("sources/new.html", form=form, kind=kind, preset=PRESETS.get(kind))


@bp.post("/new/<kind>")
@allow("settings.edit")
def create(kind: str):
    _known(kind)
    form = _form()
    made: list[EventSource] = []

    def make():
        made.append(
            store.create(
                rt(), form.name.data, kind, secret=form.secret.data or "", region=form.region.data or "",
                origins=form.origins.data or "", who=current_user.email,
            )
        )  # fmt: skip

    if form.validate() and form.attempt(make):
        flash(_("%(name)s is ready; now tell the other side.", name=made[0].name))
        return redirect_hx(url_for("sources.show", source_id=made[0].id))
    return page("sources/new.html", status=422, form=form, kind=kind, preset=PRESETS.get(kind))


@bp.get("/<int:source_id>")
@allow("view")
def show(source_id: int):
    return _show(store.get(source_id))


def _show(source: EventSource, status: int = 200, **more: Any):
    plan = store.plan_of(source)
    form = more.pop("form", None) or _form(
        name=source.name, region=source.region, origins="\n".join(plan.get("origins", ())),
        types=plan.get("types", []),
    )  # fmt: skip
    sample = store.sample_of(rt(), source) if source.kind != store.SITE else None
    return page(
        "sources/show.html", status=status, source=source, form=form, plan=more.pop("plan", plan), rule=RULE,
        preset=PRESETS.get(source.kind), site=source.kind == store.SITE, calls=store.calls(source.id),
        note_words=notes.words, address=_address(source), types=events.types(), sample=sample,
        leaves=mapping.leaves(sample["data"]) if sample else [], **more,
    )  # fmt: skip


def _address(source: EventSource) -> str:
    kind, end = ("t", ".js") if source.kind == store.SITE else ("in", "")
    return f"{rt().settings.public_url}/{kind}/{source.token}{end}"


@bp.post("/<int:source_id>")
@allow("settings.edit")
def save(source_id: int):
    """Save, or with `try` only say what the last payload would become."""
    source, form = store.get(source_id), _form()
    if source.kind == store.SITE:
        return _save_site(source, form)
    plan = _typed_plan()
    try:
        plan = mapping.checked(plan, events.types())
        if "try" in request.form:
            return _show(source, form=form, plan=plan, tried=_tried(source, plan))
        if form.validate():
            store.edit(
                rt(), source, name=form.name.data, region=form.region.data or "", plan=plan,
                secret=form.secret.data or "", who=current_user.email,
            )  # fmt: skip
            flash(_("Saved."))
            return redirect_hx(url_for("sources.show", source_id=source.id))
    except Refusal as refusal:
        form.refuse(refusal)
    return _show(source, 422, form=form, plan=plan)


def _save_site(source: EventSource, form: _Source):
    def keep():
        plan = store.site_plan(form.origins.data or "", tuple(form.types.data or ()))
        store.edit(
            rt(), source, name=form.name.data, region="", plan=plan, secret=form.secret.data or "",
            who=current_user.email,
        )  # fmt: skip

    if form.validate() and form.attempt(keep):
        flash(_("Saved."))
        return redirect_hx(url_for("sources.show", source_id=source.id))
    return _show(source, 422, form=form)


def _typed_plan() -> dict[str, Any]:
    """The mapping as it stands in the form; rules without a type are left out."""
    form = request.form
    plan: dict[str, Any] = {name: form.get(name, "") for name in ("phone", "country", "order")}
    numbers = range(mapping.MOST_RULES + 1)
    rules = [
        {name: form.get(f"events-{i}-{name}", "") for name in ("type", *(name for name, _words in RULE))}
        for i in numbers
    ]
    return plan | {"events": [rule for rule in rules if rule["type"]]}


def _tried(source: EventSource, plan: dict[str, Any]) -> list[tuple[Any, str]]:
    sample = store.sample_of(rt(), source)
    if not sample:
        raise Refusal(_("No payload came yet; send one order from the shop first."))
    return hooks.read(rt(), source, sample["data"], sample["topic"], plan, keep=False)


@bp.post("/<int:source_id>/secret")
@allow("settings.edit")
def secret(source_id: int):
    """Show the secret once more, for the other side; noted."""
    source = store.get(source_id)
    with database.write_tx():
        audit.record(current_user.email, "source.secret", source.name)
    return _show(source, secret=store.secret_of(rt(), source))


@bp.post("/<int:source_id>/switch")
@allow("settings.edit")
def switch(source_id: int):
    source = store.get(source_id)
    store.switch(source, not source.enabled, who=current_user.email)
    return redirect_hx(url_for("sources.show", source_id=source.id))


@bp.post("/<int:source_id>/remove")
@allow("settings.edit")
def remove(source_id: int):
    source = store.get(source_id)
    store.remove(source, who=current_user.email)
    flash(_("%(name)s was removed; the events it brought stay.", name=source.name), "info")
    return redirect_hx(url_for("sources.index"))


def _known(kind: str) -> None:
    if kind not in PRESETS and kind != store.SITE:
        raise Refusal(_("There is no kind of source “%(kind)s”.", kind=kind), status=404)
