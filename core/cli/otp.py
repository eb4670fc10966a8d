"""`cooee otp`: one-time codes."""

from __future__ import annotations

import click

from core.cli import params
from core.cli.common import emit, json_option, pass_rt, table, whoami
from core.runtime import Runtime


@click.group("otp")
def command() -> None:
    """One-time codes: send, verify, see what became of one, let a blocked prefix go on.

    Example: cooee otp send --to +8613800138000
    """


@command.command("send")
@click.option("--to", required=True, help="The number, with country code or in the instance's region.")
@click.option("--length", type=params.WHOLE, help="Characters of the code, 4 to 10.")
@click.option("--alphabet", type=click.Choice(["digits", "alnum"]), help="Digits, or letters and digits.")
@click.option("--ttl", "ttl_s", type=params.WHOLE, help="Seconds it is good for, 30 to 600.")
@click.option("--locale", default="", help="Language of the text, e.g. en or zh-Hans.")
@click.option("--text", default="", help="Words of your own with {{code}}.")
@click.option(
    "--channel",
    type=click.Choice(["sms", "voice", "auto"]),
    default="sms",
    show_default=True,
    help="By text, by call, or a call when no text arrives.",
)
@click.option("--key", default="", help="The same key is the same code.")
@json_option
@pass_rt
def send(
    rt: Runtime, to: str, length: int | None, alphabet: str | None, ttl_s: int | None, locale: str, text: str,
    channel: str, key: str, as_json: bool,
) -> None:  # fmt: skip
    """Send a code; the code itself is shown to nobody but its receiver.

    Example: cooee otp send --to +8613800138000 --locale zh-Hans --channel auto --json
    """
    from core.sending.otp import service, wishes

    wish = wishes.Wish(to, length, alphabet or "", ttl_s, locale, text, channel, "", key)
    made = service.send(rt, whoami(), wish)
    emit(made.plain(), as_json, f"{made.id}: a code to {made.to}, good until {made.plain()['expires_at']}")


@command.command("verify")
@click.argument("id")
@click.argument("code")
@json_option
@click.pass_context
@pass_rt
def verify(rt: Runtime, ctx: click.Context, id: str, code: str, as_json: bool) -> None:
    """Try a code sent by you; exit status 1 when it is wrong.

    Example: cooee otp verify 7Qm0sVbT3kYw9LxZ2dNcRa 417093 --json
    """
    from core.sending.otp import service

    told = service.verify(rt, whoami(), id, code)
    words = "verified" if told.verified else f"wrong; {told.attempts_left} tries left"
    emit(told._asdict(), as_json, words)
    ctx.exit(0 if told.verified else 1)


@command.command("status")
@click.argument("id", required=False)
@json_option
@pass_rt
def status(rt: Runtime, id: str | None, as_json: bool) -> None:
    """What became of a code; without an id the figures of the last day.

    Example: cooee otp status --json
    """
    from core.sending.otp import guard, service, stats

    if id:
        return emit(service.status("", id), as_json)
    blocked = [
        {"prefix": f"+{prefix}", "country": country, "reason": reason, "since": at, "until": until}
        for prefix, country, reason, at, until in guard.blocked()
    ]
    figures = stats.totals() | {"refused_by": dict(stats.refusals()), "blocked": blocked}
    rows = [(key, value) for key, value in figures.items() if isinstance(value, int)]
    rows += [(f"refused: {reason}", n) for reason, n in stats.refusals()]
    rows += [(f"blocked: {line['prefix']}", line["reason"]) for line in blocked]
    return emit(figures, as_json, table(rows, ("last 24 hours", "")))


@command.command("allow")
@click.argument("prefix")
@json_option
@pass_rt
def allow(rt: Runtime, prefix: str, as_json: bool) -> None:
    """Let a blocked prefix have codes again.

    Example: cooee otp allow +8613800
    """
    from core.sending.otp import guard

    digits = prefix.lstrip("+")
    guard.allow(digits, whoami())
    emit({"prefix": f"+{digits}"}, as_json, f"Numbers that begin with +{digits} get codes again.")
