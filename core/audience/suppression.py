"""The suppression list: numbers never to text, whoever asks.

A number is held by its blind index, so a number that is no contact yet, or was erased, stays blocked when
a later import brings it back.  There is one row a number and reason: START takes back a `stop` and leaves
`manual`, `complaint`, `invalid`, `import`, `provider`, `held` and `erased` alone.

`profile.blocked_bits` is the fold of a number's live rows, kept in the transaction that changes them; the
submit mark reads only that.  On PostgreSQL the profile row is locked FOR UPDATE here and FOR SHARE by the
mark, so a mark never commits after a STOP it did not see; on SQLite one writer at a time does the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import clock
from core.audience import blocklog, kinds
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import ALL_CLASSES_MASK, Cls
from core.i18n import _, lazy

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Reasons with the words people read.
REASONS = {
    "stop": lazy("replied STOP"),
    "manual": lazy("added by hand"),
    "import": lazy("imported"),
    "complaint": lazy("complained"),
    "invalid": lazy("number does not work"),
    "provider": lazy("opted out at the provider"),
    "blocked": lazy("blocked by the phone or its carrier"),
    "held": lazy("reply waits to be read"),
    "erased": lazy("erased"),
}
#: A number that was erased is never released: it is the only proof left that the person asked for it.
KEPT = ("erased",)
_COLUMNS = ("phone_bidx", "phone_enc", "classes", "reason", "note", "who", "created_at", "expires_at")
_CHUNK = 5_000
_LOCK = 0x53544F50  # "STOP"


@dataclass(frozen=True, slots=True)
class Entry:
    """A number to suppress.  `phone_enc` may be None where only the index is known."""

    phone_bidx: bytes
    phone_enc: bytes | None = None
    classes: int = ALL_CLASSES_MASK
    note: str = ""
    expires_at: int | None = None


def entry(
    rt: Runtime,
    e164: str,
    *,
    classes: Iterable[Cls] = (),
    note: str = "",
    expires_at: int | None = None,
) -> Entry:
    """An entry for a number in E.164; no classes means all of them."""
    return Entry(
        rt.keys.blind_index(e164), rt.keys.seal_number(e164), mask_of(classes), kinds.clean(note), expires_at
    )


def mask_of(classes: Iterable[Cls]) -> int:
    """Bit mask of classes; none means all."""
    return sum({cls.bit for cls in classes}) or ALL_CLASSES_MASK


def classes_of(mask: int) -> list[Cls]:
    """The classes of a bit mask."""
    return [cls for cls in Cls if mask & cls.bit]


def add(rt: Runtime, entries: Sequence[Entry], *, reason: str, who: str = "", noted: bool = False) -> int:
    """Suppress numbers, inside the caller's `write_tx`; returns how many were new.

    A number already held for this reason gains the classes and takes the later end; the first note and
    day stay, unless the new note says something.  `noted`: it comes from the journal of the list and need not go
    there again.  Raises `Refusal` for an unknown reason.
    """
    if reason not in REASONS:
        raise Refusal(
            _("Reason “%(name)s” is not one of %(known)s.", name=reason, known=", ".join(REASONS)),
            field="reason",
        )
    now = clock.now_ms()
    by_number = {bytes(item.phone_bidx): item for item in entries}
    bidxs = sorted(by_number)
    _lock(bidxs)
    before = len(_known(bidxs, reason))
    rows = [
        (b, e.phone_enc, e.classes, reason, e.note, who, now, e.expires_at)
        for b, e in ((b, by_number[b]) for b in bidxs)
    ]
    database.executemany(
        f"INSERT INTO suppression ({', '.join(_COLUMNS)}) VALUES ({database.in_list(len(_COLUMNS))}) "
        "ON CONFLICT (phone_bidx, reason) DO UPDATE SET classes = suppression.classes | excluded.classes, "
        "note = CASE WHEN excluded.note = '' THEN suppression.note ELSE excluded.note END, "
        "expires_at = CASE WHEN suppression.expires_at IS NULL OR excluded.expires_at IS NULL THEN NULL "
        "WHEN suppression.expires_at > excluded.expires_at THEN suppression.expires_at "
        "ELSE excluded.expires_at END",
        rows,
    )
    fold(bidxs)
    for classes in () if noted else sorted({item.classes for item in entries}):
        some = [b for b in bidxs if by_number[b].classes == classes]
        blocklog.write(rt.settings.path("journal"), True, [reason], classes, some)
    return len(bidxs) - before


def remove(rt: Runtime, phone_bidx: bytes, *, reasons: Iterable[str] = (), noted: bool = False) -> int:
    """Release a number, inside the caller's `write_tx`; no reasons means all that may be lifted.  `noted`: as in `add`.

    Returns how many rows went.  Raises `Refusal` when the number was erased: importing the person again
    must not bring the texts back.
    """
    wanted = set(reasons)
    if wanted & set(KEPT):
        raise Refusal(_("A person was erased under this number; it stays on the list."), field="phone")
    _lock([phone_bidx])
    held = {
        row[0] for row in database.query("SELECT reason FROM suppression WHERE phone_bidx = ?", (phone_bidx,))
    }
    going = sorted((held & wanted if wanted else held) - set(KEPT))
    if not going:
        if held & set(KEPT) and not wanted:
            raise Refusal(_("A person was erased under this number; it stays on the list."), field="phone")
        return 0
    database.execute(
        f"DELETE FROM suppression WHERE phone_bidx = ? AND reason IN ({database.in_list(len(going))})",
        (phone_bidx, *going),
    )
    fold([phone_bidx])
    if not noted:
        blocklog.write(rt.settings.path("journal"), False, going, 0, [phone_bidx])
    return len(going)


def remove_row(rt: Runtime, row_id: int) -> str:
    """Release one row of the list in a transaction of its own; returns its reason.

    Raises `Refusal` (404) when it is gone already, and for a number that was erased.
    """
    with database.write_tx():
        row = database.one("SELECT phone_bidx, reason FROM suppression WHERE id = ?", (row_id,))
        if row is None:
            raise Refusal(_("This number is no longer on the list."), status=404)
        remove(rt, bytes(row[0]), reasons=[row[1]])
    return row[1]


def of(phone_bidx: bytes) -> list[dict]:
    """The live rows of a number, oldest first."""
    rows = database.query(
        "SELECT id, reason, classes, note, who, created_at, expires_at FROM suppression "
        "WHERE phone_bidx = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY id",
        (phone_bidx, clock.now_ms()),
    )
    keys = ("id", "reason", "classes", "note", "who", "created_at", "expires_at")
    return [dict(zip(keys, row, strict=True)) | {"classes": classes_of(row[2])} for row in rows]


def masks(bidxs: Sequence[bytes]) -> dict[bytes, int]:
    """What is blocked now for each of these numbers, for an import; numbers not on the list are left out."""
    found: dict[bytes, int] = {}
    now = clock.now_ms()
    for at in range(0, len(bidxs), _CHUNK):
        some = bidxs[at : at + _CHUNK]
        for bidx, classes in database.query(
            "SELECT phone_bidx, classes FROM suppression "
            f"WHERE phone_bidx IN ({database.in_list(len(some))}) "
            "AND (expires_at IS NULL OR expires_at > ?)",
            (*some, now),
        ):
            key = bytes(bidx)
            found[key] = found.get(key, 0) | classes
    return found


def hold(*, shared: bool = False) -> None:
    """Called first in a transaction that makes contacts (an import chunk), before `masks`.

    `shared`: by one that will suppress after it took other locks.

    Without it, on PostgreSQL, a STOP of a number that is being imported could commit unseen by the
    import and without seeing the new contact.  On SQLite writers wait for each other anyway.
    """
    if database.is_postgres():
        database.execute(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}(?)", (_LOCK,))


def fold(bidxs: Sequence[bytes]) -> None:
    """Set `blocked_bits` of the contacts with these numbers to what the list says."""
    blocked = masks(bidxs)
    by_mask: dict[int, list[bytes]] = {}
    for bidx in bidxs:
        by_mask.setdefault(blocked.get(bytes(bidx), 0), []).append(bidx)
    for mask, some in sorted(by_mask.items()):
        for at in range(0, len(some), _CHUNK):
            part = some[at : at + _CHUNK]
            database.execute(
                "UPDATE profile SET blocked_bits = ? WHERE contact_id IN "
                f"(SELECT id FROM contact WHERE phone_bidx IN ({database.in_list(len(part))}))",
                (mask, *part),
            )


def expire_suppressions(rt: Runtime) -> int:
    """Job, every ten minutes: take rows off whose end has come, and unblock; returns how many.

    In chunks, so that the write lock is held for milliseconds.
    """
    done = 0
    while True:
        with database.write_tx():
            rows = database.query(
                "SELECT id, phone_bidx FROM suppression WHERE expires_at <= ? ORDER BY phone_bidx LIMIT ?",
                (clock.now_ms(), _CHUNK),
            )
            if not rows:
                return done
            bidxs = sorted({bytes(row[1]) for row in rows})
            _lock(bidxs)
            database.execute(
                f"DELETE FROM suppression WHERE id IN ({database.in_list(len(rows))})",
                [row[0] for row in rows],
            )
            fold(bidxs)
        done += len(rows)


# What every profile should hold; `?` is the present.
_WRONG = """
WITH listed AS (
    SELECT c.id, {bit_or} AS bits FROM suppression s JOIN contact c ON c.phone_bidx = s.phone_bidx
    WHERE s.expires_at IS NULL OR s.expires_at > ? GROUP BY c.id)
SELECT p.contact_id, p.blocked_bits, COALESCE(l.bits, 0)
FROM profile p LEFT JOIN listed l ON l.id = p.contact_id
WHERE (COALESCE(l.bits, 0) & ~p.blocked_bits) <> 0
    OR (p.blocked_bits <> COALESCE(l.bits, 0) AND NOT EXISTS (
        SELECT 1 FROM suppression s JOIN contact c ON c.phone_bidx = s.phone_bidx
        WHERE c.id = p.contact_id AND s.expires_at <= ?))
ORDER BY p.contact_id LIMIT 1
"""
_BIT_OR_SQLITE = "MAX(s.classes & 1) | MAX(s.classes & 2) | MAX(s.classes & 4) | MAX(s.classes & 8)"


def check() -> str | None:
    """For `cooee verify`: the first contact whose `blocked_bits` differ from the list, or None.

    A row whose end has come but was not taken off yet may still block; one that should block must.
    """
    now = clock.now_ms()
    bit_or = "bit_or(s.classes)" if database.is_postgres() else _BIT_OR_SQLITE
    row = database.one(_WRONG.format(bit_or=bit_or), (now, now))
    if row is None:
        return None
    return f"Contact {row[0]} has blocked bits {row[1]} in its profile; the suppression list says {row[2]}."


def _known(bidxs: Sequence[bytes], reason: str) -> set[bytes]:
    found: set[bytes] = set()
    for at in range(0, len(bidxs), _CHUNK):
        some = bidxs[at : at + _CHUNK]
        found |= {
            bytes(row[0])
            for row in database.query(
                f"SELECT phone_bidx FROM suppression WHERE phone_bidx IN ({database.in_list(len(some))}) "
                "AND reason = ?",
                (*some, reason),
            )
        }
    return found


def _lock(bidxs: Sequence[bytes]) -> None:
    """PostgreSQL: hold the profiles until commit, in one order so that two writers cannot deadlock."""
    if not database.is_postgres():
        return
    database.execute("SELECT pg_advisory_xact_lock_shared(?)", (_LOCK,))
    for at in range(0, len(bidxs), _CHUNK):
        some = list(bidxs[at : at + _CHUNK])
        database.execute(
            "SELECT p.contact_id FROM profile p JOIN contact c ON c.id = p.contact_id "
            f"WHERE c.phone_bidx IN ({database.in_list(len(some))}) ORDER BY p.contact_id FOR UPDATE OF p",
            some,
        )
