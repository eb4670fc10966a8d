"""Looking through the log of calls: pages by key, newest first; one call with what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from core.contract.errors import Refusal
from core.db import database
from core.db.deadline import TooSlow, deadline
from core.i18n import _
from core.redact import hooks
from core.sending.calls.rows import KINDS

PAGE = 50
TIMEOUT_S = 3.0
#: What a call can come to; `failed` is any of the others but ok.
OUTCOMES = {
    "ok": "c.accepted = c.n AND c.error = ''",
    "failed": "(c.accepted < c.n OR c.error <> '')",
    "rejected": "c.rejected > 0",
    "retried": "c.retried > 0",
    "unknown": "c.unknown > 0",
}
_COLUMNS = (
    "c.id, c.account_id, a.name, c.campaign_id, k.name, c.kind, c.at, c.ms, c.n, c.accepted, c.rejected, c.retried, "
    "c.unknown, c.code, c.error"
)
_FROM = "FROM provider_call c LEFT JOIN account a ON a.id = c.account_id LEFT JOIN campaign k ON k.id = c.campaign_id"


class Row(NamedTuple):
    """One call; times in epoch ms."""

    id: int
    account_id: int
    account: str | None
    campaign_id: int
    campaign: str | None
    kind: str
    at: int
    ms: int
    n: int
    accepted: int
    rejected: int
    retried: int
    unknown: int
    code: str
    error: str

    @property
    def outcome(self) -> str:
        """The worst of what happened, as a key of `OUTCOMES`."""
        if self.unknown:
            return "unknown"
        if self.rejected:
            return "rejected"
        return "retried" if self.retried else "failed" if self.error else "ok"


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show; None and '' mean any."""

    account_id: int | None = None
    kind: str = ""
    outcome: str = ""
    code: str = ""
    text: str = ""
    since: int | None = None
    until: int | None = None

    def sql(self) -> tuple[list[str], list[Any]]:
        """Conditions on `provider_call c` and their parameters.  Raises `Refusal` (400)."""
        if self.kind and self.kind not in KINDS:
            raise Refusal(_("“%(kind)s” is no kind of call.", kind=self.kind), field="kind", status=400)
        if self.outcome and self.outcome not in OUTCOMES:
            raise Refusal(_("“%(word)s” is no outcome.", word=self.outcome), field="outcome", status=400)
        pattern = "%" + self.text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        pairs: list[tuple[str, list[Any] | None]] = [
            ("c.account_id = ?", None if self.account_id is None else [self.account_id]),
            ("c.kind = ?", [self.kind] if self.kind else None),
            (OUTCOMES.get(self.outcome, ""), [] if self.outcome else None),
            ("c.code = ?", [self.code] if self.code else None),
            ("c.at >= ?", None if self.since is None else [self.since]),
            ("c.at < ?", None if self.until is None else [self.until]),
            (
                "(LOWER(c.error) LIKE ? ESCAPE '\\' OR LOWER(COALESCE(c.detail, '')) LIKE ? ESCAPE '\\')",
                [pattern, pattern] if self.text else None,
            ),
        ]
        kept = [(sql, values) for sql, values in pairs if values is not None]
        return [sql for sql, _values in kept], [value for _sql, values in kept for value in values]


def page(
    wanted: Filter, *, before: int | None = None, after: int | None = None
) -> tuple[list[Row], bool, bool]:
    """(rows, are there newer ones, are there older ones): those below the id `before`, or above `after`.

    Raises `Refusal` for a search that takes too long.
    """
    conditions, params = wanted.sql()
    edge = after if after is not None else before
    if edge is not None:
        conditions.append(f"c.id {'>' if after is not None else '<'} ?")
        params.append(edge)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "ASC" if after is not None else "DESC"
    try:
        with deadline(TIMEOUT_S):
            found = database.query(
                f"SELECT {_COLUMNS} {_FROM}{where} ORDER BY c.id {order} LIMIT ?", (*params, PAGE + 1)
            )
    except TooSlow:
        raise Refusal(
            _("That search takes too long; choose an account and a day as well."), status=400
        ) from None
    more, rows = len(found) > PAGE, [_row(values) for values in found[:PAGE]]
    if after is not None:
        return rows[::-1], more, True
    return rows, before is not None, more


def get(call_id: int) -> tuple[Row, str | None]:
    """(the call, its detail as stored).  Raises `Refusal` (404)."""
    found = (
        database.one(f"SELECT {_COLUMNS}, c.detail {_FROM} WHERE c.id = ?", (call_id,))
        if 0 < call_id < 1 << 63
        else None
    )
    if found is None:
        raise Refusal(_("There is no call %(id)s; calls are kept for a time only.", id=call_id), status=404)
    return _row(found[:-1]), found[-1] and hooks(found[-1])


def _row(values: Sequence[Any]) -> Row:
    """A row as it is shown; those of older versions may hold the token of a webhook."""
    row = Row(*values)
    return row._replace(error=hooks(row.error)) if "hooks" in row.error else row


def of_message(account_id: int, submitted_at: int | None, limit: int = 5) -> list[Row]:
    """Sends of an account whose window was marked at this instant: where a message went on the wire."""
    if not submitted_at:
        return []
    rows = database.query(
        f"SELECT {_COLUMNS} {_FROM} WHERE c.at = ? AND c.account_id = ? AND c.kind = 'send' ORDER BY c.id LIMIT ?",
        (submitted_at, account_id, limit),
    )
    return [_row(row) for row in rows]
