"""The steps of a trial before its start: what to find out → accounts → phones → hours → size → confirm.

Each step is a page of its own with a plain form; what is entered is in the draft before the next step opens.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Blueprint, request, url_for
from flask_security import current_user

from core import amounts
from core.contract.errors import Refusal
from core.db.models import Trial
from core.i18n import _, _n
from core.measure.trials import phones, plan, run, words
from core.web import trialsize, trialwords
from core.web.access import allow
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("steps", __name__)

STEPS = ("functions", "accounts", "phones", "hours", "size", "confirm")


def first_open(trial: Trial) -> str:
    """The first step that lacks something."""
    wanted = plan.of(trial)
    if not wanted.accounts:
        return "accounts"
    if not phones.of(rt(), trial.id) or not wanted.agreed:
        return "phones"
    return "confirm" if wanted.texts else "hours"


def _rail(trial: Trial | None, current: str) -> list[tuple[str, str, str | None, str]]:
    titles = {
        "functions": _("What to find out"), "accounts": _("Accounts"), "phones": _("Phones"), "hours": _("Hours"),
        "size": _("Size and cost"), "confirm": _("Confirm"),
    }  # fmt: skip
    wanted = plan.of(trial) if trial else None
    done = {
        "functions": trial is not None,
        "accounts": bool(wanted and wanted.accounts),
        "phones": bool(trial and wanted.agreed and phones.of(rt(), trial.id)),
        "hours": bool(wanted and (wanted.texts or current in ("size", "confirm"))),
        "size": bool(wanted and wanted.texts),
        "confirm": False,
    }
    return [
        (
            step, titles[step], url_for(f"trials.steps.{step}", id=trial.id) if trial and step != current else None,
            "current" if step == current else "done" if done[step] else "todo",
        )
        for step in STEPS
    ]  # fmt: skip


def _page(step: str, trial: Trial | None, status: int = 200, **more: Any):
    return page(
        f"trials/{step}.html", status=status, trial=trial, steps=_rail(trial, step),
        plan=more.pop("plan", None) or (plan.of(trial) if trial else plan.Plan()), tw=trialwords, **more,
    )  # fmt: skip


def _following(trial_id: int, step: str):
    if "later" in request.form:
        flash(_("The draft is saved."))
        return redirect_hx(url_for("trials.index"))
    return redirect_hx(url_for(f"trials.steps.{STEPS[STEPS.index(step) + 1]}", id=trial_id))


def _number(name: str, default: float) -> float:
    """A number of the form; what is none is refused beside its field."""
    text = request.values.get(name, "").strip()
    return float(amounts.read(text, name)) if text else default


# --- 1 what to find out -------------------------------------------------------------------------------


@bp.get("/new")
@allow("providers.edit")
def new():
    return _page("functions", None, name="", account=request.args.get("account", type=int))


@bp.post("/new")
@allow("providers.edit")
def create():
    name, given = request.form.get("name", ""), request.form.getlist("functions")
    account = request.form.get("account", type=int)
    try:
        id = plan.create(name, current_user.email, functions=given, accounts=[account] if account else [])
    except Refusal as refusal:
        return _page("functions", None, 422, name=name, account=account, error=refusal, chosen=given)
    return _following(id, "functions")


@bp.get("/<int:id>/functions")
@allow("view")
def functions(id: int):
    trial = plan.opened(id)
    return _page("functions", trial, name=trial.name)


@bp.post("/<int:id>/functions")
@allow("providers.edit")
def save_functions(id: int):
    name, given = request.form.get("name", ""), request.form.getlist("functions")
    try:
        plan.change(id, current_user.email, name=name, functions=given)
    except Refusal as refusal:
        return _page("functions", plan.opened(id), 422, name=name, error=refusal, chosen=given)
    return _following(id, "functions")


# --- 2 accounts ---------------------------------------------------------------------------------------


@bp.get("/<int:id>/accounts")
@allow("view")
def accounts(id: int):
    return _page("accounts", plan.opened(id), usable=plan.usable(rt()))


@bp.post("/<int:id>/accounts")
@allow("providers.edit")
def save_accounts(id: int):
    trial, given = plan.opened(id), request.form.getlist("accounts", type=int)
    try:
        if not given:
            raise Refusal(_("Choose at least one account."), field="accounts")
        plan.change(id, current_user.email, accounts=given)
    except Refusal as refusal:
        return _page("accounts", trial, 422, usable=plan.usable(rt()), error=refusal)
    return _following(id, "accounts")


# --- 3 phones -----------------------------------------------------------------------------------------


@bp.get("/<int:id>/phones", endpoint="phones")
@allow("view")
def phones_step(id: int):
    return _phones(plan.opened(id))


def _phones(trial: Trial, status: int = 200, **more: Any):
    return _page("phones", trial, status, found=phones.of(rt(), trial.id), usable=plan.usable(rt()), **more)


@bp.post("/<int:id>/phones")
@allow("providers.edit")
def save_phones(id: int):
    """Keep the table: who looks at each phone, who agreed to nights, and that all agreed."""
    plan.opened(id)
    form = request.form
    for phone in phones.of(rt(), id):
        if f"owner-{phone.id}" in form:
            phones.change(
                id, phone.id, owner=form[f"owner-{phone.id}"], night=f"night-{phone.id}" in form,
                seed_account_id=form.get(f"seed-{phone.id}", type=int) or None,
            )  # fmt: skip
    plan.change(id, current_user.email, agreed="agreed" in form)
    if "later" not in form and not ("agreed" in form and phones.of(rt(), id)):
        lacks = (
            _("Say that the owners of the phones agreed.")
            if phones.of(rt(), id)
            else _("Enter at least one number, each on a line of its own.")
        )
        return _phones(plan.opened(id), 422, error=Refusal(lacks, field="agreed"))
    return _following(id, "phones")


@bp.post("/<int:id>/phones/add")
@allow("providers.edit")
def add_phones(id: int):
    trial, typed = plan.opened(id), request.form.get("phones", "")
    file = request.files.get("file")
    try:
        text = file.read().decode("utf-8-sig") if file and file.filename else typed
        n = phones.add(rt(), id, text, current_user.email)
    except UnicodeDecodeError:
        refusal = Refusal(_("The file is not UTF-8 text; save it as CSV UTF-8."), field="phones")
        return _phones(trial, 422, error=refusal, typed=typed)
    except Refusal as refusal:
        return _phones(trial, 422, error=refusal, typed=typed)
    flash(_n("%(n)s phone was added.", "%(n)s phones were added.", n))
    return redirect_hx(url_for("trials.steps.phones", id=id))


@bp.post("/<int:id>/phones/<int:number_id>/remove")
@allow("providers.edit")
def remove_phone(id: int, number_id: int):
    phones.remove(id, number_id)
    return redirect_hx(url_for("trials.steps.phones", id=id))


# --- 4 hours ------------------------------------------------------------------------------------------


@bp.get("/<int:id>/hours")
@allow("view")
def hours(id: int):
    return _hours(plan.opened(id))


def _hours(trial: Trial, status: int = 200, **more: Any):
    nights = sum(phone.night for phone in phones.of(rt(), trial.id))
    return _page("hours", trial, status, nights=nights, **more)


@bp.post("/<int:id>/hours")
@allow("providers.edit")
def save_hours(id: int):
    trial, form = plan.opened(id), request.form
    try:
        given = {"windows": form.getlist("windows"), "start": form.get("start", "").strip()}
        plan.change(id, current_user.email, **given, per_window=int(_number("per_window", 2)))
    except Refusal as refusal:
        return _hours(trial, 422, error=refusal, chosen=form.getlist("windows"))
    return _following(id, "hours")


# --- 5 size and cost ----------------------------------------------------------------------------------


def _typed(trial: Trial) -> plan.Plan:
    """The plan with what stands in the form now."""
    now, values = plan.of(trial), request.values
    return plan.checked(
        now, promise=_number("promise", now.promise * 100) / 100, margin=_number("margin", now.margin * 100) / 100,
        texts=int(_number("texts", 0)), prefix=values.get("prefix", now.prefix), lang=values.get("lang", now.lang),
    )  # fmt: skip


@bp.get("/<int:id>/size")
@allow("view")
def size(id: int):
    return _size(plan.opened(id))


def _size(trial: Trial, status: int = 200, **more: Any):
    figures = trialsize.figures(rt(), trial, plan.of(trial))
    return _page("size", trial, status, margins=trialsize.MARGINS, **figures, **more)


@bp.get("/<int:id>/size/figures")
@allow("view")
def size_figures(id: int):
    """The figures beside the form, while it is filled in."""
    trial = plan.opened(id)
    try:
        wanted = _typed(trial)
    except Refusal as refusal:
        return page("trials/_size.html", fragment="trials/_size.html", error=refusal, tw=trialwords)
    figures = trialsize.figures(rt(), trial, wanted)
    return page("trials/_size.html", fragment="trials/_size.html", plan=wanted, tw=trialwords, **figures)


@bp.post("/<int:id>/size")
@allow("providers.edit")
def save_size(id: int):
    trial = plan.opened(id)
    try:
        wanted = _typed(trial)
        plan.change(
            id, current_user.email, promise=wanted.promise, margin=wanted.margin,
            texts=wanted.texts or plan.size(wanted), prefix=wanted.prefix, lang=wanted.lang,
        )  # fmt: skip
    except Refusal as refusal:
        return _size(trial, 422, error=refusal)
    return _following(id, "size")


# --- 6 confirm ----------------------------------------------------------------------------------------


@bp.get("/<int:id>/confirm")
@allow("view")
def confirm(id: int):
    trial = plan.opened(id)
    wanted, found = plan.of(trial), phones.of(rt(), id)
    figures = trialsize.figures(rt(), trial, wanted)
    kinds = list(dict.fromkeys(text.kind for text in figures["texts"]))
    return _page(
        "confirm", trial, lacks=run.ready(rt(), trial), found=found,
        carriers=Counter(phone.carrier or _("unknown carrier") for phone in found).most_common(),
        seeded=sum(phone.seed_account_id is not None for phone in found), blocked=sum(phone.blocked for phone in found),
        samples=[(kind, words.body(kind, "K7F2-93", wanted.lang, wanted.prefix)) for kind in kinds], **figures,
    )  # fmt: skip
