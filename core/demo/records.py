"""What was said and paid: the log of calls of the last day, some of them failed, and a bill with differences."""

from __future__ import annotations

import csv
import random
import tempfile
from pathlib import Path
from typing import Any

import orjson

from core import clock
from core.db import database
from core.db.codes import Cls, State
from core.db.models import Account
from core.demo import words
from core.demo.providers import CURRENCY, DIRECT, MAIN, RESELLER, WORLD
from core.i18n import _, _l
from core.runtime import Runtime
from core.sending import calls, direct, invoices
from core.sending.calls import Call

_URL = "https://api.gateway.example/v2/messages"
#: (account, hours ago, kind, code, sentence, status of the answer, its body).
_FAILED: tuple[tuple[str, float, str, str, Any, int, str], ...] = (
    (RESELLER, 1.4, "send", "HTTP 502", _l("The gateway answered 502."), 502, "<html>Bad gateway</html>"),
    (RESELLER, 2.1, "send", "throttled",
     _l("Too many requests; again in 2 s."), 429, '{"code":"throttled","retry_after":2}'),
    (DIRECT, 5.3, "send", "1006",
     _l("The signature is not approved."), 200, '{"code":1006,"reason":"signature not approved"}'),
    (MAIN, 9.0, "balance", "Timeout", _l("No answer within 20 s."), 0, ""),
    (WORLD, 13.2, "send", "21610",
     _l("The recipient opted out at the gateway."), 400, '{"code":21610,"reason":"opted out"}'),
    (RESELLER, 20.5, "poll", "HTTP 500", _l("The gateway answered 500."), 500, '{"error":"internal"}'),
)  # fmt: skip
#: The bill: days ago, from and to; so many lines cost too much, count two parts, are nobody's, are left out, come twice.
_SPAN_D = (9, 4)
_DEARER, _LONGER, _STRANGE, _LEFT_OUT, _TWICE = 14, 6, 5, 9, 3


def log(by: dict[str, Account], chance: random.Random) -> None:
    """A line for each notice of the last day, and the calls that failed."""
    now = clock.now_ms()
    rows = [
        Call(account_id, campaign_id, "send", at, chance.randint(40, 380), 1, 1)
        for account_id, campaign_id, at in database.query(
            "SELECT account_id, campaign_id, submitted_at FROM message WHERE campaign_id = ? AND submitted_at > ? "
            "AND state <> ? ORDER BY submitted_at",
            (direct.campaign(Cls.notice), now - clock.DAY_MS, int(State.rejected)),
        )
    ]
    for name, hours, kind, code, error, status, answer in _FAILED:
        rejected, retried = status in (200, 400), status in (429, 502)
        rows.append(
            Call(
                by[name].id, direct.campaign(Cls.notice) if kind == "send" else 0, kind,
                now - int(hours * clock.HOUR_MS), chance.randint(90, 900) if status else 20_000, 1,
                rejected=int(rejected), retried=int(retried), unknown=int(not rejected and not retried), code=code,
                error=str(error), detail=_said(kind, status, answer),
            )
        )  # fmt: skip
    with database.write_tx():
        calls.write(sorted(rows, key=lambda row: row.at))


def _said(kind: str, status: int, answer: str) -> str:
    said: dict[str, Any] = {
        "request": f"POST {_URL}" if kind == "send" else f"GET {_URL.removesuffix('messages')}{kind}",
        "headers": ["Content-Type: application/json", "Authorization: ••••"],
        "body": '{"to":"86138••••2044","from":"106901235","text":"(32 characters)"}'
        if kind == "send"
        else "",
    }
    said |= {"status": status, "answer": answer} if status else {"error": _("No answer within 20 s.")}
    return orjson.dumps({"exchanges": [said], "messages": []}).decode()


def bill(rt: Runtime, by: dict[str, Account], chance: random.Random) -> int:
    """Compare a bill of the reseller with what was sent through it; its id."""
    now, account = clock.now_ms(), by[RESELLER]
    sent = database.query(
        "SELECT provider_id, submitted_at, parts, cost_micros FROM message WHERE campaign_id = ? AND account_id = ? "
        "AND submitted_at >= ? AND submitted_at < ? AND provider_id IS NOT NULL ORDER BY submitted_at, id",
        (direct.campaign(Cls.notice), account.id, *(now - days * clock.DAY_MS for days in _SPAN_D)),
    )
    lines = [[id_, at, parts, micros / 1_000_000] for id_, at, parts, micros in sent]
    inside = lines[1:-1]
    chance.shuffle(inside)
    for line in inside[:_DEARER]:
        line[3] *= 1.5
    for line in inside[_DEARER : _DEARER + _LONGER]:
        line[2], line[3] = 2, line[3] * 2
    strange = [
        [f"x{at}", at, 1, 0.029] for at in (now - 6 * clock.DAY_MS + n * 60_000 for n in range(_STRANGE))
    ]
    kept = [
        lines[0],
        *inside[: len(inside) - _LEFT_OUT],
        lines[-1],
        *strange,
        *inside[-_LEFT_OUT - _TWICE : -_LEFT_OUT],
    ]
    with tempfile.TemporaryDirectory(prefix="cooee-demo-") as folder:
        file = Path(folder) / "bill.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(("message id", "sent at", "parts", "price", "currency"))
            for id_, at, parts, price in sorted(kept, key=lambda line: line[1]):
                writer.writerow((id_, clock.from_ms(at).isoformat(), parts, f"{price:.4f}", CURRENCY))
        return invoices.take(rt, account, file, _("bill of the reseller") + ".csv", who=words.who())
