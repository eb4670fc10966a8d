"""Templates and signatures as the vendors told them, and the mappings people made; tables and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from core import clock
from core.content import merge, values
from core.content.vendortexts import match
from core.contract import types as t
from core.contract.errors import Refusal
from core.db import database
from core.db.models import Account, VendorTemplate
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

_TEMPLATE = "code, name, kind, words, state, reason, abroad, synced_at"


class Template(NamedTuple):
    """A row of `vendor_template`."""

    code: str
    name: str
    kind: str
    words: str
    state: str
    reason: str
    abroad: bool
    synced_at: int


class Signature(NamedTuple):
    """A row of `vendor_signature`."""

    name: str
    state: str
    reason: str
    synced_at: int


@dataclass(frozen=True, slots=True)
class Mapped:
    """Which vendor template a text of ours is; `params` are texts with our fields, a vendor variable each."""

    account_id: int
    code: str
    signature: str
    params: Mapping[str, str]


def needing(rt: Runtime) -> dict[int, Account]:
    """Accounts whose provider sends approved templates only, by id, in the order of their names."""
    names = [name for name, cls in rt.plugins.providers.items() if cls.needs_templates]
    if not names:
        return {}
    found = Account.select().where(Account.provider.in_(names)).order_by(Account.name)
    return {account.id: account for account in found}


def variable_of(rt: Runtime, account: Account) -> str:
    """How the account's vendor writes a variable, as an expression."""
    return rt.plugins.providers[account.provider].VARIABLE


# --- what vendors told --------------------------------------------------------------------------------


def templates(account_id: int, state: str = "") -> list[Template]:
    """An account's templates by code; of one state, or all."""
    where, params = ("AND state = ?", (account_id, state)) if state else ("", (account_id,))
    rows = database.query(
        f"SELECT {_TEMPLATE} FROM vendor_template WHERE account_id = ? {where} ORDER BY code", params
    )
    return [Template(*row[:6], bool(row[6]), row[7]) for row in rows]


def template(account_id: int, code: str) -> Template | None:
    """One of them."""
    row = database.one(
        f"SELECT {_TEMPLATE} FROM vendor_template WHERE account_id = ? AND code = ?", (account_id, code)
    )
    return Template(*row[:6], bool(row[6]), row[7]) if row else None


def signatures(account_id: int) -> list[Signature]:
    """An account's signatures by name."""
    rows = database.query(
        "SELECT name, state, reason, synced_at FROM vendor_signature WHERE account_id = ? ORDER BY name",
        (account_id,),
    )
    return [Signature(*row) for row in rows]


def keep(
    account_id: int,
    variable: str,
    found: Iterable[t.VendorTemplate],
    signed: Iterable[t.VendorSignature],
) -> None:
    """Replace what is known of an account by what its vendor told now; what is gone there goes here."""
    at = clock.now_ms()
    rows = {
        one.code: (
            account_id, one.code[:255], one.name[:255], one.kind, one.words,
            json.dumps(match.cut(one.words, variable).names), _state(one.state), one.reason[:500], one.abroad, at,
        )
        for one in found
    }  # fmt: skip
    marks = {
        one.name: (account_id, one.name[:255], _state(one.state), one.reason[:500], at) for one in signed
    }
    with database.write_tx():
        database.execute("DELETE FROM vendor_template WHERE account_id = ?", (account_id,))
        database.execute("DELETE FROM vendor_signature WHERE account_id = ?", (account_id,))
        database.executemany(
            "INSERT INTO vendor_template (account_id, code, name, kind, words, variables, state, reason, abroad, "
            "synced_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            list(rows.values()),
        )
        database.executemany(
            "INSERT INTO vendor_signature (account_id, name, state, reason, synced_at) VALUES (?, ?, ?, ?, ?)",
            list(marks.values()),
        )


def add_pending(account_id: int, variable: str, made: t.VendorTemplate) -> None:
    """Remember a template that was just handed in for review."""
    row = {
        "name": made.name, "kind": made.kind, "words": made.words, "state": "pending", "reason": "",
        "variables": json.dumps(match.cut(made.words, variable).names), "abroad": made.abroad,
        "synced_at": clock.now_ms(),
    }  # fmt: skip
    with database.write_tx():
        VendorTemplate.insert(account_id=account_id, code=made.code, **row).on_conflict(
            conflict_target=[VendorTemplate.account_id, VendorTemplate.code], update=row
        ).execute()


def _state(word: str) -> str:
    return word if word in t.REVIEWS else "pending"


# --- mappings -----------------------------------------------------------------------------------------


def mappings(template_id: int) -> dict[tuple[str, int], Mapped]:
    """{(language, account): mapping} of a template of ours."""
    rows = database.query(
        "SELECT lang, account_id, code, signature, params FROM vendor_mapping WHERE template_id = ?",
        (template_id,),
    )
    return {
        (lang, account): Mapped(account, code, signature, json.loads(params))
        for lang, account, code, signature, params in rows
    }


def put(
    rt: Runtime, template_id: int, lang: str, account_id: int, code: str, signature: str,
    params: Mapping[str, str], who: str,
) -> None:  # fmt: skip
    """Say which vendor template a text is.  It may still be under review; `standing` says when it may go.

    Raises `Refusal` for a template the vendor does not have, a variable left empty and a field there is not.
    """
    account = _account(rt, account_id)
    there = template(account_id, code)
    if there is None:
        raise Refusal(
            _("%(account)s has no template %(code)s; fetch its list anew.", account=account.name, code=code),
            field="code",
        )
    known = values.known_names(rt)
    names = match.cut(there.words, variable_of(rt, account)).names
    kept = {name: (params.get(name) or "").strip() for name in names}
    for name, text in kept.items():
        if not text:
            raise Refusal(
                _("Say what fills the variable %(name)s of %(code)s.", name=name, code=code),
                field=f"p-{name}",
            )
        try:
            merge.compile(text, lang, known)
        except merge.BadText as error:
            raise Refusal(f"{name}: {error}", field=f"p-{name}") from None
    signature = signature.strip("【】 ")
    with database.write_tx():
        database.execute(
            "INSERT INTO vendor_mapping (template_id, lang, account_id, code, signature, params, changed_by, "
            "changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (template_id, lang, account_id) DO UPDATE SET "
            "code = excluded.code, signature = excluded.signature, params = excluded.params, "
            "changed_by = excluded.changed_by, changed_at = excluded.changed_at",
            (
                template_id, lang, account_id, code, signature, json.dumps(kept, ensure_ascii=False), who,
                clock.now_ms(),
            ),
        )  # fmt: skip
        audit.record(who, "template.vendor", f"template:{template_id}", f"{account.name} {lang} {code}")


def remove(rt: Runtime, template_id: int, lang: str, account_id: int, who: str) -> None:
    """Take a mapping away; campaigns already launched keep theirs."""
    account = _account(rt, account_id)
    with database.write_tx():
        database.execute(
            "DELETE FROM vendor_mapping WHERE template_id = ? AND lang = ? AND account_id = ?",
            (template_id, lang, account_id),
        )
        audit.record(who, "template.vendor", f"template:{template_id}", f"{account.name} {lang} –")


def _account(rt: Runtime, account_id: int) -> Account:
    account = needing(rt).get(account_id)
    if account is None:
        raise Refusal(
            _("Account %(id)s does not send through templates of its vendor.", id=account_id),
            field="account",
            status=404,
        )
    return account


# --- a launch -----------------------------------------------------------------------------------------


def of_campaign(campaign_id: int) -> list[list]:
    """What of the mappings a launch would freeze, as rows that can be hashed."""
    rows = database.query(
        "SELECT v.idx, m.lang, m.account_id, m.code, m.signature, m.params, t.words FROM variant v "
        "JOIN vendor_mapping m ON m.template_id = v.template_id "
        "JOIN vendor_template t ON t.account_id = m.account_id AND t.code = m.code "
        "WHERE v.campaign_id = ? ORDER BY v.idx, m.lang, m.account_id",
        (campaign_id,),
    )
    return [list(row) for row in rows]


def freeze(campaign_id: int) -> None:
    """Keep the mappings of a campaign's templates as they stand.  Inside `write_tx()`."""
    database.execute("DELETE FROM variant_vendor WHERE campaign_id = ?", (campaign_id,))
    database.execute(
        "INSERT INTO variant_vendor (campaign_id, idx, lang, account_id, code, signature, params, words, kind) "
        "SELECT v.campaign_id, v.idx, m.lang, m.account_id, m.code, m.signature, m.params, t.words, t.kind "
        "FROM variant v JOIN vendor_mapping m ON m.template_id = v.template_id "
        "JOIN vendor_template t ON t.account_id = m.account_id AND t.code = m.code WHERE v.campaign_id = ?",
        (campaign_id,),
    )


class Frozen(NamedTuple):
    """A mapping of a launched campaign."""

    code: str
    signature: str
    params: Mapping[str, str]
    words: str
    kind: str


def frozen(campaign_id: int, account_id: int) -> dict[tuple[int, str], Frozen]:
    """{(variant, language): mapping} for one account."""
    rows = database.query(
        "SELECT idx, lang, code, signature, params, words, kind FROM variant_vendor "
        "WHERE campaign_id = ? AND account_id = ?",
        (campaign_id, account_id),
    )
    return {
        (idx, lang): Frozen(code, signature, json.loads(params), words, kind)
        for idx, lang, code, signature, params, words, kind in rows
    }


def states(
    account_id: int, codes: Sequence[str], names: Sequence[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """({code: state}, {signature: state}) as the last look found them; what is gone is not in them."""
    found = {one.code: one.state for one in templates(account_id) if one.code in set(codes)}
    return found, {one.name: one.state for one in signatures(account_id) if one.name in set(names)}
