"""One contact: reading, making by hand, editing, revealing its number, erasing it.

Lists are in `search`, bulk work in `importing` and `labels`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import birthdays, consent, contactids, fields, kinds, labels, search, suppression
from core.audience.events import waiting
from core.audience.importing.values import choice_text
from core.audience.lookup import look_up as look_up
from core.audience.lookup import need as need
from core.audience.lookup import number as number
from core.audience.quality import merged
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, LineType
from core.db.models import Field
from core.genders import choice_word
from core.i18n import _
from core.security import audit, crypto

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Columns of `contact` and `profile` a person may edit beside the fields.
BASICS = ("name", "email", "language")
_MAX = {"name": 100, "email": 254, "language": 8}


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact with its fields; the number is masked (`reveal` gives it whole)."""

    id: int
    phone: str
    name: str
    email: str
    country: str
    language: str
    line_type: LineType
    source: str
    batch_id: int | None
    created_at: int
    updated_at: int
    last_sent_at: int
    sent_count: int
    consent_bits: int
    optout_bits: int
    blocked_bits: int
    labels: list[dict]
    phone_bidx: bytes


def get(rt: Runtime, contact_id: int) -> Contact:
    """A contact by id; raises `Refusal` (404)."""
    row = database.one(
        "SELECT c.phone_enc, c.name, c.email, p.country, p.language, p.line_type, c.source, c.batch_id, "
        "c.created_at, c.updated_at, p.last_sent_at, p.sent_count, p.consent_bits, p.optout_bits, "
        "p.blocked_bits, c.phone_bidx FROM contact c JOIN profile p ON p.contact_id = c.id WHERE c.id = ?",
        (contact_id,),
    )
    if row is None:
        raise Refusal(_("This contact does not exist any more."), status=404)
    return Contact(
        *(contact_id, crypto.mask(rt.keys.open_number(row[0])), row[1] or "", row[2] or "", row[3], row[4]),
        *(LineType(row[5]), *row[6:15], labels.of([contact_id])[contact_id], bytes(row[15])),
    )


def create(rt: Runtime, text: str, *, region: str = "", name: str = "", who: str = "") -> int:
    """Make a contact by hand; returns its id.  A number on the suppression list is blocked at once.

    Raises `Refusal` for a number that is not valid or is a contact already.
    """
    phone = number(rt, text, region)
    bidx, now = rt.keys.blind_index(phone.e164), clock.now_ms()
    name = _basic("name", name)
    with database.write_tx():
        suppression.hold()
        if database.one("SELECT 1 FROM contact WHERE phone_bidx = ?", (bidx,)):
            raise Refusal(
                _("%(phone)s is a contact already.", phone=crypto.mask(phone.e164)), field="phone", status=409
            )
        if (kept := merged.kept_for(bidx)) is not None:
            raise Refusal(
                _(
                    "%(phone)s was merged into contact %(id)s; undo that merge to have it as a contact of its own.",
                    phone=crypto.mask(phone.e164),
                    id=kept,
                ),
                field="phone",
                status=409,
            )
        [contact_id] = contactids.new(1)
        database.execute(
            "INSERT INTO contact (id, phone_bidx, phone_enc, tail, name, source, created_at, updated_at) "
            "VALUES (?, ?, ?, ?, ?, 'person', ?, ?)",
            (contact_id, bidx, rt.keys.seal_number(phone.e164), int(phone.e164[-4:]), name, now, now),
        )
        blocked = suppression.masks([bidx]).get(bidx, 0)
        database.execute(
            "INSERT INTO profile (contact_id, country, language, line_type, blocked_bits, created_at) "
            "VALUES (?, ?, '', ?, ?, ?)",
            (contact_id, phone.country, int(phone.line_type), blocked, now),
        )
        audit.record(who, "contact.create", f"contact:{contact_id}")
    waiting.join(rt, [bidx])
    return contact_id


def edit(
    rt: Runtime, contact_id: int, values: Mapping[str, str], *, who: str = ""
) -> list[tuple[Field, str]]:
    """Change basics and fields of one contact; empty text clears.  Values are as a person writes them.

    Returns the choices nobody had before, as (field, text).  Raises `Refusal` naming the field for an
    unknown key or a value of the wrong kind; nothing is changed then.
    """
    known = {field.key: field for field in fields.all_fields()}
    basics, profile = {}, []
    for key, text in values.items():
        if key in BASICS:
            basics[key] = _basic(key, text)
        elif key in known:
            profile.append((known[key], _typed(known[key], text)))
        else:
            raise Refusal(_("There is no field “%(key)s”.", key=key), field=key)
    with database.write_tx():
        if database.one("SELECT 1 FROM contact WHERE id = ?", (contact_id,)) is None:
            raise Refusal(_("This contact does not exist any more."), status=404)
        new = [
            (field, value)
            for field, value in profile
            if field.kind == "choice" and value is not None and value not in fields.choices(field)
        ]
        columns = {field.column: _stored(field, value) for field, value in profile}
        if "language" in basics:
            columns["language"] = basics.pop("language") or ""
        _update("profile", "contact_id", contact_id, columns)
        _update("contact", "id", contact_id, {**basics, "updated_at": clock.now_ms()})
        audit.record(who, "contact.edit", f"contact:{contact_id}", ", ".join(sorted(values)))
    return new


def field_values(contact_id: int, lang: str = "en") -> list[tuple[Field, str]]:
    """Every field with its value as people of `lang` write it ("" for none), in the order people see."""
    known = fields.all_fields()
    if not known:
        return []
    columns = ", ".join(field.column for field in known)
    row = database.one(f"SELECT {columns} FROM profile WHERE contact_id = ?", (contact_id,))
    return [
        (field, choice_word(field.key, shown(field, value), lang))
        for field, value in zip(known, row or [None] * len(known), strict=True)
    ]


def shown(field: Field, value: Any, words: Mapping[int, str] | None = None) -> str:
    """A stored value as people write it; `words` is a choice field's dictionary where it was read already."""
    if value is None:
        return ""
    if field.kind == "choice":
        if words is not None:
            return words.get(value, "")
        one = "SELECT text FROM field_choice WHERE field_id = ? AND code = ?"
        return database.scalar(one, (field.id, value)) or ""
    return kinds.show(field.kind, value)


def reveal(rt: Runtime, contact_id: int, *, who: str) -> str:
    """The whole number of a contact.  Who looked is written to the audit log first."""
    with database.write_tx():
        row = database.one("SELECT phone_enc FROM contact WHERE id = ?", (contact_id,))
        if row is None:
            raise Refusal(_("This contact does not exist any more."), status=404)
        audit.record(who, "number.reveal", f"contact:{contact_id}")
    return rt.keys.open_number(row[0])


def as_dict(rt: Runtime, contact_id: int, *, phone: str | None = None, former: str = "") -> dict[str, Any]:
    """A contact for programs: basics, fields, labels, consent a class, suppression.

    `former` is the number it was asked for by, where that was merged into it.
    """
    contact = get(rt, contact_id)
    return {
        "id": contact.id,
        "phone": phone or contact.phone,
        **({"former": former} if former else {}),
        "name": contact.name,
        "email": contact.email,
        "country": contact.country,
        "language": contact.language,
        "line_type": contact.line_type.name,
        "fields": {field.key: value or None for field, value in field_values(contact_id)},
        "labels": [label["name"] for label in contact.labels],
        "consent": consent_dict(contact_id),
        "suppressed": [
            {**row, "classes": [cls.name for cls in row["classes"]]}
            for row in suppression.of(contact.phone_bidx)
        ],
        "source": contact.source,
        "batch": contact.batch_id,
        "sent": contact.sent_count,
        "last_sent_at": contact.last_sent_at or None,
        "created_at": contact.created_at,
    }


def consent_dict(contact_id: int) -> dict[str, dict]:
    """Consent a class for programs: status, whether consent allows a text, and the event behind it."""
    return {
        cls.name: {
            "status": at.status,
            "may_text": at.may_text,
            **{key: at.event[key] for key in ("source", "wording", "evidence", "who", "at") if at.event},
        }
        for cls, at in consent.state(contact_id).items()
    }


def consent_word(contact: Contact) -> str:
    """Marketing consent of a contact as one word: yes, out or no."""
    return search.consent_word(contact.consent_bits, contact.optout_bits)


def set_consent(rt: Runtime, contact_id: int, cls: Cls, agree: bool, **proof: Any) -> None:
    """Record an opt-in or opt-out; see `consent.change` for the proof."""
    consent.change(rt, contact_id, cls, "opt_in" if agree else "opt_out", **proof)


def _typed(field: Field, text: str) -> Any:
    """The value of a field from what a person wrote; None clears."""
    if not kinds.clean(text):
        return None
    value = kinds.convert(field.kind, kinds.clean(text))
    if value is None:
        examples = {"number": "1234.5", "date": "1990-05-31", "bool": "yes, no"}
        raise Refusal(
            _(
                "“%(text)s” does not fit %(field)s; write it like %(example)s.",
                text=text.strip()[:40],
                field=field.title,
                example=examples.get(field.kind, "abc"),
            ),
            field=field.key,
        )
    if field.key == birthdays.KEY and field.kind == "date":
        birthdays.check(value, text)
    return choice_text(field.key, text) if field.kind == "choice" else value


def _stored(field: Field, value: Any) -> Any:
    return (
        fields.add_choices(field, [value])[value] if field.kind == "choice" and value is not None else value
    )


def _basic(key: str, text: str) -> str | None:
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > _MAX[key] or any(unicodedata.category(c) == "Cc" for c in text):
        raise Refusal(_("“%(text)s” is too long or holds control characters.", text=text[:40]), field=key)
    if key == "email" and text and ("@" not in text[1:-1] or " " in text):
        raise Refusal(_("“%(text)s” is no e-mail address.", text=text[:60]), field=key)
    if key == "language" and text and not text.replace("-", "").isalpha():
        raise Refusal(_("“%(text)s” is no language code like zh or en.", text=text), field=key)
    return text or None


def _update(table: str, key: str, row_id: int, columns: Mapping[str, Any]) -> None:
    if columns:
        sets = ", ".join(f"{column} = ?" for column in columns)
        database.execute(
            f"UPDATE {table} SET {sets} WHERE {key} = ?",
            (*columns.values(), row_id),
        )
