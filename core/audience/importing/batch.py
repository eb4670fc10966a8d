"""The life of an import: prepared, run (by a job or a command), resumed after a crash, finished.

The cursor is committed with the rows it covers and moved by compare-and-set, so a killed import goes on
exactly where it stopped, and two processes that both think it is theirs cannot write a row twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import fields, labels
from core.audience.events import waiting
from core.audience.importing import columns as headers
from core.audience.importing import options as decided
from core.audience.importing import places, reader
from core.audience.importing.comparing import COUNTS, Comparer
from core.audience.importing.options import Options
from core.audience.importing.plan import Plan
from core.audience.importing.writing import Writer
from core.contract.errors import Refusal
from core.db import bulk, database, onlyonce
from core.db.models import ImportBatch
from core.i18n import _
from core.security import audit, keycheck

if TYPE_CHECKING:
    from core.runtime import Runtime

#: A running import without a commit for this long has lost its process.
SILENT_MS = 60_000

Progress = Callable[[int, int], None]


def _quiet(_done: int, _total: int) -> None:
    """Progress nobody watches."""


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, by which it is known again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def known_fields() -> dict[str, str]:
    """Fields there are: key → kind."""
    return {made.key: made.kind for made in fields.all_fields()}


def look(
    rt: Runtime,
    path: Path,
    *,
    region: str = "",
    changes: Mapping[str, str] | None = None,
    given: list[dict] | None = None,
) -> dict[str, Any]:
    """What a file holds: the plan with guesses, sample values, first rows, problems (child.look)."""
    region = places.region(region, rt.settings.default_region)
    return reader.look(path, region, known_fields(), changes=changes, columns=given)


def receive(rt: Runtime, path: Path, *, file_name: str, who: str) -> int:
    """Register an uploaded file as a new batch whose columns and rules are still open; returns its id.

    Raises `Refusal` when it is no table; the caller removes the file then.
    """
    draft = Plan.from_dict(look(rt, path)).as_dict()
    with database.write_tx():
        return ImportBatch.create(
            **onlyonce.new_id("import_batch"), file_name=file_name[:250], path=str(path), sha256=fingerprint(path),
            options=json.dumps({"draft": draft}),
            created_by=who, created_at=clock.now_ms(),
        ).id  # fmt: skip


def draft_of(batch: ImportBatch) -> Plan:
    """The plan of a new batch as it was last saved."""
    return Plan.from_dict(json.loads(batch.options)["draft"])


def save_draft(batch_id: int, plan: Plan) -> None:
    """Keep corrections of a new batch; one that was started keeps what it was started with."""
    with database.write_tx():
        ImportBatch.update(options=json.dumps({"draft": plan.as_dict()}, ensure_ascii=False)).where(
            (ImportBatch.id == batch_id) & (ImportBatch.state == "new")
        ).execute()


def discard(rt: Runtime, batch: ImportBatch) -> None:
    """Drop a batch that was never started, with its file."""
    with database.write_tx():
        ImportBatch.delete().where((ImportBatch.id == batch.id) & (ImportBatch.state == "new")).execute()
        onlyonce.gone("import_batch", batch.id)
    forget_upload(rt, batch.path)


def seen_before(sha256: str, besides: int = 0) -> ImportBatch | None:
    """The latest finished import of the very same file."""
    query = ImportBatch.select().where(
        (ImportBatch.sha256 == sha256) & (ImportBatch.state == "done") & (ImportBatch.id != besides)
    )
    return query.order_by(ImportBatch.id.desc()).first()


def prepare(
    rt: Runtime,
    path: Path,
    *,
    region: str = "",
    changes: Mapping[str, str] | None = None,
    cls: str = "",
    source: str = "",
    wording: str = "",
    label_names: Sequence[str] = (),
) -> Options:
    """Look at a file and settle what to do with it; changes nothing.  Raises `Refusal`."""
    if not path.is_file():
        raise Refusal(_("There is no file %(path)s.", path=path), field="file")
    seen = look(rt, path, region=region, changes=changes)
    plan = Plan.from_dict(seen)
    headers.check(plan.columns)
    return Options(
        plan,
        decided.rules(plan, cls=cls, source=source, wording=wording, labels=label_names, file_name=path.name),
    )


def begin(rt: Runtime, options: Options, *, path: Path, file_name: str, who: str, batch_id: int = 0) -> int:
    """Define new fields and labels and set the batch running; returns its id.

    The same file with the same decisions, still unfinished, is that batch again: it is resumed.
    `batch_id`: an uploaded batch in state "new".
    """
    headers.check(options.plan.columns)
    sha256, now = fingerprint(path), clock.now_ms()
    for column in options.plan.columns:
        if column.to == "field":
            fields.define(column.key, column.kind, column.header)
    for name in options.rules.labels:
        labels.ensure(name)
    with database.write_tx():
        unfinished = ImportBatch.get_or_none(
            (ImportBatch.sha256 == sha256)
            & (ImportBatch.state == "running")
            & (ImportBatch.options == options.text())
        )
        if unfinished and not batch_id:
            return unfinished.id
        values = {
            "file_name": file_name[:250], "path": str(path.resolve()), "sha256": sha256, "options": options.text(),
            "state": "running", "beat_at": now, "created_by": who,
        }  # fmt: skip
        if batch_id:
            taken = (
                ImportBatch.update(values)
                .where((ImportBatch.id == batch_id) & (ImportBatch.state == "new"))
                .execute()
            )
            if taken != 1:
                raise Refusal(_("Import %(id)s was started already.", id=batch_id), status=409)
        else:
            values |= onlyonce.new_id("import_batch")
            batch_id = ImportBatch.create(created_at=now, **values).id
        audit.record(who, "import.start", f"import:{batch_id}", file_name[:200])
    return batch_id


def run(rt: Runtime, batch_id: int, progress: Progress = _quiet) -> None:
    """Job: import a running batch from its cursor to its end, or finish undoing one.

    Raises `Refusal` when the file is refused.  Anything else that goes wrong (a database that is away …)
    leaves it running, to be resumed.
    """
    batch = ImportBatch.get_or_none(ImportBatch.id == batch_id)
    if batch is not None and batch.state == "undoing":
        from core.audience.importing import undo

        undo.finish(rt, batch_id, who=batch.created_by)
        return
    if batch is None or batch.state != "running":
        return
    try:
        _run(rt, batch, progress)
    except Refusal as refusal:
        # 409: another process goes on with it, nothing failed.
        if refusal.status != 409:
            _finish(rt, batch, "failed", str(refusal))
        raise
    waiting.join(rt)
    _finish(rt, batch, "done")
    rt.enqueue("numbers")


def _run(rt: Runtime, batch: ImportBatch, progress: Progress) -> None:
    path = Path(batch.path)
    if not path.is_file():
        raise Refusal(_("The file %(path)s is gone.", path=batch.path), field="file")
    if batch.cursor and fingerprint(path) != batch.sha256:
        raise Refusal(_("The file changed while it was being imported; import it again."), field="file")
    options, cursor, mark = Options.parse(batch.options), batch.cursor, clock.monotonic()
    writer = Writer(rt, batch.id, options, batch.created_by)
    with reader.Reader(reader.Import.request(path, options.plan, keycheck.folder(rt), cursor)) as process:
        reading = reader.Import(process)
        total, texts = reading.survey(lambda _n: _beat(batch.id))
        with database.write_tx():
            ImportBatch.update(total=total, beat_at=clock.now_ms()).where(
                ImportBatch.id == batch.id
            ).execute()
        progress(cursor, total)
        for chunk in reading.chunks(writer.codes(texts)):
            now = clock.monotonic()
            # The cursor is committed with its rows: what a power cut takes away is imported again.
            with bulk.repeatable():
                bulk.retry_conflict(writer.write, chunk, cursor, now - mark)
            mark, cursor = now, chunk.cursor
            progress(cursor, total)
    _beat(batch.id, clock.monotonic() - mark)


def _beat(batch_id: int, seconds: float = 0.0) -> None:
    with database.write_tx():
        database.execute(
            "UPDATE import_batch SET beat_at = ?, seconds = seconds + ? WHERE id = ?",
            (clock.now_ms(), seconds, batch_id),
        )


def _finish(rt: Runtime, batch: ImportBatch, state: str, error: str = "") -> None:
    with database.write_tx():
        changed = (
            ImportBatch.update(state=state, error=error)
            .where((ImportBatch.id == batch.id) & (ImportBatch.state == "running"))
            .execute()
        )
        if changed:
            audit.record(batch.created_by, f"import.{state}", f"import:{batch.id}", error[:200])
    forget_upload(rt, batch.path)


def forget_upload(rt: Runtime, path: str) -> None:
    """Remove an uploaded copy once it has served: it holds numbers in plain."""
    file = Path(path)
    if path and file.parent == rt.settings.path("uploads"):
        file.unlink(missing_ok=True)


def resume(rt: Runtime) -> int:
    """Periodic: queue imports whose process died, again; returns how many.  Also found after a lost queue."""
    late = clock.now_ms() - SILENT_MS
    ids = [
        row[0]
        for row in database.query(
            "SELECT id FROM import_batch WHERE state IN ('running', 'undoing') AND beat_at < ?", (late,)
        )
    ]
    for batch_id in ids:
        rt.enqueue("import", batch_id)
    return len(ids)


def dry_run(rt: Runtime, path: Path, options: Options, progress: Progress = _quiet) -> dict[str, int]:
    """The counts an import would have; writes nothing."""
    comparer = Comparer(rt, 0, options)
    counts = dict.fromkeys(COUNTS, 0)
    with reader.Reader(reader.Import.request(path, options.plan, keycheck.folder(rt), 0)) as process:
        reading = reader.Import(process)
        total, texts = reading.survey()
        for chunk in reading.chunks(comparer.codes(texts, write=False)):
            for name, n in comparer.compare(chunk).counts.items():
                counts[name] += n
            progress(chunk.cursor, total)
    return counts


def report(batch_id: int) -> dict[str, Any]:
    """A batch in numbers: rows = created + updated + unchanged + duplicates + rejected."""
    batch = ImportBatch.get_by_id(batch_id)
    return {
        "batch": batch.id, **{name: getattr(batch, name) for name in COUNTS}, "seconds": round(batch.seconds, 3),
        "state": batch.state, "file": batch.file_name,
    }  # fmt: skip


def options_of(batch: ImportBatch) -> Options | None:
    """The decisions of a batch, None before they were made."""
    return Options.parse(batch.options) if "plan" in json.loads(batch.options or "{}") else None
