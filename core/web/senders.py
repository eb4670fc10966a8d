"""Providers → Senders: pools of sender numbers and names, with their rates and caps."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from flask_security import current_user
from wtforms import BooleanField, FloatField, IntegerField, SelectField, StringField
from wtforms import validators as v

from core.i18n import _, _l
from core.sending import accounts
from core.sending.routes import senders
from core.web.access import allow
from core.web.forms import Form, choices, tidy
from core.web.render import flash, page, redirect_hx, rt
from core.web.routeview import listed

bp = Blueprint("senders", __name__, url_prefix="/providers/senders")


class SenderForm(Form):
    """One sender; a new name of a pool makes the pool."""

    pool = StringField(
        _l("Pool"), [v.InputRequired(), v.Length(max=60)], filters=[tidy], render_kw={"list": "pools"},
        description=_l("Senders of a pool stand for each other; a new name makes a new pool."),
    )  # fmt: skip
    sticky = BooleanField(_l("A contact keeps the sender that texted it last"), default=True)
    account = SelectField(_l("Account"), coerce=int)
    sender = StringField(_l("Number or name"), [v.InputRequired(), v.Length(max=40)], filters=[tidy])
    rate = FloatField(_l("Texts a second at most"), [v.Optional(), v.NumberRange(0.001, 1_000_000)])
    cap = IntegerField(
        _l("Texts a day at most"), [v.Optional(), v.NumberRange(1, 1_000_000_000)],
        description=_l("Then the others of the pool take over; when all are used up, messages wait for tomorrow."),
    )  # fmt: skip
    countries = StringField(
        _l("Countries"), [v.Optional(), v.Length(max=1000)], filters=[tidy],
        description=_l("Two letters each, such as CN, HK; empty for all."),
    )  # fmt: skip
    enabled = BooleanField(_l("In use"), default=True)


@bp.get("")
@allow("view")
def index():
    pools = [
        (pool, [each for each in senders.every(rt()) if each.pool_id == pool.id]) for pool in senders.pools()
    ]
    return page("routes/senders.html", pools=pools, accounts=bool(accounts.every()))


@bp.get("/new")
@allow("providers.edit")
def new():
    return _page(_form(pool=request.args.get("pool", "")))


@bp.post("/new")
@allow("providers.edit")
def create():
    return _save(_form(), None)


@bp.get("/<int:sender_id>")
@allow("providers.edit")
def show(sender_id: int):
    found = senders.get(rt(), sender_id)
    pool = senders.pool(found.pool_id)
    account_id = next((a.id for a in accounts.every() if a.name == found.account), 0)
    form = _form(
        pool=pool.name, sticky=pool.sticky, account=account_id, sender=found.sender, rate=found.rate_per_s,
        cap=found.daily_cap, countries=", ".join(found.countries), enabled=found.enabled,
    )  # fmt: skip
    return _page(form, found)


@bp.post("/<int:sender_id>")
@allow("providers.edit")
def save(sender_id: int):
    return _save(_form(), senders.get(rt(), sender_id))


def _form(**values: Any) -> SenderForm:
    form = SenderForm(**values)
    form.account.choices = choices((account.id, account.name) for account in accounts.every())
    return form


def _page(form: SenderForm, found: senders.Shown | None = None, status: int = 200):
    return page(
        "routes/sender.html",
        status=status,
        form=form,
        found=found,
        pools=[each.name for each in senders.pools()],
    )


def _save(form: SenderForm, found: senders.Shown | None):
    def work() -> None:
        pool = senders.put_pool(form.pool.data or "", form.sticky.data, who=current_user.email)
        senders.put(
            rt(), pool.id, form.account.data, form.sender.data or "", sender_id=found.id if found else None,
            rate=form.rate.data, cap=form.cap.data, only=listed(form.countries.data), enabled=form.enabled.data,
            who=current_user.email,
        )  # fmt: skip

    if not (form.validate() and form.attempt(work)):
        return _page(form, found, 422)
    flash(_("Saved."))
    return redirect_hx(url_for("senders.index"))


@bp.post("/<int:sender_id>/switch")
@allow("providers.edit")
def switch(sender_id: int):
    senders.switch(rt(), sender_id, request.form.get("on") == "1", who=current_user.email)
    return redirect_hx(url_for("senders.index"))


@bp.post("/<int:sender_id>/remove")
@allow("providers.edit")
def remove(sender_id: int):
    gone = senders.remove(rt(), sender_id, who=current_user.email)
    flash(_("Sender %(name)s is removed.", name=gone.sender))
    return redirect_hx(url_for("senders.index"))


@bp.post("/pools/<int:pool_id>/remove")
@allow("providers.edit")
def remove_pool(pool_id: int):
    gone = senders.pool(pool_id)
    senders.remove_pool(pool_id, who=current_user.email)
    flash(_("Pool %(name)s is removed.", name=gone.name))
    return redirect_hx(url_for("senders.index"))
