"""Calls that ask something: polls, look-ups, balances."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from core import clock
from core.contract.errors import ProviderError
from core.db import database
from core.sending.calls import rows, saying

log = logging.getLogger("cooee.calls")


@dataclass(slots=True)
class Asked:
    """What the caller fills in: `n` asked, `answered` of them answered."""

    n: int = 1
    answered: int | None = None


@contextmanager
def asked(provider: Any, account_id: int, kind: str) -> Iterator[Asked]:
    """Log what happens inside as one call; no transaction may be open.  Errors pass on.

    >>> with calls.asked(provider, account.id, "balance"):
    ...     left = provider.balance()
    """
    saying.listen(provider)
    made, at, began = Asked(), clock.now_ms(), clock.monotonic()
    try:
        yield made
    except Exception as error:
        _write(provider, account_id, kind, at, began, made, error)
        raise
    _write(provider, account_id, kind, at, began, made, None)


def _write(
    provider: Any, account_id: int, kind: str, at: int, began: float, made: Asked, error: Exception | None
) -> None:
    ms = round((clock.monotonic() - began) * 1000)
    answered = 0 if error else made.n if made.answered is None else made.answered
    pairs, detail, code, why = saying.heard(provider), None, "", ""
    if error is not None or answered < made.n:
        mask = saying.mask_for(provider)
        detail = orjson.dumps({"exchanges": saying.told(reversed(pairs), mask)}).decode()
        why = saying.sentence(error, mask)
        if error is not None:
            code = type(error).__name__ if isinstance(error, ProviderError) else "provider_error"
    unknown = made.n - answered
    row = rows.Call(
        account_id,
        0,
        kind,
        at,
        ms,
        made.n,
        accepted=answered,
        unknown=unknown,
        code=code,
        error=why,
        detail=detail,
    )
    database.retry_locked(_store, row)


def _store(row: rows.Call) -> None:
    with database.write_tx():
        rows.write([row])
