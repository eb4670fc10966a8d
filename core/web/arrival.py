"""Pages of arrival: who really delivers, to which carrier, at which hour; alarms, and the buttons for them."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_security import current_user

from core import clock
from core.contract.types import Scope
from core.db import database
from core.db.codes import Cls
from core.exporting import csv_stream
from core.i18n import _, _n
from core.measure import costs
from core.measure.arrival import alarm, baseline, cells, figures, news, store, watch
from core.sending import accounts
from core.timing import zones
from core.web import kindwords
from core.web.access import allow
from core.web.files import download
from core.web.format import duration, num, pct
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("arrival", __name__, url_prefix="/providers/arrival")

DAYS = (1, 7, 30, 90)
#: A cell's colour says how good: at least so much; below the last one the fifth.
_BANDS = (0.98, 0.95, 0.90, 0.80)
_CSV = (
    "account", "country", "carrier", "class", "sent", "delivered", "failed", "rejected", "pending", "unknown",
    "within_5m", "within_5m_low", "within_5m_high", "within_24h", "within_24h_low", "within_24h_high",
    "latency_p50_s", "latency_p95_s", "parts", "cost", "currency", "cost_per_delivered",
)  # fmt: skip


@bp.get("")
@allow("view")
def index():
    wish = _wish()
    names = dict(database.query("SELECT id, name FROM account ORDER BY name"))
    by_account = figures.table(("account_id",), wish)
    matrix = figures.table(("account_id", "carrier"), wish)
    carriers = _most_first({carrier: one.sent for (_a, carrier), one in matrix.items()})
    rows = [
        (id_, names.get(id_, _("account %(id)s", id=id_)), by_account[id_,])
        for id_ in _in_order(by_account, names)
    ]
    shown = wish.account_id or next(
        iter(_most_first({key[0]: one.sent for key, one in by_account.items()})), None
    )
    # Of an account that sends no receipts no hour tells anything.
    told = (shown,) in by_account and not by_account[shown,].silent
    return page(
        "arrival/index.html",
        wish=wish, names=names, days=DAYS, classes=list(Cls), countries=figures.countries(),
        rows=rows, tried=sum(one.sent + one.rejected for _id, _name, one in rows),
        reasons=kindwords.grouped((id_, name, why, n) for id_, name, one in rows for why, n in one.reasons.items()),
        matrix=matrix, carriers=carriers, carrier_word=carrier_word, need=figures.NEED,
        currencies={id_: _currency(id_) for (id_,) in by_account},
        watched=_watched(), alarms=[_told(one, names) for one in store.alarms(wish.account_id)],
        shown=shown, heat=_heat(wish, shown) if told else [], hours=list(range(24)),
        band=band, seconds=seconds, as_of=_as_of(), query=_query(wish), zone=str(zones.house(rt())),
    )  # fmt: skip


@bp.get("/export.csv")
@allow("view")
def export() -> Response:
    """The lines by account, country, carrier and class; counts of messages, nothing of a person."""
    wish = _wish()
    names = dict(database.query("SELECT id, name FROM account"))
    currencies: dict[int, str] = {}
    lines = []
    for (account, country, carrier, cls), one in sorted(
        figures.table(("account_id", "country", "carrier", "cls"), wish).items()
    ):
        currency = currencies.setdefault(account, _currency(account))
        lines.append(
            [names.get(account, account), country, carrier, Cls(cls).name, one.sent, one.delivered, one.failed,
             one.rejected, one.pending, one.unknown, *_three(one.five, one), *_three(one.day, one), _plain(one.p50),
             _plain(one.p95), one.parts, one.cost_micros / 1_000_000, currency,
             one.per_delivered and round(one.per_delivered / 1_000_000, 6)]
        )  # fmt: skip
    return download("arrival.csv", csv_stream(_CSV, lines))


@bp.get("/<int:account_id>/card")
@allow("view")
def card(account_id: int):
    """The part of an account's page, asked for by itself."""
    account = accounts.get(account_id)
    one = figures.table(("account_id",), figures.Filter(account_id=account_id)).get((account_id,))
    return page(
        "arrival/_inside.html", fragment="arrival/_inside.html", account=account, one=one,
        watch=_watched().get(account_id), need=figures.NEED, seconds=seconds,
    )  # fmt: skip


@bp.post("/<int:account_id>/trust")
@allow("providers.edit")
def trust(account_id: int):
    account = accounts.get(account_id)
    watch.trust(account.id, current_user.email)
    flash(_("%(name)s gets all its texts again.", name=account.name))
    return redirect_hx(url_for("providers.show", account_id=account.id))


@bp.post("/<int:account_id>/rest")
@allow("providers.edit")
def rest(account_id: int):
    account = accounts.get(account_id)
    watch.rest(account.id, current_user.email, request.form.get("reason", "").strip()[:200])
    flash(_("%(name)s gets 1 %% of its texts until these show that it is well.", name=account.name), "warn")
    return redirect_hx(url_for("providers.show", account_id=account.id))


# --- what the templates show --------------------------------------------------------------------------


def _wish() -> figures.Filter:
    """The filter of the address; what makes no sense there is left out."""
    args = request.args
    days, cls = args.get("days", 7, type=int), args.get("class", "")
    return figures.Filter(
        days if days in DAYS else 7,
        args.get("account", type=int),
        int(Cls[cls]) if cls in Cls.__members__ else None,
        args.get("country", "")[:2],
    )


def _query(wish: figures.Filter) -> dict[str, Any]:
    """The filter as parameters of an address."""
    return {
        "days": wish.days,
        "account": wish.account_id,
        "class": Cls(wish.cls).name if wish.cls is not None else None,
        "country": wish.country or None,
    }


def _most_first(n: dict) -> dict:
    """Keys with the most messages first; of equal ones the greater last."""
    total: dict = {}
    for key, value in n.items():
        total[key] = total.get(key, 0) + value
    return dict(sorted(total.items(), key=lambda item: (-item[1], str(item[0]))))


def _in_order(by_account: dict, names: dict) -> list[int]:
    return sorted((key[0] for key in by_account), key=lambda id_: names.get(id_, ""))


def carrier_word(carrier: str) -> str:
    """A carrier's name, or that nobody knows it."""
    return _("unknown carrier") if carrier == cells.UNKNOWN else carrier


def band(share: float) -> int:
    """0 for very good … 4 for bad: the colour of a cell."""
    return next((i for i, least in enumerate(_BANDS) if share >= least), len(_BANDS))


def seconds(value: float | None) -> str:
    """8.4 s, 3 minutes, more than a day."""
    if value is None:
        return "–"
    if value == float("inf"):
        return _("more than a day")
    return _("%(n)s s", n=num(value, 1)) if value < 100 else duration(value)


def _currency(account_id: int) -> str:
    return costs.currency_of(Scope(account_id=account_id)) or ""


def _watched() -> dict[int, dict[str, Any]]:
    """{account: its watch}: state, share, reason, what is usual, the pulse, how far the canary is."""
    # An alarm is told in the reader's language; what was written when it rang is for those who read the table.
    ringing = {one.account_id: news.reason(one) for one in store.alarms(open_only=True) if not one.carrier}
    keys = (
        "state",
        "since",
        "canary_bp",
        "reason",
        "baseline",
        "wait_ms",
        "tried",
        "arrived",
        "live",
        "updated_at",
    )
    found = {}
    for account_id, *values in database.query(f"SELECT account_id, {', '.join(keys)} FROM account_watch"):
        one = dict(zip(keys, values, strict=True))
        live = json.loads(one["live"] or "{}")
        fresh = live.get("n") and clock.now_ms() - live["as_of"] < watch.LIVE_MS
        found[account_id] = one | {
            "live": live if fresh else None, "reason": ringing.get(account_id, one["reason"]),
            "clean": alarm.CLEAN, "need": baseline.NEED,
            "wait": seconds(one["wait_ms"] / 1000), "share": one["canary_bp"] / 10_000,
        }  # fmt: skip
    return found


def _told(one: store.Alarm, names: dict[int, str]) -> dict[str, Any]:
    """A line of the history of alarms."""
    endings = {
        "proved": _("well again by 200 texts at each step"),
        "late": _("the receipts were only late"),
        "hand": _("trusted again by hand"),
    }
    return {
        "at": one.at,
        "account_id": one.account_id,
        "name": names.get(one.account_id, "–"),
        "reason": news.reason(one),
        "why": _(
            "More than chance explains: the evidence is %(sum)s, an alarm rings at %(limit)s. "
            "Losses here come in bunches, %(phi)s times as much as by chance.",
            sum=num(one.cusum, 1),
            limit=num(alarm.THRESHOLD),
            phi=num(one.phi, 1),
        ),
        "ended_at": one.ended_at,
        "ending": endings.get(one.ending, ""),
    }


def _heat(wish: figures.Filter, account_id: int) -> list[tuple[str, int, list[dict[str, Any]]]]:
    """[(carrier, texts that are missing for a figure, 24 cells)] of one account."""
    found = figures.by_hour(rt(), wish)
    lines = {carrier: line for (account, carrier), line in found.items() if account == account_id}
    order = _most_first({carrier: sum(c.texts for c in line) for carrier, line in lines.items()})
    return [
        (
            carrier_word(carrier),
            max(0, figures.NEED - sum(one.texts for one in lines[carrier])),
            [_cell(one) for one in lines[carrier]],
        )
        for carrier in order
    ]


def _cell(one: figures.HourCell) -> dict[str, Any]:
    low, high = one.rate.interval()
    words = (
        _n("%(rate)s, 95 %% sure %(low)s to %(high)s, of %(n)s text",
           "%(rate)s, 95 %% sure %(low)s to %(high)s, of %(n)s texts", one.texts,
           rate=pct(one.rate.mean), low=pct(low), high=pct(high), n=num(one.texts))
        if one.texts
        else _("no texts")
    )  # fmt: skip
    return {
        "texts": one.texts,
        "percent": num(one.rate.mean * 100, 0),
        "band": band(one.rate.mean),
        "weak": high - low > 0.1,
        "words": words,
    }


def _three(found, one: figures.Figures) -> list[float | str]:
    if found is None or one.missing:
        return ["", "", ""]
    return [round(value, 5) for value in (found.share, found.low, found.high)]


def _plain(value: float | None) -> float | str:
    return "" if value is None or value == float("inf") else round(value, 1)


def _as_of() -> int | None:
    return database.scalar("SELECT MAX(read_at) FROM arrival_hour")
