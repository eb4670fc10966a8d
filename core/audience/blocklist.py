"""The suppression list as a list: paging, search, files in and out.  What it means is in `suppression`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core import clock
from core.audience import phones, suppression
from core.audience.importing import places, reading
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.i18n import _
from core.security import crypto

if TYPE_CHECKING:
    from core.runtime import Runtime

PAGE = 50
_CHUNK = 5_000
#: Rows looked at to find the column of numbers.
_SAMPLE = 200
#: Rejects kept with their row; a file that is wrong throughout is told by its counts.
MAX_REJECTS = 1_000


@dataclass(slots=True)
class Imported:
    """What became of a file: rows = added + known + rejected.  `rejects` are (row, cell, reason)."""

    rows: int = 0
    added: int = 0
    known: int = 0
    rejected: int = 0
    rejects: list[tuple[int, str, str]] = field(default_factory=list)


def page(
    rt: Runtime,
    *,
    phone: str = "",
    reason: str = "",
    before: int | None = None,
    after: int | None = None,
    size: int = PAGE,
    whole_numbers: bool = False,
) -> tuple[list[dict], int | None, int | None]:
    """Rows of the list, newest first, with the ids of the older and the newer page (None at the ends).

    `phone` finds one number in any spelling; `reason` keeps one reason.  Numbers are masked unless asked
    for whole; an erased number has none.
    """
    where, params = _condition(rt, phone, reason)
    upwards = after is not None
    edge = "s.id > ?" if upwards else "s.id < ?"
    rows = database.query(
        "SELECT s.id, s.phone_enc, s.reason, s.classes, s.note, s.who, s.created_at, s.expires_at, c.id "
        "FROM suppression s LEFT JOIN contact c ON c.phone_bidx = s.phone_bidx "
        f"WHERE {where} AND {edge} ORDER BY s.id {'ASC' if upwards else 'DESC'} LIMIT ?",
        (*params, after if upwards else (before or 1 << 62), size + 1),
    )
    more, rows = len(rows) > size, rows[:size]
    if upwards:
        rows = rows[::-1]
    older = rows[-1][0] if rows and (more or upwards) else None
    newer = rows[0][0] if rows and (before or (upwards and more)) else None
    return [_line(rt, row, whole_numbers) for row in rows], older, newer


def counts() -> dict[str, int]:
    """How many numbers each reason holds."""
    return dict(database.query("SELECT reason, COUNT(*) FROM suppression GROUP BY reason"))


def rows_for_export(rt: Runtime) -> Iterator[tuple]:
    """Every row, oldest first, as (phone, reason, classes, note, by, since, until); numbers are whole."""
    last = 0
    while True:
        rows = database.query(
            "SELECT id, phone_enc, reason, classes, note, who, created_at, expires_at FROM suppression "
            "WHERE id > ? ORDER BY id LIMIT ?",
            (last, _CHUNK),
        )
        if not rows:
            return
        last = rows[-1][0]
        for row in rows:
            phone = rt.keys.open_number(row[1]) if row[1] else ""
            classes = " ".join(cls.name for cls in suppression.classes_of(row[3]))
            until = clock.from_ms(row[7]).isoformat() if row[7] else ""
            yield phone, row[2], classes, row[4], row[5], clock.from_ms(row[6]).isoformat(), until


EXPORT_HEADER = ("phone", "reason", "classes", "note", "by", "since", "until")


def import_file(
    rt: Runtime,
    path: Path,
    *,
    region: str = "",
    reason: str = "import",
    classes: tuple[Cls, ...] = (),
    note: str = "",
    who: str = "",
    step: Callable[[int], None] = lambda _n: None,
) -> Imported:
    """Suppress every number of a CSV or XLSX file, with or without a header.

    The column of numbers is the one with the most valid numbers in the first rows.  An exported list says for
    each number why, for which classes, with which note and until when; `reason`, `classes` and `note` hold
    where a file says nothing.  Each 5,000 rows are a transaction for each reason; the same file again adds
    nothing.  Raises `Refusal` for a file without numbers.
    """
    region = places.region(region, rt.settings.default_region)
    index, header, own = _columns(path, region)
    usual = _Said(reason, tuple(classes), note)
    done, source = Imported(), reading.rows(path, reading.sniff(path))
    numbered = ((n, row) for n, row in enumerate(source, 1) if any(row))
    if header:
        next(numbered)
    while chunk := list(islice(numbered, _CHUNK)):
        entries: dict[str, dict[bytes, suppression.Entry]] = {}
        for n, row in chunk:
            cell = row[index] if index < len(row) else ""
            try:
                said = _said(row, own, usual) if own else usual
                phone = phones.parse(cell.strip().lstrip("'"), region)
                if phone is None:
                    raise Refusal(_("no valid phone number"))
            except Refusal as refusal:
                done.rejected += 1
                if len(done.rejects) < MAX_REJECTS:
                    done.rejects.append((n, cell[:60], str(refusal)))
                continue
            made = suppression.entry(
                rt, phone.e164, classes=said.classes, note=said.note, expires_at=said.until
            )
            entries.setdefault(said.reason, {})[made.phone_bidx] = made
        for why, some in entries.items():
            with database.write_tx():
                done.added += suppression.add(rt, list(some.values()), reason=why, who=who)
        done.rows += len(chunk)
        step(len(chunk))
    done.known = done.rows - done.added - done.rejected
    return done


class _Said(NamedTuple):
    """What holds for a number of a file; `until` epoch ms."""

    reason: str
    classes: tuple[Cls, ...]
    note: str
    until: int | None = None


def _said(row: list[str], own: dict[str, int], usual: _Said) -> _Said:
    """What a row of an exported list says.  Raises `Refusal` with why the row is not taken."""
    cells = {name: row[at].strip() if at < len(row) else "" for name, at in own.items()}
    reason = cells["reason"] or usual.reason
    if reason in suppression.KEPT:
        raise Refusal(_("erased; only the erasure itself keeps a number here"))
    if reason not in suppression.REASONS:
        raise Refusal(_("“%(name)s” is no reason of this list", name=reason[:40]))
    names = cells["classes"].split()
    unknown = [name for name in names if name not in Cls.__members__]
    if unknown:
        raise Refusal(_("“%(name)s” is no class", name=unknown[0][:40]))
    until = _instant(cells.get("until", ""))
    if until is not None and until <= clock.now_ms():
        raise Refusal(_("its end has passed"))
    return _Said(
        reason, tuple(Cls[name] for name in names) or usual.classes, cells.get("note") or usual.note, until
    )


def _instant(cell: str) -> int | None:
    try:
        at = datetime.fromisoformat(cell) if cell else None
    except ValueError:
        raise Refusal(_("“%(text)s” is no date", text=cell[:40])) from None
    return None if at is None else clock.to_ms(at if at.tzinfo else at.replace(tzinfo=UTC))


def _columns(path: Path, region: str) -> tuple[int, bool, dict[str, int]]:
    """The index of the column of numbers, whether the first row is a header, and the columns of an exported
    list by name, {} for another file."""
    sample = [row for row in islice(reading.rows(path, reading.sniff(path)), _SAMPLE) if any(row)]
    names = [cell.strip().lower() for cell in sample[0]] if sample else []
    own = {name: names.index(name) for name in EXPORT_HEADER if name in names}
    if own.keys() >= {"phone", "reason", "classes"}:
        return own["phone"], True, own
    width = max((len(row) for row in sample), default=0)
    valid = [
        [len(row) > i and phones.parse(row[i].strip().lstrip("'"), region) is not None for row in sample]
        for i in range(width)
    ]
    scores = [sum(column) for column in valid]
    if not scores or max(scores) == 0:
        raise Refusal(
            _("No column of this file holds phone numbers of %(region)s.", region=region), field="file"
        )
    index = scores.index(max(scores))
    first = sample[0][index] if index < len(sample[0]) else ""
    return index, not valid[index][0] and not any(c.isdigit() for c in first), {}


def _condition(rt: Runtime, phone: str, reason: str) -> tuple[str, list[Any]]:
    parts, params = ["1 = 1"], []
    if phone.strip():
        found = phones.parse(phone.strip(), rt.settings.default_region)
        parts.append("s.phone_bidx = ?")
        params.append(rt.keys.blind_index(found.e164) if found else b"")
    if reason:
        parts.append("s.reason = ?")
        params.append(reason)
    return " AND ".join(parts), params


def _line(rt: Runtime, row: tuple, whole: bool) -> dict[str, Any]:
    number = rt.keys.open_number(row[1]) if row[1] else ""
    return {
        "id": row[0],
        "phone": number if whole else (crypto.mask(number) if number else ""),
        "reason": row[2],
        "classes": suppression.classes_of(row[3]),
        "note": row[4],
        "who": row[5],
        "created_at": row[6],
        "expires_at": row[7],
        "contact_id": row[8],
    }
