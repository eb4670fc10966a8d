"""`cooee consent`: the ledger of who agreed to what."""

from __future__ import annotations

from typing import Any

import click

from core import clock
from core.audience import chain, consent, contacts, evidence, intents, keywords, topics
from core.cli import common, params
from core.sending import asking
from core.web import evidencefile


@click.group("consent")
def command() -> None:
    """Consent: show, add, revoke, ask; topics, evidence and seals.  Every change is a line of the ledger.

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
        "consent": _standing(contact_id),
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
    at = _standing(contact_id)[cls]
    data = {"phone": contacts.number(rt, phone).e164, "class": cls, **at}
    common.emit(data, as_json, f"{data['phone']}: {cls} is now {at['status']}.")


def _standing(contact_id: int) -> dict[str, dict[str, Any]]:
    return {
        cls: {key: _iso(value) if key == "at" else value for key, value in at.items()}
        for cls, at in contacts.consent_dict(contact_id).items()
    }


def _line(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"cls": event["cls"].name, "at": _iso(event["at"])}


def _iso(at: int) -> str:
    return clock.from_ms(at).isoformat(timespec="seconds")


def _told(data: dict[str, Any]) -> str:
    lines = [f"{cls}: {at['status']}" for cls, at in data["consent"].items()]
    rows = [(e["at"], e["cls"], e["action"], e["source"], e["who"]) for e in data["history"]]
    return "\n".join([*lines, "", common.table(rows, ("at", "class", "action", "source", "by"))])


@command.command("verify")
@common.json_option
@common.pass_rt
@click.pass_context
def verify(ctx: click.Context, rt, as_json: bool) -> None:
    """Walk the ledger's chain of seals; exit status 1 and the first broken line or seal when any is.

    Example: cooee consent verify --json
    """
    report = chain.verify(rt)
    data = {
        "ok": report.broken is None,
        "events": report.events,
        "seals": report.seals,
        "broken": report.broken,
    }
    common.emit(
        data, as_json, f"{common.many(report.events, 'event')} under {common.many(report.seals, 'seal')}."
    )
    if report.broken:
        click.echo(f"cooee: {report.broken}", err=True)
        ctx.exit(1)


@command.command("ask")
@click.argument("phone")
@click.option("--class", "cls", default="mass", show_default=True, help="mass or voice.")
@click.option("--source", default="asked by command", show_default=True, help="Where they signed up.")
@click.option("--account", "account_id", type=params.ROW_ID, default=None, help="Account to send through.")
@common.json_option
@common.pass_rt
def ask(rt, phone: str, cls: str, source: str, account_id: int | None, as_json: bool) -> None:
    """Ask a contact by text to confirm (double opt-in): YES or 是 answers.

    At most 3 questions in 7 days, 10 minutes apart.

    Example: cooee consent ask +8613800138000 --class mass
    """
    made = asking.ask(
        rt,
        contacts.need(rt, phone),
        consent.parse_class(cls),
        source=source,
        who=common.whoami(),
        account_id=account_id,
    )
    common.emit(made, as_json, f"Asked {made['phone']}; message {made['message_id']}.")


@command.command("export")
@click.argument("phone")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["html", "json"]),
    default="html",
    show_default=True,
    help="For people or for programs.",
)
@common.pass_rt
def export(rt, phone: str, kind: str) -> None:
    """Everything that proves what a number agreed to, as one readable file; contact or not.

    Example: cooee consent export +8613800138000 --format html > evidence.html
    """
    data = evidence.evidence(rt, phone, who=common.whoami())
    click.echo(evidencefile.html(data) if kind == "html" else evidencefile.json(data))


@command.group("topic")
def topic() -> None:
    """Topics: purposes inside a class that people can switch off by themselves.

    Example: cooee consent topic add sales "Sales and offers" --title-zh 优惠活动
    """


@topic.command("add")
@click.argument("key")
@click.argument("title")
@click.option("--title-zh", default="", help="The title in Chinese.")
@click.option("--class", "cls", default="mass", show_default=True, help="mass or voice.")
@click.option("--private", is_flag=True, help="Not shown on the preference page.")
@common.json_option
@common.pass_rt
def topic_add(rt, key: str, title: str, title_zh: str, cls: str, private: bool, as_json: bool) -> None:
    """Make a topic; a campaign names it with --option topic=KEY.

    Example: cooee consent topic add sales "Sales and offers"
    """
    made = topics.add(
        key, title, title_zh=title_zh, cls=consent.parse_class(cls), public=not private, who=common.whoami()
    )
    common.emit(_topic(made), as_json, f"Topic {made.key}.")


@topic.command("list")
@common.json_option
@common.pass_rt
def topic_list(rt, as_json: bool) -> None:
    """All topics, and how many people opted out of each.

    Example: cooee consent topic list --json
    """
    outs = topics.outs()
    data = [_topic(made) | {"opted_out": outs.get(made.id, 0)} for made in topics.every()]
    rows = [(made["key"], made["title"], made["class"], made["opted_out"]) for made in data]
    common.emit(data, as_json, common.table(rows, ("key", "title", "class", "opted out")))


@topic.command("set")
@click.argument("phone")
@click.argument("key")
@click.argument("word", type=click.Choice(["in", "out"]))
@click.option("--source", required=True, help="How the person said so.")
@common.json_option
@common.pass_rt
def topic_set(rt, phone: str, key: str, word: str, source: str, as_json: bool) -> None:
    """Record that a contact wants a topic, or does not.

    Example: cooee consent topic set +8613800138000 sales out --source "phone call"
    """
    contact_id, made = contacts.need(rt, phone), topics.get(key)
    topics.change(rt, contact_id, made, word == "in", source=source, who=common.whoami())
    common.emit({"topic": made.key, "wants": word == "in"}, as_json, f"{made.key}: {word}")


@command.command("keywords")
@click.option("--test", "text", default=None, help="Say what this reply would do.")
@click.option("--country", default="", help="ISO country of the number that wrote it.")
@common.json_option
@common.pass_rt
def words(rt, text: str | None, country: str, as_json: bool) -> None:
    """The words that end, begin, confirm or explain; with --test what a reply would do.

    \b
    Examples:
      cooee consent keywords --json
      cooee consent keywords --test "please take me off your list" --country US
    """
    if text is None:
        common.emit(keywords.load(), as_json)
        return
    keyword = keywords.intent(text, country.upper())
    reading = intents.Reading(keyword, "keyword") if keyword else intents.read(text)
    data = {"text": text, "meant": reading.intent or None, "by": reading.pattern or None}
    common.emit(data, as_json, f"{reading.intent or 'nothing'} {reading.pattern}".rstrip())


def _topic(made: topics.Topic) -> dict[str, Any]:
    return {
        "key": made.key, "title": made.title, "title_zh": made.title_zh, "class": made.cls.name, "public": made.public,
    }  # fmt: skip
