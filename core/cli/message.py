"""`cooee message`: single messages."""

from __future__ import annotations

from typing import Any

import click

from core import clock
from core.cli import params
from core.cli.common import emit, json_option, many, pass_rt, table, whoami

_COLUMNS = ("message_id", "phone", "class", "state", "reason", "account", "parts", "submitted_at")
#: States in which a message has not been answered by the provider yet.
_WAITING = ("ready", "claimed", "submitting")


@click.group("message")
def command() -> None:
    """Messages: list, show, send a single one, say what became of one in doubt.

    Example: cooee message list --state in_doubt
    """


@command.command("send")
@click.option("--to", required=True, help="The number, with country code or in the instance's region.")
@click.option("--class", "cls", default="notice", show_default=True, help="otp, notice, mass or voice.")
@click.option("--text", required=True, help="The words; {{name}} is filled in.")
@click.option(
    "--account", help="The account to send through; without it as the routes say (`cooee route list`)."
)
@click.option("--key", help="The same key to the same number is the same message.")
@click.option(
    "--wait", "wait_s", type=params.Finite(0), default=0.0, help="Seconds to wait for the provider's answer."
)
@json_option
@pass_rt
def send(
    rt, to: str, cls: str, text: str, account: str | None, key: str | None, wait_s: float, as_json: bool
) -> None:
    """Hand one message to the workers; a text to a known landline is skipped, with that reason.

    Example: cooee message send --to +8613800138000 --class notice --text "Your parcel is here" --json
    """
    from core.sending import accounts, direct

    account_id = accounts.get(account).id if account else None
    made = direct.send(rt, to, cls, text, account_id, key, whoami())
    until = clock.monotonic() + wait_s
    while made["state"] in _WAITING and clock.monotonic() < until:
        clock.sleep(0.05)
        made = direct.show(rt, made["message_id"])
    emit(made, as_json, said(made))


def said(made: dict[str, Any]) -> str:
    """What became of a message that was just handed over, in a line."""
    why = f" ({made['reason']})" if made["reason"] else ""
    return f"Message {made['message_id']} to {made['phone']}: {made['state']}{why}"


@command.command("list")
@click.option("--state", help="Only messages in this state.")
@click.option("--campaign", "campaign_id", type=params.ROW_ID, help="Only messages of this campaign.")
@click.option("--before", type=params.ROW_ID, help="Only messages with a smaller id, for the next page.")
@json_option
@pass_rt
def list_(rt, state: str | None, campaign_id: int | None, before: int | None, as_json: bool) -> None:
    """The newest messages, fifty at a time.

    Example: cooee message list --state in_doubt --json
    """
    from core import ids
    from core.sending import direct, messages

    references = ids.References(rt.keys)
    found = messages.page(rt, messages.Filter(campaign_id=campaign_id, state=state or ""), before=before)
    rows = [direct.plain(references, row) for row in found.rows]
    emit(rows, as_json, table(([row[c] for c in _COLUMNS] for row in rows), _COLUMNS))


@command.command("show")
@click.argument("message")
@json_option
@pass_rt
def show(rt, message: str, as_json: bool) -> None:
    """One message, by its id or its client reference.

    Example: cooee message show 01JDMSG7Z0KQ4T8V --json
    """
    from core.sending import direct

    emit(direct.show(rt, message), as_json)


@command.command("resolve")
@click.argument("answer", type=click.Choice(["sent", "not_sent", "resend"]))
@click.argument("messages", nargs=-1, required=True, type=params.ROW_ID)
@json_option
@pass_rt
def resolve(rt, answer: str, messages: tuple[int, ...], as_json: bool) -> None:
    """Say what became of messages in doubt.

    sent: they arrived at the provider.  not_sent: they did not, and are not sent.  resend: they did not, send
    them now.

    Example: cooee message resolve sent 1234567890123456
    """
    from core.sending import doubt

    n = doubt.resolve(rt, messages, answer, whoami())
    emit({"resolved": n}, as_json, f"{many(n, 'message')} resolved as {answer}.")
