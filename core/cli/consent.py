"""`cooee consent`: the ledger of who agreed to what."""

from __future__ import annotations

from typing import Any

import click

from core import clock
from core.audience import consent, contacts
from core.cli import common


@click.group("consent")
def command() -> None:
    """Consent: show, add, revoke; every change is a line of the ledger.

    Example: cooee consent show +8613800138000
    """


@command.command("show")
@click.argument("phone")
@common.json_option
@common.pass_rt
def show(rt, phone: str, as_json: bool) -> None:
    """Where a contact stands for each class, and the whole history.

    Example: cooee consent show +8613800138000 --json
    """
    contact_id = contacts.need(rt, phone)
    data = {
        "phone": contacts.number(rt, phone).e164,
        "consent": contacts.consent_dict(contact_id),
        "history": [_line(event) for event in consent.history(contact_id)],
    }
    common.emit(data, as_json, _told)


@command.command("add")
@click.argument("phone")
@click.option("--class", "cls", required=True, help="otp, notice, mass or voice.")
@click.option(
    "--source", required=True, help="Where the consent comes from, for instance “paper form, 3 May”."
)
@click.option("--wording", default="", help="The words the person agreed to.")
@common.json_option
@common.pass_rt
def add(rt, phone: str, cls: str, source: str, wording: str, as_json: bool) -> None:
    """Record that a contact agreed.  A suppression stays in force.

    Example: cooee consent add +8613800138000 --class mass --source "paper form, 3 May"
    """
    _change(rt, phone, cls, source, wording, as_json, agree=True)


@command.command("revoke")
@click.argument("phone")
@click.option("--class", "cls", required=True, help="mass or voice.")
@click.option("--source", required=True, help="How the person said so, for instance “phone call”.")
@common.json_option
@common.pass_rt
def revoke(rt, phone: str, cls: str, source: str, as_json: bool) -> None:
    """Record that a contact took consent back.

    Example: cooee consent revoke +8613800138000 --class mass --source "phone call"
    """
    _change(rt, phone, cls, source, "", as_json, agree=False)


def _change(rt, phone: str, cls: str, source: str, wording: str, as_json: bool, *, agree: bool) -> None:
    contact_id = contacts.need(rt, phone)
    contacts.set_consent(
        rt, contact_id, consent.parse_class(cls), agree, source=source, wording=wording, who=common.whoami()
    )
    at = contacts.consent_dict(contact_id)[cls]
    data = {"phone": contacts.number(rt, phone).e164, "class": cls, **at}
    common.emit(data, as_json, f"{data['phone']}: {cls} is now {at['status']}.")


def _line(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"cls": event["cls"].name, "at": clock.from_ms(event["at"]).isoformat(timespec="seconds")}


def _told(data: dict[str, Any]) -> str:
    lines = [f"{cls}: {at['status']}" for cls, at in data["consent"].items()]
    rows = [(e["at"], e["cls"], e["action"], e["source"], e["who"]) for e in data["history"]]
    return "\n".join([*lines, "", common.table(rows, ("at", "class", "action", "source", "by"))])
