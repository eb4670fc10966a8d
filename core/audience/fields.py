"""Contact fields: real, typed columns of `profile`, defined in the browser, by an import or a command.

A field's column is `f<id>`; segments compare it directly.  The texts of a choice field stand once, in its
dictionary.  Definitions are few and change seldom, so plain models do here.
"""

from __future__ import annotations

from collections.abc import Iterable

import peewee

from core import clock
from core.audience import fielduse, kinds
from core.audience.keys import MAX_KEY as MAX_KEY
from core.audience.keys import check_key
from core.contract.errors import Refusal
from core.db import bulk, database, settings
from core.db.codes import COLUMN_TYPES
from core.db.models import Field, FieldChoice, Profile
from core.i18n import _, _n
from core.security import audit

MAX_FIELDS = 200
#: The highest id of a removed field: what an undo or a merge remembers of a column never means another field.
_HIGHEST = "fields:highest_removed"
_GONE = f"SELECT CAST(value AS INTEGER) FROM setting WHERE key = '{_HIGHEST}'"


def all_fields() -> list[Field]:
    """Every field, in the order people see."""
    return list(Field.select().order_by(Field.position, Field.id))


def get(key: str) -> Field | None:
    """The field of a key, or None."""
    return Field.get_or_none(Field.key == key)


def define(key: str, kind: str, title: str = "") -> Field:
    """Add a field and its column; an existing one of the same key and kind is returned as it is.

    Raises `Refusal` for an unknown kind, an unusable key, or a key that has another kind already.
    """
    key = check_key(key)
    if kind not in kinds.KINDS:
        raise Refusal(
            _("Kind “%(kind)s” is not one of %(known)s.", kind=kind, known=", ".join(kinds.KINDS)),
            field="kind",
        )
    with database.write_tx():
        found = get(key)
        if found:
            if found.kind != kind:
                raise Refusal(
                    _("Field “%(key)s” exists already and is of kind %(kind)s.", key=key, kind=found.kind),
                    field="kind",
                )
            return found
        count = Field.select().count()
        if count >= MAX_FIELDS:
            raise Refusal(
                _("There are %(n)s fields already, which is the most there can be.", n=count), field="key"
            )
        [field_id] = bulk.new_ids("field", 1, also=(_GONE,))
        made = Field.create(
            id=field_id,
            key=key,
            title=kinds.clean(title) or key,
            kind=kind,
            column=f"f{field_id}",
            position=1 + (Field.select(peewee.fn.MAX(Field.position)).scalar() or 0),
            created_at=clock.now_ms(),
        )
        database.execute(f"ALTER TABLE profile ADD COLUMN {made.column} {COLUMN_TYPES[kind]}")
    return made


def add(title: str, kind: str, key: str = "", *, who: str) -> Field:
    """Define a field by hand; without a key its title is the key.  Raises `Refusal` when the key is taken."""
    key = check_key(key or title)
    if get(key):
        raise Refusal(_("There is already a field with the key “%(key)s”.", key=key), field="key")
    with database.write_tx():
        made = define(key, kind, title)
        audit.record(who, "field.create", f"field:{key}", kind)
    return made


def rename(key: str, title: str, *, who: str) -> None:
    """Change what people read; the key stays, because segments and templates say it."""
    title = kinds.clean(title)
    if not title:
        raise Refusal(_("A field needs a title."), field="title")
    with database.write_tx():
        if not Field.update(title=title).where(Field.key == key).execute():
            raise Refusal(_("There is no field “%(key)s”.", key=key), field="key", status=404)
        audit.record(who, "field.rename", f"field:{key}")


def remove(key: str, *, who: str, besides: int = 0) -> None:
    """Remove a field nobody has a value of and nothing names, with its column and dictionary.

    `besides`: an import that may still name it, because it is being undone.  Raises `Refusal`.
    """
    with database.write_tx():
        if database.is_postgres():
            # Of two who remove it the second looks when the column is gone already.
            database.execute("SELECT id FROM field WHERE key = ? FOR UPDATE", (key,))
        field = get(key)
        if field is None:
            raise Refusal(_("There is no field “%(key)s”.", key=key), field="key", status=404)
        if field.builtin:
            raise Refusal(_("Field “%(key)s” belongs to Cooee and stays.", key=key), field="key", status=409)
        _check_unused(field, besides)
        if database.is_postgres():
            # Nobody gives it a value between the second look and the end of the column.
            database.execute("LOCK TABLE profile IN ACCESS EXCLUSIVE MODE")
            _check_unused(field, besides)
        FieldChoice.delete().where(FieldChoice.field_id == field.id).execute()
        Field.delete().where(Field.id == field.id).execute()
        database.execute(f"ALTER TABLE profile DROP COLUMN {field.column}")
        settings.put(_HIGHEST, max(settings.get(_HIGHEST, 0), field.id))
        audit.record(who, "field.remove", f"field:{key}", field.kind)


def _check_unused(field: Field, besides: int) -> None:
    if users := fielduse.of(field.key, besides=besides):
        raise Refusal(
            _("“%(name)s” is used by %(users)s; change those first.",
              name=field.title, users=_(", ").join(f"“{name}”" for name in users[:20])),
            field="key", status=409,
        )  # fmt: skip
    if n := in_use(field):
        raise Refusal(
            _n("%(n)s contact has a value in “%(name)s”; empty it first.",
               "%(n)s contacts have a value in “%(name)s”; empty them first.", n, name=field.title),
            field="key", status=409,
        )  # fmt: skip


def choices(field: Field) -> dict[str, int]:
    """The dictionary of a choice field: text → code."""
    rows = FieldChoice.select(FieldChoice.text, FieldChoice.code).where(FieldChoice.field_id == field.id)
    return dict(rows.tuples())


def add_choices(field: Field, texts: Iterable[str]) -> dict[str, int]:
    """Make sure these texts are in the dictionary, inside the caller's `write_tx`; returns all of it.

    Codes count up from 1.
    """
    wanted = {text for text in texts if text}
    _lock_choices(field)
    known = choices(field)
    missing = sorted(wanted - known.keys())
    if missing:
        after = max(known.values(), default=0)
        fresh = {text: after + n for n, text in enumerate(missing, 1)}
        database.executemany(
            "INSERT INTO field_choice (field_id, code, text, created_at) VALUES (?, ?, ?, ?)",
            [(field.id, code, text, clock.now_ms()) for text, code in fresh.items()],
        )
        known |= fresh
    return known


def forget_choices(field: Field, *, since_ms: int, besides: int) -> int:
    """Take away choices made since then that nobody has; returns how many.  For the undo of import `besides`.

    All stay while a file on its way names the field, because it has read their codes, or while an undo could
    give one back; a choice that a rule asks for stays as well.
    """
    with database.write_tx():
        _lock_choices(field)
        made = dict(
            database.query(
                "SELECT code, text FROM field_choice WHERE field_id = ? AND created_at >= ?",
                (field.id, since_ms),
            )
        )
        if not made or fielduse.awaited(field.key, besides=besides):
            return 0
        where, params = bulk.among_values(field.column, list(made))
        having = database.query(f"SELECT DISTINCT {field.column} FROM profile WHERE {where}", params)
        left = {code: text for code, text in made.items() if (code,) not in having}
        if not left or fielduse.remembered(field.column, since_ms=since_ms, besides=besides):
            return 0
        asked = fielduse.said(left.values())
        gone = [(field.id, code) for code, text in left.items() if text not in asked]
        database.executemany("DELETE FROM field_choice WHERE field_id = ? AND code = ?", gone)
    return len(gone)


def _lock_choices(field: Field) -> None:
    """Two writers cannot give one code to two texts, nor take away one that is being given."""
    if database.is_postgres():
        database.execute("SELECT id FROM field WHERE id = ? FOR UPDATE", (field.id,))


def retype(key: str, kind: str) -> int:
    """Change a field's kind and convert its values; returns how many different values there were.

    Nothing is lost: raises `Refusal` with an example when a value does not fit the new kind.
    """
    field = get(key)
    if field is None:
        raise Refusal(_("There is no field “%(key)s”.", key=key), field="key", status=404)
    if kind not in kinds.KINDS:
        raise Refusal(
            _("Kind “%(kind)s” is not one of %(known)s.", kind=kind, known=", ".join(kinds.KINDS)),
            field="kind",
        )
    if field.builtin:
        raise Refusal(_("Field “%(key)s” belongs to Cooee and keeps its kind.", key=key), field="kind")
    if field.kind == kind:
        return 0
    with database.write_tx():
        old = field.column
        texts = {code: text for text, code in choices(field).items()}
        stored = [
            row[0] for row in database.query(f"SELECT DISTINCT {old} FROM profile WHERE {old} IS NOT NULL")
        ]
        converted = {value: _converted(field, kind, texts.get(value, value)) for value in stored}
        FieldChoice.delete().where(FieldChoice.field_id == field.id).execute()
        if kind == "choice":
            codes = add_choices(field, converted.values())
            converted = {value: codes[text] for value, text in converted.items()}
        database.execute(f"ALTER TABLE profile ADD COLUMN {old}_new {COLUMN_TYPES[kind]}")
        database.executemany(
            f"UPDATE profile SET {old}_new = ? WHERE {old} = ?",
            [(new, value) for value, new in converted.items()],
        )
        database.execute(f"ALTER TABLE profile DROP COLUMN {old}")
        database.execute(f"ALTER TABLE profile RENAME COLUMN {old}_new TO {old}")
        Field.update(kind=kind).where(Field.id == field.id).execute()
    return len(stored)


def _converted(field: Field, kind: str, value):
    text = value if field.kind == "choice" else kinds.show(field.kind, value)
    new = kinds.convert(kind, text)
    if new is None:
        raise Refusal(
            _(
                "“%(value)s” in field “%(key)s” is no %(kind)s; correct it first.",
                value=text,
                key=field.key,
                kind=kind,
            ),
            field="kind",
        )
    return new


def in_use(field: Field) -> int:
    """How many contacts have a value in this field."""
    column = field.column
    return database.scalar(f"SELECT COUNT({column}) FROM {Profile._meta.table_name}") or 0
