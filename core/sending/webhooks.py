"""Calls of providers: checked, stored raw, committed, and only then answered.

One writer thread a process commits what many requests wait for in one transaction (group commit): 5,000
durable calls a second instead of 400.  Inbound texts are few and urgent: each is applied in the transaction
that stores it, so a STOP holds before its call is answered.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import clock
from core.contract.errors import BadResponse, CooeeError, Forged
from core.contract.types import Inbound, Provider, Receipt, WebhookRequest
from core.db import database
from core.db.models import Account
from core.sending import accounts, inbound, inbox

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.webhooks")

#: Answers: (status, content type, body).
Answer = tuple[int, str, str]
UNKNOWN: Answer = (404, "text/plain", "not found")
FORGED: Answer = (403, "text/plain", "forbidden")
LATER: Answer = (503, "text/plain", "try again")

#: A token is looked up again after this long, so that a new or changed account is known.
KNOWN_FOR_S = 5.0
#: Calls that wait for the writer at most; more are told to come again.
MAX_WAITING = 5_000
#: Calls in one commit at most.
MAX_BATCH = 1_000
#: A call that waited this long is told to come again; if it is stored after all, the repeat does no harm.
WAIT_S = 10.0

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
_KIND = re.compile(r"[a-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a token leads."""

    account_id: int
    provider: Provider


class Receiver:
    """Takes calls of providers; one a web process, used by all its threads."""

    def __init__(self, rt: Runtime):
        self._rt = rt
        self._writer = Writer(rt)
        self._known: dict[str, tuple[float, Hook | None]] = {}

    def wants(self, token: str, kind: str) -> bool:
        """Could this be a webhook at all?  Decided before the body is read."""
        return bool(_TOKEN.fullmatch(token) and _KIND.fullmatch(kind))

    def receive(self, token: str, request: WebhookRequest) -> Answer:
        """Check, store, and say what to answer.  Never raises."""
        try:
            hook = self._hook(token)
            if hook is None:
                return UNKNOWN
            hook.provider.verify_webhook(request)
            if request.kind in hook.provider.inbound_kinds:
                database.retry_locked(self._inbound, hook, request)
            elif not self._writer.put((hook.account_id, request.kind, inbox.pack(request))):
                return LATER
            return hook.provider.webhook_reply(request)
        except Forged as error:
            log.warning("webhook of account %s refused: %s", hook.account_id, error)
            return FORGED
        except Exception:
            # Whatever is wrong, the provider keeps the call and comes again; nothing was acknowledged.
            log.exception("webhook could not be stored")
            database.reopen()
            return LATER

    def _hook(self, token: str) -> Hook | None:
        now = clock.monotonic()
        until, hook = self._known.get(token, (0.0, None))
        if now < until:
            return hook
        account = Account.get_or_none(Account.token == token)
        hook = None
        if account is not None:
            hook = Hook(account.id, accounts.open_provider(self._rt, account, connect=False))
        if len(self._known) > 1_000:
            self._known.clear()
        self._known[token] = (now + KNOWN_FOR_S, hook)
        return hook

    def _inbound(self, hook: Hook, request: WebhookRequest) -> None:
        texts, receipts, error = _parsed(hook.provider, request)
        now = clock.now_ms()
        with database.write_tx():
            inbox.store(
                self._rt,
                [(hook.account_id, request.kind, inbox.pack(request))],
                now,
                2 if error else 1,
                error,
            )
            if receipts:
                row = (hook.account_id, inbox.SINK, inbox.pack_receipts(receipts))
                inbox.store(self._rt, [row], now)
            done = inbound.apply(self._rt, hook.account_id, texts)
        if error:
            log.warning("an inbound call of account %s was not understood: %s", hook.account_id, error)
        inbound.announce(self._rt, done)


def _parsed(provider: Provider, request: WebhookRequest) -> tuple[list[Inbound], list[Receipt], str]:
    """Texts, receipts and what was not understood; a bad part does not take the good ones with it."""
    texts: list[Inbound] = []
    receipts: list[Receipt] = []
    try:
        for said in provider.parse_webhook(request):
            (texts if isinstance(said, Inbound) else receipts).append(said)
    except (CooeeError, ValueError, TypeError, KeyError, AttributeError) as error:
        said = str(error) if isinstance(error, BadResponse) else f"{type(error).__name__}: {error}"
        return texts, receipts, said[:500].replace("\x00", "")
    return texts, receipts, ""


class _Ticket:
    """One call that waits for its commit."""

    __slots__ = ("row", "latch", "stored")

    def __init__(self, row: tuple[int, str, bytes]):
        self.row = row
        self.latch = threading.Lock()
        self.latch.acquire()
        self.stored = False


class Writer:
    """The one thread of a process that commits raw calls.  Started by the first call."""

    def __init__(self, rt: Runtime):
        self._rt = rt
        self._waiting: deque[_Ticket] = deque()
        self._some = threading.Semaphore(0)
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._hinted = 0.0

    def put(self, row: tuple[int, str, bytes]) -> bool:
        """True once (account, kind, packed call) is committed; False when it could not be."""
        if len(self._waiting) >= MAX_WAITING:
            return False
        if self._thread is None or not self._thread.is_alive():
            self._begin()
        ticket = _Ticket(row)
        self._waiting.append(ticket)
        self._some.release()
        return ticket.latch.acquire(timeout=WAIT_S) and ticket.stored

    def _begin(self) -> None:
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._some.acquire()
            batch = []
            while self._waiting and len(batch) < MAX_BATCH:
                batch.append(self._waiting.popleft())
            if not batch:
                continue
            stored = self._commit([ticket.row for ticket in batch])
            for ticket in batch:
                ticket.stored = stored
                ticket.latch.release()
            now = clock.monotonic()
            if stored and now - self._hinted > inbox.HINT_S:
                self._hinted = now
                self._rt.enqueue("receipts")

    def _commit(self, rows: list[tuple[int, str, bytes]]) -> bool:
        try:
            database.retry_locked(self._store, rows)
        except Exception:
            # Not acknowledged: the providers come again.
            log.exception("%s calls of providers could not be stored", len(rows))
            database.reopen()
            return False
        return True

    def _store(self, rows: list[tuple[int, str, bytes]]) -> None:
        with database.write_tx():
            inbox.store(self._rt, rows, clock.now_ms())
