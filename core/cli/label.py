"""`cooee label`: words on contacts."""

from __future__ import annotations

import click

from core.audience import contacts, labels
from core.audience.segments import store, where_sql
from core.cli import common, labelrule
from core.contract.errors import Refusal
from core.db import database
from core.security import audit


@click.group("label")
def command() -> None:
    """Labels: list, set, unset, delete; and the rules that set them.

    Example: cooee label set vip --segment gold
    """


command.add_command(labelrule.group)


@command.command("list")
@common.json_option
@common.pass_rt
def listing(rt, as_json: bool) -> None:
    """All labels with how many contacts have each.

    Example: cooee label list --json
    """
    counts = labels.counts()
    rows = [{"name": label.name, "contacts": counts.get(label.id, 0)} for label in labels.all_labels()]
    cells = [(row["name"], f"{row['contacts']:,}") for row in rows]
    common.emit(rows, as_json, common.table(cells, ("label", "contacts")) if rows else "No labels yet.")


@command.command("set")
@click.argument("name")
@click.option("--phone", "phones", multiple=True, help="A number. Repeatable.")
@click.option("--segment", default="", help="Everyone in this segment.")
@common.json_option
@common.pass_rt
def set_(rt, name: str, phones: tuple[str, ...], segment: str, as_json: bool) -> None:
    """Put a label on people; it is made when it is new.

    \b
    Examples:
      cooee label set vip --phone +8613800138000
      cooee label set vip --segment gold
    """
    _change(rt, name, phones, segment, as_json, on=True)


@command.command("unset")
@click.argument("name")
@click.option("--phone", "phones", multiple=True, help="A number. Repeatable.")
@click.option("--segment", default="", help="Everyone in this segment.")
@common.json_option
@common.pass_rt
def unset(rt, name: str, phones: tuple[str, ...], segment: str, as_json: bool) -> None:
    """Take a label off people.

    Example: cooee label unset vip --phone +8613800138000
    """
    _change(rt, name, phones, segment, as_json, on=False)


@command.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common.json_option
@common.pass_rt
def delete(rt, name: str, yes: bool, as_json: bool) -> None:
    """Take a label off everyone and delete it.

    Example: cooee label delete spring --yes
    """
    label = labels.find(name)
    if not yes:
        n = labels.counts().get(label.id, 0)
        click.confirm(
            f"Delete {label.name!r}, which {common.many(n, 'contact has', 'contacts have')}?",
            abort=True,
            err=True,
        )
    gone = labels.delete(label)
    with database.write_tx():
        audit.record(common.whoami(), "label.delete", f"label:{label.name}", str(gone))
    common.emit({"deleted": label.name, "contacts": gone}, as_json, f"{label.name} is deleted.")


def _change(rt, name: str, phones: tuple[str, ...], segment: str, as_json: bool, *, on: bool) -> None:
    if bool(phones) == bool(segment):
        raise Refusal("Say who is meant: --phone NUMBER (repeatable) or --segment NAME, not both.")
    if segment:
        where, params = where_sql(rt, store.rule_of(store.get(segment)), alias="p")
        label = labels.ensure(name) if on else labels.find(name)
        n = (
            labels.put_where(label, where, params, source="person", who=common.whoami())
            if on
            else labels.take_where(label, where, params, who=common.whoami())
        )
    else:
        ids = sorted({contacts.look_up(rt, phone).id for phone in phones})
        label = labels.ensure(name) if on else labels.find(name)
        with database.write_tx():
            n = (labels.put if on else labels.take)(label, ids, who=common.whoami())
    with database.write_tx():
        audit.record(
            common.whoami(),
            f"label.{'set' if on else 'unset'}",
            f"label:{label.name}",
            f"{n} {segment}".strip(),
        )
    done = "now have" if on else "no longer have"
    common.emit(
        {"label": label.name, "contacts": n}, as_json, f"{common.many(n, 'contact')} {done} {label.name}."
    )
