"""Around every change of a dossier: one at a time, written to its history, and the verdict falls when it must."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _
from core.security import audit
from core.sending.dossiers import standing
from core.sending.dossiers.standing import Dossier


@contextmanager
def changing(dossier_id: int) -> Iterator[Dossier]:
    """A transaction on a dossier as it is; a verdict that fell before or falls with the change is void after it.

    Raises `Refusal` (404).
    """
    with database.write_tx():
        if database.is_postgres():
            database.execute("SELECT id FROM dossier WHERE id = ? FOR UPDATE", (dossier_id,))
        settle(dossier_id)
        yield need(dossier_id)
        settle(dossier_id)


def need(dossier_id: int) -> Dossier:
    """The dossier, or a `Refusal` (404)."""
    found = standing.get(dossier_id)
    if found is None:
        raise Refusal(_("There is no dossier %(id)s.", id=dossier_id), status=404)
    return found


def settle(dossier_id: int) -> bool:
    """Write down that a verdict fell, once; inside `write_tx()`.  A paper that comes back does not bring it back."""
    found = standing.get(dossier_id)
    if found is None or found.verdict.word != "void" or found.verdict.void_at is not None:
        return False
    fall(dossier_id, found.verdict.why, found.verdict.papers)
    return True


def fall(dossier_id: int, why: str, papers: tuple[str, ...] = ()) -> None:
    """Make the verdict void; inside `write_tx()`."""
    said = {"why": why, "papers": list(papers)}
    done = database.execute(
        "UPDATE dossier SET void = ?, void_at = ? WHERE id = ? AND void = '' AND verdict IN ('passed', 'conditions')",
        (json.dumps(said), clock.now_ms(), dossier_id),
    ).rowcount
    if done:
        note(dossier_id, "system", "void", detail=said)


def note(
    dossier_id: int, who: str, what: str, thing: str = "", detail: Mapping[str, Any] | None = None
) -> None:
    """One line of the dossier's history and one of the audit log; inside `write_tx()`."""
    text = json.dumps(dict(detail or {}), ensure_ascii=False)
    database.execute(
        'INSERT INTO dossier_event (dossier_id, "at", who, what, thing, detail) VALUES (?, ?, ?, ?, ?, ?)',
        (dossier_id, clock.now_ms(), who, what, thing, text),
    )
    audit.record(who, f"dossier.{what}", f"dossier:{dossier_id}{' ' + thing if thing else ''}", text)
