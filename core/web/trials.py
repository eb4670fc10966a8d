"""Trials: the list, a running one, its results, who says what arrived, the verdict, and the report to print."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request, url_for
from flask_security import current_user

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.exporting import csv_stream
from core.i18n import _, _n
from core.measure.trials import confirm, links, phones, plan, promises, report, run
from core.sending import accounts
from core.web import trialsteps, trialwords
from core.web.access import allow, may
from core.web.arrival import band, carrier_word, seconds
from core.web.files import download
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("trials", __name__, url_prefix="/providers/trials")
bp.register_blueprint(trialsteps.bp)
bp.add_app_template_filter(trialwords.function, "trial_function")
bp.add_app_template_filter(trialwords.hours, "trial_hours")

_PER_PAGE = 30


@bp.get("")
@allow("view")
def index():
    before = request.args.get("before", type=int)
    found = database.query(
        "SELECT id, name, state, started_at, finished_at, ends_at FROM trial WHERE id < ? ORDER BY id DESC LIMIT ?",
        (before or 1 << 31, _PER_PAGE + 1),
    )
    more, found = len(found) > _PER_PAGE, found[:_PER_PAGE]
    counted = {
        id_: (n, out, known)
        for id_, n, out, known in database.query(
            "SELECT trial_id, COUNT(*), SUM(CASE WHEN state IN ('accepted', 'delivered', 'failed') THEN 1 ELSE 0 END), "
            "SUM(CASE WHEN seen <> '' AND state IN ('accepted', 'delivered', 'failed') THEN 1 ELSE 0 END) FROM trial_text "
            f"WHERE trial_id IN ({database.in_list(len(found) or 1)}) GROUP BY trial_id",
            [row[0] for row in found] or [0],
        )
    }
    rows = [(*row, plan.accounts(row[0]), counted.get(row[0], (0, 0, 0))) for row in found]
    return page(
        "trials/index.html", rows=rows, tw=trialwords, any_account=bool(accounts.every()), says=plan.says(20),
        older=url_for("trials.index", before=found[-1][0]) if more else None,
        first=url_for("trials.index") if before else None,
    )  # fmt: skip


def progress(trial_id: int) -> dict:
    """How far a trial is, from its texts."""
    counts = dict(
        database.query(
            "SELECT state, COUNT(*) FROM trial_text WHERE trial_id = ? GROUP BY state", (trial_id,)
        )
    )
    out = sum(counts.get(state, 0) for state in confirm.OUT)
    total = sum(n for state, n in counts.items() if state != "cancelled")
    return {
        "counts": counts, "total": total, "out": out, "waiting": counts.get("waiting", 0),
        "given": counts.get("given", 0), "bad": total - out - counts.get("waiting", 0) - counts.get("given", 0),
        "known": database.scalar(
            "SELECT COUNT(*) FROM trial_text WHERE trial_id = ? AND seen <> '' "
            "AND state IN ('accepted', 'delivered', 'failed')",
            (trial_id,),
        ),
        "next_at": database.scalar(
            "SELECT MIN(due_at) FROM trial_text WHERE trial_id = ? AND state = 'waiting'", (trial_id,)
        ),
        "at": clock.now_ms(),
    }  # fmt: skip


@bp.get("/<int:id>")
@allow("view")
def show(id: int):
    trial = plan.get(id)
    if trial.state == "draft":
        return redirect_hx(url_for(f"trials.steps.{trialsteps.first_open(trial)}", id=id))
    return page(
        "trials/show.html", fragment="trials/_live.html", trial=trial, now=progress(id), report=report.make(rt(), id),
        **_words(),
    )  # fmt: skip


def _words() -> dict:
    return {
        "tw": trialwords, "band": band, "carrier_word": lambda name: carrier_word(name or "?"), "seconds": seconds,
        "verdicts": report.VERDICTS,
    }  # fmt: skip


@bp.get("/<int:id>/print")
@allow("view")
def printed(id: int):
    """The report on paper: one column, nothing to press."""
    found = phones.of(rt(), id)
    return page(
        "trials/print.html", trial=plan.get(id), report=report.make(rt(), id), phones=found, **_words()
    )  # fmt: skip


@bp.get("/<int:id>/texts.csv")
@allow("view")
def export(id: int) -> Response:
    """Every text with what became of it; numbers masked."""
    plan.get(id)
    return download(f"trial-{id}.csv", csv_stream(report.CSV, report.rows(rt(), id)))


@bp.get("/account/<int:account_id>/card")
@allow("view")
def card(account_id: int):
    """The part of an account's page, asked for by itself."""
    account = accounts.get(account_id)
    return page(
        "trials/_inside.html", fragment="trials/_inside.html", account=account, rows=report.of_account(account_id),
        tw=trialwords,
    )  # fmt: skip


# --- acts ---------------------------------------------------------------------------------------------


def _act(work: Callable[[], str], after: str):
    """Do it, say what happened, go on; a refusal is said there."""
    try:
        flash(work())
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        flash(str(refusal), "bad")
    return redirect_hx(after)


@bp.post("/<int:id>/start")
@allow("providers.edit")
def start(id: int):
    def work() -> str:
        n = run.start(rt(), plan.get(id).id, current_user.email)
        return _n(
            "It runs: %(n)s text is planned. This page follows it.",
            "It runs: %(n)s texts are planned. This page follows them.",
            n,
        )

    return _act(work, url_for("trials.show", id=id))


@bp.post("/<int:id>/pause")
@allow("providers.edit")
def pause(id: int):
    def work() -> str:
        run.pause(id, current_user.email)
        return _("Paused. What was handed over still goes out.")

    return _act(work, url_for("trials.show", id=id))


@bp.post("/<int:id>/resume")
@allow("providers.edit")
def resume(id: int):
    def work() -> str:
        run.resume(rt(), id, current_user.email)
        return _("It goes on where it stood.")

    return _act(work, url_for("trials.show", id=id))


@bp.post("/<int:id>/cancel")
@allow("providers.edit")
def cancel(id: int):
    def work() -> str:
        run.cancel(id, current_user.email)
        return _("Cancelled. What was sent stays in the report.")

    state = plan.get(id).state
    return _act(work, url_for("trials.index") if state == "draft" else url_for("trials.show", id=id))


@bp.post("/<int:id>/check")
@allow("providers.edit")
def check(id: int):
    form = request.form

    def work() -> str:
        promises.say(
            id, form.get("account", 0, type=int), form.get("function", ""), form.get("result", ""),
            form.get("note", ""), current_user.email,
        )  # fmt: skip
        return _("Saved.")

    return _act(work, url_for("trials.show", id=id) + "#promises")


@bp.post("/<int:id>/verdict")
@allow("providers.edit")
def verdict(id: int):
    form = request.form

    def work() -> str:
        report.decide(
            id,
            form.get("account", 0, type=int),
            form.get("verdict", ""),
            form.get("note", ""),
            current_user.email,
        )
        return _("Saved; the account's page shows it.")

    return _act(work, url_for("trials.show", id=id) + "#verdict")


# --- did these arrive? --------------------------------------------------------------------------------


@bp.get("/<int:id>/arrived")
@allow("view")
def arrived(id: int):
    """The phones, how many of their texts nobody looked for, and the links for their owners."""
    trial = _begun(id)
    open_ = dict(
        database.query(
            "SELECT number_id, SUM(CASE WHEN seen = '' THEN 1 ELSE 0 END) FROM trial_text WHERE trial_id = ? "
            "AND state IN ('accepted', 'delivered', 'failed') GROUP BY number_id",
            (id,),
        )
    )
    found = phones.of(rt(), id)
    return page(
        "trials/arrived.html", trial=trial, tw=trialwords, phones=found, open_of=open_,
        silent=confirm.silent(rt(), id), links={p.id: links.url(rt(), p.id) for p in found} if may("providers.edit") else {},
    )  # fmt: skip


@bp.get("/<int:id>/arrived/<int:number_id>")
@allow("view")
def phone(id: int, number_id: int):
    return _phone(_begun(id), number_id)


def _begun(id: int):
    trial = plan.get(id)
    if trial.state == "draft":
        raise Refusal(_("This trial has not started; there is nothing to judge yet."), status=409)
    return trial


def _phone(trial, number_id: int, status: int = 200, error: str = ""):
    one = next((p for p in phones.of(rt(), trial.id) if p.id == number_id), None)
    if one is None:
        raise Refusal(_("There is no such phone in this trial."), status=404)
    return page(
        "trials/phone.html", status=status, trial=trial, phone=one, texts=confirm.asked(trial.id, number_id), error=error,
        tw=trialwords,
    )  # fmt: skip


def said(texts: list[confirm.Asked]) -> dict[int, confirm.Said]:
    """What a form says of these texts; also read by the page of a phone's owner."""
    form = request.form
    return {
        text.id: confirm.Said(how, form.get(f"body-{text.id}", ""), form.get(f"sender-{text.id}", ""))
        for text in texts
        if (how := form.get(f"how-{text.id}", ""))
        and (how, form.get(f"body-{text.id}", ""), form.get(f"sender-{text.id}", ""))
        != (text.how, text.seen_body, text.seen_sender)
    }


@bp.post("/<int:id>/arrived/<int:number_id>")
@allow("providers.edit")
def save_phone(id: int, number_id: int):
    trial = _begun(id)
    try:
        n = confirm.say(
            id, number_id, said(confirm.asked(id, number_id)), current_user.email, rest="rest" in request.form
        )
    except Refusal as refusal:
        return _phone(trial, number_id, 422, str(refusal))
    flash(_n("%(n)s text was noted.", "%(n)s texts were noted.", n))
    return redirect_hx(url_for("trials.arrived", id=id))


@bp.post("/<int:id>/arrived/<int:number_id>/link")
@allow("providers.edit")
def renew(id: int, number_id: int):
    links.renew(plan.get(id).id, number_id)
    flash(_("The old link opens nothing any more; give the owner the new one."))
    return redirect_hx(url_for("trials.arrived", id=id))
