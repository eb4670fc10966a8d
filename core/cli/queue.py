"""`cooee queue`: what waits, what holds it up, and trying it now."""

from __future__ import annotations

import dataclasses

import click

from core import clock
from core.cli import params
from core.cli.common import emit, json_option, many, pass_rt, table, whoami


def _time(ms: int | None) -> str | None:
    return clock.from_ms(ms).isoformat(timespec="seconds") if ms else None


@click.group("queue")
def command() -> None:
    """The queue of messages: what waits and why, and trying again now.

    Example: cooee queue show
    """


@command.command("show")
@json_option
@pass_rt
def show(rt, as_json: bool) -> None:
    """Lanes with what waits and their rate; what waits for what and until when; what is stuck or in doubt.

    Example: cooee queue show --json
    """
    from core.sending import lanes, stopping, waits

    found, stopped = lanes.lanes(), stopping.now()
    held = waits.held(rt, found)
    data = {
        "stopped": stopped and stopped.why,
        "lanes": [dataclasses.asdict(lane) | {"next_at": _time(lane.next_at)} for lane in found],
        "held": [h._asdict() | {"first_at": _time(h.first_at), "last_at": _time(h.last_at)} for h in held],
        "stuck": [s._asdict() | {"taken_at": _time(s.taken_at)} for s in lanes.stuck()],
        "accounts": [a._asdict() | {"until": _time(a.until)} for a in lanes.resting()],
        "in_doubt": [
            {"campaign_id": id_, "name": name, "reason": reason, "n": n}
            for id_, name, reason, n in lanes.doubts(found)
        ],
    }
    rows = [(x.name, x.cls, x.state, x.waiting, x.on_wire, f"{x.per_s:.1f}", _time(x.next_at)) for x in found]
    told = table(rows, ("CAMPAIGN", "CLASS", "STATE", "WAITING", "ON THE WIRE", "A SECOND", "NEXT DUE"))
    if held:
        later = [
            (h.name, h.kind, h.reason or h.detail, h.n, _time(h.first_at), _time(h.last_at)) for h in held
        ]
        told += "\n\n" + table(later, ("CAMPAIGN", "WAITS FOR", "WHY", "MESSAGES", "FROM", "UNTIL"))
    emit(data, as_json, (f"Nothing is sent: {stopped.why}.\n" if stopped else "") + told)


@command.command("retry-now")
@click.argument("campaign", type=params.ROW_ID)
@json_option
@pass_rt
def retry_now(rt, campaign: int, as_json: bool) -> None:
    """Try now what a campaign's messages wait for after a refusal or a hold.

    Example: cooee queue retry-now 12
    """
    from core.sending import lanes

    n = lanes.hasten(rt, campaign, who=whoami())
    emit({"messages": n}, as_json, f"{many(n, 'message is', 'messages are')} tried now.")
