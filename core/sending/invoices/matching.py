"""Which message a line of a bill is: by the provider's id or our reference, else by number and time.

A masked number is matched by its last four digits.  Messages are read in chunks by id, once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from core import clock, ids
from core.audience import phones
from core.db import database
from core.db.bulk import query_among
from core.db.codes import State
from core.sending.invoices.reading import Line

if TYPE_CHECKING:
    from core.runtime import Runtime

CHUNK = 20_000
#: A message is prepared at most so long before it goes on the wire, and billed so far from its submit.
EARLIER_MS, NEAR_MS = 60 * clock.DAY_MS, 15 * clock.MINUTE_MS
#: What a vendor bills: whatever it accepted.
BILLED = (State.accepted, State.delivered, State.undelivered, State.expired, State.in_doubt)


class Ours(NamedTuple):
    """A message of the account that was on the wire in the time of the bill."""

    id: int
    provider_id: str | None
    state: int
    cls: int
    contact_id: int
    parts: int
    micros: int
    submitted_at: int
    country: str
    tail: int


def messages(account_id: int, since: int, until: int) -> Iterator[Ours]:
    """Messages of an account submitted in a span (epoch ms), by id."""
    last = max(0, since - EARLIER_MS) << 20
    top = until << 20
    while True:
        rows = database.query(
            "SELECT m.id, m.provider_id, m.state, m.cls, m.contact_id, m.parts, m.cost_micros, m.submitted_at, "
            "COALESCE(p.country, ''), COALESCE(c.tail, -1) FROM message m LEFT JOIN contact c ON c.id = m.contact_id "
            "LEFT JOIN profile p ON p.contact_id = m.contact_id WHERE m.id > ? AND m.id < ? AND m.account_id = ? "
            "AND m.submitted_at >= ? AND m.submitted_at < ? ORDER BY m.id LIMIT ?",
            (last, top, account_id, since, until, CHUNK),
        )
        yield from map(Ours._make, rows)
        if len(rows) < CHUNK:
            return
        last = rows[-1][0]


def match(
    rt: Runtime, account_id: int, lines: Sequence[Line], since: int, until: int
) -> tuple[dict[int, Ours], list[Ours]]:
    """({index of a line: its message}, messages no line names).  Lines of one id share their message."""
    by_id: dict[str, list[int]] = defaultdict(list)
    for at, line in enumerate(lines):
        if line.id:
            by_id[line.id].append(at)
    references = ids.References(rt.keys)
    by_ref = {ref: at for text, at in by_id.items() if (ref := references.id_of(text)) is not None}
    found: dict[int, Ours] = {}
    rest: list[Ours] = []
    for ours in messages(account_id, since, until):
        wanted = by_id.get(ours.provider_id or "") or by_ref.get(ours.id)
        if wanted:
            found.update(dict.fromkeys(wanted, ours))
        else:
            rest.append(ours)
    open_lines = [
        at for at, line in enumerate(lines) if at not in found and line.number and line.at is not None
    ]
    if open_lines and rest:
        taken = _by_number(rt, lines, open_lines, rest, found)
        rest = [ours for ours in rest if ours.id not in taken]
    return found, rest


def _by_number(
    rt: Runtime, lines: Sequence[Line], open_lines: list[int], rest: list[Ours], found: dict[int, Ours]
) -> set[int]:
    whole = {at: number for at in open_lines if (number := _e164(rt, lines[at].number))}
    index = {rt.keys.blind_index(number): number for number in set(whole.values())}
    contacts = {
        index[bytes(bidx)]: id_
        for bidx, id_ in query_among("SELECT phone_bidx, id FROM contact WHERE", "phone_bidx", list(index))
    }
    taken: set[int] = set()
    people: dict[int, list[Ours]] = defaultdict(list)
    tails: dict[int, list[Ours]] = defaultdict(list)
    for ours in rest:
        people[ours.contact_id].append(ours)
        tails[ours.tail].append(ours)
    for at in sorted(open_lines, key=lambda at: lines[at].at or 0):
        line = lines[at]
        if at in whole:
            some = people.get(contacts.get(whole[at], -1), [])
        else:
            some = tails.get(int(line.number[-4:]), []) if line.number[-4:].isdecimal() else []
        near = _nearest(line, some, taken)
        if near is not None:
            taken.add(near.id)
            found[at] = near
    return taken


def _nearest(line: Line, some: Sequence[Ours], taken: set[int]) -> Ours | None:
    reach = clock.DAY_MS if line.day_only else NEAR_MS
    distance: Callable[[Ours], int] = lambda ours: abs(ours.submitted_at - (line.at or 0))  # noqa: E731
    free = [ours for ours in some if ours.id not in taken and distance(ours) <= reach]
    return min(free, key=distance) if free else None


def _e164(rt: Runtime, number: str) -> str:
    """A whole number in E.164; "" for a masked one or none."""
    digits = number.translate(_NOISE)
    if not digits.removeprefix("+").isdecimal():
        return ""
    if digits.startswith("+"):
        return digits
    phone = phones.parse(digits, rt.settings.default_region) or phones.parse(f"+{digits}")
    return phone.e164 if phone else ""


_NOISE = str.maketrans("", "", " -().\u00a0")
