"""`cooee quality`: how good the data is; and of `cooee contact`: merge, unmerge, check-numbers."""

from __future__ import annotations

from typing import Any

import click

from core import clock
from core.audience import contacts, numbers, search
from core.audience.quality import duplicates, findings, merged, merging, recheck, sayings
from core.cli import common, params
from core.contract.errors import Refusal


@click.group("quality")
def command() -> None:
    """Data quality: what is wrong with contacts, and duplicates.

    Example: cooee quality check
    """


@command.command("check")
@common.json_option
@common.pass_rt
def check(rt, as_json: bool) -> None:
    """Check all data now, as every night.

    \b
    Example:
      cooee quality check --json
    """
    done = findings.check(rt)
    if not done:
        raise Refusal("A check is on its way already; try again when it is done.")
    common.emit(done, as_json)


@command.command("show")
@common.json_option
@common.pass_rt
def show(rt, as_json: bool) -> None:
    """What the last check found: figures by kind, and a score a source.

    \b
    Example:
      cooee quality show --json
    """
    data = {
        "checked_at": findings.state().get("ended"),
        "figures": findings.figures(),
        "sources": findings.sources(),
    }
    common.emit(data, as_json, _shown)


def _shown(data: dict[str, Any]) -> str:
    if not data["figures"]:
        return "Nothing was checked yet; run `cooee quality check`."
    lines = [
        f"{kind}{' ' + key if key else ''}: {n:,}"
        for kind, by in data["figures"].items()
        for key, n in by.items()
    ]
    head = ("source", "people", "score", *("rejected", "duplicates", "missing", "unreachable", "optouts"))
    rows = [
        [
            one["title"] or one["source"],
            one["contacts"],
            one["score"],
            *(f"{one[name]:.1%}" for name in head[3:]),
        ]
        for one in data["sources"]
    ]
    return "\n".join([*lines, "", common.table(rows, head)])


@command.command("duplicates")
@click.option("--sure", is_flag=True, help="Only groups that may be merged without a look.")
@click.option("--merge", "merge_them", is_flag=True, help="Merge the sure ones; each can be undone.")
@common.json_option
@common.pass_rt
def duplicates_(rt, sure: bool, merge_them: bool, as_json: bool) -> None:
    """Groups of people who look like one, from the last check; the first of each is whom we would keep.

    \b
    Example:
      cooee quality duplicates --sure --json
      cooee quality duplicates --merge
    """
    found = [group for kind in duplicates.KINDS for group in _all(rt, kind, sure or merge_them)]
    if merge_them:
        done, left = duplicates.merge_groups(rt, [group.id for group in found], who=common.whoami())
        common.emit(
            {"merged": done, "left": left}, as_json,
            lambda d: f"{common.many(d['merged'], 'contact')} merged, {common.many(d['left'], 'group')} left alone.",
        )  # fmt: skip
        return
    data = [
        {
            "kind": group.kind,
            "sure": group.sure,
            "contacts": [
                {
                    "id": p.id,
                    "phone": p.phone,
                    "name": p.name,
                    "email": p.email,
                    "birthday": p.birthday or None,
                }
                for p in group.people
            ],
        }
        for group in found
    ]
    common.emit(data, as_json, _groups)


def _all(rt, kind: str, sure: bool) -> list[duplicates.Group]:
    found: list[duplicates.Group] = []
    while page := duplicates.groups(rt, kind, after=found[-1].id if found else 0, size=500, sure=sure):
        found += page
    return found


def _groups(data: list[dict]) -> str:
    if not data:
        return "No duplicates were found by the last check."
    rows = [
        [
            at,
            group["kind"],
            "sure" if group["sure"] else "",
            one["id"],
            one["phone"],
            one["name"],
            one["email"],
        ]
        for at, group in enumerate(data, 1)
        for one in group["contacts"]
    ]
    return common.table(rows, ("group", "by", "", "contact", "phone", "name", "e-mail"))


@command.command("not-same")
@click.argument("people", nargs=-1, required=True)
@common.json_option
@common.pass_rt
def not_same(rt, people: tuple[str, ...], as_json: bool) -> None:
    """These are different people, however alike they look: no check shows them as duplicates again.

    Each is a phone number or an id of `cooee quality duplicates`.  `cooee quality told-apart` lists what was
    said, `cooee quality told-apart --undo ID` takes it back.

    \b
    Example:
      cooee quality not-same 17 23
    """
    ids = [_contact(rt, one) for one in people]
    saying = sayings.say(ids, who=common.whoami())
    common.emit(
        {"id": saying, "contacts": sorted(set(ids))}, as_json,
        lambda d: f"{len(d['contacts'])} contacts are told apart. "
        f"`cooee quality told-apart --undo {d['id']}` takes it back.",
    )  # fmt: skip


@command.command("told-apart")
@click.option("--undo", "undone", type=params.ROW_ID, metavar="ID", help="Take one back.")
@common.json_option
@common.pass_rt
def told_apart(rt, undone: int | None, as_json: bool) -> None:
    """People of whom somebody said that they are not the same, newest first; and taking it back.

    \b
    Example:
      cooee quality told-apart --json
      cooee quality told-apart --undo 3
    """
    if undone is not None:
        sayings.unsay(undone, who=common.whoami())
        common.emit({"undone": undone}, as_json, lambda d: "They are shown as possible duplicates again.")
        return
    found: list[sayings.Saying] = []
    while page := sayings.sayings(rt, before=found[-1].id if found else 1 << 60, size=500):
        found += page
    data = [
        {
            "id": one.id,
            "contacts": [{"id": p.id, "phone": p.phone, "name": p.name} for p in one.people],
            "who": one.who,
            "at": clock.from_ms(one.at).isoformat(timespec="seconds"),
        }
        for one in found
    ]
    common.emit(data, as_json, _told_apart)


def _told_apart(data: list[dict]) -> str:
    if not data:
        return "Nobody was told apart yet."
    rows = [[s["id"], p["id"], p["phone"], p["name"], s["who"], s["at"]] for s in data for p in s["contacts"]]
    return common.table(rows, ("entry", "contact", "phone", "name", "by", "when"))


def _contact(rt, text: str) -> int:
    """A contact by its id (a short number) or its phone number."""
    return int(text) if text.isdecimal() and len(text) < 7 else contacts.need(rt, text)


@click.command("merge")
@click.argument("keep")
@click.argument("other")
@common.json_option
@common.pass_rt
def merge(rt, keep: str, other: str, as_json: bool) -> None:
    """Make contact OTHER part of contact KEEP; each is a phone number or an id of `cooee quality duplicates`.

    KEEP stays with its number, consent and values; it gets values it lacks, labels and events of OTHER.
    `cooee contact unmerge ID` takes it back.

    \b
    Example:
      cooee contact merge +8613800138000 +8613900139000
    """
    kept, gone = _contact(rt, keep), _contact(rt, other)
    merge_id = merging.merge(rt, kept, gone, who=common.whoami())
    common.emit(
        {"merge": merge_id, "kept": kept, "gone": gone, "contacts": merged.ids_of(kept)}, as_json,
        lambda d: f"Contact {d['gone']} is part of contact {d['kept']} now. "
        f"`cooee contact unmerge {d['merge']}` takes it back.",
    )  # fmt: skip


@click.command("unmerge")
@click.argument("merge_id", metavar="ID", type=params.ROW_ID)
@common.json_option
@common.pass_rt
def unmerge(rt, merge_id: int, as_json: bool) -> None:
    """Take a merge back: both contacts are as they were.

    \b
    Example:
      cooee contact unmerge 12
    """
    gone = merging.unmerge(rt, merge_id, who=common.whoami())
    common.emit(
        {"merge": merge_id, "contact": gone}, as_json, lambda d: f"Contact {d['contact']} is there again."
    )


@click.command("check-numbers")
@click.option("--all", "everyone", is_flag=True, help="Also look for contacts an earlier run left out.")
@common.json_option
@common.pass_rt
def check_numbers(rt, everyone: bool, as_json: bool) -> None:
    """Look up numbers nobody looked up yet, and find dead and recycled ones from receipts.

    \b
    Example:
      cooee contact check-numbers --json
    """
    began = clock.monotonic()
    total = search.total()
    with common.progress(total, "Looking up") as step:
        done = numbers.fill(rt, everyone=everyone, step=step)
    data = {"looked_up": done, **recheck.run(rt), "seconds": round(clock.monotonic() - began, 2)}
    common.emit(
        data, as_json,
        lambda d: f"{common.many(d['looked_up'], 'number')} looked up in {d['seconds']} s; {d['unreachable']:,} are "
        f"unreachable, {d['recycled']:,} may have a new owner.",
    )  # fmt: skip


#: Commands of `cooee contact`.
CONTACT_COMMANDS = (merge, unmerge, check_numbers)
