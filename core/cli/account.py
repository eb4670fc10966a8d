"""`cooee account`: configured providers."""

from __future__ import annotations

from typing import Any

import click

from core import clock
from core.cli import params
from core.cli.common import emit, json_option, pair, pass_rt, table, whoami
from core.cli.message import said
from core.contract.errors import ProviderError, Refusal
from core.sending import accounts, prices


@click.group("account")
def command() -> None:
    """Accounts: providers configured for sending.

    Example: cooee account add try --provider simulator --set seed=7
    """


def _pairs(given: tuple[str, ...], shape: str = "KEY=VALUE") -> dict[str, str]:
    return dict(pair(one, shape, "set") for one in given)


def shown(rt, account) -> dict[str, Any]:
    """An account as JSON; of secrets only whether they are set."""
    return {
        "id": account.id,
        "name": account.name,
        "provider": account.provider,
        "state": accounts.state_of(account),
        "plugin_missing": account.provider not in rt.plugins.providers,
        "sender": account.sender,
        "rate_per_s": account.rate_per_s,
        "settings": accounts.shown(rt, account),
        "receipt_url": accounts.callback_url(rt, account),
        "inbound_url": accounts.callback_url(rt, account, "inbound"),
        "halted": account.halted,
        "last_error": account.last_error,
        "last_ok_at": account.last_ok_at and clock.from_ms(account.last_ok_at).isoformat(),
    }


@command.command("add")
@click.argument("name")
@click.option("--provider", required=True, help="simulator, http, null, or one a plugin offers.")
@click.option(
    "--set", "given", multiple=True, metavar="KEY=VALUE", help="A setting of the provider. Repeatable."
)
@click.option("--sender", default="", help="What recipients see as the sender, where the provider allows it.")
@click.option("--rate", "rate_per_s", type=params.Finite(0), help="Texts a second at most, over all workers.")
@click.option("--price", "price", help="Price of one part everywhere, e.g. 0.045CNY.")
@json_option
@pass_rt
def add(rt, name, provider, given, sender, rate_per_s, price, as_json) -> None:
    """Configure a provider under a name.

    Example: cooee account add gw --provider http --set url=https://gw.example/send --set id_path=id
    """
    parsed = prices.parse(price) if price else None
    made = accounts.create(
        rt, name, provider, _pairs(given), sender=sender, rate_per_s=rate_per_s, who=whoami()
    )
    if parsed:
        prices.put(made.id, [prices.Line(*parsed)], who=whoami())
    told = f"Account {made.name} ({provider}).  Receipts: {accounts.callback_url(rt, made)}"
    emit(shown(rt, made), as_json, told)


@command.command("list")
@json_option
@pass_rt
def list_(rt, as_json) -> None:
    """All accounts.

    Example: cooee account list --json
    """
    data = [shown(rt, account) for account in accounts.every()]
    rows = [
        (
            d["name"], d["provider"], "plugin missing" if d["plugin_missing"] else d["state"], d["rate_per_s"] or "",
            d["last_error"],
        )
        for d in data
    ]  # fmt: skip
    emit(data, as_json, table(rows, ("NAME", "PROVIDER", "STATE", "RATE/S", "LAST ERROR")))


@command.command("edit")
@click.argument("name")
@click.option(
    "--set", "given", multiple=True, metavar="KEY=VALUE", help="A setting of the provider. Repeatable."
)
@click.option("--rename", help="A new name.")
@click.option("--sender", help="What recipients see as the sender.")
@click.option("--rate", "rate", help="Texts a second at most; 'none' lifts the limit.")
@click.option("--enable/--disable", "on", default=None, help="Use it or not; enabling lifts a halt.")
@json_option
@pass_rt
def edit(rt, name, given, rename, sender, rate, on, as_json) -> None:
    """Change an account; what is not given stays as it is.

    Example: cooee account edit gw --rate 50 --enable
    """
    account = accounts.get(name)
    limit: Any = "" if rate is None else None if rate == "none" else rate
    account = accounts.edit(
        rt, account, _pairs(given), name=rename, sender=sender, rate_per_s=limit, who=whoami()
    )
    if on is not None:
        accounts.switch(account, on, who=whoami())
    emit(shown(rt, accounts.get(account.id)), as_json, f"Account {account.name} is changed.")


@command.command("test")
@click.argument("name")
@click.option("--to", required=True, help="The number, with country code or in the instance's region.")
@click.option("--text", required=True, help="The words.")
@click.option(
    "--wait",
    "wait_s",
    type=params.Finite(0),
    default=10.0,
    show_default=True,
    help="Seconds to wait for the provider's answer.",
)
@json_option
@pass_rt
def test(rt, name, to, text, wait_s, as_json) -> None:
    """Send one text through an account; a worker must be running.

    Example: cooee account test gw --to +8613800138000 --text "Hello" --json
    """
    from core.sending import direct, leases

    account = accounts.get(name)
    made = direct.send(rt, to, "notice", text, account.id, None, whoami())
    until = clock.monotonic() + wait_s
    while made["state"] in ("ready", "claimed", "submitting") and clock.monotonic() < until:
        clock.sleep(0.1)
        made = direct.show(rt, made["message_id"])
    emit(made, as_json, said(made))
    if made["state"] == "ready" and not leases.someone():
        raise Refusal("Not sent yet: no worker is at work; start `cooee up`.")


@command.command("balance")
@click.argument("name")
@json_option
@pass_rt
def balance(rt, name, as_json) -> None:
    """Ask the provider what is left.

    Example: cooee account balance gw
    """
    from core.sending import balances

    account = accounts.get(name)
    try:
        left = balances.ask(rt, account)
    except ProviderError as error:
        raise Refusal(f"{account.name} did not tell its balance: {error}") from None
    if left is None:
        raise Refusal(f"Provider {account.provider} does not tell a balance.")
    data = {"amount_micros": left.amount_micros, "currency": left.currency, "units": left.units}
    told = (
        f"{left.units} parts"
        if left.units is not None
        else f"{(left.amount_micros or 0) / 1e6} {left.currency}"
    )
    emit(data, as_json, told)


@command.command("prices")
@click.argument("name")
@click.option(
    "--file",
    "file",
    type=params.Opened("r", encoding="utf-8-sig"),
    help="CSV: country,class,price,currency,from",
)
@json_option
@pass_rt
def prices_(rt, name, file, as_json) -> None:
    """Show the prices of an account, or take them from a CSV file.

    Example: cooee account prices gw --file prices.csv
    """
    account = accounts.get(name)
    if file is not None:
        try:
            lines = file.read()
        except UnicodeDecodeError:
            raise Refusal(
                f"{file.name} is not UTF-8; save it as UTF-8 and try again.", field="file"
            ) from None
        prices.put(account.id, prices.read_csv(lines), who=whoami())
    rows = prices.table(account.id)
    data = [line.as_dict() for line in rows]
    human = table(
        [
            (d["country"] or "any", d["class"] or "any", d["price"], d["currency"], d["from"] or "always")
            for d in data
        ],
        ("COUNTRY", "CLASS", "PRICE OF A PART", "CURRENCY", "FROM"),
    )
    emit(data, as_json, human)


@command.command("errors")
@click.argument("name")
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="CODE=KIND",
    help="What a code means; without a kind what the vendor's own list says. Repeatable.",
)
@json_option
@pass_rt
def errors(rt, name, given, as_json) -> None:
    """What the vendor's error codes mean for an account, and what each does.

    Example: cooee account errors gw --set 30007=content --set 30003=handset
    """
    from core.sending import errorkinds

    account = accounts.get(name)
    if given:
        errorkinds.put(account, _pairs(given, "CODE=KIND"), who=whoami())
        account = accounts.get(account.id)
    data = [row._asdict() for row in errorkinds.table(rt, account)]
    for row in data:
        row["last_at"] = row["last_at"] and clock.from_ms(row["last_at"]).isoformat()
    rows = [(d["code"], d["kind"], d["default"] if d["changed"] else "", d["n"]) for d in data]
    emit(data, as_json, table(rows, ("CODE", "KIND", "INSTEAD OF", f"IN {errorkinds.DAYS} DAYS")))
