"""`cooee bench events`: a file of new events into a database that holds millions, beside bare reading.

First a million contacts with ten million events are built (`--contacts`, `--events` for fewer).  Then a file
of `n` new rows is imported as `cooee event import` does it, at synchronous=FULL: the reader process parses
and checks, this one stores and folds.  The CPU of both is counted; memory is the most each held meanwhile.
`baseline` is csv.reader, `phones.parse` and the blind index in one plain loop on the same file.
"""

from __future__ import annotations

import contextlib
import csv
import os
import random
import resource
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import clock
from core.audience import phones
from core.audience.events import folding, importing
from core.bench import apart, audience, clocked, figures, peak_rss_mb, throwaway
from core.db import database

_HEADER = ("phone", "type", "at", "amount", "currency", "item", "category", "key")
_TYPES = ("view",) * 55 + ("cart",) * 15 + ("purchase",) * 15 + ("share",) * 7 + ("visit",) * 8


def run(n: int, contacts: int = 1_000_000, events: int = 10_000_000) -> dict[str, Any]:
    """Measure an import of `n` rows, and a second one of the same file (all duplicates)."""
    with tempfile.TemporaryDirectory(prefix="cooee-bench-") as folder, throwaway() as rt:
        path = Path(folder) / "events.csv"
        with clocked() as built:
            before = apart(rt, audience.build, contacts, events)
        write_file(path, n, contacts)
        with clocked() as bare:
            _bare(path, rt.keys)
        first, cpu_s, done, memory = _measured(rt, path)
        again, _again_cpu_s, twice, _memory = _measured(rt, path)
        wrong = [*folding.check_stats(), *folding.check_days()]
        size_mb = _size_mb()
    first.cpu_s = cpu_s
    baseline = {
        "what": "csv.reader, parse the number, blind index",
        "seconds": round(bare.seconds, 3),
        "per_second": bare.per_second(n),
        "cpu_us_per_item": round(bare.cpu_s / n * 1e6, 2),
    }
    found = figures(
        "events", n, first, baseline, bare.seconds / first.seconds,
        contacts=contacts, events=before, database_mb=size_mb, build_seconds=round(built.seconds, 1),
        stored=done["stored"], rejected=done["rejected"], processes=2, wrong=wrong,
        again={"seconds": round(again.seconds, 3), "per_second": again.per_second(n), "duplicates": twice["duplicates"]},
    )  # fmt: skip
    return found | {"peak_rss_mb": memory[0], "reader_peak_rss_mb": memory[1]}


def write_file(path: Path, n: int, contacts: int, seed: int = 11) -> None:
    """A made-up file of `n` events of the last 30 days, in the order of time; most by few of the contacts."""
    rng, now = random.Random(seed), clock.now_ms()  # noqa: S311
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(_HEADER)
        for at in range(n):
            when = now - 30 * clock.DAY_MS + at * 30 * clock.DAY_MS // n
            kind, who = rng.choice(_TYPES), 1 + int(contacts * rng.random() ** 2)
            paid = kind == "purchase"
            out.writerow(
                (
                    f"+86139{min(who, contacts):08}", kind,
                    datetime.fromtimestamp(when // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    f"{rng.random() * 900:.2f}" if paid else "", "CNY" if paid else "",
                    f"SKU{rng.randrange(audience.ITEMS)}", f"Category {rng.randrange(audience.CATEGORIES)}",
                    f"bench-{at}",
                )
            )  # fmt: skip


def _measured(rt, path: Path) -> tuple[Any, float, dict[str, Any], tuple[int, int]]:
    """Wall clock of an import, the CPU seconds of both its processes, its report, and the memory of each."""
    before, reader = resource.getrusage(resource.RUSAGE_CHILDREN), [0]

    def watch(_done: int, _total: int) -> None:
        with contextlib.suppress(OSError):
            for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
                reader.append(peak_rss_mb(pid))

    # The peak of what was done before, building the audience, begins anew (Linux).
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    with clocked() as took:
        batch = importing.create(rt, path.name, path, {"region": "CN"}, "bench")
        importing.run(rt, batch.id, watch)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    reader_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, took.cpu_s + reader_s, importing.report(batch.id), (peak_rss_mb(), max(reader))


def _size_mb() -> int:
    if database.is_postgres():
        return database.scalar("SELECT pg_database_size(current_database())") >> 20
    return (database.scalar("PRAGMA page_count") * database.scalar("PRAGMA page_size")) >> 20


def _bare(path: Path, keys) -> int:
    """Read, parse and index; nothing else.  Returns how many numbers were valid."""
    valid = 0
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for row in rows:
            phone = phones.parse(row[0], "CN")
            if phone is not None:
                keys.blind_index(phone.e164)
                valid += 1
    return valid
