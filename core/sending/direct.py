"""Single messages: a code, a receipt, an answer; the same path as a campaign's, gate for gate.

One campaign a class carries them (`direct:<class>`, always running).  A message's words are kept with it from
the start; an idempotency key makes a repeated call the same message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core import clock, ids, secrecy
from core.audience import consent, contactids, contacts, phones, suppression
from core.content import links, merge, values
from core.contract.errors import Refusal
from core.db import classes, database, tally
from core.db.codes import Cls, LineType, State
from core.db.models import Account
from core.i18n import _
from core.security.spending import Purse
from core.sending import atmost, drafts, messages, vendorfill
from core.sending.dossiers import barring
from core.sending.links import Maker

if TYPE_CHECKING:
    from core.runtime import Runtime

KEY_MAX = 200
#: What stands for a link until the message has an id: brackets nobody types.
_MARKS = {name: f"⦃{idx}⦄" for name, (idx, _kind) in links.SERVICE.items()}


def send(
    rt: Runtime, to: str, cls: str | Cls, text: str, account_id: int | None = None, key: str | None = None,
    who: str = "", until: int | None = None, purse: Purse | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Take one message to a number in any spelling; returns it as `show` does.

    It is sent by a worker within moments; a text to a known landline is kept as skipped.  `key`: the same key
    to the same number is the same message, and with other words a refusal.  `until`: not sent later than this
    (epoch ms), even where its class would allow it.  `purse`: what it costs at most is taken out of it.  Raises
    `Refusal`.
    """
    cls = consent.parse_class(cls) if isinstance(cls, str) else Cls(cls)
    if key is not None and not 1 <= len(key) <= KEY_MAX:
        raise Refusal(_("An idempotency key has 1 to %(max)s characters.", max=KEY_MAX), field="key")
    phone = contacts.number(rt, to)
    if account_id is not None and not Account.select().where(Account.id == account_id).exists():
        raise Refusal(_("There is no account %(id)s.", id=account_id), field="account", status=404)
    if account_id is None and not Account.select().where(Account.enabled == True).exists():  # noqa: E712
        raise Refusal(_("There is no account to send through; add one under Providers."), field="account")
    barring.refuse(cls, account_id)
    campaign_id = campaign(cls)
    contact_id = contact(rt, phone)
    words = _words(rt, text, contact_id)
    vendorfill.refuse_unspoken(rt, words, cls, account_id)

    def pay(body: str) -> None:
        if purse:
            among = [account_id] if account_id else None
            purse.take(atmost.of_single(rt, purse, cls, phone.country, body, among))

    message_id, new = database.retry_locked(
        _store, rt, campaign_id, contact_id, cls, words, account_id or 0, key, until, pay
    )
    if new:
        rt.enqueue("send", campaign_id)
    return show(rt, message_id)


def campaign(cls: Cls) -> int:
    """The campaign that carries single messages of a class; made when first needed."""
    name = f"direct:{cls.name}"
    found = database.scalar("SELECT id FROM campaign WHERE launch_key = ?", (name,))
    if found is not None:
        return found
    now = clock.now_ms()
    with database.write_tx():
        own = drafts.new_id()
        database.execute(
            f"INSERT INTO campaign ({'id, ' if own else ''}name, cls, state, reason, holdout_bp, options, launch_key, "
            'snapshot, rule, salt, "cursor", cursor_end, spent_micros, currency, created_by, approved_by, '
            f"approved_snapshot, created_at, started_at) VALUES ({'?, ' if own else ''}?, ?, 'running', '', 0, '{{}}', "
            "?, '', '', 0, 0, 0, 0, '', '', '', '', ?, ?) ON CONFLICT (launch_key) DO NOTHING",
            (*own.values(), name, int(cls), name, now, now),
        )
    return database.scalar("SELECT id FROM campaign WHERE launch_key = ?", (name,))


def contact(rt: Runtime, phone: phones.Phone) -> int:
    """The contact of a number; somebody we never met becomes one, blocked if the number is."""
    bidx = rt.keys.blind_index(phone.e164)
    found = database.scalar("SELECT id FROM contact WHERE phone_bidx = ?", (bidx,))
    if found is not None:
        return found
    now = clock.now_ms()
    with database.write_tx():
        suppression.hold()
        made = database.scalar(
            "INSERT INTO contact (id, phone_bidx, phone_enc, tail, source, created_at, updated_at) "
            "VALUES (?, ?, ?, ?, 'message', ?, ?) ON CONFLICT (phone_bidx) DO NOTHING RETURNING id",
            (*contactids.new(1), bidx, rt.keys.seal_number(phone.e164), int(phone.e164[-4:]), now, now),
        )
        if made is not None:
            blocked = suppression.masks([bidx]).get(bidx, 0)
            database.execute(
                "INSERT INTO profile (contact_id, country, language, line_type, blocked_bits, created_at) "
                "VALUES (?, ?, '', ?, ?, ?)",
                (made, phone.country, int(phone.line_type), blocked, now),
            )
    return made or database.scalar("SELECT id FROM contact WHERE phone_bidx = ?", (bidx,))


def _words(rt: Runtime, text: str, contact_id: int) -> str:
    known = values.known_names(rt).keys() | links.SERVICE.keys() if "{{" in text else None
    compiled = merge.compile(text.strip(), known=known)
    if not compiled.text:
        raise Refusal(_("A message needs words."), field="text")
    if compiled.static:
        return compiled.text
    columns = values.values_for(rt, compiled.names, [contact_id])
    columns |= {name: [mark] for name, mark in _MARKS.items() if name in compiled.names}
    merged = compiled.render_columns(columns, 1)[0]
    if isinstance(merged, merge.NoText):
        raise Refusal(
            _("The contact has no %(name)s and the text no default for it.", name=merged.name)
            if merged.name
            else _("The text becomes longer than %(max)s characters.", max=merge.MAX_CHARS),
            field="text",
        )
    return merged


def _linked(rt: Runtime, text: str, message_id: int) -> str:
    """The words with the message's own links."""
    for name, mark in _MARKS.items():
        if mark in text:
            text = text.replace(mark, Maker(rt).columns([name], [message_id])[name][0])
    return text


def _store(
    rt: Runtime, campaign_id: int, contact_id: int, cls: Cls, text: str, account_id: int, key: str | None,
    until: int | None, pay: Callable[[str], None],
) -> tuple[int, bool]:  # fmt: skip
    with database.write_tx():
        message_id = ids.allocate(1)
        dedupe = message_id if key is None else dedupe_of(key)
        latest = clock.now_ms() + classes.of(cls).latest_s * 1000
        not_after = latest if until is None else min(latest, until)
        body = _linked(rt, text, message_id)
        why = _unsendable(contact_id, cls)
        if put(message_id, campaign_id, contact_id, cls, body, account_id, not_after, dedupe, why):
            if why is None:
                pay(body)
            return message_id, why is None
    known, body = database.one(
        "SELECT m.id, t.body FROM message m LEFT JOIN message_text t ON t.message_id = m.id "
        "WHERE m.campaign_id = ? AND m.contact_id = ? AND m.dedupe = ?",
        (campaign_id, contact_id, dedupe),
    )
    if secrecy.shown(cls, body or "") != secrecy.shown(cls, _linked(rt, text, known)):
        raise Refusal(
            _("Key “%(key)s” was used for another text to this number; take a new key.", key=key),
            field="key",
            status=409,
        )
    return known, False


def _unsendable(contact_id: int, cls: Cls) -> str | None:
    """Why a message is not even tried, as at expansion (`people.REASONS`); the gates at the wire ask the rest."""
    line = database.scalar("SELECT line_type FROM profile WHERE contact_id = ?", (contact_id,))
    return "landline" if line == LineType.fixed and cls is not Cls.voice else None


def put(
    message_id: int, campaign_id: int, contact_id: int, cls: Cls, body: str, account_id: int, not_after: int,
    dedupe: int | None = None, why: str | None = None,
) -> bool:  # fmt: skip
    """Store one message with its words, ready to be sent, or skipped for the reason `why`, inside `write_tx()`;
    False when there is one of this campaign, contact and `dedupe` (by default its own id, so never)."""
    state = State.skipped if why else State.ready
    new = database.execute(
        "INSERT INTO message (id, campaign_id, contact_id, dedupe, variant, cls, state, reason, attempt, "
        "not_before, not_after, account_id, parts, cost_micros) VALUES (?, ?, ?, ?, 0, ?, ?, ?, 0, ?, ?, ?, 0, 0) "
        "ON CONFLICT (campaign_id, contact_id, dedupe) DO NOTHING",
        (
            message_id, campaign_id, contact_id, message_id if dedupe is None else dedupe, int(cls), int(state),
            why, clock.now_ms(), not_after, account_id,
        ),
    ).rowcount  # fmt: skip
    if new:
        database.execute("INSERT INTO message_text (message_id, body) VALUES (?, ?)", (message_id, body))
        deltas = tally.Deltas()
        deltas.add((campaign_id, 0, account_id, 0, state), 1)
        tally.move(deltas)
    return bool(new)


def dedupe_of(key: str) -> int:
    """63 bits of a key, negative: message ids, which stand here for messages without a key, are positive."""
    return -1 - (int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) >> 1)


def show(rt: Runtime, message: str | int) -> dict[str, Any]:
    """One message by its id or client reference, the number masked.  Raises `Refusal` (404)."""
    text = str(message).strip()
    references = ids.References(rt.keys)
    message_id = None if text.isdigit() else references.id_of(text)
    if message_id is None:
        if not text.isdigit() or len(text) > 19:
            raise Refusal(_("There is no message %(id)s.", id=text[:40]), status=404)
        message_id = int(text)
    row = messages.get(rt, message_id)
    return plain(references, row) | {"text": messages.words(rt, row)[0]}


def plain(references: ids.References, row: messages.Row) -> dict[str, Any]:
    """A message as JSON: the columns of `campaign messages`, and some more."""
    return {
        "message_id": row.id,
        "client_ref": references.of(row.id),
        "campaign_id": row.campaign_id,
        "phone": row.phone,
        "class": row.cls,
        "variant": row.variant,
        "state": row.state,
        "reason": row.reason or None,
        "account": row.account or None,
        "provider_message_id": row.provider_id or None,
        "parts": row.parts,
        "cost": row.cost_micros / 1_000_000,
        "attempts": row.attempt,
        "submitted_at": messages.iso(row.submitted_at) or None,
        "final_at": messages.iso(row.final_at) or None,
    }
