"""The catalogue: items and their categories.  What an event names and nobody described exists by its key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import kinds
from core.audience.events.checking import MAX_AMOUNT, MAX_KEY, MICROS
from core.audience.events.problems import Problem, problem
from core.audience.events.store import hold
from core.db import bulk, database
from core.db.text import small

if TYPE_CHECKING:
    from core.runtime import Runtime

MAX_TAGS, _REMEMBERED, _CHUNK = 50, 200_000, 5_000


class Names:
    """Ids of items and categories by key and name, made on the fly; for one import or call.

    Only what a committed transaction made is remembered: call `keep` after the commit.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, int]] = {"item": {}, "category": {}}
        self._fresh: dict[str, dict[str, int]] = {"item": {}, "category": {}}

    def items(self, keys: Iterable[str]) -> Mapping[str, int]:
        """Ids of items; inside `write_tx` after `store.hold`.  "" has none."""
        return self._ids("item", "key", keys, {"title": "", "tags": "", "updated_at": clock.now_ms()})

    def categories(self, names: Iterable[str]) -> Mapping[str, int]:
        """Ids of categories; likewise."""
        return self._ids("category", "name", names, {})

    def _ids(self, table: str, column: str, names: Iterable[str], same: Mapping) -> dict[str, int]:
        known, fresh = self._known[table], self._fresh[table]
        fresh.clear()
        wanted = set(names) - {""}
        missing = sorted(wanted - known.keys())
        if missing:
            found = bulk.query_among(f"SELECT {column}, id FROM {table} WHERE", column, missing)
            fresh.update(found)
            unknown = [name for name in missing if name not in fresh]
            ids = bulk.new_ids(table, len(unknown))
            bulk.insert_columns(table, {"id": ids, column: unknown}, same, len(unknown))
            fresh.update(zip(unknown, ids, strict=True))
        return {name: fresh[name] if name in fresh else known[name] for name in wanted}

    def keep(self) -> None:
        """The transaction was committed: what it found and made holds."""
        for table, fresh in self._fresh.items():
            if len(self._known[table]) > _REMEMBERED:
                self._known[table].clear()
            self._known[table].update(fresh)
            fresh.clear()


@dataclass(frozen=True, slots=True)
class Item:
    """One item; `tags` in the order of the alphabet."""

    id: int
    key: str
    title: str
    category: str
    price_micros: int | None
    tags: tuple[str, ...]
    updated_at: int


@dataclass(slots=True)
class Upserted:
    """What became of rows; `problems` is (index of the row, problem)."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: list[tuple[int, Problem]] | None = None


def upsert_items(rt: Runtime, rows: Sequence[Mapping[str, Any]]) -> Upserted:
    """Create or change items by key; each row has `key` and any of title, category, price, tags.

    What a row does not name, or leaves empty, stays as it is.  `price` is in the house currency, text or
    number; `tags` a list or a text with commas.  Of two rows with one key the later one wins.
    Rows that make no sense are answered in `problems`; the others are stored, in one transaction each 5,000.
    """
    done = Upserted(problems=[])
    for first in range(0, len(rows), _CHUNK):
        wanted: dict[str, dict[str, Any]] = {}
        for at, row in enumerate(rows[first : first + _CHUNK], first):
            item = _item(row)
            if isinstance(item, Problem):
                done.problems.append((at, item))
            else:
                key = item.pop("key")
                done.unchanged += key in wanted
                wanted[key] = {**wanted.get(key, {}), **item}
        if wanted:
            bulk.retry_conflict(_upsert, wanted, done)
    return done


def _upsert(wanted: dict[str, dict[str, Any]], done: Upserted) -> None:
    names, now = Names(), clock.now_ms()
    with database.write_tx():
        hold()
        categories = names.categories(item["category"] for item in wanted.values() if "category" in item)
        there = {
            row[1]: row
            for row in bulk.query_among(
                "SELECT id, key, title, category_id, price_micros, tags FROM item WHERE",
                "key",
                sorted(wanted),
            )
        }
        ids = names.items(wanted)
        changes = []
        for key, item in sorted(wanted.items()):
            old = there.get(key, (ids[key], key, "", None, None, ""))[2:]
            new = (
                item.get("title", old[0]),
                categories[item["category"]] if "category" in item else old[1],
                item.get("price_micros", old[2]),
                item.get("tags", old[3]),
            )
            if new != old:
                changes.append((*new, now, ids[key]))
            updated = new != old and key in there
            done.updated += updated
            done.created += key not in there
            done.unchanged += key in there and not updated
        bulk.update_rows(
            "item", "id", ["title", "category_id", "price_micros", "tags", "updated_at"], changes
        )


def _item(row: Mapping[str, Any]) -> dict[str, Any] | Problem:
    """The columns a row sets, or what is wrong with it."""
    made: dict[str, Any] = {}
    for name in ("key", "title", "category"):
        text = kinds.clean(str(row.get(name) if row.get(name) is not None else ""))
        if len(text) > MAX_KEY:
            return problem("long_value", text[:40], name)
        if text:
            made[name] = text
    if "key" not in made:
        return problem("no_key", "", "key")
    price = row.get("price")
    if price is not None and str(price).strip():
        number = kinds.to_number(str(price))
        if number is None or not 0 <= number <= MAX_AMOUNT / MICROS:
            return problem("bad_price", price, "price")
        made["price_micros"] = int((Decimal(repr(number)) * MICROS).to_integral_value())
    tags = row.get("tags") or ()
    parts = tags.replace("，", ",").replace(";", ",").split(",") if isinstance(tags, str) else map(str, tags)
    tidy = sorted({text for part in parts if (text := kinds.clean(part).replace(",", " "))})
    if len(tidy) > MAX_TAGS or any(len(text) > MAX_KEY for text in tidy):
        return problem("long_value", "", "tags")
    if tidy:
        made["tags"] = ",".join(tidy)
    return made


def search(text: str = "", *, category: str = "", after: str = "", limit: int = 50) -> list[Item]:
    """Items by key, from behind the key `after`; `text` is part of a key or title, or a whole tag."""
    where, params = ["i.key > ?"], [after]
    if text := kinds.clean(text):
        holds = (
            'STRPOS(LOWER({} COLLATE "C"), ?) > 0' if database.is_postgres() else "INSTR(LOWER({}), ?) > 0"
        )
        where.append(
            " OR ".join(holds.format(column) for column in ("i.key", "i.title", "',' || i.tags || ','"))
        )
        params += [small(text), small(text), f",{small(text)},"]
    if category:
        where.append("c.name = ?")
        params.append(category)
    rows = database.query(
        "SELECT i.id, i.key, i.title, COALESCE(c.name, ''), i.price_micros, i.tags, i.updated_at FROM item i "
        f"LEFT JOIN category c ON c.id = i.category_id WHERE ({') AND ('.join(where)}) ORDER BY i.key LIMIT ?",
        (*params, limit),
    )
    return [Item(*row[:5], tuple(filter(None, row[5].split(","))), row[6]) for row in rows]


def categories() -> list[tuple[int, str]]:
    """(id, name) of every category, by name."""
    return database.query("SELECT id, name FROM category ORDER BY name")
