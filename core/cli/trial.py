"""`cooee trial`: try accounts on phones of your own."""

from __future__ import annotations

from typing import Any

import click

from core.cli import params
from core.cli.common import emit, json_option, many, pass_rt, table, whoami
from core.contract.errors import Refusal
from core.db.models import Trial
from core.measure.trials import confirm, phones, plan, report, run, sheet, words
from core.sending import accounts


@click.group("trial")
def command() -> None:
    """Trials: who really delivers, on phones of your own.

    \b
    Example:
      cooee trial plan "Spring" --account A --account B --phones phones.csv --agreed
      cooee trial start 1
      cooee trial report 1 --json
    """


@command.command("plan")
@click.argument("name")
@click.option(
    "--account", "account_names", multiple=True, required=True, help="An account to try. Repeatable."
)
@click.option("--phones", "file", required=True, type=params.SOURCE,
              help="Lines “number, owner, night or seed account”.")  # fmt: skip
@click.option(
    "--function",
    "functions",
    multiple=True,
    type=click.Choice(words.FUNCTIONS),
    help="What to find out. Repeatable.",
)
@click.option(
    "--hours",
    "windows",
    multiple=True,
    type=click.Choice(list(plan.WINDOWS)),
    help="When to send. Repeatable.",
)
@click.option(
    "--promise", type=params.Finite(), default=95.0, show_default=True, help="Promised arrival, percent."
)
@click.option(
    "--margin", type=params.Finite(), default=5.0, show_default=True, help="Know it to ± so many points."
)
@click.option(
    "--texts",
    type=params.WHOLE,
    default=0,
    help="Texts of each account; by default as many as the margin needs.",
)
@click.option(
    "--per-window",
    type=params.WHOLE,
    default=2,
    show_default=True,
    help="Texts of each account to a phone in one window.",
)
@click.option(
    "--lang", type=click.Choice(words.LANGS), default="en", show_default=True, help="Language of the texts."
)
@click.option("--prefix", default="", help="In front of each text, such as 【Shop】.")
@click.option("--start", "day", default="", help="From this day on, as 2026-11-22.")
@click.option("--agreed", is_flag=True, help="All owners agreed to the test texts.")
@json_option
@pass_rt
def plan_(
    rt, name, account_names, file, functions, windows, promise, margin, texts, per_window, lang, prefix, day, agreed,
    as_json,
) -> None:  # fmt: skip
    """Plan a trial: what it costs and when it ends; nothing is sent.

    Example: cooee trial plan "Spring" --account A --account B --phones phones.csv --hours 10 --hours 19 --agreed
    """
    given: dict[str, Any] = {
        "accounts": [accounts.get(one).id for one in account_names], "promise": promise / 100, "margin": margin / 100,
        "texts": texts, "per_window": per_window, "lang": lang, "prefix": prefix, "start": day, "agreed": agreed,
    }  # fmt: skip
    if functions:
        given["functions"] = functions
    if windows:
        given["windows"] = windows
    try:
        lines = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal(f"{file} is not UTF-8 text; save it as CSV UTF-8.", field="phones") from None
    found = phones.read(rt, lines)
    trial_id = plan.create(name, whoami(), **given)
    phones.keep(rt, trial_id, found, whoami())
    data = sheet.planned(rt, plan.get(trial_id))
    emit(data, as_json, _planned)


def _planned(data: dict[str, Any]) -> str:
    rows = [
        (one["account"], one["texts"], one["parts"], one["cost"], one["currency"]) for one in data["cost"]
    ]
    span = f", {data['begins']} to {data['ends']}" if data["begins"] else ""
    head = f"Trial {data['id']}: {many(data['texts'], 'text')}{span}.\n{data['says']}"
    lacks = "".join(f"\nIt lacks: {one}" for one in data["lacks"])
    return f"{head}{lacks}\n\n{table(rows, ('ACCOUNT', 'TEXTS', 'PARTS', 'COST', 'CURRENCY'))}"


@command.command("list")
@json_option
@pass_rt
def list_(rt, as_json: bool) -> None:
    """All trials, the newest first.

    Example: cooee trial list --json
    """
    data = [sheet.line(one) for one in Trial.select().order_by(Trial.id.desc())]
    rows = [(one["id"], one["name"], one["state"], ", ".join(one["accounts"])) for one in data]
    emit(data, as_json, table(rows, ("ID", "NAME", "STATE", "ACCOUNTS")))


@command.command("show")
@click.argument("trial_id", type=params.ROW_ID)
@json_option
@pass_rt
def show(rt, trial_id: int, as_json: bool) -> None:
    """The plan of a trial and how far it is.

    Example: cooee trial show 1 --json
    """
    data = sheet.whole(rt, plan.get(trial_id))
    rows = [(one["phone"], one["carrier"], one["owner"], one["seed"]) for one in data["phones"]]
    states = ", ".join(f"{n} {state}" for state, n in data["texts"].items()) or "no texts yet"
    human = f"{data['name']}: {data['state']}; {states}\n\n{table(rows, ('PHONE', 'CARRIER', 'OWNER', 'HANDS OVER'))}"
    emit(data, as_json, human)


@command.command("start")
@click.argument("trial_id", type=params.ROW_ID)
@json_option
@pass_rt
def start(rt, trial_id: int, as_json: bool) -> None:
    """Start a trial; the workers send its texts at their hours.

    Example: cooee trial start 1
    """
    n = run.start(rt, trial_id, whoami())
    emit(
        {"id": trial_id, "texts": n},
        as_json,
        f"Trial {trial_id} runs: {many(n, 'text is', 'texts are')} planned.",
    )


@command.command("confirm")
@click.argument("trial_id", type=params.ROW_ID)
@click.argument("nonces", nargs=-1, required=True)
@click.option(
    "--how",
    type=click.Choice(["yes", "damaged", "no"]),
    default="yes",
    show_default=True,
    help="Did they arrive?",
)
@click.option("--text", default="", help="What was read, where it differs.")
@click.option("--sender", default="", help="The sender the phone showed.")
@json_option
@pass_rt
def confirm_(rt, trial_id: int, nonces, how: str, text: str, sender: str, as_json: bool) -> None:
    """Say what became of texts, by their words.

    \b
    Example:
      cooee trial confirm 1 K7F2-93 B4M1-07 --sender 10691234
      cooee trial confirm 1 C2D8-55 --how no
    """
    said = {nonce: confirm.Said(how, text, sender) for nonce in nonces}
    n = confirm.by_nonce(trial_id, said, whoami())
    emit({"id": trial_id, "noted": n}, as_json, f"{many(n, 'text is', 'texts are')} noted.")


@command.command("report")
@click.argument("trial_id", type=params.ROW_ID)
@json_option
@pass_rt
def report_(rt, trial_id: int, as_json: bool) -> None:
    """What a trial says of each account, with intervals and evidence.

    Example: cooee trial report 1 --json
    """
    run.collect(plan.get(trial_id).id)
    emit(report.make(rt, trial_id).plain(), as_json, _told)


def _told(data: dict[str, Any]) -> str:
    shares = ("accepted", "arrival", "claimed", "false", "missing", "damaged", "replaced")
    rows = [(one["account"], *(_share(one[name]) for name in shares)) for one in data["accounts"]]
    said = [f"{one['account']}: {one['sentence']}" for one in data["accounts"]] + data["sentences"]
    return "\n".join(said) + "\n\n" + table(rows, ("ACCOUNT", *(name.upper() for name in shares)))


def _share(one: dict[str, Any]) -> str:
    counted = f"{one['numerator']}/{one['denominator']}"
    return counted if one["value"] is None else f"{counted} {one['value']:.1%}"
