"""`cooee vendor-template`: templates at vendors that send approved ones only."""

from __future__ import annotations

import click

from core.cli.common import emit, json_option, many, pair, pass_rt, table, whoami
from core.content import templates
from core.content.vendortexts import match, standing, store
from core.contract.errors import Refusal
from core.db.models import Account
from core.runtime import Runtime
from core.sending import accounts, vendorsync

_account = click.option("--account", "account_name", required=True, help="The account, by name.")


@click.group()
def command() -> None:
    """Vendor templates: what the vendor approved, and which text of yours each one is.

    Example: cooee vendor-template sync --account aliyun
    """


@command.command("list")
@_account
@click.option("--state", type=click.Choice(("approved", "pending", "rejected", "paused")), help="Only these.")
@json_option
@pass_rt
def list_(rt: Runtime, account_name: str, state: str | None, as_json: bool) -> None:
    """What the vendor had when it was last asked.

    Example: cooee vendor-template list --account aliyun --state rejected --json
    """
    account = _needing(rt, account_name)
    data = {
        "account": account.name,
        "synced_at": vendorsync.last(account.id)["at"] or None,
        "signatures": [{"name": m.name, "state": m.state, "reason": m.reason} for m in store.signatures(account.id)],
        "templates": [
            {
                "code": t.code, "name": t.name, "class": t.kind or None, "state": t.state, "reason": t.reason,
                "abroad": t.abroad, "words": t.words,
            }
            for t in store.templates(account.id, state or "")
        ],
    }  # fmt: skip
    emit(data, as_json, _told)


def _told(data: dict) -> str:
    marks = "  ".join(f"【{m['name']}】 {m['state']}" for m in data["signatures"])
    rows = ([t["code"], t["state"], t["class"] or "", t["words"]] for t in data["templates"])
    return f"{marks}\n\n{table(rows, ('code', 'state', 'class', 'words'))}"


@command.command()
@_account
@json_option
@pass_rt
def sync(rt: Runtime, account_name: str, as_json: bool) -> None:
    """Ask the vendor for its templates and signatures now.

    Example: cooee vendor-template sync --account tencent --json
    """
    account = _needing(rt, account_name)
    n, marks = vendorsync.sync(rt, account.id, whoami())
    emit(
        {"templates": n, "signatures": marks}, as_json, f"{many(n, 'template')}, {many(marks, 'signature')}."
    )


@command.command("map")
@click.argument("name")
@_account
@click.option("--lang", help="Language of the text; the default one if left out.")
@click.option("--code", help="The vendor's template; the one with the same words if left out.")
@click.option("--signature", help="The signature; that of the text, else the account's, if left out.")
@click.option(
    "--param", "given", multiple=True, help="VARIABLE=TEXT, e.g. --param 'code={{coupon}}'. Repeatable."
)
@json_option
@pass_rt
def map_(
    rt: Runtime, name: str, account_name: str, lang: str | None, code: str | None, signature: str | None,
    given: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Say which vendor template a text of yours is; variables are proposed where the words are the same.

    Example: cooee vendor-template map spring --account aliyun --code SMS_123456789
    """
    account, ours = _needing(rt, account_name), templates.find(name)
    texts = templates.texts(ours.id)
    lang = lang or ours.default_lang
    if lang not in texts:
        raise Refusal(f"“{ours.name}” has no text in {lang}, only in {', '.join(texts)}.", field="lang")
    body = texts[lang].body
    found = standing.candidates(rt, account, body, most=1000)
    chosen = next((c for c in found if (c.template.code == code if code else c.params is not None)), None)
    if chosen is None:
        raise Refusal(
            f"{account.name} has no template {code}; `cooee vendor-template sync` fetches them."
            if code
            else f"No template of {account.name} has these words; name one with --code.",
            field="code",
        )
    params = dict(chosen.params or {}) | dict(
        pair(text, "VARIABLE=TEXT, e.g. code={{coupon}}", "param") for text in given
    )
    mark = signature or match.signed(body)[0] or standing.default_signature(account)
    store.put(rt, ours.id, lang, account.id, chosen.template.code, mark, params, whoami())
    kept = store.mappings(ours.id)[lang, account.id]
    data = {
        "template": ours.name, "lang": lang, "account": account.name, "code": kept.code,
        "signature": kept.signature, "params": dict(kept.params), "state": chosen.template.state,
    }  # fmt: skip
    human = "\n".join([f"{ours.name} ({lang}) is {kept.code} of {account.name}, {chosen.template.state}."] + [
        f"  {variable} = {text}" for variable, text in kept.params.items()])  # fmt: skip
    emit(data, as_json, human)


def _needing(rt: Runtime, name: str) -> Account:
    account = accounts.get(name)
    if account.id not in store.needing(rt):
        raise Refusal(f"Account {account.name} sends any text; it knows no templates.", field="account")
    return account
