"""`cooee queue`: what waits, what holds it up, and trying it now."""

from __future__ import annotations

import dataclasses

import click

from core import clock
from core.cli.common import emit, json_option, pass_rt, table, whoami


def _time(ms: int | None) -> str | None:
    return clock.from_ms(ms).isoformat(timespec="seconds") if ms else None


@click.group("queue")
def command() -> None:
    """Look at the queue of messages."""


@command.command("show")
@json_option
@pass_rt
def show(rt, as_json: bool) -> None:
    """Lanes with what waits and their rate, what is held, stuck or in doubt.

    Example: cooee queue show --json
    """
    from core.sending import lanes, stopping

    found, stopped = lanes.lanes(), stopping.now()
    data = {
        "stopped": stopped and stopped.why,
        "lanes": [dataclasses.asdict(lane) | {"next_at": _time(lane.next_at)} for lane in found],
        "held": [
            h._asdict() | {"first_at": _time(h.first_at), "last_at": _time(h.last_at)}
            for h in lanes.held(found)
        ],
        "stuck": [s._asdict() | {"taken_at": _time(s.taken_at)} for s in lanes.stuck()],
        "accounts": [a._asdict() | {"until": _time(a.until)} for a in lanes.resting()],
        "in_doubt": [
            {"campaign_id": id_, "name": name, "reason": reason, "n": n}
            for id_, name, reason, n in lanes.doubts(found)
        ],
    }
    rows = [(x.name, x.cls, x.state, x.waiting, x.on_wire, f"{x.per_s:.1f}", _time(x.next_at)) for x in found]
    told = table(rows, ("CAMPAIGN", "CLASS", "STATE", "WAITING", "ON THE WIRE", "A SECOND", "NEXT DUE"))
    emit(data, as_json, (f"Nothing is sent: {stopped.why}.\n" if stopped else "") + told)


@command.command("retry-now")
@click.argument("campaign", type=int)
@json_option
@pass_rt
def retry_now(rt, campaign: int, as_json: bool) -> None:
    """Try now what a campaign's messages wait for after a refusal or a hold.

    Example: cooee queue retry-now 12
    """
    from core.sending import lanes

    n = lanes.hasten(rt, campaign, who=whoami())
    emit({"messages": n}, as_json, f"{n} messages are tried now.")
