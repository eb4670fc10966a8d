"""`cooee segment`: saved rules, counted and explained."""

from __future__ import annotations

from typing import Any, TextIO

import click

from core import clock
from core.audience import contacts, segments
from core.audience.segments import Explained, because, store
from core.cli import params, segment_more
from core.cli.common import emit, json_option, many, pass_rt, table, whoami
from core.contract.errors import Refusal
from core.db.models import Segment


@click.group("segment")
def command() -> None:
    """Segments: saved rules that say who is meant.

    Example: echo '{"all":[]}' | cooee segment add everyone --rule -
    """


for _more in segment_more.COMMANDS:
    command.add_command(_more)


@command.command("add")
@click.argument("name")
@click.option(
    "--rule", "file", type=params.Opened("rb"), required=True, help="A file with the rule as JSON, or -."
)
@click.option("--replace", is_flag=True, help="Change the segment when the name exists.")
@json_option
@pass_rt
def add(rt, name: str, file: TextIO, replace: bool, as_json: bool) -> None:
    """Save a rule under a name.

    Example: cooee segment add gold --rule rule.json
    """
    rule = segments.loads(file.read())
    before = Segment.get_or_none(Segment.name == store.check_name(name)) if replace else None
    row = store.save(rt, name, rule, whoami(), segment_id=before.id if before else None)
    people, seconds = store.recount(rt, row)
    made = {"name": row.name, "count": people, "seconds": round(seconds, 4), "rule": rule}
    emit(made, as_json, f"{row.name}: {many(people, 'person', 'people')} ({segments.describe(rt, rule)})")


@command.command("list")
@json_option
@pass_rt
def listing(rt, as_json: bool) -> None:
    """All segments with their rules in plain words and their last count.

    Example: cooee segment list --json
    """
    used = store.used_counts()
    rows = [
        _row(rt, row) | {"used_in": used.get(row.id, 0)} for row in Segment.select().order_by(Segment.name)
    ]
    cells = [
        (r["name"], "" if r["last_count"] is None else f"{r['last_count']:,}", r["used_in"], r["words"])
        for r in rows
    ]
    emit(rows, as_json, table(cells, ("name", "people", "campaigns", "who")) if rows else "No segments yet.")


@command.command("show")
@click.argument("name")
@json_option
@pass_rt
def show(rt, name: str, as_json: bool) -> None:
    """One segment: its rule, in plain words, and what uses it.

    Example: cooee segment show gold
    """
    row = store.get(name)
    used = [{"kind": kind, "id": found, "name": user} for kind, found, user in store.used_by(row)]
    emit(_row(rt, row) | {"rule": store.rule_of(row), "used_by": used}, as_json)


@command.command("count")
@click.argument("name")
@json_option
@pass_rt
def count(rt, name: str, as_json: bool) -> None:
    """How many people are in a segment now.

    Example: cooee segment count gold --json
    """
    people, seconds = store.recount(rt, store.get(name))
    emit(
        {"count": people, "seconds": round(seconds, 4)},
        as_json,
        f"{many(people, 'person', 'people')} ({seconds * 1000:.0f} ms)",
    )


@command.command("sample")
@click.argument("name")
@click.option("--n", type=params.Whole(1, 100), default=5, show_default=True, help="How many.")
@json_option
@pass_rt
def sample(rt, name: str, n: int, as_json: bool) -> None:
    """Some people of a segment, numbers masked.

    Example: cooee segment sample gold --n 10
    """
    found = segments.sample(rt, store.rule_of(store.get(name)), n)
    rows = [{"id": p.contact_id, "name": p.name, "phone": p.phone, "country": p.country} for p in found]
    emit(rows, as_json, table([(p.phone, p.country, p.name) for p in found], ("phone", "country", "name")))


@command.command("explain")
@click.argument("name")
@click.argument("phone")
@json_option
@pass_rt
def explain(rt, name: str, phone: str, as_json: bool) -> None:
    """Why a contact is in a segment or not, line by line.

    Example: cooee segment explain gold +8613800138000 --json
    """
    row = store.get(name)
    person = contacts.look_up(rt, phone)
    made = segments.explain(rt, store.rule_of(row), person.id)
    decisive = [{"text": leaf.text, "matches": leaf.matches, "why": leaf.why} for leaf in because(made)]
    data = {"segment": row.name, "in": made.matches, "because": decisive, "rule": made.as_dict()}
    lines = ["in" if made.matches else "not in", *_tree(made, 1)]
    if person.former:
        data["merged_into"] = person.id
        lines.insert(0, f"{person.former} was merged into contact {person.id}, of whom this speaks:")
    emit(data, as_json, "\n".join(lines))


@command.command("rename")
@click.argument("name")
@click.argument("new_name")
@json_option
@pass_rt
def rename(rt, name: str, new_name: str, as_json: bool) -> None:
    """Give a segment another name; campaigns and segments that use it follow.

    Example: cooee segment rename gold "Gold customers"
    """
    row = store.rename(store.get(name), new_name, whoami())
    emit({"name": row.name}, as_json, f"Renamed to {row.name}.")


@command.command("duplicate")
@click.argument("name")
@json_option
@pass_rt
def duplicate(rt, name: str, as_json: bool) -> None:
    """Copy a segment under a free name.

    Example: cooee segment duplicate gold
    """
    row = store.duplicate(store.get(name), whoami())
    emit({"name": row.name}, as_json, f"Copied to {row.name}.")


@command.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_rt
def delete(rt, name: str, yes: bool, as_json: bool) -> None:
    """Delete a segment that nothing uses.

    Example: cooee segment delete gold --yes
    """
    row = store.get(name)
    if not yes:
        click.confirm(f"Delete the segment {row.name!r}?", abort=True, err=True)
    store.delete(row, whoami())
    emit({"deleted": row.name}, as_json, f"Deleted {row.name}.")


def _row(rt, row: Segment) -> dict[str, Any]:
    counted = None if row.counted_at is None else clock.from_ms(row.counted_at).isoformat(timespec="seconds")
    return {"name": row.name, "words": words(rt, row), "last_count": row.last_count, "counted_at": counted}


def words(rt, row: Segment) -> str:
    """The rule in plain words, or why it cannot be read any more (a field was deleted …)."""
    try:
        return segments.describe(rt, store.rule_of(row))
    except Refusal as refusal:
        return str(refusal)


def _tree(made: Explained, depth: int) -> list[str]:
    mark = "✓" if made.matches else "✗"
    line = f"{'  ' * depth}{mark} {made.text}" + (f"  ({made.why})" if made.why else "")
    return [line, *(row for child in made.children for row in _tree(child, depth + 1))]
