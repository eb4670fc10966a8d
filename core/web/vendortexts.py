"""Pages of templates at vendors: one template at its vendors, and what one vendor has."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.content import templates
from core.content.vendortexts import match, store
from core.contract.errors import Refusal
from core.db.codes import Cls
from core.db.models import Account, Template
from core.i18n import _, _n
from core.sending import accounts, vendorsync
from core.web import vendorview as view
from core.web.access import allow
from core.web.editor import language_name
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("vendortexts", __name__)


# --- one template of ours -----------------------------------------------------------------------------


@bp.get("/templates/<int:template_id>/vendor")
@allow("view")
def template(template_id: int):
    """All cards; with htmx and `account`, only that one, after another vendor template was chosen."""
    ours = templates.find_by_id(template_id)
    account_id, code = request.args.get("account", type=int), request.args.get("code")
    if account_id is not None and code is not None:
        made = _pair(ours, _lang(ours, request.args.get("lang", "")), account_id, code=code)
        if request.headers.get("HX-Request"):
            return page(
                "vendortexts/_pair.html", fragment="vendortexts/_pair.html", **_context(ours, pair=made)
            )
        return _template(ours, made)
    return _template(ours)


@bp.post("/templates/<int:template_id>/vendor/map")
@allow("templates.edit")
def put(template_id: int):
    ours, form = templates.find_by_id(template_id), request.form
    lang, account_id, code = _lang(ours, form.get("lang", "")), _account_id(), form.get("code", "")
    params = {name.removeprefix("p-"): text for name, text in form.items() if name.startswith("p-")}
    try:
        store.put(
            rt(), ours.id, lang, account_id, code, form.get("signature", ""), params, current_user.email
        )
    except Refusal as refusal:
        made = _pair(ours, lang, account_id, code=code, typed=form)
        made.error = str(refusal)
        return _template(ours, made, status=422)
    flash(_("Saved. Campaigns that are already launched keep what they had."))
    return redirect_hx(url_for("vendortexts.template", template_id=ours.id))


@bp.post("/templates/<int:template_id>/vendor/unmap")
@allow("templates.edit")
def remove(template_id: int):
    ours = templates.find_by_id(template_id)
    lang = _lang(ours, request.form.get("lang", ""))
    store.remove(rt(), ours.id, lang, _account_id(), current_user.email)
    flash(_("The text is no vendor template there any more."), "info")
    return redirect_hx(url_for("vendortexts.template", template_id=ours.id))


@bp.post("/templates/<int:template_id>/vendor/submit")
@allow("templates.edit")
def submit(template_id: int):
    """Hand the words in; a deed of a person, so the page calls the vendor."""
    ours, form = templates.find_by_id(template_id), request.form
    lang, account_id = _lang(ours, form.get("lang", "")), _account_id()
    made = _pair(ours, lang, account_id)
    try:
        code = vendorsync.submit(
            rt(), ours.id, lang, account_id, name=ours.name, kind=Cls(ours.cls).name, body=made.body,
            signature=form.get("signature", "") or match.signed(made.body)[0], note=form.get("note", ""),
            who=current_user.email,
        )  # fmt: skip
    except Refusal as refusal:
        made.error = str(refusal)
        return _template(ours, made, status=422)
    flash(
        _("Handed in as %(code)s. The vendor usually answers within two hours of its working day.", code=code)
    )
    return redirect_hx(url_for("vendortexts.template", template_id=ours.id))


def _template(ours: Template, changed: view.Pair | None = None, status: int = 200):
    pairs = [
        changed
        if changed and (changed.account.id, changed.lang) == (account.id, lang)
        else view.pair(rt(), ours, lang, text.body, account)
        for account in store.needing(rt()).values()
        for lang, text in templates.texts(ours.id).items()
    ]
    return page("vendortexts/template.html", status=status, **_context(ours, pairs=pairs))


def _context(ours: Template, **more):
    return {
        "saved": ours,
        "cls": Cls(ours.cls).name,
        "language_name": language_name,
        "at_vendor": True,
        **more,
    }


def _pair(ours: Template, lang: str, account_id: int, **more) -> view.Pair:
    body = templates.texts(ours.id)[lang].body
    return view.pair(rt(), ours, lang, body, _needing(account_id), **more)


def _lang(ours: Template, lang: str) -> str:
    texts = templates.texts(ours.id)
    if lang not in texts:
        raise Refusal(_("“%(name)s” has no text in %(lang)s.", name=ours.name, lang=lang[:20]), status=404)
    return lang


def _account_id() -> int:
    return request.form.get("account", 0, type=int)


def _needing(account_id: int) -> Account:
    found = store.needing(rt()).get(account_id)
    if found is None:
        raise Refusal(_("This provider knows no templates."), field="account", status=404)
    return found


# --- one account --------------------------------------------------------------------------------------


@bp.get("/providers/<int:account_id>/templates")
@allow("view")
def account(account_id: int):
    found = _needing(accounts.get(account_id).id)
    state = request.args.get("state", "")
    rows = store.templates(found.id, state if state in view.STATES else "")
    return page(
        "vendortexts/account.html", account=found, rows=rows[: view.SHOWN], more=len(rows) > view.SHOWN,
        state=state, counts=view.counts(found.id), marks=store.signatures(found.id),
        last=vendorsync.last(found.id), uses=view.uses(found.id), now_title=view.title(rt(), found),
    )  # fmt: skip


@bp.post("/providers/<int:account_id>/templates/sync")
@allow("templates.edit")
def sync(account_id: int):
    """Fetch the lists now; a deed of a person."""
    found = _needing(account_id)
    try:
        n, marks = vendorsync.sync(rt(), found.id, current_user.email)
    except Refusal as refusal:
        flash(str(refusal), "bad")
    else:
        flash(
            _(
                "Fetched: %(texts)s, %(marks)s.",
                texts=_n("%(n)s template", "%(n)s templates", n),
                marks=_n("%(n)s signature", "%(n)s signatures", marks),
            )
        )
    return redirect_hx(url_for("vendortexts.account", account_id=found.id))
