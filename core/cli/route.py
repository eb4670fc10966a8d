"""`cooee route`: rules that choose the account of a message."""

from __future__ import annotations

from typing import Any

import click

from core.audience.segments import store
from core.cli import params
from core.cli.common import emit, json_option, pass_rt, table, whoami
from core.db.codes import Cls
from core.db.models import Segment
from core.sending import accounts
from core.sending.routes import editing, explain, rules, senders
from core.sending.routes.rules import ANY, FULL_BP, STRATEGIES, Rule, Target


@click.group("route")
def command() -> None:
    """Routes: which account a message takes when its campaign names none.

    Example: cooee route add "China by price" --country CN --via gw1 --via gw2 --strategy cheapest
    """


def shown(rule: Rule) -> dict[str, Any]:
    """A rule as JSON; accounts, segment and pool by name."""
    names = {account.id: account.name for account in accounts.every()}
    segment = Segment.get_or_none(Segment.id == rule.segment_id) if rule.segment_id else None
    return {
        "id": rule.id,
        "name": rule.name,
        "enabled": rule.enabled,
        "class": None if rule.cls == ANY else Cls(rule.cls).name,
        "countries": list(rule.countries),
        "carriers": list(rule.carriers),
        "prefixes": list(rule.prefixes),
        "segment": segment.name if segment else None,
        "share": rule.share_bp / FULL_BP,
        "strategy": rule.strategy,
        "pool": senders.pool(rule.pool_id).name if rule.pool_id else None,
        "accounts": [
            {"account": names.get(target.account_id), "weight": target.weight} for target in rule.targets
        ],
    }


def _line(data: dict[str, Any]) -> tuple:
    fits = [data["class"], *data["countries"], *data["carriers"], *(f"{p}…" for p in data["prefixes"])]
    fits += [f"segment {data['segment']}" if data["segment"] else None]
    fits += [f"{data['share']:.2%}" if data["share"] < 1 else None]
    through = ", ".join(f"{one['account']}×{one['weight']}" for one in data["accounts"])
    on = "on" if data["enabled"] else "off"
    return data["id"], data["name"], " ".join(filter(None, fits)) or "all", data["strategy"], through, on


@command.command("list")
@json_option
@pass_rt
def list_(rt, as_json) -> None:
    """All rules, in the order they are asked.

    Example: cooee route list --json
    """
    data = [shown(rule) for rule in rules.every()]
    emit(data, as_json, table(map(_line, data), ("ID", "NAME", "FITS", "STRATEGY", "ACCOUNTS", "STATE")))


@command.command("add")
@click.argument("name")
@click.option(
    "--via",
    "via",
    multiple=True,
    required=True,
    metavar="ACCOUNT[:WEIGHT]",
    help="Through this account. Repeatable, in this order.",
)
@click.option("--class", "cls", type=click.Choice([cls.name for cls in Cls]), help="Of this class only.")
@click.option("--country", "countries", multiple=True, help="ISO country of the number. Repeatable.")
@click.option("--carrier", "carriers", multiple=True, help="Name of a carrier. Repeatable.")
@click.option("--prefix", "prefixes", multiple=True, help="Numbers that begin so, e.g. +86139. Repeatable.")
@click.option("--segment", help="People in this saved segment.")
@click.option(
    "--share",
    type=params.Finite(),
    default=100.0,
    show_default=True,
    help="Percent of the messages that fit.",
)
@click.option(
    "--strategy",
    type=click.Choice(list(STRATEGIES)),
    default="order",
    show_default=True,
    help="Which of the accounts is asked first.",
)
@click.option("--pool", help="Pool of senders.")
@click.option("--at", "at", type=params.WHOLE, help="Place in the order, from 1; the last by default.")
@json_option
@pass_rt
def add(
    rt, name, via, cls, countries, carriers, prefixes, segment, share, strategy, pool, at, as_json
) -> None:
    """Add a rule.

    Example: cooee route add trial --country CN --share 10 --via new:1 --via old:9 --strategy weight
    """
    given = {
        "name": name, "cls": ANY if cls is None else Cls[cls], "countries": countries, "carriers": carriers,
        "prefixes": prefixes, "segment_id": store.get(segment).id if segment else None,
        "share_bp": round(share * 100), "strategy": strategy,
        "pool_id": senders.pool(pool).id if pool else None,
    }  # fmt: skip
    place = None if at is None else at - 1
    made = editing.add(given, [_target(text) for text in via], at=place, who=whoami())
    emit(shown(made), as_json, f"Rule {made.id}, {made.name}, is in force.")


def _target(text: str) -> Target:
    """An account by name, with a weight behind the last colon where that is a number."""
    name, colon, weight = text.rpartition(":")
    if colon and weight.isdecimal():
        return Target(accounts.get(name).id, int(weight))
    return Target(accounts.get(text).id)


@command.command("remove")
@click.argument("rule_id", type=params.ROW_ID)
@json_option
@pass_rt
def remove(rt, rule_id, as_json) -> None:
    """Remove a rule by its id.

    Example: cooee route remove 3
    """
    data = shown(editing.get(rule_id))
    editing.remove(rule_id, who=whoami())
    emit(data, as_json, f"Rule {rule_id}, {data['name']}, is removed.")


@command.command("test")
@click.argument("phone")
@click.option(
    "--class",
    "cls",
    required=True,
    type=click.Choice([cls.name for cls in Cls]),
    help="What kind of message it is.",
)
@click.option("--text", default="", help="The words, for parts and cost.")
@json_option
@pass_rt
def test(rt, phone, cls, text, as_json) -> None:
    """Which way a text to a number would go, and why; nothing is sent.

    Example: cooee route test +8613800138000 --class otp --text "Your code is 123456" --json
    """
    answer = explain.test(rt, phone, Cls[cls], text)
    rows = [
        (
            tested.name or "otherwise",
            "decides" if tested.decides else "fits" if tested.fits else f"no: {tested.misses}",
            one.account,
            "" if one.price_micros is None else f"{one.price_micros / 1e6:.4f} {one.currency}",
            "" if one.arrival is None else f"{one.arrival:.1%}",
            one.state,
            "taken" if one.taken else one.reason,
        )
        for tested in answer.rules
        for one in tested.candidates
    ]
    sender = f" as {answer.sender}" if answer.sender else ""
    head = f"{answer.account}{sender}" if answer.account else "No account can take it now; it would wait."
    human = f"{head}\n\n{table(rows, ('RULE', 'FITS', 'ACCOUNT', 'PRICE', 'ARRIVAL', 'STATE', 'WHY'))}"
    emit(answer.plain(), as_json, human)
