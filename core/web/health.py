"""For monitors: alive, ready, metrics in Prometheus' text format; and reports of the content policy."""

from __future__ import annotations

import hmac
import ipaddress
import logging

from flask import Blueprint, Response, abort, request
from peewee import PeeweeException

from core import clock, disk
from core.db import database
from core.db.codes import State
from core.security import throttle
from core.sending import clockwatch
from core.web.access import public
from core.web.render import rt
from core.web.signin import client_ip, client_net

log = logging.getLogger("cooee.csp")
#: Reports of one source that are kept: a page may refuse several things at once, nobody needs hundreds.
CSP = (throttle.Limit(10, 60), throttle.Limit(60, 3600))
bp = Blueprint("health", __name__)


@bp.get("/health/live")
@public
def live():
    """This process answers."""
    return {"live": True}


@bp.get("/health/ready")
@public
def ready():
    """Database and disk are in order; 503 otherwise.  The queue is told as well: it holds hints, so all goes on
    without it, only later."""
    checks = {"database": _database_answers(), "disk": not _disk().low}
    told = {"ready": all(checks.values()), **checks, "queue": rt().queue.answers()}
    return told, 200 if told["ready"] else 503


@bp.get("/metrics")
@public
def metrics():
    """Counters for Prometheus: for this machine, or with the token of the setting `metrics_token`."""
    if not _may_see_metrics():
        abort(403)
    return Response(_metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")


@bp.post("/health/csp")
@public
def csp_report():
    """A browser refused something by our content policy: a bug of ours, or somebody's try."""
    if throttle.hit("csp", client_net(), CSP):
        return "", 429
    text = request.get_data(cache=False)[:2000].decode("utf-8", "replace")
    log.warning("content policy: %s", "".join(char if char.isprintable() else " " for char in text))
    return "", 204


def _database_answers() -> bool:
    try:
        return database.scalar("SELECT 1") == 1
    except PeeweeException:
        database.reopen()
        return False


def _disk() -> disk.Space:
    return disk.look(rt().settings)


def _may_see_metrics() -> bool:
    token = rt().settings.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token:
        return hmac.compare_digest(given.encode(), token.encode())
    try:
        return ipaddress.ip_address(client_ip()).is_loopback and "X-Forwarded-For" not in request.headers
    except ValueError:
        return False


def _metrics() -> str:
    lines: list[str] = []

    def gauge(name: str, help_text: str, values: list[tuple[str, float]]) -> None:
        lines.append(f"# HELP {name} {help_text}")
        lines.append(f"# TYPE {name} gauge")
        lines.extend(f"{name}{labels} {value}" for labels, value in values)

    states = dict(database.query("SELECT state, sum(n) FROM tally GROUP BY state"))
    gauge(
        "cooee_messages",
        "Messages by state.",
        [(f'{{state="{state.name}"}}', int(states.get(state, 0) or 0)) for state in State],
    )
    campaigns = database.query("SELECT state, count(*) FROM campaign GROUP BY state ORDER BY state")
    gauge("cooee_campaigns", "Campaigns by state.", [(f'{{state="{s}"}}', n) for s, n in campaigns])
    inbox, oldest = database.one("SELECT count(*), min(received_at) FROM inbox WHERE state = 0")
    gauge("cooee_inbox_waiting", "Provider calls stored and not yet applied.", [("", inbox)])
    age_s = (clock.now_ms() - oldest) / 1000 if oldest else 0
    gauge("cooee_inbox_oldest_seconds", "Age of the oldest of them.", [("", round(age_s, 3))])
    workers = database.scalar("SELECT count(*) FROM worker WHERE ended_at IS NULL")
    gauge("cooee_workers", "Workers that have not ended.", [("", workers)])
    space = _disk()
    gauge(
        "cooee_disk_free_ratio",
        "Free share of the instance's disk.",
        [("", round(space.free / space.total, 4))],
    )
    gauge(
        "cooee_disk_ballast_bytes", "Bytes of the ballast; 0 when it was thrown out.", [("", space.ballast)]
    )
    gauge(
        "cooee_clock_jumps",
        "Hosts whose clock jumped and was not confirmed.",
        [("", len(clockwatch.by_host()))],
    )
    failed = sum(1 for p in rt().plugins.all.values() if p.state == "failed")
    gauge("cooee_plugins_failed", "Plugins that could not be loaded.", [("", failed)])
    return "\n".join(lines) + "\n"
