"""Pages of papers: which a vendor has, what is written on them, their files, the verdict."""

from __future__ import annotations

import tempfile

from flask import Blueprint, Response, request, send_file, url_for
from flask_security import current_user

from core.contract.errors import Refusal
from core.db.codes import Cls
from core.i18n import _
from core.sending import accounts, prices
from core.sending.dossiers import barring, files, needs, sheet, standing, store, verdict
from core.sending.dossiers.standing import Paper
from core.web import dossierview as view
from core.web.access import allow, body_limit
from core.web.forms import choices
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("dossiers", __name__, url_prefix="/providers")


@bp.get("/papers")
@allow("view")
def index():
    return page(
        "dossiers/index.html", rows=view.table(), badge=view.verdict_badge, asked=barring.asked_for(Cls.mass),
        brief=sheet.brief,
    )  # fmt: skip


# --- one account --------------------------------------------------------------------------------------


@bp.get("/<int:account_id>/papers")
@allow("view")
def show(account_id: int):
    return _show(account_id)


def _show(account_id: int, status: int = 200, company=None, judged=None):
    account, found = accounts.get(account_id), standing.of_account(account_id)
    if found is None:
        seen = sorted({line.country for line in prices.table(account.id) if line.country})
        form = company or view.CompanyForm(
            formdata=None,
            data={"company": account.name, "countries": " ".join(seen or [rt().settings.default_region])},
        )
        return page(
            "dossiers/begin.html", status=status, account=account, form=form, others=standing.every(),
            exempt=account.provider in barring.EXEMPT,
        )  # fmt: skip
    company = company or view.CompanyForm(
        formdata=None, data={"company": found.company, "countries": " ".join(found.countries)}
    )
    areas: dict[str, list[Paper]] = {}
    for one in found.papers:
        areas.setdefault(one.need.area, []).append(one)
    return page(
        "dossiers/show.html", status=status, account=account, found=found, areas=areas, company=company,
        judged=judged or _verdict_form(fresh=True), badge=view.verdict_badge(found), state_badge=view.state_badge,
        area_word=view.area_word, event_words=view.event_words, events=store.events(found.id, most=30),
        lacks=barring.lacks(found), general_only=view.general_only(found), asked=barring.asked_for(Cls.mass),
        unchecked=view.unchecked(found),
    )  # fmt: skip


def _verdict_form(*, fresh: bool = False) -> view.VerdictForm:
    form = view.VerdictForm(formdata=None) if fresh else view.VerdictForm()
    form.verdict.choices = choices((word, view.verdict_word(word)) for word in verdict.WORDS)
    return form


@bp.post("/<int:account_id>/papers")
@allow("providers.edit")
def begin(account_id: int):
    other = request.form.get("dossier", type=int)
    if other:
        store.share(account_id, other, current_user.email)
        return _back(account_id, _("These papers stand for this account, too."))
    form = view.CompanyForm()
    if form.validate_on_submit() and form.attempt(
        store.begin, account_id, form.company.data, _codes(form), current_user.email
    ):
        return _back(account_id, _("Begun. Add the papers one by one."))
    return _show(account_id, 422, company=form)


@bp.post("/<int:account_id>/papers/company")
@allow("providers.edit")
def edit(account_id: int):
    found, form = store.of_account(account_id), view.CompanyForm()
    if form.validate_on_submit() and form.attempt(
        store.edit, found.id, form.company.data, _codes(form), current_user.email
    ):
        return _back(account_id, _("Saved."))
    return _show(account_id, 422, company=form)


def _codes(form: view.CompanyForm) -> list[str]:
    return form.countries.data.replace(",", " ").replace("、", " ").replace("，", " ").split()


@bp.post("/<int:account_id>/papers/leave")
@allow("providers.edit")
def leave(account_id: int):
    store.leave(account_id, current_user.email)
    return _back(account_id, _("These papers stand for this account no more; they are kept."))


@bp.post("/<int:account_id>/papers/verdict")
@allow("providers.edit")
def judge(account_id: int):
    found, form = store.of_account(account_id), _verdict_form()
    until = form.until.data.isoformat() if form.until.data else request.form.get("until", "")
    if form.validate_on_submit() and form.attempt(
        verdict.give, found.id, form.verdict.data, form.note.data or "", until, current_user.email
    ):
        return _back(account_id, _("The verdict is written down."))
    return _show(account_id, 422, judged=form)


def _back(account_id: int, words: str, anchor: str = ""):
    flash(words)
    return redirect_hx(url_for(".show", account_id=account_id) + anchor)


@bp.post("/<int:account_id>/papers/print")
@allow("providers.edit")
def printed(account_id: int):
    """The whole dossier as one page, attached, so that its own style sheet need not pass this site's policy."""
    text = view.html(sheet.whole(store.of_account(account_id), current_user.email))
    return _attached(text.encode(), "text/html; charset=utf-8", f"papers-{account_id}.html")


@bp.post("/<int:account_id>/papers/zip")
@allow("providers.edit")
def zipped(account_id: int):
    found = store.of_account(account_id)
    # Closed by the response; on disk above 8 MB, so that a hundred scans are not held in memory.
    out = tempfile.SpooledTemporaryFile(max_size=8 << 20)  # noqa: SIM115
    sheet.pack(rt(), found, out, view.html, view.as_json, current_user.email)
    out.seek(0)
    return send_file(out, "application/zip", as_attachment=True, download_name=f"papers-{account_id}.zip")


# --- one paper ----------------------------------------------------------------------------------------


@bp.get("/<int:account_id>/papers/<area>/<kind>")
@allow("view")
def paper(account_id: int, area: str, kind: str):
    return _paper(account_id, f"{area}/{kind}")


def _paper(account_id: int, key: str, status: int = 200, form=None):
    found = store.of_account(account_id)
    one = store.paper(found, key)
    values = {name: getattr(one, name) for name in (*store.TEXTS, *store.DAYS)}
    form = form or view.PaperForm(formdata=None, data=values | {"register": sheet.where(one)})
    return page(
        "dossiers/paper.html", status=status, account=accounts.get(account_id), found=found, one=one, form=form,
        badge=view.state_badge(one), area_word=view.area_word, where=sheet.where(one), ways=one.need.key.split("/"),
        events=store.events(found.id, key, 30), event_words=view.event_words, most=files.MAX_BYTES >> 20,
    )  # fmt: skip


@bp.post("/<int:account_id>/papers/<area>/<kind>")
@allow("providers.edit")
@body_limit(32)
def save(account_id: int, area: str, kind: str):
    """Values and files in one go: all of it is kept, or nothing."""
    key, found, form = f"{area}/{kind}", store.of_account(account_id), view.PaperForm()
    one = store.paper(found, key)
    given = {name: getattr(form, name).data or "" for name in (*store.TEXTS, *store.DAYS)}
    if given["register"] == str(one.need.register):
        given["register"] = ""
    sent = [file for file in request.files.getlist("file") if file.filename]

    def work() -> None:
        uploads = [files.looked_at(file.filename, file.read(files.MAX_BYTES + 1)) for file in sent]
        store.save(rt(), found.id, key, given, current_user.email, uploads)

    if form.validate_on_submit() and form.attempt(work):
        flash(_("Saved."))
        return redirect_hx(url_for(".paper", account_id=account_id, area=area, kind=kind))
    return _paper(account_id, key, 422, form)


@bp.post("/<int:account_id>/papers/<area>/<kind>/check")
@allow("providers.edit")
def check(account_id: int, area: str, kind: str):
    store.check(
        store.of_account(account_id).id, f"{area}/{kind}", current_user.email, "undo" not in request.form
    )
    return redirect_hx(url_for(".paper", account_id=account_id, area=area, kind=kind))


@bp.post("/<int:account_id>/papers/files/<int:file_id>")
@allow("providers.edit")
def download(account_id: int, file_id: int):
    """A file, attached; audited."""
    name, media, content = store.content(rt(), store.of_account(account_id), file_id, current_user.email)
    return _attached(content, media, name)


@bp.post("/<int:account_id>/papers/files/<int:file_id>/<any(remove, restore):deed>")
@allow("providers.edit")
def undo(account_id: int, file_id: int, deed: str):
    """Take an upload back, or put it back."""
    found, place = store.of_account(account_id), _place(request.form.get("paper", ""))
    if deed == "remove":
        store.take_back(found.id, file_id, current_user.email)
        flash(_("The file counts no more. It can be put back for 30 days."), "info")
    else:
        store.put_back(found.id, file_id, current_user.email)
        flash(_("The file is back."))
    return redirect_hx(url_for(".paper", account_id=account_id, **place))


def _place(key: str) -> dict[str, str]:
    area, _slash, kind = key.partition("/")
    if not kind:
        raise Refusal(_("Say which paper."), status=400)
    return {"area": area, "kind": kind}


def _attached(content: bytes, media: str, name: str) -> Response:
    answer = Response(content, content_type=media)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


# --- which papers -------------------------------------------------------------------------------------


@bp.get("/papers/kinds")
@allow("view")
def kinds():
    return _kinds()


def _kinds(status: int = 200, key: str = "", form=None):
    key = key or request.args.get("paper", "")
    one = needs.get(key) if key else None
    if one and form is None:
        form = view.NeedForm(formdata=None, data=needs.as_dict(one))
    areas: dict[str, list] = {area: [] for area in needs.AREAS}
    for each in needs.every():
        areas[each.area].append(each)
    return page(
        "dossiers/kinds.html", status=status, areas=areas, area_word=view.area_word, one=one, form=form,
        fresh=form if form and not one else _own(),
    )  # fmt: skip


def _own() -> view.NeedForm:
    start = {"required": True, "document": True, "as_of": standing.today().isoformat()}
    return view.NeedForm(formdata=None, data=start)


@bp.post("/papers/kinds")
@allow("providers.edit")
def save_kind():
    form, key = view.NeedForm(), request.form.get("paper", "")
    given = {name: field.data for name, field in form._fields.items() if name != "csrf_token"}

    def work() -> None:
        if key:
            needs.edit(key, given, current_user.email)
        else:
            needs.add(request.form.get("area", ""), given, current_user.email)

    if form.validate_on_submit() and form.attempt(work):
        flash(_("Saved."))
        return redirect_hx(url_for(".kinds"))
    return _kinds(422, key, form)


@bp.post("/papers/kinds/reset")
@allow("providers.edit")
def reset_kind():
    needs.reset(request.form.get("paper", ""), current_user.email)
    flash(_("As it was shipped; papers of your own are gone from the list, their files are kept."), "info")
    return redirect_hx(url_for(".kinds"))
