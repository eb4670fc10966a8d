"""Recording events that programs hand over: the API, clicks, replies, a shop's webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import phones
from core.audience.events import money, store
from core.audience.events.catalogue import Names
from core.audience.events.checking import Checked, Rules
from core.audience.events.problems import Problem, problem, words
from core.db import bulk, database

if TYPE_CHECKING:
    from core.runtime import Runtime


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event as it is handed in.

    `at` is epoch ms; who did it is `contact_id` or `phone` (E.164, or as people write it in the default
    region).  `key` makes it harmless to hand in twice; without one the content is the key.
    `amount_micros` is in `currency` (ISO), in the house currency without one.  `props` holds order, place,
    lat, lon and what the type declares.
    """

    type: str
    at: int
    phone: str = ""
    contact_id: int = 0
    key: str = ""
    amount_micros: int | None = None
    currency: str = ""
    item: str = ""
    category: str = ""
    props: Mapping[str, Any] = field(default_factory=dict)
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event: stored, duplicate, waiting (its number is no contact yet) or rejected.

    A rejected one has a sentence in the reader's language as `reason`, a stable `code`, the `field`, and `raw`,
    which `problems.words` makes the sentence of in another language.
    """

    status: str
    reason: str = ""
    field: str = ""
    code: str = ""
    raw: str = ""


STORED, DUPLICATE, WAITING = Outcome("stored"), Outcome("duplicate"), Outcome("waiting")


def record(rt: Runtime, events: Sequence[NewEvent], *, batch_id: int | None = None) -> list[Outcome]:
    """Check and store events in one transaction; an outcome for each, in their order.

    Opens its own `write_tx` and calls the hook `events_recorded` after it.  Never raises for a bad row.
    """
    if not events:
        return []
    rules = Rules.read(
        money.settle(event.currency for event in events if isinstance(event.amount_micros, int))
    )
    found: list[Outcome | None] = [None] * len(events)
    good: list[tuple[int, bytes | int, Checked]] = []
    for at, event in enumerate(events):
        checked = _check(rules, event)
        owner = checked if isinstance(checked, Problem) else _owner(rt, event)
        if isinstance(owner, Problem):
            code = owner.reason.partition(":")[0]
            found[at] = Outcome("rejected", words(owner.reason), owner.field, code, owner.reason)
        else:
            good.append((at, owner, checked))
    if good:
        bulk.retry_conflict(_record, rt, events, good, batch_id, found)
    return found


def _check(rules: Rules, event: NewEvent) -> Checked | Problem:
    for name, kinds, none in (("at", int, False), ("amount_micros", int, True), ("message_id", int, True)):
        value = getattr(event, name)
        if (value is None and none) or (isinstance(value, kinds) and not isinstance(value, bool)):
            continue
        return problem("bad_time" if name == "at" else "bad_amount", value, name.removesuffix("_micros"))
    for name in ("type", "phone", "key", "currency", "item", "category"):
        if not isinstance(getattr(event, name), str):
            return problem("bad_property", getattr(event, name), name)
    if "\0" in event.item + event.category + event.key + event.type:
        return problem("bad_property", "", "item")
    return rules.check(
        event.type, event.at, event.amount_micros, event.currency.strip().upper(), event.item, event.category,
        event.key.strip(), event.props,
    )  # fmt: skip


def _owner(rt: Runtime, event: NewEvent) -> int | bytes | Problem:
    if event.contact_id:
        return event.contact_id
    if not event.phone.strip():
        return problem("no_number", "", "phone")
    phone = phones.parse(event.phone.strip(), rt.settings.default_region)
    return rt.keys.blind_index(phone.e164) if phone else problem("invalid_number", event.phone[:40], "phone")


def _record(
    rt: Runtime, events: Sequence[NewEvent], good: list, batch_id: int | None, found: list[Outcome | None]
) -> None:
    names = Names()
    with database.write_tx():
        store.hold()
        # A type may have been removed since the rules were read.
        types = {row[0] for row in database.query("SELECT id FROM event_type")}
        bidxs = sorted({owner for _at, owner, _checked in good if isinstance(owner, bytes)})
        ids = contacts_of(bidxs)
        erased = erased_among([bidx for bidx in bidxs if bidx not in ids])
        exist = _existing({owner for _at, owner, _checked in good if isinstance(owner, int)})
        items = names.items(checked.item for _at, _owner, checked in good)
        categories = names.categories(checked.category for _at, _owner, checked in good)
        rows: dict[bool, list[tuple[int, store.Row]]] = {True: [], False: []}
        for at, owner, checked in good:
            if checked.type not in types:
                gone = problem("unknown_type", events[at].type, "type")
                found[at] = Outcome("rejected", words(gone.reason), "type", "unknown_type", gone.reason)
                continue
            if owner in erased or (isinstance(owner, int) and owner not in exist):
                code = "erased" if owner in erased else "no_contact"
                found[at] = Outcome(
                    "rejected", words(code), "phone" if owner in erased else "contact_id", code, code
                )
                continue
            known = ids.get(owner, owner)
            row = (
                known, checked.key_hash, checked.type, checked.at, checked.amount_micros, items.get(checked.item),
                categories.get(checked.category), events[at].message_id, batch_id, checked.props,
            )  # fmt: skip
            rows[isinstance(known, int)].append((at, row))
        stored = store.put([row for _at, row in rows[True]]) if rows[True] else []
        kept = store.put_waiting([row for _at, row in rows[False]], clock.now_ms()) if rows[False] else []
    for pairs, flags, word in ((rows[True], stored, STORED), (rows[False], kept, WAITING)):
        for (at, _row), new in zip(pairs, flags, strict=True):
            found[at] = word if new else DUPLICATE
    fresh = sorted({row[0] for (_at, row), new in zip(rows[True], stored, strict=True) if new})
    if fresh:
        rt.plugins.call("events_recorded", contact_ids=fresh)


def contacts_of(bidxs: Sequence[bytes]) -> dict[bytes, int]:
    """Blind index → contact id, of those that are contacts."""
    rows = bulk.query_among("SELECT phone_bidx, id FROM contact WHERE", "phone_bidx", bidxs)
    return {bytes(bidx): contact_id for bidx, contact_id in rows}


def erased_among(bidxs: Sequence[bytes]) -> set[bytes]:
    """Those of these numbers that were erased: nothing about them is kept."""
    select = "SELECT phone_bidx FROM suppression WHERE reason = 'erased' AND"
    return {bytes(row[0]) for row in bulk.query_among(select, "phone_bidx", bidxs)}


def _existing(ids: set[int]) -> set[int]:
    rows = bulk.query_among("SELECT id FROM contact WHERE", "id", sorted(ids))
    return {row[0] for row in rows}
