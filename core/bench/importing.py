"""`cooee bench import`: a file of customers from the disk into the database, beside bare work on the same file.

The file has about 70 bytes a row: number, name, gender, birthday, city, amount, consent; one number in a
hundred is junk and one in fifty stands twice.  `baseline` is read-validate-encrypt in one plain loop of one
process: csv.reader, then for each row the public functions an import validates with (`phones.parse`,
`kinds`), and `Keys` to encrypt and index the number; no folding, no codes of choices, no notes, no database.
The import itself uses two processes, the reader and the writer: the CPU of both is counted, the peak
memory is the writer's.
"""

from __future__ import annotations

import csv
import random
import resource
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from core.audience import kinds, phones
from core.audience.importing import batch
from core.bench import clocked, figures, throwaway
from core.db import database

_HEADER = ("phone", "name", "gender", "birthday", "city", "spent", "consent")
_CITIES = [f"City {n:03}" for n in range(300)]


def run(n: int) -> dict[str, Any]:
    """Measure an import of `n` rows and a second import of the same file (all unchanged)."""
    with tempfile.TemporaryDirectory(prefix="cooee-bench-") as folder, throwaway() as rt:
        path = Path(folder) / "customers.csv"
        write_file(path, n)
        with clocked() as bare:
            _bare(path, rt.keys)
        options = batch.prepare(rt, path, region="CN", source="bench")
        first = _measured(rt, path, options)
        again = _measured(rt, path, options)
        size = path.stat().st_size
        done = database.query("SELECT created, unchanged, duplicates, rejected FROM import_batch ORDER BY id")
    took, cpu_s = first
    took.cpu_s = cpu_s
    baseline = {
        "what": "csv.reader, validate each cell, encrypt and index the number",
        "seconds": round(bare.seconds, 3),
        "per_second": bare.per_second(n),
        "cpu_us_per_item": round(bare.cpu_s / n * 1e6, 2),
    }
    return figures(
        "import", n, took, baseline, bare.seconds / took.seconds,
        bytes_per_row=round(size / n, 1), created=done[0][0], duplicates=done[0][2], rejected=done[0][3], processes=2,
        again={"seconds": round(again[0].seconds, 3), "per_second": again[0].per_second(n), "unchanged": done[1][1]},
    )  # fmt: skip


def write_file(path: Path, n: int, seed: int = 7) -> None:
    """A made-up customer file of `n` rows; the same seed gives the same file."""
    rng = random.Random(seed)  # noqa: S311
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(_HEADER)
        for at in range(n):
            # One row in fifty repeats the number of one of the 900 rows before.
            person = at - rng.randrange(900) if at % 50 == 1 and at > 900 else at
            number = f"+861{rng.choice((38, 39, 50, 58, 86)) if person == at else 38}{person:08}"
            out.writerow(
                (
                    "12345" if at % 100 == 0 else number, f"Customer {at:08}", "female" if at % 2 else "male",
                    date.fromordinal(715_000 + rng.randrange(18_000)).isoformat(), rng.choice(_CITIES),
                    f"{rng.random() * 900:.2f}", "yes" if at % 3 else "no",
                )
            )  # fmt: skip


def _measured(rt, path: Path, options) -> tuple[Any, float]:
    """Wall clock of an import and the CPU seconds of both its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with clocked() as took:
        batch.run(rt, batch.begin(rt, options, path=path, file_name=path.name, who="bench"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    reader_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, took.cpu_s + reader_s


def _bare(path: Path, keys) -> int:
    """Read, validate, encrypt and index; nothing else.  Returns how many numbers were valid."""
    valid = 0
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for number, name, gender, birthday, city, spent, consent in rows:
            phone = phones.parse(number, "CN")
            if phone is None:
                continue
            _row = (
                keys.seal_number(phone.e164),
                keys.blind_index(phone.e164),
                kinds.clean(name),
                kinds.GENDERS.get(kinds.clean(gender).lower()),
                kinds.convert("date", birthday),
                kinds.convert("choice", city),
                kinds.convert("number", spent),
                kinds.to_bool(consent),
            )
            valid += 1
    return valid
