"""The reader process: a stranger's file is read here, with little memory and little time.

`python -m core.audience.importing.child` reads one request (a JSON line) from standard input and answers on
standard output with length-prefixed marshal values.  It has no database and writes no file.  An import
overlaps reading, typing and encrypting here with writing in the parent.
"""

from __future__ import annotations

import gc
import json
import marshal
import resource
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from core.audience.importing import columns, examining, reading, rows, survey
from core.audience.importing.columns import Column
from core.audience.importing.plan import Plan, too_wide
from core.contract.errors import Refusal
from core.i18n import _, set_language

#: Memory of the process, CPU seconds to look at a file and to import one.
MEMORY_MB = 512
LOOK_CPU_S, IMPORT_CPU_S = 60, 300
#: Rows that decide the kinds of columns; rows shown to people.
SAMPLE_ROWS, SHOWN_ROWS, CHECKED_ROWS = 20_000, 12, 2_000


def serve(ops: Mapping[str, Callable[[dict[str, Any], BinaryIO], None]]) -> None:
    """Answer the one request; exit status 0 also when the file is refused, which is an answer."""
    request = json.loads(sys.stdin.readline())
    set_language(request["language"])
    _limit(LOOK_CPU_S if request["op"] == "look" else IMPORT_CPU_S)
    # Nothing here makes cycles, and looking for some among a million tuples takes a third of the time.
    gc.disable()
    out = sys.stdout.buffer
    try:
        ops[request["op"]](request, out)
    except Refusal as refusal:
        send(out, ("refusal", str(refusal), refusal.field or ""))
    except MemoryError:
        send(
            out,
            (
                "refusal",
                _(
                    "The file needs more than %(mb)s MB of memory to read; save it as CSV or split it.",
                    mb=MEMORY_MB,
                ),
                "",
            ),
        )
    out.flush()


def send(out: BinaryIO, message: tuple) -> None:
    """One message: four bytes of length, then the value."""
    data = marshal.dumps(message)
    out.write(len(data).to_bytes(4, "big"))
    out.write(data)


def _limit(cpu_s: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB << 20, MEMORY_MB << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _look(request: dict[str, Any], out: BinaryIO) -> None:
    """What the file is, its columns with guesses, its first rows and what is wrong with them.

    With "columns" in the request those are taken instead of guessed.
    """
    send(
        out,
        (
            "look",
            look(
                Path(request["path"]),
                request["region"],
                request["known"],
                request.get("map", {}),
                request.get("columns"),
            ),
        ),
    )


def look(
    path: Path, region: str, known: dict[str, str], changes: dict[str, str], given: list[dict] | None = None
) -> dict[str, Any]:
    """See `_look`; `known` are the fields there are (key → kind), `changes` corrections (key → header)."""
    made = reading.sniff(path)
    source = reading.rows(path, made)
    first: list[str] = []
    while not any(first):
        try:
            first = next(source)
        except StopIteration:
            raise Refusal(_("The file is empty.")) from None
    header = columns.has_header(first, region)
    sample = [] if header else [first]
    for row in source:
        if any(row):
            sample.append(row)
        if len(sample) == SAMPLE_ROWS:
            break
    if not sample:
        raise Refusal(_("The file has headers but no rows; nothing would be imported."))
    width = max([len(first), *(len(row) for row in sample[:200])]) if not header else len(first)
    names = first if header else [""] * width
    found = [Column(**c) for c in given] if given else columns.guess(names, sample, known, region)
    found = columns.remap(found, changes, known, sample)
    plan = Plan(reading.Format(**{**made.as_dict(), "header": header}), tuple(found), region)
    return plan.as_dict() | _shown(plan, sample)


def _shown(plan: Plan, sample: list[list[str]]) -> dict[str, Any]:
    """Sample values a column, the first rows with their problems, and how many of the checked rows fail:
    `failing` for their number, `wide` for more cells than headers."""
    values = [
        [
            text
            for text, _n in Counter(
                row[c.index].strip() for row in sample[:500] if c.index < len(row) and row[c.index].strip()
            ).most_common(4)
        ]
        for c in plan.columns
    ]
    result: dict[str, Any] = {
        "values": values,
        "sampled": len(sample),
        "rows": [],
        "checked": 0,
        "failing": 0,
        "wide": 0,
        "problems": {},
    }
    if plan.index_of("phone") is None:
        result["rows"] = [
            {"cells": _padded(row, plan), "reason": "", "bad": [], "wide": False}
            for row in sample[:SHOWN_ROWS]
        ]
        return result
    for count, row in enumerate(sample[:CHECKED_ROWS]):
        row = _padded(row, plan)
        reason, bad = examining.examine(row, plan)
        result["checked"] += 1
        wide = too_wide(row, plan.width)
        result["wide"] += wide
        result["failing"] += bool(reason) and not wide
        for index in bad:
            result["problems"][str(index)] = result["problems"].get(str(index), 0) + 1
        if count < SHOWN_ROWS:
            result["rows"].append({"cells": row, "reason": reason, "bad": bad, "wide": wide})
    return result


def _padded(row: list[str], plan: Plan) -> list[str]:
    return [cell[:80] for cell in row] + [""] * (plan.width - len(row))


def _import(request: dict[str, Any], out: BinaryIO) -> None:
    """Survey, wait for the codes of choices, then send chunk after chunk."""
    from core.security.crypto import load_keys

    path, plan = Path(request["path"]), Plan.from_dict(request["plan"])
    keys = load_keys(Path(request["keys"]))

    def heard(count: int) -> None:
        send(out, ("surveying", count))
        out.flush()

    surveyed = survey.survey(path, plan, heard)
    texts = {key: sorted(bag) for key, bag in surveyed.choices.items()}
    send(out, ("survey", len(surveyed.numbers), texts))
    out.flush()
    codes = json.loads(sys.stdin.readline())
    for chunk in rows.chunks(path, plan, surveyed, codes, keys, request["start"]):
        send(
            out,
            ("chunk", chunk.cursor, chunk.rows, chunk.duplicates, chunk.people, chunk.rejects, chunk.notes),
        )
        out.flush()
    send(out, ("end",))


_OPS = {"look": _look, "import": _import}


def main(ops: Mapping[str, Callable[[dict[str, Any], BinaryIO], None]] = _OPS) -> None:
    """The process: `serve`, until the parent is gone."""
    try:
        serve(ops)
    except BrokenPipeError:
        # The next parent begins again at the committed row.
        sys.exit(1)


if __name__ == "__main__":
    main()
