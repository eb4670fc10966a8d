"""Pages of accounts: which providers are configured, how they do, and their settings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.contract.errors import ProviderError, Refusal
from core.db.codes import Cls
from core.i18n import _, _n
from core.sending import accounts, balances, direct, messages, prices
from core.sending.dossiers import barring, sheet, standing
from core.web import accountview as view
from core.web import choosing, dossierview
from core.web.access import allow
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("providers", __name__, url_prefix="/providers")


@bp.get("")
@allow("view")
def index():
    states = dossierview.states()
    cards = [view.card(rt(), account) | {"papers": states.get(account.id)} for account in accounts.every()]
    return page("providers/index.html", cards=sorted(cards, key=lambda card: card["state"] == "off"))


# --- adding and changing ------------------------------------------------------------------------------


@bp.get("/new")
@allow("providers.edit")
def choose():
    words = request.args.get("q", "").strip()
    return page(
        "providers/choose.html",
        fragment="providers/_choices.html",
        groups=choosing.groups(rt(), words),
        words=words,
    )


@bp.get("/new/<provider>")
@allow("providers.edit")
def new(provider: str):
    form = view.AccountForm(name=_free_name(provider))
    return _form(form, view.settings_form(rt(), provider), provider)


@bp.post("/new/<provider>")
@allow("providers.edit")
def create(provider: str):
    form, settings = view.AccountForm(), view.settings_form(rt(), provider, typed=request.form)
    if form.validate() & settings.validate():
        try:
            made = accounts.create(
                rt(), form.name.data, provider, view.given(settings, request.form),
                sender=form.sender.data or "", rate_per_s=form.rate.data, who=current_user.email,
            )  # fmt: skip
        except Refusal as refusal:
            view.beside(refusal, form, settings)
        else:
            flash(_("%(name)s is ready; send yourself a text to try it.", name=made.name))
            return redirect_hx(url_for("providers.show", account_id=made.id))
    return _form(form, settings, provider, status=422)


@bp.get("/<int:account_id>/settings")
@allow("providers.edit")
def settings(account_id: int):
    account = accounts.get(account_id)
    form = view.AccountForm(name=account.name, sender=account.sender, rate=account.rate_per_s)
    stored = accounts.settings_of(rt(), account)
    return _form(form, view.settings_form(rt(), account.provider, stored), account.provider, account)


@bp.post("/<int:account_id>/settings")
@allow("providers.edit")
def save(account_id: int):
    account = accounts.get(account_id)
    stored = accounts.settings_of(rt(), account)
    form = view.AccountForm()
    settings = view.settings_form(rt(), account.provider, stored, typed=request.form)
    if form.validate() & settings.validate():
        try:
            accounts.edit(
                rt(), account, view.given(settings, request.form, keep_secrets=True),
                name=form.name.data, sender=form.sender.data or "", rate_per_s=form.rate.data, who=current_user.email,
            )  # fmt: skip
        except Refusal as refusal:
            view.beside(refusal, form, settings)
        else:
            flash(_("Saved."))
            return redirect_hx(url_for("providers.show", account_id=account.id))
    return _form(form, settings, account.provider, account, status=422)


def _form(form, settings, provider: str, account=None, status: int = 200):
    for field in settings:
        if getattr(field, "secret", False):
            field.data = ""  # not even what was just typed travels back
    return page(
        "providers/form.html", status=status, form=form, settings=settings, account=account,
        provider=rt().plugins.providers.get(provider),
    )  # fmt: skip


def _free_name(provider: str) -> str:
    taken = {account.name for account in accounts.every()}
    names = [provider, *(f"{provider} {n}" for n in range(2, 1000))]
    return next(name for name in names if name not in taken)


# --- one account --------------------------------------------------------------------------------------


@bp.get("/<int:account_id>")
@allow("view")
def show(account_id: int):
    return _show(accounts.get(account_id))


def _show(account, status: int = 200, **more: Any):
    sent = request.args.get("sent", type=int)
    return page(
        "providers/show.html", status=status, **view.details(rt(), account), **_papers(account),
        sent=direct.show(rt(), sent) if sent else None, classes=list(Cls), **more,
    )  # fmt: skip


def _papers(account) -> dict[str, Any]:
    """What `providers/_papers.html` shows."""
    found = standing.of_account(account.id)
    return {
        "dossier": found,
        "brief": sheet.brief(found) if found else None,
        "verdict_mark": dossierview.verdict_badge(found) if found else None,
        "exempt": account.provider in barring.EXEMPT,
    }


@bp.get("/<int:account_id>/recent")
@allow("view")
def recent(account_id: int):
    """The newest messages; by a request of its own, because a quiet account's may be far back."""
    accounts.get(account_id)
    rows = messages.page(rt(), messages.Filter(account_id=account_id)).rows[:12]
    return page("providers/_recent.html", fragment="providers/_recent.html", rows=rows)


@bp.get("/<int:account_id>/sent/<int:message_id>")
@allow("providers.edit")
def sent(account_id: int, message_id: int):
    """What became of a test text, while the page waits for it."""
    account = accounts.get(account_id)
    made = direct.show(rt(), message_id)
    return page("providers/_sent.html", fragment="providers/_sent.html", account=account, sent=made)


@bp.get("/<int:account_id>/test")
@bp.get("/<int:account_id>/prices")
@bp.get("/<int:account_id>/prices/file")
@allow("view")
def again(account_id: int):
    """The addresses that answer with the page of the account, loaded anew."""
    return redirect_hx(url_for("providers.show", account_id=accounts.get(account_id).id))


@bp.post("/<int:account_id>/test")
@allow("providers.edit")
def test(account_id: int):
    account = accounts.get(account_id)
    to, text = request.form.get("to", ""), request.form.get("text", "")
    try:
        made = direct.send(rt(), to, Cls.notice, text, account.id, None, current_user.email)
    except Refusal as refusal:
        wrong = "text" if refusal.field == "text" else "to"
        return _show(
            account, status=422, test_error=str(refusal), test_to=to, test_text=text, test_wrong=wrong
        )
    return redirect_hx(url_for("providers.show", account_id=account.id, sent=made["message_id"]) + "#test")


@bp.post("/<int:account_id>/on")
@allow("providers.edit")
def on(account_id: int):
    account = accounts.get(account_id)
    accounts.switch(account, True, who=current_user.email)
    flash(_("%(name)s is used again.", name=account.name))
    return redirect_hx(url_for("providers.show", account_id=account.id))


@bp.post("/<int:account_id>/off")
@allow("providers.edit")
def off(account_id: int):
    account = accounts.get(account_id)
    accounts.switch(account, False, who=current_user.email)
    flash(_("%(name)s is switched off; messages that need it wait.", name=account.name), "warn")
    return redirect_hx(url_for("providers.show", account_id=account.id))


@bp.post("/<int:account_id>/balance")
@allow("providers.edit")
def balance(account_id: int):
    """Ask what is left; a deed of a person, so the one call of a provider a page makes."""
    account = accounts.get(account_id)
    try:
        left = balances.ask(rt(), account)
    except ProviderError as error:
        flash(_("The provider did not tell: %(why)s", why=str(error)), "bad")
    else:
        if left is None:
            flash(_("This provider does not tell a balance."), "info")
    return redirect_hx(url_for("providers.show", account_id=account.id))


@bp.post("/<int:account_id>/balance/alarm")
@allow("providers.edit")
def balance_alarm(account_id: int):
    """When to say that it runs low."""
    account, form = accounts.get(account_id), request.form
    balances.set_alarm(account, form.get("amount", ""), form.get("days", ""), who=current_user.email)
    flash(_("Saved."))
    return redirect_hx(url_for("providers.show", account_id=account.id) + "#balance")


# --- prices -------------------------------------------------------------------------------------------


@bp.post("/<int:account_id>/prices")
@allow("providers.edit")
def add_price(account_id: int):
    account, form = accounts.get(account_id), request.form
    try:
        line = prices.line_of(
            form.get("country", ""), form.get("class", ""), form.get("price", ""), form.get("currency", ""),
            form.get("from", ""),
        )  # fmt: skip
        prices.put(account.id, [line], who=current_user.email)
    except Refusal as refusal:
        return _show(
            account, status=422, price_error=str(refusal), typed_price=form, price_wrong=refusal.field
        )
    flash(_("The price is in the table."))
    return redirect_hx(url_for("providers.show", account_id=account.id) + "#prices")


@bp.post("/<int:account_id>/prices/file")
@allow("providers.edit")
def upload_prices(account_id: int):
    account, file = accounts.get(account_id), request.files.get("file")
    try:
        text = file.read().decode("utf-8-sig") if file else ""
        n = prices.put(account.id, prices.read_csv(text), who=current_user.email)
    except UnicodeDecodeError:
        why = _("The file is not UTF-8 text; save it as CSV UTF-8.")
        return _show(account, status=422, file_error=why)
    except Refusal as refusal:
        return _show(account, status=422, file_error=str(refusal))
    flash(_n("%(n)s price is in the table.", "%(n)s prices are in the table.", n))
    return redirect_hx(url_for("providers.show", account_id=account.id) + "#prices")


@bp.post("/<int:account_id>/prices/remove")
@allow("providers.edit")
def remove_price(account_id: int):
    account, form = accounts.get(account_id), request.form
    cls, since = form.get("cls", type=int), form.get("from_at", type=int)
    if cls is None or since is None:
        raise Refusal(_("Say which price to remove."), status=400)
    prices.remove(account.id, form.get("country", ""), cls, since, who=current_user.email)
    return redirect_hx(url_for("providers.show", account_id=account.id) + "#prices")
