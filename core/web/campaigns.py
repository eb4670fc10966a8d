"""Campaigns: the list, the page of one while it is sent, its people, and what is done with it.

The steps before the launch are in wizard.py and finale.py; the result is the page of `reports`.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, g, request, url_for
from flask_security import current_user

from core import amounts
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import State
from core.db.models import Campaign
from core.i18n import _, _n
from core.measure import counts as measured
from core.sending import approval, budgets, doubt, drafts, launch, lifecycle, log, messages, pausing
from core.web import finale, kindwords, live, reasons, steps, wizard
from core.web.access import allow, may
from core.web.forms import check_name
from core.web.render import flash, page, redirect_hx, rt

#: Modules whose views stand on the blueprint of the steps.
STEP_VIEWS = (wizard, finale)

bp = Blueprint("campaigns", __name__, url_prefix="/campaigns")
bp.register_blueprint(steps.bp)
bp.add_app_template_global(kindwords.word, "reason_word")
bp.add_app_template_global(kindwords.advice, "reason_advice")
bp.add_app_template_global(kindwords.kind, "reason_kind")
bp.add_app_template_global(pausing.tell, "tell")
bp.add_app_template_global(reasons.log_word, "log_word")
bp.add_app_template_global(reasons.log_detail, "log_detail")

_PER_PAGE = 30
#: As the API takes it.
BUDGET_MAX = 1e9
#: Chips of the list: word → states.
_GROUPS = {
    "draft": ("draft", "approval", "approved"),
    "scheduled": ("scheduled",),
    "running": ("expanding", "running", "paused"),
    "done": ("done", "cancelled"),
}


@bp.get("")
@allow("view")
def index():
    wanted, group = request.args.get("q", "").strip(), request.args.get("state", "")
    before = request.args.get("before", type=int)
    query = Campaign.select().where(~Campaign.name.startswith("direct:"))
    any_at_all = query.exists()
    if wanted:
        query = query.where(Campaign.name.contains(wanted))
    if group in _GROUPS:
        query = query.where(Campaign.state.in_(_GROUPS[group]))
    if before:
        query = query.where(Campaign.id < before)
    found = list(query.order_by(Campaign.id.desc()).limit(_PER_PAGE + 1))
    more, found = len(found) > _PER_PAGE, found[:_PER_PAGE]
    here = {"q": wanted or None, "state": group or None}
    return page(
        "campaigns/index.html",
        fragment="campaigns/_list.html",
        rows=live.overview(found),
        arrived=measured.arrived([campaign.id for campaign in found]),
        q=wanted,
        group=group,
        counts=_group_counts(),
        any_at_all=any_at_all,
        first=url_for("campaigns.index", **here) if before else None,
        older=url_for("campaigns.index", **here, before=found[-1].id) if more else None,
    )


@bp.get("/new")
@allow("campaigns.edit")
def new():
    return wizard.fresh()


def _group_counts() -> dict[str, int]:
    by_state = dict(
        database.query("SELECT state, COUNT(*) FROM campaign WHERE name NOT LIKE 'direct:%' GROUP BY state")
    )
    return {group: sum(by_state.get(state, 0) for state in states) for group, states in _GROUPS.items()}


@bp.get("/<int:id>")
@allow("view")
def show(id: int):
    campaign = drafts.get(id)
    if campaign.state in ("draft", "approval", "approved"):
        return redirect_hx(url_for(f"campaigns.wizard.{steps.first_open(campaign)}", id=id))
    if direct := drafts.is_direct(campaign):
        g.area = "messages"
    return page(
        "campaigns/live.html",
        fragment="campaigns/_live.html",
        campaign=campaign,
        direct=direct,
        now=live.state(rt(), campaign),
    )


@bp.get("/<int:id>/people")
@allow("view")
def people(id: int):
    campaign = drafts.get(id)
    if drafts.is_direct(campaign):
        state, code = request.args.get("state") or None, request.args.get("reason") or None
        return redirect_hx(url_for("messages.index", campaign=id, state=state, code=code))
    wanted = messages.Filter(
        campaign_id=id, state=request.args.get("state", ""), reason=request.args.get("reason", "")
    )
    found = messages.page(
        rt(), wanted, before=request.args.get("before", type=int), after=request.args.get("after", type=int)
    )
    here = {"id": id, "state": wanted.state or None, "reason": wanted.reason or None}
    return page(
        "campaigns/people.html",
        fragment="campaigns/_people.html",
        campaign=campaign,
        rows=found.rows,
        wanted=wanted,
        states=live.counts(id),
        reasons=_reasons(id, wanted.state),
        newer=url_for("campaigns.people", **here, after=found.newer) if found.newer is not None else None,
        older=url_for("campaigns.people", **here, before=found.older) if found.older is not None else None,
    )


def _reasons(campaign_id: int, state: str) -> list[tuple[str, int, int]]:
    """(reason, one of the accounts it came from, messages)."""
    if not state:
        return []
    return database.query(
        "SELECT reason, MAX(account_id), COUNT(*) FROM message WHERE campaign_id = ? AND state = ? "
        "AND reason IS NOT NULL GROUP BY reason ORDER BY 3 DESC LIMIT 12",
        (campaign_id, State[state].value),
    )


# --- acts ---------------------------------------------------------------------------------------------


def _act(id: int, work: Callable[[], str], after: str | None = None):
    """Do it, say what happened, go back to the page of the campaign; a refusal is said there.

    Who pressed a button on a page that shows another campaign than there is now reads the new page first.
    """
    try:
        flash(work())
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        flash(str(refusal), "bad")
        if refusal.field == "snapshot":
            return finale.truth(id, 409)
    return redirect_hx(after or url_for("campaigns.show", id=id))


@bp.post("/<int:id>/launch")
@allow("campaigns.launch")
def start(id: int):
    def work() -> str:
        key, seen = request.form.get("key") or None, request.form.get("snapshot", "")
        state = launch.launch(rt(), id, current_user.email, key=key, seen=seen)
        if state == "scheduled":
            return _("It is scheduled and starts by itself.")
        return _("It is launched. This page follows it.")

    return _act(id, work)


@bp.post("/<int:id>/ask")
@allow("campaigns.edit")
def ask(id: int):
    def work() -> str:
        approval.ask(rt(), id, current_user.email)
        return _("Approval is asked for. Someone who may approve sees it on the overview.")

    return _act(id, work)


@bp.post("/<int:id>/approve")
@allow("campaigns.approve")
def approve(id: int):
    def work() -> str:
        approval.approve(rt(), id, current_user.email, seen=request.form.get("snapshot", ""))
        return _("You approved it exactly as it stands. It can be launched now.")

    return _act(id, work)


@bp.post("/<int:id>/decline")
@allow("campaigns.approve")
def decline(id: int):
    def work() -> str:
        approval.decline(rt(), id, current_user.email, request.form.get("note", "").strip()[:250])
        return _("It is a draft again; its author sees your note in the log.")

    return _act(id, work)


@bp.post("/<int:id>/pause")
@allow("campaigns.launch")
def pause(id: int):
    def work() -> str:
        reason = request.form.get("reason", "").strip() or pausing.say("hand")
        if not lifecycle.pause(rt(), id, reason, current_user.email):
            raise Refusal(_("It is not being sent, so there is nothing to pause."), status=409)
        return _("Paused. What is on the wire finishes.")

    return _act(drafts.own(id).id, work)


@bp.post("/<int:id>/resume")
@allow("campaigns.launch")
def resume(id: int):
    def work() -> str:
        if given := request.form.get("budget", "").strip():
            amount = _amount(given)
            budgets.change(rt(), id, amount, current_user.email, approves=may("campaigns.approve"))
        if not lifecycle.resume(rt(), id, current_user.email):
            raise Refusal(_("It is not paused."), status=409)
        return _("It goes on where it stood.")

    return _act(drafts.own(id).id, work)


def _amount(given: str) -> float:
    amount = amounts.read(given, "budget")
    if not 0 <= amount <= BUDGET_MAX:
        raise Refusal(
            _("The budget must be an amount such as 250 or 99.50, not “%(given)s”.", given=given[:40])
        )
    return float(amount)


@bp.post("/<int:id>/cancel")
@allow("campaigns.launch")
def cancel(id: int):
    def work() -> str:
        check_name(drafts.get(id).name, request.form.get("confirm"))
        lifecycle.cancel(rt(), id, current_user.email)
        return _("Cancelled. What has not left will not be sent.")

    return _act(drafts.own(id).id, work)


@bp.post("/<int:id>/reschedule")
@allow("campaigns.edit")
def reschedule(id: int):
    """Take a scheduled campaign off the schedule, back to its steps."""

    def work() -> str:
        drafts.edit(rt(), id, current_user.email)
        return _("It is a draft again; nothing will be sent until you launch it.")

    return _act(id, work)


@bp.post("/<int:id>/duplicate")
@allow("campaigns.edit")
def duplicate(id: int):
    made = drafts.duplicate(id, current_user.email)
    flash(_("This is the copy. Give it a name."))
    return redirect_hx(url_for("campaigns.wizard.audience", id=made))


@bp.post("/<int:id>/delete")
@allow("campaigns.edit")
def delete(id: int):
    name = drafts.get(id).name

    def work() -> str:
        drafts.delete(id, current_user.email)
        return _("The draft “%(name)s” is deleted.", name=name)

    return _act(id, work, url_for("campaigns.index"))


@bp.post("/<int:id>/doubt")
@allow("campaigns.launch")
def settle(id: int):
    """A person's word about all messages in doubt of one reason."""
    reason, answer = request.form.get("reason", ""), request.form.get("answer", "")

    def work() -> str:
        rows = database.query(
            "SELECT id FROM message WHERE campaign_id = ? AND state = ? AND reason = ?",
            (drafts.get(id).id, State.in_doubt.value, reason),
        )
        n = doubt.resolve(rt(), [row[0] for row in rows], answer, current_user.email)
        with database.write_tx():
            log.write(id, current_user.email, f"doubt.{answer}", str(n))
        return _n("%(n)s message in doubt is settled.", "%(n)s messages in doubt are settled.", n)

    return _act(id, work)
