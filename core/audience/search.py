"""Finding contacts for the list: by number, by the last four digits, by name, and by filters.

Newest first, paged by id.  A condition without an index is looked for in ranges of ids, newest first, and
only for `BUDGET_S`: a page of a million contacts answers in time, and says how far it has looked.  On SQLite
a name is found among a million in 50 ms (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import labels, typed
from core.audience.consent import MARKETING_MASK
from core.audience.typed import by_phone as by_phone
from core.audience.typed import former as former
from core.db import database
from core.db.codes import Cls, LineType
from core.security import crypto

if TYPE_CHECKING:
    from core.runtime import Runtime

PAGE = 50
BUDGET_S = 0.05
#: Ids looked through by one statement: small first, because most pages fill at once.
_FIRST, _STEP = 5_000, 25_000
CONSENT = ("yes", "no", "out")


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list shows.  `text` is a number in any spelling or masked, its last four digits, or part of a name;
    `consent` is yes, no or out (opted out) for marketing; `blocked` True: suppressed for any class."""

    text: str = ""
    label_id: int | None = None
    country: str = ""
    consent: str = ""
    blocked: bool | None = None

    @property
    def empty(self) -> bool:
        return self == Filter()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list; the number is masked."""

    id: int
    phone: str
    name: str
    country: str
    language: str
    line_type: int
    consent: str
    blocked_bits: int
    last_sent_at: int
    created_at: int
    labels: list[dict]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list, newest first.

    `older` and `newer` are the ids to go on from, None at the ends.  `looked_to` is the id the search came
    to when its time was up before the page was full; going on from there finds the rest.  Names
    that begin with the text are there all the same.
    """

    rows: list[Row]
    older: int | None = None
    newer: int | None = None
    looked_to: int | None = None


def find(
    rt: Runtime, wanted: Filter, *, before: int | None = None, after: int | None = None, size: int = PAGE
) -> Page:
    """Contacts with ids below `before` (older) or above `after` (newer); without both, the newest."""
    where, params = condition(rt, wanted)
    upwards = after is not None and before is None
    edge = after if upwards else before
    ids, came_to = _scan(where, params, edge, upwards, size + 1)
    if came_to and edge is None:
        ids = sorted({*ids, *_names(where, params, wanted.text.strip(), size)})
    more = len(ids) > size
    ids = sorted(ids[:size], reverse=True)
    if upwards:
        newer = ids[0] if more or came_to else None
        return Page(rows(rt, ids), older=ids[-1] if ids else after, newer=newer)
    newer = (ids[0] if ids else before - 1) if before is not None else None
    return Page(rows(rt, ids), older=ids[-1] if more else came_to, newer=newer, looked_to=came_to)


def condition(rt: Runtime, wanted: Filter) -> tuple[str, list[Any]]:
    """SQL over `profile p` and `contact c` for a filter, and its values."""
    parts, params = ["1 = 1"], []

    def add(sql: str, *values: Any) -> None:
        parts.append(sql)
        params.extend(values)

    if wanted.text.strip():
        add(*typed.condition(rt, wanted.text.strip()))
    if wanted.label_id is not None:
        label = labels.get(wanted.label_id)
        if label.bit is not None:
            add("p.label_bits & ? <> 0", 1 << label.bit)
        else:
            add("p.contact_id IN (SELECT contact_id FROM contact_label WHERE label_id = ?)", label.id)
    if wanted.country:
        add("p.country = ?", wanted.country)
    if wanted.consent == "yes":
        add("p.consent_bits & ? <> 0", MARKETING_MASK)
    elif wanted.consent == "no":
        add("p.consent_bits & ? = 0", MARKETING_MASK)
    elif wanted.consent == "out":
        add("p.optout_bits & ? <> 0", MARKETING_MASK)
    if wanted.blocked is not None:
        add("p.blocked_bits <> 0" if wanted.blocked else "p.blocked_bits = 0")
    return " AND ".join(parts), params


def rows(rt: Runtime, ids: Sequence[int]) -> list[Row]:
    """The lines of these contacts, in the order given; ids that are gone are left out."""
    if not ids:
        return []
    found = {
        row[0]: row
        for row in database.query(
            "SELECT c.id, c.phone_enc, c.name, p.country, p.language, p.line_type, p.consent_bits, "
            "p.optout_bits, p.blocked_bits, p.last_sent_at, c.created_at "
            "FROM contact c JOIN profile p ON p.contact_id = c.id "
            f"WHERE c.id IN ({database.in_list(len(ids))})",
            ids,
        )
    }
    ids = [contact_id for contact_id in ids if contact_id in found]
    numbers = rt.keys.open_numbers([found[contact_id][1] for contact_id in ids])
    with_labels = labels.of(ids)
    return [
        Row(
            *(contact_id, crypto.mask(number), row[2] or "", row[3], row[4], row[5]),
            *(consent_word(row[6], row[7]), row[8], row[9], row[10], with_labels[contact_id]),
        )
        for contact_id, number in zip(ids, numbers, strict=True)
        for row in (found[contact_id],)
    ]


def consent_word(consent_bits: int, optout_bits: int) -> str:
    """Marketing consent as one word: yes, out or no."""
    if consent_bits & MARKETING_MASK:
        return "yes"
    return "out" if optout_bits & MARKETING_MASK else "no"


def total() -> int:
    """How many contacts there are.  50 ms at a million on PostgreSQL; asked for by itself."""
    return database.scalar("SELECT COUNT(*) FROM profile")


def figures() -> dict[str, int]:
    """How many people there are, may be texted for marketing, opted out, are suppressed or have a landline.

    One pass over the profiles: 0.2 s at a million.
    """
    row = database.one(
        "SELECT COUNT(*), SUM(CASE WHEN consent_bits & ? <> 0 AND blocked_bits & ? = 0 AND line_type <> ? "
        "THEN 1 ELSE 0 END), SUM(CASE WHEN optout_bits & ? <> 0 THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN blocked_bits <> 0 THEN 1 ELSE 0 END), SUM(CASE WHEN line_type = ? THEN 1 ELSE 0 END) "
        "FROM profile",
        (Cls.mass.bit, Cls.mass.bit, int(LineType.fixed), MARKETING_MASK, int(LineType.fixed)),
    )
    keys = ("people", "reachable", "opted_out", "suppressed", "landline")
    return {key: int(value or 0) for key, value in zip(keys, row, strict=True)}


def countries() -> list[tuple[str, int]]:
    """Countries with their number of contacts, most first.  A scan; asked for by itself."""
    return database.query("SELECT country, COUNT(*) FROM profile GROUP BY country ORDER BY 2 DESC, 1")


def _scan(
    where: str, params: Sequence[Any], edge: int | None, upwards: bool, want: int
) -> tuple[list[int], int | None]:
    """Ids that match, nearest to the edge first; and the id come to when the time was up, else None."""
    if any(exact in where for exact in ("c.tail = ?", "c.phone_bidx = ?", "c.id = ?")):
        return _between(where, params, _bounds(edge, upwards), upwards, want), None
    low, high = _bounds(edge, upwards)
    top = database.scalar("SELECT MAX(contact_id) FROM profile") or 0
    high, found, step = min(high, top), [], _FIRST
    end = clock.monotonic() + BUDGET_S
    while low < high:
        part = (low, min(low + step, high)) if upwards else (max(low, high - step), high)
        found += _between(where, params, part, upwards, want - len(found))
        if len(found) >= want:
            return found, None
        if upwards:
            low = part[1]
        else:
            high = part[0]
        step = _STEP
        if low < high and clock.monotonic() > end:
            return found, (low if upwards else high + 1)
    return found, None


def _names(where: str, params: Sequence[Any], text: str, want: int) -> list[int]:
    """People whose name begins with the text, however old: the index on names finds them at once.

    Going on to older contacts shows them again at their place.
    """
    if "LIKE" not in where:
        return []
    return [
        row[0]
        for row in database.query(
            "SELECT c.id FROM contact c JOIN profile p ON p.contact_id = c.id "
            f"WHERE c.name >= ? AND c.name < ? AND {where} ORDER BY c.id DESC LIMIT ?",
            (text, text + "\U0010ffff", *params, want),
        )
    ]


def _bounds(edge: int | None, upwards: bool) -> tuple[int, int]:
    """Ids looked at: above the first, up to the second."""
    if edge is None:
        return 0, 1 << 62
    return (edge, 1 << 62) if upwards else (0, edge - 1)


def _between(
    where: str, params: Sequence[Any], bounds: tuple[int, int], upwards: bool, want: int
) -> list[int]:
    # One table where one will do: a name is looked for five times as fast without the join.
    key, tables = "p.contact_id", "profile p"
    if "c." in where:
        key, tables = (
            "c.id",
            "contact c JOIN profile p ON p.contact_id = c.id" if "p." in where else "contact c",
        )
    sql = (
        f"SELECT {key} FROM {tables} WHERE {key} > ? AND {key} <= ? AND {where} "
        f"ORDER BY {key} {'ASC' if upwards else 'DESC'} LIMIT ?"
    )
    return [row[0] for row in database.query(sql, (*bounds, *params, want))]
