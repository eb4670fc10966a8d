"""Who did what.  Append-only: triggers refuse to change or delete a row, and a seal over each tells when one was.

The rows of a transaction are written and sealed (`core.db.chain`) as the last thing before its commit: the head of the
chain is then the last lock anybody takes, so writers wait for each other no longer than a commit takes.

A retention rule may remove the oldest rows (`forget`).  Then a row says up to which one, and that row is sealed
like any other; whoever cuts the beginning off without the key cannot write it.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from flask import has_request_context, request

from core import clock
from core.db import chaincheck, database
from core.db import settings as stored
from core.db.chain import Chain, Head

if TYPE_CHECKING:
    from core.config import Settings
    from core.runtime import Runtime
    from core.security.crypto import Keys

log = logging.getLogger("cooee.audit")

COLUMNS = ("id", "at", "who", "action", "object", "detail", "ip")
FILE = "audit.head"
#: The action of rows that say up to which row a rule removed the oldest ones; `object` is that row.
FORGOTTEN = "audit.forgotten"
_VERIFIED = "audit_verified"


def record(who: str, action: str, object: str = "", detail: str = "") -> None:
    """Write one line, inside the caller's `write_tx()` so that the deed and its record stand together.

    `who` is an e-mail, "cli:<user>" or "system"; `action` a word with a dot ("person.role"); `object` what
    it was done to.  Never put secrets or whole phone numbers into `detail`.
    """
    ip = (request.remote_addr or "") if has_request_context() else ""
    database.at_end(_append, (clock.now_ms(), who[:250], action[:250], object[:250], str(detail), ip))


def _append(lines: list[tuple[Any, ...]]) -> None:
    chain: Chain = database.proxy.obj.audit
    rows = [(id_, *line) for id_, line in zip(chain.take_ids(len(lines)), lines, strict=True)]
    database.executemany(
        'INSERT INTO audit (id, "at", who, "action", "object", detail, ip) VALUES (?, ?, ?, ?, ?, ?, ?)', rows
    )
    chain.seal(rows)


def bind(settings: Settings, keys: Keys) -> Chain:
    """Give the database that was just connected the chain its audit rows are sealed with."""
    database.proxy.obj.audit = of(settings, keys)
    return database.proxy.obj.audit


def of(settings: Settings, keys: Keys) -> Chain:
    """The chain of an instance's audit log."""
    return Chain(
        "audit", "audit", COLUMNS, keys.audit, settings.path("journal", FILE), "Row", each=True,
        forgotten=_forgotten,
    )  # fmt: skip


# --- what a rule of ours removes ------------------------------------------------------------------------


def too_old(before: int, most: int | None = None) -> tuple[int, int]:
    """(how many of the oldest rows are from before this instant, up to which id); at most `most` of them.

    Only a beginning goes: rows behind the first that stays do, too, so that the chain begins at one place.
    """
    stays = database.scalar('SELECT MIN(id) FROM audit WHERE "at" >= ?', (before,)) or (1 << 62)
    limit = f" LIMIT {int(most)}" if most else ""
    n, upto = database.one(
        f"SELECT COUNT(*), MAX(id) FROM (SELECT id FROM audit WHERE id < ? ORDER BY id{limit}) AS old",
        (stays,),
    )
    return n, upto or 0


def forget(upto: int, n: int) -> None:
    """Record that a rule removes the `n` rows up to this id, inside the `write_tx` that does; holds the chain first,
    because what guards the table is taken off under a lock of its own."""
    database.proxy.obj.audit.lock()
    record("system", FORGOTTEN, str(upto), f"{n} rows")


def _forgotten() -> int:
    rows = database.query('SELECT id, "object" FROM audit WHERE "action" = ?', (FORGOTTEN,))
    return max((int(upto) for id_, upto in rows if upto.isdecimal() and int(upto) < id_), default=0)


# --- checking -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verified:
    """The last walk along the chain: when (epoch ms), by whom, how many rows, what is wrong and the first bad row."""

    at: int
    by: str
    rows: int
    broken: str | None = None
    row: int | None = None


def verify(rt: Runtime, by: str, *kept: tuple[int, str]) -> chaincheck.Report:
    """Walk the whole chain and remember the outcome for the page; `by` is who or what asked.

    `kept` are seals (number, hash) somebody wrote down elsewhere.
    """
    report = chaincheck.verify(of(rt.settings, rt.keys), *kept)
    found = Verified(clock.now_ms(), by, report.events, report.broken, report.row)
    stored.put(_VERIFIED, asdict(found))
    return report


def verified() -> Verified | None:
    """The outcome of the last walk, None before the first."""
    kept = stored.get(_VERIFIED)
    return Verified(**kept) if kept else None


def note(rt: Runtime) -> None:
    """Each minute: seal what was there before seals, and note the head in `instance/journal/audit.head` and in the
    server's log, which may go to another machine."""
    if noted := of(rt.settings, rt.keys).settle():
        log.info("the audit log ends with row %s under seal %s", noted.last, spelled(noted))


def spelled(head: Head) -> str:
    """Seal and hash of a head in one word, to be written down elsewhere: "512:3fa9_01bc_…".

    In groups, because a log masks long runs of digits.
    """
    return f"{head.seal}:{'_'.join(wrap(head.hash, 4))}"


def nightly(rt: Runtime) -> None:
    """Once a day: walk the chain; what does not fit is an error in the server's log."""
    if broken := verify(rt, "system").broken:
        log.error("the audit log was changed: %s", broken)
