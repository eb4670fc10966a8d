"""A dossier as plain data, as one page to print, and as a zip with its files."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from core import clock
from core.db import database
from core.security import audit
from core.sending.dossiers import files, needs, store
from core.sending.dossiers.standing import HOLDS, Dossier, File, Paper

if TYPE_CHECKING:
    from core.runtime import Runtime


def brief(found: Dossier) -> dict[str, Any]:
    """The line of a list."""
    held = [one for one in found.papers if one.asked and one.need.required]
    return {
        "id": found.id, "company": found.company, "countries": list(found.countries),
        "accounts": [name for _id, name, _provider in found.accounts], "verdict": found.verdict.word,
        "until": found.verdict.until or None,
        "required": len(held), "in_force": sum(one.state in HOLDS for one in held),
        "next_expiry": min((one.expires for one in found.papers if one.expires and one.state in HOLDS), default=None),
    }  # fmt: skip


def whole(found: Dossier, who: str = "") -> dict[str, Any]:
    """All data of a dossier with its file list and history, in the language in use."""
    verdict = found.verdict
    return brief(found) | {
        "made_at": iso(clock.now_ms()),
        "made_by": who,
        "note": "An engineering summary of what is usually asked for, not legal advice.",
        "judgement": {
            "was": verdict.was or None, "note": verdict.note, "until": verdict.until or None,
            "by": verdict.by or None, "at": iso(verdict.at), "fell": verdict.why or None, "fell_with": list(verdict.papers),
        },
        "papers": [_paper(one) for one in found.papers],
        "history": [event | {"at": iso(event["at"])} for event in store.events(found.id, most=5000)],
    }  # fmt: skip


def _paper(one: Paper) -> dict[str, Any]:
    texts = {name: getattr(one, name) for name in ("number", "issuer", "holder", "issued", "expires", "note")}
    return needs.as_dict(one.need) | texts | {
        "state": one.state, "asked": one.asked, "days_left": one.left, "register": where(one),
        "checked_by": one.checked_by or None, "checked_at": iso(one.checked_at),
        "files": [_file(one, n, file) for n, file in enumerate(one.files, 1)],
    }  # fmt: skip


def _file(one: Paper, n: int, file: File) -> dict[str, Any]:
    return {
        "id": file.id, "name": file.name, "in_zip": path(one, n, file), "bytes": file.size, "sha256": file.sha256,
        "uploaded_by": file.uploaded_by, "uploaded_at": iso(file.uploaded_at),
    }  # fmt: skip


def where(one: Paper) -> str:
    """Where anybody can check a paper."""
    return one.register or str(one.need.register)


def path(one: Paper, n: int, file: File) -> str:
    """The place of a file in the zip: a folder a paper, names every system can write."""
    name = re.sub(r'[<>:"|?*%]', "_", files.served_as(file.name, file.kind)).lstrip(".")
    return f"{one.need.key.replace('/', '-')}/{n:02d}-{name}"


def pack(
    rt: Runtime, found: Dossier, out: IO[bytes], page: Callable[[dict], str], text: Callable[[dict], str], who: str
) -> None:  # fmt: skip
    """Write the zip: `dossier.html` (made by `page`), `dossier.json` (by `text`) and every file; audited."""
    data = whole(found, who)
    with database.write_tx():
        audit.record(who, "dossier.export", f"dossier:{found.id}", found.company)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
        made.writestr("dossier.html", page(data), zipfile.ZIP_DEFLATED)
        made.writestr("dossier.json", text(data), zipfile.ZIP_DEFLATED)
        for one in found.papers:
            for n, file in enumerate(one.files, 1):
                made.writestr(path(one, n, file), files.read(rt, file.id)[2])


def iso(at: int | None) -> str | None:
    """Epoch ms as an ISO 8601 instant in UTC."""
    return clock.from_ms(at).isoformat(timespec="seconds") if at else None
