"""The life of a file of events: looked at, created, run by a job or a command, resumed, finished.

As with files of contacts, the cursor is committed with the rows it covers and moved by compare-and-set: a
killed import goes on where it stopped, and two processes cannot write a row twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from core import clock, i18n
from core.audience.events import eventtypes, money, undo
from core.audience.events.checking import Rules
from core.audience.events.reading import Chunk
from core.audience.events.writing import COUNTS, Writer
from core.audience.importing import places
from core.audience.importing.batch import SILENT_MS, fingerprint, forget_upload
from core.audience.importing.reader import Reader
from core.contract.errors import Refusal
from core.db import bulk, database
from core.db.models import EventBatch
from core.i18n import _
from core.security import audit, keycheck

if TYPE_CHECKING:
    from core.runtime import Runtime

Progress = Callable[[int, int], None]
_CHILD = "core.audience.events.child"


def _quiet(_done: int, _total: int) -> None:
    """Progress nobody watches."""


def look(rt: Runtime, path: Path, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a file holds: {"plan", "rows": [{"cells", "reason"}], "checked", "failing"}; changes nothing.

    Options, all of which may be missing: `region` (ISO country of national numbers), `zone` (IANA zone of
    times without one), `type` (of all rows of a file without such a column), `map` (phone, type, at … →
    header or #3).  Raises `Refusal` when it cannot be read as events.
    """
    if not path.is_file():
        raise Refusal(_("There is no file %(path)s.", path=path), field="file")
    request = {"op": "look", "path": str(path), "options": _complete(rt, options or {})}
    # Words of reasons are in the reader's language; a file may have titles of types in any.
    request |= {"rules": Rules.read(money.house()).as_dict(), "titles": _titles()}
    with Reader(request, _CHILD) as reader:
        return reader.hear()[1]


def titles(path: Path) -> list[str]:
    """The first row of a file, for a page where columns are chosen by hand.

    Raises `Refusal` when it is no table.
    """
    with Reader({"op": "titles", "path": str(path)}, _CHILD) as reader:
        return reader.hear()[1]


def _complete(rt: Runtime, options: Mapping[str, Any]) -> dict[str, Any]:
    zone = options.get("zone") or rt.settings.zone
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise Refusal(
            _("“%(name)s” is not an IANA time zone such as Asia/Shanghai or UTC.", name=zone), field="zone"
        ) from None
    return {
        "region": places.region(options.get("region") or "", rt.settings.default_region),
        "zone": zone,
        "type": options.get("type") or "",
        "map": dict(options.get("map") or {}),
    }


def _titles() -> dict[str, str]:
    found = {}
    for code in i18n.LANGUAGES:
        with i18n.use(code):
            found |= {made.title: made.key for made in eventtypes.all_types()}
    return found


def create(
    rt: Runtime, file_name: str, path: Path, options: Mapping[str, Any] | None = None, who: str = ""
) -> EventBatch:
    """Look at a file and set its import running; the caller then runs it or enqueues "event-import".

    The same file with the same options, still unfinished, is that batch again: it is resumed.  Raises
    `Refusal` (`look`), and for a `type` there is none of.
    """
    plan = look(rt, path, options)["plan"]
    if plan["type"] and plan["type"] not in eventtypes.types():
        raise Refusal(
            _(
                "There is no type “%(key)s”; the types are %(all)s.",
                key=plan["type"],
                all=", ".join(eventtypes.types()),
            ),
            field="type",
        )
    sha256, now = fingerprint(path), clock.now_ms()
    text = json.dumps({"plan": plan}, ensure_ascii=False, sort_keys=True)
    with database.write_tx():
        same = (EventBatch.sha256 == sha256) & (EventBatch.options == text) & (EventBatch.state == "running")
        unfinished = EventBatch.get_or_none(same)
        if unfinished:
            return unfinished
        batch = EventBatch.create(
            file_name=file_name[:250], path=str(path.resolve()), sha256=sha256, options=text, state="running",
            total=_lines(path), beat_at=now, created_by=who, created_at=now,
        )  # fmt: skip
        audit.record(who, "events.import", f"event_batch:{batch.id}", file_name[:200])
    return batch


def _lines(path: Path) -> int:
    """About how many rows there are, for the progress bar; the end of the import knows exactly."""
    with path.open("rb") as file:
        if file.read(2) == b"PK":
            return 0
        file.seek(0)
        return max(0, sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) - 1)


def seen_before(path: Path) -> EventBatch | None:
    """The latest finished import of the very same file."""
    same = (EventBatch.sha256 == fingerprint(path)) & (EventBatch.state == "done")
    return EventBatch.select().where(same).order_by(EventBatch.id.desc()).first()


def run(rt: Runtime, batch_id: int, progress: Progress = _quiet) -> None:
    """Job "event-import": import a running batch from its cursor to its end, or finish undoing one.

    Raises `Refusal` when the file is refused; anything else that goes wrong leaves it running, to be
    resumed.
    """
    batch = EventBatch.get_or_none(EventBatch.id == batch_id)
    if batch is not None and batch.state == "undoing":
        undo.finish(rt, batch_id)
    if batch is None or batch.state != "running":
        return
    try:
        _run(rt, batch, progress)
    except Refusal as refusal:
        # 409: another process goes on with it, nothing failed.
        if refusal.status != 409:
            _finish(rt, batch, "failed", str(refusal))
        raise
    _finish(rt, batch, "done")


def _run(rt: Runtime, batch: EventBatch, progress: Progress) -> None:
    path, plan = Path(batch.path), json.loads(batch.options)["plan"]
    if not path.is_file():
        raise Refusal(_("The file %(path)s is gone.", path=batch.path), field="file")
    if batch.cursor and fingerprint(path) != batch.sha256:
        raise Refusal(_("The file changed while it was being imported; import it again."), field="file")
    writer, cursor, mark = Writer(rt, batch.id), batch.cursor, clock.monotonic()
    request = {
        "op": "import", "path": str(path), "plan": plan, "keys": str(keycheck.folder(rt)), "start": cursor,
        "titles": _titles(), "currencies": not money.house(),
    }  # fmt: skip
    progress(cursor, batch.total)
    with Reader(request, _CHILD) as reader:
        named = reader.hear()[1]
        reader.say(Rules.read(money.settle(Counter(named))).as_dict())
        for chunk in _chunks(reader):
            now = clock.monotonic()
            # The cursor is committed with its rows: what a power cut takes away is imported again.
            with bulk.repeatable():
                bulk.retry_conflict(writer.write, chunk, cursor, now - mark)
            mark, cursor = now, chunk.cursor
            progress(cursor, max(batch.total, cursor))
    with database.write_tx():
        database.execute(
            "UPDATE event_batch SET total = ?, beat_at = ?, seconds_ms = seconds_ms + ? WHERE id = ?",
            (cursor, clock.now_ms(), round((clock.monotonic() - mark) * 1000), batch.id),
        )


def _chunks(reader: Reader) -> Iterator[Chunk]:
    while (message := reader.hear())[0] == "chunk":
        yield Chunk(*message[1:])


def _finish(rt: Runtime, batch: EventBatch, state: str, error: str = "") -> None:
    with database.write_tx():
        done = (EventBatch.id == batch.id) & (EventBatch.state == "running")
        if EventBatch.update(state=state, error=error).where(done).execute():
            audit.record(batch.created_by, f"events.import_{state}", f"event_batch:{batch.id}", error[:200])
    forget_upload(rt, batch.path)


def resume(rt: Runtime) -> int:
    """Periodic: queue imports whose process died, again; returns how many."""
    late = clock.now_ms() - SILENT_MS
    rows = database.query(
        "SELECT id FROM event_batch WHERE state IN ('running', 'undoing') AND beat_at < ?", (late,)
    )
    for (batch_id,) in rows:
        rt.enqueue("event-import", batch_id)
    return len(rows)


def report(batch_id: int) -> dict[str, Any]:
    """A batch in numbers: rows = stored + duplicates + waiting + rejected."""
    batch = EventBatch.get_by_id(batch_id)
    return {
        "batch": batch.id, **{name: getattr(batch, name) for name in COUNTS},
        "seconds": round(batch.seconds_ms / 1000, 3), "state": batch.state, "file": batch.file_name,
    }  # fmt: skip


def batches(limit: int = 50, before: int = 0) -> Sequence[EventBatch]:
    """Files of events, newest first; `before` is the id of the last one of the page before."""
    query = EventBatch.select().order_by(EventBatch.id.desc()).limit(limit)
    return list(query.where(EventBatch.id < before) if before else query)
